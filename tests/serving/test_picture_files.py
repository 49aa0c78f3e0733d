import io

import numpy as np
from PIL import Image

from keras_comic.serving.picture_files import read_png
from keras_comic.serving.picture_files import write_png
from tests.test_case import TestCase
from tests.test_case import photos


class PictureFilesTest(TestCase):
    def test_round_trip(self):
        photo = photos(33, 47, 3)
        contents = write_png(photo)
        with Image.open(io.BytesIO(contents)) as image:
            self.assertEqual((image.format, image.size), ("PNG", (47, 33)))
        found = read_png(contents)
        self.assertDType(found, "uint8")
        self.assertAllEqual(found, photo)

    def test_grey_becomes_rgb(self):
        file = io.BytesIO()
        Image.fromarray(np.full((4, 5), 9, "uint8")).save(file, "PNG")
        found = read_png(file.getvalue())
        self.assertAllEqual(found, np.full((4, 5, 3), 9))

    def test_other_files(self):
        file = io.BytesIO()
        Image.fromarray(photos(8, 8, 3)).save(file, "JPEG")
        whole = write_png(photos(32, 32, 3))
        for contents in (b"", b"text", file.getvalue(), whole[:200]):
            with self.assertRaises(OSError):
                read_png(contents)
