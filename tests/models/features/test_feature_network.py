import keras
import numpy as np
import pytest

from keras_comic.models import FeatureNetwork
from tests.test_case import SHARED
from tests.test_case import TestCase
from tests.test_case import noise
from tests.test_case import photos
from tests.test_case import shared

WEIGHTS = SHARED / "data" / "weights"
VGG19 = WEIGHTS / "vgg19_blocks1to3.npz"


def arrays_of(network, names):
    """What a file of weights holds, from a network."""
    arrays = {}
    for layer in network.blocks:
        block, index = layer.name[4:].split("_")
        kernel, bias = layer.get_weights()
        if names == "keras":
            arrays[f"block{block}_conv{index}/kernel"] = kernel
            arrays[f"block{block}_conv{index}/bias"] = bias
        else:
            arrays[f"conv{block}{index}.weight"] = kernel.transpose(3, 2, 0, 1)
            arrays[f"conv{block}{index}.bias"] = bias
    if names == "distilled":
        kernel, bias = network.color.get_weights()
        arrays["conv0.weight"] = kernel.transpose(3, 2, 0, 1)
        arrays["conv0.bias"] = bias
    return arrays


class FeatureNetworkTest(TestCase):
    def setUp(self):
        self.network = FeatureNetwork((2, 2, 3), (3, 4, 5))
        self.images = noise(2, 33, 46, 3)

    def test_layers(self):
        names = [
            "relu1_1",
            "relu1_2",
            "relu2_1",
            "relu2_2",
            "relu3_1",
            "relu3_2",
            "relu3_3",
        ]
        self.assertEqual(self.network.layer_names, names)
        activations = self.network(self.images)
        for name, shape in (
            ("relu1_2", (2, 33, 46, 3)),
            ("relu2_1", (2, 16, 23, 4)),
            ("relu3_3", (2, 8, 11, 5)),
        ):
            self.assertShape(activations[name], shape)
            self.assertGreaterEqual(self.numpy(activations[name]).min(), 0.0)

    def test_before_the_activation(self):
        names = ["conv1_1", "relu1_1", "conv3_3"]
        found = self.network(self.images, layers=names)
        self.assertEqual(list(found), names)
        self.assertLess(self.numpy(found["conv3_3"]).min(), 0.0)
        expected = self.network(self.images)
        for name in ("1_1", "3_3"):
            self.assertAllEqual(
                np.maximum(self.numpy(found[f"conv{name}"]), 0.0),
                expected[f"relu{name}"],
            )

    def test_caffe_normalization(self):
        # The middle of the kernel passes each channel through.
        network = FeatureNetwork((1,), (3,))
        kernel = np.zeros((3, 3, 3, 3))
        kernel[1, 1] = np.eye(3)
        network.blocks[0].kernel.assign(kernel)
        images = np.tile(np.float32([1.0, 0.6, -1.0]), (1, 8, 8, 1))
        # Blue 0, green 204, red 255, less the means of ImageNet; relu.
        expected = [0.0, 204.0 - 116.779, 255.0 - 123.68]
        self.assertAllClose(
            network(images)["relu1_1"][0, 4, 4], expected, atol=1e-3
        )

    def test_unit_normalization_and_reflection(self):
        network = FeatureNetwork(
            (1,), (3,), padding="reflect", normalization="unit"
        )
        network.color.kernel.assign(2.0 * np.eye(3)[None, None])
        network.color.bias.assign([0.0, 0.0, 1.0])
        kernel = np.zeros((3, 3, 3, 3))
        kernel[0, 0] = np.eye(3)
        network.blocks[0].kernel.assign(kernel)
        activations = self.numpy(network(self.images)["relu1_1"])
        self.assertShape(activations, self.images.shape)
        expected = self.images + 1.0 + np.float32([0, 0, 1])
        self.assertAllClose(
            activations[:, 1:, 1:], expected[:, :-1, :-1], atol=1e-5
        )
        # Beyond the border lies the pixel next to it.
        self.assertAllClose(activations[:, 0, 0], expected[:, 1, 1], atol=1e-5)

    def test_config_and_saving(self):
        self.run_config_test(self.network)
        network = FeatureNetwork(
            (1, 2), (3, 4), padding="reflect", normalization="unit"
        )
        revived = self.run_config_test(network)
        self.assertEqual(revived.trainable_variables, [])
        path = self.temporary_folder() / "network.keras"
        network.save(path)
        revived = keras.saving.load_model(path)
        for name, value in network(self.images).items():
            self.assertAllEqual(revived(self.images)[name], value)

    def test_errors(self):
        with self.assertRaisesRegex(
            ValueError,
            r"`layers` must be among \['relu1_1', .*'relu3_3'\], or `conv` "
            "in the place of `relu` for what goes into the activation. "
            r"Received: layers=\['relu4_1'\], where \['relu4_1'\] are not",
        ):
            self.network(self.images, layers=["relu4_1"])
        with self.assertRaisesRegex(
            ValueError,
            "`filters` and `convolutions` must have one number a block. "
            r"Received: convolutions=\(2, 2\), filters=\(4,\)",
        ):
            FeatureNetwork((2, 2), (4,))
        with self.assertRaisesRegex(
            ValueError,
            '`padding` must be "same" or "reflect". Received: padding=\'valid',
        ):
            FeatureNetwork(padding="valid")
        with self.assertRaisesRegex(
            ValueError,
            '`normalization` must be "caffe" or "unit". '
            "Received: normalization='torch'",
        ):
            FeatureNetwork(normalization="torch")


class FromWeightsTest(TestCase):
    def setUp(self):
        self.images = noise(1, 32, 40, 3)

    def check(self, network, names, **kwargs):
        path = self.temporary_folder() / "weights.npz"
        np.savez(path, **arrays_of(network, names), conv11_aux=np.zeros(3))
        for weights in (path, str(path)):
            revived = FeatureNetwork.from_weights(weights, **kwargs)
            self.assertEqual(revived.layer_names, network.layer_names)
            self.assertEqual(revived.trainable_variables, [])
            for name, value in network(self.images).items():
                self.assertAllEqual(revived(self.images)[name], value)

    def test_keras_names(self):
        self.check(FeatureNetwork((2, 2, 1), (3, 4, 5)), "keras")

    def test_distilled_names(self):
        network = FeatureNetwork(
            (2, 2, 4, 1), (2, 3, 4, 5), padding="reflect", normalization="unit"
        )
        network.color.bias.assign([0.5, 0.0, -0.5])
        self.check(network, "distilled")

    def test_errors(self):
        folder = self.temporary_folder()
        with self.assertRaisesRegex(
            FileNotFoundError,
            '`weights` must be "imagenet", "imagenet_vgg16" or a file of '
            "weights that exists. Received: weights='nowhere.npz'",
        ):
            FeatureNetwork.from_weights("nowhere.npz")
        path = folder / "text.npz"
        path.write_text("no arrays")
        with self.assertRaisesRegex(
            ValueError,
            "`weights` must be an `.npz` file of arrays. "
            r"Received: weights='.*text.npz' \(",
        ):
            FeatureNetwork.from_weights(path)
        np.save(folder / "one.npy", np.zeros(3))
        with self.assertRaisesRegex(ValueError, "`.npz` .*one.npy"):
            FeatureNetwork.from_weights(folder / "one.npy")
        np.savez(folder / "other.npz", out=np.zeros(3), rgb=np.zeros(3))
        with self.assertRaisesRegex(
            ValueError,
            "The file must hold VGG-19 weights named .*"
            r"Received: weights='.*other.npz' with \['out', 'rgb'\]",
        ):
            FeatureNetwork.from_weights(folder / "other.npz")
        arrays = arrays_of(FeatureNetwork((2,), (3,)), "keras")
        del arrays["block1_conv2/bias"]
        np.savez(folder / "part.npz", **arrays)
        with self.assertRaisesRegex(
            ValueError,
            "a kernel and a bias for each of its layers. Received: "
            "weights='.*part.npz' without 'block1_conv2/bias'",
        ):
            FeatureNetwork.from_weights(folder / "part.npz")

    def test_vgg16_of_keras(self):
        """Its five blocks, from a file with Keras's names."""
        kwargs = {"weights": None, "include_top": False}
        vgg16 = keras.applications.VGG16(**kwargs, input_shape=(48, 64, 3))
        arrays = {}
        for layer in vgg16.layers:
            for kind, values in zip(("kernel", "bias"), layer.get_weights()):
                arrays[f"{layer.name}/{kind}"] = values
        path = self.temporary_folder() / "vgg16.npz"
        np.savez(path, **arrays)
        network = FeatureNetwork.from_weights(path)
        self.assertEqual(network.convolutions, (2, 2, 3, 3, 3))
        self.assertEqual(network.filters, (64, 128, 256, 512, 512))
        self.assertEqual(network.layer_names[-1], "relu5_3")
        pixels = photos(1, 48, 64, 3).astype("float32")
        names = {"relu1_2": "block1_conv2", "relu5_3": "block5_conv3"}
        model = keras.Model(
            vgg16.input, [vgg16.get_layer(n).output for n in names.values()]
        )
        expected = model(
            keras.applications.vgg16.preprocess_input(pixels.copy())
        )
        found = network(pixels / 127.5 - 1.0, layers=list(names))
        for name, value in zip(names, expected, strict=True):
            self.assertAllClose(
                found[name],
                value,
                atol=1e-5 * float(np.max(self.numpy(value))),
            )

    @pytest.mark.network
    @pytest.mark.slow
    def test_imagenet(self):
        network = FeatureNetwork.from_weights("imagenet")
        self.assertEqual(network.layer_names[-1], "relu5_1")
        self.assertFinite(network(self.images)["relu5_1"])
        network = FeatureNetwork.from_weights("imagenet_vgg16")
        self.assertEqual(network.layer_names[-1], "relu5_3")
        self.assertFinite(network(self.images)["relu5_3"])

    @shared
    def test_activations_of_an_independent_build(self):
        stored = np.load(WEIGHTS / "parity" / "io" / "vgg19_relu3_4.npz")
        network = FeatureNetwork.from_weights(VGG19)
        self.assertEqual(network.layer_names[-1], "relu3_4")
        images = stored["rgb"][None].astype("float32") / 127.5 - 1.0
        found = self.numpy(network(images, layers=["relu3_4"])["relu3_4"])
        # Up to 12,911; one part in 100,000 of that.
        self.assertAllClose(
            found, stored["out"], atol=1e-5 * stored["out"].max(), rtol=0.0
        )

    @shared
    def test_distilled_files(self):
        for depth, layers in ((1, 1), (2, 3), (3, 5), (4, 9), (5, 13)):
            path = WEIGHTS / "distilled_vgg19_16x" / f"{depth}SE.npz"
            network = FeatureNetwork.from_weights(path)
            self.assertEqual(len(network.layer_names), layers)
            self.assertEqual(network.layer_names[-1], f"relu{depth}_1")
            arrays = np.load(path)
            self.assertEqual(
                network.filters,
                tuple(
                    len(arrays[f"conv{block}1.bias"])
                    for block in range(1, depth + 1)
                ),
            )
        path = WEIGHTS / "distilled_vgg19_16x" / "4SE.npz"
        stored = np.load(WEIGHTS / "parity" / "io" / "adain_distilled_lvl4.npz")
        images = stored["content"][None].astype("float32") / 127.5 - 1.0
        network = FeatureNetwork.from_weights(path)
        self.assertAllClose(
            network(images)["relu4_1"],
            stored["enc_content"],
            atol=1e-4,
            rtol=0.0,
        )
