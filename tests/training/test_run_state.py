from keras import layers

from keras_comic.layers import AdaptiveAugmentation
from keras_comic.training.run_state import state_of_losses
from tests.test_case import TestCase
from tests.training.small_gan import make_small_gan


def ids(variables):
    return sorted(id(variable) for variable in variables)


class RunStateTest(TestCase):
    def test_keys_are_stable(self):
        gan = make_small_gan(augmentation=AdaptiveAugmentation(["flip"]))
        gan.compile()
        variables = gan.training_variables()
        counts = {}
        for key in variables:
            group = key.partition("/")[0]
            self.assertEqual(key, f"{group}/{counts.get(group, 0):04d}")
            counts[group] = counts.get(group, 0) + 1
        # Two convolutions; their average.
        self.assertEqual(counts["generator"], 4)
        self.assertEqual(counts["ema_generator"], 4)
        self.assertEqual(counts["step_counter"], 1)
        self.assertEqual(counts["skipped_steps"], 2)
        # The augmentation's probability, for one.
        self.assertGreater(counts["extra"], 0)
        self.assertIs(variables["generator/0000"], gan.generator.variables[0])
        self.assertEqual(len(set(ids(variables.values()))), len(variables))

    def test_frozen_layers_are_left_out(self):
        gan = make_small_gan()
        gan.features = layers.Dense(1)
        gan.features.build((None, 2))
        gan.features.trainable = False
        gan.compile()
        kept = ids(gan.training_variables().values())
        for variable in gan.features.variables:
            self.assertIn(id(variable), ids(gan.variables))
            self.assertNotIn(id(variable), kept)

    def test_losses_move_vectors_alone(self):
        gan = make_small_gan()
        gan.compile()
        vectors = gan.discriminator.non_trainable_variables
        self.assertEqual(ids(state_of_losses(gan)), ids(vectors))
        self.assertGreater(len(vectors), 0)
