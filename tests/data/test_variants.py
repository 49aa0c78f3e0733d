import hashlib

import numpy as np
from absl.testing import parameterized
from scipy import ndimage

from keras_comic.data.variants import VARIANTS
from keras_comic.data.variants import l0_smoothed
from keras_comic.data.variants import make_variant
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


def areas(height=32, width=40):
    """Flat areas with sharp edges."""
    image = np.full((height, width, 3), [30, 60, 120], "uint8")
    image[:, : width // 2] = [200, 160, 90]
    image[: height // 3, : width // 3] = [120, 180, 60]
    return image


def l0_by_matrices(image, smoothness):
    """The same minimisation, its linear systems solved as matrices."""

    def difference(side):
        matrix = np.eye(side, k=1) - np.eye(side)
        matrix[-1] = 0.0
        return matrix

    height, width = image.shape[:2]
    rows = np.kron(difference(height), np.eye(width))
    columns = np.kron(np.eye(height), difference(width))
    laplacian = rows.T @ rows + columns.T @ columns
    target = image.reshape(-1, 3) / 255.0
    smooth = target
    beta = 2.0 * smoothness
    while beta < 1e5:
        across, down = columns @ smooth, rows @ smooth
        squares = (across**2 + down**2).sum(axis=1, keepdims=True)
        across = np.where(squares < smoothness / beta, 0.0, across)
        down = np.where(squares < smoothness / beta, 0.0, down)
        smooth = np.linalg.solve(
            np.eye(height * width) + beta * laplacian,
            target + beta * (columns.T @ across + rows.T @ down),
        )
        beta *= 2.0
    return smooth.reshape(image.shape) * 255.0


class VariantsTest(TestCase, parameterized.TestCase):
    @parameterized.parameters(*VARIANTS)
    def test_every_variant(self, name):
        image = drawing()
        variant = make_variant(name, image)
        self.assertDType(variant, "uint8")
        self.assertShape(variant, image.shape)
        self.assertNotAllClose(variant, image)
        self.assertAllEqual(image, drawing())
        # A view of a larger image gives the same.
        wide = np.zeros((60, 80, 3), "uint8")
        wide[4:52, 8:72] = drawing()
        self.assertAllEqual(make_variant(name, wide[4:52, 8:72]), variant)
        for size in ((1, 1), (1, 20), (7, 2), (31, 45)):
            image = photos(*size, 3)
            self.assertShape(make_variant(name, image), image.shape)

    # The same bytes on every machine and with every version.
    @parameterized.parameters(
        ("edge_smoothed", "5959fd15d764f86b"),
        ("grayscale", "c6e54d32a73436cd"),
        ("blurred", "f0c61d9917692bf3"),
    )
    def test_bytes(self, name, expected):
        variant = make_variant(name, drawing())
        digest = hashlib.sha256(variant.tobytes()).hexdigest()
        self.assertEqual(digest[:16], expected)

    def test_edge_smoothed(self):
        image = np.zeros((16, 24, 3), "uint8")
        image[:, 12:] = 255
        # Canny marks column 11 or 12; the 5 x 5 square reaches two further.
        # The weights are 1, 4, 6, 4, 1 of 16.
        row = np.array([0] * 10 + [16, 80, 175, 239] + [255] * 10)
        expected = np.broadcast_to(row[:, None], image.shape)
        self.assertAllEqual(make_variant("edge_smoothed", image), expected)
        # Sobel's sum is four times the step; 200 is no edge yet.
        image[:, 12:] = 50
        self.assertAllEqual(make_variant("edge_smoothed", image), image)

    def test_blurred(self):
        image = photos(40, 32, 3)
        expected = ndimage.gaussian_filter(
            image.astype("float64"), (3, 3, 0), mode="mirror", truncate=10 / 3
        )
        # OpenCV rounds the weights to parts of 256.
        self.assertAllClose(make_variant("blurred", image), expected, atol=2.0)

    # A quarter of the pixels differ from the rest: the standard deviation is
    # 3 ** 0.5 / 4 of the difference.
    @parameterized.parameters(
        (40, 110),  # Deviation 17: the mean, 100 + 10.
        (80, 110),  # 35: half of the mean of 120 and the median of 100.
        (120, 100),  # 52: the median.
    )
    def test_colors_of_superpixels(self, difference, expected):
        image = np.full((16, 16, 3), 100, "uint8")
        image[::2, ::2] += difference
        flat = make_variant("superpixels", image)
        self.assertAllEqual(flat, np.full_like(image, expected))

    def test_smoothed(self):
        noise = np.random.default_rng(0).normal(0.0, 3.0, (32, 40, 3))
        noisy = np.clip(areas() + noise, 0, 255).astype("uint8")
        smooth = make_variant("smoothed", noisy).astype(int)
        self.assertLess(abs(smooth - areas()).mean(), 1.5)
        inside = smooth[12:, 24:]
        self.assertLessEqual(np.ptp(inside, axis=(0, 1)).max(), 2)

    @parameterized.parameters(0.005, 0.02)
    def test_l0_is_what_matrices_give(self, smoothness):
        image = photos(9, 12, 3) // 4 + areas(9, 12) // 2
        expected = l0_by_matrices(image, smoothness)
        found = l0_smoothed(image, smoothness)
        self.assertAllClose(found, expected, atol=0.51, rtol=0)

    def test_errors(self):
        with self.assertRaisesRegex(
            ValueError, "one of edge_smoothed, grayscale.* name=sharpened"
        ):
            make_variant("sharpened", drawing())
        with self.assertRaisesRegex(
            ValueError, r"uint8 of shape.* image.shape=\(48, 64\)"
        ):
            make_variant("blurred", drawing()[..., 0])
