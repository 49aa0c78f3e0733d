"""Writes frames as GIF, WebP and APNG, with FFmpeg's encoders."""

import io
import os
import tempfile
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from PIL import Image

from keras_comic.data.video_library import import_video_library
from keras_comic.provenance.metadata import animation_block
from keras_comic.video.sink import PNG_HEAD
from keras_comic.video.sink import Packet
from keras_comic.video.sink import Sink
from keras_comic.video.sink import to_png


class Animation(NamedTuple):
    """A format: FFmpeg's names and options, and its limits."""

    container: str
    codec: str
    pixel_format: str
    options: dict
    loop_option: str
    ticks_per_second: int
    # Frames that follow more closely than this make browsers slow down.
    min_ticks: int
    max_side: int


_PNG = Animation(
    "apng", "apng", "rgb24", {"pred": "mixed"}, "plays", 1000, 11, 2**31 - 1
)
ANIMATIONS = {
    ".apng": _PNG,
    ".gif": Animation("gif", "gif", "pal8", {}, "loop", 100, 2, 65535),
    ".png": _PNG,
    ".webp": Animation(
        "webp",
        "libwebp_anim",
        "bgra",
        {"quality": "90", "compression_level": "4"},
        "loop",
        1000,
        11,
        16383,
    ),
}
# A palette of all frames; a pattern that stands still where the frames do.
PALETTE_MAKER = ("palettegen", "reserve_transparent=1")
PALETTE_USER = ("paletteuse", "dither=bayer:bayer_scale=3:diff_mode=rectangle")


class AnimationSink(Sink):
    """Animations; packets are PNG files until the whole is encoded."""

    def __init__(self, suffix, size, loop):
        self.format = ANIMATIONS[suffix]
        super().__init__(
            Fraction(1, self.format.ticks_per_second),
            self.format.min_ticks,
        )
        if max(size) > self.format.max_side:
            raise ValueError(
                f"A {suffix} file has sides of at most "
                f"{self.format.max_side} pixels. Received: size={size}"
            )
        self.suffix, self.size, self.loop = suffix, tuple(size), loop
        self.options = self.format.options
        import_video_library("av")

    def encode(self, image, pts, starts_scene=False):
        return [Packet(to_png(image, compress_level=1), pts, pts, True)]

    def make_file(self, path, tracks):
        return AnimationFile(self, path)


class AnimationFile:
    """Gathers the frames on the disk, and encodes them at the end."""

    def __init__(self, sink, path):
        self.sink, self.path = sink, path
        self.store = tempfile.TemporaryFile(dir=path.parent)
        self.entries = []

    def add(self, packet, duration):
        """Adds a frame."""
        self.store.write(packet.data)
        self.entries.append((len(packet.data), packet.pts, duration))

    def close(self, is_whole):
        """Encodes the animation, if all frames were added."""
        with self.store:
            if is_whole:
                self._encode()

    def _encode(self):
        av = import_video_library("av")
        sink, animation = self.sink, self.sink.format
        # The format counts how often it is repeated, not shown.
        loop = sink.loop
        if animation.container == "gif":
            loop = -1 if loop == 1 else max(loop - 1, 0)
        options = {animation.loop_option: str(loop)}
        if animation.container != "webp":
            last = self.entries[-1][2] * sink.time_base
            scale = 100 if animation.container == "gif" else 1
            options["final_delay"] = str(last * scale)
        container = av.open(
            f"file:{os.path.abspath(self.path)}",
            "w",
            animation.container,
            container_options=options,
        )
        with container:
            stream = container.add_stream(
                animation.codec,
                rate=animation.ticks_per_second,
                options=sink.options,
            )
            context = stream.codec_context
            context.width, context.height = sink.size
            context.pix_fmt = animation.pixel_format
            context.time_base = sink.time_base
            frames = self._frames()
            if animation.container == "gif":
                frames = _with_palette(frames, self._palette())
            for frame in frames:
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        if animation.container == "webp":
            self._end_last_frame()
        if sink.provenance is not None:
            contents = self.path.read_bytes()
            contents = _with_provenance(contents, sink.provenance, sink.size)
            self.path.write_bytes(contents)

    def _end_last_frame(self):
        """Writes the last duration of a WebP, which FFmpeg does not know."""
        contents = bytearray(self.path.read_bytes())
        end = self.entries[-1][1] + self.entries[-1][2] - self.entries[0][1]
        place, last = 12, None
        while place < len(contents):
            if contents[place : place + 4] == b"ANMF":
                # Behind four numbers of 24 bits: place and size.
                if last is not None:
                    end -= int.from_bytes(contents[last : last + 3], "little")
                last = place + 20
            size = int.from_bytes(contents[place + 4 : place + 8], "little")
            place += 8 + size + size % 2
        if last is not None:
            contents[last : last + 3] = max(end, 1).to_bytes(3, "little")
            self.path.write_bytes(contents)

    def _frames(self):
        """Yields the frames as PyAV's."""
        av = import_video_library("av")
        self.store.seek(0)
        for length, pts, duration in self.entries:
            image = Image.open(io.BytesIO(self.store.read(length)))
            frame = av.VideoFrame.from_ndarray(np.asarray(image), "rgb24")
            frame.pts, frame.duration = pts, duration
            frame.time_base = self.sink.time_base
            yield frame

    def _palette(self):
        av = import_video_library("av")
        graph = av.filter.Graph()
        graph.link_nodes(
            _add_source(graph, next(self._frames())),
            graph.add(*PALETTE_MAKER),
            graph.add("buffersink"),
        ).configure()
        for frame in self._frames():
            graph.push(frame)
        graph.push(None)
        return graph.pull()


def _with_palette(frames, palette):
    """Yields frames in the colours of a palette."""
    av = import_video_library("av")
    graph, mapped = None, None
    for frame in frames:
        if graph is None:
            graph = av.filter.Graph()
            source = _add_source(graph, frame)
            palette.time_base, palette.pts = frame.time_base, frame.pts
            colors = _add_source(graph, palette)
            user, mapped = graph.add(*PALETTE_USER), graph.add("buffersink")
            source.link_to(user, 0, 0)
            colors.link_to(user, 0, 1)
            user.link_to(mapped)
            graph.configure()
            colors.push(palette)
            colors.push(None)
        source.push(frame)
        yield from _pull(mapped)
    source.push(None)
    yield from _pull(mapped)


def _add_source(graph, frame):
    return graph.add_buffer(
        width=frame.width,
        height=frame.height,
        format=frame.format,
        time_base=frame.time_base,
    )


def _pull(node):
    av = import_video_library("av")
    while True:
        try:
            yield node.pull()
        except (av.BlockingIOError, av.EOFError):
            return


def _with_provenance(contents, provenance, size):
    """Adds the statement of how an animation was made to an encoded one."""
    if contents.startswith(b"GIF"):
        # Behind the header and its colour table.
        flags = contents[10]
        place = 13 + (3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0)
        block = animation_block(provenance, "GIF")
        return contents[:place] + block + contents[place:]
    if contents.startswith(b"\x89PNG"):
        block = animation_block(provenance, "PNG")
        return contents[:PNG_HEAD] + block + contents[PNG_HEAD:]
    body = bytearray(contents[12:])
    if not body.startswith(b"VP8X"):
        sides = [(side - 1).to_bytes(3, "little") for side in size]
        body[:0] = b"VP8X\n\0\0\0\0\0\0\0" + b"".join(sides)
    body[8] |= 4  # The file holds XMP.
    body += animation_block(provenance, "WEBP")
    length = (4 + len(body)).to_bytes(4, "little")
    return b"RIFF" + length + b"WEBP" + bytes(body)
