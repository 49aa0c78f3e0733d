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


def rights_of(exif):
    """Takes artist, copyright and dates of a `PIL.Image.Exif`, as another one.

    All else is left out, and the location on purpose.
    """
    kept = Image.Exif()
    try:
        dates = exif.get_ifd(ExifTags.IFD.Exif)
        kept.update({tag: exif[tag] for tag in RIGHTS if exif.get(tag)})
    # Broken metadata do no harm to the picture.
    except Exception:
        return kept
    dates = {tag: dates[tag] for tag in DATES if dates.get(tag)}
    if dates:
        kept[ExifTags.IFD.Exif] = dates
    return kept
