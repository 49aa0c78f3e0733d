import numpy as np

from keras_comic.data.randomness import random_key
from keras_comic.data.randomness import random_uniforms
from keras_comic.data.randomness import shuffled
from tests.test_case import TestCase


class RandomKeyTest(TestCase):
    def test_keys(self):
        keys = {random_key(s, t) for s in range(-2, 50) for t in ("a", "b")}
        self.assertEqual(len(keys), 104)
        self.assertTrue(all(0 <= key < 2**31 for key in keys))
        # The same on every machine and in every process.
        self.assertEqual(random_key(0, "a"), 1186304233)


class RandomUniformsTest(TestCase):
    def test_are_uniform_and_independent(self):
        uniforms = random_uniforms(3, np.arange(20_000), 8)
        self.assertDType(uniforms, "float32")
        self.assertShape(uniforms, (20_000, 8))
        self.assertGreaterEqual(uniforms.min(), 0.0)
        self.assertLess(uniforms.max(), 1.0)
        # Five standard deviations.
        self.assertAllClose(uniforms.mean(0), np.full(8, 0.5), atol=0.0103)
        self.assertAllClose(uniforms.var(0), np.full(8, 1 / 12), atol=0.003)
        columns = np.concatenate([uniforms[1:], uniforms[:-1]], axis=1)
        correlations = np.corrcoef(columns.T) - np.eye(16)
        self.assertLess(abs(correlations).max(), 0.036)

    def test_depend_on_key_number_and_column_alone(self):
        some = random_uniforms(3, [5, 10**12, 7], 4)
        self.assertAllEqual(some[2], random_uniforms(3, [7], 9)[0, :4])
        self.assertAllEqual(some[1], random_uniforms(3, [10**12], 4)[0])
        self.assertNotAllClose(some, random_uniforms(4, [5, 10**12, 7], 4))


class ShuffledTest(TestCase):
    def test_are_permutations(self):
        for count in (1, 2, 3, 5, 7, 16, 17, 100, 4099):
            for turn in (0, 1, 10**9):
                places = shuffled(np.arange(count), 5, turn, count)
                self.assertDType(places, "int64")
                self.assertAllEqual(np.sort(places), np.arange(count))
