from absl.testing import parameterized
from PIL import ExifTags
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from keras_comic.data.images import open_image
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
        rights = open_image(self.photo()).rights
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
        self.assertEqual(dict(open_image(path).rights), {})

    @parameterized.parameters("a.png", "a.webp")
    def test_of_other_formats(self, name):
        rights = open_image(self.photo(name)).rights
        self.assertEqual((rights[ARTIST], rights[COPYRIGHT])[0], "Ada")
        self.assertNotIn(ExifTags.IFD.GPSInfo, rights)

    def test_where_exif_does_not_tell(self):
        folder = self.temporary_folder()
        image = Image.fromarray(photos(32, 40, 3))
        xmp = (
            b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF><rdf:Description '
            b'xmp:CreateDate="2026-12-01T08:00:00"><dc:creator><rdf:Seq>'
            b"<rdf:li>Ada</rdf:li><rdf:li>Bob</rdf:li></rdf:Seq></dc:creator>"
            b'<dc:rights><rdf:Alt><rdf:li xml:lang="x-default">CC0</rdf:li>'
            b"</rdf:Alt></dc:rights></rdf:Description></rdf:RDF></x:xmpmeta>"
        )
        image.save(folder / "xmp.jpg", xmp=xmp)
        iptc = b"".join(
            b"\x1c\x02" + bytes([number]) + len(text).to_bytes(2, "big") + text
            for number, text in ((80, b"Ada"), (116, b"CC0"), (55, b"20261201"))
        )
        block = b"8BIM\x04\x04\x00\x00" + len(iptc).to_bytes(4, "big") + iptc
        image.save(folder / "iptc.jpg")
        plain = (folder / "iptc.jpg").read_bytes()
        segment = b"Photoshop 3.0\x00" + block + bytes(len(iptc) % 2)
        (folder / "iptc.jpg").write_bytes(
            plain[:2]
            + b"\xff\xed"
            + (len(segment) + 2).to_bytes(2, "big")
            + segment
            + plain[2:]
        )
        text = PngInfo()
        text.add_text("Author", "Ada")
        text.add_itxt("Copyright", "CC0")
        image.save(folder / "text.png", pnginfo=text)
        for name, artist in (
            ("xmp.jpg", "Ada, Bob"),
            ("iptc.jpg", "Ada"),
            ("text.png", "Ada"),
        ):
            rights = open_image(folder / name).rights
            self.assertEqual(
                (rights[ARTIST], rights[COPYRIGHT]), (artist, "CC0")
            )
            write_image(folder / "comic.png", photos(32, 40, 3), rights=rights)
            with Image.open(folder / "comic.png") as comic:
                self.assertEqual(comic.getexif()[ARTIST], artist)
