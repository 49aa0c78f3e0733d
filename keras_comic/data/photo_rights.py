"""What a comic keeps of its photo's metadata: who made it, and when."""

from PIL import ExifTags
from PIL import Image

# Tags of the file, and of the EXIF data within.
RIGHTS = (ExifTags.Base.Artist, ExifTags.Base.Copyright, ExifTags.Base.DateTime)
DATES = (
    ExifTags.Base.DateTimeOriginal,
    ExifTags.Base.OffsetTimeOriginal,
    ExifTags.Base.OffsetTime,
)


def rights_of(picture):
    """Reads artist, copyright and dates of a picture as `PIL.Image.Exif`.

    All else is left out, and the location on purpose.
    """
    kept = Image.Exif()
    try:
        found = picture.getexif()
        dates = found.get_ifd(ExifTags.IFD.Exif)
        kept.update({tag: found[tag] for tag in RIGHTS if found.get(tag)})
    # Broken metadata do no harm to the picture.
    except Exception:
        return kept
    dates = {tag: dates[tag] for tag in DATES if dates.get(tag)}
    if dates:
        kept[ExifTags.IFD.Exif] = dates
    return kept
