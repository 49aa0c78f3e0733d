import keras

from keras_comic.models.patch_discriminator import PatchDiscriminator
from keras_comic.models.recurrent.clip_discriminator import ClipDiscriminator
from keras_comic.models.temporal_discriminator import TemporalDiscriminator
from tests.test_case import TestCase
from tests.test_case import noise


def make(dtype=None):
    return ClipDiscriminator(
        PatchDiscriminator(2, 1, dtype=dtype),
        TemporalDiscriminator(2, 3, 1, dtype=dtype),
    )


class ClipDiscriminatorTest(TestCase):
    def test_each_network_judges_its_own(self):
        network = make()
        clips = noise(1, 3, 12, 12, 3)
        self.assertAllEqual(
            network(clips), network.temporal_discriminator(clips)
        )
        frames = clips[0]
        self.assertAllEqual(
            network(frames), network.frame_discriminator(frames)
        )
        self.assertEqual(
            network.compute_output_shape(clips.shape), (1, 2, 4, 4, 1)
        )
        self.assertEqual(
            network.compute_output_shape(frames.shape), (3, 4, 4, 1)
        )

    def test_weights_are_those_of_both(self):
        network = make()
        parts = (network.frame_discriminator, network.temporal_discriminator)
        self.assertEqual(
            len(network.trainable_variables),
            sum(len(part.trainable_variables) for part in parts),
        )
        self.assertGradientsReach(
            lambda: sum(
                keras.ops.sum(network(images) ** 2)
                for images in (noise(1, 12, 12, 3), noise(1, 2, 12, 12, 3))
            ),
            network.trainable_variables,
        )

    def test_config_and_saving(self):
        network = make()
        self.run_config_test(network)
        revived = self.run_saving_test(network, noise(1, 12, 12, 3))
        clips = noise(1, 3, 12, 12, 3)
        self.assertAllClose(revived(clips), network(clips), atol=1e-6)

    def test_policy_of_its_parts(self):
        policy = make(dtype="mixed_float16").dtype_policy
        self.assertEqual(policy.name, "mixed_float16")

    def test_errors(self):
        network = keras.layers.Conv2D(1, 3)
        with self.assertRaisesRegex(
            ValueError, "Received: frame_discriminator.built=False"
        ):
            ClipDiscriminator(network, TemporalDiscriminator(2, 2, 1))
