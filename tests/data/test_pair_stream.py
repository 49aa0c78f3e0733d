import numpy as np
import pytest

from tests.test_case import photos

pytest.importorskip("tensorflow")

from keras_comic.data.augmentation import Augmentation  # noqa: E402
from keras_comic.data.cropper import Cropper  # noqa: E402
from keras_comic.data.pair_stream import PairStream  # noqa: E402
from tests.data.batches import DatasetTestCase  # noqa: E402
from tests.data.batches import levels  # noqa: E402
from tests.data.batches import samples_of  # noqa: E402
from tests.data.small_records import pair_record  # noqa: E402


class PairStreamTest(DatasetTestCase):
    def crops(self, records, size=16, zoom=(1.0, 1.0), **arguments):
        cropper = Cropper(size, zoom, Augmentation(**arguments))
        found = samples_of(PairStream(records, 0, "pairs", cropper), 12)
        self.assertEqual(set(found), {"photos", "comics"})
        return levels(found["photos"]), levels(found["comics"])

    def test_the_same_crop_of_both(self):
        pairs = []
        for seed in range(3):
            photo = photos(40, 60, 3, seed=seed)
            pairs.append(pair_record(photo, 255 - photo))
        records = self.write("pairs", pairs)
        for zoom, arguments in (
            ((1.0, 1.0), {}),
            ((0.5, 1.0), {}),
            ((0.2, 2.0), {"rotation": 30.0, "scale": (0.7, 1.4)}),
        ):
            photo, comic = self.crops(records, zoom=zoom, **arguments)
            self.assertLessEqual(abs(photo + comic - 255).max(), 1)
            self.assertGreater(photo.std(), 10)
            self.assertEqual(len({p.tobytes() for p in photo}), 12)

    def test_colours_and_cutout_are_the_same(self):
        photo = photos(20, 20, 3)
        records = self.write("pairs", [pair_record(photo, photo)])
        both = self.crops(records, color_jitter=0.5, cutout=0.3)
        self.assertAllEqual(*both)

    def test_of_two_formats(self):
        # Smooth, so that the JPEG is near.
        photo = np.indices((48, 48)).sum(0)[..., None] * np.ones(3)
        photo = photo.astype("uint8")
        records = self.write(
            "pairs", [pair_record(photo, photo, ("jpeg", "png"))]
        )
        for zoom in ((1.0, 1.0), (0.3, 0.5)):
            photo, comic = self.crops(records, zoom=zoom)
            self.assertLessEqual(abs(photo - comic).max(), 6)
            self.assertLess(abs(photo - comic).mean(), 1.5)

    def test_records_of_photos(self):
        records = self.write_noise("photos")
        with self.assertRaisesRegex(ValueError, "must hold pairs"):
            self.crops(records)
