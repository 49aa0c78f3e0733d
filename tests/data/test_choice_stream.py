import numpy as np
import pytest

from tests.test_case import TestCase

pytest.importorskip("tensorflow")

from keras_comic.data.choice_stream import ChoiceStream  # noqa: E402
from tests.data.batches import samples_of  # noqa: E402


class ChoiceStreamTest(TestCase):
    def test_says_yes_so_often(self):
        for fraction in (0.0, 0.3, 1.0):
            stream = ChoiceStream(0, "identity", fraction)
            (chosen,) = stream.read(np.arange(2000))
            self.assertDType(chosen, "bool")
            self.assertAllClose(chosen.mean(), fraction, atol=0.06)

    def test_in_batches(self):
        stream = ChoiceStream(1, "identity", 0.5)
        found = samples_of(stream, 100)
        self.assertEqual(set(found), {"identity"})
        self.assertAllEqual(found["identity"], stream.read(np.arange(100))[0])
