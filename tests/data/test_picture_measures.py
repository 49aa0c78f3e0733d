import numpy as np
from PIL import Image
from PIL import ImageEnhance
from PIL import ImageFilter

from keras_comic.data.picture_measures import blank_fraction
from keras_comic.data.picture_measures import perceptual_hash
from keras_comic.data.picture_measures import sharpness
from tests.data.pages import draw_scene
from tests.data.pages import save_as_jpeg
from tests.test_case import TestCase
from tests.test_case import photos


def blur(image, radius):
    blurred = Image.fromarray(image).filter(ImageFilter.GaussianBlur(radius))
    return np.asarray(blurred)


def resize(image, height, width):
    resized = Image.fromarray(image).resize((width, height), 3)
    return np.asarray(resized)


def flat(color, height=96, width=128, deviation=0.0, seed=0):
    values = np.random.default_rng(seed).normal(
        0, deviation, (height, width, 3)
    )
    return np.clip(np.round(values + color), 0, 255).astype("uint8")


class SharpnessTest(TestCase):
    def test_worked_by_hand(self):
        # A checkerboard of 0 and 100: the Laplacian is 400 or -400.
        image = np.zeros((66, 66, 3), "uint8")
        image[::2, ::2] = image[1::2, 1::2] = 100
        self.assertAllClose(sharpness(image), 160000.0)

    def test_falls_with_blur(self):
        for light in (False, True):
            image = draw_scene(256, 320, light=light)
            values = [sharpness(blur(image, r)) for r in (0, 1, 2, 3, 4)]
            self.assertEqual(values, sorted(values, reverse=True))
            self.assertGreater(values[0], 500)
            self.assertLess(values[4], 15)

    def test_one_sharp_part_is_enough(self):
        image = np.array(blur(draw_scene(256, 320), 6))
        self.assertLess(sharpness(image), 10)
        image[100:200, 100:200] = draw_scene(256, 320)[100:200, 100:200]
        self.assertGreater(sharpness(image), 200)

    def test_errors(self):
        for measure in (sharpness, blank_fraction):
            with self.assertRaisesRegex(ValueError, "must be uint8 of shape"):
                measure(photos(8, 8))


class BlankTest(TestCase):
    def test_worked_by_hand(self):
        image = photos(64, 64, 3)
        self.assertEqual(blank_fraction(image), 0.0)
        image[:, :16] = (200, 30, 20)
        self.assertEqual(blank_fraction(image), 0.25)
        # Of two flat colours, the more frequent one.
        image[:, 16:48] = (20, 30, 200)
        self.assertEqual(blank_fraction(image), 0.5)

    def test_a_gradient_is_not_blank(self):
        levels = np.linspace(0, 255, 128)[None, :, None] * np.ones((96, 1, 3))
        self.assertLess(blank_fraction(levels.astype("uint8")), 0.2)


class HashTest(TestCase):
    def assertNear(self, image, other, distance=4):
        bits = perceptual_hash(image) ^ perceptual_hash(other)
        self.assertLessEqual(bits.bit_count(), distance)

    def test_the_bits_are_those_of_the_library(self):
        import imagehash

        image = draw_scene(96, 128)
        expected = str(imagehash.phash(Image.fromarray(image)))
        self.assertEqual(f"{perceptual_hash(image):016x}", expected)

    def test_copies(self):
        for seed in range(4):
            image = draw_scene(256, 320, seed)
            for height, width in ((128, 160), (100, 125), (640, 800)):
                self.assertNear(image, resize(image, height, width))
            for quality in (30, 75):
                self.assertNear(image, save_as_jpeg(image, quality))
            brighter = ImageEnhance.Brightness(Image.fromarray(image))
            self.assertNear(image, np.asarray(brighter.enhance(1.1)))

    def test_flat_pictures(self):
        self.assertEqual(perceptual_hash(flat(0.0)), 0)
        self.assertEqual(perceptual_hash(flat(255.0)), 2**63 - 1)
        # The same colour with other noise, at another size.
        for color in ((240, 240, 235), (10, 60, 120)):
            image = flat(color, deviation=2.0)
            self.assertNear(image, flat(color, 50, 50, 2.0, seed=1), 2)
            self.assertNear(image, save_as_jpeg(image, 60), 2)
        red, green = (
            perceptual_hash(flat(c)) for c in ((200, 0, 0), (0, 200, 0))
        )
        self.assertGreater((red ^ green).bit_count(), 20)
