import numpy as np
import pytest

from keras_comic.data import crops
from tests.test_case import TestCase

tf = pytest.importorskip("tensorflow")

from keras_comic.data.augmentation import Augmentation  # noqa: E402
from keras_comic.data.crop_geometry import largest_ratio  # noqa: E402
from keras_comic.data.crop_geometry import largest_window  # noqa: E402
from keras_comic.data.crop_geometry import plan_crops  # noqa: E402
from tests.data.in_graph import both_ways  # noqa: E402

NUMBERS = np.random.default_rng(0).random((300, 1, 3)).astype("float32")
UNIFORMS = np.random.default_rng(1).random((300, 9)).astype("float32")


def plan(size, image_size, zoom=(1.0, 1.0), places=NUMBERS, **arguments):
    augmentation = Augmentation(**arguments)
    sizes = np.tile(np.int32(size), (len(places), 1))
    return both_ways(
        lambda *tensors: plan_crops(*tensors, image_size, zoom, augmentation),
        sizes,
        places,
        UNIFORMS[: len(places)],
    )


class PlanCropsTest(TestCase):
    def test_are_those_of_numpy(self):
        for size in ((40, 51), (8, 8), (200, 31)):
            expected = crops.crop_boxes(size, NUMBERS[:, 0], 32, (0.6, 1.0))
            for planned in plan(size, 32, (0.6, 1.0)):
                self.assertDType(planned.box, "int32")
                self.assertAllEqual(planned.box[:, 0], expected)
                self.assertAllEqual(planned.ratio, np.ones((300, 1)))
                windows = planned.window[:, 0]
                self.assertAllEqual(windows[:, :3], expected)
                self.assertAllEqual(windows[:, 3], expected[:, 2])

    def test_several_crops_of_each_picture(self):
        places = NUMBERS.reshape(100, 3, 3)
        for planned in plan((40, 51), 32, (0.6, 1.0), places):
            expected = crops.crop_boxes((40, 51), NUMBERS[:, 0], 32, (0.6, 1.0))
            self.assertAllEqual(planned.box.reshape(300, 3), expected)
            self.assertShape(planned.mirrored, (100,))

    def test_ratios(self):
        # Sides 16 / 0.05 = 320 and 16 / 2 = 8.
        for planned in plan((330, 400), 16, (0.05, 2.0)):
            top, left, side = planned.box[:, 0].T
            ratio = planned.ratio[:, 0]
            self.assertEqual(set(ratio), {1, 2, 4, 8})
            shrink = side / 16
            self.assertTrue(np.all((shrink < 2) == (ratio == 1)))
            self.assertTrue(np.all((shrink < 4) == (ratio <= 2)))
            self.assertTrue(np.all((shrink < 8) == (ratio <= 4)))
            window = np.stack([top, left, side, side], axis=1) / ratio[:, None]
            self.assertAllEqual(planned.window[:, 0], window)
            self.assertLessEqual((top + side).max(), 330)
            self.assertLessEqual((left + side).max(), 400)

    def test_scale(self):
        sides = plan((300, 300), 100, scale=(0.5, 2.0))[0].box[:, 0, 2]
        self.assertTrue(50 <= sides.min() < 52)
        self.assertTrue(195 < sides.max() <= 200)
        expected = np.round(100 / (0.5 + 1.5 * UNIFORMS[:, crops.SCALE]))
        self.assertAllClose(sides, expected // 1, atol=1)

    def test_flip(self):
        planned = plan((40, 40), 16)[0]
        self.assertAllEqual(planned.mirrored, UNIFORMS[:, crops.FLIP] < 0.5)
        planned = plan((40, 40), 16, flip=False)[0]
        self.assertFalse(planned.mirrored.any())

    def test_matrices(self):
        """A corner and the middle of each crop, worked out in pixels."""
        for arguments in (
            {},
            {"rotation": 30.0},
            {"rotation": 45.0, "scale": (0.3, 1.5)},
        ):
            planned = plan((90, 120), 16, (0.3, 1.0), **arguments)[0]
            ratio = planned.ratio[:, 0]
            matrix = planned.matrix[:, 0].reshape(-1, 2, 3)
            window = planned.window[:, 0]
            top, left, side = planned.box[:, 0].T
            start = window[:, 1::-1]

            def source(x, y, matrix=matrix, start=start, ratio=ratio):
                """Where a point of the crop lies in the file, in pixels."""
                places = matrix @ np.float32([x, y, 1]) + start
                return (places + 0.5) * ratio[:, None]

            middle = np.stack([left + side / 2, top + side / 2], axis=1)
            self.assertAllClose(source(7.5, 7.5), middle, atol=1e-3)
            angle = np.deg2rad(arguments.get("rotation", 0.0)) * (
                2 * UNIFORMS[:, crops.ROTATION] - 1
            )
            sign = np.where(planned.mirrored, -1, 1)
            # The right edge's middle.
            arm = np.stack([np.cos(angle), -np.sin(angle)], axis=1)
            arm *= (sign * side / 2)[:, None]
            self.assertAllClose(source(15.5, 7.5), middle + arm, atol=1e-3)
            # The lower edge's middle.
            arm = np.stack([np.sin(angle), np.cos(angle)], axis=1)
            arm *= (side / 2)[:, None]
            self.assertAllClose(source(7.5, 15.5), middle + arm, atol=1e-3)

    def test_windows_hold_what_the_crops_need(self):
        for size in ((90, 120), (64, 64), (37, 200)):
            arguments = {"rotation": 40.0, "scale": (0.2, 1.5)}
            planned = plan(size, 32, (0.5, 1.0), **arguments)[0]
            top, left, height, width = planned.window[:, 0].T
            shrunk = -(-np.array(size) // planned.ratio)
            self.assertGreaterEqual(min(top.min(), left.min()), 0)
            self.assertTrue(np.all(top + height <= shrunk[:, 0]))
            self.assertTrue(np.all(left + width <= shrunk[:, 1]))
            corners = np.float32([[-0.5, 31.5] * 2, [-0.5] * 2 + [31.5] * 2])
            corners = np.concatenate([corners, np.ones((1, 4))])
            places = planned.matrix[:, 0].reshape(-1, 2, 3) @ corners
            # Everything within the picture is within the window.
            for axis, start, length in ((0, left, width), (1, top, height)):
                first = places[:, axis].min(axis=1)
                last = places[:, axis].max(axis=1)
                extent = shrunk[:, 1 - axis]
                self.assertTrue(np.all((first >= -0.5) | (start == 0)))
                self.assertTrue(
                    np.all((last <= length - 0.5) | (start + length == extent))
                )

    def test_bounds(self):
        for image_size, zoom, scale, rotation in (
            (32, (1.0, 1.0), (1.0, 1.0), 0.0),
            (32, (0.6, 1.0), (0.8, 1.0), 10.0),
            (32, (0.3, 1.0), (1.0, 1.0), 45.0),
            (16, (0.1, 1.0), (0.9, 1.0), 0.0),
            (4, (0.02, 1.0), (1.0, 1.0), 20.0),
        ):
            augmentation = Augmentation(scale=scale, rotation=rotation)
            arguments = (image_size, zoom, augmentation)
            planned = plan(
                (1000, 1000), image_size, zoom, scale=scale, rotation=rotation
            )[0]
            self.assertLessEqual(planned.ratio.max(), largest_ratio(*arguments))
            largest = planned.window[..., 2:].max()
            self.assertLessEqual(largest, largest_window(*arguments))
        augmentation = Augmentation()
        self.assertEqual(largest_window(32, (1.0, 1.0), augmentation), 32)
        self.assertEqual(largest_ratio(32, (0.51, 1.0), augmentation), 1)
        self.assertEqual(largest_ratio(32, (0.5, 1.0), augmentation), 2)
