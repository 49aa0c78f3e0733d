"""Writes frames as video files, animations, folders of images or raw bytes.

A sink makes encoders, which turn frames into packets, and opens files, which
put packets together: a video can be encoded in pieces, at several times, and
joined without encoding it again.
"""

import collections
import contextlib
import io
import os
import sys
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from keras_comic.data.video_frame import MAX_HEIGHT_OF_BT601
from keras_comic.data.video_library import import_video_library
from keras_comic.provenance.metadata import animation_block
from keras_comic.provenance.metadata import append_provenance
from keras_comic.provenance.metadata import png_chunk
from keras_comic.video.animation_encoders import GifEncoder
from keras_comic.video.animation_encoders import GifFile
from keras_comic.video.animation_encoders import PngEncoder
from keras_comic.video.animation_encoders import PngFile
from keras_comic.video.animation_encoders import WebPEncoder
from keras_comic.video.animation_encoders import WebPFile
from keras_comic.video.packet import Packet

RAW = "-"


class Container(NamedTuple):
    """FFmpeg's name of a file format, the codec, and whether all frames last
    equally long in it."""

    name: str
    codec: str
    constant_rate: bool = False


CONTAINERS = {
    ".avi": Container("avi", "mpeg4", True),
    ".flv": Container("flv", "libx264"),
    ".m2ts": Container("mpegts", "libx264"),
    ".m4v": Container("mp4", "libx264"),
    ".mkv": Container("matroska", "libx264"),
    ".mov": Container("mov", "libx264"),
    ".mp4": Container("mp4", "libx264"),
    ".mpeg": Container("mpeg", "mpeg2video", True),
    ".mpg": Container("mpeg", "mpeg2video", True),
    ".mts": Container("mpegts", "libx264"),
    ".ts": Container("mpegts", "libx264"),
    ".webm": Container("webm", "libvpx-vp9"),
    ".wmv": Container("asf", "wmv2", True),
}
# Of codecs, FFmpeg's options: a little below what can be told from the
# source by eye.
CODEC_OPTIONS = {
    "ffv1": {"level": "3", "slicecrc": "1"},
    "libsvtav1": {"crf": "24", "preset": "8", "svtav1-params": "enable-tf=0"},
    "libvpx-vp9": {
        "crf": "24",
        "b": "0",
        "row-mt": "1",
        "cpu-used": "4",
        "deadline": "good",
        "threads": "4",
    },
    "libx264": {"crf": "18", "preset": "fast"},
    "libx265": {
        "crf": "20",
        "preset": "fast",
        "x265-params": "log-level=none",
    },
    # A fixed quantizer of 3, in the units of FFmpeg's library.
    "mpeg2video": {"flags": "+qscale", "global_quality": "354"},
    "mpeg4": {"flags": "+qscale", "global_quality": "354"},
    "wmv2": {"flags": "+qscale", "global_quality": "354"},
}
PIXEL_FORMATS = ("yuv420p", "bgr0", "rgb24", "yuv422p10le", "yuvj420p")
# The same packets give the same file.
CONTAINER_OPTIONS = {"fflags": "+bitexact"}
CONTAINER_OPTIONS_OF = {
    name: {"movflags": "+faststart"} for name in ("mov", "mp4")
}
# The quality of WebP, of 100.
ANIMATION_OPTIONS = {
    ".apng": {"compress_level": 6},
    ".gif": {},
    ".png": {"compress_level": 6},
    ".webp": {"quality": 90, "method": 4},
}
# Containers that hold XMP; others have a comment.
CONTAINERS_WITH_XMP = ("mov", "mp4")
ANIMATION_NAMES = {".gif": "GIF", ".webp": "WEBP"}
# Signature and first chunk of a PNG file, bytes.
PNG_HEAD = 33
# Frames that follow more closely than this make browsers slow down.
GIF_TICKS = 2
WEB_TICKS = 11
IMAGE_NAME = "frame_{:06d}.png"
TIMES_NAME = "frames.ffconcat"

LOSSLESS_CODECS = ("ffv1", "huffyuv", "libx264rgb", "png", "prores_ks")
# Codecs that do not say how colours are meant, so that players guess.
UNTAGGED_CODECS = ("mpeg4", "msmpeg4v3", "wmv1", "wmv2")

_BT709 = 1
# FFmpeg's number of the matrix of BT.601, and that of its scaler.
_BT601 = 6
_SCALER_BT601 = 5
_LIMITED_RANGE = 1
# Of swscale: bicubic; full chroma in and out, accurate rounding, the same on
# every CPU.
_INTERPOLATION = 0x4 | 0x2000 | 0x4000 | 0x40000 | 0x80000
# What MPEG-4 and its kin can count in.
_MAX_RATE_NUMERATOR = 65535


def open_sink(
    output,
    size,
    frame_rate,
    time_base=None,
    codec=None,
    codec_options=None,
    loop=0,
    provenance=None,
):
    """Says how frames are written, by the name of what they are written to.

    - `.mp4`, `.m4v`, `.mov`, `.mkv`, `.ts`, `.mts`, `.m2ts`, `.flv`: H.264 of
      constant quality (crf 18), 4:2:0; `.webm`: VP9 (crf 24); `.avi`:
      MPEG-4; `.mpg`, `.mpeg`: MPEG-2; `.wmv`: WMV 2. Colours are those of
      BT.709, and said to be; AVI and WMV cannot say it, so that up to 576
      rows they get those of BT.601, which players take them for. Frames keep
      their times, but for AVI, MPEG and WMV, which hold frames at a constant
      rate from the start. Odd sides are made even by repeating the last row
      or column (not for VP9 and lossless codecs).
    - `.gif`: a palette for each scene. At most 50 frames a second; what
      comes more closely is left out, as browsers would slow it down.
    - `.webp` (quality 90) and `.png` or `.apng` (without loss): animations in
      full colour, of at most 90 frames a second.
    - a name without a suffix, or a folder: PNG files `frame_000000.png`, ...,
      and `frames.ffconcat`, which tells FFmpeg the times.
    - `"-"`: raw frames to the standard output, RGB, row by row.

    Args:
        output: String or path, as above.
        size: Pair of integers `(width, height)`, pixels.
        frame_rate: Number > 0, mean frames per second.
        time_base: Fraction of a second or `None`. Times are its multiples.
            Defaults to `None`, the inverse of the rate.
        codec: String or `None`. FFmpeg's name of another encoder, such as
            `"libx265"` or `"ffv1"`, for video files. Defaults to `None`.
        codec_options: Dict or `None`. FFmpeg's options of the encoder, such
            as `{"crf": "23"}`, or Pillow's options of WebP and PNG; they go
            over the defaults. Defaults to `None`.
        loop: Integer. How often an animation is shown, `0` is for ever.
            Defaults to `0`.
        provenance: `keras_comic.provenance.Provenance` or `None`. What files
            say of how they were made: in a comment of video files, and as XMP
            in MP4, QuickTime, animations and PNG files. Defaults to `None`,
            nothing.

    Returns:
        A sink, for `write_frames` and `convert_video`.

    Raises:
        ImportError: If PyAV is needed and is not installed.
        ValueError: If the name or the codec is none of these.
    """
    if output == RAW:
        if codec or codec_options:
            raise ValueError(
                f"Raw frames have no codec. Received: codec={codec}, "
                f"codec_options={codec_options}"
            )
        return RawSink(frame_rate)
    sink = _open_file_sink(
        Path(output), size, frame_rate, time_base, codec, codec_options, loop
    )
    sink.provenance = provenance
    return sink


def _open_file_sink(
    output, size, frame_rate, time_base, codec, codec_options, loop
):
    suffix = output.suffix.lower()
    rate = Fraction(frame_rate).limit_denominator(100_000)
    time_base = time_base or 1 / rate
    options = dict(codec_options or {})
    if suffix in CONTAINERS and not output.is_dir():
        return VideoSink(
            CONTAINERS[suffix], size, rate, time_base, codec, options
        )
    if codec:
        raise ValueError(
            f"`codec` is for video files. Received: codec={codec}, "
            f"output={output}"
        )
    if suffix in ANIMATION_OPTIONS and not output.is_dir():
        options = {**ANIMATION_OPTIONS[suffix], **options}
        if suffix == ".gif" and options:
            raise ValueError(
                f"GIF has no options. Received: codec_options={options}"
            )
        return AnimationSink(suffix, size, options, loop)
    if suffix and not output.is_dir():
        known = sorted([*CONTAINERS, *ANIMATION_OPTIONS])
        raise ValueError(
            f"`output` must end in one of {', '.join(known)}, or be a folder. "
            f"Received: output={output}"
        )
    return FolderSink(time_base, {"compress_level": 4, **options})


def write_frames(frames, output, frame_rate=None, **options):
    """Writes frames to a file.

    Args:
        frames: Iterable of arrays uint8 `(height, width, 3)`, RGB in
            `[0, 255]`, all of the same size, or of tuples `Frame`, whose
            times are kept.
        output: String or path, see `open_sink`. The file is written beside
            its name, and renamed when it is whole.
        frame_rate: Number > 0, frames per second, or `None`, the default, for
            the rate of a `FrameSource`.
        **options: `time_base`, `codec`, `codec_options`, `loop` and
            `provenance` of `open_sink`.

    Returns:
        Integer, the number of frames that were written.

    Raises:
        ValueError: If there is no frame or no rate, or a frame is not as
            above.

    Example:

    >>> frames = np.zeros((3, 32, 32, 3), "uint8")
    >>> keras_comic.video.write_frames(frames, "black.webp", frame_rate=10)
    3
    """
    if frame_rate is None:
        frame_rate = getattr(frames, "frame_rate", None)
        options.setdefault("time_base", getattr(frames, "time_base", None))
        options.setdefault("loop", getattr(frames, "loop", 0))
    if frame_rate is None:
        raise ValueError(
            "`frame_rate` must be a positive number, as `frames` have none of "
            "their own. Received: frame_rate=None"
        )
    sink, last, time, size, count = None, None, 0.0, None, 0
    with contextlib.ExitStack() as stack:
        for number, frame in enumerate(frames):
            if hasattr(frame, "image"):
                image, time, starts = frame.image, frame.time, frame[3]
            else:
                image, time, starts = frame, number / float(frame_rate), False
            image = check_image(image, size)
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


class PacketWriter:
    """Hands packets to a file, each when it is known how long it is shown.

    Args:
        file: What a sink opens.
    """

    def __init__(self, file):
        self.file = file
        self.last = None
        self.follows = {}
        self.waiting = collections.deque()

    def show(self, ticks):
        """Tells when a frame is shown, in the order in which they are.

        Args:
            ticks: Integer.
        """
        if self.last is not None:
            self.follows[self.last] = ticks
        self.last = ticks

    def add(self, packets):
        """Writes packets, in the order in which they are decoded.

        Args:
            packets: List of `Packet`.
        """
        self.waiting.extend(packets)
        while self.waiting and self.waiting[0].pts in self.follows:
            packet = self.waiting.popleft()
            duration = self.follows.pop(packet.pts) - packet.pts
            self.file.add(packet, duration)

    def finish(self, end):
        """Writes what waits for the end.

        Args:
            end: Integer, when the last frame ends, ticks.
        """
        self.show(end)
        self.add([])


def check_image(image, size=None):
    """Raises an error if something cannot be written.

    Args:
        image: Anything.
        size: `(width, height)` that it must have, or `None`.

    Returns:
        Contiguous uint8 array `(height, width, 3)`.

    Raises:
        ValueError: If type or shape are others.
    """
    image = np.ascontiguousarray(image)
    if image.dtype != "uint8" or image.ndim != 3 or image.shape[-1] != 3:
        raise ValueError(
            "A frame must be uint8, (height, width, 3). Received: "
            f"dtype={image.dtype}, shape={image.shape}"
        )
    if size is not None and image.shape[1::-1] != tuple(size):
        raise ValueError(
            "All frames must have the same size, "
            f"{size[0]} x {size[1]} pixels. Received: shape={image.shape}"
        )
    return image


class Sink:
    """What the sinks share: times in ticks of their time base.

    Args:
        time_base: Fraction of a second, a tick.
        min_ticks: Integer. Frames lie at least so many apart. Defaults to
            `1`.
        drops: Boolean. Whether a frame that comes too early is left out;
            else it is shown later. Defaults to `False`.
    """

    # What files say of how they were made; packets do not depend on it.
    provenance = None

    def __init__(self, time_base, min_ticks=1, drops=False):
        self.time_base = Fraction(time_base)
        self.min_ticks = min_ticks
        self.drops = drops

    def place(self, time, last):
        """When a frame is shown.

        Args:
            time: Float, seconds.
            last: Integer, ticks of the frame before, or `None`.

        Returns:
            Integer, ticks, or `None` if it is left out.
        """
        ticks = round(time / self.time_base)
        if last is None or ticks >= last + self.min_ticks:
            return ticks
        # Half the distance is near enough to be a matter of rounding.
        if self.drops and 2 * (ticks - last) < self.min_ticks:
            return None
        return last + self.min_ticks

    def end(self, time, last):
        """When the last frame ends.

        Args:
            time: Float, seconds.
            last: Integer, ticks of the last frame.

        Returns:
            Integer, ticks.
        """
        return max(round(time / self.time_base), last + 1)

    def description(self):
        """What the packets depend on.

        Returns:
            Dict of strings and numbers.
        """
        found = {"sink": type(self).__name__, "time_base": str(self.time_base)}
        for name in ("codec", "options", "size", "suffix", "rate"):
            if hasattr(self, name):
                found[name] = str(getattr(self, name))
        return found


class VideoSink(Sink):
    """Video files, by PyAV.

    Args:
        container: `Container`.
        size: Pair of integers `(width, height)`, pixels.
        rate: Fraction, frames per second.
        time_base: Fraction of a second.
        codec: String, FFmpeg's name of an encoder, or `None`, the default
            one of the container.
        options: Dict of strings that go over the default ones.

    Raises:
        ValueError: If FFmpeg has no such encoder here, or the container does
            not hold it.
    """

    keeps_sound = True

    @property
    def is_lossless(self):
        """Whether frames take about as much memory as they are."""
        return self.codec in LOSSLESS_CODECS

    def __init__(self, container, size, rate, time_base, codec, options):
        if container.constant_rate:
            rate = rate.limit_denominator(1001)
            if rate.numerator > _MAX_RATE_NUMERATOR:
                rate = Fraction(round(rate))
            time_base = 1 / rate
        super().__init__(time_base, drops=container.constant_rate)
        self.container = container
        self.size = tuple(size)
        self.rate = rate
        self.codec = codec or container.codec
        defaults = dict(CODEC_OPTIONS.get(self.codec, {}))
        if self.codec == "libx264" and -(-self.size[0] // 16) % 8:
            # On AVX-512 it reads memory that nothing has been written to
            # when rows are no multiple of 128 pixels: the same frames would
            # not give the same file.
            defaults["mbtree"] = "0"
        self.options = {
            **defaults,
            **{name: str(value) for name, value in options.items()},
        }
        self.pixel_format = self._choose_pixel_format()
        # Four pixels share a colour, and most encoders want them whole.
        even = self.pixel_format.startswith("yuv4") and "vp" not in self.codec
        self.padded = tuple(s + s % 2 if even else s for s in self.size)
        self.is_bt601 = (
            self.codec in UNTAGGED_CODECS
            and self.padded[1] <= MAX_HEIGHT_OF_BT601
        )
        # Errors come before the work.
        self.make_encoder().close()

    def place(self, time, last):
        """When a frame is shown, see `Sink`.

        Args:
            time: Float, seconds.
            last: Integer, ticks of the frame before, or `None`.

        Returns:
            Integer, ticks, or `None` if it is left out.
        """
        if last is None and self.container.constant_rate:
            # These begin with a frame, whenever it comes.
            return 0
        return super().place(time, last)

    def _choose_pixel_format(self):
        av = import_video_library("av")
        try:
            codec = av.codec.Codec(self.codec, "w")
        except av.codec.codec.UnknownCodecError as error:
            raise ValueError(
                "FFmpeg has no such encoder here; name another one by "
                f"`codec`. Received: codec={self.codec}"
            ) from error
        offered = [found.name for found in codec.video_formats or ()]
        if self.codec == "ffv1":
            return "bgr0"
        for name in PIXEL_FORMATS:
            if name in offered or not offered:
                return name
        return offered[0]

    def make_encoder(self):
        """Begins a piece that can be decoded by itself.

        Returns:
            `VideoEncoder`.
        """
        return VideoEncoder(self)

    def add_stream(self, container):
        """Adds the video stream to a file.

        Args:
            container: `av.container.OutputContainer`.

        Returns:
            `av.VideoStream`.
        """
        av = import_video_library("av")
        try:
            stream = container.add_stream(
                self.codec, rate=self.rate, options=self.options
            )
            context = stream.codec_context
            context.width, context.height = self.padded
            context.pix_fmt = self.pixel_format
            context.time_base = self.time_base
            context.framerate = self.rate
            if self.pixel_format.startswith("yuv"):
                context.color_primaries = _BT709
                context.color_trc = _BT709
                context.colorspace = _BT601 if self.is_bt601 else _BT709
                context.color_range = _LIMITED_RANGE
            if self.codec == "libx265" and self.container.name in (
                "mov",
                "mp4",
            ):
                context.codec_tag = "hvc1"
            context.open(strict=False)
        except (av.FFmpegError, ValueError) as error:
            raise ValueError(
                f"A {self.container.name} file of {self.size[0]} x "
                f"{self.size[1]} pixels cannot be encoded with this codec "
                f"({error}). Received: codec={self.codec}, "
                f"options={self.options}, frame_rate={self.rate}"
            ) from error
        return stream

    def open(self, path, sound=None):
        """Opens a file to put packets into.

        Args:
            path: String or path. The file appears there when it is closed.
            sound: `Sound` or `None`, the default.

        Returns:
            `VideoFile`, a context manager.
        """
        return VideoFile(self, Path(path), sound)


class VideoEncoder:
    """Encodes a piece of a video.

    Args:
        sink: `VideoSink`.
    """

    def __init__(self, sink):
        av = import_video_library("av")
        self.sink = sink
        # Never written to; it sets what the container asks of the encoder.
        self.container = av.open(io.BytesIO(), "w", sink.container.name)
        self.stream = sink.add_stream(self.container)

    def encode(self, image, pts, starts_scene=False):
        """Encodes a frame.

        Args:
            image: Uint8 array `(height, width, 3)`.
            pts: Integer, ticks.
            starts_scene: Boolean. Defaults to `False`; encoders see for
                themselves.

        Returns:
            List of `Packet`, of this and of frames before.
        """
        av = import_video_library("av")
        width, height = self.sink.padded
        more = (height - image.shape[0], width - image.shape[1])
        if any(more):
            image = np.pad(image, ((0, more[0]), (0, more[1]), (0, 0)), "edge")
        frame = av.VideoFrame.from_ndarray(
            np.ascontiguousarray(image), "rgb24"
        ).reformat(
            format=self.sink.pixel_format,
            dst_colorspace=_SCALER_BT601 if self.sink.is_bt601 else _BT709,
            dst_color_range=_LIMITED_RANGE,
            interpolation=_INTERPOLATION,
        )
        frame.pts, frame.time_base = pts, self.sink.time_base
        return self._packets(frame)

    def finish(self):
        """Ends the piece, and frees what the encoder held.

        Returns:
            List of the packets that are left.
        """
        packets = self._packets(None)
        self.close()
        return packets

    def close(self):
        """Frees what the encoder holds, without waiting for the collector."""
        self.container.close()
        self.container = self.stream = None

    def _packets(self, frame):
        return [
            Packet(bytes(packet), packet.pts, packet.dts, packet.is_keyframe)
            for packet in self.stream.encode(frame)
        ]


class OutputFile:
    """A file that takes its name when it is whole.

    Args:
        path: Path.
    """

    def __init__(self, path):
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self.partial = path.with_name(f".partial.{path.name}")

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        try:
            self.close(whole=kind is None)
            if kind is None:
                os.replace(self.partial, self.path)
        finally:
            if self.partial.exists():
                self.partial.unlink()


class VideoFile(OutputFile):
    """A video file, with its sound.

    Args:
        sink: `VideoSink`.
        path: Path.
        sound: `Sound` or `None`.
    """

    def __init__(self, sink, path, sound):
        super().__init__(path)
        av = import_video_library("av")
        self.time_base = sink.time_base
        self.last = None
        name = sink.container.name
        self.container = av.open(
            f"file:{os.path.abspath(self.partial)}",
            "w",
            name,
            container_options={
                **CONTAINER_OPTIONS,
                **CONTAINER_OPTIONS_OF.get(name, {}),
            },
        )
        self.stream = sink.add_stream(self.container)
        self.provenance = sink.provenance
        self.has_xmp = name in CONTAINERS_WITH_XMP
        if self.provenance is not None:
            self.container.metadata["comment"] = self.provenance.to_text()
        self.sound = sound and sound.copy_to(self.container, name)

    def add(self, packet, duration):
        """Adds a frame, and the sound before it.

        Args:
            packet: `Packet`.
            duration: Integer, ticks.
        """
        av = import_video_library("av")
        # Pieces that reorder frames begin to be decoded earlier than they
        # are shown.
        dts = packet.dts
        if self.last is not None:
            dts = max(dts, self.last + 1)
        self.last = dts
        if self.sound is not None:
            self.sound.write_until(float(dts * self.time_base))
        found = av.Packet(packet.data)
        found.pts, found.dts = packet.pts, dts
        found.time_base = self.time_base
        found.duration = duration
        found.is_keyframe = packet.is_key
        found.stream = self.stream
        self.container.mux_one(found)

    def close(self, whole=True):
        """Writes the rest.

        Args:
            whole: Boolean. Whether the file is kept. Defaults to `True`.
        """
        if whole and self.sound is not None:
            self.sound.write_until(None)
        self.container.close()
        if whole and self.has_xmp and self.provenance is not None:
            with open(self.partial, "r+b") as file:
                append_provenance(file, self.provenance)


class AnimationSink(Sink):
    """GIF, WebP and APNG.

    Args:
        suffix: String, of the file.
        size: Pair of integers `(width, height)`, pixels.
        options: Dict, Pillow's.
        loop: Integer.

    Raises:
        ValueError: If the format cannot hold the size.
    """

    keeps_sound = False
    is_lossless = True

    def __init__(self, suffix, size, options, loop):
        is_gif = suffix == ".gif"
        super().__init__(
            Fraction(1, 100 if is_gif else 1000),
            GIF_TICKS if is_gif else WEB_TICKS,
            drops=True,
        )
        self.suffix, self.size = suffix, tuple(size)
        self.options, self.loop = options, loop
        longest = {".gif": 65535, ".webp": 16383}.get(suffix, 2**31 - 1)
        if max(size) > longest:
            raise ValueError(
                f"A {suffix} file has sides of at most {longest} pixels. "
                f"Received: size={size}"
            )

    def make_encoder(self):
        """Begins a piece that can be decoded by itself.

        Returns:
            An encoder.
        """
        if self.suffix == ".gif":
            return GifEncoder()
        if self.suffix == ".webp":
            return WebPEncoder(self.options)
        return PngEncoder(self.options)

    def open(self, path, sound=None):
        """Opens a file to put packets into.

        Args:
            path: String or path. The file appears there when it is closed.
            sound: Not used.

        Returns:
            A context manager with `add` and `close`.
        """
        return AnimationFile(self, Path(path))


class AnimationFile(OutputFile):
    """An animated picture.

    Args:
        sink: `AnimationSink`.
        path: Path.
    """

    def __init__(self, sink, path):
        super().__init__(path)
        self.file = open(self.partial, "wb")
        kind = {".gif": GifFile, ".webp": WebPFile}.get(sink.suffix, PngFile)
        metadata = b""
        if sink.provenance is not None:
            name = ANIMATION_NAMES.get(sink.suffix, "PNG")
            metadata = animation_block(sink.provenance, name)
        self.writer = kind(self.file, *sink.size, sink.loop, metadata)

    def add(self, packet, duration):
        """Adds a frame.

        Args:
            packet: `Packet`.
            duration: Integer, ticks.
        """
        self.writer.add(packet, duration)

    def close(self, whole=True):
        """Writes the rest.

        Args:
            whole: Boolean. Whether the file is kept. Defaults to `True`.
        """
        with self.file:
            if whole:
                self.writer.close()


class FolderSink(Sink):
    """Folders of PNG files.

    Args:
        time_base: Fraction of a second.
        options: Dict, Pillow's.
    """

    keeps_sound = False
    is_lossless = True

    def __init__(self, time_base, options):
        super().__init__(time_base)
        self.options = options

    def make_encoder(self):
        """Begins a piece.

        Returns:
            The sink itself, as frames do not depend on each other.
        """
        return self

    def encode(self, image, pts, starts_scene=False):
        """Encodes a frame.

        Args:
            image: Uint8 array `(height, width, 3)`.
            pts: Integer, ticks.
            starts_scene: Boolean. Defaults to `False`.

        Returns:
            List of one `Packet`: a PNG file.
        """
        file = io.BytesIO()
        Image.fromarray(image).save(file, "PNG", **self.options)
        return [Packet(file.getvalue(), pts, pts, True)]

    def finish(self):
        """Ends the piece.

        Returns:
            List of the packets that are left: none.
        """
        return []

    def open(self, path, sound=None):
        """Opens a folder to put packets into.

        Args:
            path: String or path. The folder appears there when it is whole.
            sound: Not used.

        Returns:
            `ImageFolder`, a context manager.
        """
        return ImageFolder(Path(path), self.time_base, self.provenance)


class ImageFolder:
    """A folder of PNG files that takes its name when it is whole.

    Args:
        path: Path. It must not exist, or be an empty folder.
        time_base: Fraction of a second.
        provenance: `Provenance` or `None`. Defaults to `None`.
    """

    def __init__(self, path, time_base, provenance=None):
        self.path, self.time_base = path, time_base
        self.metadata = b"" if provenance is None else png_chunk(provenance)
        self.partial = path.with_name(f".partial.{path.name}")
        if self.partial.exists():
            self._remove_partial()
        self.partial.mkdir(parents=True)
        self.times = ["ffconcat version 1.0"]
        self.count = 0

    def __enter__(self):
        return self

    def add(self, packet, duration):
        """Adds a frame.

        Args:
            packet: `Packet`.
            duration: Integer, ticks.
        """
        name = IMAGE_NAME.format(self.count)
        head, rest = packet.data[:PNG_HEAD], packet.data[PNG_HEAD:]
        (self.partial / name).write_bytes(head + self.metadata + rest)
        seconds = float(duration * self.time_base)
        self.times += [f"file {name}", f"duration {seconds:.6f}"]
        self.count += 1

    def __exit__(self, kind, error, traceback):
        if kind is None:
            text = "\n".join(self.times) + "\n"
            (self.partial / TIMES_NAME).write_text(text, encoding="utf-8")
            if self.path.is_dir():
                self.path.rmdir()
            os.replace(self.partial, self.path)
        else:
            self._remove_partial()

    def _remove_partial(self):
        for path in self.partial.iterdir():
            path.unlink()
        self.partial.rmdir()


class RawSink(Sink):
    """Raw frames to the standard output; times are not written.

    Args:
        frame_rate: Number > 0, frames per second.
    """

    keeps_sound = False

    def __init__(self, frame_rate):
        super().__init__(1 / Fraction(frame_rate))

    def make_encoder(self):
        """Begins a piece.

        Returns:
            The sink itself.
        """
        return self

    def encode(self, image, pts, starts_scene=False):
        """Takes a frame as it is.

        Args:
            image: Uint8 array `(height, width, 3)`.
            pts: Integer, ticks.
            starts_scene: Boolean. Defaults to `False`.

        Returns:
            List of one `Packet`.
        """
        return [Packet(image.tobytes(), pts, pts, True)]

    def finish(self):
        """Ends the piece.

        Returns:
            List of the packets that are left: none.
        """
        return []

    def open(self, path, sound=None):
        """Begins to write.

        Args:
            path: Not used.
            sound: Not used.

        Returns:
            `RawFile`, a context manager.
        """
        return RawFile(sys.stdout.buffer)


class RawFile:
    """Writes raw frames.

    Args:
        file: Binary file object.
    """

    def __init__(self, file):
        self.file = file

    def __enter__(self):
        return self

    def add(self, packet, duration):
        """Writes a frame, at once.

        Args:
            packet: `Packet`.
            duration: Integer, ticks.
        """
        self.file.write(packet.data)
        self.file.flush()

    def __exit__(self, kind, error, traceback):
        self.file.flush()
