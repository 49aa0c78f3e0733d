import numpy as np
import pytest
from absl.testing import parameterized

from keras_comic.data.variants import VARIANTS
from keras_comic.data.variants import make_variant
from tests.data.test_variants import drawing
from tests.test_case import TestCase
from tests.test_case import noise
from tests.test_case import photos

tf = pytest.importorskip("tensorflow")

from keras_comic.data.graph_variants import variant_of  # noqa: E402


class VariantOfTest(TestCase, parameterized.TestCase):
    @parameterized.parameters(*VARIANTS)
    def test_eager(self, name):
        variant = variant_of(name, drawing())
        self.assertEqual(variant.dtype, "uint8")
        self.assertAllEqual(variant.numpy(), make_variant(name, drawing()))

    @parameterized.parameters(*VARIANTS)
    def test_in_a_dataset(self, name):
        images = np.stack([drawing(), photos(48, 64, 3), drawing()[::-1]])
        dataset = tf.data.Dataset.from_tensor_slices(images)
        dataset = dataset.map(
            lambda image: variant_of(name, image), num_parallel_calls=2
        )
        self.assertEqual(dataset.element_spec.shape, (48, 64, 3))
        self.assertEqual(dataset.element_spec.dtype, "uint8")
        variants = list(dataset.as_numpy_iterator())
        self.assertEqual(len(variants), 3)
        for image, variant in zip(images, variants):
            self.assertAllEqual(variant, make_variant(name, image))

    @parameterized.parameters(*VARIANTS)
    def test_batch_of_unknown_size(self, name):
        @tf.function(
            input_signature=[tf.TensorSpec((None, None, None, 3), "uint8")]
        )
        def function(images):
            return variant_of(name, images)

        images = photos(2, 17, 30, 3)
        variants = function(images)
        for image, variant in zip(images, variants.numpy()):
            self.assertAllEqual(variant, make_variant(name, image))
        # Each size anew, by the same graph.
        variants = function(images[:1, :9, :12]).numpy()
        self.assertAllEqual(variants[0], make_variant(name, images[0, :9, :12]))

    @parameterized.product(
        name=VARIANTS, size=[(1, 1), (1, 20), (7, 2), (11, 12), (31, 45)]
    )
    def test_sizes(self, name, size):
        image = photos(*size, 3)
        self.assertAllEqual(
            variant_of(name, image).numpy(), make_variant(name, image)
        )

    @parameterized.product(
        name=VARIANTS, dtype=["float32", "float16", "float64"]
    )
    def test_float(self, name, dtype):
        image = drawing()
        inputs = tf.cast(image / 127.5 - 1.0, dtype)
        variant = variant_of(name, inputs)
        self.assertEqual(variant.dtype, dtype)
        expected = make_variant(name, image) / 127.5 - 1.0
        # Half precision halves the levels' distance at the ends.
        atol = 1e-3 if dtype == "float16" else 1e-6
        self.assertAllClose(variant.numpy(), expected, atol=atol)

    def test_float_is_rounded_and_clipped(self):
        image = np.zeros((1, 1, 3), "float32")
        image[0, 0] = [-1.5, 2.0, 0.0]
        # The level of 0 is 127.5, rounded to 128.
        gray = variant_of("grayscale", image).numpy()[0, 0]
        level = (38470 * 255 + 7471 * 128 + 2**15) >> 16
        self.assertAllClose(gray, [level / 127.5 - 1.0] * 3)

    @parameterized.parameters("blurred", "edge_smoothed")
    def test_no_gradient(self, name):
        images = tf.constant(noise(8, 8, 3))
        with tf.GradientTape() as tape:
            tape.watch(images)
            total = tf.reduce_sum(variant_of(name, images))
        self.assertIsNone(tape.gradient(total, images))

    def test_beside_the_image(self):
        dataset = tf.data.Dataset.from_tensors(drawing()).map(
            lambda image: (image, variant_of("edge_smoothed", image))
        )
        image, variant = next(dataset.as_numpy_iterator())
        self.assertAllEqual(image, drawing())
        self.assertAllEqual(variant, make_variant("edge_smoothed", drawing()))

    @parameterized.parameters(
        (photos(8, 8), r"images.shape=\(8, 8\)"),
        (photos(8, 8, 4), r"images.shape=\(8, 8, 4\)"),
        (photos(1, 2, 8, 8, 3), "uint8 or floating, of shape"),
        (photos(8, 8, 3).astype("int32"), "images.dtype=int32"),
    )
    def test_bad_images(self, images, message):
        with self.assertRaisesRegex(ValueError, message):
            variant_of("blurred", images)

    def test_bad_name(self):
        with self.assertRaisesRegex(ValueError, "one of.* name=sharpened"):
            variant_of("sharpened", drawing())
