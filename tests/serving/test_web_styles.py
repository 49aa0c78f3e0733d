import io

import numpy as np
from PIL import Image

from keras_comic.models import AdaINGenerator
from keras_comic.serving.web_styles import SAMPLES
from keras_comic.serving.web_styles import THUMBNAIL_BOX
from keras_comic.serving.web_styles import THUMBNAIL_SIDE
from keras_comic.serving.web_styles import StylePictures
from keras_comic.serving.web_styles import encode_jpeg
from keras_comic.serving.web_styles import sample_photo
from tests.test_case import TestCase
from tests.test_case import photos


def pixels(jpeg):
    return np.asarray(Image.open(io.BytesIO(jpeg))).astype(int)


def make_generator():
    generator = AdaINGenerator.light((4, 8, 4, 4), 1, 8)
    generator.add_style("dark", photos(32, 32, 3, seed=1) // 4)
    generator.add_style("light", photos(32, 32, 3, seed=2))
    return generator


class StylePicturesTest(TestCase):
    @classmethod
    def setUpClass(cls):
        cls.generator = make_generator()

    def setUp(self):
        self.folder = self.temporary_folder() / "pictures"
        self.pictures = StylePictures(self.generator, self.folder)

    def test_thumbnail(self):
        left, upper, right, lower = THUMBNAIL_BOX
        face = sample_photo("chelsea")[upper:lower, left:right]
        self.assertEqual(face.shape, (300, 300, 3))
        comic = Image.fromarray(self.generator.stylize(face, "light"))
        small = comic.resize([THUMBNAIL_SIDE] * 2, Image.Resampling.LANCZOS)
        self.assertEqual(
            self.pictures.thumbnail("light"), encode_jpeg(np.asarray(small))
        )

    def test_kept(self):
        made = self.pictures.thumbnail("light")
        (path,) = self.folder.iterdir()
        # What is there is taken as it is.
        Image.new("RGB", (8, 8)).save(path)
        kept = self.pictures.thumbnail("light")
        self.assertEqual(kept, path.read_bytes())
        # But for what is broken.
        path.write_bytes(b"broken")
        self.assertEqual(self.pictures.thumbnail("light"), made)
        self.assertEqual(path.read_bytes(), made)
        self.pictures.thumbnail("dark")
        self.assertEqual(len(list(self.folder.iterdir())), 2)

    def test_another_generator_is_another_picture(self):
        self.pictures.thumbnail("light")
        other = make_generator()
        other.add_style("light", photos(32, 32, 3, seed=3))
        StylePictures(other, self.folder).thumbnail("light")
        self.assertEqual(len(list(self.folder.iterdir())), 2)
        weights = self.generator.get_weights()
        weights[0] = weights[0] + 1e-3
        other = make_generator()
        other.set_weights(weights)
        other._styles = self.generator._styles
        StylePictures(other, self.folder).thumbnail("light")
        self.assertEqual(len(list(self.folder.iterdir())), 3)

    def test_folder_that_cannot_be_written(self):
        self.folder.write_text("a file")
        self.assertEqual(
            pixels(self.pictures.thumbnail("dark")).shape[:2],
            (THUMBNAIL_SIDE, THUMBNAIL_SIDE),
        )

    def test_opening(self):
        before, after, size = self.pictures.opening("light")
        self.assertEqual(pixels(before).shape, (512, 512, 3))
        self.assertEqual(pixels(after).shape, (512, 512, 3))
        self.assertEqual(size, (512, 512))


class SamplePhotoTest(TestCase):
    def test_samples(self):
        for name in SAMPLES:
            photo = sample_photo(name)
            self.assertEqual(photo.dtype, np.uint8)
            self.assertEqual(photo.shape[2], 3)
        with self.assertRaisesRegex(ValueError, "Received: name='lena'"):
            sample_photo("lena")
