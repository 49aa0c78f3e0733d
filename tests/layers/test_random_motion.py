import numpy as np
from absl.testing import parameterized

from keras_comic.layers import warp_images
from keras_comic.layers.random_motion import RandomMotion
from tests.test_case import TestCase
from tests.test_case import compiled
from tests.test_case import noise


class RandomMotionTest(TestCase, parameterized.TestCase):
    def test_moved_by_its_flow(self):
        layer = RandomMotion(max_noise=0.0, seed=1)
        images = noise(3, 33, 47, 3)
        moved, flow, valid = layer(images)
        self.assertAllClose(moved, warp_images(images, flow), 1e-5, 1e-5)
        flow = self.numpy(flow)
        rows, columns = np.mgrid[:33, :47]
        x, y = columns + flow[..., 0], rows + flow[..., 1]
        inside = (x >= 0) & (x <= 46) & (y >= 0) & (y <= 32)
        self.assertAllEqual(self.numpy(valid)[..., 0] > 0, inside)

    def test_each_image_and_each_call_has_its_own(self):
        layer = RandomMotion(seed=1)
        images = np.repeat(noise(1, 16, 16, 3), 2, axis=0)
        first, second = (self.numpy(layer(images)[1]) for _ in range(2))
        self.assertGreater(np.abs(first[0] - first[1]).max(), 0.5)
        self.assertGreater(np.abs(first - second).max(), 0.5)
        again = self.numpy(RandomMotion(seed=1)(images)[1])
        self.assertAllEqual(first, again)

    def test_parts(self):
        images = noise(2, 24, 32, 3)
        none = {"max_shift": 0.0, "max_affine": 0.0, "max_deformation": 0.0}
        moved, flow, valid = RandomMotion(**none, max_noise=0.0)(images)
        self.assertAllEqual(moved, images)
        self.assertAllEqual(flow, np.zeros((2, 24, 32, 2), "float32"))
        self.assertAllEqual(valid, np.ones((2, 24, 32, 1), "float32"))
        _, flow, _ = RandomMotion(**{**none, "max_shift": 5.0}, seed=2)(images)
        flow = self.numpy(flow)
        self.assertAllClose(flow, np.broadcast_to(flow[:, :1, :1], flow.shape))
        self.assertLess(np.abs(flow).max(), 5.0)
        # An affine map: second differences are zero, the centre stays.
        _, flow, _ = RandomMotion(**{**none, "max_affine": 5.0}, seed=2)(images)
        flow = self.numpy(flow)
        self.assertAllClose(np.diff(flow, n=2, axis=1), 0.0, atol=1e-4)
        self.assertAllClose(np.diff(flow, n=2, axis=2), 0.0, atol=1e-4)
        self.assertAllClose(flow.mean(axis=(1, 2)), 0.0, atol=1e-4)
        self.assertLessEqual(np.abs(flow).max(), 5.0)

    def test_a_deformation_is_smooth_and_bounded(self):
        layer = RandomMotion(0.0, 0.0, 6.0, cell_size=16, seed=3)
        flow = self.numpy(layer(noise(2, 64, 48, 3))[1])
        self.assertGreater(np.abs(flow).max(), 1.0)
        self.assertLessEqual(np.abs(flow).max(), 6.0)
        for axis in (1, 2):
            slope = np.abs(np.diff(flow, axis=axis)).max()
            self.assertLessEqual(slope, 2 * 6.0 / 16)

    def test_noise_and_light(self):
        images = np.zeros((64, 8, 9, 3), "float32")
        moved = self.numpy(RandomMotion(max_noise=0.2, seed=4)(images)[0])
        deviations = moved.std(axis=(1, 2, 3))
        self.assertLess(deviations.max(), 0.26)
        self.assertLess(deviations.min(), 0.05)
        self.assertAllClose(deviations.mean(), 0.1, atol=0.03)
        moved = self.numpy(
            RandomMotion(max_noise=0.0, max_light=0.5, seed=4)(images)[0]
        )
        self.assertAllClose(moved.std(axis=(1, 2, 3)), 0.0, atol=1e-5)
        self.assertGreater(moved.max(), 0.3)
        self.assertLess(moved.min(), -0.3)

    def test_compiled(self):
        images = noise(2, 16, 24, 3)
        layer, other = (RandomMotion(seed=5) for _ in range(2))
        found = compiled(lambda x: layer(x)[0])(images)
        self.assertAllClose(found, other(images)[0], 1e-4, 1e-4)

    def test_config(self):
        layer = RandomMotion(3.0, 2.0, 1.0, 32, 0.1, 0.2, seed=6)
        self.run_config_test(layer)

    @parameterized.parameters(
        ("max_shift", -1.0),
        ("max_noise", float("nan")),
        ("cell_size", 0),
    )
    def test_errors(self, name, value):
        with self.assertRaisesRegex(ValueError, f"Received: {name}="):
            RandomMotion(**{name: value})
