import numpy as np
import pytest

from keras_comic.data import crops as crop_arrays
from keras_comic.data.randomness import random_key
from keras_comic.data.randomness import random_uniforms
from tests.data.pictures import drawing_with_box

pytest.importorskip("tensorflow")

from keras_comic.data.comic_stream import ComicStream  # noqa: E402
from keras_comic.data.crops import Crops  # noqa: E402
from tests.data.batches import DatasetTestCase  # noqa: E402
from tests.data.batches import levels  # noqa: E402
from tests.data.batches import samples_of  # noqa: E402
from tests.data.small_records import picture_record  # noqa: E402

WHITE = (255, 255, 255)
CREAM = (246, 240, 227)


class ComicStreamTest(DatasetTestCase):
    def crops(self, records, size=24, zoom=(1.0, 1.0), count=40, **arguments):
        crops = Crops(size, zoom, **arguments)
        stream = ComicStream(records, 0, "comics", crops)
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
                excess = crop_arrays.excess_blank(image, boxes, (0.75, 0.4))
                chosen = excess.argmin()
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
