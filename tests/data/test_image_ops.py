import numpy as np
import pytest
from PIL import Image

from tests.test_case import TestCase
from tests.test_case import photos

tf = pytest.importorskip("tensorflow")

from keras_comic.data.image_ops import cut  # noqa: E402
from keras_comic.data.image_ops import decode_window  # noqa: E402
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
