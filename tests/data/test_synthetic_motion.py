import numpy as np
from absl.testing import parameterized

from keras_comic.data.synthetic_motion import synthetic_flow
from tests.test_case import TestCase

PARTS = ("max_shift", "max_affine", "max_deformation")


def only(**arguments):
    return {**dict.fromkeys(PARTS, 0.0), **arguments}


class FlowTest(TestCase, parameterized.TestCase):
    @parameterized.product(shape=((33, 48), (1, 7), (1, 1)))
    def test_shape_and_seed(self, shape):
        flow = synthetic_flow(shape, 1)
        self.assertShape(flow, (*shape, 2))
        self.assertDType(flow, "float32")
        self.assertFinite(flow)
        self.assertAllEqual(flow, synthetic_flow(shape, 1))
        self.assertNotAllClose(flow, synthetic_flow(shape, 2), atol=1e-3)

    @parameterized.product(
        part=PARTS,
        cell_size=(4, 100),
    )
    def test_each_part_is_bounded(self, part, cell_size):
        flows = [
            synthetic_flow(
                (24, 32), seed, cell_size=cell_size, **only(**{part: 3.0})
            )
            for seed in range(20)
        ]
        largest = np.abs(flows).max()
        self.assertLessEqual(largest, 3.0001)
        self.assertGreater(largest, 1.2)
        # To the left and up as often as to the right and down.
        self.assertLess(np.abs(np.mean(flows)), 1.0)

    def test_all_parts(self):
        self.assertAllEqual(
            synthetic_flow((9, 8), 0, **only()), np.zeros((9, 8, 2), "float32")
        )
        together = synthetic_flow((24, 32), 5, cell_size=10)
        parts = [
            synthetic_flow((24, 32), 5, cell_size=10, **only(**{part: limit}))
            for part, limit in zip(PARTS, (10.0, 4.0, 8.0), strict=True)
        ]
        self.assertAllClose(together, sum(parts), atol=1e-5)

    def test_shift_is_constant(self):
        flow = synthetic_flow((9, 8), 3, **only(max_shift=5.0))
        self.assertAllClose(flow, np.broadcast_to(flow[0, 0], (9, 8, 2)))

    def test_affine_part_is_affine_about_the_centre(self):
        flow = synthetic_flow((9, 15), 3, **only(max_affine=5.0))
        self.assertAllClose(flow[4, 7], [0.0, 0.0], atol=1e-6)
        for axis in (0, 1):
            steps = np.diff(flow, axis=axis)
            first = np.take(steps, [0], axis=axis)
            self.assertAllClose(
                steps, np.broadcast_to(first, steps.shape), atol=1e-5
            )
        self.assertNotAllClose(flow[0, 0], flow[0, -1], atol=0.1)

    def test_deformation_is_smooth(self):
        for seed in range(5):
            flow = synthetic_flow(
                (50, 60), seed, cell_size=10, **only(max_deformation=6.0)
            )
            for axis in (0, 1):
                steps = np.diff(flow.astype("float64"), axis=axis)
                self.assertLessEqual(np.abs(steps).max(), 2 * 6 / 10)
                # Second derivative of the spline: 4 times the largest value
                # by the square of the spacing.
                bends = np.diff(steps, axis=axis)
                self.assertLessEqual(np.abs(bends).max(), 4 * 6 / 10**2 + 1e-5)
            self.assertGreater(flow.std(), 0.5)

    def test_errors(self):
        for part in PARTS:
            for value in (-1.0, float("nan")):
                with self.assertRaisesRegex(
                    ValueError, f"`{part}` must.*Received: {part}={value}"
                ):
                    synthetic_flow((8, 8), 0, **{part: value})
        with self.assertRaisesRegex(ValueError, "`cell_size` must.*=0"):
            synthetic_flow((8, 8), 0, cell_size=0)
