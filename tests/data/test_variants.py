import hashlib
import subprocess
import sys

import numpy as np
from absl.testing import parameterized
from PIL import Image

from keras_comic.data.edge_smoothing import edge_smoothed
from keras_comic.data.smoothing import l0_smoothed
from keras_comic.data.smoothing import nl_means_smoothed
from keras_comic.data.superpixels import superpixels
from keras_comic.data.variants import VARIANTS
from keras_comic.data.variants import blur_weights
from keras_comic.data.variants import make_variant
from tests.test_case import ROOT
from tests.test_case import TestCase
from tests.test_case import photos


def drawing(height=48, width=64):
    """Lines, a disc and some grain, in integers: the same everywhere."""
    rows, columns = np.mgrid[:height, :width]
    image = np.full((height, width, 3), [240, 230, 200], "int64")
    image[(rows - 24) ** 2 + (columns - 20) ** 2 < 200] = [200, 60, 40]
    image[abs(3 * rows - 2 * columns) < 5] = [20, 20, 30]
    image[(columns > 44) & (rows % 12 < 2)] = [40, 80, 160]
    grain = rows * 7919 + columns * 104729
    image += (grain[..., None] * [3, 5, 7] >> 4) % 13 - 6
    return np.clip(image, 0, 255).astype("uint8")


class VariantsTest(TestCase, parameterized.TestCase):
    @parameterized.parameters(*VARIANTS)
    def test_every_variant(self, name):
        image = drawing()
        variant = make_variant(name, image)
        self.assertEqual(variant.dtype, "uint8")
        self.assertEqual(variant.shape, image.shape)
        self.assertTrue(variant.flags.c_contiguous)
        self.assertNotAllClose(variant, image)
        self.assertAllEqual(image, drawing())

    # The same bytes on every machine and with every version.
    @parameterized.parameters(
        ("edge_smoothed", "5959fd15d764f86b"),
        ("grayscale", "c6e54d32a73436cd"),
        ("blurred", "e48fea284cc55b1b"),
    )
    def test_bytes(self, name, expected):
        variant = make_variant(name, drawing())
        digest = hashlib.sha256(variant.tobytes()).hexdigest()
        self.assertEqual(digest[:16], expected)

    @parameterized.parameters(*VARIANTS)
    def test_is_deterministic(self, name):
        once = make_variant(name, drawing())
        self.assertAllEqual(make_variant(name, drawing()), once)
        wide = np.zeros((60, 80, 3), "uint8")
        wide[4:52, 8:72] = drawing()
        self.assertAllEqual(make_variant(name, wide[4:52, 8:72]), once)

    def test_settings(self):
        image = drawing()
        for name, expected in (
            ("edge_smoothed", edge_smoothed(image)),
            ("superpixels", superpixels(image)),
            ("smoothed", l0_smoothed(nl_means_smoothed(image), 0.005)),
        ):
            self.assertAllEqual(make_variant(name, image), expected)

    def test_grayscale(self):
        image = photos(16, 24, 3)
        gray = make_variant("grayscale", image)
        expected = np.asarray(Image.fromarray(image).convert("L"))
        for channel in range(3):
            self.assertAllEqual(gray[..., channel], expected)
        self.assertAllClose(
            gray[..., 0], image @ [0.299, 0.587, 0.114], atol=0.51
        )

    def test_blurred(self):
        from scipy import ndimage

        image = photos(40, 32, 3)
        expected = ndimage.gaussian_filter(
            image.astype("float64"),
            (3, 3, 0),
            mode="mirror",
            truncate=10 / 3,
        )
        self.assertAllClose(make_variant("blurred", image), expected, atol=0.8)

    def test_blur_weights(self):
        weights = blur_weights()
        self.assertEqual(sum(weights), 4096)
        self.assertEqual(weights, weights[::-1])
        self.assertEqual((weights[0], weights[10]), (2, 544))
        places = np.arange(-10, 11)
        deviation = np.sqrt((places**2 * np.array(weights)).sum() / 4096)
        self.assertAllClose(deviation, 3.0, atol=0.02)

    @parameterized.product(
        name=VARIANTS, size=[(1, 1), (1, 20), (7, 2), (31, 45)]
    )
    def test_sizes(self, name, size):
        image = photos(*size, 3)
        self.assertEqual(make_variant(name, image).shape, image.shape)

    def test_errors(self):
        with self.assertRaisesRegex(
            ValueError, "one of edge_smoothed, grayscale.* name=sharpened"
        ):
            make_variant("sharpened", drawing())
        with self.assertRaisesRegex(
            ValueError, r"uint8 of shape.* image.shape=\(48, 64\)"
        ):
            make_variant("blurred", drawing()[..., 0])
        with self.assertRaisesRegex(ValueError, "image.dtype=float64"):
            make_variant("blurred", drawing() / 255.0)

    def test_import_is_light(self):
        program = (
            "import sys, keras; before = set(sys.modules);"
            "import keras_comic.data.variants;"
            "print(*sorted({'scipy', 'skimage', 'cv2'}"
            " & (set(sys.modules) - before)))"
        )
        done = subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            check=True,
            cwd=ROOT,
            text=True,
        )
        self.assertEqual(done.stdout.split(), [])
