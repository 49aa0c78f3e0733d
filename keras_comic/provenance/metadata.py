"""Metadata of how a picture or video was made."""

import dataclasses
import io
import os
import re
import struct
import sys
import zlib
from xml.sax import saxutils

from PIL import Image
from PIL import PngImagePlugin

DIGITAL_SOURCE_TYPE = (
    "http://cv.iptc.org/newscodes/digitalsourcetype/"
    "compositeWithTrainedAlgorithmicMedia"
)
SOFTWARE = "keras_comic"
MAX_LENGTH = 256
# Pillow reads the metadata of these.
PICTURES = ("PNG", "JPEG", "WEBP", "TIFF", "GIF")
XMP_TAG = 700
PACKET = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
    '<x:xmpmeta xmlns:x="adobe:ns:meta/">\n'
    ' <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">\n'
    '  <rdf:Description rdf:about=""\n'
    '    xmlns:dc="http://purl.org/dc/elements/1.1/"\n'
    '    xmlns:xmp="http://ns.adobe.com/xap/1.0/"\n'
    '    xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/">\n'
    "   <xmp:CreatorTool>{software}</xmp:CreatorTool>\n"
    "   <Iptc4xmpExt:DigitalSourceType>"
    f"{DIGITAL_SOURCE_TYPE}</Iptc4xmpExt:DigitalSourceType>\n"
    '   <dc:description><rdf:Alt><rdf:li xml:lang="x-default">{text}'
    "</rdf:li></rdf:Alt></dc:description>\n"
    "  </rdf:Description>\n"
    " </rdf:RDF>\n"
    "</x:xmpmeta>\n"
    '<?xpacket end="r"?>'
)

_LETTER = r"[^\x00-\x20\x7f-\x9f\ud800-\udfff\ufffe\uffff]"
_FIELD = re.compile(
    rf"(?=.{{1,{MAX_LENGTH}}}$){_LETTER}(({_LETTER}| )*{_LETTER})?"
)
_TEXT = re.compile(
    r"Made from a photo or video by (?P<software>.+?)"
    r"(, preset (?P<preset>.+?)(, version (?P<version>.+?))?)?"
    rf"\. Digital source type: {re.escape(DIGITAL_SOURCE_TYPE)}"
)


@dataclasses.dataclass(frozen=True)
class Provenance:
    """The origin of a comic: a trained network made it of a photo.

    The digital source type is always IPTC's
    `compositeWithTrainedAlgorithmicMedia`: a picture of other elements, here
    the photo, that a trained network has changed. There is no time in it, so
    that the same comic is the same file.

    Args:
        preset: String or `None`. The name of the preset. Defaults to `None`,
            a generator that is of no preset.
        version: String or `None`. The preset's version. Defaults to `None`.
        software: String or `None`. The program and its version. Defaults to
            `None`, this one: `"keras_comic VERSION"`.

    Raises:
        ValueError: If one is empty, has control characters or more than 256
            characters.

    Reference:
        - [IPTC, Digital Source Type](
          https://cv.iptc.org/newscodes/digitalsourcetype/).
    """

    preset: str | None = None
    version: str | None = None
    software: str | None = None

    def __post_init__(self):
        if self.software is None:
            # The package that this module is part of is imported by now.
            version = sys.modules["keras_comic"].__version__
            object.__setattr__(self, "software", f"{SOFTWARE} {version}")
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if value is not None and not _FIELD.fullmatch(str(value)):
                raise ValueError(
                    f"`{field.name}` must have 1 to {MAX_LENGTH} characters, "
                    "no control characters, and no blanks around it. "
                    f"Received: {field.name}={value[: 2 * MAX_LENGTH]!r}"
                )

    def to_xmp(self):
        """Writes the XMP packet that says it: a string."""
        return PACKET.format(
            software=saxutils.escape(self.software),
            text=saxutils.escape(self.to_text()),
        )

    def to_text(self):
        """Writes one line that says it, for files that hold a comment."""
        return f"{self.sentence()} Digital source type: {DIGITAL_SOURCE_TYPE}"

    def sentence(self):
        """Writes one sentence for people: a string."""
        parts = [f"Made from a photo or video by {self.software}"]
        if self.preset is not None:
            parts.append(f"preset {self.preset}")
            if self.version is not None:
                parts.append(f"version {self.version}")
        return ", ".join(parts) + "."

    @classmethod
    def from_text(cls, text):
        """Reads what `to_text` wrote, also inside an XMP packet.

        Args:
            text: String.

        Returns:
            `Provenance`, or `None` if this program did not write it.
        """
        match = _TEXT.search(saxutils.unescape(text))
        return cls(**match.groupdict()) if match else None


def save_options(provenance, file_format):
    """Returns the arguments of Pillow's `save` that write it into a file.

    As XMP in PNG, JPEG, WebP and TIFF; as a comment in GIF.

    Args:
        provenance: `Provenance` or `None`, which writes nothing.
        file_format: String, Pillow's name of the format.

    Returns:
        Dict of keyword arguments.

    Example:

    >>> from PIL import Image
    >>> from keras_comic import provenance
    >>> options = provenance.save_options(provenance.Provenance("ink"), "JPEG")
    >>> Image.new("RGB", (8, 8)).save("comic.jpg", **options)
    >>> provenance.read_provenance("comic.jpg").preset
    'ink'
    """
    if provenance is None:
        return {}
    packet = provenance.to_xmp()
    if file_format == "PNG":
        chunks = PngImagePlugin.PngInfo()
        chunks.add_itxt("XML:com.adobe.xmp", packet)
        return {"pnginfo": chunks}
    if file_format in ("JPEG", "WEBP"):
        return {"xmp": packet.encode("utf-8")}
    if file_format == "TIFF":
        return {"tiffinfo": {XMP_TAG: packet.encode("utf-8")}}
    if file_format == "GIF":
        return {"comment": provenance.to_text()}
    raise ValueError(
        "`file_format` must be PNG, JPEG, WEBP, TIFF or GIF. "
        f"Received: file_format={file_format}"
    )


def png_chunk(provenance):
    """Returns the chunk that says it in a PNG file.

    It belongs behind the first chunk: `contents[:33] + chunk +
    contents[33:]`.

    Args:
        provenance: `Provenance`.

    Returns:
        Bytes: an `iTXt` chunk with its length and its checksum.
    """
    data = b"iTXtXML:com.adobe.xmp" + bytes(5)
    data += provenance.to_xmp().encode("utf-8")
    length = struct.pack(">I", len(data) - 4)
    return length + data + struct.pack(">I", zlib.crc32(data))


def animation_block(provenance, file_format):
    """Returns the bytes that say it in an animation by another encoder."""
    if file_format == "PNG":
        return png_chunk(provenance)
    if file_format == "WEBP":
        data = provenance.to_xmp().encode("utf-8")
        length = struct.pack("<I", len(data))
        return b"XMP " + length + data + bytes(len(data) % 2)
    if file_format != "GIF":
        raise ValueError(
            "`file_format` must be PNG, WEBP or GIF. "
            f"Received: file_format={file_format}"
        )
    # A comment, in pieces of up to 255 bytes.
    text = provenance.to_text().encode("utf-8")
    pieces = [text[i : i + 255] for i in range(0, len(text), 255)]
    blocks = b"".join(bytes([len(piece)]) + piece for piece in pieces)
    return b"!\xfe" + blocks + b"\0"


def read_provenance(source):
    """Reads what a picture or video says of how it was made.

    Args:
        source: String or path of a file, or its bytes: a PNG, JPEG, WebP,
            TIFF or GIF image, or a video, which needs PyAV.

    Returns:
        `Provenance`, or `None` if it does not say that this program made it.
        Metadata can be removed, or written by anyone: it informs the honest,
        and proves nothing.

    Raises:
        ImportError: If PyAV is needed and is not installed.
        OSError: If the file cannot be read.
        ValueError: If the format is none of these, or the file is damaged.
    """
    return Provenance.from_text(read_text(source))


def read_text(source):
    """Returns the text of a file's XMP packet, or else of its comment."""
    try:
        if isinstance(source, (bytes, bytearray, memoryview)):
            source = io.BytesIO(source)
        with Image.open(source, formats=PICTURES) as picture:
            text = picture.info.get("xmp") or picture.info.get("comment", "")
    except Image.UnidentifiedImageError:
        return _video_comment(source)
    except (SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(
            f"{_name_of(source)}: The picture cannot be read: {error}."
        ) from error
    return text if isinstance(text, str) else text.decode("utf-8", "replace")


def _video_comment(source):
    av = import_video_library()
    if isinstance(source, io.BytesIO):
        source.seek(0)
        file = source
    else:
        # The prefix, so that no name is taken for an address.
        file = f"file:{os.path.abspath(source)}"
    try:
        with av.open(file, metadata_errors="replace") as container:
            tags = container.metadata
    except av.FFmpegError as error:
        raise ValueError(
            f"{_name_of(source)}: The file must be a PNG, JPEG, WebP, TIFF or "
            f"GIF image, or a video that FFmpeg reads ({error})."
        ) from error
    tags = {name.lower(): value for name, value in tags.items()}
    return tags.get("comment", "")


def import_video_library():
    """Imports PyAV."""
    try:
        import av
    except ImportError as error:
        raise ImportError(
            "Reading this video needs PyAV: `pip install 'keras-comic[video]'`."
        ) from error
    return av


def _name_of(source):
    if isinstance(source, (bytes, bytearray, memoryview, io.BytesIO)):
        return "The contents"
    return os.fspath(source)
