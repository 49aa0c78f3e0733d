import h5py
import numpy as np

from keras_comic.models.features.squeeze_net_features import SqueezeNetFeatures
from tests.test_case import SHARED
from tests.test_case import TestCase
from tests.test_case import noise
from tests.test_case import shared

WEIGHTS = SHARED / "data" / "weights" / "squeezenet_v11_notop.h5"


def make_network(**kwargs):
    """All nine layers, narrow."""
    return SqueezeNetFeatures(
        4, (2, 2, 3, 3, 4, 4, 5, 5), (3, 3, 4, 4, 5, 5, 6, 6), **kwargs
    )


def write(path, network, group="", first="conv1/conv1_1", leave_out=None):
    """The weights of a network, as Keras 2 writes them."""
    with h5py.File(path, "w") as file:
        for layer in [network.first, *(c for f in network.fires for c in f)]:
            fire, _, part = layer.name.partition("_")
            name = f"{fire}/{part}/{fire}/{part}_1" if part else first
            for kind, values in zip(("kernel", "bias"), layer.get_weights()):
                if f"{fire}/{part}/{kind}" != leave_out:
                    file[f"{group}{name}/{kind}:0"] = values


class SqueezeNetFeaturesTest(TestCase):
    def setUp(self):
        self.network = make_network()
        self.images = noise(2, 47, 66, 3)

    def test_layers(self):
        names = ["conv1", *(f"fire{number}" for number in range(2, 10))]
        self.assertEqual(self.network.layer_names, names)
        features = self.network(self.images)
        self.assertEqual(list(features), names)
        for name, shape in (
            ("conv1", (2, 23, 32, 4)),
            ("fire3", (2, 11, 15, 6)),
            ("fire5", (2, 5, 7, 8)),
            ("fire9", (2, 2, 3, 12)),
        ):
            self.assertShape(features[name], shape)
        for value in features.values():
            self.assertGreaterEqual(self.numpy(value).min(), 0.0)
        # The smallest sides that reach the last layer.
        self.assertShape(
            self.network(noise(1, 31, 31, 3))["fire9"], (1, 1, 1, 12)
        )

    def test_colors(self):
        # The middle of the kernel passes each channel through.
        network = SqueezeNetFeatures(3, (), ())
        kernel = np.zeros((3, 3, 3, 3))
        kernel[1, 1] = np.eye(3)
        network.first.kernel.assign(kernel)
        images = np.tile(np.float32([1.0, 0.6, -1.0]), (1, 8, 8, 1))
        # Blue 0, green 204, red 255, less the means of ImageNet; relu.
        expected = [0.0, 204.0 - 116.779, 255.0 - 123.68]
        self.assertAllClose(
            network(images)["conv1"][0, 1, 1], expected, atol=1e-3
        )

    def test_errors(self):
        with self.assertRaisesRegex(
            ValueError,
            r"`layers` must be among \['conv1', .*'fire9'\]. Received: "
            r"layers=\['fire9', 'fire1'\], where \['fire1'\] are not",
        ):
            self.network(self.images, layers=["fire9", "fire1"])
        with self.assertRaisesRegex(
            ValueError,
            "must have one number a fire module. Received: "
            r"squeeze_filters=\(1, 2\), expand_filters=\(1,\)",
        ):
            SqueezeNetFeatures(4, (1, 2), (1,))


class FromWeightsTest(TestCase):
    def test_files(self):
        network = make_network()
        images = noise(1, 32, 40, 3)
        path = self.temporary_folder() / "weights.h5"
        for group, first in (
            ("", "conv1/conv1_1"),
            ("model_weights/", "conv1/conv1"),
        ):
            write(path, network, group, first)
            revived = SqueezeNetFeatures.from_weights(path)
            self.assertEqual(revived.get_config()["filters"], 4)
            for name, value in network(images).items():
                self.assertAllEqual(revived(images)[name], value)
        self.assertIs(SqueezeNetFeatures.from_weights(network), network)

    def test_errors(self):
        with self.assertRaisesRegex(
            FileNotFoundError, "that exists. Received: weights='nowhere.h5'"
        ):
            SqueezeNetFeatures.from_weights("nowhere.h5")
        path = self.temporary_folder() / "text.h5"
        path.write_text("no arrays")
        with self.assertRaisesRegex(
            ValueError, r"must be an `.h5` file. Received: weights='.*text.h5'"
        ):
            SqueezeNetFeatures.from_weights(path)
        path = path.with_name("part.h5")
        write(path, make_network(), leave_out="fire4/expand3x3/bias")
        with self.assertRaisesRegex(
            ValueError,
            "`fire2/squeeze1x1` to `fire9/expand3x3`. Received: "
            r"weights='.*part.h5' without 'fire4/expand3x3', with \['conv1'",
        ):
            SqueezeNetFeatures.from_weights(path)

    @shared
    def test_published_weights_in_an_independent_build(self):
        """Layer by layer in SciPy and NumPy, in float64."""
        from scipy.signal import correlate

        def convolve(x, layer, border):
            kernel, bias = (
                np.asarray(file[f"{layer}/{kind}:0"], "float64")
                for kind in ("kernel", "bias")
            )
            x = np.pad(x, [(border, border), (border, border), (0, 0)])
            maps = [
                correlate(x, kernel[..., i], mode="valid")[..., 0]
                for i in range(kernel.shape[-1])
            ]
            return np.maximum(np.stack(maps, axis=-1) + bias, 0.0)

        def pool(x):
            rows, columns = ((side - 3) // 2 + 1 for side in x.shape[:2])
            shifted = [
                x[i : i + 2 * rows : 2, j : j + 2 * columns : 2][
                    :rows, :columns
                ]
                for i in range(3)
                for j in range(3)
            ]
            return np.max(shifted, axis=0)

        network = SqueezeNetFeatures.from_weights(WEIGHTS)
        self.assertEqual(network.count_params(), 722496)
        images = noise(1, 33, 36, 3)
        found = network(images)
        with h5py.File(WEIGHTS) as file:
            x = (images[0].astype("float64")[..., ::-1] + 1.0) * 127.5
            x = x - [103.939, 116.779, 123.68]
            x = convolve(x, "conv1/conv1_1", 0)[::2, ::2]
            self.assertAllClose(found["conv1"][0], x, atol=1e-3, rtol=1e-4)
            for number in range(2, 10):
                if number in (2, 4, 6):
                    x = pool(x)
                fire = f"fire{number}"
                x = convolve(x, f"{fire}/squeeze1x1/{fire}/squeeze1x1_1", 0)
                x = np.concatenate(
                    [
                        convolve(x, f"{fire}/expand1x1/{fire}/expand1x1_1", 0),
                        convolve(x, f"{fire}/expand3x3/{fire}/expand3x3_1", 1),
                    ],
                    axis=-1,
                )
                self.assertAllClose(found[fire][0], x, atol=2e-3, rtol=1e-3)
        self.assertGreater(x.max(), 1.0)
