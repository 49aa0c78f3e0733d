import numpy as np
import pytest

from tests.test_case import photos

pytest.importorskip("tensorflow")

from keras_comic.data.cropper import Cropper  # noqa: E402
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
        cropper = Cropper(Crops(size, zoom, **arguments))
        return PictureStream(records, 0, "photos", cropper, variants)

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

    def test_turned_crops_take_their_pixels_from_the_file(self):
        # What is linear in the place is kept by bilinear sampling.
        rows, columns = np.indices((64, 64))
        image = np.stack([rows * 3, columns * 3, rows + columns], axis=-1)
        records = self.write("photos", [picture_record(image.astype("uint8"))])
        crops = self.crops(records, 16, rotation=30, zoom=(0.8, 1.2))
        angles = []
        for crop in crops["photos"]:
            # Away from the border, where the file is mirrored.
            down, right = np.gradient(crop.astype(float), axis=(0, 1))
            down, right = (
                np.median(part, axis=(0, 1)) / 3 for part in (down, right)
            )
            matrix = np.stack([right[1::-1], down[1::-1]], axis=1)
            steps = np.linalg.norm(matrix, axis=0)
            self.assertAllClose(steps, [1.0, 1.0], atol=0.35)
            angles.append(np.rad2deg(np.arctan2(matrix[0, 1], matrix[1, 1])))
        self.assertGreater(max(angles), 15)
        self.assertLess(min(angles), -15)
        self.assertLess(np.abs(angles).max(), 33)

    def test_variants_that_are_stored(self):
        image, blurred = photos(20, 30, 3), photos(20, 30, 3, seed=5)
        records = self.write("photos", [picture_record(image, blurred=blurred)])
        for augmentation in ({}, {"rotation": 40.0, "color_jitter": 0.5}):
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
        cropper = Cropper(Crops(16, **arguments))
        found = samples_of(PairStream(records, 0, "pairs", cropper), 12)
        self.assertEqual(set(found), {"photos", "comics"})
        return levels(found["photos"]), levels(found["comics"])

    def test_the_same_crop_of_both(self):
        pairs = []
        for seed in range(3):
            photo = photos(40, 60, 3, seed=seed)
            pairs.append(pair_record(photo, 255 - photo))
        records = self.write("pairs", pairs)
        for arguments in ({}, {"zoom": (0.2, 2.0), "rotation": 30.0}):
            photo, comic = self.crops(records, **arguments)
            self.assertLessEqual(abs(photo + comic - 255).max(), 1)
            self.assertGreater(photo.std(), 10)
            self.assertEqual(len({p.tobytes() for p in photo}), 12)

    def test_colours_and_cutout_are_the_same(self):
        photo = photos(20, 20, 3)
        records = self.write("pairs", [pair_record(photo, photo)])
        both = self.crops(records, color_jitter=0.5, cutout=0.3)
        self.assertAllEqual(*both)
