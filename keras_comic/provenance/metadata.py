"""What a picture's file says of how the picture was made."""

import contextlib
import dataclasses
import io
import os
import re
import sys
from xml.sax import saxutils

from keras_comic.provenance import image_containers
from keras_comic.provenance import iptc
from keras_comic.provenance import video_containers
from keras_comic.provenance import xmp

DIGITAL_SOURCE_TYPE = (
    "http://cv.iptc.org/newscodes/digitalsourcetype/"
    "compositeWithTrainedAlgorithmicMedia"
)
SOFTWARE = "keras_comic"
MAX_LENGTH = 256
MEDIA_TYPES = {
    "GIF": "image/gif",
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "TIFF": "image/tiff",
    "WEBP": "image/webp",
}
# Matroska and WebM, FLV, WMV: by their first four bytes.
OTHER_VIDEOS = {
    b"\x1aE\xdf\xa3": "matroska",
    b"FLV\x01": "flv",
    b"0&\xb2u": "asf",
}

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_DATE = re.compile(
    r"\d{4}(-\d\d(-\d\d(T\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:\d\d)?)?)?)?"
)
_TEXT = re.compile(
    r"Made from a photo or video by (?P<software>.+?)"
    r"(, preset (?P<preset>.+?)(, version (?P<version>.+?))?)?"
    rf"(, created (?P<created>{_DATE.pattern}))?"
    rf"\. Digital source type: {re.escape(DIGITAL_SOURCE_TYPE)}"
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
            _given(properties), self.sentence(), _given(event)
        )

    def to_text(self):
        """One line that says it, for files that hold a comment and no XMP.

        Returns:
            String, which `from_text` reads.
        """
        return f"{self.sentence()} Digital source type: {DIGITAL_SOURCE_TYPE}"

    def sentence(self):
        """What people are told of it.

        Returns:
            String.
        """
        made = f"Made from a photo or video by {self.software}"
        parts = [made, self._parameters()]
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

    @classmethod
    def from_text(cls, text):
        """Reads what `to_text` wrote.

        Args:
            text: String.

        Returns:
            `Provenance`, or `None` if it is another text.
        """
        found = _TEXT.fullmatch(text.strip())
        return cls(**found.groupdict()) if found else None


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
        - [XMP specification, part 3](
          https://github.com/adobe/xmp-docs/tree/master/XMPSpecifications).
    """
    return animation_block(provenance, "PNG")


def animation_block(provenance, name):
    """What says it in an animation that is written piece by piece."""
    make_block = {
        "GIF": image_containers.gif_block,
        "PNG": image_containers.png_text_chunk,
        "WEBP": image_containers.webp_chunk,
    }[name]
    return make_block(_packet(provenance, name)[0])


def embed_provenance(contents, provenance):
    """Writes into an encoded picture or video how it was made.

    Only metadata is touched: what is encoded stays as it is, byte for byte.
    As XMP in PNG, JPEG, WebP, TIFF, GIF, MP4 and QuickTime; in JPEG also as
    IPTC fields (program, version, caption). XMP that is there is kept but for
    the properties that this writes; see `keras_comic.provenance.xmp`.

    Args:
        contents: Bytes of the file.
        provenance: `Provenance`.

    Returns:
        Bytes. The same arguments give the same bytes.

    Raises:
        ValueError: If the format is none of these, the file is damaged, or
            it holds XMP that cannot be read, and would be lost.

    Example:

    >>> import io
    >>> from PIL import Image
    >>> from keras_comic import provenance
    >>> file = io.BytesIO()
    >>> Image.new("RGB", (8, 8)).save(file, "JPEG")
    >>> said = provenance.Provenance("ink")
    >>> contents = provenance.embed_provenance(file.getvalue(), said)
    >>> provenance.read_provenance(contents).preset
    'ink'
    """
    contents = bytes(contents)
    name = image_containers.image_format(contents)
    if name is None:
        if not video_containers.is_video(contents):
            raise _unknown_format(contents)
        file = io.BytesIO(contents)
        append_provenance(file, provenance)
        return file.getvalue()
    old = image_containers.find_packet(contents)
    packet, before = _packet(provenance, name, old)
    contents = image_containers.replace_packet(contents, packet)
    if name == "JPEG":
        program, _, version = provenance.software.rpartition(" ")
        contents = iptc.write_iptc(
            contents,
            program or version,
            version if program else None,
            provenance.sentence() if old is None or before else None,
            before and before.sentence(),
        )
    return contents


def append_provenance(file, provenance):
    """Writes at the end of an MP4 or QuickTime file how it was made."""
    old = video_containers.find_packet(file)
    packet, _ = _packet(provenance, None, old)
    video_containers.append_packet(file, packet)


def read_xmp(source):
    """The XMP packet of a picture or video, whoever wrote it.

    Args:
        source: String or path of a file, or its bytes: PNG, JPEG, WebP, TIFF,
            GIF, MP4 or QuickTime.

    Returns:
        String, or `None` if there is none.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If the format is none of these, or the file is damaged.
    """
    with _open(source) as file, _named(source):
        start = file.read(16)
        file.seek(0)
        if image_containers.image_format(start):
            packet = image_containers.find_packet(file.read())
        elif video_containers.is_video(start):
            packet = video_containers.find_packet(file)
        else:
            raise _unknown_format(start)
        return None if packet is None else xmp.decode(packet)


def read_provenance(source):
    """What a picture or video says of how it was made.

    Args:
        source: String or path of a file, or its bytes: of a format of
            `read_xmp`, or a video of another format whose comment holds it
            (Matroska, WebM, AVI, FLV, WMV; needs PyAV).

    Returns:
        `Provenance`, or `None` if it does not say that this program made it.
        Metadata can be removed, or written by anyone: it informs the honest,
        and proves nothing.

    Raises:
        ImportError: If PyAV is needed and is not installed.
        OSError: If the file cannot be read.
        ValueError: If the format is none of these, or the file is damaged.

    Example:

    >>> from PIL import Image
    >>> from keras_comic import provenance
    >>> Image.new("RGB", (8, 8)).save("plain.png")
    >>> provenance.read_provenance("plain.png") is None
    True
    """
    with _open(source) as file, _named(source):
        start = file.read(16)
        file.seek(0)
        if is_other_video(start):
            return Provenance.from_text(_comment(file))
    packet = read_xmp(source)
    if packet is None:
        return None
    with _named(source):
        return Provenance.from_xmp(packet)


def _packet(provenance, name, old=None):
    """The packet's bytes, and the provenance that was there."""
    packet = provenance.to_xmp(MEDIA_TYPES.get(name))
    before = None
    if old is not None:
        old = xmp.decode(old)
        before = Provenance.from_xmp(old)
        if before is not None:
            # A description of our own is not kept as that of another.
            said, says = before.sentence(), provenance.sentence()
            old = old.replace(saxutils.escape(said), saxutils.escape(says))
        packet = xmp.merge_packets(old, packet)
    return packet.encode("utf-8"), before


def _open(source):
    if isinstance(source, (bytes, bytearray, memoryview)):
        return io.BytesIO(source)
    return open(source, "rb")


@contextlib.contextmanager
def _named(source):
    """Says in an error which file it is about."""
    try:
        yield
    except ValueError as error:
        if isinstance(source, (bytes, bytearray, memoryview)):
            raise
        raise ValueError(f"{os.fspath(source)}: {error}") from error


def is_other_video(contents):
    """Whether a file is a video that holds a comment and no XMP."""
    is_avi = contents[:4] == b"RIFF" and contents[8:11] == b"AVI"
    return is_avi or contents[:4] in OTHER_VIDEOS


def import_video_library():
    """Imports PyAV."""
    try:
        import av
    except ImportError as error:
        raise ImportError(
            "Reading this video needs PyAV: `pip install 'keras-comic[video]'`."
        ) from error
    return av


def _comment(file):
    av = import_video_library()
    # By what it begins with, not by what the file is called.
    file.seek(0)
    kind = OTHER_VIDEOS.get(file.read(4), "avi")
    file.seek(0)
    try:
        with av.open(file, format=kind) as container:
            tags = container.metadata
    except av.FFmpegError as error:
        raise ValueError(f"The video cannot be read: {error}.") from error
    tags = {name.lower(): value for name, value in tags.items()}
    return tags.get("comment", "")


def _unknown_format(contents):
    return ValueError(
        "The file must be a PNG, JPEG, WebP, TIFF or GIF image, or an MP4 or "
        f"QuickTime video. Received: a file that begins with {contents[:12]!r}"
    )


def _given(entries):
    return {name: value for name, value in entries.items() if value is not None}
