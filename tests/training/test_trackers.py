import numpy as np
from keras import ops

from keras_comic.layers import AdaptiveAugmentation
from keras_comic.training import Judge
from keras_comic.training import Phase
from keras_comic.training.trackers import Trackers
from tests.test_case import TestCase
from tests.training.small_gan import make_small_gan

WEIGHTS = {"pixels": 1.0, "penalty": 1.0}


def make_trackers(judges=()):
    names = ("discriminator", "generator")
    phases = [Phase(name, lambda batch: {}, [name]) for name in names]
    return Trackers(phases, WEIGHTS, dict(judges))


def result(value, name="pixels", due=True, share=1.0):
    return {name: ops.convert_to_tensor(value, "float32")}, due, share


class TrackersTest(TestCase):
    def test_names(self):
        network = make_small_gan().discriminator
        judge = Judge(network, AdaptiveAugmentation(["flip"]))
        names = ["generator_loss", "discriminator_loss", "pixels", "penalty"]
        plain = make_trackers({"discriminator": Judge(network)})
        self.assertEqual([m.name for m in plain.metrics], names)
        found = make_trackers({"discriminator": judge}).metrics
        judged = ["augmentation_probability", "real_sign"]
        self.assertEqual([m.name for m in found], [*names, *judged])
        found = make_trackers({"comics": judge}).metrics
        judged = ["comics_augmentation_probability", "comics_real_sign"]
        self.assertEqual([m.name for m in found], [*names, *judged])

    def test_means(self):
        trackers = make_trackers()
        first = trackers.update([result(2.0)])
        self.assertEqual(list(first), ["pixels"])
        self.assertAllClose(first["pixels"], 2.0)
        # The repeats of a phase are one step: 1 / 2 + 7 / 2 = 4.
        parts = [result(1.0, share=0.5), result(7.0, share=0.5)]
        self.assertAllClose(trackers.update(parts)["pixels"], 3.0)
        # A step that is skipped does not count.
        self.assertAllClose(
            trackers.update([result(np.nan)], finite=False)["pixels"], 3.0
        )

    def test_a_phase_that_is_not_due_does_not_count(self):
        trackers = make_trackers()
        logs = trackers.update([result(np.nan, "penalty", due=False)])
        self.assertAllEqual(logs["penalty"], np.nan)
        logs = trackers.update([result(0.5, "penalty")])
        self.assertAllClose(logs["penalty"], 0.5)
