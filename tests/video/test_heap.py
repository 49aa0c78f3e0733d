import sys

import numpy as np

from keras_comic.video.heap import release_free_memory
from tests.test_case import TestCase


class HeapTest(TestCase):
    def test_can_be_called_at_any_time(self):
        arrays = [np.ones(2**k, "uint8") for k in range(22)]
        del arrays[::2]
        self.assertIsInstance(release_free_memory(), bool)
        self.assertIsInstance(release_free_memory(), bool)
        self.assertEqual(sum(int(array.min()) for array in arrays), 11)
        if not sys.platform.startswith("linux"):
            self.assertFalse(release_free_memory())
