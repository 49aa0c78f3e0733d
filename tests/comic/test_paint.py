import numpy as np
from skimage import data

from keras_comic.comic import find_paint
from keras_comic.comic import grade
from keras_comic.metrics import comic_look
from tests.test_case import TestCase


class PaintTest(TestCase):
    def test_flat_blocks_of_its_own_colours(self):
        photo = data.coffee()
        paint = find_paint(photo)
        self.assertEqual((paint.dtype, paint.shape), ("uint8", photo.shape))
        look = comic_look(photo, paint)
        self.assertGreater(look["flat"], comic_look(photo, photo)["flat"] + 0.1)
        self.assertLess(look["invented"], 0.7)
        self.assertGreater(look["tone"], 0.99)
        self.assertAllClose(paint.mean((0, 1)), photo.mean((0, 1)), atol=3)

    def test_large_and_thin(self):
        self.assertEqual(
            find_paint(np.zeros((700, 900, 3), "uint8")).shape, (700, 900, 3)
        )
        thin = np.full((5, 3, 3), 90, "uint8")
        self.assertAllEqual(find_paint(thin), thin)


class GradeTest(TestCase):
    def test_identity(self):
        photo = data.coffee()[:64, :64]
        found = grade(photo, 0, lift=0.0, gamma=1.0, saturation=1.0)
        self.assertAllClose(found.astype(int), photo.astype(int), atol=1)

    def test_steps_and_saturation(self):
        ramp = np.repeat(np.arange(256, dtype="uint8")[None, :, None], 3, 2)
        hard = grade(ramp, 4, steepness=40.0, lift=0.0, gamma=1.0)
        self.assertLess(len(np.unique(hard)), 40)
        soft = grade(ramp, 4, steepness=0.01, lift=0.0, gamma=1.0)
        self.assertAllClose(soft.astype(int), ramp.astype(int), atol=2)
        # Dark stays darker than light.
        self.assertGreaterEqual(np.diff(hard[0, :, 1].astype(int)).min(), -1)
        red = np.full((2, 2, 3), (200, 80, 80), "uint8")
        grey = grade(red, 0, saturation=0.0)
        self.assertLessEqual(np.ptp(grey[0, 0].astype(int)), 1)
