import numpy as np
import pytest
from absl.testing import parameterized
from PIL import Image

from keras_comic.data.edge_smoothing import canny_edges
from keras_comic.data.edge_smoothing import edge_smoothed
from keras_comic.data.edge_smoothing import filtered
from keras_comic.data.edge_smoothing import luma
from tests.test_case import SHARED
from tests.test_case import TestCase
from tests.test_case import photos
from tests.test_case import shared


def step(low=0, high=255, height=16, width=24):
    """An image whose right half, from column 12, has another level."""
    image = np.full((height, width, 3), low, "uint8")
    image[:, width // 2 :] = high
    return image


def shapes(height=48, width=64):
    """Grey areas with straight, slanting and round edges."""
    rows, columns = np.mgrid[:height, :width]
    image = np.full((height, width), 40.0)
    image[rows > 30] = 90.0
    image[2 * columns + rows > 100] += 70.0
    image[(rows - 15) ** 2 + (columns - 20) ** 2 < 120] += 90.0
    return image.astype("uint8")


class EdgeSmoothedTest(TestCase, parameterized.TestCase):
    def test_step(self):
        # Canny marks column 11 or 12; the 5 x 5 square reaches two further.
        # The weights are 1, 4, 6, 4, 1 of 16: 255 / 16 and 255 * 5 / 16 are
        # 15.9 and 79.7.
        smooth = edge_smoothed(step())
        row = [0] * 10 + [16, 80, 175, 239] + [255] * 10
        self.assertAllEqual(
            smooth, np.broadcast_to(np.array(row)[None, :, None], (16, 24, 3))
        )
        self.assertEqual(smooth.dtype, "uint8")

    def test_weak_edge_stays(self):
        # Sobel's sum is four times the step.
        self.assertAllEqual(edge_smoothed(step(0, 25)), step(0, 25))
        self.assertAllEqual(edge_smoothed(step(0, 50)), step(0, 50))
        self.assertNotAllClose(edge_smoothed(step(0, 51)), step(0, 51))
        self.assertNotAllClose(
            edge_smoothed(step(0, 26), 100, 103), step(0, 26)
        )

    def test_color_edge(self):
        image = step()
        image[..., 1:] = 0
        smooth = edge_smoothed(image)
        self.assertAllEqual(smooth[0, 10:14, 0], [16, 80, 175, 239])
        self.assertAllEqual(smooth[..., 1:], image[..., 1:])

    def test_only_near_edges(self):
        image = photos(40, 56, 3) // 64
        image[:, 28:] += 200
        smooth = edge_smoothed(image)
        changed = (smooth != image).any(axis=(0, 2))
        self.assertTrue(changed[26:30].all())
        self.assertFalse(changed[:25].any())
        self.assertFalse(changed[31:].any())

    @parameterized.parameters(3, 5, 7, 9)
    def test_is_the_loop_over_pixels(self, kernel_size):
        image = np.stack([shapes(), shapes()[::-1], photos(48, 64)], axis=-1)
        edges = canny_edges(luma(image), 100, 200)
        radius = kernel_size // 2
        weights = np.poly1d([1, 1]) ** (kernel_size - 1)
        weights = np.outer(weights.coef, weights.coef) / 4 ** (kernel_size - 1)
        padded = np.pad(
            image, [(radius, radius), (radius, radius), (0, 0)], mode="reflect"
        )
        near = np.pad(edges, radius)
        expected = image.copy()
        for row in range(48):
            for column in range(64):
                window = np.s_[
                    row : row + kernel_size, column : column + kernel_size
                ]
                if near[window].any():
                    mean = (padded[window] * weights[..., None]).sum((0, 1))
                    expected[row, column] = np.floor(mean + 0.5)
        self.assertAllEqual(
            edge_smoothed(image, kernel_size=kernel_size), expected
        )
        self.assertGreater(edges.sum(), 100)
        self.assertLess(edges.mean(), 0.5)

    @parameterized.parameters((1, 1), (1, 9), (2, 3), (17, 5))
    def test_sizes(self, height, width):
        smooth = edge_smoothed(photos(height, width, 3))
        self.assertEqual(smooth.shape, (height, width, 3))

    def test_argument_is_left(self):
        image = step()
        edge_smoothed(image)
        self.assertAllEqual(image, step())

    @parameterized.parameters(
        (dict(low_threshold=300), "low_threshold=300, high_threshold=200"),
        (dict(low_threshold=-1), "low_threshold=-1"),
        (dict(kernel_size=4), r"odd integer in \[3, 9\].* kernel_size=4"),
        (dict(kernel_size=11), "kernel_size=11"),
    )
    def test_bad_arguments(self, arguments, message):
        with self.assertRaisesRegex(ValueError, message):
            edge_smoothed(step(), **arguments)

    def test_bad_image(self):
        with self.assertRaisesRegex(ValueError, "uint8 of shape"):
            edge_smoothed(np.zeros((8, 8, 3), "float32"))

    @shared
    def test_drawings(self):
        # Lines lose their sharpness; what is even stays as it is.
        paths = sorted(SHARED.glob("data/drawings/*/eval/*.jpg"))[::12]
        self.assertLen(paths, 5)
        for path in paths:
            with Image.open(path) as image:
                image.thumbnail((400, 400))
                image = np.asarray(image.convert("RGB"))
            smooth = edge_smoothed(image)
            before, after = (
                np.abs(np.diff(luma(i).astype(int), axis=1))
                for i in (image, smooth)
            )
            strong = before > 100
            self.assertGreater(strong.sum(), 100, path)
            self.assertLess(after[strong].mean(), 0.6 * before[strong].mean())
            edges = canny_edges(luma(image), 100, 200)
            far = ~np.pad(edges, 2)
            far = np.lib.stride_tricks.sliding_window_view(far, (5, 5)).all(
                (2, 3)
            )
            self.assertAllEqual(smooth[far], image[far])
            self.assertGreater(far.mean(), 0.05)


class CannyTest(TestCase, parameterized.TestCase):
    def test_edges_are_thin(self):
        edges = canny_edges(step()[..., 0], 100, 200)
        self.assertAllEqual(edges.sum(axis=1), np.ones(16))
        edges = canny_edges(step()[..., 0].T, 100, 200)
        self.assertAllEqual(edges.sum(axis=0), np.ones(16))

    def test_hysteresis(self):
        # The step falls from 60 to 30 down the image: strong edges lead on
        # along weak ones, which alone are none.
        image = np.zeros((32, 24), "uint8")
        image[:16, 12:] = 60
        image[16:, 12:] = 30
        self.assertAllEqual(
            canny_edges(image, 100, 200)[:, 10:14].any(axis=1), np.ones(32)
        )
        self.assertFalse(canny_edges(image[18:], 100, 200).any())

    @parameterized.parameters((100, 200), (30, 90), (0, 0))
    def test_is_opencv(self, low, high):
        cv2 = pytest.importorskip("cv2")
        noise = photos(48, 64) // 8 + shapes() // 2
        for image in (shapes(), noise, photos(33, 21)):
            self.assertAllEqual(
                canny_edges(image, low, high), cv2.Canny(image, low, high) > 0
            )


class FilterTest(TestCase):
    def test_luma_is_pillow(self):
        image = photos(64, 64, 3)
        self.assertAllEqual(luma(image), Image.fromarray(image).convert("L"))

    def test_flat_stays(self):
        image = np.full((5, 7, 3), 255, "uint8")
        self.assertAllEqual(filtered(image, [1, 2, 1]), image)
        self.assertAllEqual(filtered(image, [1024, 2048, 1024]), image)

    def test_point(self):
        image = np.zeros((5, 5, 3), "uint8")
        image[2, 2] = 160
        expected = [[10, 20, 10], [20, 40, 20], [10, 20, 10]]
        self.assertAllEqual(filtered(image, [1, 2, 1])[1:4, 1:4, 0], expected)

    def test_rounds_to_nearest(self):
        # 3 * 6 * 6 / 256 is 0.42, 4 * 6 * 6 / 256 is 0.56.
        image = np.zeros((9, 9, 3), "uint8")
        image[4, 4] = [3, 4, 11]
        self.assertAllEqual(filtered(image, [1, 4, 6, 4, 1])[4, 4], [0, 1, 2])
