import keras
import numpy as np
import pytest

import keras_comic
from keras_comic.layers import RandomMotion
from keras_comic.losses import CoherencePreservingLoss
from keras_comic.training import TemporalConsistency
from keras_comic.training import TrainingCheckpoint
from tests.test_case import TestCase
from tests.test_case import noise


def make_gan(consistency, **options):
    keras.utils.set_random_seed(1)
    gan = keras_comic.StyleTransferGAN(
        keras_comic.AdaINGenerator.light((4, 8, 4, 4), 1, 8),
        keras_comic.models.PatchDiscriminator(4),
        keras_comic.models.FeatureNetwork((1, 1, 3), (4, 4, 4)),
        consistency=consistency,
    )
    gan.compile(**options)
    return gan


BATCH = {
    "photos": noise(2, 32, 32, 3),
    "style_images": noise(2, 32, 32, 3, seed=1),
}


class TemporalConsistencyTest(TestCase):
    def test_what_commutes_with_motion_costs_nothing(self):
        consistency = TemporalConsistency(RandomMotion(max_noise=0.0, seed=1))
        photos = noise(2, 32, 40, 3)
        terms = consistency.terms(photos, -photos, lambda moved: -moved)
        self.assertAllClose(terms["consistency"], [0.0, 0.0], atol=1e-5)
        # A picture that hangs in the frame does not.
        ramp = np.linspace(-1, 1, 40, dtype="float32")[None, None, :, None]
        terms = consistency.terms(
            photos, photos + ramp, lambda moved: moved + ramp
        )
        self.assertGreater(self.numpy(terms["consistency"]).min(), 0.01)

    def test_in_a_family(self):
        gan = make_gan(
            TemporalConsistency("flow", CoherencePreservingLoss(seed=1)),
            # The slow tests compile it.
            run_eagerly=True,
        )
        logs = gan.train_on_batch(BATCH, return_dict=True)
        self.assertGreater(logs["consistency"], 0.0)
        self.assertGreater(logs["coherence"], 0.0)
        gan = make_gan(None, run_eagerly=True)
        logs = gan.train_on_batch(BATCH, return_dict=True)
        self.assertNotIn("consistency", logs)
        self.assertNotIn("coherence", logs)

    @pytest.mark.slow
    def test_projections_are_trained_and_kept(self):
        folder = self.temporary_folder()
        gan = make_gan(
            TemporalConsistency("shift", CoherencePreservingLoss(seed=1))
        )
        before = [
            self.numpy(v.value) for v in gan.consistency.trainable_variables
        ]
        self.assertEqual(len(before), 12)
        gan.train_on_batch(BATCH)
        moved = [
            np.abs(self.numpy(v.value) - b).max()
            for v, b in zip(gan.consistency.trainable_variables, before)
        ]
        self.assertGreater(min(moved[:2]), 0.0)
        TrainingCheckpoint(folder).save(gan, 1)
        other = make_gan(
            TemporalConsistency("shift", CoherencePreservingLoss(seed=2))
        )
        self.assertEqual(TrainingCheckpoint(folder).restore(other), 1)
        # The random numbers go on too.
        for _ in range(2):
            gan.reset_metrics()
            other.reset_metrics()
            logs, others = (
                g.train_on_batch(BATCH, return_dict=True) for g in (gan, other)
            )
            self.assertAllClose(logs["coherence"], others["coherence"], 1e-4)
            self.assertAllClose(
                logs["consistency"], others["consistency"], 1e-4
            )

    def test_config(self):
        consistency = TemporalConsistency(
            RandomMotion(2.0, seed=3), CoherencePreservingLoss(4, seed=5)
        )
        config = make_gan(consistency).get_config()
        gan = keras_comic.StyleTransferGAN.from_config(config)
        self.assertEqual(gan.consistency.motion.max_shift, 2.0)
        self.assertEqual(gan.consistency.coherence.num_anchors, 4)

    def test_error(self):
        with self.assertRaisesRegex(ValueError, "Received: motion='swirl'"):
            TemporalConsistency("swirl")
