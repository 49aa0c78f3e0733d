"""Writes frames as video files, by PyAV."""

import io
import os

import numpy as np

from keras_comic.data.video_library import import_video_library
from keras_comic.video.sink import Packet
from keras_comic.video.sink import Sink

# Suffix: FFmpeg's name of the container, and the codec.
CONTAINERS = {
    ".m2ts": ("mpegts", "libx264"),
    ".m4v": ("mp4", "libx264"),
    ".mkv": ("matroska", "libx264"),
    ".mov": ("mov", "libx264"),
    ".mp4": ("mp4", "libx264"),
    ".mts": ("mpegts", "libx264"),
    ".ts": ("mpegts", "libx264"),
    ".webm": ("webm", "libvpx-vp9"),
}
# FFmpeg's options of a quality at which the eye hardly sees a difference.
CODEC_OPTIONS = {
    "ffv1": {"level": "3", "slicecrc": "1"},
    "libvpx-vp9": {
        "crf": "24",
        "b": "0",
        "row-mt": "1",
        "cpu-used": "4",
        "deadline": "good",
        "threads": "4",
    },
    "libx264": {"crf": "18", "preset": "fast"},
}
# The same packets give the same file.
CONTAINER_OPTIONS = {"fflags": "+bitexact"}
CONTAINER_OPTIONS_OF = {
    name: {"movflags": "+faststart"} for name in ("mov", "mp4")
}
_BT709 = 1
_LIMITED_RANGE = 1
# Flags of swscale: bicubic; full chroma in and out, accurate rounding, the
# same on every CPU.
_INTERPOLATION = 0x4 | 0x2000 | 0x4000 | 0x40000 | 0x80000


class VideoSink(Sink):
    """Video files, by PyAV."""

    keeps_tracks = True
    is_lossless = False

    def __init__(self, suffix, size, rate, time_base, codec=None):
        super().__init__(time_base)
        self.container, default_codec = CONTAINERS[suffix]
        self.size = tuple(size)
        self.rate = rate
        self.codec = codec or default_codec
        self.options = dict(CODEC_OPTIONS.get(self.codec, {}))
        if self.codec == "libx264" and -(-self.size[0] // 16) % 8:
            # On AVX-512 it reads memory that nothing has been written to
            # when rows are no multiple of 128 pixels: the same frames would
            # not give the same file.
            self.options["mbtree"] = "0"
        self.pixel_format = "bgr0" if self.codec == "ffv1" else "yuv420p"
        # Four pixels share a colour, and most encoders want them whole.
        even = self.pixel_format != "bgr0" and "vp" not in self.codec
        self.padded = tuple(s + s % 2 if even else s for s in self.size)
        # Errors come before the work.
        self.make_encoder().close()

    def make_encoder(self):
        return VideoEncoder(self)

    def add_stream(self, container):
        """Adds the video stream to a file."""
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
                context.colorspace = _BT709
                context.color_range = _LIMITED_RANGE
            context.open(strict=False)
        except (av.FFmpegError, ValueError) as error:
            raise ValueError(
                f"A {self.container} file of {self.size[0]} x "
                f"{self.size[1]} pixels cannot be encoded with this codec "
                f"({error}). Received: codec={self.codec}, "
                f"frame_rate={self.rate}"
            ) from error
        return stream

    def make_file(self, path, tracks):
        return VideoFile(self, path, tracks)


class VideoEncoder:
    """Encodes a piece of a video."""

    def __init__(self, sink):
        av = import_video_library("av")
        self.sink = sink
        # Never written to; it sets what the container asks of the encoder.
        self.container = av.open(io.BytesIO(), "w", sink.container)
        self.stream = sink.add_stream(self.container)

    def encode(self, image, pts, starts_scene=False):
        """Encodes a frame."""
        av = import_video_library("av")
        width, height = self.sink.padded
        more = (height - image.shape[0], width - image.shape[1])
        if any(more):
            image = np.pad(image, ((0, more[0]), (0, more[1]), (0, 0)), "edge")
        frame = av.VideoFrame.from_ndarray(
            np.ascontiguousarray(image), "rgb24"
        ).reformat(
            format=self.sink.pixel_format,
            dst_colorspace=_BT709,
            dst_color_range=_LIMITED_RANGE,
            interpolation=_INTERPOLATION,
        )
        frame.pts, frame.time_base = pts, self.sink.time_base
        return self._packets(frame)

    def finish(self):
        """Ends the piece, and frees what the encoder held."""
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


class VideoFile:
    """A video file, with its sound and all that lies beside frames."""

    def __init__(self, sink, path, tracks):
        av = import_video_library("av")
        self.time_base = sink.time_base
        self.last = None
        name = sink.container
        self.container = av.open(
            f"file:{os.path.abspath(path)}",
            "w",
            name,
            container_options={
                **CONTAINER_OPTIONS,
                **CONTAINER_OPTIONS_OF.get(name, {}),
            },
        )
        self.stream = sink.add_stream(self.container)
        self.tracks, self.path = tracks, path
        if tracks is not None:
            tracks.begin(self.container, name, self.stream)
        if sink.provenance is not None:
            self.container.metadata["comment"] = sink.provenance.to_text()

    def add(self, packet, duration):
        """Adds a frame, and what of the tracks comes before it."""
        av = import_video_library("av")
        # Pieces that reorder frames begin to be decoded earlier than they
        # are shown.
        dts = packet.dts
        if self.last is not None:
            dts = max(dts, self.last + 1)
        self.last = dts
        if self.tracks is not None:
            self.tracks.write_until(float(dts * self.time_base))
        frame = av.Packet(packet.data)
        frame.pts, frame.dts = packet.pts, dts
        frame.time_base = self.time_base
        frame.duration = duration
        frame.is_keyframe = packet.is_key
        frame.stream = self.stream
        self.container.mux_one(frame)

    def close(self, is_whole):
        """Writes the rest."""
        if is_whole and self.tracks is not None:
            self.tracks.write_until(None)
        self.container.close()
        if self.tracks is not None and is_whole:
            self.tracks.finish(self.path)
        elif self.tracks is not None:
            self.tracks.source.close()
