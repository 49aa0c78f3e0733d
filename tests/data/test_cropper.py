import numpy as np
import pytest

from keras_comic.data import crop_arrays
from tests.test_case import TestCase

tf = pytest.importorskip("tensorflow")

from keras_comic.data.cropper import Cropper  # noqa: E402
from keras_comic.data.cropper import plan_crops  # noqa: E402
from keras_comic.data.crops import Crops  # noqa: E402
from tests.data.in_graph import both_ways  # noqa: E402

NUMBERS = np.random.default_rng(0).random((300, 1, 3)).astype("float32")
UNIFORMS = np.random.default_rng(1).random((300, 9)).astype("float32")


def plan(size, crops, places=NUMBERS):
    sizes = np.tile(np.int32(size), (len(places), 1))
    return both_ways(
        lambda *tensors: plan_crops(*tensors, crops),
        sizes,
        places,
        UNIFORMS[: len(places)],
    )


class PlanCropsTest(TestCase):
    def test_boxes_are_those_of_numpy(self):
        for size in ((40, 51), (8, 8), (200, 31)):
            expected = crop_arrays.crop_boxes(
                size, NUMBERS[:, 0], 32, (0.6, 1.0)
            )
            for planned in plan(size, Crops(32)):
                self.assertDType(planned.box, "int32")
                self.assertAllEqual(planned.box[:, 0], expected)
                self.assertAllEqual(planned.ratio, np.ones((300, 1)))
                windows = planned.window[:, 0]
                self.assertAllEqual(windows[:, [0, 1, 2]], expected)
                self.assertAllEqual(windows[:, 3], expected[:, 2])
        # Several crops of each picture.
        planned = plan((200, 31), Crops(32), NUMBERS.reshape(100, 3, 3))[1]
        self.assertAllEqual(planned.box.reshape(300, 3), expected)
        self.assertShape(planned.mirrored, (100,))

    def test_ratios(self):
        # Sides 16 / 0.05 = 320 and 16 / 2 = 8.
        for planned in plan((330, 400), Crops(16, (0.05, 2.0))):
            top, left, side = planned.box[:, 0].T
            ratio = planned.ratio[:, 0]
            self.assertEqual(set(ratio), {1, 2, 4, 8})
            for limit in (2, 4, 8):
                self.assertAllEqual(side / 16 < limit, ratio < limit)
            window = np.stack([top, left, side, side], axis=1) / ratio[:, None]
            self.assertAllEqual(planned.window[:, 0], window)
            self.assertLessEqual((top + side).max(), 330)
            self.assertLessEqual((left + side).max(), 400)

    def test_flip(self):
        planned = plan((40, 40), Crops(16))[0]
        expected = UNIFORMS[:, crop_arrays.FLIP] < 0.5
        self.assertAllEqual(planned.mirrored, expected)
        self.assertFalse(
            plan((40, 40), Crops(16, flip=False))[0].mirrored.any()
        )

    def test_matrices(self):
        """A corner and the middle of each crop, worked out in pixels."""
        for zoom, rotation in (((0.3, 1.0), 0.0), ((0.2, 1.5), 45.0)):
            planned = plan((90, 120), Crops(16, zoom, rotation=rotation))[0]
            ratio = planned.ratio[:, 0]
            matrix = planned.matrix[:, 0].reshape(-1, 2, 3)
            top, left, side = planned.box[:, 0].T
            start = planned.window[:, 0, 1::-1]

            def source(x, y, matrix=matrix, start=start, ratio=ratio):
                """Where a point of the crop lies in the file, in pixels."""
                places = matrix @ np.float32([x, y, 1]) + start
                return (places + 0.5) * ratio[:, None]

            middle = np.stack([left + side / 2, top + side / 2], axis=1)
            self.assertAllClose(source(7.5, 7.5), middle, atol=1e-3)
            angle = np.deg2rad(rotation) * (
                2 * UNIFORMS[:, crop_arrays.ROTATION] - 1
            )
            sign = np.where(planned.mirrored, -1, 1)
            # The right edge's middle, then the lower edge's.
            arm = np.stack([np.cos(angle), -np.sin(angle)], axis=1)
            arm *= (sign * side / 2)[:, None]
            self.assertAllClose(source(15.5, 7.5), middle + arm, atol=1e-3)
            arm = np.stack([np.sin(angle), np.cos(angle)], axis=1)
            arm *= (side / 2)[:, None]
            self.assertAllClose(source(7.5, 15.5), middle + arm, atol=1e-3)

    def test_windows_hold_what_the_crops_need(self):
        crops = Crops(32, (0.2, 1.5), rotation=40.0)
        for size in ((90, 120), (64, 64), (37, 200)):
            planned = plan(size, crops)[0]
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


class CropperTest(TestCase):
    def plan(self, cropper, num_tries=1, parts=()):
        uniforms = np.random.default_rng(0).random(
            (5, cropper.num_uniforms(num_tries))
        )
        sizes = np.tile(np.int32([40, 50]), (5, 1))
        return cropper.plan(
            tf.constant(sizes), tf.constant(uniforms, "float32"), parts
        )

    def test_only_what_is_needed_is_planned(self):
        crops, changes = self.plan(Cropper(Crops(16, (1.0, 1.0))))
        self.assertEqual(set(crops), {"window"})
        self.assertEqual(set(changes), {"mirrored"})
        crops, changes = self.plan(
            Cropper(Crops(16, (0.4, 1), True, 5, 0.2, 0.2))
        )
        self.assertEqual(set(crops), {"matrix", "ratio", "window"})
        # The matrix that turns a crop mirrors it.
        self.assertEqual(set(changes), {"colors", "cutouts"})
        cropper = Cropper(Crops(16, flip=False))
        crops, changes = self.plan(cropper, 3, ["box"])
        self.assertEqual(set(crops), {"box", "window"})
        self.assertEqual(crops["box"].shape, (5, 3, 3))
        self.assertEqual(changes, {})

    def test_bounds(self):
        for size, zoom, rotation in (
            (32, (1.0, 1.0), 0.0),
            (32, (0.5, 1.0), 10.0),
            (32, (0.3, 1.0), 45.0),
            (4, (0.02, 1.0), 20.0),
        ):
            cropper = Cropper(Crops(size, zoom, rotation=rotation))
            planned = plan((1000, 1000), cropper.crops)[0]
            largest = planned.window[..., 2:].max()
            self.assertLessEqual(planned.ratio.max(), cropper.largest_ratio)
            self.assertLessEqual(largest, cropper.largest_window)
        self.assertEqual(Cropper(Crops(32, (1, 1))).largest_window, 32)
        self.assertEqual(Cropper(Crops(32, (0.51, 1))).largest_ratio, 1)
        self.assertEqual(Cropper(Crops(32, (0.5, 1))).largest_ratio, 2)

    def test_errors(self):
        with self.assertRaisesRegex(TypeError, "Received: crops=16"):
            Cropper(16)
