import numpy as np
import pytest

from tests.test_case import TestCase
from tests.test_case import photos

tf = pytest.importorskip("tensorflow")

from keras_comic.data.image_ops import decode_window  # noqa: E402
from keras_comic.data.image_ops import finish_images  # noqa: E402
from keras_comic.data.image_ops import resize_square  # noqa: E402
from tests.data.in_graph import both_ways  # noqa: E402
from tests.data.small_records import encode  # noqa: E402


class WindowTest(TestCase):
    def test_decode(self):
        image = photos(41, 50, 3)
        for encoded in (
            encode(image),
            encode(image, "jpeg", quality=95, subsampling=0),
        ):
            whole = tf.io.decode_image(encoded).numpy()
            for found in both_ways(
                lambda e, w: decode_window(
                    e, tf.strings.substr(e, 0, 2) == b"\xff\xd8", w
                ),
                encoded,
                np.int32([1, 2, 30, 40]),
            ):
                self.assertDType(found, "uint8")
                self.assertAllEqual(found, whole[1:31, 2:42])


class ResizeSquareTest(TestCase):
    def resize(self, image, size):
        return both_ways(lambda i: resize_square(i, size), image)

    def test_shrinks_by_area(self):
        # Each pixel covers 1.5: weights 1 and a half, or a half and 1.
        image = photos(6, 6, 3)
        weights = np.kron(np.eye(2), [[2, 1, 0], [0, 1, 2]]) / 3
        expected = np.einsum("ih,jw,hwc->ijc", weights, weights, image)
        for found in self.resize(image, 4):
            self.assertDType(found, "uint8")
            self.assertAllClose(found, np.round(expected), atol=1, rtol=0)


class FinishImagesTest(TestCase):
    def test_floats_and_mirroring(self):
        """Each picture, and each frame of a clip, has its own."""
        for shape in ((3, 6, 6, 3), (3, 2, 6, 6, 3)):
            images = photos(*shape)
            images[0, ..., 0, 0, :2] = 0, 255
            expected = images / np.float32(127.5) - 1
            expected[::2] = expected[::2, ..., ::-1, :]
            for found in both_ways(
                finish_images, images, np.array([True, False, True])
            ):
                self.assertDType(found, "float32")
                self.assertAllClose(found, expected, atol=1e-6)
                self.assertEqual((found.min(), found.max()), (-1.0, 1.0))
