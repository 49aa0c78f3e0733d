import numpy as np
from PIL import Image

from keras_comic.video.strip import GAP
from keras_comic.video.strip import LABEL_HEIGHT
from keras_comic.video.strip import UNKNOWN
from keras_comic.video.strip import VideoStrip
from keras_comic.video.strip import difference_image
from tests.test_case import TestCase
from tests.test_case import photos


def gray(value):
    return np.full((12, 20, 3), value, "uint8")


class VideoStripTest(TestCase):
    def numbers(self, count, num_frames=8):
        """Which of so many frames are shown: each has its number's grey."""
        strip = VideoStrip(num_frames)
        for number in range(count):
            if strip.wants_next():
                strip.add({"row": (gray(number), gray(0))})
            else:
                strip.skip()
        sheet = strip.draw()
        row = sheet[GAP + LABEL_HEIGHT + 6]
        shown = (sheet.shape[1] - GAP) // (20 + GAP)
        return [int(row[GAP + c * (20 + GAP) + 10, 0]) for c in range(shown)]

    def test_evenly_over_the_length(self):
        self.assertEqual(self.numbers(3), [0, 1, 2])
        self.assertEqual(self.numbers(8), list(range(8)))
        for count in (16, 17, 33, 96, 200):
            numbers = self.numbers(count)
            self.assertEqual(len(numbers), 8)
            self.assertEqual(numbers[0], 0)
            self.assertGreater(numbers[-1], 0.7 * count)
            steps = np.diff(numbers)
            self.assertLessEqual(steps.max(), 2.1 * steps.min())

    def test_layout(self):
        strip = VideoStrip(2, tile_width=20)
        for number in range(2):
            strip.add(
                {
                    "source": (gray(10 + number), gray(50)),
                    "levels": (gray(20 + number), gray(60 + number)),
                }
            )
        sheet = strip.draw("Title")
        row = LABEL_HEIGHT + 2 * (12 + GAP)
        self.assertShape(
            sheet, (GAP + LABEL_HEIGHT + 2 * row, GAP + 2 * (20 + GAP), 3)
        )
        top = GAP + LABEL_HEIGHT + LABEL_HEIGHT
        for y, x, value in (
            (top, 0, 10),
            (top, 1, 11),
            (top + 12 + GAP, 1, 50),
            (top + row, 1, 21),
            (top + row + 12 + GAP, 1, 61),
        ):
            left = GAP + x * (20 + GAP)
            tile = sheet[y : y + 12, left : left + 20]
            self.assertEqual(np.unique(tile).tolist(), [value])
        self.assertLess(sheet[GAP : GAP + 20].min(), 100)

    def test_large_frames(self):
        strip = VideoStrip(1, tile_width=40)
        strip.add({"row": (photos(50, 80, 3), photos(50, 80, 3))})
        self.assertEqual(strip.draw().shape[1], GAP + 40 + GAP)

    def test_file(self):
        folder = self.temporary_folder()
        strip = VideoStrip()
        strip.add({"row": (gray(1), gray(2))})
        strip.save(folder / "strip.png", "Title")
        with Image.open(folder / "strip.png") as image:
            self.assertAllEqual(np.asarray(image), strip.draw("Title"))
        self.assertEqual([p.name for p in folder.iterdir()], ["strip.png"])

    def test_errors(self):
        with self.assertRaisesRegex(ValueError, "num_frames=0"):
            VideoStrip(0)
        with self.assertRaisesRegex(ValueError, "tile_width=8"):
            VideoStrip(tile_width=8)
        with self.assertRaisesRegex(ValueError, "nothing to draw"):
            VideoStrip().draw()


class DifferenceImageTest(TestCase):
    def test_by_hand(self):
        other = gray(100)
        other[0, 0] = 110, 95, 200
        valid = np.ones((12, 20), bool)
        valid[5, 5] = False
        picture = difference_image(gray(100), other, valid, gain=2.0)
        self.assertEqual(picture[0, 0].tolist(), [20, 10, 200])
        self.assertEqual(picture[5, 5].tolist(), list(UNKNOWN))
        self.assertEqual(picture[1:5].max(), 0)

    def test_no_overflow(self):
        picture = difference_image(gray(0), gray(255))
        self.assertEqual(picture.min(), 255)

    def test_errors(self):
        with self.assertRaisesRegex(ValueError, "same shape"):
            difference_image(gray(0), gray(0)[:5])
