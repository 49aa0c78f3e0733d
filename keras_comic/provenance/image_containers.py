"""XMP packets in image files: found and put there without decoding a pixel.

Reference:
    - [XMP specification, part 3: storage in files](
      https://github.com/adobe/xmp-docs/tree/master/XMPSpecifications).
"""

import struct
import zlib

from keras_comic.provenance.xmp import MAX_BYTES

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
PNG_KEYWORD = b"XML:com.adobe.xmp"
JPEG_HEADER = b"http://ns.adobe.com/xap/1.0/\0"
GIF_HEADER = b"\x21\xff\x0bXMP DataXMP"
# Readers of sub-blocks, whatever byte they take for a length, end at its end.
GIF_TRAILER = b"\x01" + bytes(range(255, -1, -1)) + b"\0"
TIFF_TAG = 700
MAX_JPEG_SEGMENT = 65533
MAX_VP8_SIDE = 16383

# Markers of JPEG: start of scan, and those that stand alone.
_SOS = 0xDA
_ALONE = frozenset([0x01, *range(0xD0, 0xD8)])
_APP0, _APP1 = 0xE0, 0xE1
_TIFF_BYTE = 1
# Flags of WebP's VP8X.
_HAS_ALPHA, _HAS_XMP = 0x10, 0x04
_TIFF_SIZES = {1: 1, 2: 1, 6: 1, 7: 1}


def image_format(contents):
    """Which image format a file has, by its first bytes.

    Args:
        contents: Bytes of the file, or its first 16.

    Returns:
        String, Pillow's name of the format: `"PNG"`, `"JPEG"`, `"WEBP"`,
        `"TIFF"` or `"GIF"`; or `None`.
    """
    if contents[:8] == PNG_SIGNATURE:
        return "PNG"
    if contents[:3] == b"\xff\xd8\xff":
        return "JPEG"
    if contents[:4] == b"RIFF" and contents[8:12] == b"WEBP":
        return "WEBP"
    if contents[:4] in (b"II*\0", b"MM\0*"):
        return "TIFF"
    if contents[:6] in (b"GIF87a", b"GIF89a"):
        return "GIF"
    return None


def find_packet(contents):
    """The XMP packet of an image file."""
    return _READERS[image_format(contents)](contents)


def replace_packet(contents, packet):
    """An image file with another XMP packet; all else is as it was."""
    return _WRITERS[image_format(contents)](contents, packet)


def png_text_chunk(packet):
    """The chunk of a PNG file that holds a packet."""
    # Not compressed, no language, no translated keyword.
    data = b"iTXt" + PNG_KEYWORD + b"\0\0\0\0\0" + packet
    length = struct.pack(">I", len(data) - 4)
    return length + data + struct.pack(">I", zlib.crc32(data))


def gif_block(packet):
    """The block of a GIF file that holds a packet."""
    return GIF_HEADER + packet + GIF_TRAILER


def webp_chunk(packet):
    """The chunk of a WebP file that holds a packet; it belongs at the end."""
    return _riff_chunk(b"XMP ", packet)


def jpeg_segments(contents):
    """The segments of a JPEG file before its first scan."""
    found, at = [], 2
    while True:
        start = at
        if contents[at : at + 1] != b"\xff":
            raise _damaged("JPEG", f"no marker at byte {at}")
        while contents[at : at + 1] == b"\xff":
            at += 1
        if at >= len(contents):
            raise _damaged("JPEG", "it ends before its picture")
        marker = contents[at]
        at += 1
        if marker in _ALONE:
            continue
        if at + 2 > len(contents):
            raise _damaged("JPEG", "it ends before its picture")
        (length,) = struct.unpack_from(">H", contents, at)
        if length < 2 or at + length > len(contents):
            raise _damaged("JPEG", f"the segment at byte {start} is cut")
        if marker == _SOS:
            return found
        found.append((marker, start, at + length))
        at += length


def jpeg_segment(marker, data):
    """A segment of a JPEG file."""
    if len(data) > MAX_JPEG_SEGMENT:
        raise ValueError(
            "A segment of a JPEG file has room for at most "
            f"{MAX_JPEG_SEGMENT} bytes. Received: {len(data)} bytes"
        )
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


def jpeg_insertion_point(contents):
    """Where new segments of metadata go: behind JFIF's and Exif's."""
    at = 2
    for marker, start, end in jpeg_segments(contents):
        is_exif = (
            marker == _APP1 and contents[start + 4 : start + 9] == b"Exif\0"
        )
        if start != at or not (marker == _APP0 or is_exif):
            break
        at = end
    return at


def _damaged(name, problem):
    return ValueError(
        f"The {name} file is damaged, and nothing is read from or written "
        f"to it. Received: {problem}"
    )


def _png_chunks(contents):
    """Pairs of a chunk's type and its place, up to the last one's."""
    at = len(PNG_SIGNATURE)
    while True:
        if at + 12 > len(contents):
            raise _damaged("PNG", f"it ends in the chunk at byte {at}")
        (length,) = struct.unpack_from(">I", contents, at)
        end = at + 12 + length
        kind = contents[at + 4 : at + 8]
        if end > len(contents):
            raise _damaged("PNG", f"it ends in the chunk at byte {at}")
        if at == len(PNG_SIGNATURE) and (kind != b"IHDR" or length != 13):
            raise _damaged("PNG", f"it begins with a chunk {kind!r}")
        yield kind, at, end
        if kind == b"IEND":
            return
        at = end


def _png_packets(contents):
    for kind, start, end in _png_chunks(contents):
        data = contents[start + 8 : end - 4]
        if kind == b"iTXt" and data.startswith(PNG_KEYWORD + b"\0"):
            yield start, end, data[len(PNG_KEYWORD) + 1 :]


def _read_png(contents):
    for start, _, data in _png_packets(contents):
        # Compressed or not, the method, the language, the keyword in it.
        parts = data[2:].split(b"\0", 2)
        if len(data) < 2 or len(parts) != 3:
            raise _damaged("PNG", f"the chunk at byte {start} is cut")
        if not data[0]:
            return parts[2]
        try:
            stream = zlib.decompressobj()
            packet = stream.decompress(parts[2], MAX_BYTES + 1)
        except zlib.error as error:
            raise _damaged(
                "PNG", f"the chunk at byte {start}: {error}"
            ) from error
        if len(packet) > MAX_BYTES:
            raise _damaged("PNG", f"XMP of more than {MAX_BYTES} bytes")
        return packet
    return None


def _write_png(contents, packet):
    places = [(start, end) for start, end, _ in _png_packets(contents)]
    contents = _without(contents, places)
    header = next(_png_chunks(contents))[2]
    return contents[:header] + png_text_chunk(packet) + contents[header:]


def _jpeg_packets(contents):
    for marker, start, end in jpeg_segments(contents):
        data = contents[start:end]
        if marker == _APP1 and JPEG_HEADER in data[: len(JPEG_HEADER) + 8]:
            yield start, end, data[data.index(JPEG_HEADER) + len(JPEG_HEADER) :]


def _read_jpeg(contents):
    return next((packet for *_, packet in _jpeg_packets(contents)), None)


def _write_jpeg(contents, packet):
    places = [(start, end) for start, end, _ in _jpeg_packets(contents)]
    contents = _without(contents, places)
    at = jpeg_insertion_point(contents)
    segment = jpeg_segment(_APP1, JPEG_HEADER + packet)
    return contents[:at] + segment + contents[at:]


def _without(contents, places):
    """The bytes that lie in none of the places."""
    kept, at = [], 0
    for start, end in places:
        kept.append(contents[at:start])
        at = end
    return b"".join([*kept, contents[at:]])


def _riff_chunk(name, data):
    padding = b"\0" * (len(data) % 2)
    return name + struct.pack("<I", len(data)) + data + padding


def _webp_chunks(contents):
    """List of chunks as pairs of name and data."""
    (size,) = struct.unpack_from("<I", contents, 4)
    end = 8 + size
    # A last byte of padding is left out by some writers.
    if end > len(contents) + 1 or size < 4:
        raise _damaged("WebP", f"{len(contents)} bytes of {end}")
    found, at = [], 12
    while at < min(end, len(contents)):
        if at + 8 > end:
            raise _damaged("WebP", f"it ends in the chunk at byte {at}")
        (length,) = struct.unpack_from("<I", contents, at + 4)
        data = contents[at + 8 : at + 8 + length]
        if at + 8 + length > end or len(data) < length:
            raise _damaged("WebP", f"it ends in the chunk at byte {at}")
        found.append((contents[at : at + 4], data))
        at += 8 + length + length % 2
    if not found:
        raise _damaged("WebP", "it holds no picture")
    return found


def _read_webp(contents):
    chunks = _webp_chunks(contents)
    return next((data for name, data in chunks if name == b"XMP "), None)


def _write_webp(contents, packet):
    chunks = [c for c in _webp_chunks(contents) if c[0] != b"XMP "]
    if chunks[0][0] == b"VP8X":
        if len(chunks[0][1]) < 10:
            raise _damaged("WebP", "the header VP8X is cut")
        header = bytearray(chunks.pop(0)[1])
        header[0] |= _HAS_XMP
    else:
        width, height, has_alpha = _webp_size(*chunks[0])
        flags = _HAS_XMP | (_HAS_ALPHA if has_alpha else 0)
        header = struct.pack("<I", flags)
        header += (width - 1).to_bytes(3, "little")
        header += (height - 1).to_bytes(3, "little")
    chunks = [(b"VP8X", bytes(header)), *chunks, (b"XMP ", packet)]
    body = b"WEBP" + b"".join(_riff_chunk(*chunk) for chunk in chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _webp_size(name, data):
    """Width, height, and whether there is transparency."""
    if name == b"VP8 " and len(data) >= 10 and data[3:6] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", data, 6)
        size, alpha = (width & 0x3FFF, height & 0x3FFF), False
    elif name == b"VP8L" and len(data) >= 5 and data[0] == 0x2F:
        (bits,) = struct.unpack_from("<I", data, 1)
        size = ((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
        alpha = bool(bits >> 28 & 1)
    else:
        raise _damaged("WebP", f"it begins with a chunk {name!r}")
    if not min(size):
        raise _damaged("WebP", f"a size of {size}")
    return *size, alpha


def _tiff_directory(contents):
    """Byte order, entries by tag, and the next directory's position."""
    order = "<" if contents[:2] == b"II" else ">"
    try:
        (at,) = struct.unpack_from(f"{order}I", contents, 4)
        (count,) = struct.unpack_from(f"{order}H", contents, at)
        entries = {}
        for i in range(count):
            place = at + 2 + 12 * i
            entry = struct.unpack_from(f"{order}HHI4s", contents, place)
            entries[entry[0]] = entry[1:]
        (after,) = struct.unpack_from(
            f"{order}I", contents, at + 2 + 12 * count
        )
    except struct.error as error:
        raise _damaged("TIFF", f"its directory is cut ({error})") from error
    return order, entries, after


def _read_tiff(contents):
    order, entries, _ = _tiff_directory(contents)
    if TIFF_TAG not in entries:
        return None
    kind, count, value = entries[TIFF_TAG]
    if _TIFF_SIZES.get(kind) is None:
        raise _damaged("TIFF", f"XMP as values of type {kind}")
    if count <= 4:
        return value[:count]
    (at,) = struct.unpack(f"{order}I", value)
    if at + count > len(contents):
        raise _damaged("TIFF", "its XMP is cut")
    return contents[at : at + count]


def _write_tiff(contents, packet):
    if _read_tiff(contents) == packet:
        return contents
    order, entries, after = _tiff_directory(contents)
    # A packet of fewer bytes would have to lie in the directory itself.
    packet = packet.ljust(5)
    contents += b"\0" * (len(contents) % 2)
    position = struct.pack(f"{order}I", len(contents))
    entries[TIFF_TAG] = (_TIFF_BYTE, len(packet), position)
    contents += packet + b"\0" * (len(packet) % 2)
    directory = [struct.pack(f"{order}H", len(entries))]
    for tag, entry in sorted(entries.items()):
        directory.append(struct.pack(f"{order}HHI4s", tag, *entry))
    directory.append(struct.pack(f"{order}I", after))
    start = struct.pack(f"{order}I", len(contents))
    return contents[:4] + start + contents[8:] + b"".join(directory)


def _gif_extensions(contents):
    """The blocks before the first frame: triples of kind, start, end."""
    if len(contents) < 13:
        raise _damaged("GIF", f"it ends at byte {len(contents)}")
    flags = contents[10]
    at = 13 + (3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0)
    found = [(None, 13, at)]
    while True:
        kind = contents[at : at + 2]
        # A graphic control belongs to the frame that follows.
        if kind[:1] == b"\x2c" or kind == b"\x21\xf9" or kind[:1] == b"\x3b":
            return found
        if kind[:1] != b"\x21":
            raise _damaged("GIF", f"no block at byte {at}")
        start, at = at, at + 2
        while contents[at : at + 1] not in (b"", b"\0"):
            at += 1 + contents[at]
        if at >= len(contents):
            raise _damaged("GIF", f"it ends in the block at byte {start}")
        at += 1
        found.append((kind, start, at))


def _gif_packets(contents):
    for _, start, end in _gif_extensions(contents)[1:]:
        block = contents[start:end]
        if block.startswith(GIF_HEADER):
            if not block.endswith(GIF_TRAILER):
                raise _damaged("GIF", f"the XMP at byte {start} has no end")
            yield start, end, block[len(GIF_HEADER) : -len(GIF_TRAILER)]


def _read_gif(contents):
    return next((packet for *_, packet in _gif_packets(contents)), None)


def _write_gif(contents, packet):
    places = [(start, end) for start, end, _ in _gif_packets(contents)]
    contents = _without(contents, places)
    at = _gif_extensions(contents)[-1][2]
    block = gif_block(packet)
    # Extensions came with the later version.
    return b"GIF89a" + contents[6:at] + block + contents[at:]


_READERS = {
    "GIF": _read_gif,
    "JPEG": _read_jpeg,
    "PNG": _read_png,
    "TIFF": _read_tiff,
    "WEBP": _read_webp,
}
_WRITERS = {
    "GIF": _write_gif,
    "JPEG": _write_jpeg,
    "PNG": _write_png,
    "TIFF": _write_tiff,
    "WEBP": _write_webp,
}
