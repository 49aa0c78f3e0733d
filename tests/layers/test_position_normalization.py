import keras
import numpy as np
from absl.testing import parameterized

from keras_comic.layers import InstanceNormalization
from keras_comic.layers import LayerNorm
from keras_comic.layers import PositionNormalization
from keras_comic.layers import collect_statistics
from keras_comic.layers import use_statistics
from tests.test_case import TestCase
from tests.test_case import noise

NORMALIZATIONS = (
    ("instance", InstanceNormalization, (2, 1, 1, 4)),
    ("layer", LayerNorm, (2, 1, 1, 1)),
)


class PositionNormalizationTest(TestCase, parameterized.TestCase):
    @parameterized.named_parameters(*NORMALIZATIONS)
    def test_layer(self, normalization, _):
        self.run_layer_test(
            normalization,
            {"epsilon": 1e-4},
            (noise(2, 8, 8, 4),),
            (2, 8, 8, 4),
            odd_inputs=(noise(2, 5, 7, 4),),
            odd_shape=(2, 5, 7, 4),
            num_trainable=2,
        )

    @parameterized.named_parameters(*NORMALIZATIONS)
    def test_statistics_are_those_of_the_layer(self, normalization, shape):
        layer = normalization()
        features = noise(2, 8, 6, 4) + np.float32([0, 1, 2, 3])
        expected = layer(features)
        with collect_statistics() as statistics:
            layer(features)
        ((mean, variance),) = statistics
        self.assertShape(mean, shape)
        self.assertAllClose(
            (features - self.numpy(mean)) / np.sqrt(variance + 1e-5),
            expected,
            atol=1e-5,
        )
        with use_statistics([(mean + 2.0, 4.0 * variance)]):
            outputs = layer(features)
        self.assertAllClose(
            (features - self.numpy(mean) - 2.0) / np.sqrt(4 * variance + 1e-5),
            outputs,
            atol=1e-5,
        )

    @parameterized.named_parameters(*NORMALIZATIONS)
    def test_statistics_are_in_float32_under_mixed_float16(
        self, normalization, _
    ):
        # The squares of 300 do not exist in float16.
        features = noise(1, 8, 8, 2) + 300.0
        outputs = normalization(dtype="mixed_float16")(features)
        self.assertDType(outputs, "float16")
        outputs = self.numpy(outputs).astype("float32")
        self.assertAllClose(outputs.mean(), 0, atol=1e-2)
        self.assertAllClose(outputs.std(), 1, atol=1e-2)

    def test_a_normalization_over_groups_of_channels(self):
        class PairNormalization(PositionNormalization):
            """Normalises pairs of channels, by the two parts of `call`."""

            axes = (1, 2, 3)

            def call(self, inputs):
                outputs = [
                    self.normalize(inputs[..., i : i + 2], 1.0, 0.0)
                    for i in (0, 2)
                ]
                return keras.ops.concatenate(outputs, axis=-1)

        features = noise(2, 8, 6, 4) + np.float32([0, 1, 2, 3])
        reference = keras.layers.GroupNormalization(groups=2, epsilon=1e-5)
        with collect_statistics() as statistics:
            outputs = PairNormalization()(features)
        self.assertAllClose(outputs, reference(features), atol=1e-5)
        self.assertEqual(len(statistics), 2)

    @parameterized.named_parameters(*NORMALIZATIONS)
    def test_errors(self, normalization, _):
        with self.assertRaisesRegex(
            ValueError, "`epsilon` must be positive. Received: epsilon=0"
        ):
            normalization(epsilon=0)
