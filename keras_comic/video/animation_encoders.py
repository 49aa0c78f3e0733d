"""Encodes frames of GIF, WebP and APNG, and puts the files together.

Each frame holds the rectangle that differs from the frame before it, so that
what stands still costs nothing and stays exactly as it is. Files are written
frame by frame, in memory that does not grow.
"""

import io
import struct
import zlib

import numpy as np
from PIL import Image

from keras_comic.video.packet import Packet

# GIF: colours besides the one that stands for "as before".
NUM_COLORS = 255
# Pixels that a palette is made of, about.
PALETTE_PIXELS = 2**17
# A palette is replaced when the mean error, levels, exceeds that of the frame
# it was made for by this factor and this many levels.
MAX_ERROR_FACTOR = 1.5
MAX_ERROR_GROWTH = 1.5
# The widest that the pattern spreads colours that are not in the palette.
MAX_SPREAD = 32
_BITS = 6
_BAYER_SIDE = 8

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def changed_box(image, last):
    """The rectangle in which two pictures differ."""
    height, width = image.shape[:2]
    if last is None:
        return 0, 0, width, height
    changed = (image != last).any(axis=-1)
    rows = np.flatnonzero(changed.any(axis=1))
    columns = np.flatnonzero(changed.any(axis=0))
    if not len(rows):
        return 0, 0, 1, 1
    return columns[0], rows[0], columns[-1] + 1, rows[-1] + 1


class GifEncoder:
    """Encodes frames of a GIF."""

    def __init__(self):
        self.palette = None
        self.last = None

    def encode(self, image, pts, starts_scene=False):
        """Encodes a frame."""
        if self.palette is None or starts_scene or not self._fits(image):
            self._make_palette(image)
        indices = self.table[_cells(self._spread(image))]
        colors = self.palette[indices]
        left, top, right, bottom = changed_box(colors, self.last)
        part = indices[top:bottom, left:right]
        if self.last is not None:
            same = self.last[top:bottom, left:right]
            same = (colors[top:bottom, left:right] == same).all(axis=-1)
            part = np.where(same, NUM_COLORS, part).astype("uint8")
        is_key = self.last is None
        self.last = colors
        data = struct.pack("<BBBBHBB", 0x21, 0xF9, 4, 5, 0, NUM_COLORS, 0)
        data += struct.pack(
            "<BHHHHB", 0x2C, left, top, right - left, bottom - top, 0x87
        )
        return [Packet(data + self._compress(part), pts, pts, is_key)]

    def finish(self):
        """Ends encoding."""
        return []

    def _make_palette(self, image):
        sample = _sample(image)
        picture = Image.fromarray(sample).quantize(
            NUM_COLORS, Image.Quantize.MEDIANCUT, kmeans=2
        )
        palette = np.array(picture.getpalette()[: 3 * NUM_COLORS], "uint8")
        self.palette = np.zeros((256, 3), "uint8")
        self.palette[: len(palette) // 3] = palette.reshape(-1, 3)
        self.num_colors = len(palette) // 3
        self.table = _nearest_colors(self.palette[: self.num_colors])
        self.first_error = self._error(sample)

    def _error(self, sample):
        found = self.palette[self.table[_cells(sample)]]
        return np.abs(found.astype("int16") - sample).mean()

    def _fits(self, image):
        limit = MAX_ERROR_FACTOR * self.first_error + MAX_ERROR_GROWTH
        return self._error(_sample(image)) <= limit

    def _spread(self, image):
        # The cells of the table alone cost about a level.
        spread = min(4 * max(self.first_error - 1, 0), MAX_SPREAD)
        if not spread:
            return image
        height, width = image.shape[:2]
        pattern = np.rint(spread * _BAYER).astype("int16")
        repeats = -(-height // _BAYER_SIDE), -(-width // _BAYER_SIDE)
        pattern = np.tile(pattern, repeats)[:height, :width, None]
        return np.clip(image + pattern, 0, 255).astype("uint8")

    def _compress(self, indices):
        picture = Image.fromarray(indices)
        palette = self.palette.tobytes()
        picture.putpalette(palette)
        file = io.BytesIO()
        picture.save(file, "GIF", optimize=False, interlace=False)
        contents = file.getvalue()
        # The image data: behind header, palette, extensions, descriptor.
        place = 13 + 3 * 2 ** ((contents[10] & 7) + 1) * (contents[10] >> 7)
        while contents[place] == 0x21:
            place = _skip_blocks(contents, place + 2)
        flags = contents[place + 9]
        place += 10 + 3 * 2 ** ((flags & 7) + 1) * (flags >> 7)
        end = _skip_blocks(contents, place + 1)
        return palette + contents[place:end]


class WebPEncoder:
    """Encodes frames of an animated WebP."""

    def __init__(self, options):
        self.options = options
        self.last = None

    def encode(self, image, pts, starts_scene=False):
        """Encodes a frame, see `GifEncoder`."""
        left, top, right, bottom = changed_box(image, self.last)
        left, top = left // 2 * 2, top // 2 * 2
        file = io.BytesIO()
        part = np.ascontiguousarray(image[top:bottom, left:right])
        Image.fromarray(part).save(file, "WEBP", **self.options)
        data = b"".join(
            _three_bytes(value)
            for value in (
                left // 2,
                top // 2,
                right - left - 1,
                bottom - top - 1,
                0,
            )
        )
        # No blending, nothing disposed of.
        data += b"\2"
        for kind, chunk in _webp_chunks(file.getvalue()):
            if kind in (b"VP8 ", b"VP8L", b"ALPH"):
                data += _webp_chunk(kind, chunk)
        is_key, self.last = self.last is None, image
        return [Packet(data, pts, pts, is_key)]

    def finish(self):
        """Ends encoding."""
        return []


class PngEncoder:
    """Encodes frames of an APNG, without loss."""

    def __init__(self, options):
        self.options = options
        self.last = None

    def encode(self, image, pts, starts_scene=False):
        """Encodes a frame, see `GifEncoder`."""
        left, top, right, bottom = changed_box(image, self.last)
        file = io.BytesIO()
        part = np.ascontiguousarray(image[top:bottom, left:right])
        Image.fromarray(part).save(file, "PNG", **self.options)
        data = struct.pack(">4I", right - left, bottom - top, left, top)
        for kind, chunk in _png_chunks(file.getvalue()):
            if kind == b"IDAT":
                data += chunk
        is_key, self.last = self.last is None, image
        return [Packet(data, pts, pts, is_key)]

    def finish(self):
        """Ends encoding."""
        return []


class GifFile:
    """Writes a GIF."""

    def __init__(self, file, width, height, loop=0, metadata=b""):
        self.file = file
        file.write(b"GIF89a" + struct.pack("<HHBBB", width, height, 0x70, 0, 0))
        if loop != 1:
            # It counts the repetitions.
            repeats = max(loop - 1, 0)
            file.write(b"\x21\xff\x0bNETSCAPE2.0\x03\x01")
            file.write(struct.pack("<HB", min(repeats, 65535), 0))
        file.write(metadata)

    def add(self, packet, duration):
        """Writes a frame."""
        delay = struct.pack("<H", min(duration, 65535))
        self.file.write(packet.data[:4] + delay + packet.data[6:])

    def close(self):
        """Writes the end."""
        self.file.write(b";")


class WebPFile:
    """Writes an animated WebP, see `GifFile`."""

    def __init__(self, file, width, height, loop=0, metadata=b""):
        self.file = file
        self.metadata = metadata
        file.write(b"RIFF\0\0\0\0WEBP")
        canvas = _three_bytes(width - 1) + _three_bytes(height - 1)
        flags = b"\x06\0\0\0" if metadata else b"\x02\0\0\0"
        file.write(_webp_chunk(b"VP8X", flags + canvas))
        animation = b"\xff" * 4 + struct.pack("<H", min(loop, 65535))
        file.write(_webp_chunk(b"ANIM", animation))

    def add(self, packet, duration):
        """Writes a frame."""
        data = packet.data[:12] + _three_bytes(min(duration, 2**24 - 1))
        self.file.write(_webp_chunk(b"ANMF", data + packet.data[15:]))

    def close(self):
        """Writes the metadata, and the length."""
        self.file.write(self.metadata)
        length = self.file.tell()
        self.file.seek(4)
        self.file.write(struct.pack("<I", length - 8))


class PngFile:
    """Writes an APNG, see `GifFile`."""

    def __init__(self, file, width, height, loop=0, metadata=b""):
        self.file = file
        self.loop = loop
        self.num_frames = self.sequence = 0
        file.write(PNG_SIGNATURE)
        header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
        self._write(b"IHDR", header)
        self.place = file.tell()
        self._write_control()
        file.write(metadata)

    def add(self, packet, duration):
        """Writes a frame."""
        unit = 1000 if duration < 2**16 else 10
        delay = min(duration * unit // 1000, 65535)
        frame = packet.data[:16] + struct.pack(">HHBB", delay, unit, 0, 0)
        self._write(b"fcTL", self._number() + frame)
        if self.num_frames:
            self._write(b"fdAT", self._number() + packet.data[16:])
        else:
            self._write(b"IDAT", packet.data[16:])
        self.num_frames += 1

    def close(self):
        """Writes the end, and the number of frames."""
        self._write(b"IEND", b"")
        self.file.seek(self.place)
        self._write_control()

    def _write_control(self):
        loop = min(self.loop, 2**31 - 1)
        self._write(b"acTL", struct.pack(">II", self.num_frames, loop))

    def _number(self):
        self.sequence += 1
        return struct.pack(">I", self.sequence - 1)

    def _write(self, kind, data):
        check = zlib.crc32(kind + data)
        self.file.write(struct.pack(">I", len(data)) + kind + data)
        self.file.write(struct.pack(">I", check))


def _bayer(side):
    """Thresholds of ordered dithering, in `[-0.5, 0.5)`."""
    pattern = np.zeros((1, 1))
    while len(pattern) < side:
        pattern = np.block(
            [[4 * pattern, 4 * pattern + 2], [4 * pattern + 3, 4 * pattern + 1]]
        )
    return (pattern + 0.5) / side**2 - 0.5


_BAYER = _bayer(_BAYER_SIDE)


def _cells(image):
    parts = (image >> (8 - _BITS)).astype("int32")
    return (
        (parts[..., 0] << (2 * _BITS))
        | (parts[..., 1] << _BITS)
        | parts[..., 2]
    )


def _nearest_colors(palette):
    """Table of the nearest colour of a palette to each cell's middle."""
    levels = np.arange(2**_BITS) * 2 ** (8 - _BITS) + 2 ** (7 - _BITS) - 0.5
    cells = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), -1)
    cells = cells.reshape(-1, 3).astype("float32")
    colors = palette.astype("float32")
    lengths = (colors**2).sum(axis=-1)
    table = [
        np.argmin(lengths - 2 * (part @ colors.T), axis=-1)
        for part in np.array_split(cells, 16)
    ]
    return np.concatenate(table).astype("uint8")


def _sample(image):
    step = max(
        1, int((image.shape[0] * image.shape[1] / PALETTE_PIXELS) ** 0.5)
    )
    return np.ascontiguousarray(image[::step, ::step])


def _skip_blocks(contents, place):
    while contents[place]:
        place += contents[place] + 1
    return place + 1


def _three_bytes(value):
    return int(value).to_bytes(3, "little")


def _webp_chunk(kind, data):
    padding = b"\0" * (len(data) % 2)
    return kind + struct.pack("<I", len(data)) + data + padding


def _webp_chunks(contents):
    place = 12
    while place + 8 <= len(contents):
        kind = contents[place : place + 4]
        (length,) = struct.unpack_from("<I", contents, place + 4)
        yield kind, contents[place + 8 : place + 8 + length]
        place += 8 + length + length % 2


def _png_chunks(contents):
    place = len(PNG_SIGNATURE)
    while place < len(contents):
        (length,) = struct.unpack_from(">I", contents, place)
        kind = contents[place + 4 : place + 8]
        yield kind, contents[place + 8 : place + 8 + length]
        place += 12 + length
