import numpy as np

from keras_comic.layers import SpectralNormalization
from keras_comic.models import PatchDiscriminator
from tests.test_case import MIXED_POLICIES
from tests.test_case import TestCase
from tests.test_case import input_gradient
from tests.test_case import noise


class PatchDiscriminatorTest(TestCase):
    def test_the_published_size(self):
        # CycleGAN prints 2.765 M parameters for its `basic` discriminator.
        network = PatchDiscriminator(spectral_normalization=False)
        self.assertEqual(network.count_params(), 2_764_737)
        widths = [c.filters for c in network.convolutions]
        self.assertEqual(widths, [64, 128, 256, 512, 1])
        # Spectral normalisation adds a vector for each convolution.
        network = PatchDiscriminator()
        self.assertEqual(network.count_params(), 2_764_737 + sum(widths))

    def test_sizes(self):
        network = PatchDiscriminator(2)
        for height, width in ((256, 256), (33, 47), (24, 31), (70, 64)):
            logits = network(noise(1, height, width, 3))
            shape = (1, height // 8 - 2, width // 8 - 2, 1)
            self.assertShape(logits, shape)
            self.assertDType(logits, "float32")
        self.assertShape(network(noise(1, 256, 256, 3)), (1, 30, 30, 1))

    def test_a_logit_sees_70_pixels(self):
        for normalized in (True, False):
            network = PatchDiscriminator(2, spectral_normalization=normalized)
            gradient = input_gradient(
                lambda x, network=network: network(x)[:, 7, 8],
                noise(1, 144, 152, 3),
            )
            rows, columns = np.nonzero(np.abs(gradient[0]).sum(-1))
            self.assertEqual(np.ptp(rows) + 1, 70)
            self.assertEqual(np.ptp(columns) + 1, 70)
            # All of them, without holes.
            self.assertEqual(len(set(zip(rows, columns, strict=True))), 70 * 70)
            # Logits lie every 8 pixels: the next one sees 8 pixels further.
            shifted = input_gradient(
                lambda x, network=network: network(x)[:, 8, 8],
                noise(1, 144, 152, 3),
            )
            shifted_rows, _ = np.nonzero(np.abs(shifted[0]).sum(-1))
            self.assertEqual(shifted_rows.min() - rows.min(), 8)

    def test_number_of_layers_sets_the_field(self):
        for num_layers, field in ((1, 16), (2, 34)):
            network = PatchDiscriminator(2, num_layers)
            self.assertEqual(len(network.convolutions), num_layers + 2)
            gradient = input_gradient(
                lambda x, network=network: network(x)[:, 5, 5],
                noise(1, 64, 64, 3),
            )
            rows, _ = np.nonzero(np.abs(gradient[0]).sum(-1))
            self.assertEqual(np.ptp(rows) + 1, field)

    def test_config_and_saving(self):
        images = noise(2, 33, 47, 3)
        for normalization in (None, "instance"):
            network = PatchDiscriminator(
                2, 2, spectral_normalization=False, normalization=normalization
            )
            revived = self.run_config_test(network)
            self.assertEqual(revived.normalization, normalization)
            revived.set_weights(network.get_weights())
            logits = network(images)
            self.assertAllClose(revived(images), logits)
            self.run_saving_test(network, images)
        network = PatchDiscriminator(2)
        network(images, training=True)
        self.run_config_test(network)
        self.run_saving_test(network, images)

    def test_gradients_reach_every_weight(self):
        images = noise(2, 33, 47, 3)
        for normalization in (None, "instance"):
            network = PatchDiscriminator(2, normalization=normalization)
            self.assertGradientsReach(
                lambda network=network: (network(images) - 1.0) ** 2,
                network.trainable_variables,
            )

    def test_inference_moves_nothing(self):
        images = noise(1, 32, 32, 3)
        network = PatchDiscriminator(2)
        state = self.values(network.variables)
        network(images)
        network(images, training=False)
        self.assertUnmoved(network.variables, state)
        network(images, training=True)
        self.assertUnmoved(
            network.trainable_variables,
            [
                value
                for variable, value in zip(
                    network.variables, state, strict=True
                )
                if variable.trainable
            ],
        )
        for convolution in network.convolutions:
            self.assertIsInstance(convolution, SpectralNormalization)
        self.assertEqual(len(network.non_trainable_variables), 5)
        for variable, value in zip(network.variables, state, strict=True):
            if not variable.trainable and variable.shape[-1] > 1:
                self.assertNotAllClose(variable, value)

    def test_mixed_precision(self):
        images = noise(2, 32, 32, 3)
        network = PatchDiscriminator(4, normalization="instance")
        # Far from the tiny logits of a new network.
        network.set_weights([10.0 * w for w in network.get_weights()])
        logits = network(images)
        for policy in MIXED_POLICIES:
            with self.subTest(policy=policy):
                mixed = PatchDiscriminator(
                    4, normalization="instance", dtype=policy
                )
                mixed.set_weights(network.get_weights())
                mixed_logits = mixed(images, training=True)
                self.assertDType(mixed_logits, "float32")
                network(images, training=True)
                self.assertAllClose(mixed_logits, logits, atol=0.3, rtol=0.1)
                for variable in mixed.variables:
                    self.assertDType(variable, "float32")

    def test_errors(self):
        for arguments, message in (
            (
                {"filters": 0},
                "must be positive integers. Received: filters=0, num_layers=3",
            ),
            (
                {"num_layers": 0},
                "must be positive integers. Received: filters=64, num_layers=0",
            ),
            (
                {"normalization": "batch"},
                '`normalization` must be "instance" or None. '
                "Received: normalization='batch'",
            ),
        ):
            with self.assertRaisesRegex(ValueError, message):
                PatchDiscriminator(**arguments)
        with self.assertRaisesRegex(
            ValueError,
            r"at least 24 pixels with 3 layers of stride 2. "
            r"Received: images.shape=\(1, 32, 23, 3\)",
        ):
            PatchDiscriminator(2)(noise(1, 32, 23, 3))
