import numpy as np
import pytest

from tests.test_case import TestCase
from tests.test_case import photos

tf = pytest.importorskip("tensorflow")

from keras_comic.data import crops as crop_arrays  # noqa: E402
from keras_comic.data.crops import Crops  # noqa: E402
from keras_comic.data.picture_stream import ComicStream  # noqa: E402
from keras_comic.data.picture_stream import PairStream  # noqa: E402
from keras_comic.data.picture_stream import PictureStream  # noqa: E402
from keras_comic.data.picture_stream import encoded_picture  # noqa: E402
from keras_comic.data.picture_stream import parse_record  # noqa: E402
from keras_comic.data.picture_stream import picture_size  # noqa: E402
from keras_comic.data.picture_stream import read_picture  # noqa: E402
from keras_comic.data.picture_stream import string_values  # noqa: E402
from keras_comic.data.randomness import random_key  # noqa: E402
from keras_comic.data.randomness import random_uniforms  # noqa: E402
from keras_comic.data.variants import make_variant  # noqa: E402
from tests.data.batches import DatasetTestCase  # noqa: E402
from tests.data.batches import levels  # noqa: E402
from tests.data.batches import samples_of  # noqa: E402
from tests.data.pictures import drawing_with_box  # noqa: E402
from tests.data.small_records import encode  # noqa: E402
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


class RecordFieldsTest(TestCase):
    def test_picture(self):
        for file_format in ("png", "jpeg"):
            image = photos(9, 12, 3)
            record = picture_record(image, file_format=file_format)
            features = parse_record(record)
            size = picture_size(features)
            self.assertEqual(size, (9, 12))
            picture = read_picture(features, "image/encoded", size, True)
            self.assertEqual(
                picture,
                (encode(image, file_format), file_format == "jpeg"),
            )
        self.assertEqual(string_values(features, "image/kind"), [b"photos"])

    def test_what_is_missing(self):
        features = parse_record(b"")
        self.assertEqual(len(string_values(features, "image/kind")), 0)
        with self.assertRaisesRegex(ValueError, "its `image/height` is miss"):
            picture_size(features)
        with self.assertRaisesRegex(ValueError, "its `image/encoded` is miss"):
            read_picture(features, "image/encoded", (1, 1), True)
        # To look did not add them.
        self.assertEqual(len(features), 0)
        with self.assertRaisesRegex(ValueError, "it cannot be parsed"):
            parse_record(b"\xff\xff\xff")

    def check(self, encoded, size=(24, 32)):
        return encoded_picture(encoded, "image/encoded", size, True)

    def test_whole_files(self):
        image = photos(24, 32, 3)
        for arguments in (
            {},
            {"progressive": True},
            {"subsampling": 0},
            {"comment": b"\xff\xd9\xff\xc0 not a marker"},
        ):
            self.assertTrue(
                self.check(encode(image, "jpeg", **arguments)).is_jpeg
            )
        # Fill bytes before a marker are allowed.
        encoded = encode(image, "jpeg")
        self.check(encoded[:2] + b"\xff\xff" + encoded[2:])
        self.assertFalse(self.check(encode(image)).is_jpeg)

    def test_broken_files(self):
        image = photos(24, 32, 3)
        with self.assertRaisesRegex(ValueError, "is cut off"):
            self.check(encode(image, "jpeg")[:-9])
        for file_format in ("jpeg", "png"):
            encoded = encode(image, file_format)
            for end in (0, 1, 3, 9, 24, 60, len(encoded) // 2):
                with self.assertRaisesRegex(ValueError, "its `image/encoded`"):
                    self.check(encoded[:end])
            with self.assertRaisesRegex(
                ValueError, "is not a JPEG or PNG file of 24x32 pixels"
            ):
                self.check(encoded, (32, 24))
            # Without a check, nobody looks.
            encoded_picture(encoded[:9], "image/encoded", (24, 32), False)
        for encoded in (b"", b"GIF89a" + bytes(40), b"\xff\xd8" + bytes(90)):
            with self.assertRaisesRegex(ValueError, "is not a JPEG or PNG"):
                self.check(encoded)


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
