import numpy as np
from skimage import data

from keras_comic.comic import find_palette
from keras_comic.comic import limit_palette
from tests.test_case import TestCase


class PaletteTest(TestCase):
    def test_by_hand(self):
        colors = [(200, 30, 30), (30, 160, 60), (40, 40, 200)]
        picture = np.zeros((60, 10, 3), "uint8")
        picture[:30], picture[30:50], picture[50:] = colors
        found = find_palette(picture, 3).astype(int)
        self.assertAllClose(found, colors, atol=1)
        self.assertEqual(len(find_palette(picture, 9)), 3)

    def test_the_same_each_time(self):
        first = find_palette(data.coffee(), 8)
        self.assertEqual((first.shape, first.dtype), ((8, 3), "uint8"))
        self.assertAllEqual(first, find_palette(data.coffee(), 8))

    def test_pull(self):
        photo = data.coffee()[::4, ::4]
        palette = find_palette(photo, 5)
        self.assertAllClose(
            limit_palette(photo, palette, 0.0).astype(int), photo, atol=1
        )
        far = []
        for pull in (0.0, 0.5, 1.0):
            drawn = limit_palette(photo, palette, pull).astype(int)
            distance = drawn[..., None, :] - palette.astype(int)
            far.append(np.abs(distance).sum(-1).min(-1).mean())
        self.assertGreater(far[0], far[1])
        self.assertGreater(far[1], far[2])
        self.assertLess(far[2], 6)
        self.assertAllEqual(
            limit_palette(photo, 5), limit_palette(photo, palette)
        )

    def test_errors(self):
        photo = data.coffee()[:8, :8]
        with self.assertRaisesRegex(ValueError, "`count` must be > 0"):
            find_palette(photo, 0)
        with self.assertRaisesRegex(ValueError, "`pull` must be in"):
            limit_palette(photo, 3, 2.0)
        with self.assertRaisesRegex(ValueError, "`palette` must be a uint8"):
            limit_palette(photo, [[0.5, 0.5, 0.5]])
