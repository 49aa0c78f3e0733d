"""What a comic keeps of its photo's metadata: who made it, and when."""

import io

from PIL import ExifTags
from PIL import Image

from keras_comic.data.image_formats import FORMATS
from keras_comic.data.paths import path_of
from keras_comic.data.paths import reached

# Tags of the file, and of the EXIF data within.
RIGHTS = (ExifTags.Base.Artist, ExifTags.Base.Copyright, ExifTags.Base.DateTime)
DATES = (
    ExifTags.Base.DateTimeOriginal,
    ExifTags.Base.OffsetTimeOriginal,
    ExifTags.Base.OffsetTime,
)


def read_rights(path):
    """Reads artist, copyright and dates of a photo as `PIL.Image.Exif`.

    All else is left out, and the location on purpose.
    """
    kept = Image.Exif()
    path = path_of(path)
    try:
        with reached(path), path.open("rb") as file:
            contents = io.BytesIO(file.read())
        with Image.open(contents, formats=[*FORMATS, "MPO"]) as picture:
            found = picture.getexif()
            dates = found.get_ifd(ExifTags.IFD.Exif)
    # Broken metadata do no harm to the picture.
    except Exception:
        return kept
    kept.update({tag: found[tag] for tag in RIGHTS if found.get(tag)})
    dates = {tag: dates[tag] for tag in DATES if dates.get(tag)}
    if dates:
        kept[ExifTags.IFD.Exif] = dates
    return kept
