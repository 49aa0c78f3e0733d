"""Compares `compat` with tensorflow-addons: `make_addons_golden.py`."""

import json
import pathlib

import keras
import numpy as np
from absl.testing import parameterized
from keras import ops

from keras_comic import compat
from keras_comic import layers
from tests.test_case import TestCase
from tests.test_case import noise

with np.load(pathlib.Path(__file__).with_name("addons_golden.npz")) as _file:
    GOLDEN = {name: _file[name] for name in _file}
NORMALIZATIONS = {
    "instance": compat.InstanceNormalization(),
    "instance_epsilon": compat.InstanceNormalization(epsilon=1e-5),
    "instance_first": compat.InstanceNormalization(axis=1),
    "group": compat.GroupNormalization(groups=2),
    "group_first": compat.GroupNormalization(groups=5, axis=1),
    "group_one": compat.GroupNormalization(groups=1, center=False),
}


def revived(layer):
    """Returns the layer from its config and the name in tensorflow-addons."""
    config = {
        "class_name": f"Addons>{type(layer).__name__}",
        "config": layer.get_config(),
    }
    return keras.layers.deserialize(json.loads(json.dumps(config)))


class NormalizationTest(TestCase, parameterized.TestCase):
    @parameterized.parameters(*zip(NORMALIZATIONS))
    def test_golden(self, name):
        images = GOLDEN["normalization/images"]
        layer = revived(NORMALIZATIONS[name])
        self.assertIs(type(layer), type(NORMALIZATIONS[name]))
        prefix = f"normalization/{name}"
        layer.build(images.shape)
        num_weights = len(layer.weights)
        layer.set_weights([GOLDEN[f"{prefix}/{i}"] for i in range(num_weights)])
        self.assertNotIn(f"{prefix}/{num_weights}", GOLDEN)
        self.assertAllClose(layer(images), GOLDEN[f"{prefix}/outputs"], 1e-5)

    def test_instance_normalization_of_the_house(self):
        images = GOLDEN["normalization/images"]
        layer = layers.InstanceNormalization()
        layer.build(images.shape)
        prefix = "normalization/instance_epsilon"
        layer.set_weights([GOLDEN[f"{prefix}/{i}"] for i in range(2)])
        self.assertAllClose(layer(images), GOLDEN[f"{prefix}/outputs"], 1e-5)

    def test_saved_groups_are_channels(self):
        # Built layers were saved with the number of channels as `groups`.
        layer = compat.InstanceNormalization.from_config(
            {"groups": 4, "axis": 3}
        )
        self.assertShape(layer(noise(1, 4, 4, 6)), (1, 4, 4, 6))


class SpectralNormalizationTest(TestCase):
    def make(self, layer_class, power_iterations=1):
        layer = layer_class(keras.layers.Conv2D(5, 3), power_iterations)
        layer.build(GOLDEN["spectral/images"].shape)
        self.set_state(
            layer,
            [GOLDEN[f"spectral/{n}"] for n in ("kernel", "bias", "vector")],
        )
        return layer

    def set_state(self, layer, values):
        variables = [*layer.trainable_weights, *layer.non_trainable_weights]
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)

    def test_steps(self):
        images = GOLDEN["spectral/images"]
        layer = self.make(compat.SpectralNormalization)
        for step in range(8):
            outputs = layer(images, training=True)
            for value, name in (
                (outputs, "outputs"),
                (layer.layer.kernel, "kernels"),
                (layer.vector_u, "vectors"),
            ):
                self.assertAllClose(
                    value, GOLDEN[f"spectral/{name}"][step], 1e-5
                )
        # Outside of training nothing is divided any more.
        self.assertAllClose(layer(images), GOLDEN["spectral/outputs"][-1], 1e-5)

    def test_ours_takes_the_same_steps(self):
        layer = self.make(layers.SpectralNormalization)
        kernel = GOLDEN["spectral/kernel"].reshape(-1, 5)
        for step in range(8):
            layer(GOLDEN["spectral/images"], training=True)
            vector = self.numpy(layer.vector)
            self.assertAllClose(vector, GOLDEN["spectral/vectors"][step], 1e-5)
            # Ours divides by the length after the iteration's last half.
            self.assertAllClose(
                layer.normalized_kernel(),
                GOLDEN["spectral/kernel"] / np.linalg.norm(kernel @ vector.T),
                1e-5,
            )

    def test_state_moves_to_ours(self):
        images = GOLDEN["spectral/images"]
        theirs = self.make(compat.SpectralNormalization, 50)
        for _ in range(3):
            theirs(images, training=True)
        ours = self.make(layers.SpectralNormalization)
        self.set_state(
            ours, [*theirs.trainable_weights, *theirs.non_trainable_weights]
        )
        self.assertAllClose(ours(images), theirs(images), 1e-4)


class WeightNormalizationTest(TestCase, parameterized.TestCase):
    def test_first_call_by_kernel(self):
        # `g` starts as the length of the kernel: nothing changes.
        images = noise(2, 6, 6, 3)
        convolution = keras.layers.Conv2D(4, 3)
        convolution.build(images.shape)
        expected = self.numpy(convolution(images))
        layer = compat.WeightNormalization(convolution, data_init=False)
        for _ in range(2):
            self.assertAllClose(layer(images), expected, 1e-5)
        self.assertTrue(bool(self.numpy(layer.initialized)))
        # The kernel's length means nothing, `g` does.
        convolution.kernel.assign(3.0 * convolution.kernel)
        self.assertAllClose(layer(images), expected, 1e-5)
        layer.g.assign(2.0 * layer.g)
        self.assertAllClose(layer(images), 2.0 * expected, 1e-5)
        self.assertEqual(len(layer.trainable_variables), 3)
        self.assertGradientsReach(
            lambda: ops.square(layer(images) + 1.0), layer.trainable_variables
        )

    @parameterized.parameters(True, False)
    def test_first_call_by_data(self, use_bias):
        # Outputs of the first batch have unit deviation, and no mean.
        images = 3.0 * noise(4, 8, 8, 3) + 0.5
        convolution = keras.layers.Conv2D(4, 3, use_bias=use_bias)
        layer = compat.WeightNormalization(convolution)
        convolution.build(images.shape)
        kernel = convolution.kernel
        kernel.assign(kernel / ops.norm(ops.reshape(kernel, (-1, 4)), axis=0))
        outputs = self.numpy(layer(images))
        self.assertAllClose(outputs.std(axis=(0, 1, 2)), np.ones(4), 1e-3, 1e-3)
        if use_bias:
            self.assertAllClose(outputs.mean(axis=(0, 1, 2)), np.zeros(4), 1e-4)
        # Only the first.
        self.assertAllClose(layer(images), outputs, 1e-5)
        layer(2.0 * images)
        self.assertAllClose(layer(images), outputs, 1e-5)

    def test_no_kernel(self):
        layer = compat.WeightNormalization(keras.layers.ReLU(name="relu"))
        with self.assertRaisesRegex(
            ValueError,
            "`layer` must have a variable called `kernel`.*"
            "Received: layer=relu of class ReLU",
        ):
            layer.build((1, 4, 4, 3))


class ModelTest(TestCase, parameterized.TestCase):
    """Keras 2 models with layers of tensorflow-addons."""

    def path_of(self, name):
        path = self.temporary_folder() / "model.h5"
        path.write_bytes(GOLDEN[f"model/{name}/h5"].tobytes())
        return path

    def check(self, model, name):
        # By name, as the model expects them.
        inputs = {model.inputs[0].name: GOLDEN[f"model/{name}/images"]}
        outputs = model(inputs)
        self.assertAllClose(outputs, GOLDEN[f"model/{name}/outputs"], 1e-5)
        return inputs

    def test_keras_knows_the_layers(self):
        model = keras.saving.load_model(self.path_of("frozen"), compile=False)
        inputs = self.check(model, "frozen")
        # And on from here as any model of Keras 3.
        self.run_saving_test(model, inputs)

    @parameterized.parameters("block", "frozen")
    def test_config(self, name):
        text = str(GOLDEN[f"model/{name}/json"])
        for config in (text, text.encode(), json.loads(text)):
            model = compat.model_from_config(config)
        model.load_weights(self.path_of(name))
        self.check(model, name)

    @parameterized.parameters("block", "frozen")
    def test_load_model(self, name):
        self.check(compat.load_model(self.path_of(name)), name)

    def test_no_model(self):
        path = self.temporary_folder() / "model.weights.h5"
        model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        model.save_weights(path)
        with self.assertRaisesRegex(
            ValueError,
            "must hold a model that Keras 2 saved as H5. Received: "
            "path='.*model.weights.h5', without a `model_config`",
        ):
            compat.load_model(path)
        for config in ({"class_name": "Dense", "config": {}}, [], "{}"):
            with self.assertRaisesRegex(
                ValueError,
                "`config` must hold the `class_name` and `config` of a "
                "functional or sequential model. Received: class_name=",
            ):
                compat.model_from_config(config)

    def test_layers_of_the_user(self):
        layer = {"class_name": "Addons>NoisyDense", "config": {}}
        inputs = {
            "class_name": "InputLayer",
            "config": {"batch_input_shape": [None, 8]},
        }
        config = {"name": "model", "layers": [inputs, layer]}
        config = {"class_name": "Sequential", "config": config}
        with self.assertRaisesRegex(ValueError, "Addons>NoisyDense"):
            compat.model_from_config(config)

        class NoisyDense(keras.layers.Layer):
            pass

        model = compat.model_from_config(
            config, custom_objects={"Addons>NoisyDense": NoisyDense}
        )
        self.assertIsInstance(model.layers[-1], NoisyDense)
