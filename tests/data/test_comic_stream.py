import numpy as np
import pytest

from keras_comic.data import crops
from keras_comic.data.randomness import random_key
from keras_comic.data.randomness import random_uniforms
from tests.data.pictures import drawing_with_box
from tests.test_case import photos

pytest.importorskip("tensorflow")

from keras_comic.data.augmentation import Augmentation  # noqa: E402
from keras_comic.data.comic_stream import ComicStream  # noqa: E402
from keras_comic.data.cropper import Cropper  # noqa: E402
from tests.data.batches import DatasetTestCase  # noqa: E402
from tests.data.batches import levels  # noqa: E402
from tests.data.batches import samples_of  # noqa: E402
from tests.data.small_records import picture_record  # noqa: E402

WHITE = (255, 255, 255)
CREAM = (246, 240, 227)


class ComicStreamTest(DatasetTestCase):
    def crops(
        self,
        records,
        size=24,
        zoom=(1.0, 1.0),
        count=40,
        limits=(0.75, 0.4),
        avoid_text=True,
        **arguments,
    ):
        stream = ComicStream(
            records,
            0,
            "comics",
            Cropper(size, zoom, Augmentation(**arguments)),
            limits=limits,
            avoid_text=avoid_text,
        )
        return levels(samples_of(stream, count)["comics"])

    def test_are_those_that_numpy_chooses(self):
        key = random_key(0, "comics crop")
        numbers = random_uniforms(key, np.arange(40), crops.NUM_UNIFORMS + 24)
        for seed, color in enumerate((WHITE, CREAM)):
            image = drawing_with_box(color, (0, 0, 70, 60), 77, 90, seed)
            records = self.write(f"{seed}", [picture_record(image)])
            found = self.crops(records, flip=False)
            redrawn = 0
            for uniforms, pixels in zip(numbers, found):
                places = uniforms[crops.NUM_UNIFORMS :].reshape(8, 3)
                boxes = crops.crop_boxes((77, 90), places, 24, (1, 1))
                chosen = crops.least_blank(image, boxes, 0.75, 0.4)
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
                {"rotation": 20.0, "scale": (0.5, 1.0)},
            ):
                found = self.crops(records, 16, **arguments)
                self.assertLess((found.min(-1) > 215).mean(), 0.4)
            found = self.crops(records, 16, limits=(1.0, 1.0))
            self.assertGreater((found.min(-1) > 215).mean(), 0.5)

    def test_text_is_avoided(self):
        image = photos(96, 96, 3) // 2
        image[:, 48:, 0] = 200
        record = picture_record(image, kind="comics", text=[(0, 48, 96, 48)])
        records = self.write("comics", [record])
        with_text = (self.crops(records)[..., 0] == 200).mean()
        self.assertLess(with_text, 0.2)
        with_text = (
            self.crops(records, avoid_text=False)[..., 0] == 200
        ).mean()
        self.assertGreater(with_text, 0.35)

    def test_a_white_drawing_is_still_drawn(self):
        records = self.write_flat("comics", {"ink": [WHITE]})
        found = self.crops(records, 8, count=4)
        self.assertAllEqual(found, np.full((4, 8, 8, 3), 255))

    def test_evenly_over_labels(self):
        records = self.write_flat(
            "comics", {"much": range(20), "few": range(100, 103)}
        )
        found = self.crops(records, 4, count=40)[:, 0, 0, 0]
        self.assertEqual(sorted(found[found < 20]), list(range(20)))
        few = np.bincount(found[found >= 100])[100:]
        self.assertEqual(sorted(few), [6, 7, 7])
