import numpy as np

from keras_comic.data.crops import Crops
from keras_comic.data.crops import blank_cells
from keras_comic.data.crops import crop
from keras_comic.data.crops import crop_boxes
from keras_comic.data.crops import excess_blank
from tests.data.pictures import drawing_with_box
from tests.test_case import TestCase
from tests.test_case import photos

WHITE = (255, 255, 255)
CREAM = (246, 240, 227)


class CropsTest(TestCase):
    def test_errors(self):
        for name, value, message in (
            ("size", 0, "must be a positive integer"),
            ("zoom", (0, 1), "must be a pair of positive"),
            ("zoom", (1, 0.5), "must be a pair of positive"),
            ("zoom", (1,), "must be a pair of positive"),
            ("max_blank", (0.5,), r"must be a pair of numbers in \[0, 1\]"),
            ("max_blank", (0.5, 2), r"must be a pair of numbers in \[0, 1\]"),
        ):
            with self.assertRaisesRegex(ValueError, f"`{name}` {message}"):
                Crops(**{name: value})


class CropBoxesTest(TestCase):
    def test_worked_by_hand(self):
        uniforms = [[0.0, 0.0, 0.0], [1.0, 0.5, 0.999], [0.5, 0.999, 0.5]]
        boxes = crop_boxes((40, 50, 3), uniforms, 16, (0.5, 1.0))
        # Sides 16 / 0.5, 16 / 1 and 16 / 0.75; 40 - 16 + 1 = 25 places, ...
        self.assertAllEqual(boxes, [[0, 0, 32], [12, 34, 16], [19, 15, 21]])

    def test_all_lie_inside(self):
        uniforms = np.random.default_rng(0).random((1000, 3))
        uniforms[::3] = np.nextafter(np.float32(1), np.float32(0))
        for height, width in ((33, 200), (8, 8), (1, 5), (130, 129)):
            boxes = crop_boxes((height, width, 3), uniforms, 32, (0.25, 2.0))
            top, left, side = boxes.T
            self.assertGreaterEqual(boxes[:, :2].min(), 0)
            self.assertGreaterEqual(side.min(), 1)
            self.assertLessEqual((top + side).max(), height)
            self.assertLessEqual((left + side).max(), width)


class CropTest(TestCase):
    def test_pixels_without_resizing(self):
        image = photos(20, 30, 3)
        pixels = crop(image, (3, 5, 16), False, 16)
        self.assertDType(pixels, "float32")
        expected = image[3:19, 5:21] / 127.5 - 1.0
        self.assertAllClose(pixels, expected, atol=1e-6)
        mirrored = crop(image, (3, 5, 16), True, 16)
        self.assertAllEqual(mirrored, pixels[:, ::-1])


class BlankTest(TestCase):
    def test_cells(self):
        image = drawing_with_box(CREAM, (8, 0, 16, 16), height=27, width=30)
        image[:, 16:] = WHITE
        # Half of this cell white, but not empty.
        image[0:4, 0:8] = WHITE
        cells = blank_cells(image)
        self.assertShape(cells, (4, 4, 2))
        white = [[0.5, 0, 1, 1], [0, 0, 1, 1], [0, 0, 1, 1], [0, 0, 1, 1]]
        paper = [[0, 0, 1, 1], [2, 2, 1, 1], [0, 0, 1, 1], [0, 0, 1, 1]]
        self.assertAllClose(cells[..., 0], white)
        self.assertAllClose(cells[..., 1], paper)

    def test_excess_by_hand(self):
        image = drawing_with_box(WHITE, (0, 0, 64, 32))
        boxes = [[0, 0, 32], [0, 24, 32], [16, 32, 32]]
        # White all over, three quarters, not at all; so is empty paper.
        for limits, expected in (
            ((0.75, 1.0), [4 / 3, 1.0, 1.0]),
            ((1.0, 0.75), [4 / 3, 1.0, 1.0]),
            ((0.0, 1.0), [1000.0, 250.0, 1.0]),
            ((1.0, 1.0), [1.0, 1.0, 1.0]),
        ):
            excess = excess_blank(image, boxes, limits)
            self.assertAllClose(excess, expected)
