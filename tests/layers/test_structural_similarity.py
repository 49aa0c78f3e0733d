import numpy as np
from skimage.metrics import structural_similarity as skimage_similarity

from keras_comic.layers import structural_similarity
from tests.test_case import TestCase
from tests.test_case import compiled
from tests.test_case import noise
from tests.test_case import requires_tensorflow

WEIGHTS = np.float32([0.299, 0.587, 0.114])


def pair(height, width):
    """A picture with structure, and one like it."""
    y, x = np.mgrid[:height, :width] / 8.0
    waves = np.stack([np.sin(x), np.sin(x + y), np.cos(y)], axis=-1)
    images = (0.6 * waves + 0.4 * noise(2, height, width, 3)).astype("float32")
    others = 0.5 * images + 0.3 * noise(2, height, width, 3, seed=1) + 0.1
    return images, others.astype("float32")


class StructuralSimilarityTest(TestCase):
    def test_scikit_image_agrees(self):
        for height, width in ((32, 32), (33, 47), (11, 12)):
            images, others = pair(height, width)
            expected = [
                skimage_similarity(
                    (a + 1.0) @ WEIGHTS,
                    (b + 1.0) @ WEIGHTS,
                    data_range=2.0,
                    gaussian_weights=True,
                    sigma=1.5,
                    use_sample_covariance=False,
                )
                for a, b in zip(images, others, strict=True)
            ]
            self.assertAllClose(
                structural_similarity(images, others), expected, atol=1e-4
            )

    @requires_tensorflow
    def test_tensorflow_agrees(self):
        import tensorflow as tf

        images, others = pair(33, 47)

        def luminance(pictures):
            pixels = (pictures + 1.0) * 127.5
            return tf.reduce_sum(pixels * WEIGHTS, axis=-1, keepdims=True)

        self.assertAllClose(
            structural_similarity(images, others),
            tf.image.ssim(luminance(images), luminance(others), 255.0),
            atol=1e-4,
        )

    def test_flat_images_by_hand(self):
        # No variance: only the luminance term, (2ab + c1) / (a^2 + b^2 + c1)
        # with grey levels 0.5 and 1.5 above black and c1 = 0.0004.
        dark = np.full((1, 16, 16, 3), -0.5, "float32")
        light = np.full((1, 16, 16, 3), 0.5, "float32")
        self.assertAllClose(
            structural_similarity(dark, light), [1.5004 / 2.5004], atol=5e-4
        )

    def test_equal_and_opposite_images(self):
        images, _ = pair(32, 32)
        self.assertAllClose(
            structural_similarity(images, images), [1, 1], atol=1e-4
        )
        grey = 0.9 * noise(1, 32, 32, 1).repeat(3, axis=-1)
        self.assertLess(
            float(self.numpy(structural_similarity(grey, -grey))[0]), -0.5
        )

    def test_compiled_and_low_precision(self):
        images, others = pair(32, 32)
        expected = structural_similarity(images, others)
        self.assertAllClose(
            compiled(lambda a, b: structural_similarity(a, b))(images, others),
            expected,
            atol=1e-4,
        )
        low = structural_similarity(
            images.astype("float16"), others.astype("float16")
        )
        self.assertDType(low, "float32")
        self.assertAllClose(low, expected, atol=1e-2)

    def test_one_image_against_all(self):
        images = noise(2, 32, 32, 3)
        values = structural_similarity(images, images[:1])
        self.assertAllClose(values[0], 1.0, atol=1e-4)
        self.assertLess(float(values[1]), 0.5)

    def test_errors(self):
        with self.assertRaisesRegex(
            ValueError,
            r"at least 11 pixels. Received: images.shape=\(1, 32, 10, 3\)",
        ):
            structural_similarity(noise(1, 32, 10, 3), noise(1, 32, 10, 3))
