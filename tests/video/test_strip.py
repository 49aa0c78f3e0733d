import numpy as np
from PIL import Image

from keras_comic.data.contact_sheet import WIDTH
from keras_comic.video.strip import UNKNOWN
from keras_comic.video.strip import VideoStrip
from keras_comic.video.strip import difference_image
from tests.test_case import TestCase


def gray(value):
    return np.full((12, 20, 3), value, "uint8")


class VideoStripTest(TestCase):
    def sheet(self, strip):
        path = self.temporary_folder() / "strip.png"
        strip.save(path, "Title")
        self.assertEqual([p.name for p in path.parent.iterdir()], [path.name])
        return np.asarray(Image.open(path))

    def test_evenly_over_the_length(self):
        # Each frame is red by its number: which ones are shown?
        for count in (3, 8, 16, 17, 33, 96, 200):
            strip, wanted = VideoStrip(), 0
            for number in range(count):
                wanted += strip.wants_next()
                red = np.full((240, 240, 3), (number + 20, 0, 1), "uint8")
                strip.add({"row": (red, gray(0))})
            self.assertLess(wanted, 80)
            colors = self.sheet(strip).reshape(-1, 3)
            colors = colors[(colors[:, 1] == 0) & (colors[:, 2] == 1)]
            numbers = np.unique(colors[:, 0]).astype(int) - 20
            self.assertEqual(len(numbers), min(count, 8))
            self.assertEqual(numbers[0], 0)
            self.assertGreater(numbers[-1], 0.6 * count)
            if count <= 8:
                self.assertAllEqual(numbers, np.arange(count))
            steps = np.diff(numbers)
            self.assertLessEqual(steps.max(), 2.1 * steps.min())

    def test_rows(self):
        strip = VideoStrip()
        for k in range(2):
            strip.add(
                {
                    "source": (gray(10 + k), gray(50 + k)),
                    "levels": (gray(20 + k), gray(60 + k)),
                }
            )
        sheet = self.sheet(strip)
        self.assertEqual(sheet.shape[1], WIDTH)
        for value in (10, 11, 50, 51, 20, 21, 60, 61):
            self.assertGreaterEqual((sheet == value).all(-1).sum(), 240)

    def test_nothing_to_draw(self):
        with self.assertRaisesRegex(ValueError, "nothing to draw"):
            VideoStrip().save("strip.png")


class DifferenceImageTest(TestCase):
    def test_by_hand(self):
        other = gray(100)
        other[0, 0] = 110, 95, 200
        valid = np.ones((12, 20), bool)
        valid[5, 5] = False
        picture = difference_image(gray(100), other, valid)
        self.assertEqual(picture[0, 0].tolist(), [40, 20, 255])
        self.assertEqual(picture[5, 5].tolist(), list(UNKNOWN))
        self.assertEqual(picture[1:5].max(), 0)
