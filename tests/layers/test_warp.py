import pathlib

import keras
import numpy as np
from absl.testing import parameterized
from keras import ops

from keras_comic.data.optical_flow import warp_image
from keras_comic.layers import warp
from tests.test_case import TestCase
from tests.test_case import gradients
from tests.test_case import input_gradient
from tests.test_case import noise
from tests.test_case import requires_tensorflow

GOLDEN = pathlib.Path(__file__).parents[1] / "addons_golden.npz"


class WarpImagesTest(TestCase, parameterized.TestCase):
    def test_whole_pixels(self):
        images = noise(2, 6, 7, 3)
        flow = np.tile(np.float32([2.0, -1.0]), (2, 6, 7, 1))
        warped = self.numpy(warp.warp_images(images, flow))
        self.assertAllEqual(warped[:, 1:, :-2], images[:, :-1, 2:])
        # The edge is continued.
        self.assertAllEqual(warped[:, 0, :-2], images[:, 0, 2:])
        self.assertAllEqual(warped[:, 1:, -1], images[:, :-1, -1])

    def test_halves(self):
        images = np.float32([[0.0, 1.0], [2.0, 4.0]]).reshape(1, 2, 2, 1)
        flow = np.full((1, 2, 2, 2), 0.5, "float32")
        # The mean of all four; then of the last column, the last row, and
        # the last pixel alone.
        self.assertAllClose(
            self.numpy(warp.warp_images(images, flow)).ravel(),
            [1.75, 2.5, 3.0, 4.0],
        )

    @parameterized.parameters((9, 12), (2, 2), (1, 5), (1, 1))
    def test_numpy_agrees(self, height, width):
        images = noise(2, height, width, 3)
        flow = 5.0 * noise(2, height, width, 2, seed=1)
        expected = [
            warp_image(*pair) for pair in zip(images, flow, strict=True)
        ]
        self.assertAllClose(warp.warp_images(images, flow), expected, 1e-5)

    def test_far_outside(self):
        images = noise(1, 4, 4, 1)
        for far in (1e6, 1e12, np.inf):
            flow = np.full((1, 4, 4, 2), far, "float32")
            warped = self.numpy(warp.warp_images(images, flow))
            self.assertAllClose(warped, np.full_like(warped, images[0, 3, 3]))

    def test_not_a_number_stays_where_it_is(self):
        images = noise(1, 4, 4, 1)
        flow = np.zeros((1, 4, 4, 2), "float32")
        flow[0, 1, 2] = np.nan
        warped = self.numpy(warp.warp_images(images, flow))
        self.assertTrue(np.isnan(warped[0, 1, 2, 0]))
        self.assertEqual(np.isnan(warped).sum(), 1)

    def test_gradient_of_zero_flow(self):
        # Networks start there. A ramp of slope 3 to the right, -2 down.
        y, x = np.mgrid[:5, :6].astype("float32")
        images = (3.0 * x - 2.0 * y)[None, :, :, None]
        found = input_gradient(
            lambda flow: warp.warp_images(images, flow),
            np.zeros((1, 5, 6, 2), "float32"),
        )
        self.assertAllClose(found[..., 0], np.full((1, 5, 6), 3.0))
        self.assertAllClose(found[..., 1], np.full((1, 5, 6), -2.0))

    def test_gradients_by_differences(self):
        images, weights = noise(1, 5, 6, 2), noise(1, 5, 6, 2, seed=1)
        # Not near a whole number, where the slope changes.
        flow = np.round(3.0 * noise(1, 5, 6, 2, seed=2)) + 0.5
        flow = (flow + 0.2 * noise(1, 5, 6, 2, seed=3)).astype("float32")
        found = input_gradient(
            lambda value: ops.multiply(
                weights, warp.warp_images(images, value)
            ),
            flow,
        )
        step = 1e-2
        for place in ((0, 0, 0, 0), (0, 2, 3, 1), (0, 4, 5, 0), (0, 3, 1, 1)):
            moved = np.zeros_like(flow)
            moved[place] = step
            change = np.sum(
                weights
                * (
                    self.numpy(warp.warp_images(images, flow + moved))
                    - self.numpy(warp.warp_images(images, flow - moved))
                )
            )
            self.assertAllClose(found[place], change / (2.0 * step), 1e-3)

    @requires_tensorflow
    def test_graph_of_unknown_size(self):
        import tensorflow as tf

        specs = [
            tf.TensorSpec((None, None, None, 3)),
            tf.TensorSpec((None, None, None, 2)),
        ]

        @tf.function(input_signature=specs)
        def warped_and_slopes(images, flow):
            # Warnings are errors: no gradient may become dense unannounced.
            slopes = tf.gradients(
                tf.square(warp.warp_images(2.0 * images, flow)), [images, flow]
            )
            return warp.warp_images(images, flow), slopes

        images, flow = noise(2, 5, 9, 3), 3.0 * noise(2, 5, 9, 2)
        warped, slopes = warped_and_slopes(images, flow)
        self.assertAllClose(warped, warp.warp_images(images, flow))
        self.assertFinite(slopes[0])
        self.assertFinite(slopes[1])

    def test_errors(self):
        with self.assertRaisesRegex(
            ValueError, "`images` must be floats. Received: images.dtype=uint8"
        ):
            warp.warp_images(np.zeros((1, 4, 4, 3), "uint8"), noise(1, 4, 4, 2))
        for shape in ((1, 4, 5, 2), (1, 4, 4, 3), (2, 4, 4, 2), (4, 4, 2)):
            with self.assertRaisesRegex(
                ValueError,
                r"`flow` of shape \(batch, height, width, 2\). Received: "
                r"images.shape=\(1, 4, 4, 3\), flow.shape=",
            ):
                warp.dense_image_warp(noise(1, 4, 4, 3), noise(*shape))


class DenseImageWarpTest(TestCase):
    """Against tensorflow-addons: `make_addons_golden.py`."""

    def setUp(self):
        with np.load(GOLDEN) as golden:
            self.golden = {
                name.partition("/")[2]: golden[name]
                for name in golden
                if name.startswith("warp/")
            }
        self.images = self.golden["images"]
        self.flow = self.golden["flow"]

    def test_outputs(self):
        self.assertAllClose(
            warp.dense_image_warp(self.images, self.flow),
            self.golden["outputs"],
            1e-5,
        )

    def test_convention(self):
        self.assertAllClose(
            warp.warp_images(self.images, -self.flow[..., ::-1]),
            self.golden["outputs"],
            1e-5,
        )

    def test_gradients(self):
        images = keras.Variable(self.images)
        flow = keras.Variable(self.flow)
        by_images, by_flow = gradients(
            lambda: ops.multiply(
                self.golden["weights"],
                warp.dense_image_warp(images.value, flow.value),
            ),
            [images, flow],
        )
        self.assertAllClose(by_images, self.golden["by_images"], 1e-4)
        between = self.flow != np.round(self.flow)
        self.assertAllClose(
            by_flow[between], self.golden["by_flow"][between], 1e-4
        )
        # Some of it points outside.
        self.assertGreater(np.sum(by_flow[between] == 0.0), 10)
