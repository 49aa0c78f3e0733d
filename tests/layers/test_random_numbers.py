import keras
import numpy as np

from keras_comic.layers.adaptive_augmentation import AdaptiveAugmentation
from keras_comic.layers.instance_noise import InstanceNoise
from keras_comic.layers.random_numbers import draw_for_replica
from tests.test_case import TestCase
from tests.test_case import compiled
from tests.test_case import noise


class DrawForReplicaTest(TestCase):
    def test_replicas_draw_what_one_device_draws(self):
        for draw in (keras.random.uniform, keras.random.normal):
            whole = self.numpy(draw((6, 5), seed=1))
            alone = draw_for_replica(draw, (6, 5), 1)
            self.assertAllEqual(alone, whole)
            parts = [draw_for_replica(draw, (2, 5), 1, i, 3) for i in range(3)]
            parts = [self.numpy(part) for part in parts]
            self.assertAllEqual(np.concatenate(parts), whole)

    def test_the_state_moves_alike(self):
        generators = [keras.random.SeedGenerator(3) for _ in range(2)]
        for seed, arguments in zip(generators, ((), (1, 2))):
            draw_for_replica(keras.random.normal, (2, 3), seed, *arguments)
        states = [self.numpy(seed.state) for seed in generators]
        self.assertAllEqual(*states)

    def test_layers(self):
        images = noise(4, 8, 8, 3)
        for make in (
            lambda: AdaptiveAugmentation(initial_probability=0.7, seed=1),
            lambda: InstanceNoise(0.5, seed=1),
        ):
            whole = self.numpy(make()(images))
            for call in (lambda layer: layer, compiled):
                parts = []
                for i in range(2):
                    layer = make()
                    part = call(
                        lambda x, i=i, layer=layer: layer(
                            x, replica=i, num_replicas=2
                        )
                    )(images[2 * i : 2 * i + 2])
                    parts.append(self.numpy(part))
                self.assertAllClose(np.concatenate(parts), whole, 1e-5)
