import collections

import numpy as np
import pytest

from keras_comic.data import crops
from tests.data.pictures import drawing_with_box
from tests.test_case import TestCase
from tests.test_case import photos

tf = pytest.importorskip("tensorflow")

from keras_comic.data.blank_crops import blank_cells  # noqa: E402
from keras_comic.data.blank_crops import excess_blank  # noqa: E402
from tests.data.in_graph import both_ways  # noqa: E402

WHITE = (255, 255, 255)
CREAM = (246, 240, 227)


class BlankCellsTest(TestCase):
    def test_are_those_of_numpy(self):
        for height, width in ((64, 64), (27, 30), (5, 70), (8, 7)):
            image = drawing_with_box(CREAM, (0, 0, 16, 24), height, width)
            image[:, 24:40] = WHITE
            expected = crops.blank_cells(image)
            for cells in both_ways(blank_cells, image):
                self.assertAllClose(cells, expected, atol=1e-5)

    def test_text_counts_as_empty_tinted_paper(self):
        image = photos(40, 48, 3) // 2
        # Pixels 7 to 8, and 24 to 31: two cells by two, and one by one.
        boxes = np.int32([[7, 7, 2, 2], [24, 24, 8, 8]])
        expected = np.zeros((5, 6, 2))
        expected[:2, :2, 1] = 2.0
        expected[3, 3, 1] = 2.0
        for cells in both_ways(blank_cells, image, boxes):
            self.assertAllEqual(cells, expected)
        for cells in both_ways(blank_cells, image, boxes[:0]):
            self.assertAllEqual(cells, np.zeros((5, 6, 2)))

    def test_a_part_of_a_drawing(self):
        image = drawing_with_box(CREAM, (8, 8, 40, 40))
        boxes = np.int32([[30, 50, 20, 3]])
        whole = blank_cells(tf.constant(image), boxes).numpy()
        for cells in both_ways(
            blank_cells, image[16:56, 24:], boxes, np.int32([16, 24])
        ):
            self.assertAllClose(cells, whole[2:7, 3:], atol=1e-5)


class ExcessBlankTest(TestCase):
    def test_the_least_is_chosen_as_with_numpy(self):
        random = np.random.default_rng(0)
        choices = collections.Counter()
        for seed in range(20):
            color = WHITE if seed % 2 else CREAM
            image = drawing_with_box(color, (0, 0, 40, 64), 77, 66, seed)
            boxes = crops.crop_boxes(
                (77, 66), random.random((8, 3)), 24, (1, 1)
            )
            expected = crops.least_blank(image, boxes, 0.5, 0.3)
            choices[expected] += 1
            for excess in both_ways(
                lambda i, b: excess_blank(blank_cells(i), b, (0.5, 0.3)),
                image,
                boxes,
            ):
                self.assertEqual(np.argmin(excess), expected)
        self.assertGreater(len(choices), 2)

    def test_by_hand(self):
        cells = np.zeros((4, 4, 2), "float32")
        cells[:2, :, 0] = 1.0
        cells[0, 0, 1] = 2.0
        boxes = np.int32([[0, 0, 32], [0, 0, 8], [16, 16, 16], [12, 3, 8]])
        for excess in both_ways(
            lambda c, b: excess_blank(c, b, (0.25, 0.5)), cells, boxes
        ):
            # White 8 of 16; white and paper 1; nothing; white 2 of 4.
            self.assertAllClose(excess, [2.0, 4.0, 1.0, 2.0])
