import numpy as np
from PIL import Image
from skimage import data

from keras_comic.comic import draw_ink
from keras_comic.comic import find_lines
from tests.test_case import TestCase


def disc_scene(side=240):
    """A grey disc on white, with fine noise everywhere."""
    rows, columns = np.indices((side, side)) - side / 2
    inside = np.hypot(rows, columns) < side / 4
    noise = np.random.default_rng(0).integers(-9, 10, (side, side))
    image = np.where(inside, 110, 220) + noise
    return np.repeat(image.astype("uint8")[..., None], 3, axis=-1)


class LinesTest(TestCase):
    def test_the_contour_and_nothing_else(self):
        ink = draw_ink(find_lines(disc_scene()))
        rows, columns = np.indices(ink.shape) - 120
        distance = np.abs(np.hypot(rows, columns) - 60)
        self.assertEqual((ink.dtype, ink.shape), ("float32", (240, 240)))
        # All around there is ink near the contour, and none elsewhere.
        angles = np.arctan2(rows, columns)
        for angle in np.arange(-3.0, 3.1, 0.5):
            near = (distance < 5) & (np.abs(angles - angle) < 0.1)
            self.assertGreater(ink[near].max(), 0.9)
        self.assertLess(ink[distance > 8].max(), 0.1)

    def test_local_and_deterministic(self):
        photo = data.astronaut()[:256, 100:356]
        layer = find_lines(photo)
        self.assertAllEqual(layer, find_lines(photo))
        # A bright lamp in a corner changes nothing far away: no stretch.
        lamp = photo.copy()
        lamp[:24, :24] = 255
        self.assertAllClose(
            find_lines(lamp)[150:, 150:], layer[150:, 150:], atol=0.02
        )

    def test_dark_is_ink(self):
        night = np.full((64, 64, 3), 6, "uint8")
        self.assertGreater(draw_ink(find_lines(night)).min(), 0.9)

    def test_the_same_weight_at_every_size(self):
        photo = Image.fromarray(data.astronaut())
        shares = []
        for side in (384, 768, 1536):
            resized = photo.resize((side, side), Image.Resampling.LANCZOS)
            ink = draw_ink(find_lines(np.asarray(resized)), 1.2)
            shares.append(ink.mean())
        self.assertAllClose(np.array(shares) / shares[1], np.ones(3), atol=0.2)

    def test_weights(self):
        layer = find_lines(data.coffee())
        shares = [draw_ink(layer, w).mean() for w in (0, 0.5, 1.0, 1.5, 3.0)]
        self.assertEqual(shares[0], 0.0)
        self.assertEqual(shares, sorted(shares))
        with self.assertRaisesRegex(ValueError, "`weight` must be >= 0"):
            draw_ink(layer, -1.0)
