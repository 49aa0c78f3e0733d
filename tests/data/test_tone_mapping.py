import numpy as np
from absl.testing import parameterized

from keras_comic.data.tone_mapping import BT2020
from keras_comic.data.tone_mapping import HLG
from keras_comic.data.tone_mapping import PQ
from keras_comic.data.tone_mapping import to_standard_range
from tests.test_case import TestCase

BT709 = 1


def gray(signal, transfer, primaries=BT2020):
    pixels = np.full((2, 3, 3), round(signal * 65535), "uint16")
    found = to_standard_range(pixels, transfer, primaries)
    assert np.ptp(found.astype("int64")) <= 1
    return found[0, 0, 0]


class ToneMappingTest(TestCase, parameterized.TestCase):
    @parameterized.parameters(
        # Signals of PQ for 0, 50, 100, 203 and 10,000 nits (BT.2408), and
        # 255 * (nits / 203) ** (1 / 2.4), above 0.75 by the shoulder.
        (0.0, 0.0),
        (0.4401, 142.2),
        (0.5081, 189.8),
        (0.5807, 255 * (1 - 0.25 * np.exp(-1)) ** (1 / 2.4)),
        (1.0, 255.0),
    )
    def test_pq(self, signal, expected):
        self.assertAllClose(float(gray(signal, PQ)), expected, atol=1.0)

    @parameterized.parameters(
        # 0.75 is the reference white, 0.38 is 26 nits (BT.2408).
        (0.0, 0.0),
        (0.38, 255 * (26 / 203) ** (1 / 2.4)),
        (0.75, 255 * (1 - 0.25 * np.exp(-1)) ** (1 / 2.4)),
        (1.0, 255.0),
    )
    def test_hlg(self, signal, expected):
        self.assertAllClose(float(gray(signal, HLG)), expected, atol=1.5)

    def test_primaries(self):
        # Red of BT.709 in BT.2020 (BT.2087): it becomes itself again.
        light = np.array([0.6274, 0.0691, 0.0164])
        pixels = np.rint(65535 * light ** (1 / 2.4)).astype("uint16")
        found = to_standard_range(pixels[None, None], 14, BT2020)[0, 0]
        self.assertEqual(found[0], 255)
        self.assertLess(found[1:].max(), 12)
