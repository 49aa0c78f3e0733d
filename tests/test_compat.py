"""Against what tensorflow-addons computed: `make_addons_golden.py`."""

import doctest
import json
import os
import pathlib

import h5py
import keras
import numpy as np
from absl.testing import parameterized
from keras import ops

import keras_comic
from keras_comic import compat
from keras_comic import layers
from keras_comic.training import GAN
from keras_comic.training.average import average_decay
from keras_comic.training.average import update_average
from tests.test_case import TestCase
from tests.test_case import noise
from tests.test_case import requires_tensorflow

with np.load(pathlib.Path(__file__).with_name("addons_golden.npz")) as _file:
    GOLDEN = {name: _file[name] for name in _file}
NORMALIZATIONS = {
    "instance": compat.InstanceNormalization(),
    "instance_epsilon": compat.InstanceNormalization(epsilon=1e-5),
    "instance_first": compat.InstanceNormalization(axis=1),
    "group": compat.GroupNormalization(groups=2),
    "group_first": compat.GroupNormalization(groups=5, axis=1),
    "group_one": compat.GroupNormalization(groups=1, center=False),
    "filter_response": compat.FilterResponseNormalization(),
}
ACTIVATIONS = (
    "gelu hardshrink lisht mish rrelu snake softshrink tanhshrink".split()
)


def revived(layer):
    """The layer from its config, by the name that tensorflow-addons gave."""
    config = json.loads(
        json.dumps(
            {
                "class_name": f"Addons>{type(layer).__name__}",
                "config": layer.get_config(),
            }
        )
    )
    return keras.layers.deserialize(config)


class NormalizationTest(TestCase, parameterized.TestCase):
    @parameterized.parameters(*NORMALIZATIONS)
    def test_golden(self, name):
        images = GOLDEN["normalization/images"]
        layer = revived(NORMALIZATIONS[name])
        self.assertIs(type(layer), type(NORMALIZATIONS[name]))
        layer.build(images.shape)
        layer.set_weights(
            [
                GOLDEN[f"normalization/{name}/{i}"]
                for i in range(len(layer.weights))
            ]
        )
        self.assertNotIn(f"normalization/{name}/{len(layer.weights)}", GOLDEN)
        self.assertAllClose(
            layer(images), GOLDEN[f"normalization/{name}/outputs"], 1e-5
        )

    def test_instance_normalization_of_the_house(self):
        # What the library's own networks use.
        images = GOLDEN["normalization/images"]
        layer = keras.layers.GroupNormalization(groups=-1, epsilon=1e-5)
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

    def test_filter_response_axis(self):
        with self.assertRaisesRegex(
            ValueError, r"`axis` must be \[1, 2\], .* Received: axis=\[1\]"
        ):
            compat.FilterResponseNormalization(axis=[1])


class SpectralNormalizationTest(TestCase):
    def make(self, layer_class, power_iterations=1):
        convolution = keras.layers.Conv2D(5, 3)
        layer = layer_class(convolution, power_iterations)
        layer.build(GOLDEN["spectral/images"].shape)
        state = [GOLDEN[f"spectral/{n}"] for n in ("kernel", "bias", "vector")]
        ordered = [*layer.trainable_weights, *layer.non_trainable_weights]
        for variable, value in zip(ordered, state, strict=True):
            variable.assign(value)
        return layer

    def test_steps(self):
        layer = self.make(compat.SpectralNormalization)
        for step in range(8):
            outputs = layer(GOLDEN["spectral/images"], training=True)
            for found, name in (
                (outputs, "outputs"),
                (layer.layer.kernel, "kernels"),
                (layer.vector_u, "vectors"),
            ):
                self.assertAllClose(
                    found, GOLDEN[f"spectral/{name}"][step], 1e-5
                )
        # Outside of training nothing is divided any more.
        self.assertAllClose(
            layer(GOLDEN["spectral/images"]),
            GOLDEN["spectral/outputs"][-1],
            1e-5,
        )

    def test_ours_takes_the_same_steps(self):
        layer = self.make(layers.SpectralNormalization)
        kernel = GOLDEN["spectral/kernel"].reshape(-1, 5)
        for step in range(8):
            before = self.numpy(layer.vector)
            layer(GOLDEN["spectral/images"], training=True)
            vector = self.numpy(layer.vector)
            self.assertAllClose(vector, GOLDEN["spectral/vectors"][step], 1e-5)
            # It divided by the length before its last half iteration; ours
            # is the one after it, never smaller and nearer to the norm.
            left = before @ kernel.T
            left /= np.linalg.norm(left)
            theirs = (left @ kernel @ vector.T).item()
            self.assertAllClose(
                GOLDEN["spectral/kernels"][step] * theirs,
                GOLDEN["spectral/kernel"],
                1e-5,
            )
            ours = np.linalg.norm(kernel @ vector.T)
            norm = np.linalg.norm(kernel, 2)
            self.assertLessEqual(theirs, ours + 1e-5)
            self.assertLessEqual(ours, norm + 1e-5)
            self.assertAllClose(
                layer.normalized_kernel(),
                GOLDEN["spectral/kernel"] / ours,
                1e-5,
            )

    def test_ours_agrees_when_the_iteration_has_ended(self):
        theirs = self.make(compat.SpectralNormalization, 50)
        ours = self.make(layers.SpectralNormalization, 50)
        images = GOLDEN["spectral/images"]
        for _ in range(3):
            theirs(images, training=True)
            ours(images, training=True)
        self.assertAllClose(ours(images), theirs(images), 1e-4)

    def test_state_moves_to_ours(self):
        theirs = self.make(compat.SpectralNormalization, 50)
        for _ in range(3):
            theirs(GOLDEN["spectral/images"], training=True)
        ours = self.make(layers.SpectralNormalization)
        for variable, value in zip(
            [*ours.trainable_weights, *ours.non_trainable_weights],
            [*theirs.trainable_weights, *theirs.non_trainable_weights],
            strict=True,
        ):
            variable.assign(value)
        images = GOLDEN["spectral/images"]
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
        self.assertAllClose(
            layer(2.0 * images)
            - ops.convert_to_tensor(self.numpy(layer(0.0 * images))),
            2.0 * (outputs - self.numpy(layer(0.0 * images))),
            1e-4,
        )

    def test_gradients(self):
        layer = compat.WeightNormalization(
            keras.layers.Conv2D(4, 3), data_init=False
        )
        images = noise(2, 6, 6, 3)
        layer(images)
        self.assertEqual(len(layer.trainable_variables), 3)
        self.assertGradientsReach(
            lambda: ops.square(layer(images) + 1.0),
            layer.trainable_variables,
        )

    def test_no_kernel(self):
        layer = compat.WeightNormalization(keras.layers.ReLU(name="relu"))
        with self.assertRaisesRegex(
            ValueError,
            "`layer` must have a variable called `kernel`.*"
            "Received: layer=relu of class ReLU",
        ):
            layer.build((1, 4, 4, 3))


class SmallLayersTest(TestCase, parameterized.TestCase):
    """What the golden network does not show."""

    @parameterized.parameters(
        (compat.FilterResponseNormalization(learned_epsilon=True),),
        (compat.AdaptiveAveragePooling2D(2),),
        (compat.AdaptiveMaxPooling2D((2, 4)),),
        (compat.SpatialPyramidPooling2D([1, (2, 3)]),),
        (compat.Maxout(3),),
        (compat.TLU(True, alpha_regularizer="l2"),),
        (compat.TLU(),),
        (compat.GELU(False),),
        (compat.Snake(),),
        (compat.SpectralNormalization(keras.layers.Dense(3)),),
        (compat.WeightNormalization(keras.layers.Conv2D(3, 3)),),
    )
    def test_saving(self, layer):
        again = revived(layer)
        # Keras's serializable objects have no equality of their own.
        self.assertEqual(
            json.dumps(again.get_config()), json.dumps(layer.get_config())
        )
        inputs = keras.Input((8, 12, 6))
        model = keras.Model(inputs, again(inputs))
        images = noise(2, 8, 12, 6)
        outputs = model(images)
        self.assertEqual(
            tuple(outputs.shape)[1:], tuple(model.output_shape)[1:]
        )
        self.run_saving_test(model, images)

    def test_pooling_by_hand(self):
        images = np.arange(16.0, dtype="float32").reshape(1, 4, 4, 1)
        self.assertAllClose(
            self.numpy(compat.AdaptiveAveragePooling2D(2)(images)).ravel(),
            [2.5, 4.5, 10.5, 12.5],
        )
        self.assertAllClose(
            self.numpy(compat.AdaptiveMaxPooling2D((1, 2))(images)).ravel(),
            [13.0, 15.0],
        )
        first = compat.AdaptiveMaxPooling2D((1, 2), "channels_first")
        self.assertAllClose(
            self.numpy(first(images.reshape(1, 1, 4, 4))).ravel(), [13.0, 15.0]
        )
        # Of 5 columns the last is left out of the parts in twos.
        wide = np.pad(images, ((0, 0), (0, 0), (0, 1), (0, 0)), "edge")
        pyramid = self.numpy(compat.SpatialPyramidPooling2D([2])(wide))
        self.assertAllClose(pyramid, [[[2.5], [4.5], [10.5], [12.5]]])
        pyramid = compat.SpatialPyramidPooling2D([2], "channels_first")
        self.assertAllClose(
            pyramid(wide.reshape(1, 1, 4, 5)), [[[2.5, 4.5, 10.5, 12.5]]]
        )

    def test_maxout_by_hand(self):
        values = np.float32([[1.0, 5.0, 2.0, 4.0]])
        # Channels 0 and 2, then 1 and 3.
        self.assertAllClose(compat.Maxout(2)(values), [[2.0, 5.0]])

    def test_stochastic_depth(self):
        layer = compat.StochasticDepth(0.25)
        shortcut, residual = noise(1, 4, 4, 2), noise(1, 4, 4, 2, seed=1)
        self.assertAllClose(
            layer([shortcut, residual]), shortcut + 0.25 * residual
        )
        kept = 0
        for _ in range(200):
            outputs = self.numpy(layer([shortcut, residual], training=True))
            keep = not np.array_equal(outputs, shortcut)
            self.assertAllClose(outputs, shortcut + keep * residual)
            kept += keep
        self.assertBetween(kept / 200, 0.15, 0.35)

    @parameterized.parameters(*ACTIVATIONS)
    def test_activations(self, name):
        activation = keras.saving.get_registered_object(f"Addons>{name}")
        self.assertIs(activation, getattr(compat, name))
        self.assertAllClose(
            activation(ops.convert_to_tensor(GOLDEN["activation/values"])),
            GOLDEN[f"activation/{name}"],
            1e-6,
            1e-5,
        )

    def test_errors(self):
        for make, message in (
            (
                lambda: compat.AdaptiveMaxPooling2D(3)(noise(1, 8, 9, 1)),
                r"multiples of `output_size`. Received: inputs.shape="
                r"\(1, 8, 9, 1\), output_size=\(3, 3\)",
            ),
            (
                lambda: compat.AdaptiveMaxPooling2D((1, 2, 3)),
                r"`output_size` must be .* Received: \(1, 2, 3\)",
            ),
            (
                lambda: compat.AdaptiveMaxPooling2D(2, "last"),
                "`data_format` must be .* Received: data_format='last'",
            ),
            (
                lambda: compat.Maxout(4)(noise(2, 6)),
                r"multiple of `num_units`. Received: input_shape=\(2, 6\)",
            ),
            (
                lambda: compat.StochasticDepth()([noise(2, 6)]),
                "must be a list of the shortcut and the residual",
            ),
        ):
            with self.assertRaisesRegex(ValueError, message):
                make()


class DocumentationTest(TestCase):
    def test_examples(self):
        runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
        names = {"keras": keras, "keras_comic": keras_comic}
        start = os.getcwd()
        self.addCleanup(os.chdir, start)
        os.chdir(self.temporary_folder())
        output = []
        for test in doctest.DocTestFinder().find(compat, globs=names):
            runner.run(test, out=output.append)
        self.assertEqual(runner.failures, 0, "".join(output))
        self.assertGreater(runner.tries, 5)


class ModelTest(TestCase, parameterized.TestCase):
    """Keras 2 models with layers of tensorflow-addons."""

    def path_of(self, name):
        path = self.temporary_folder() / "model.h5"
        path.write_bytes(GOLDEN[f"model/{name}/h5"].tobytes())
        return path

    def inputs_of(self, model, name):
        # By name, as the model expects them.
        return {model.inputs[0].name: GOLDEN[f"model/{name}/images"]}

    @parameterized.parameters("image", "frozen")
    def test_h5(self, name):
        model = keras.saving.load_model(self.path_of(name), compile=False)
        outputs = model(self.inputs_of(model, name))
        self.assertAllClose(outputs, GOLDEN[f"model/{name}/outputs"], 1e-5)
        # And on from here as any model of Keras 3.
        self.run_saving_test(model, self.inputs_of(model, name))

    @parameterized.parameters("image", "block", "frozen")
    def test_config(self, name):
        text = str(GOLDEN[f"model/{name}/json"])
        for config in (text, text.encode(), json.loads(text)):
            model = compat.model_from_config(config)
        model.load_weights(self.path_of(name))
        outputs = model(self.inputs_of(model, name))
        self.assertAllClose(outputs, GOLDEN[f"model/{name}/outputs"], 1e-5)

    @parameterized.parameters("image", "block", "frozen", "averaged")
    def test_load_model(self, name):
        model = compat.load_model(self.path_of(name))
        name = "frozen" if name == "averaged" else name
        outputs = model(self.inputs_of(model, name))
        self.assertAllClose(outputs, GOLDEN[f"model/{name}/outputs"], 1e-5)

    def test_older_file(self):
        # Before Keras 2.13 functions were stored as their names alone.
        path = self.path_of("image")
        with h5py.File(path, "r+") as file:
            config = json.loads(file.attrs["model_config"])
            (layer,) = [
                layer
                for layer in config["config"]["layers"]
                if layer["class_name"] == "Activation"
            ]
            function = layer["config"]["activation"]
            self.assertEqual(function["config"], "Addons>lisht")
            layer["config"]["activation"] = "Addons>lisht"
            file.attrs["model_config"] = json.dumps(config)
        model = compat.load_model(path)
        self.assertIs(model.get_layer("activation").activation, compat.lisht)
        outputs = model(self.inputs_of(model, "image"))
        self.assertAllClose(outputs, GOLDEN["model/image/outputs"], 1e-5)

    def test_no_model(self):
        path = self.temporary_folder() / "model.weights.h5"
        keras.Sequential([keras.Input((1,)), Weight()]).save_weights(path)
        with self.assertRaisesRegex(
            ValueError,
            "must hold a model that Keras 2 saved as H5. Received: "
            "path='.*model.weights.h5', without a `model_config`",
        ):
            compat.load_model(path)

    def test_not_a_model(self):
        for config in ({"class_name": "Dense", "config": {}}, [], "{}"):
            with self.assertRaisesRegex(
                ValueError,
                "`config` must hold the `class_name` and `config` of a "
                "functional or sequential model. Received: class_name=",
            ):
                compat.model_from_config(config)

    def test_optimizer(self):
        path = self.path_of("averaged")
        with self.assertRaisesRegex(
            ValueError,
            "saved with 'MovingAverage' of tensorflow-addons, which is not "
            "supported. .* load the model with `compile=False`",
        ):
            keras.saving.load_model(path)
        model = keras.saving.load_model(path, compile=False)
        self.assertAllClose(
            model(self.inputs_of(model, "frozen")),
            GOLDEN["model/frozen/outputs"],
            1e-5,
        )

    def test_unsupported_layer(self):
        config = {
            "class_name": "Sequential",
            "config": {
                "name": "model",
                "layers": [
                    {
                        "class_name": "InputLayer",
                        "config": {"batch_input_shape": [None, 8, 8, 3]},
                    },
                    {"class_name": "Addons>NoisyDense", "config": {}},
                ],
            },
        }
        with self.assertRaisesRegex(
            ValueError,
            "saved with 'NoisyDense' of tensorflow-addons, which is not "
            "supported. .* Give a layer of your own that does the same, "
            "loading in the scope `keras.saving.custom_object_scope"
            r"\({'Addons>NoisyDense': YourLayer}\)`.",
        ):
            compat.model_from_config(config)

        class NoisyDense(keras.layers.Layer):
            pass

        model = compat.model_from_config(
            config, custom_objects={"Addons>NoisyDense": NoisyDense}
        )
        self.assertIsInstance(model.layers[-1], NoisyDense)


class MovingAverageTest(TestCase):
    """Averages of weights, against `MovingAverage`."""

    def test_gan_average(self):
        # `dynamic_decay` is the ramp of `GAN`.
        values = GOLDEN["average/dynamic/values"]
        averages = GOLDEN["average/dynamic/averages"]
        generator = keras.Sequential([keras.Input((1,)), Weight()])
        discriminator = keras.Sequential([keras.Input((1,)), Weight()])
        generator.layers[0].weight.assign(values[0])
        gan = GAN(generator, discriminator, ema_momentum=0.6)
        (average,) = gan.ema_generator.variables
        for step, (value, expected) in enumerate(
            zip(values[1:], averages[1:], strict=True)
        ):
            generator.layers[0].weight.assign(value)
            decay = average_decay(gan.ema_momentum, step)
            update_average(gan.ema_generator, generator, decay)
            self.assertAllClose(average, expected, 1e-5)

    @requires_tensorflow
    def test_optimizer_average(self):
        # Keras's own average starts from the values after the first step,
        # tensorflow-addons' from those before it.
        values = GOLDEN["average/constant/values"]
        averages = GOLDEN["average/constant/averages"]
        variable = keras.Variable(values[0])
        optimizer = keras.optimizers.SGD(0.5, use_ema=True, ema_momentum=0.9)
        gap = values[0] - values[1]
        for gradient, value, expected in zip(
            GOLDEN["average/gradients"], values[1:], averages[1:], strict=True
        ):
            optimizer.apply([ops.convert_to_tensor(gradient)], [variable])
            self.assertAllClose(variable, value, 1e-5)
            gap = 0.9 * gap
            (average,) = optimizer._model_variables_moving_average
            self.assertAllClose(self.numpy(average) + gap, expected, 1e-4)


@keras.saving.register_keras_serializable(package="test_compat")
class Weight(keras.layers.Layer):
    """Adds a weight of three numbers."""

    def build(self, input_shape):
        self.weight = self.add_weight(shape=(3,), initializer="zeros")

    def call(self, inputs):
        return inputs + self.weight
