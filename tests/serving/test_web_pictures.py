import io

import numpy as np
from PIL import Image

from keras_comic.serving import web_pictures
from tests.test_case import TestCase
from tests.test_case import photos


class WebPicturesTest(TestCase):
    def test_shown_jpeg(self):
        for shape, size in (
            ((20, 30, 3), (30, 20)),
            ((64, 2560, 3), (1280, 32)),
        ):
            picture = photos(*shape)
            jpeg = web_pictures.shown_jpeg(picture)
            with Image.open(io.BytesIO(jpeg)) as image:
                self.assertEqual(image.format, "JPEG")
                self.assertEqual(image.size, size)

    def test_size_of(self):
        self.assertEqual(web_pictures.size_of(photos(20, 30, 3)), (30, 20))

    def test_icon(self):
        path = self.temporary_folder() / "icon.png"
        web_pictures.draw_icon(path)
        icon = np.asarray(Image.open(io.BytesIO(path.read_bytes())))
        self.assertEqual(icon.shape, (128, 128, 4))
        self.assertEqual(icon[0, 0, 3], 0)
        self.assertEqual(icon[30, 64].tolist(), [255, 210, 63, 255])
