"""Writes frames as video files, animations or folders of images."""

import contextlib
from fractions import Fraction
from pathlib import Path

from keras_comic.video.animation_sink import ANIMATIONS
from keras_comic.video.animation_sink import AnimationSink
from keras_comic.video.frame_stylizer import FrameStylizer
from keras_comic.video.sink import FolderSink
from keras_comic.video.sink import PacketWriter
from keras_comic.video.video_sink import CONTAINERS
from keras_comic.video.video_sink import VideoSink


def open_sink(
    output,
    size,
    frame_rate,
    time_base=None,
    codec=None,
    loop=0,
    provenance=None,
):
    """Chooses how frames are written, see `write_frames`."""
    rate = Fraction(frame_rate).limit_denominator(100_000)
    suffix = Path(output).suffix.lower()
    if Path(output).is_dir():
        suffix = ""
    if codec and suffix not in CONTAINERS:
        raise ValueError(
            f"`codec` is for video files. Received: codec={codec}, "
            f"output={output}"
        )
    if suffix in CONTAINERS:
        base = time_base or 1 / rate
        sink = VideoSink(suffix, size, rate, base, codec)
    elif suffix in ANIMATIONS:
        sink = AnimationSink(suffix, size, loop)
    elif suffix:
        raise ValueError(
            "`output` must end in one of "
            f"{', '.join(sorted([*CONTAINERS, *ANIMATIONS]))}, or be a folder. "
            f"Received: output={output}"
        )
    else:
        sink = FolderSink(time_base or 1 / rate)
    sink.provenance = provenance
    return sink


def write_frames(frames, output, frame_rate=None, **options):
    """Writes frames to a file, whose name says how.

    - `.mp4`, `.m4v`, `.mov`, `.mkv`, `.ts`, `.mts`, `.m2ts`: H.264 of constant
      quality (crf 18), 4:2:0, whose odd sides are made even by repeating the
      last row or column; `.webm`: VP9 (crf 24). Frames keep their times.
    - `.gif`: one palette for all frames. At most 50 frames a second; closer
      ones are left out, as browsers would slow them down.
    - `.webp` (quality 90) and `.png` or `.apng` (without loss): animations in
      full colour, of at most 90 frames a second. In WebP, equal frames that
      follow each other become one that is shown longer.
    - a name without a suffix, or a folder: PNG files `frame_000000.png`, ...,
      and `frames.ffconcat`, which tells FFmpeg the times.

    Args:
        frames: Iterable of arrays uint8 `(height, width, 3)`, RGB in
            `[0, 255]`, all of the same size, or of tuples `Frame`, whose
            times are kept.
        output: String or path. The file is written beside its name, and
            renamed when it is whole.
        frame_rate: Number > 0, frames per second, or `None`, the default, for
            the rate of a `FrameSource`.
        **options: `time_base` (fraction of a second, of which times are
            multiples), `codec` (FFmpeg's name of another encoder: `"ffv1"`
            loses nothing), `loop` (how often an animation is shown, `0` is
            for ever) and `provenance`.

    Returns:
        Integer, the number of frames that were written.

    Example:

    >>> frames = np.zeros((3, 32, 32, 3), "uint8")
    >>> keras_comic.video.write_frames(frames, "black.webp", frame_rate=10)
    3
    """
    if frame_rate is None:
        frame_rate = getattr(frames, "frame_rate", None)
        if frame_rate is None:
            raise ValueError(
                "`frame_rate` must be given for bare frames. Received: "
                "frame_rate=None"
            )
        options.setdefault("time_base", frames.time_base)
        options.setdefault("loop", frames.loop)
    sink = last = size = None
    count = 0
    with contextlib.ExitStack() as stack:
        for number, frame in enumerate(frames):
            if hasattr(frame, "image"):
                image, time, starts = frame.image, frame.time, frame[3]
            else:
                image, time, starts = frame, number / float(frame_rate), False
            image = FrameStylizer.check_frame(image)
            if size is not None and image.shape[1::-1] != size:
                raise ValueError(
                    "All frames must have the same size, "
                    f"{size[0]} x {size[1]} pixels. "
                    f"Received: shape={image.shape}"
                )
            if sink is None:
                size = image.shape[1::-1]
                sink = open_sink(output, size, frame_rate, **options)
                encoder = sink.make_encoder()
                writer = PacketWriter(stack.enter_context(sink.open(output)))
            ticks = sink.place(time, last)
            if ticks is not None:
                writer.show(ticks)
                writer.add(encoder.encode(image, ticks, starts))
                last, count = ticks, count + 1
        if sink is None:
            raise ValueError("There is no frame to write. Received: frames=[]")
        writer.add(encoder.finish())
        end = getattr(frames, "end_time", None) or time + 1 / float(frame_rate)
        writer.finish(sink.end(end, last))
    return count
