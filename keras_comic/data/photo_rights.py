"""What a comic keeps of its photo's metadata: who made it, and when."""

import contextlib
import re

from PIL import ExifTags
from PIL import Image

# Tags of the file, and of the EXIF data within.
RIGHTS = (ExifTags.Base.Artist, ExifTags.Base.Copyright, ExifTags.Base.DateTime)
DATES = (
    ExifTags.Base.DateTimeOriginal,
    ExifTags.Base.OffsetTimeOriginal,
    ExifTags.Base.OffsetTime,
)
# Where EXIF does not tell: properties of XMP, datasets of IPTC, and keywords
# of PNG.
OTHERS = {
    RIGHTS[0]: ("dc:creator", (2, 80), "Author"),
    RIGHTS[1]: ("dc:rights", (2, 116), "Copyright"),
    RIGHTS[2]: ("xmp:CreateDate", (2, 55), "Creation Time"),
}


def rights_of(exif, info):
    """Takes artist, copyright and dates of a picture, as `PIL.Image.Exif`.

    `exif` and `info` are Pillow's. All else is left out, and the location on
    purpose.
    """
    kept = Image.Exif()
    # Broken metadata do no harm to the picture.
    with contextlib.suppress(Exception):
        dates = exif.get_ifd(ExifTags.IFD.Exif)
        kept.update({tag: exif[tag] for tag in RIGHTS if exif.get(tag)})
        dates = {tag: dates[tag] for tag in DATES if dates.get(tag)}
        if dates:
            kept[ExifTags.IFD.Exif] = dates
    for tag, (name, dataset, keyword) in OTHERS.items():
        found = kept.get(tag) or info.get(keyword)
        with contextlib.suppress(Exception):
            found = found or _of_xmp(info, name) or _of_iptc(info, dataset)
        if found and isinstance(found, str):
            kept[tag] = found
    return kept


def _of_xmp(info, name):
    text = info.get("xmp") or info.get("XML:com.adobe.xmp") or b""
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    element = rf"<{name}>(.*?)</{name}>"
    found = re.search(rf'{element}|\b{name}="([^"]*)"', text, re.DOTALL)
    if not found:
        return None
    # A list, or one text in several languages: all of it, the marks left out.
    parts = re.split(r"<[^>]*>", found[1] or found[2] or "")
    return ", ".join(part.strip() for part in parts if part.strip())


def _of_iptc(info, wanted):
    resources = info.get("photoshop", {})
    data, values = resources.get(0x0404, b""), []
    # A mark, record and dataset, and the length of the value behind them.
    for found in re.finditer(rb"\x1c(.)(.)(..)", data, re.DOTALL):
        length = int.from_bytes(found[3], "big")
        if (*found[1], *found[2]) == wanted:
            values.append(data[found.end() : found.end() + length])
    return ", ".join(value.decode("utf-8", "replace") for value in values)
