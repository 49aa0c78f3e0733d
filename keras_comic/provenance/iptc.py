"""IPTC's own fields in JPEG files, for programs that know no XMP.

They have no field for the digital source type, which is in XMP alone.

Reference:
    - [IPTC IIM 4.2](https://iptc.org/standards/iim/), and
      [Photoshop's image resources](
      https://www.adobe.com/devnet-apps/photoshop/fileformatashtml/).
"""

import hashlib
import struct

from keras_comic.provenance.image_containers import MAX_JPEG_SEGMENT
from keras_comic.provenance.image_containers import jpeg_insertion_point
from keras_comic.provenance.image_containers import jpeg_segment
from keras_comic.provenance.image_containers import jpeg_segments

HEADER = b"Photoshop 3.0\0"
# Datasets, `(record, number)`, and the most bytes they hold.
CHARACTER_SET = (1, 90)
RECORD_VERSION = (2, 0)
PROGRAM = (2, 65)
PROGRAM_VERSION = (2, 70)
CAPTION = (2, 120)
LENGTHS = {PROGRAM: 32, PROGRAM_VERSION: 10, CAPTION: 2000}
UTF_8 = b"\x1b%G"

_APP13 = 0xED
_IPTC = 0x0404
_DIGEST = 0x0425
_VERSION = b"\0\4"


def read_iptc(contents):
    """The IPTC fields of a JPEG file."""
    for kind, _, data in _resources(contents)[1]:
        if kind == _IPTC:
            return _datasets(data)
    return []


def write_iptc(contents, program, version, caption=None, replaced=None):
    """Says in IPTC's fields which program made a JPEG file."""
    places, resources = _resources(contents)
    old = next((d for kind, _, d in resources if kind == _IPTC), None)
    fields = _datasets(old) if old else []
    if replaced is not None:
        replaced = (CAPTION, _shorten(replaced, "utf-8", LENGTHS[CAPTION]))
    fields = [field for field in fields if field != replaced]
    names = [name for name, _ in fields]
    encoding = "utf-8"
    if fields and (CHARACTER_SET, UTF_8) not in fields:
        encoding = "ascii"
    elif not fields:
        fields = [(CHARACTER_SET, UTF_8), (RECORD_VERSION, _VERSION)]
    new = {PROGRAM: program}
    if version is not None:
        new[PROGRAM_VERSION] = version
    if caption is not None and CAPTION not in names:
        new[CAPTION] = caption
    gone = (PROGRAM_VERSION, *new)
    fields = [field for field in fields if field[0] not in gone]
    for name, text in new.items():
        value = _shorten(text, encoding, LENGTHS[name])
        fields.append((name, value))
    fields.sort(key=lambda field: field[0])
    data = b"".join(
        struct.pack(">BBBH", 0x1C, *name, len(value)) + value
        for name, value in fields
    )
    digest = hashlib.md5(data, usedforsecurity=False).digest()
    resources = [
        (kind, name, digest if kind == _DIGEST else value)
        for kind, name, value in resources
        if kind != _IPTC
    ]
    resources.append((_IPTC, b"\0\0", data))
    for start, end in reversed(places):
        contents = contents[:start] + contents[end:]
    at = jpeg_insertion_point(contents)
    body = b"".join(_resource(*resource) for resource in resources)
    room = MAX_JPEG_SEGMENT - len(HEADER)
    segments = [
        jpeg_segment(_APP13, HEADER + body[i : i + room])
        for i in range(0, len(body), room)
    ]
    return contents[:at] + b"".join(segments) + contents[at:]


def _shorten(text, encoding, length):
    """At most so many bytes, of whole characters."""
    data = text.encode(encoding, "replace")[:length]
    return data.decode(encoding, "ignore").encode(encoding)


def _resources(contents):
    """Places of the segments, and `(kind, name, data)` of what they hold."""
    places, body = [], b""
    for marker, start, end in jpeg_segments(contents):
        data = contents[start:end]
        header = data[4 : 4 + len(HEADER)]
        if marker == _APP13 and header == HEADER:
            places.append((start, end))
            body += data[4 + len(HEADER) :]
    found, at = [], 0
    try:
        while at < len(body):
            if body[at : at + 4] != b"8BIM":
                raise ValueError(
                    "A Photoshop resource of the JPEG file must begin with "
                    f"8BIM. Received: {body[at : at + 4]!r}"
                )
            (kind,) = struct.unpack_from(">H", body, at + 4)
            length = body[at + 6] + 1
            name = body[at + 6 : at + 6 + length + length % 2]
            at += 6 + len(name)
            (size,) = struct.unpack_from(">I", body, at)
            data = body[at + 4 : at + 4 + size]
            if len(data) < size:
                raise IndexError(f"resource {kind:#06x}")
            found.append((kind, name, data))
            at += 4 + size + size % 2
    except (IndexError, struct.error) as error:
        raise ValueError(
            "The Photoshop resources of the JPEG file are cut. "
            f"Received: {error}"
        ) from error
    return places, found


def _resource(kind, name, data):
    head = b"8BIM" + struct.pack(">H", kind) + name
    return head + struct.pack(">I", len(data)) + data + b"\0" * (len(data) % 2)


def _datasets(data):
    found, at = [], 0
    while at < len(data) and data[at] == 0x1C:
        if at + 5 > len(data):
            raise _cut(at)
        _, record, number, size = struct.unpack_from(">BBBH", data, at)
        if size & 0x8000:
            raise ValueError(
                "IPTC fields of more than 32767 bytes are not supported. "
                f"Received: field {record}:{number}"
            )
        value = data[at + 5 : at + 5 + size]
        if len(value) < size:
            raise _cut(at)
        found.append(((record, number), value))
        at += 5 + size
    return found


def _cut(at):
    return ValueError(
        "The IPTC fields of the JPEG file are cut. "
        f"Received: they end in the field at byte {at}"
    )
