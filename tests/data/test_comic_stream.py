import numpy as np
import pytest

from keras_comic.data import crop_arrays
from keras_comic.data.randomness import random_key
from keras_comic.data.randomness import random_uniforms
from tests.data.pictures import drawing_with_box
from tests.test_case import TestCase

pytest.importorskip("tensorflow")

from keras_comic.data.comic_stream import ComicStream  # noqa: E402
from keras_comic.data.comic_stream import blank_cells  # noqa: E402
from keras_comic.data.comic_stream import excess_blank  # noqa: E402
from keras_comic.data.cropper import Cropper  # noqa: E402
from keras_comic.data.crops import Crops  # noqa: E402
from tests.data.batches import DatasetTestCase  # noqa: E402
from tests.data.batches import levels  # noqa: E402
from tests.data.batches import samples_of  # noqa: E402
from tests.data.in_graph import both_ways  # noqa: E402
from tests.data.small_records import picture_record  # noqa: E402

WHITE = (255, 255, 255)
CREAM = (246, 240, 227)


class ComicStreamTest(DatasetTestCase):
    def crops(self, records, size=24, zoom=(1.0, 1.0), count=40, **arguments):
        cropper = Cropper(Crops(size, zoom, **arguments))
        stream = ComicStream(records, 0, "comics", cropper)
        return levels(samples_of(stream, count)["comics"])

    def test_are_those_that_numpy_chooses(self):
        key = random_key(0, "comics crop")
        numbers = random_uniforms(
            key, np.arange(40), crop_arrays.NUM_UNIFORMS + 24
        )
        for seed, color in enumerate((WHITE, CREAM)):
            image = drawing_with_box(color, (0, 0, 70, 60), 77, 90, seed)
            records = self.write(f"{seed}", [picture_record(image)])
            found = self.crops(records, flip=False)
            redrawn = 0
            for uniforms, pixels in zip(numbers, found):
                places = uniforms[crop_arrays.NUM_UNIFORMS :].reshape(8, 3)
                boxes = crop_arrays.crop_boxes((77, 90), places, 24, (1, 1))
                chosen = crop_arrays.least_blank(image, boxes, 0.75, 0.4)
                redrawn += chosen > 0
                top, left, side = boxes[chosen]
                self.assertAllEqual(
                    pixels, image[top : top + side, left : left + side]
                )
            self.assertGreater(redrawn, 5)

    def test_blank_crops_are_drawn_again(self):
        for color, file_format in ((WHITE, "jpeg"), (CREAM, "png")):
            image = drawing_with_box(color, (0, 0, 96, 64), 96, 96)
            record = picture_record(image, file_format=file_format)
            records = self.write(file_format, [record])
            for arguments in (
                {},
                {"zoom": (0.3, 0.6)},
            ):
                found = self.crops(records, 16, **arguments)
                self.assertLess((found.min(-1) > 215).mean(), 0.4)
            found = self.crops(records, 16, max_blank=(1.0, 1.0))
            self.assertGreater((found.min(-1) > 215).mean(), 0.5)

    def test_a_white_drawing_is_still_drawn(self):
        records = self.write_flat("comics", {"ink": [WHITE]})
        found = self.crops(records, 8, count=4)
        self.assertAllEqual(found, np.full((4, 8, 8, 3), 255))


class BlankTest(TestCase):
    def test_cells_are_those_of_numpy(self):
        for height, width in ((64, 64), (27, 30), (8, 7)):
            image = drawing_with_box(CREAM, (0, 0, 16, 24), height, width)
            image[:, 24:40] = WHITE
            expected = crop_arrays.blank_cells(image)
            for cells in both_ways(blank_cells, image):
                self.assertAllClose(cells, expected, atol=1e-5)

    def test_excess_by_hand(self):
        cells = np.zeros((4, 4, 2), "float32")
        cells[:2, :, 0] = 1.0
        cells[0, 0, 1] = 2.0
        boxes = np.int32([[0, 0, 32], [0, 0, 8], [16, 16, 16], [12, 3, 8]])
        for excess in both_ways(
            lambda c, b: excess_blank(c, b, (0.25, 0.5)), cells, boxes
        ):
            # White 8 of 16; white and paper 1; nothing; white 2 of 4.
            self.assertAllClose(excess, [2.0, 4.0, 1.0, 2.0])
