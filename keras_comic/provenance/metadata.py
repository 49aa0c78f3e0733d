"""What a picture's file says of how the picture was made."""

import dataclasses
import re
import struct
import sys
import zlib

from keras_comic.provenance import xmp

DIGITAL_SOURCE_TYPE = (
    "http://cv.iptc.org/newscodes/digitalsourcetype/"
    "compositeWithTrainedAlgorithmicMedia"
)
SOFTWARE = "keras_comic"
MAX_LENGTH = 256
PNG_KEYWORD = b"XML:com.adobe.xmp"

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_DATE = re.compile(
    r"\d{4}(-\d\d(-\d\d(T\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:\d\d)?)?)?)?"
)


@dataclasses.dataclass(frozen=True)
class Provenance:
    """What is said of a comic: a trained network made it of a photo.

    The digital source type is always IPTC's
    `compositeWithTrainedAlgorithmicMedia`: a picture of other elements, here
    the photo, that a trained network has changed. There is no time in it
    unless one is given, so that the same comic is the same file.

    Args:
        preset: String or `None`. The name of the preset. Defaults to `None`,
            a generator that is of no preset.
        version: String or `None`. The preset's version. Defaults to `None`.
        software: String or `None`. The program and its version. Defaults to
            `None`, this one: `"keras_comic VERSION"`.
        created: String or `None`. When, as in ISO 8601, such as
            `"2026-11-21T18:30:00Z"`. Defaults to `None`.

    Raises:
        TypeError: If an argument is not a string.
        ValueError: If one is empty, has control characters or more than 256
            characters, or `created` is no time.

    Example:

    >>> from keras_comic import provenance
    >>> said = provenance.Provenance("adain_storybook", "cc419f3f52d24abf")
    >>> "compositeWithTrainedAlgorithmicMedia" in said.to_xmp()
    True

    Reference:
        - [IPTC, Digital Source Type](
          https://cv.iptc.org/newscodes/digitalsourcetype/).
    """

    preset: str | None = None
    version: str | None = None
    software: str | None = None
    created: str | None = None

    def __post_init__(self):
        if self.software is None:
            # The package that this module is part of is imported by now.
            version = sys.modules["keras_comic"].__version__
            object.__setattr__(self, "software", f"{SOFTWARE} {version}")
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if value is None:
                continue
            if not isinstance(value, str):
                raise TypeError(
                    f"`{field.name}` must be a string or None. "
                    f"Received: {field.name}={value!r}"
                )
            if (
                not value
                or len(value) > MAX_LENGTH
                or value != value.strip()
                or _CONTROL.search(value)
            ):
                raise ValueError(
                    f"`{field.name}` must have 1 to {MAX_LENGTH} characters, "
                    "no control characters, and no blanks around it. "
                    f"Received: {field.name}={value[: 2 * MAX_LENGTH]!r}"
                )
        if self.created is not None and not _DATE.fullmatch(self.created):
            raise ValueError(
                "`created` must be a time as in ISO 8601, such as "
                "2026-11-21T18:30:00Z. "
                f"Received: created={self.created!r}"
            )

    def to_xmp(self, media_type=None):
        """The XMP packet that says it.

        Args:
            media_type: String or `None`. Of the file, such as `"image/png"`.
                Defaults to `None`, which leaves it out.

        Returns:
            String; the same for the same arguments.
        """
        properties = {
            "dc:format": media_type,
            "xmp:CreatorTool": self.software,
            "xmp:CreateDate": self.created,
            "Iptc4xmpExt:DigitalSourceType": DIGITAL_SOURCE_TYPE,
            "keras_comic:Preset": self.preset,
            "keras_comic:PresetVersion": self.version,
            "keras_comic:Software": self.software,
        }
        event = {
            "action": "converted",
            "softwareAgent": self.software,
            "parameters": self._parameters(),
            "when": self.created,
        }
        return xmp.write_packet(
            _given(properties), self._sentence(), _given(event)
        )

    def to_text(self):
        """One line that says it, where a file has room for no more.

        Returns:
            String, which `from_text` reads.
        """
        return f"{self._sentence()} Digital source type: {DIGITAL_SOURCE_TYPE}"

    def _sentence(self):
        parts = [f"Made from a photo by {self.software}", self._parameters()]
        if self.created is not None:
            parts.append(f"created {self.created}")
        return ", ".join(part for part in parts if part) + "."

    def _parameters(self):
        if self.preset is None:
            return None
        if self.version is None:
            return f"preset {self.preset}"
        return f"preset {self.preset}, version {self.version}"

    @classmethod
    def from_xmp(cls, packet):
        """Reads an XMP packet.

        Args:
            packet: String.

        Returns:
            `Provenance`, or `None` if this program did not write it.

        Raises:
            ValueError: If it is no XMP packet.
        """
        found = xmp.read_properties(packet)
        software = found.get(xmp.qualified("keras_comic:Software"))
        if software is None:
            return None
        return cls(
            found.get(xmp.qualified("keras_comic:Preset")),
            found.get(xmp.qualified("keras_comic:PresetVersion")),
            software,
            found.get(xmp.qualified("xmp:CreateDate")),
        )


def png_chunk(provenance):
    """The chunk that says it in a PNG file.

    It belongs behind the first chunk: `contents[:33] + chunk +
    contents[33:]`.

    Args:
        provenance: `Provenance`.

    Returns:
        Bytes: an `iTXt` chunk with its length and its checksum.

    Example:

    >>> from keras_comic import provenance
    >>> provenance.png_chunk(provenance.Provenance("ink"))[4:8]
    b'iTXt'

    Reference:
        - [XMP specification, part 3, 1.1.5](
          https://github.com/adobe/xmp-docs/tree/master/XMPSpecifications).
    """
    packet = provenance.to_xmp("image/png").encode("utf-8")
    # Not compressed, no language, no translated keyword.
    data = b"iTXt" + PNG_KEYWORD + b"\0\0\0\0\0" + packet
    return (
        struct.pack(">I", len(data) - 4)
        + data
        + struct.pack(">I", zlib.crc32(data))
    )


def _given(entries):
    return {name: value for name, value in entries.items() if value is not None}
