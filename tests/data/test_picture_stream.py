import numpy as np
import pytest

from tests.test_case import photos

pytest.importorskip("tensorflow")

from keras_comic.data.crops import Crops  # noqa: E402
from keras_comic.data.picture_stream import PairStream  # noqa: E402
from keras_comic.data.picture_stream import PictureStream  # noqa: E402
from keras_comic.data.variants import make_variant  # noqa: E402
from tests.data.batches import DatasetTestCase  # noqa: E402
from tests.data.batches import levels  # noqa: E402
from tests.data.batches import samples_of  # noqa: E402
from tests.data.small_records import pair_record  # noqa: E402
from tests.data.small_records import picture_record  # noqa: E402


class PictureStreamTest(DatasetTestCase):
    def make(self, records, size=8, zoom=(1.0, 1.0), variants=(), **arguments):
        crops = Crops(size, zoom, **arguments)
        return PictureStream(records, 0, "photos", crops, variants)

    def crops(self, *arguments, count=20, **options):
        found = samples_of(self.make(*arguments, **options), count)
        return {key: levels(images) for key, images in found.items()}

    def places_in(self, image, crops):
        """Where crops lie in a picture of noise, and whether mirrored."""
        size = crops.shape[1]
        windows = np.lib.stride_tricks.sliding_window_view(
            image, (size, size), (0, 1)
        ).transpose(0, 1, 3, 4, 2)
        places = []
        for crop in crops:
            for mirrored in (False, True):
                same = crop[:, ::-1] if mirrored else crop
                for place in np.argwhere((windows == same).all((2, 3, 4))):
                    places.append((*place, mirrored))
        return places

    def test_crops_at_every_place(self):
        image = photos(10, 11, 3)
        records = self.write("photos", [picture_record(image)])
        crops = self.crops(records, count=300)["photos"]
        places = self.places_in(image, crops)
        self.assertEqual(len(places), 300)
        # 3 x 4 places, both ways.
        self.assertEqual(len(set(places)), 24)
        crops = self.crops(records, count=50, flip=False)["photos"]
        places = self.places_in(image, crops)
        self.assertEqual({mirrored for *_, mirrored in places}, {False})

    def test_variants_that_are_stored(self):
        image, blurred = photos(20, 30, 3), photos(20, 30, 3, seed=5)
        records = self.write("photos", [picture_record(image, blurred=blurred)])
        for augmentation in ({}, {"zoom": (0.3, 1.5)}):
            found = self.crops(records, variants=["blurred"], **augmentation)
            self.assertEqual(set(found), {"photos", "photos/blurred"})
            # As of a record with the variant for its picture.
            others = self.write("others", [picture_record(blurred)])
            expected = self.crops(others, **augmentation)["photos"]
            self.assertAllEqual(found["photos/blurred"], expected)

    def test_variants_that_are_not(self):
        names = ["grayscale", "edge_smoothed"]
        records = self.write_noise("photos")
        found = self.crops(records, 16, variants=names, flip=False)
        for name in names:
            for crop, variant in zip(found["photos"], found[f"photos/{name}"]):
                expected = make_variant(name, crop.astype("uint8"))
                self.assertAllEqual(variant, expected)

    def test_errors(self):
        image = photos(8, 8, 3)
        pairs = self.write("pairs", [pair_record(image, image)])
        with self.assertRaisesRegex(
            ValueError, "must hold photos or comics. Received: pairs in "
        ):
            self.make(pairs)
        with self.assertRaisesRegex(ValueError, "must be one of edge_smoothed"):
            self.make(self.write_noise("photos"), variants=["grey"])


class PairStreamTest(DatasetTestCase):
    def crops(self, records, **arguments):
        crops = Crops(16, **arguments)
        found = samples_of(PairStream(records, 0, "pairs", crops), 12)
        self.assertEqual(set(found), {"photos", "comics"})
        return levels(found["photos"]), levels(found["comics"])

    def test_the_same_crop_of_both(self):
        pairs = []
        for seed in range(3):
            photo = photos(40, 60, 3, seed=seed)
            pairs.append(pair_record(photo, 255 - photo))
        records = self.write("pairs", pairs)
        for arguments in ({}, {"zoom": (0.2, 2.0)}):
            photo, comic = self.crops(records, **arguments)
            self.assertLessEqual(abs(photo + comic - 255).max(), 1)
            self.assertGreater(photo.std(), 10)
            self.assertEqual(len({p.tobytes() for p in photo}), 12)
