import numpy as np
import pytest

from keras_comic.data import crop_arrays
from tests.test_case import TestCase
from tests.test_case import photos

pytest.importorskip("tensorflow")

from keras_comic.data.cropper import Cropper  # noqa: E402
from keras_comic.data.cropper import finish_images  # noqa: E402
from keras_comic.data.crops import Crops  # noqa: E402
from tests.data.in_graph import both_ways  # noqa: E402

UNIFORMS = np.random.default_rng(1).random((300, 12)).astype("float32")
PLACES = UNIFORMS[:, crop_arrays.NUM_UNIFORMS :]


def plan(size, crops, uniforms=UNIFORMS):
    sizes = np.tile(np.int32(size), (len(uniforms), 1))
    return both_ways(Cropper(crops).plan, sizes, uniforms)


class PlanTest(TestCase):
    def test_boxes_are_those_of_numpy(self):
        for size in ((40, 51), (8, 8), (200, 31)):
            expected = crop_arrays.crop_boxes(size, PLACES, 32, (0.6, 1.0))
            for planned in plan(size, Crops(32)):
                self.assertDType(planned["box"], "int32")
                self.assertAllEqual(planned["box"][:, 0], expected)
                self.assertAllEqual(planned["ratio"], np.ones((300, 1)))
                windows = planned["window"][:, 0]
                self.assertAllEqual(windows[:, [0, 1, 2]], expected)
                self.assertAllEqual(windows[:, 3], expected[:, 2])
        # Several crops of each picture.
        uniforms = np.concatenate([UNIFORMS, PLACES[::-1]], axis=1)
        planned = plan((200, 31), Crops(32), uniforms)[1]
        self.assertAllEqual(planned["box"][:, 0], expected)
        self.assertAllEqual(planned["box"][:, 1], expected[::-1])
        self.assertShape(planned["mirrored"], (300,))

    def test_ratios(self):
        # Sides 16 / 0.05 = 320 and 16 / 2 = 8.
        for planned in plan((330, 400), Crops(16, (0.05, 2.0))):
            top, left, side = planned["box"][:, 0].T
            ratio = planned["ratio"][:, 0]
            self.assertEqual(set(ratio), {1, 2, 4, 8})
            for limit in (2, 4, 8):
                self.assertAllEqual(side / 16 < limit, ratio < limit)
            window = np.stack([top, left, side, side], axis=1) / ratio[:, None]
            self.assertAllEqual(planned["window"][:, 0], window)
            self.assertLessEqual((top + side).max(), 330)
            self.assertLessEqual((left + side).max(), 400)
        self.assertEqual(Cropper(Crops(32, (0.51, 1))).largest_ratio, 1)
        self.assertEqual(Cropper(Crops(32, (0.5, 1))).largest_ratio, 2)

    def test_flip(self):
        mirrored = plan((40, 40), Crops(16))[0]["mirrored"]
        self.assertAllEqual(mirrored, UNIFORMS[:, crop_arrays.FLIP] < 0.5)
        still = plan((40, 40), Crops(16, flip=False))[0]["mirrored"]
        self.assertFalse(still.any())

    def test_errors(self):
        with self.assertRaisesRegex(TypeError, "Received: crops=16"):
            Cropper(16)


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
