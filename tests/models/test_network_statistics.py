import numpy as np

from keras_comic.models.network_statistics import NetworkStatistics
from keras_comic.models.network_statistics import from_rows
from keras_comic.models.network_statistics import to_rows
from tests.test_case import TestCase
from tests.test_case import noise


class NetworkStatisticsTest(TestCase):
    def test_mixed(self):
        one = NetworkStatistics(*(np.float32([[v]]) for v in (1, 4, 0)))
        other = NetworkStatistics(*(np.float32([[v]]) for v in (3, 2, 8)))
        mixed = one.mixed(other, 0.25)
        # Mean squares of 5 and 11: 6.5, less 1.5 squared.
        for found, expected in zip(mixed, (1.5, 4.25, 2.0), strict=True):
            self.assertAllClose(found, [[expected]])
            self.assertDType(found, "float32")

    def test_rows(self):
        values = [noise(2, 1, 1, 3), noise(2, 4)]
        rows = self.numpy(to_rows(values, 2))
        self.assertShape(rows, (2, 7))
        for value, found in zip(values, from_rows(rows, [(1, 1, 3), (4,)])):
            self.assertAllEqual(self.numpy(found), value)
        self.assertShape(self.numpy(to_rows([], 2)), (2, 0))
