import keras

from keras_comic.training import LinearDecay
from tests.test_case import TestCase


def rates(schedule, steps):
    return [float(keras.ops.convert_to_numpy(schedule(n))) for n in steps]


class LinearDecayTest(TestCase):
    def test_rates(self):
        found = rates(LinearDecay(0.4, 10, 20), [0, 10, 15, 20, 30, 99])
        self.assertAllClose(found, [0.4, 0.4, 0.3, 0.2, 0.0, 0.0])

    def test_config(self):
        schedule = LinearDecay(0.4, 10, 20)
        again = keras.saving.deserialize_keras_object(
            keras.saving.serialize_keras_object(schedule)
        )
        self.assertEqual(again.get_config(), schedule.get_config())

    def test_errors(self):
        with self.assertRaisesRegex(ValueError, "decay_steps=0"):
            LinearDecay(1, 1, 0)
