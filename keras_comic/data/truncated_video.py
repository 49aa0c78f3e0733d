"""What a video file lacks, by the sizes that it states."""

import os


def what_is_missing(path):
    """What a video file lacks by the sizes that it states."""
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        kind = container_of(file.read(12))
        if kind == "mp4":
            return _what_mp4_misses(file, size)
        if kind == "avi":
            end = _end_of_avi(file, size)
        elif kind == "matroska":
            end = _end_of_matroska(file)
        elif kind == "gif":
            file.seek(-min(size, 64), os.SEEK_END)
            ended = file.read().rstrip(b"\0").endswith(b";")
            return None if ended else "it has no end mark"
        else:
            return None
    return _shortage(end, size)


def container_of(head):
    """The kind of a video file, by its start."""
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"skip", b"free"):
        return "mp4"
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return "avi"
    if head[:4] == b"\x1aE\xdf\xa3":
        return "matroska"
    if head[:4] == b"GIF8":
        return "gif"
    return None


def _shortage(end, size):
    if end <= size:
        return None
    return f"it has {size} of the {end} bytes that it states"


def _what_mp4_misses(file, size):
    position, kinds = 0, set()
    while position + 8 <= size:
        file.seek(position)
        head = file.read(16)
        length, kind = int.from_bytes(head[:4], "big"), head[4:8]
        if not kind.isalnum():
            break
        kinds.add(kind)
        if length == 0:
            break
        if length == 1:
            length = int.from_bytes(head[8:16], "big")
        if length < 8:
            break
        if position + length > size and kind in (b"mdat", b"moov", b"moof"):
            return _shortage(position + length, size)
        position += length
    return None if b"moov" in kinds else "its table of contents is missing"


def _end_of_avi(file, size):
    position = end = 0
    while position + 8 <= size:
        file.seek(position)
        head = file.read(8)
        length = int.from_bytes(head[4:8], "little")
        # Not filled in by a recording that was broken off, or streamed.
        if head[:4] != b"RIFF" or length in (0, 2**32 - 1):
            break
        end = position + 8 + length
        position = end + length % 2
    return end


def _end_of_matroska(file):
    file.seek(4)
    header, _ = _read_matroska_size(file)
    file.seek(header or 0, os.SEEK_CUR)
    if file.read(4) != b"\x18S\x80g":
        return 0
    segment, known = _read_matroska_size(file)
    return file.tell() + segment if known else 0


def _read_matroska_size(file):
    first = file.read(1)
    if not first or not first[0]:
        return 0, False
    num_more = 8 - first[0].bit_length()
    value = first[0] & (2 ** (7 - num_more) - 1)
    value = (value << (8 * num_more)) | int.from_bytes(
        file.read(num_more), "big"
    )
    # All ones: unknown, as in a live recording.
    return value, value != 2 ** (7 * (num_more + 1)) - 1
