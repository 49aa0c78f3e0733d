"""XMP packets in MP4 and QuickTime files, which are not copied for it.

Reference:
    - [XMP specification, part 3: MPEG-4 and QuickTime](
      https://github.com/adobe/xmp-docs/tree/master/XMPSpecifications), and
      [ISO 14496-12](https://www.iso.org/standard/83102.html), boxes.
"""

import io
import struct

from keras_comic.provenance.xmp import MAX_BYTES

BOX_ID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
# What such files begin with.
FIRST_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")


def is_video(contents):
    """Whether a file is an MP4 or QuickTime file, by its first bytes."""
    return contents[4:8] in FIRST_BOXES


def find_packet(file):
    """The XMP packet of a video file."""
    for kind, start, header, end in _boxes(file):
        if _is_packet(file, kind, start, header, end):
            length = end - start - header - len(BOX_ID)
            if length > MAX_BYTES:
                raise _damaged(f"XMP of {length} bytes")
            return file.read(length)
    return None


def append_packet(file, packet):
    """Writes an XMP packet at the end of a video file."""
    boxes = list(_boxes(file))
    replaced = [box for box in boxes if _is_packet(file, *box)]
    kind, start, header, end = boxes[-1]
    file.seek(start)
    (size,) = struct.unpack(">I", file.read(4))
    if size == 0:
        # It lasted to the end of the file, wherever that is.
        if end - start >= 2**32:
            raise ValueError(
                "The last box of the video file has no size and no room for "
                f"one. Received: a box {kind!r} of {end - start} bytes"
            )
        file.seek(start)
        file.write(struct.pack(">I", end - start))
    for _, start, _, _ in replaced:
        file.seek(start + 4)
        file.write(b"free")
    file.seek(0, io.SEEK_END)
    size = 8 + len(BOX_ID) + len(packet)
    file.write(struct.pack(">I4s", size, b"uuid") + BOX_ID + packet)


def _is_packet(file, kind, start, header, end):
    if kind != b"uuid" or end - start < header + len(BOX_ID):
        return False
    file.seek(start + header)
    return file.read(len(BOX_ID)) == BOX_ID


def _boxes(file):
    """Yields kind, start, length of the header, and end of each box."""
    file.seek(0, io.SEEK_END)
    length = file.tell()
    at = 0
    while at < length:
        file.seek(at)
        header = file.read(16)
        if len(header) < 8:
            raise _damaged(f"it ends in the box at byte {at}")
        size, kind = struct.unpack_from(">I4s", header)
        num_bytes = 8
        if size == 1:
            if len(header) < 16:
                raise _damaged(f"it ends in the box at byte {at}")
            (size,) = struct.unpack_from(">Q", header, 8)
            num_bytes = 16
        elif size == 0:
            size = length - at
        if size < num_bytes or at + size > length:
            raise _damaged(f"a box {kind!r} of {size} bytes at byte {at}")
        yield kind, at, num_bytes, at + size
        at += size
    if not length:
        raise _damaged("no bytes")


def _damaged(problem):
    return ValueError(
        "The video file is damaged, and nothing is read from or written to "
        f"it. Received: {problem}"
    )
