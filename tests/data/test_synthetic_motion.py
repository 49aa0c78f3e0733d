import numpy as np
import pytest
from absl.testing import parameterized
from scipy import ndimage

from tests.test_case import TestCase
from tests.test_case import noise
from tests.test_case import photos

tf = pytest.importorskip("tensorflow")

from keras_comic.data.synthetic_motion import synthetic_motion  # noqa: E402

STILL = dict(
    max_shift=0.0, max_rotation=0.0, max_zoom=0.0, max_shear=0.0, bend=0.0
)


def positions(height, width):
    """Columns and rows from the middle, as flow's axes."""
    rows, columns = np.mgrid[:height, :width].astype("float64")
    return columns - (width - 1) / 2, rows - (height - 1) / 2


def flow_of(height, width, seed=(1, 2), **motion):
    image = np.zeros((height, width, 1), "float32")
    return synthetic_motion(image, seed, **{**STILL, **motion}).flow.numpy()


class SyntheticMotionTest(TestCase, parameterized.TestCase):
    @parameterized.parameters("uint8", "float32", "float16", "float64")
    def test_still(self, dtype):
        image = photos(9, 14, 3).astype(dtype)
        moved, flow, valid = synthetic_motion(image, (0, 0), **STILL)
        self.assertEqual(moved.dtype, dtype)
        self.assertAllEqual(moved.numpy(), image)
        self.assertAllEqual(flow.numpy(), np.zeros((9, 14, 2)))
        self.assertEqual(flow.dtype, "float32")
        self.assertTrue(valid.numpy().all())

    @parameterized.parameters(3, 4)
    def test_is_scipys_warp(self, seed):
        image = noise(40, 56, 3)
        moved, flow, valid = synthetic_motion(
            image, (seed, 5), max_shift=4.0, max_rotation=10.0, bend=3.0
        )
        flow = flow.numpy().astype("float64")
        rows, columns = np.mgrid[:40, :56]
        places = [rows + flow[..., 1], columns + flow[..., 0]]
        for channel in range(3):
            expected = ndimage.map_coordinates(
                image[..., channel].astype("float64"),
                places,
                order=1,
                mode="nearest",
            )
            self.assertAllClose(moved[..., channel], expected, atol=1e-4)
        outside = np.zeros((40, 56), "bool")
        for place, side in zip(places, (40, 56)):
            outside |= (place < 0) | (place > side - 1)
        self.assertAllEqual(valid.numpy(), ~outside)
        self.assertGreater(outside.sum(), 20)
        self.assertGreater(valid.numpy().mean(), 0.6)

    def test_shift(self):
        flow = flow_of(6, 8, max_shift=5.0)
        self.assertAllClose(flow, np.broadcast_to(flow[:1, :1], (6, 8, 2)))
        self.assertNotAllClose(flow[0, 0, 0], flow[0, 0, 1])
        shifts = [
            flow_of(1, 1, (seed, 0), max_shift=5.0)[0, 0] for seed in range(60)
        ]
        self.assertLess(np.abs(shifts).max(), 5.0)
        self.assertGreater(np.abs(shifts).max(), 4.0)
        self.assertLess(np.abs(np.mean(shifts)), 1.0)

    def test_rotation(self):
        # Distances to the middle stay, and no direction is preferred.
        right, down = positions(20, 30)
        flow = flow_of(20, 30, max_rotation=20.0)
        x, y = right + flow[..., 0], down + flow[..., 1]
        self.assertAllClose(np.hypot(x, y), np.hypot(right, down), atol=1e-4)
        angles = np.arctan2(x * down - y * right, x * right + y * down)
        self.assertAllClose(angles, np.full_like(x, angles[0, 0]), atol=1e-4)
        self.assertBetween(abs(np.degrees(angles[0, 0])), 0.1, 20.0)

    def test_zoom(self):
        right, down = positions(20, 30)
        flow = flow_of(20, 30, max_zoom=0.5)
        factor = flow[0, 0, 0] / right[0, 0]
        self.assertBetween(abs(factor), 0.01, 0.5)
        self.assertAllClose(flow[..., 0], factor * right, atol=1e-4)
        self.assertAllClose(flow[..., 1], factor * down, atol=1e-4)

    def test_shear(self):
        _, down = positions(20, 30)
        flow = flow_of(20, 30, max_shear=30.0)
        factor = flow[0, 0, 0] / down[0, 0]
        self.assertBetween(abs(factor), 0.01, np.tan(np.radians(30.0)))
        self.assertAllClose(flow[..., 0], factor * down, atol=1e-4)
        self.assertAllClose(flow[..., 1], np.zeros((20, 30)), atol=1e-6)

    def test_bend(self):
        flows = np.stack(
            [flow_of(120, 250, (seed, 1), bend=4.0) for seed in range(12)]
        )
        self.assertBetween(flows.std(), 2.0, 5.0)
        # Smooth: neighbours differ by a small part of a pixel, and nothing
        # folds over.
        self.assertLess(np.abs(np.diff(flows, axis=1)).max(), 0.6)
        self.assertLess(np.abs(np.diff(flows, axis=2)).max(), 0.6)
        # Not one shift: each flow varies.
        self.assertGreater(flows.std(axis=(1, 2)).mean(), 1.0)

    def test_seeds(self):
        image = photos(24, 32, 3)
        once = synthetic_motion(image, (1, 2))
        again = synthetic_motion(image, tf.constant([1, 2], "int64"))
        other = synthetic_motion(image, (1, 3))
        for value, same in zip(once, again):
            self.assertAllEqual(value.numpy(), same.numpy())
        self.assertNotAllClose(once.flow, other.flow)
        # The terms do not depend on each other.
        self.assertAllClose(
            flow_of(24, 32, max_shift=2.0, bend=1.0),
            flow_of(24, 32, max_shift=2.0) + flow_of(24, 32, bend=1.0),
            atol=1e-5,
        )

    def test_in_a_dataset(self):
        images = photos(5, 24, 32, 3)
        dataset = tf.data.Dataset.from_tensor_slices(images).enumerate()
        dataset = dataset.map(
            lambda number, image: synthetic_motion(
                image, tf.stack([number, 9])
            ),
            num_parallel_calls=2,
        )
        self.assertEqual(dataset.element_spec.moved.shape, (24, 32, 3))
        found = list(dataset.as_numpy_iterator())
        self.assertEqual(len(found), 5)
        for number, values in enumerate(found):
            expected = synthetic_motion(images[number], (number, 9))
            self.assertAllEqual(values[0], expected.moved.numpy())
            self.assertAllClose(values[1], expected.flow, atol=1e-5)
            self.assertAllEqual(values[2], expected.valid.numpy())

    def test_unknown_size(self):
        @tf.function(input_signature=[tf.TensorSpec((None, None, 3), "uint8")])
        def function(image):
            return synthetic_motion(image, (0, 1))

        for height, width in ((1, 1), (9, 4), (130, 210)):
            moved, flow, valid = function(photos(height, width, 3))
            self.assertEqual(moved.shape, (height, width, 3))
            self.assertEqual(flow.shape, (height, width, 2))
            self.assertEqual(valid.shape, (height, width))

    @parameterized.parameters(
        (dict(max_shift=-1.0), "max_shift=-1.0"),
        (dict(max_rotation=-1.0), "max_rotation=-1.0"),
        (dict(max_shear=-1.0), "max_shear=-1.0"),
        (dict(bend=-1.0), "`bend` must not be negative.* bend=-1.0"),
        (dict(max_zoom=1.0), r"lie in \[0, 1\).* max_zoom=1.0"),
    )
    def test_bad_arguments(self, arguments, message):
        with self.assertRaisesRegex(ValueError, message):
            synthetic_motion(photos(8, 8, 3), (0, 0), **arguments)

    @parameterized.parameters(
        (photos(8, 8), r"image.shape=\(8, 8\)"),
        (photos(8, 8, 3).astype("int32"), "image.dtype=int32"),
    )
    def test_bad_image(self, image, message):
        with self.assertRaisesRegex(ValueError, message):
            synthetic_motion(image, (0, 0))
