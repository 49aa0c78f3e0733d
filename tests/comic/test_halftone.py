import numpy as np
from absl.testing import parameterized

from keras_comic.comic import halftone
from keras_comic.comic import put_on_paper
from keras_comic.comic import screentone
from tests.test_case import TestCase


class HalftoneTest(TestCase, parameterized.TestCase):
    @parameterized.parameters(20, 64, 128, 200, 240)
    def test_dots_cover_what_the_tone_asks_for(self, shade):
        grey = np.full((180, 180, 3), shade, "uint8")
        self.assertAllClose(halftone(grey).mean(), shade, atol=8)

    def test_dots_stand_on_the_page(self):
        first = np.full((90, 90, 3), 120, "uint8")
        second = first + np.uint8(20)
        drawn = [halftone(p).astype(int)[..., 0] for p in (first, second)]
        # They shrink where it becomes lighter, and do not move.
        self.assertGreaterEqual((drawn[1] - drawn[0]).min(), 0)
        self.assertGreater((drawn[1] - drawn[0]).mean(), 10)

    def test_amount(self):
        picture = np.full((90, 90, 3), (200, 120, 40), "uint8")
        self.assertAllEqual(halftone(picture, 0.0), picture)
        half = halftone(picture, 0.5).astype(int)
        whole = halftone(picture).astype(int)
        self.assertAllClose(2 * half - picture, whole, atol=2)
        for draw in (halftone, screentone):
            with self.assertRaisesRegex(ValueError, "`amount` must be in"):
                draw(picture, 1.5)

    def test_screentone(self):
        for shade, least, most in ((250, 255, 255), (10, 0, 0), (130, 60, 200)):
            grey = np.full((90, 90, 3), shade, "uint8")
            mean = screentone(grey).mean()
            self.assertBetween(mean, least, most)

    def test_paper(self):
        white = np.full((64, 64, 3), 255, "uint8")
        paper = put_on_paper(white, (240, 220, 200))
        self.assertAllClose(paper.mean((0, 1)), (240, 220, 200), atol=1)
        self.assertGreater(paper.std(axis=(0, 1)).min(), 1)
        self.assertAllEqual(paper, put_on_paper(white, (240, 220, 200)))
