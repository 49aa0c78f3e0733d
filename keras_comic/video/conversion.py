"""Converts a whole video, in bounded memory, and goes on where it stopped."""

import collections
import contextlib
import errno
from pathlib import Path

import numpy as np

from keras_comic.data.video_reader import VideoError
from keras_comic.provenance.metadata import Provenance
from keras_comic.provenance.watermark import MIN_SIDE as MIN_WATERMARK_SIDE
from keras_comic.provenance.watermark import check_identifier
from keras_comic.provenance.watermark import embed_watermark
from keras_comic.video.frame_sink import RAW
from keras_comic.video.frame_sink import PacketWriter
from keras_comic.video.frame_sink import open_sink
from keras_comic.video.frame_source import FrameSource
from keras_comic.video.frame_source import open_frames
from keras_comic.video.heap import release_free_memory
from keras_comic.video.segments import Segments
from keras_comic.video.sound import Sound

# Frames of a piece that is kept by itself: what is lost, at most, when a
# conversion is interrupted. Bytes of its frames as they are, by whether they
# are encoded without loss: a piece is held in memory.
SEGMENT_FRAMES = 100
SEGMENT_BYTES = {True: 2**28, False: 2**32}
# Of the first pass: every so many frames are looked at, and the first of each
# scene.
FIRST_PASS_STEP = 8
# Networks need sides of as many pixels; smaller frames are continued by their
# last row and column, and cut again.
MIN_SIDE = 32
PARTS_SUFFIX = ".parts"

Conversion = collections.namedtuple(
    "Conversion",
    ["output", "num_frames", "num_resumed", "sound", "share", "problem"],
)


def convert_video(
    source,
    output,
    stylizer,
    compare=False,
    resume=False,
    overwrite=False,
    sound=True,
    codec=None,
    codec_options=None,
    key=None,
    progress=None,
    provenance=True,
    watermark=None,
):
    """Stylises a video from its first to its last frame.

    Frames are read, stylised and encoded one at a time: memory does not grow
    with the length. Work is kept in pieces of up to 100 frames in the folder
    `OUTPUT.parts`, each with the stylizer's state at its end; with `resume`,
    an interrupted conversion goes on behind the last whole piece, to the same
    frames. The output appears when it is whole, and then the folder is
    deleted. Pieces are joined without encoding them again.

    Frames keep their times. The sound of a video file is copied as it is, or
    converted where the output's format does not hold it; other streams are
    left out. Frames smaller than 32 pixels are continued to it for the
    stylizer, and cut again.

    A source that breaks off is converted up to there, with its sound, and
    `problem` says so.

    Args:
        source: String, path or binary file object, see `open_frames`, or a
            `FrameSource`.
        output: String or path, see `open_sink`: a video file, an animation,
            a folder, or `"-"` for raw frames to the standard output.
        stylizer: `FrameStylizer`. It is reset before the first frame. If it
            needs a first pass, it is shown every eighth frame of the source,
            and the first of each scene.
        compare: Boolean. Whether to write source and result side by side.
            Defaults to `False`.
        resume: Boolean. Whether to go on with unfinished work, if there is
            any. Defaults to `False`.
        overwrite: Boolean. Whether an output that is there already is
            replaced. Defaults to `False`.
        sound: Boolean. Whether to carry the sound over. Defaults to `True`.
        codec: As in `open_sink`. Defaults to `None`.
        codec_options: As in `open_sink`. Defaults to `None`.
        key: Dict for JSON, or `None`. What the stylizer was made of (preset,
            style, options): unfinished work with another key is refused.
            Defaults to `None`.
        progress: Callable or `None`. Called after each frame with the number
            of frames done and the number of all, or `None` where that is not
            known. Defaults to `None`.
        provenance: Boolean, or `keras_comic.provenance.Provenance`. Whether
            the video says what the stylizer knows of how it was made
            (`VideoStylizer` knows the preset); or what it says. Defaults to
            `True`.
        watermark: Integer in `[0, 2**32 - 1]` or `None`. An identifier that
            is hidden in every frame, see
            `keras_comic.provenance.embed_watermark`; what stands still does
            so no more to the bit. Below about 480 rows, a codec may leave it
            in key frames only. Defaults to `None`.

    Returns:
        Named tuple `Conversion`: `output`, the path, or `"-"`; `num_frames`,
        the number of frames that were converted; `num_resumed`, how many of
        them an earlier run had done; `sound`, a list of strings, what was
        done to each stream of sound; `share`, float, the mean share of the
        area that the stylizer made anew in this run, or `None`; `problem`, a
        string if only a part of the source could be read, else `None`.

    Raises:
        FileExistsError: If the output is there already.
        FileNotFoundError: If there is no such source.
        ImportError: If PyAV, OpenCV or PySceneDetect is needed and is not
            installed.
        OSError: If the disk is full; what is done is kept.
        ValueError: If arguments do not fit each other, or there is
            unfinished work of something else. A `keras_comic.data.VideoError`
            if not one frame can be read, or the source changes meanwhile.

    Example:

    >>> class Negative(keras_comic.video.FrameStylizer):
    ...     def stylize(self, frame, starts_scene=False):
    ...         return 255 - frame
    >>> frames = np.zeros((3, 32, 32, 3), "uint8")
    >>> keras_comic.video.write_frames(frames, "black.webp", frame_rate=10)
    3
    >>> done = keras_comic.video.convert_video(
    ...     "black.webp", "white.webp", Negative()
    ... )
    >>> done.num_frames, done.problem
    (3, None)
    """
    if isinstance(source, FrameSource):
        frames = source
    else:
        frames = open_frames(source)
    is_raw = output == RAW
    if not is_raw:
        output = Path(output)
        _check_output(output, frames, overwrite)
    if resume and (is_raw or not frames.is_repeatable):
        raise ValueError(
            "Raw frames and cameras cannot be gone on with. "
            f"Received: resume={resume}"
        )
    if stylizer.needs_first_pass and not frames.is_repeatable:
        raise ValueError(
            "The stylizer looks at the whole video first, which raw frames "
            "and cameras do not allow; save them as a file, or take another "
            f"stylizer. Received: {type(stylizer).__name__}"
        )
    if watermark is not None:
        _check_watermark(watermark, frames)
    sink = open_sink(
        output,
        (frames.width * (2 if compare else 1), frames.height),
        frames.frame_rate,
        frames.time_base,
        codec,
        codec_options,
        frames.loop,
        _said(stylizer, provenance),
    )
    stylizer.reset()
    run = _Run(frames, stylizer, sink, compare, progress, watermark)
    if is_raw:
        run.write(output)
        return run.result(output, 0, [])

    folder = output.with_name(output.name + PARTS_SUFFIX)
    kept = Segments(
        folder,
        {
            "source": frames.identity(),
            "output": sink.description(),
            "stylizer": type(stylizer).__name__,
            "compare": compare,
            "key": key,
            **({} if watermark is None else {"watermark": int(watermark)}),
        },
        resume,
    )
    num_resumed = kept.num_frames
    with _disk_errors(kept):
        if kept.has_state():
            stylizer.set_state(kept.state())
        elif stylizer.needs_first_pass:
            stylizer.prepare(_first_pass(frames))
            kept.keep_prepared(stylizer.get_state())
        run.keep(kept)
        has_sound = sound and sink.keeps_sound and frames.has_sound
        track = Sound(frames.path, run.cut) if has_sound else None
        _replace(output, overwrite)
        _join(kept, sink, output, track, run.end)
        kept.remove()
    return run.result(output, num_resumed, track.report if track else [])


class _Run:
    """Frames on their way through the stylizer and the encoder."""

    def __init__(self, frames, stylizer, sink, compare, progress, watermark):
        self.frames = frames
        self.stylizer = stylizer
        self.sink = sink
        self.compare = compare
        self.progress = progress
        self.watermark = watermark
        self.problem = None
        self.count = 0
        self.shares = 0.0
        self.first = 0
        self.size = (frames.width * (2 if compare else 1), frames.height)
        # Of the piece that is not yet whole.
        self.last = self.encoder = None
        self.packets, self.taken = [], 0

    @property
    def end(self):
        """The end of the last frame, seconds."""
        return self.frames.end_time

    @property
    def cut(self):
        """Where the sound ends before its own end, seconds, or `None`."""
        is_cut = self.problem or self.frames.is_cut
        return self.frames.end_time if is_cut else None

    def write(self, output):
        """Encodes straight into a file."""
        encoder = self.sink.make_encoder()
        with self.sink.open(output) as file, self._ended_by_user():
            for frame, image in self._images(0):
                self.last = self.sink.place(frame.time, self.last)
                starts = frame.starts_scene
                for packet in encoder.encode(image, self.last, starts):
                    file.add(packet, 1)

    def keep(self, kept):
        """Encodes into pieces that are kept."""
        self.last = kept.last
        with self._ended_by_user():
            for frame, image in self._images(kept.num_frames):
                if self.encoder is None:
                    self.encoder = self.sink.make_encoder()
                ticks = self.sink.place(frame.time, self.last)
                if ticks is not None:
                    self.packets += self.encoder.encode(
                        image, ticks, frame.starts_scene
                    )
                    self.last = ticks
                self.taken += 1
                if self.taken >= piece_frames(self.size, self.sink):
                    self._end_piece(kept)
        if self.encoder is not None:
            self._end_piece(kept)

    def _end_piece(self, kept):
        self.packets += self.encoder.finish()
        state = self.stylizer.get_state()
        kept.add(self.packets, self.taken, self.last, state)
        self.encoder, self.packets, self.taken = None, [], 0
        release_free_memory()

    @contextlib.contextmanager
    def _ended_by_user(self):
        """Lets an interruption be the end of a camera's video."""
        try:
            yield
        except KeyboardInterrupt:
            if not (self.frames.is_live and self.count):
                raise

    def _images(self, start):
        """Yields frames with what is written for them."""
        self.first = self.count = start
        size = (self.frames.width, self.frames.height)
        try:
            for frame in self.frames.read(start):
                comic = stylize_frame(self.stylizer, frame)
                if comic.shape != frame.image.shape:
                    raise ValueError(
                        f"`{type(self.stylizer).__name__}` must return frames "
                        f"of {size[0]} x {size[1]} pixels. "
                        f"Received: shape={comic.shape}"
                    )
                if self.watermark is not None:
                    comic = embed_watermark(comic, self.watermark)
                self.shares += float(self.stylizer.last_share)
                if self.compare:
                    comic = np.concatenate([frame.image, comic], axis=1)
                yield frame, comic
                self.count += 1
                if self.progress is not None:
                    total = self.frames.num_frames
                    self.progress(self.count, total and max(total, self.count))
        except VideoError as error:
            if error.reason == "changed" or not self.count:
                raise
            self.problem = str(error)

    def result(self, output, num_resumed, sound):
        """What `convert_video` returns."""
        done = self.count - self.first
        return Conversion(
            output,
            self.count,
            num_resumed,
            sound,
            self.shares / done if done else None,
            self.problem,
        )


def piece_frames(size, sink):
    """How many frames are kept together."""
    limit = SEGMENT_BYTES[sink.is_lossless] // (3 * size[0] * size[1])
    return max(1, min(SEGMENT_FRAMES, limit))


def stylize_frame(stylizer, frame):
    """Stylises a frame, however small."""
    image = enlarge(frame.image)
    comic = stylizer.stylize(image, starts_scene=frame.starts_scene)
    if image is frame.image:
        return comic
    return comic[: frame.image.shape[0], : frame.image.shape[1]]


def enlarge(image):
    """Continues a small picture by its last row and column."""
    more = [max(0, MIN_SIDE - side) for side in image.shape[:2]]
    if not any(more):
        return image
    return np.pad(image, ((0, more[0]), (0, more[1]), (0, 0)), "edge")


def _first_pass(frames):
    """Some of the frames, up to where they can be read."""
    count = 0
    try:
        for frame in frames.read(every=FIRST_PASS_STEP):
            yield frame._replace(image=enlarge(frame.image))
            count += 1
    except VideoError as error:
        if error.reason == "changed" or not count:
            raise


def _said(stylizer, provenance):
    """What the video says of how it was made."""
    if provenance is True:
        return stylizer.provenance
    if provenance in (False, None) or isinstance(provenance, Provenance):
        return provenance or None
    raise TypeError(
        "`provenance` must be a boolean or a "
        f"`keras_comic.provenance.Provenance`. Received: {provenance!r}"
    )


def _check_watermark(watermark, frames):
    check_identifier(watermark)
    if min(frames.width, frames.height) < MIN_WATERMARK_SIDE:
        raise ValueError(
            "Frames must have sides of at least "
            f"{MIN_WATERMARK_SIDE} pixels for a watermark. "
            f"Received: {frames.width} x {frames.height} pixels"
        )


def _check_output(output, frames, overwrite):
    is_folder = output.is_dir()
    if output.exists() and not overwrite:
        if not is_folder or any(output.iterdir()):
            raise FileExistsError(
                "The output is there already; `overwrite=True` replaces it. "
                f"Received: output={output}"
            )
    if frames.path is None or not output.exists():
        return
    if output.samefile(frames.path):
        raise ValueError(
            "The output must be another file or folder than the source. "
            f"Received: output={output}"
        )


def _replace(output, overwrite):
    """Makes room for a folder, of frames that an earlier run wrote."""
    if not (overwrite and output.is_dir()):
        return
    for path in output.iterdir():
        if path.suffix not in (".png", ".ffconcat"):
            raise ValueError(
                "The folder holds other files than frames, and is not "
                f"replaced. Received: output={output}, with {path.name}"
            )
    for path in output.iterdir():
        path.unlink()


def _join(kept, sink, output, sound, end):
    with sink.open(output, sound) as file:
        writer = PacketWriter(file)
        for packets in kept.pieces():
            for ticks in sorted(packet.pts for packet in packets):
                writer.show(ticks)
            writer.add(packets)
        writer.finish(sink.end(end, kept.last))


@contextlib.contextmanager
def _disk_errors(kept):
    """Says, when the disk is full, that what is done is kept."""
    try:
        yield
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise OSError(
            errno.ENOSPC,
            f"The disk is full. {kept.num_frames} frames are kept in "
            f"{kept.folder}; make room and go on by `resume=True`",
        ) from error
