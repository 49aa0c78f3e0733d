"""The base of all test classes, and the checks that they share."""

import json
import os
import pathlib
import tempfile
import unittest

import keras
import numpy as np
import pytest
from keras import ops

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Pictures and weights that are not part of the project.
SHARED = pathlib.Path(
    os.environ.get("KERAS_COMIC_SHARED", ROOT.parent / "shared")
)
BACKEND = keras.backend.backend()
MIXED_POLICIES = ("mixed_float16", "mixed_bfloat16")

requires_tensorflow = pytest.mark.skipif(
    BACKEND != "tensorflow", reason="needs Keras's TensorFlow backend"
)


def shared(test):
    """Marks a test that needs the shared data, and skips it without them."""
    skip = pytest.mark.skipif(
        not SHARED.is_dir(), reason="the shared data are not here"
    )
    return pytest.mark.shared(skip(test))


def noise(*shape, seed=0):
    """Uniform float32 noise in `[-1, 1]`, the same for the same arguments."""
    values = np.random.default_rng(seed).uniform(-1.0, 1.0, shape)
    return values.astype("float32")


def photos(*shape, seed=0):
    """uint8 noise, the same for the same arguments."""
    values = np.random.default_rng(seed).integers(0, 256, shape)
    return values.astype("uint8")


def compiled(function):
    """The function as the backend compiles it."""
    if BACKEND == "tensorflow":
        import tensorflow as tf

        return tf.function(function, autograph=False)
    if BACKEND == "jax":
        import jax

        return jax.jit(function)
    return function


def gradients(function, variables):
    """Gradients of the sum of what a function returns, as NumPy arrays.

    Args:
        function: Takes nothing, gives a tensor.
        variables: List of Keras variables.

    Returns:
        List of NumPy arrays; `None` where the variable has no effect (JAX
        gives zeros instead).
    """
    variables = list(variables)
    if not variables:
        return []
    if BACKEND == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            total = ops.sum(ops.cast(function(), "float32"))
        values = tape.gradient(total, [v.value for v in variables])
    elif BACKEND == "jax":
        import jax

        def total_of(values):
            mapping = list(zip(variables, values, strict=True))
            with keras.StatelessScope(state_mapping=mapping):
                return ops.sum(ops.cast(function(), "float32"))

        values = jax.grad(total_of)([v.value for v in variables])
    else:
        import torch

        values = torch.autograd.grad(
            ops.sum(ops.cast(function(), "float32")),
            [v.value for v in variables],
            allow_unused=True,
        )
    return [None if v is None else ops.convert_to_numpy(v) for v in values]


def input_gradient(function, inputs):
    """Gradient of the sum of `function(inputs)` by `inputs`, as NumPy."""
    variable = keras.Variable(inputs, dtype="float32")
    return gradients(lambda: function(variable.value), [variable])[0]


class Batches(keras.utils.PyDataset):
    """One batch, several times: a dataset on every backend."""

    def __init__(self, batch, steps):
        super().__init__()
        self.batch = batch
        self.steps = steps

    def __len__(self):
        return self.steps

    def __getitem__(self, index):
        return self.batch


class TestCase(unittest.TestCase):
    """`unittest.TestCase` for arrays, and checks of whole kinds of code."""

    # Shown in full when arrays differ.
    maxDiff = None

    # Arrays.

    def numpy(self, value):
        """A tensor, variable or array as a NumPy array."""
        if isinstance(value, keras.Variable):
            value = value.value
        if ops.is_tensor(value):
            return ops.convert_to_numpy(value)
        return np.asarray(value)

    def assertAllClose(self, actual, expected, atol=1e-5, rtol=1e-5):
        np.testing.assert_allclose(
            self.numpy(actual), self.numpy(expected), atol=atol, rtol=rtol
        )

    def assertNotAllClose(self, actual, expected, atol=1e-6, rtol=1e-6):
        actual, expected = self.numpy(actual), self.numpy(expected)
        self.assertEqual(actual.shape, expected.shape)
        self.assertFalse(
            np.allclose(actual, expected, atol=atol, rtol=rtol),
            "The arrays are equal.",
        )

    def assertAllEqual(self, actual, expected):
        np.testing.assert_array_equal(self.numpy(actual), self.numpy(expected))

    def assertShape(self, value, shape):
        self.assertEqual(tuple(value.shape), tuple(shape))

    def assertDType(self, value, dtype):
        self.assertEqual(keras.backend.standardize_dtype(value.dtype), dtype)

    def assertFinite(self, value):
        self.assertTrue(np.all(np.isfinite(self.numpy(value))))

    def assertUnmoved(self, variables, values):
        """That variables have, bit for bit, the values they had."""
        for variable, value in zip(variables, values, strict=True):
            self.assertTrue(
                np.array_equal(self.numpy(variable), value),
                f"{variable.path} has moved.",
            )

    def assertGradientsReach(self, function, variables):
        """That each variable has a finite gradient that is not all zeros."""
        variables = list(variables)
        for variable, gradient in zip(
            variables, gradients(function, variables), strict=True
        ):
            self.assertIsNotNone(gradient, f"{variable.path}: no gradient")
            self.assertTrue(
                np.all(np.isfinite(gradient)), f"{variable.path}: not finite"
            )
            self.assertTrue(
                np.any(gradient != 0.0), f"{variable.path}: all zeros"
            )

    def values(self, variables):
        return [self.numpy(v).copy() for v in variables]

    def temporary_folder(self):
        """A folder that is gone after the test."""
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        return pathlib.Path(folder.name)

    # Whole kinds of code.

    def run_config_test(self, instance):
        """`from_config(get_config())` is the same; the config is JSON."""
        config = instance.get_config()
        # A config goes through JSON in `.keras` files and presets.
        serialized = json.loads(
            json.dumps(keras.saving.serialize_keras_object(instance))
        )
        revived = type(instance).from_config(config)
        self.assertEqual(
            json.dumps(keras.saving.serialize_keras_object(revived)["config"]),
            json.dumps(serialized["config"]),
        )
        return keras.saving.deserialize_keras_object(serialized)

    def run_saving_test(self, model, inputs, atol=1e-5):
        """The `.keras` file gives a model with the same outputs."""
        path = self.temporary_folder() / "model.keras"
        model.save(path)
        revived = keras.saving.load_model(path)
        self.assertEqual(type(revived), type(model))
        expected = model(inputs)
        self.assertAllClose(revived(inputs), expected, atol=atol, rtol=0.0)
        return revived

    def run_layer_test(
        self,
        layer_class,
        init_kwargs,
        inputs,
        expected_shape,
        odd_inputs=None,
        odd_shape=None,
        num_trainable=None,
        num_non_trainable=0,
        mixed_atol=0.1,
    ):
        """What every layer must do.

        Args:
            layer_class: The class.
            init_kwargs: Dict, the arguments of its constructor.
            inputs: Tuple of float32 arrays, the positional arguments of
                `call`.
            expected_shape: Tuple, the shape of the output.
            odd_inputs: As `inputs`, of odd height and width, or `None`.
            odd_shape: Tuple, the shape of their output.
            num_trainable: Integer or `None`. Trainable variables expected.
            num_non_trainable: Integer. Other variables expected.
            mixed_atol: Float. How far outputs under a mixed policy may be
                from float32 outputs.
        """
        layer = layer_class(**init_kwargs)
        self.run_config_test(layer)
        outputs = layer(*inputs)
        self.run_config_test(layer)
        self.assertShape(outputs, expected_shape)
        self.assertDType(outputs, "float32")
        self.assertFinite(outputs)
        if num_trainable is not None:
            self.assertEqual(len(layer.trainable_variables), num_trainable)
        self.assertEqual(len(layer.non_trainable_variables), num_non_trainable)
        self.assertGradientsReach(
            # Other than a plain sum, which a normalisation makes constant.
            lambda: (layer(*inputs) + 0.3) ** 3,
            layer.trainable_variables,
        )
        self.assertAllClose(
            compiled(lambda *arrays: layer(*arrays))(*inputs),
            outputs,
            atol=1e-5,
        )
        if odd_inputs is not None:
            self.assertShape(layer(*odd_inputs), odd_shape)
        self._run_symbolic_layer_test(layer, inputs, outputs)
        for policy in MIXED_POLICIES:
            with self.subTest(policy=policy):
                mixed = layer_class(**init_kwargs, dtype=policy)
                mixed(*inputs)
                mixed.set_weights(layer.get_weights())
                mixed_outputs = mixed(*inputs)
                self.assertDType(mixed_outputs, policy[len("mixed_") :])
                for variable in mixed.variables:
                    self.assertDType(variable, "float32")
                self.assertAllClose(
                    ops.cast(mixed_outputs, "float32"),
                    outputs,
                    atol=mixed_atol,
                    rtol=mixed_atol,
                )

    def _run_symbolic_layer_test(self, layer, inputs, outputs):
        """In a functional model, and through a `.keras` file."""
        symbolic = [
            keras.Input(
                # Any height and width.
                (None, None, array.shape[-1])
                if array.ndim == 4
                else array.shape[1:]
            )
            for array in inputs
        ]
        symbolic_outputs = layer(*symbolic)
        self.assertEqual(
            len(symbolic_outputs.shape), len(outputs.shape), "symbolic rank"
        )
        for side, expected in zip(
            symbolic_outputs.shape, outputs.shape, strict=True
        ):
            self.assertIn(side, (None, expected))
        model = keras.Model(symbolic, symbolic_outputs)
        self.run_saving_test(model, list(inputs))

    def run_loss_test(self, loss, inputs, expected, atol=1e-5):
        """What every loss must do.

        Args:
            loss: Function of tensors, or of lists of tensors.
            inputs: Tuple of its arguments: NumPy arrays (or lists of them),
                the first axis the batch, of at least 2 samples.
            expected: List of floats, the values worked out by hand.
            atol: Float. How far the loss may be from them.
        """
        inputs = keras.tree.map_structure(
            lambda array: np.asarray(array, "float32"), tuple(inputs)
        )
        values = loss(*inputs)
        self.assertShape(values, (len(expected),))
        self.assertDType(values, "float32")
        self.assertAllClose(values, expected, atol=atol, rtol=1e-5)
        # A sample's value does not depend on the batch it is in.
        for i in range(len(expected)):
            alone = keras.tree.map_structure(
                lambda array, i=i: array[i : i + 1], inputs
            )
            self.assertAllClose(
                loss(*alone), self.numpy(values)[i : i + 1], atol=atol
            )
        self.assertAllClose(
            compiled(lambda *arrays: loss(*arrays))(*inputs),
            values,
            atol=atol,
        )
        for dtype in ("float16", "bfloat16"):
            low = keras.tree.map_structure(
                lambda array, dtype=dtype: ops.cast(array, dtype), inputs
            )
            self.assertDType(loss(*low), "float32")
        variables = keras.tree.map_structure(
            lambda array: keras.Variable(array, dtype="float32"), inputs
        )
        found = gradients(
            lambda: loss(
                *keras.tree.map_structure(lambda v: v.value, variables)
            ),
            keras.tree.flatten(variables),
        )
        for gradient in found:
            self.assertIsNotNone(gradient)
            self.assertFinite(gradient)

    def run_generator_test(self, make_generator, tolerance=1e-5):
        """Checks what every `Generator` and `StyleGenerator` must do.

        Args:
            make_generator: Takes keyword `dtype` (a policy or `None`) and
                gives a small generator, built, not trained.
            tolerance: Float. How far numbers that should be equal may be
                apart, on `[-1, 1]`.
        """
        generator = make_generator()
        inputs = {
            "photos": noise(2, 32, 48, 3),
            **{
                name: noise(2, *value.shape[1:], seed=1)
                for name, value in generator.example_inputs().items()
                if name != "photos"
            },
        }
        # Before the first call, and after it.
        self.run_config_test(generator)
        outputs = generator(inputs)
        revived = self.run_config_test(generator)
        self.assertShape(outputs, (2, 32, 48, 3))
        self.assertDType(outputs, "float32")
        self.assertFinite(outputs)
        revived.set_weights(generator.get_weights())
        self.assertAllClose(revived(inputs), outputs, atol=tolerance)
        self.run_saving_test(generator, inputs, atol=tolerance)
        self.assertGradientsReach(
            lambda: self._drawn_from_photos(generator, inputs) ** 2,
            generator.trainable_variables,
        )
        graph = compiled(lambda arrays: generator(arrays))
        self.assertAllClose(graph(inputs), outputs, atol=tolerance)
        for i in range(2):
            alone = {key: array[i : i + 1] for key, array in inputs.items()}
            self.assertAllClose(
                generator(alone), outputs[i : i + 1], atol=tolerance
            )
        self.assertShape(generator.example_output(), (1, 64, 61, 3))
        self._run_mixed_generator_test(make_generator, generator, inputs)
        self._run_stylize_test(generator)

    def _drawn_from_photos(self, generator, inputs):
        """The comics in the photos' own conditions, encoders included."""
        photos = ops.convert_to_tensor(inputs["photos"])
        own = generator.photo_conditions(photos[::-1])
        return generator({**inputs, **own})

    def _run_mixed_generator_test(self, make_generator, generator, inputs):
        expected = self.numpy(generator(inputs))
        for policy in MIXED_POLICIES:
            with self.subTest(policy=policy):
                mixed = make_generator(dtype=policy)
                self.assertEqual(mixed.dtype_policy.name, policy)
                mixed.set_weights(generator.get_weights())
                outputs = mixed(inputs)
                self.assertDType(outputs, "float32")
                self.assertFinite(outputs)
                for variable in mixed.variables:
                    self.assertDType(variable, "float32")
                difference = np.abs(self.numpy(outputs) - expected).mean()
                self.assertLess(difference, 0.1)
                # Not the float32 network by another name.
                self.assertGreater(difference, 0.0)

    def _run_stylize_test(self, generator):
        """`stylize` at an odd size, alone, weaker, masked."""
        pictures = photos(2, 33, 47, 3)
        style = photos(40, 36, 3, seed=1) if generator.takes_style else None

        def stylize(images, **options):
            comics = generator.stylize(images, style=style, **options)
            self.assertShape(comics, images.shape)
            self.assertDType(comics, "uint8")
            self.assertIsInstance(comics, np.ndarray)
            return comics.astype(int)

        comics = stylize(pictures)
        self.assertAllClose(stylize(pictures[0]), comics[0], atol=1, rtol=0)
        self.assertAllEqual(stylize(pictures, strength=0.0), pictures)
        half = stylize(pictures, strength=0.5)
        for other in (comics, pictures):
            self.assertGreater(np.abs(half - other).max(), 1)
        left = np.zeros((33, 47), "float32")
        left[:, :20] = 1.0
        masked = stylize(pictures, mask=left)
        self.assertAllEqual(masked[:, :, 20:], pictures[:, :, 20:])
        self.assertAllEqual(masked[:, :, :20], comics[:, :, :20])

    def run_gan_test(self, make_gan, batch, inputs=None):
        """What every trainable pair must do.

        Args:
            make_gan: Takes nothing, gives a small GAN with two small networks
                and everything else its recipe needs, not compiled.
            batch: Dict of float32 arrays, as its dataset yields them.
            inputs: What the GAN itself is called with, for a round trip of
                the trained GAN through a `.keras` file; `None` leaves it out.
        """
        gan = make_gan()
        gan.compile()
        networks = {
            "generator": gan.generator,
            "discriminator": gan.discriminator,
        }
        before = {
            name: self.values(network.trainable_variables)
            for name, network in networks.items()
        }
        average_before = self.values(gan.ema_generator.variables)
        self.assertAllClose(average_before[0], before["generator"][0])
        history = gan.fit(Batches(batch, 2), epochs=2, verbose=0).history

        # Named terms, finite; no `loss` that nothing feeds.
        used = {
            name for name, weight in gan.loss_weights.items() if weight > 0.0
        }
        expected = used | {"generator_loss", "discriminator_loss"}
        self.assertLessEqual(expected, set(history))
        self.assertNotIn("loss", history)
        for name, values in history.items():
            self.assertEqual(len(values), 2, name)
            self.assertFinite(values)

        # Each network was trained, and the average follows.
        for name, network in networks.items():
            for variable, value in zip(
                network.trainable_variables, before[name], strict=True
            ):
                self.assertFalse(
                    np.array_equal(self.numpy(variable), value),
                    f"{variable.path} was not trained.",
                )
        moved = [
            np.abs(self.numpy(v) - old).max()
            for v, old in zip(
                gan.ema_generator.variables, average_before, strict=True
            )
        ]
        self.assertGreater(max(moved), 0.0)
        self.assertEqual(int(self.numpy(gan.step_counter)), 4)

        # The generator's phase moves nothing of the discriminator.
        state = self.values(gan.discriminator.variables)
        gan.generator_losses(
            keras.tree.map_structure(ops.convert_to_tensor, batch)
        )
        self.assertUnmoved(gan.discriminator.variables, state)

        # Evaluation moves nothing at all.
        state = self.values(gan.generator.variables)
        scores = gan.evaluate(Batches(batch, 1), verbose=0, return_dict=True)
        self.assertLessEqual(used, set(scores))
        for value in scores.values():
            self.assertFinite(value)
        self.assertUnmoved(gan.generator.variables, state)

        # A GAN of the same config compiles to the same recipe.
        revived = type(gan).from_config(gan.get_config())
        revived.compile_from_config(gan.get_compile_config())
        self.assertEqual(revived.loss_weights, gan.loss_weights)
        for name, optimizer in gan.optimizers.items():
            self.assertEqual(
                revived.optimizers[name].get_config(), optimizer.get_config()
            )
        if inputs is not None:
            self._run_gan_saving_test(gan, inputs)

    def _run_gan_saving_test(self, gan, inputs):
        revived = self.run_saving_test(gan, inputs)
        for name, optimizer in gan.optimizers.items():
            self.assertUnmoved(
                revived.optimizers[name].variables,
                self.values(optimizer.variables),
            )
        self.assertUnmoved(
            revived.discriminator.variables,
            self.values(gan.discriminator.variables),
        )
