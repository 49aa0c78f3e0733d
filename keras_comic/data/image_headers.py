"""What the first bytes of an image file say, before anything is decoded."""

import re
import struct
import zlib
from typing import NamedTuple

ORIENTATION = 0x0112
NUMBER_OF_IMAGES = 0xB001
# More scans than any camera or program writes; each costs a pass over the
# whole picture.
MAX_SCANS = 500
MAX_PROFILE_BYTES = 2**20
# Where the boxes of AVIF and HEIF that describe the picture end, at the latest.
MAX_BOXES_BYTES = 2**16

JXL_RATIOS = (
    None,
    (1, 1),
    (12, 10),
    (4, 3),
    (3, 2),
    (16, 9),
    (5, 4),
    (2, 1),
)


class Header(NamedTuple):
    """What a header says; `None` where it says nothing or is not read."""

    width: int = None
    height: int = None
    orientation: int = 1
    bits: int = None
    pictures: int = 1
    scans: int = 1
    pixels_only: bytes = None
    damage: str = None


def read_header(name, contents):
    """Reads an image file's header: size, orientation, number of pictures."""
    reader = READERS.get(name)
    if reader is None:
        return Header()
    try:
        return reader(contents)
    except (IndexError, struct.error, ValueError):
        return Header()


def exif_orientation(exif):
    """The orientation that EXIF data state."""
    value = _tiff_value(exif or b"", ORIENTATION)
    return value if value in range(1, 9) else 1


def _tiff_value(data, tag):
    """The first value of an integer tag in the first directory, or `None`."""
    if data.startswith(b"Exif\0\0"):
        data = data[6:]
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(data[:4])
    if order is None:
        return None
    try:
        (place,) = struct.unpack_from(order + "I", data, 4)
        (count,) = struct.unpack_from(order + "H", data, place)
        for i in range(count):
            entry = struct.unpack_from(order + "HHI", data, place + 2 + 12 * i)
            if entry[0] == tag:
                kind = {3: "H", 4: "I"}.get(entry[1])
                if kind is None or entry[2] != 1:
                    return None
                return struct.unpack_from(
                    order + kind, data, place + 10 + 12 * i
                )[0]
    except struct.error:
        pass
    return None


def _read_jpeg(contents):
    width = height = bits = None
    orientation = pictures = 1
    kept = []
    place = kept_from = 2
    while True:
        start = place
        if contents[place] != 0xFF:
            return Header(width, height, orientation, bits, pictures)
        while contents[place] == 0xFF:
            place += 1
        marker = contents[place]
        place += 1
        if marker == 0x01 or 0xD0 <= marker <= 0xD8:
            continue
        if marker in (0xD9, 0xDA):
            break
        (length,) = struct.unpack_from(">H", contents, place)
        segment = contents[place + 2 : place + length]
        place += length
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            bits, height, width = struct.unpack_from(">BHH", segment)
        elif marker == 0xE1 and segment.startswith(b"Exif\0\0"):
            orientation = exif_orientation(segment)
        elif marker == 0xE2 and segment.startswith(b"MPF\0"):
            pictures = _tiff_value(segment[4:], NUMBER_OF_IMAGES) or 1
        # Application data and comments; 0 (JFIF) and 14 (Adobe) say how the
        # colours are meant.
        if 0xE1 <= marker <= 0xED or marker in (0xEF, 0xFE):
            kept.append(contents[kept_from:start])
            kept_from = place
    pixels_only = contents
    if kept:
        pixels_only = b"".join([contents[:2], *kept, contents[kept_from:]])
    # In the coded data 0xFF is followed by 0; this is a marker.
    scans = pixels_only.count(b"\xff\xda")
    damage = None
    if pixels_only.rfind(b"\xff\xd9") < pixels_only.rfind(b"\xff\xda"):
        damage = "there is no end marker"
    return Header(
        width, height, orientation, bits, pictures, scans, pixels_only, damage
    )


def _read_png(contents):
    width, height, bits = struct.unpack_from(">IIB", contents, 16)
    orientation = pictures = 1
    damage = None
    kept = [contents[:8]]
    place, end = 8, len(contents)
    while place < end:
        length = int.from_bytes(contents[place : place + 4], "big")
        kind = contents[place + 4 : place + 8]
        next_place = place + 12 + length
        if kind in (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"):
            kept.append(contents[place:next_place])
            if next_place <= end:
                stated = int.from_bytes(kept[-1][-4:], "big")
                if zlib.crc32(kept[-1][4:-4]) != stated:
                    damage = f"the checksum of its {kind.decode()} is wrong"
        elif kind == b"eXIf":
            orientation = exif_orientation(contents[place + 8 : next_place - 4])
        elif kind == b"acTL":
            (pictures,) = struct.unpack_from(">I", contents, place + 8)
        elif kind == b"zTXt" and orientation == 1:
            orientation = exif_orientation(
                _raw_profile(contents[place + 8 : next_place - 4])
            )
        if kind == b"IEND":
            break
        place = next_place
    return Header(
        width,
        height,
        orientation,
        bits,
        pictures,
        pixels_only=b"".join(kept),
        damage=damage,
    )


def _raw_profile(chunk):
    """EXIF data as ImageMagick writes them: compressed hexadecimal text."""
    keyword, _, text = chunk.partition(b"\0")
    if keyword not in (b"Raw profile type exif", b"Raw profile type APP1"):
        return b""
    try:
        text = zlib.decompressobj().decompress(text[1:], MAX_PROFILE_BYTES)
        digits = re.fullmatch(rb"\s*\w+\s+\d+\s+([0-9a-fA-F\s]*)", text)
        return bytes.fromhex(digits[1].decode()) if digits else b""
    except (zlib.error, ValueError):
        return b""


def _read_webp(contents):
    width = height = None
    orientation = pictures = 1
    place, end = 12, len(contents)
    while place + 8 <= end:
        kind = contents[place : place + 4]
        length = int.from_bytes(contents[place + 4 : place + 8], "little")
        chunk = contents[place + 8 : place + 8 + min(length, 2**20)]
        if kind == b"VP8X":
            width = int.from_bytes(chunk[4:7], "little") + 1
            height = int.from_bytes(chunk[7:10], "little") + 1
            pictures = 2 if chunk[0] & 2 else 1
        elif kind == b"VP8 " and width is None:
            width, height = struct.unpack_from("<HH", chunk, 6)
            width, height = width & 0x3FFF, height & 0x3FFF
        elif kind == b"VP8L" and width is None:
            (packed,) = struct.unpack_from("<I", chunk, 1)
            width = (packed & 0x3FFF) + 1
            height = (packed >> 14 & 0x3FFF) + 1
        elif kind == b"EXIF":
            orientation = exif_orientation(chunk)
        place += 8 + length + length % 2
    return Header(width, height, orientation, pictures=pictures)


def _read_gif(contents):
    width, height = struct.unpack_from("<HH", contents, 6)
    return Header(width, height)


def _read_bmp(contents):
    (size,) = struct.unpack_from("<I", contents, 14)
    if size == 12:
        width, height = struct.unpack_from("<HH", contents, 18)
    else:
        width, height = struct.unpack_from("<ii", contents, 18)
    return Header(abs(width), abs(height))


def _read_jxl(contents):
    """Size and animation, from the codestream: the standard's annex D."""
    if contents.startswith(b"\0\0\0\x0c"):
        place = 0
        while contents[place + 4 : place + 8] not in (b"jxlc", b"jxlp"):
            (length,) = struct.unpack_from(">I", contents, place)
            if length < 8:
                return Header()
            place += length
        # A partial codestream has its number first.
        place += 12 if contents[place + 4 : place + 8] == b"jxlp" else 8
        contents = contents[place : place + 64]
    packed = int.from_bytes(contents[2:64], "little")

    def take(bits):
        nonlocal packed
        value = packed & ((1 << bits) - 1)
        packed >>= bits
        return value

    def take_side(small):
        if small:
            return 8 * (take(5) + 1)
        return take((9, 13, 18, 30)[take(2)]) + 1

    def take_size():
        small = take(1)
        height = take_side(small)
        ratio = take(3)
        if not ratio:
            return take_side(small), height
        over, under = JXL_RATIOS[ratio]
        return height * over // under, height

    width, height = take_size()
    animated = False
    # Unless all is as usual, a number of fields may follow: the orientation,
    # another size, a preview (whose own size is not read here), an animation.
    if not take(1) and take(1):
        take(3)
        if take(1):
            take_size()
        animated = not take(1) and bool(take(1))
    return Header(width, height, pictures=2 if animated else 1)


def _read_boxes(contents):
    """Size of AVIF and HEIF: the largest stated, since tiles state theirs."""
    sizes = [
        struct.unpack_from(">II", contents, found.end() + 4)
        for found in re.finditer(b"ispe", contents[:MAX_BOXES_BYTES])
        if found.end() + 12 <= len(contents)
    ]
    if not sizes:
        return Header()
    return Header(*max(sizes, key=lambda size: size[0] * size[1]))


READERS = {
    "AVIF": _read_boxes,
    "HEIF": _read_boxes,
    "BMP": _read_bmp,
    "GIF": _read_gif,
    "JPEG": _read_jpeg,
    "JXL": _read_jxl,
    "PNG": _read_png,
    "WEBP": _read_webp,
}
