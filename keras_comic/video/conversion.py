"""Converts a whole video, in bounded memory, and goes on where it stopped."""

import contextlib
import errno
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np

from keras_comic.data.paths import only_run
from keras_comic.data.paths import work_name
from keras_comic.data.video_reader import VideoError
from keras_comic.provenance.watermark import MIN_SIDE as MIN_WATERMARK_SIDE
from keras_comic.provenance.watermark import check_identifier
from keras_comic.provenance.watermark import embed_watermark
from keras_comic.video.frame_sink import open_sink
from keras_comic.video.frame_source import RAW
from keras_comic.video.frame_source import FrameSource
from keras_comic.video.frame_source import open_frames
from keras_comic.video.pieces import Pieces
from keras_comic.video.sink import PacketWriter
from keras_comic.video.tracks import Tracks

# Frames of a piece that is kept by itself: the most that an interruption
# loses. A piece is held in memory: bytes of its raw frames at most, encoded
# without loss, and with loss.
PIECE_FRAMES = 100
PIECE_BYTES = {True: 2**28, False: 2**32}
# The first pass looks at every so many frames, and at the first of each scene.
FIRST_PASS_STEP = 8
PARTS_SUFFIX, LOCK_SUFFIX = ".parts", ".lock"


class Conversion(NamedTuple):
    """The outcome of `convert_video`."""

    output: Path | str
    num_frames: int
    num_resumed: int
    tracks: list
    share: float | None
    problem: str | None


def convert_video(
    source,
    output,
    stylizer,
    compare=False,
    resume=False,
    overwrite=False,
    sound=True,
    progress=None,
):
    """Stylises a video from its first to its last frame.

    Memory does not grow with the length. Work is kept in pieces of up to 100
    frames in the folder `OUTPUT.parts`, each with the stylizer's state at its
    end; with `resume`, an interrupted conversion goes on behind the last whole
    piece, to the same frames. The output appears when it is whole. Frames keep
    their times. Sound and subtitles of a video file, with their languages,
    its titles, chapters and attachments are copied as they are, or converted
    where the output's format does not hold them; what it cannot hold, and the
    place where the film was made, is left out and named.

    Args:
        source: String, path or binary file object, see `open_frames`, or a
            `FrameSource`.
        output: String or path, see `write_frames`: a video file, an animation,
            a folder, or `"-"` for raw frames to the standard output.
        stylizer: `FrameStylizer`. It is reset before the first frame. If it
            needs a first pass, it is shown every eighth frame, and the first
            of each scene. Its `provenance` and `watermark` go into the output.
        compare: Boolean. Writes source and result side by side. Defaults to
            `False`.
        resume: Boolean. Goes on with unfinished work. Defaults to `False`.
        overwrite: Boolean. Replaces an output. Defaults to `False`.
        sound: Boolean. Carries the sound over. Defaults to `True`.
        progress: Callable or `None`. Called after each frame with the number
            of frames done and that of all, `None` if unknown. Defaults to
            `None`.

    Returns:
        Named tuple: `output`; `num_frames`, how many were converted;
        `num_resumed`, how many of them an earlier run had done; `tracks`, a
        list of strings, one for each stream that was carried over and one for
        all that was left out; `share`, the mean share of the
        area that was drawn anew in this run, or `None`; and `problem`, a
        string if only a part of the source could be read, else `None`.

    Raises:
        FileExistsError: If the output is there already.
        OSError: If the disk is full; what is done is kept.
        ValueError: If arguments do not fit each other, or there is
            unfinished work of something else. A `keras_comic.data.VideoError`
            if not one frame can be read, or the source changes meanwhile.

    Example:

    >>> class Negative(keras_comic.video.FrameStylizer):
    ...     def stylize(self, frame, starts_scene=False):
    ...         return 255 - frame
    >>> frames = np.zeros((3, 32, 32, 3), "uint8")
    >>> keras_comic.video.write_frames(frames, "black.png", frame_rate=10)
    3
    >>> keras_comic.video.convert_video(
    ...     "black.png", "white.png", Negative()).num_frames
    3
    """
    frames = source if isinstance(source, FrameSource) else open_frames(source)
    is_raw = output == RAW
    if not is_raw:
        output = Path(output)
        _check_output(output, frames, overwrite)
    _check_source(frames, stylizer, resume, is_raw)
    stylizer.reset()
    run = _Run(frames, stylizer, compare, progress)
    if is_raw:
        run.write(sys.stdout.buffer)
        return run.result(output, 0, [])
    run.sink = open_sink(
        output,
        (frames.width * (2 if compare else 1), frames.height),
        frames.frame_rate,
        frames.time_base,
        loop=frames.loop,
        provenance=stylizer.provenance,
    )
    output.parent.mkdir(parents=True, exist_ok=True)
    lock = output.with_name(work_name(output.name, LOCK_SUFFIX))
    busy = f"Another run is writing this video. Received: output={output}"
    with only_run(lock, busy):
        # A run that has just ended may have written it.
        _check_output(output, frames, overwrite)
        return run.convert(output, resume, overwrite, sound)


class _Run:
    """Frames on their way through the stylizer and the encoder."""

    def __init__(self, frames, stylizer, compare, progress):
        self.frames = frames
        self.stylizer = stylizer
        self.sink = None
        self.compare = compare
        self.progress = progress
        self.problem = None
        self.first = self.count = 0
        self.shares = 0.0

    def key(self):
        """Returns what tells this work from other unfinished work."""
        return {
            "source": self.frames.identity(),
            "output": self.sink.description(),
            "stylizer": type(self.stylizer).__name__,
            "key": self.stylizer.describe(),
            "compare": self.compare,
            "watermark": self.stylizer.watermark,
        }

    @property
    def sound_end(self):
        """The time at which the sound is cut, seconds, or `None`."""
        is_cut = self.problem or self.frames.is_cut
        return self.frames.end_time if is_cut else None

    def write(self, file):
        """Writes raw frames, each at once."""
        with self._ended_by_user():
            for _, image in self._images(0):
                file.write(image.tobytes())
                file.flush()

    def convert(self, output, resume, overwrite, sound):
        """Keeps pieces, and joins them; returns the outcome."""
        folder = output.with_name(work_name(output.name, PARTS_SUFFIX))
        pieces = Pieces(folder, self.key(), resume)
        num_resumed, tracks = pieces.num_frames, None
        with _disk_errors(pieces):
            if pieces.has_state():
                self.stylizer.set_state(pieces.state())
            elif self.stylizer.needs_first_pass:
                self.stylizer.prepare(_first_pass(self.frames))
                pieces.keep_prepared(self.stylizer.get_state())
            self.keep(pieces)
            if self.frames.has_tracks:
                tracks = Tracks(self.frames.path, self.sound_end, sound)
            _make_room(output, overwrite)
            with self.sink.open(output, tracks) as file:
                writer = PacketWriter(file)
                for packets in pieces:
                    for ticks in sorted(packet.pts for packet in packets):
                        writer.show(ticks)
                    writer.add(packets)
                end = self.sink.end(self.frames.end_time, pieces.last)
                writer.finish(end)
            if tracks and not self.sink.keeps_tracks:
                tracks.finish()
            pieces.remove()
        return self.result(output, num_resumed, tracks.report if tracks else [])

    def keep(self, pieces):
        """Encodes into pieces that are kept."""
        pixels = self.frames.width * self.frames.height
        pixels *= 2 if self.compare else 1
        limit = PIECE_BYTES[self.sink.is_lossless] // (3 * pixels)
        limit = max(1, min(PIECE_FRAMES, limit))
        encoder, packets, size, last = None, [], 0, pieces.last

        def end_piece():
            packets.extend(encoder.finish())
            pieces.add(packets, size, last, self.stylizer.get_state())

        with self._ended_by_user():
            for frame, image in self._images(pieces.num_frames):
                if encoder is None:
                    encoder, packets, size = self.sink.make_encoder(), [], 0
                ticks = self.sink.place(frame.time, last)
                if ticks is not None:
                    packets += encoder.encode(image, ticks, frame.starts_scene)
                    last = ticks
                size += 1
                if size == limit:
                    end_piece()
                    encoder = None
        if encoder is not None:
            end_piece()

    @contextlib.contextmanager
    def _ended_by_user(self):
        """Lets an interruption be the end of a camera's video."""
        try:
            yield
        except KeyboardInterrupt:
            if not (self.frames.is_live and self.count):
                raise

    def _images(self, start):
        """Yields frames with the pictures that are written for them."""
        self.first = self.count = start
        stylizer, total = self.stylizer, self.frames.num_frames
        try:
            for frame in self.frames.read(start):
                comic = stylizer.stylize(frame.image, frame.starts_scene)
                if comic.shape != frame.image.shape:
                    raise ValueError(
                        f"`{type(stylizer).__name__}` must return frames of "
                        "the size that it is given. Received: "
                        f"shape={comic.shape}, for {frame.image.shape}"
                    )
                self.shares += float(stylizer.last_share)
                if stylizer.watermark is not None:
                    comic = embed_watermark(comic, stylizer.watermark)
                if self.compare:
                    comic = np.concatenate([frame.image, comic], axis=1)
                yield frame, comic
                self.count += 1
                if self.progress is not None:
                    self.progress(self.count, total and max(total, self.count))
            if self.progress is not None and total != self.count:
                # The number was an estimate.
                self.progress(self.count, self.count)
        except VideoError as error:
            if error.reason == "changed" or not self.count:
                raise
            self.problem = str(error)

    def result(self, output, num_resumed, tracks):
        """Returns the outcome."""
        done = self.count - self.first
        share = self.shares / done if done else None
        return Conversion(
            output, self.count, num_resumed, tracks, share, self.problem
        )


def _first_pass(frames):
    """Yields some of the frames, up to where they can be read."""
    count = 0
    try:
        for frame in frames.read(every=FIRST_PASS_STEP):
            yield frame
            count += 1
    except VideoError as error:
        if error.reason == "changed" or not count:
            raise


def _check_source(frames, stylizer, resume, is_raw):
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
    if stylizer.watermark is not None:
        check_identifier(stylizer.watermark)
        if min(frames.width, frames.height) < MIN_WATERMARK_SIDE:
            raise ValueError(
                "Frames must have sides of at least "
                f"{MIN_WATERMARK_SIDE} pixels for a watermark. "
                f"Received: {frames.width} x {frames.height} pixels"
            )


def _check_output(output, frames, overwrite):
    if not output.exists():
        return
    is_full = not output.is_dir() or any(output.iterdir())
    if is_full and not overwrite:
        raise FileExistsError(
            "The output is there already; `overwrite=True` replaces it. "
            f"Received: output={output}"
        )
    if frames.path is not None and output.samefile(frames.path):
        raise ValueError(
            "The output must be another file or folder than the source. "
            f"Received: output={output}"
        )


def _make_room(output, overwrite):
    """Empties a folder of frames that an earlier run wrote."""
    if not (overwrite and output.is_dir()):
        return
    paths = list(output.iterdir())
    for path in paths:
        if path.suffix not in (".png", ".ffconcat"):
            raise ValueError(
                "The folder holds other files than frames, and is not "
                f"replaced. Received: output={output}, with {path.name}"
            )
    for path in paths:
        path.unlink()


@contextlib.contextmanager
def _disk_errors(pieces):
    """Says, when the disk is full, that the finished pieces are kept."""
    try:
        yield
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise OSError(
            errno.ENOSPC,
            f"The disk is full. {pieces.num_frames} frames are kept in "
            f"{pieces.folder}; make room and go on by `resume=True`",
        ) from error
