import keras
import numpy as np
import pytest

from keras_comic.models.features.inception_features import LAYERS
from keras_comic.models.features.inception_features import InceptionFeatures
from keras_comic.models.features.inception_features import _resize
from keras_comic.models.features.inception_features import convolutions
from tests.metrics import make_golden
from tests.metrics.golden import golden
from tests.test_case import TestCase
from tests.test_case import noise
from tests.test_case import requires_tensorflow

# Names of the golden numbers' layers.
GOLDEN_LAYERS = {
    "64": "pool_1",
    "192": "pool_2",
    "768": "mixed_7",
    "2048": "pool_3",
    "logits_unbiased": "logits_unbiased",
    "logits": "logits",
}


def torch_arrays(width=1.0, num_classes=1008):
    """A file's arrays: the names and shapes of the PyTorch file."""
    network = InceptionFeatures(width, num_classes)
    arrays = {}
    for layer, (name, *_) in zip(network.convolutions, convolutions()):
        height, wide, inputs, filters = layer.kernel.shape
        shapes = {
            "conv.weight": (filters, inputs, height, wide),
            **{
                f"bn.{part}": (filters,)
                for part in ("weight", "bias", "running_mean", "running_var")
            },
        }
        for part, shape in shapes.items():
            full_name = f"{name}.{part}"
            arrays[full_name] = make_golden.inception_array(full_name, shape)
        arrays[f"{name}.bn.num_batches_tracked"] = np.array(0)
    features = network.classifier.kernel.shape[0]
    for name, shape in (
        ("fc.weight", (num_classes, features)),
        ("fc.bias", (num_classes,)),
    ):
        arrays[name] = make_golden.inception_array(name, shape)
    return arrays


class InceptionFeaturesTest(TestCase):
    def save(self, arrays):
        path = self.temporary_folder() / "inception.npz"
        np.savez(path, **arrays)
        return path

    def test_shapes(self):
        network = InceptionFeatures(width=1 / 16, num_classes=7)
        found = network(noise(2, 40, 52, 3))
        self.assertEqual(tuple(found), LAYERS)
        self.assertShape(found["mixed_7"], (2, 17, 17, 48))
        self.assertShape(found["pool_3"], (2, 128))

    def test_published_size(self):
        # 21.8 million in the convolutions, batch normalisation folded in.
        network = InceptionFeatures()
        self.assertEqual(len(network.convolutions), 94)
        self.assertEqual(network.classifier.kernel.shape, (2048, 1008))
        kernels = sum(
            np.prod(layer.kernel.shape) for layer in network.convolutions
        )
        self.assertEqual(kernels, 21_751_136)

    def test_files(self):
        arrays = torch_arrays(1 / 16, 7)
        network = InceptionFeatures.from_weights(self.save(arrays))
        self.assertEqual((network.width, network.num_classes), (1 / 16, 7))
        self.assertIs(InceptionFeatures.from_weights(network), network)

    def test_batch_normalization_is_folded_in(self):
        arrays = torch_arrays(1 / 16, 7)
        network = InceptionFeatures.from_weights(self.save(arrays))
        images = noise(1, 299, 299, 3)
        first = network.convolutions[0]
        name = "Conv2d_1a_3x3"
        normalization = keras.layers.BatchNormalization(epsilon=1e-3)
        normalization.build((None, None, None, 2))
        normalization.set_weights(
            [
                arrays[f"{name}.bn.{part}"]
                for part in ("weight", "bias", "running_mean", "running_var")
            ]
        )
        kernel = arrays[f"{name}.conv.weight"].transpose(2, 3, 1, 0)
        x = keras.ops.conv(images, kernel, 2, "valid")
        expected = keras.ops.relu(normalization(x))
        self.assertAllClose(first(images), expected, atol=1e-5)

    def test_resizing_of_2015(self):
        # Half as large: every second position lies between two pixels, and
        # the last repeats the border.
        ramp = np.arange(150, dtype="float32")[None, :, None, None]
        resized = self.numpy(_resize(np.tile(ramp, (1, 1, 299, 3))))
        positions = np.arange(299) * 150 / 299
        self.assertAllClose(
            resized[0, :, 7, 1], np.minimum(positions, 149.0), atol=1e-3
        )

    @requires_tensorflow
    def test_resizing_of_tensorflow(self):
        import tensorflow as tf

        for shape in ((2, 70, 90, 3), (1, 400, 299, 3), (1, 299, 512, 3)):
            images = noise(*shape)
            expected = tf.compat.v1.image.resize_bilinear(images, (299, 299))
            self.assertAllClose(_resize(images), expected, atol=1e-4, rtol=0)

    @pytest.mark.slow
    def test_another_project(self):
        network = InceptionFeatures.from_weights(self.save(torch_arrays()))
        pictures = make_golden.images("inception", 2, 70, 90)
        found = network((pictures / 127.5 - 1.0).astype("float32"))
        for layer, expected in golden()["inception"].items():
            value = self.numpy(found[GOLDEN_LAYERS[layer]])
            if value.ndim == 4:
                value = value.mean((1, 2))
            with self.subTest(layer=layer):
                self.assertAllClose(
                    value[:, :: make_golden.INCEPTION_STEP],
                    expected,
                    atol=2e-4,
                    rtol=2e-4,
                )

    def test_errors(self):
        with self.assertRaisesRegex(
            FileNotFoundError,
            "none is shipped. Fetch .*pth from the releases of https.*"
            "Received: weights='none.pth'",
        ):
            InceptionFeatures.from_weights("none.pth")
        folder = self.temporary_folder()
        broken = folder / "broken.npz"
        broken.write_bytes(b"no arrays")
        with self.assertRaisesRegex(ValueError, "must be an `.npz` file"):
            InceptionFeatures.from_weights(broken)
        arrays = torch_arrays(1 / 16, 7)
        kernel = "Mixed_6c.branch7x7_2.conv.weight"
        for change, message in (
            ({kernel: None}, f"'{kernel}' with 4 axes.*.shape=None, and"),
            ({kernel: noise(4)}, r"with 4 axes.*.shape=\(4,\), and"),
            (
                {kernel: noise(10, 10, 7, 1)},
                r"'Mixed_6c.branch7x7_2' must have the shape \(1, 7, 10, 10\)",
            ),
        ):
            changed = {**arrays, **change}
            changed = {k: v for k, v in changed.items() if v is not None}
            with self.assertRaisesRegex(ValueError, message):
                InceptionFeatures.from_weights(self.save(changed))
        with self.assertRaisesRegex(ValueError, "Received: width=0"):
            InceptionFeatures(width=0)
        with self.assertRaisesRegex(ValueError, "Received: num_classes=0"):
            InceptionFeatures(num_classes=0)
