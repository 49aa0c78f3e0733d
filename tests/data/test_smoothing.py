import numpy as np
from absl.testing import parameterized
from PIL import Image

from keras_comic.data.smoothing import l0_smoothed
from keras_comic.data.smoothing import nl_means_smoothed
from tests.test_case import SHARED
from tests.test_case import TestCase
from tests.test_case import photos
from tests.test_case import shared


def areas(height=32, width=48):
    """Three flat areas that meet in straight and slanting edges."""
    rows, columns = np.mgrid[:height, :width]
    image = np.full((height, width, 3), [220, 200, 180], "uint8")
    image[columns > 20] = [30, 60, 120]
    image[rows + columns < 24] = [120, 180, 60]
    return image


def noisy(image, deviation, seed=0):
    noise = np.random.default_rng(seed).normal(0.0, deviation, image.shape)
    return np.clip(np.round(image + noise), 0, 255).astype("uint8")


def count_gradients(image):
    """Pixels that differ from the one below or the one to the right."""
    rows = np.diff(image.astype(int), axis=0, append=image[-1:])
    columns = np.diff(image.astype(int), axis=1, append=image[:, -1:])
    return np.count_nonzero((rows != 0).any(-1) | (columns != 0).any(-1))


def l0_by_matrices(image, smoothness):
    """The same minimisation, its linear systems solved as matrices."""

    def difference(side):
        matrix = np.eye(side, k=1) - np.eye(side)
        matrix[-1] = 0.0
        return matrix

    height, width = image.shape[:2]
    rows = np.kron(difference(height), np.eye(width))
    columns = np.kron(np.eye(height), difference(width))
    laplacian = rows.T @ rows + columns.T @ columns
    target = image.reshape(-1, 3) / 255.0
    smooth = target
    beta = 2.0 * smoothness
    while beta < 1e5:
        across, down = columns @ smooth, rows @ smooth
        squares = (across**2 + down**2).sum(axis=1, keepdims=True)
        across = np.where(squares < smoothness / beta, 0.0, across)
        down = np.where(squares < smoothness / beta, 0.0, down)
        smooth = np.linalg.solve(
            np.eye(height * width) + beta * laplacian,
            target + beta * (columns.T @ across + rows.T @ down),
        )
        beta *= 2.0
    return smooth.reshape(image.shape) * 255.0


class L0SmoothedTest(TestCase, parameterized.TestCase):
    @parameterized.parameters(0.005, 0.02)
    def test_flat_areas_stay(self, smoothness):
        self.assertAllEqual(l0_smoothed(areas(), smoothness), areas())

    @parameterized.parameters(0, 7, 255)
    def test_one_color_stays(self, level):
        image = np.full((9, 12, 3), level, "uint8")
        self.assertAllEqual(l0_smoothed(image), image)

    def test_noise_goes(self):
        smooth = l0_smoothed(noisy(areas(), 5.0))
        self.assertEqual(smooth.dtype, "uint8")
        self.assertTrue(smooth.flags.c_contiguous)
        # Levels stay, but for noise on the edges themselves.
        errors = np.abs(smooth.astype(int) - areas())
        self.assertLess((errors > 1).mean(), 0.02)
        self.assertLess(errors.max(), 10)
        self.assertEqual(count_gradients(areas()), 52)
        self.assertLess(count_gradients(smooth), 150)
        self.assertGreater(count_gradients(noisy(areas(), 5.0)), 1500)

    def test_fewer_gradients_the_smoother(self):
        image = photos(24, 32, 3) // 4 + areas(24, 32) // 2
        counts = [
            count_gradients(l0_smoothed(image, smoothness))
            for smoothness in (0.002, 0.005, 0.05)
        ]
        self.assertLess(counts[0], count_gradients(image))
        self.assertLess(counts[1], counts[0])
        self.assertLess(counts[2], counts[1])

    def test_mean_stays(self):
        # No equation of the minimisation moves the mean of a channel.
        image = photos(24, 32, 3) // 2 + 64
        self.assertAllClose(
            l0_smoothed(image, 0.2).mean((0, 1)), image.mean((0, 1)), atol=0.5
        )

    @parameterized.parameters((0.002, 7, 11), (0.02, 12, 9), (0.1, 1, 20))
    def test_is_matrices(self, smoothness, height, width):
        image = photos(height, width, 3) // 4 + areas(height, width) // 2
        self.assertAllClose(
            l0_smoothed(image, smoothness),
            np.clip(l0_by_matrices(image, smoothness), 0.0, 255.0),
            atol=0.501,
            rtol=0.0,
        )

    @parameterized.parameters((1, 1), (1, 7), (5, 1), (2, 3), (31, 17))
    def test_sizes(self, height, width):
        image = photos(height, width, 3)
        self.assertEqual(l0_smoothed(image).shape, image.shape)

    def test_is_deterministic(self):
        image = photos(24, 32, 3)
        once = l0_smoothed(image)
        self.assertAllEqual(l0_smoothed(image.copy()), once)
        self.assertAllEqual(image, photos(24, 32, 3))

    def test_errors(self):
        with self.assertRaisesRegex(ValueError, "positive.* smoothness=0"):
            l0_smoothed(areas(), 0)
        with self.assertRaisesRegex(ValueError, "uint8 of shape"):
            l0_smoothed(areas()[..., 0])

    @shared
    def test_photos(self):
        for path in sorted(SHARED.glob("data/photos/eval/*.jpg"))[:3]:
            with Image.open(path) as image:
                image = np.asarray(image.convert("RGB"))[:128, :128]
            smooth = l0_smoothed(image)
            self.assertLess(
                count_gradients(smooth), 0.8 * count_gradients(image), path
            )
            self.assertLess(np.abs(smooth.astype(int) - image).mean(), 12.0)


class NlMeansSmoothedTest(TestCase, parameterized.TestCase):
    def test_flat_areas_stay(self):
        self.assertAllEqual(nl_means_smoothed(areas()), areas())

    def test_noise_goes(self):
        image = noisy(areas(), 4.0)
        smooth = nl_means_smoothed(image)
        self.assertEqual(smooth.dtype, "uint8")
        self.assertTrue(smooth.flags.c_contiguous)
        before = np.abs(image.astype(int) - areas()).mean()
        after = np.abs(smooth.astype(int) - areas()).mean()
        self.assertLess(after, 0.6 * before)
        # Edges stay sharp.
        edge = smooth[28, 20:22].astype(int)
        self.assertGreater(np.abs(edge[0] - edge[1]).max(), 180)

    def test_strength(self):
        image = noisy(areas(), 8.0)
        weak, strong = (
            np.abs(
                nl_means_smoothed(image, strength).astype(int) - image
            ).mean()
            for strength in (0.01, 0.1)
        )
        self.assertLess(weak, 0.5 * strong)

    @parameterized.parameters((1, 1), (1, 7), (5, 1), (2, 3), (31, 17))
    def test_sizes(self, height, width):
        image = photos(height, width, 3)
        self.assertEqual(nl_means_smoothed(image).shape, image.shape)

    def test_is_deterministic(self):
        image = photos(24, 32, 3)
        once = nl_means_smoothed(image)
        self.assertAllEqual(nl_means_smoothed(image.copy()), once)

    def test_errors(self):
        with self.assertRaisesRegex(ValueError, "positive.* strength=-1"):
            nl_means_smoothed(areas(), -1)
        with self.assertRaisesRegex(ValueError, "uint8 of shape"):
            nl_means_smoothed(areas().astype("float32"))
