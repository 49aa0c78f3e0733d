import keras
import numpy as np
from keras import ops

from keras_comic.models.discriminators.patch_discriminator import (
    PatchDiscriminator,
)
from keras_comic.models.discriminators.temporal_discriminator import (
    TemporalDiscriminator,
)
from tests.test_case import MIXED_POLICIES
from tests.test_case import TestCase
from tests.test_case import compiled
from tests.test_case import noise


class TemporalDiscriminatorTest(TestCase):
    def test_stacked_frames(self):
        network = TemporalDiscriminator(3, 2, 2)
        self.assertEqual(network.convolutions[0].layer.kernel.shape[2], 9)
        clips = noise(2, 5, 17, 22, 3)
        logits = network(clips)
        self.assertShape(logits, (2, 3, 2, 3, 1))
        self.assertEqual(
            network.compute_output_shape(clips.shape), logits.shape
        )
        self.assertDType(logits, "float32")
        # A plain discriminator with the kernel of the last frame alone sees
        # what this one sees of clips that are black before.
        black = np.zeros_like(clips[:, :3])
        black[:, 2] = clips[:, 2]
        plain = TemporalDiscriminator(3, 2, 2, spectral_normalization=False)
        plain_single = PatchDiscriminator(2, 2, spectral_normalization=False)
        plain_single.set_weights(
            [
                w[:, :, 6:] if i == 0 else w
                for i, w in enumerate(plain.get_weights())
            ]
        )
        self.assertAllClose(
            plain(black)[:, 0], plain_single(clips[:, 2]), atol=1e-6
        )

    def test_every_run_is_judged_alone(self):
        network = TemporalDiscriminator(2, 2, 1)
        clips = noise(1, 4, 12, 12, 3)
        logits = self.numpy(network(clips))
        for start in range(3):
            alone = network(clips[:, start : start + 2])
            self.assertAllClose(logits[:, start], alone[:, 0], atol=1e-6)

    def test_tells_order(self):
        # A frame discriminator cannot: the same frames, in another order.
        network = TemporalDiscriminator(3, 4, 1)
        clips = noise(1, 3, 12, 12, 3)
        self.assertNotAllClose(network(clips), network(clips[:, ::-1]), 1e-4)

    def test_learns_to_tell_still_from_boiling(self):
        random = np.random.default_rng(0)
        network = TemporalDiscriminator(3, 4, 1)

        def make():
            frame = random.uniform(-1, 1, (4, 1, 12, 12, 3))
            still = np.repeat(frame, 3, axis=1)
            boiling = random.uniform(-1, 1, (4, 3, 12, 12, 3))
            return np.concatenate([still, boiling]).astype("float32")

        signs = np.float32([1.0] * 4 + [-1.0] * 4).reshape(8, 1, 1, 1, 1)
        network.compile(
            keras.optimizers.Adam(5e-3),
            loss=lambda sign, logits: ops.relu(1.0 - sign * logits),
        )
        for _ in range(40):
            network.train_on_batch(make(), signs)
        logits = self.numpy(network(make())).mean(axis=(1, 2, 3, 4))
        self.assertGreater(logits[:4].min(), logits[4:].max())

    def test_config_saving_and_mixed_precision(self):
        clips = noise(1, 3, 17, 18, 3)
        network = TemporalDiscriminator(3, 2, 2, normalization="instance")
        revived = self.run_config_test(network)
        self.assertEqual(revived.num_frames, 3)
        self.run_saving_test(network, clips)
        expected = network(clips)
        self.assertAllClose(
            compiled(lambda x: network(x))(clips), expected, atol=1e-5
        )
        for policy in MIXED_POLICIES:
            mixed = TemporalDiscriminator(
                3, 2, 2, normalization="instance", dtype=policy
            )
            mixed.set_weights(network.get_weights())
            self.assertDType(mixed(clips), "float32")
            self.assertAllClose(mixed(clips), expected, atol=0.1)

    def test_only_training_moves_the_vectors(self):
        network = TemporalDiscriminator(2, 2, 1)
        clips = noise(1, 3, 12, 12, 3)
        state = self.values(network.variables)
        network(clips)
        self.assertUnmoved(network.variables, state)
        trained = self.values(network.trainable_variables)
        network(clips, training=True)
        self.assertUnmoved(network.trainable_variables, trained)
        moved = [
            not np.array_equal(self.numpy(v), old)
            for v, old in zip(network.variables, state, strict=True)
        ]
        self.assertEqual(sum(moved), len(network.non_trainable_variables))

    def test_gradients_reach_every_weight(self):
        network = TemporalDiscriminator(2, 2, 1)
        clips = noise(2, 3, 12, 12, 3)
        self.assertGradientsReach(
            lambda: (network(clips) - 1.0) ** 2, network.trainable_variables
        )

    def test_errors(self):
        with self.assertRaisesRegex(ValueError, "num_frames=1"):
            TemporalDiscriminator(1)
        network = TemporalDiscriminator(3, 2)
        for shape in ((1, 2, 32, 32, 3), (1, 32, 32, 3)):
            with self.assertRaisesRegex(ValueError, "at least 3 frames"):
                network(noise(*shape))
        with self.assertRaisesRegex(ValueError, "at least 24 pixels"):
            network(noise(1, 3, 16, 32, 3))
