from absl.testing import parameterized
from PIL import ExifTags
from PIL import Image

from keras_comic.data.images import open_image
from keras_comic.data.photo_rights import rights_of
from keras_comic.models.image_files import write_image
from tests.test_case import TestCase
from tests.test_case import photos

ARTIST, COPYRIGHT = ExifTags.Base.Artist, ExifTags.Base.Copyright
TAKEN = ExifTags.Base.DateTimeOriginal


class PhotoRightsTest(TestCase, parameterized.TestCase):
    def photo(self, name="photo.jpg"):
        path = self.temporary_folder() / name
        exif = Image.Exif()
        exif[ARTIST], exif[COPYRIGHT] = "Ada", "CC BY 4.0"
        exif[ExifTags.Base.Orientation] = 6
        exif[ExifTags.IFD.Exif] = {TAKEN: "2026:12:01 08:00:00"}
        exif[ExifTags.IFD.GPSInfo] = {1: "N"}
        Image.fromarray(photos(32, 40, 3)).save(path, exif=exif)
        return path

    @parameterized.parameters("a.jpg", "a.png", "a.webp", "a.tif")
    def test_comics_keep_them(self, name):
        comic = self.temporary_folder() / name
        rights = rights_of(open_image(self.photo()).exif)
        write_image(comic, photos(32, 40, 3), rights=rights)
        with Image.open(comic) as picture:
            self.assertEqual(picture.size, (40, 32))
            exif = picture.getexif()
            self.assertEqual(exif[ARTIST], "Ada")
            self.assertEqual(exif[COPYRIGHT], "CC BY 4.0")
            taken = exif.get_ifd(ExifTags.IFD.Exif).get(TAKEN)
            if name != "a.tif":
                self.assertEqual(taken, "2026:12:01 08:00:00")
            self.assertNotIn(ExifTags.Base.Orientation, exif)
            self.assertEqual(exif.get_ifd(ExifTags.IFD.GPSInfo), {})
            self.assertIn("icc_profile", picture.info)

    def test_none(self):
        path = self.temporary_folder() / "photo.png"
        Image.fromarray(photos(32, 40, 3)).save(path)
        self.assertEqual(dict(rights_of(open_image(path).exif)), {})

    @parameterized.parameters("a.png", "a.webp")
    def test_of_other_formats(self, name):
        rights = rights_of(open_image(self.photo(name)).exif)
        self.assertEqual((rights[ARTIST], rights[COPYRIGHT])[0], "Ada")
        self.assertNotIn(ExifTags.IFD.GPSInfo, rights)
