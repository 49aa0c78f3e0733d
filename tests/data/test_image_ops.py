import itertools

import numpy as np
import pytest
from PIL import Image

from tests.test_case import TestCase
from tests.test_case import photos

tf = pytest.importorskip("tensorflow")

from keras_comic.data.image_ops import MAX_SHRINK  # noqa: E402
from keras_comic.data.image_ops import cut  # noqa: E402
from keras_comic.data.image_ops import decode_window  # noqa: E402
from keras_comic.data.image_ops import resample  # noqa: E402
from keras_comic.data.image_ops import resize_square  # noqa: E402
from keras_comic.data.image_ops import shrink  # noqa: E402
from tests.data.in_graph import both_ways  # noqa: E402
from tests.data.small_records import encode  # noqa: E402


def smooth(height, width, seed=0):
    """A picture without noise of single pixels."""
    small = photos(height // 8 + 2, width // 8 + 2, 3, seed=seed)
    image = Image.fromarray(small).resize((width, height), Image.BILINEAR)
    return np.asarray(image)


def averaged(image, ratio):
    """Means of squares of pixels; at the lower and right edge, of the rest."""
    height, width = image.shape[:2]
    means = np.array(
        [
            [
                image[y : y + ratio, x : x + ratio].mean((0, 1))
                for x in range(0, width, ratio)
            ]
            for y in range(0, height, ratio)
        ]
    )
    return np.floor(means + 0.5)


class DecodeWindowTest(TestCase):
    def decode(self, encoded, ratio, window, largest_ratio=8):
        return both_ways(
            lambda e, r, w: decode_window(
                e,
                tf.strings.substr(e, 0, 2) == b"\xff\xd8",
                r,
                w,
                largest_ratio,
            ),
            encoded,
            np.int32(ratio),
            np.int32(window),
        )

    def test_png(self):
        image = photos(41, 50, 3)
        for ratio in (1, 2, 4, 8):
            expected = averaged(image, ratio)[1:4, 2:6]
            for found in self.decode(encode(image), ratio, (1, 2, 3, 4)):
                self.assertDType(found, "uint8")
                self.assertAllEqual(found, expected)
        # To the very end.
        for found in self.decode(encode(image), 8, (0, 0, 6, 7)):
            self.assertAllEqual(found, averaged(image, 8))

    def test_jpeg(self):
        image = smooth(41, 50)
        encoded = encode(image, "jpeg", quality=95, subsampling=0)
        for ratio in (1, 2, 4, 8):
            whole = tf.io.decode_jpeg(encoded, ratio=ratio).numpy()
            for found in self.decode(encoded, ratio, (1, 2, 3, 4)):
                self.assertAllEqual(found, whole[1:4, 2:6])
            self.assertAllClose(
                whole[:-1, :-1].astype(int),
                averaged(image, ratio)[:-1, :-1],
                atol=12,
            )


class CutAndShrinkTest(TestCase):
    def test_cut(self):
        image = photos(20, 30, 3)
        for found in both_ways(cut, image, np.int32([3, 5, 4, 7])):
            self.assertAllEqual(found, image[3:7, 5:12])
        for found in both_ways(cut, image, np.int32([16, 24, 8, 8])):
            self.assertAllEqual(found, image[16:, 24:])

    def test_shrink(self):
        image = photos(19, 32, 3)
        for ratio in (1, 2, 4, 8):
            for found in both_ways(shrink, image, np.int32(ratio)):
                self.assertDType(found, "uint8")
                self.assertAllEqual(found, averaged(image, ratio))


class ResizeSquareTest(TestCase):
    def resize(self, image, size):
        return both_ways(lambda i: resize_square(i, size), image)

    def test_shrinks_by_area(self):
        image = photos(33, 33, 3)
        # Each pixel covers 3 x 3.
        for found in self.resize(image, 11):
            self.assertDType(found, "uint8")
            self.assertAllClose(found.astype(int), averaged(image, 3), atol=1)
        # Each pixel covers 1.5: weights 1 and a half, or a half and 1.
        image = photos(6, 6, 3)
        weights = np.kron(np.eye(2), [[2, 1, 0], [0, 1, 2]]) / 3
        expected = np.einsum("ih,jw,hwc->ijc", weights, weights, image)
        for found in self.resize(image, 4):
            self.assertAllClose(found, np.round(expected), atol=1, rtol=0)

    def test_enlarges_bicubically(self):
        image = smooth(24, 24)
        expected = Image.fromarray(image).resize((40, 40), Image.BICUBIC)
        for found in self.resize(image, 40):
            self.assertAllClose(
                found.astype(int), np.asarray(expected).astype(int), atol=2
            )


def reference(image, matrix, size, points):
    """Bilinear sampling with mirrored borders, pixel by pixel."""
    height, width = image.shape[:2]

    def pixel(y, x):
        y, x = (
            -1 - i if i < 0 else 2 * n - 1 - i if i >= n else i
            for i, n in ((y, height), (x, width))
        )
        return image[min(max(y, 0), height - 1), min(max(x, 0), width - 1)]

    result = np.zeros((size, size, image.shape[2]))
    offsets = (np.arange(points) + 0.5) / points - 0.5
    for row, column in itertools.product(range(size), repeat=2):
        for down, right in itertools.product(offsets, repeat=2):
            place = np.array([column + right, row + down, 1.0])
            x, y = np.reshape(matrix, (2, 3)).astype("float64") @ place
            left, top = int(np.floor(x)), int(np.floor(y))
            for i, j in itertools.product((0, 1), repeat=2):
                weight = abs(1 - i - (y - top)) * abs(1 - j - (x - left))
                result[row, column] += weight * pixel(top + i, left + j)
    return result / points**2


class ResampleTest(TestCase):
    def resample(self, image, matrix, size=12, largest_window=32):
        return both_ways(
            lambda i, m: resample(i, m, size, largest_window),
            image,
            np.float32(matrix),
        )

    def test_whole_pixels(self):
        image = photos(24, 30, 3)
        for found in self.resample(image, [1, 0, 3, 0, 1, 5]):
            self.assertDType(found, "uint8")
            self.assertAllEqual(found, image[5:17, 3:15])
        for found in self.resample(image, [-1, 0, 14, 0, 1, 5]):
            self.assertAllEqual(found, image[5:17, 3:15][:, ::-1])
        for found in self.resample(image, [0, 1, 3, -1, 0, 16]):
            self.assertAllEqual(found, np.rot90(image[5:17, 3:15], -1))

    def test_between_pixels(self):
        image = photos(20, 26, 3)
        cosine, sine = np.cos(0.4), np.sin(0.4)
        for step in (0.7, 1.2, 1.3, 1.9):
            matrix = [
                step * cosine,
                step * sine,
                1,
                -step * sine,
                step * cosine,
                6,
            ]
            points = 2 if step > MAX_SHRINK else 1
            expected = reference(image, matrix, 7, points)
            for found in self.resample(image, matrix, 7):
                self.assertAllClose(found, expected, atol=0.51, rtol=0)
            for found in self.resample(image.astype("float32"), matrix, 7):
                self.assertAllClose(found, expected, atol=1e-2, rtol=0)

    def test_fine_patterns_vanish_where_it_shrinks(self):
        image = np.indices((32, 32)).sum(0)[..., None] % 2 * 255
        image = np.repeat(image, 3, axis=2).astype("uint8")
        matrix = [1.9, 0.1, 2.0, -0.1, 1.9, 4.0]
        for found in self.resample(image, matrix):
            self.assertLess(abs(found - 127.5).max(), 40)
            self.assertLess(abs(found.mean() - 127.5), 2)
