"""How TFRecord files frame their records.

Length (8 bytes), its masked CRC-32C (4), the record, its masked CRC-32C (4),
all little-endian.
"""

import struct

import google_crc32c

HEADER = struct.Struct("<QI")
FOOTER = struct.Struct("<I")
FRAME_BYTES = HEADER.size + FOOTER.size
# A longer record than this is taken for a broken length, bytes.
MAX_RECORD_BYTES = 2**31


class FramingError(ValueError):
    """A TFRecord file is broken, or cut off."""


def masked_crc(data):
    """Returns the checksum of a record or of its length."""
    crc = google_crc32c.value(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def frame_record(data):
    """Returns a record as it lies in a file."""
    length = struct.pack("<Q", len(data))
    head = HEADER.pack(len(data), masked_crc(length))
    return b"".join([head, data, FOOTER.pack(masked_crc(data))])


def scan_records(file):
    """Goes through the records of a file, from its start."""
    offset = 0
    while head := file.read(HEADER.size):
        length = _checked_length(head, offset)
        data = file.read(length)
        foot = file.read(FOOTER.size)
        if len(data) != length or len(foot) != FOOTER.size:
            raise FramingError(
                f"the file ends within the record at byte {offset}"
            )
        whole = FOOTER.unpack(foot)[0] == masked_crc(data)
        yield offset + HEADER.size, data if whole else None
        offset += length + FRAME_BYTES


def _checked_length(head, offset):
    if len(head) != HEADER.size:
        raise FramingError(f"the file ends within the record at byte {offset}")
    length, crc = HEADER.unpack(head)
    if masked_crc(head[:8]) != crc or length > MAX_RECORD_BYTES:
        raise FramingError(
            f"the length of the record at byte {offset} is broken"
        )
    return length
