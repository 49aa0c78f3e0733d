import keras
import numpy as np
from keras import ops

from keras_comic.layers import ReflectionConv2D
from keras_comic.layers import SpectralNormalization
from tests.test_case import TestCase
from tests.test_case import compiled
from tests.test_case import gradients
from tests.test_case import noise


def largest_singular_value(kernel):
    matrix = np.reshape(kernel, (-1, np.shape(kernel)[-1]))
    return np.linalg.svd(matrix, compute_uv=False)[0]


def converged(layer, inputs):
    """The layer after as many iterations as tens of training calls do."""
    layer(inputs)
    # One singular value far above the others: convergence in a few steps.
    kernel = ops.convert_to_numpy(layer.layer.kernel).copy()
    kernel[..., 0] *= 4.0
    layer.layer.kernel.assign(kernel)
    layer.power_iterations = 30
    layer(inputs, training=True)
    layer.power_iterations = 1
    return layer


class SpectralNormalizationTest(TestCase):
    def test_config(self):
        layer = SpectralNormalization(
            keras.layers.Conv2D(4, 3, strides=2), power_iterations=3
        )
        revived = self.run_config_test(layer)
        self.assertEqual(revived.power_iterations, 3)
        self.assertEqual(revived.layer.strides, (2, 2))
        layer(noise(1, 9, 9, 3))
        self.run_config_test(layer)

    def test_variables_and_saving(self):
        inputs = noise(2, 9, 9, 3)
        layer = SpectralNormalization(keras.layers.Conv2D(4, 3))
        images = keras.Input((None, None, 3))
        model = keras.Model(images, layer(images))
        self.assertEqual(len(layer.trainable_variables), 2)
        self.assertEqual(
            [v.name for v in layer.non_trainable_variables], ["vector"]
        )
        self.assertEqual(layer.vector.aggregation, "only_first_replica")
        model(inputs, training=True)
        revived = self.run_saving_test(model, inputs)
        self.assertAllEqual(revived.layers[-1].vector, layer.vector)
        self.assertAllClose(
            compiled(lambda x: model(x))(inputs), model(inputs), atol=1e-5
        )

    def test_largest_singular_value_becomes_one(self):
        for wrapped, inputs in (
            (keras.layers.Dense(6), noise(2, 5)),
            (keras.layers.Conv2D(8, 3), noise(1, 8, 8, 4)),
            (keras.layers.Conv2DTranspose(8, 3), noise(1, 8, 8, 4)),
            (keras.layers.Conv1D(3, 5), noise(1, 8, 4)),
        ):
            layer = converged(SpectralNormalization(wrapped), inputs)
            kernel = self.numpy(layer.normalized_kernel())
            self.assertAllClose(largest_singular_value(kernel), 1.0, atol=1e-4)
            original = self.numpy(wrapped.kernel)
            self.assertAllClose(
                kernel, original / largest_singular_value(original), atol=1e-4
            )

    def test_forward_uses_the_normalized_kernel(self):
        inputs = noise(3, 5)
        dense = keras.layers.Dense(4, bias_initializer="ones")
        layer = converged(SpectralNormalization(dense), inputs)
        kernel = self.numpy(dense.kernel)
        expected = inputs @ (kernel / largest_singular_value(kernel)) + 1.0
        self.assertAllClose(layer(inputs), expected, atol=1e-4)
        self.assertAllClose(layer(inputs, training=True), expected, atol=1e-4)

    def test_only_the_vector_moves_and_only_in_training(self):
        inputs = noise(1, 8, 8, 3)
        layer = SpectralNormalization(keras.layers.Conv2D(4, 3))
        layer(inputs)
        weights = self.values(layer.layer.variables)
        vector = self.numpy(layer.vector).copy()
        layer(inputs)
        layer(inputs, training=False)
        self.assertUnmoved([layer.vector], [vector])
        for _ in range(3):
            layer(inputs, training=True)
        self.assertNotAllClose(layer.vector, vector)
        self.assertUnmoved(layer.layer.variables, weights)

    def test_keras_own_moves_the_kernel_without_an_optimizer(self):
        # Why this layer exists: a generator's step that runs such a
        # discriminator in training mode trains the discriminator as well.
        inputs = noise(1, 8, 8, 3)
        theirs = keras.layers.SpectralNormalization(keras.layers.Conv2D(4, 3))
        ours = SpectralNormalization(keras.layers.Conv2D(4, 3))
        moved = {}
        for layer in (theirs, ours):
            layer(inputs)
            before = self.numpy(layer.layer.kernel).copy()
            layer(inputs, training=True)
            after = self.numpy(layer.layer.kernel)
            moved[layer] = np.abs(after - before).max()
        self.assertGreater(moved[theirs], 1e-3)
        self.assertEqual(moved[ours], 0.0)

    def test_gradient_is_that_of_the_paper(self):
        # Miyato et al., equation 12: (G - <G, W_sn> u v^T) / sigma.
        inputs, direction = noise(3, 5), noise(3, 4, seed=1)
        dense = keras.layers.Dense(4, use_bias=False)
        layer = converged(SpectralNormalization(dense), inputs)
        (gradient,) = gradients(
            lambda: ops.multiply(layer(inputs), direction), [dense.kernel]
        )
        kernel = self.numpy(dense.kernel)
        u, s, v = np.linalg.svd(kernel, full_matrices=False)
        outer = inputs.T @ direction
        share = np.sum(outer * kernel / s[0])
        expected = (outer - share * np.outer(u[:, 0], v[0])) / s[0]
        self.assertAllClose(gradient, expected, atol=1e-4)
        # A kernel's length has no effect, so no gradient goes along it.
        self.assertAllClose(np.sum(gradient * kernel), 0.0, atol=1e-4)

    def test_kernel_of_zeros_stays_finite(self):
        inputs = noise(3, 5)
        dense = keras.layers.Dense(4, kernel_initializer="zeros")
        layer = SpectralNormalization(dense)
        self.assertAllClose(layer(inputs, training=True), np.zeros((3, 4)))
        self.assertGreater(np.abs(self.numpy(layer.vector)).max(), 0.1)
        (gradient,) = gradients(lambda: layer(inputs), [dense.kernel])
        self.assertFinite(gradient)
        dense.kernel.assign(noise(5, 4))
        kernel = converged(layer, inputs).normalized_kernel()
        self.assertAllClose(
            largest_singular_value(self.numpy(kernel)), 1.0, atol=1e-4
        )

    def test_errors(self):
        with self.assertRaisesRegex(
            ValueError,
            "`power_iterations` must be a positive integer. "
            "Received: power_iterations=0",
        ):
            SpectralNormalization(keras.layers.Dense(4), power_iterations=0)
        with self.assertRaisesRegex(
            ValueError,
            "`layer` must have a variable called `kernel`, .* "
            "Received: layer=pool of class MaxPooling2D",
        ):
            SpectralNormalization(keras.layers.MaxPooling2D(name="pool"))(
                noise(1, 8, 8, 3)
            )
        with self.assertRaisesRegex(ValueError, "of class ReflectionConv2D"):
            SpectralNormalization(ReflectionConv2D(4))(noise(1, 8, 8, 3))
