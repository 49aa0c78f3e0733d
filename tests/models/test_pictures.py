import pathlib

import numpy as np

from keras_comic.models.pictures import as_mask
from keras_comic.models.pictures import as_pictures
from keras_comic.models.pictures import check_mix_weights
from keras_comic.models.pictures import check_strength
from keras_comic.models.pictures import describe
from keras_comic.models.pictures import is_picture
from tests.test_case import TestCase
from tests.test_case import photos


class ChecksTest(TestCase):
    def test_mix_weights(self):
        check_mix_weights([0, 2.5, np.float32(1)])
        for weights in ([], [0, 0], [1, -1], [1, "2"], [np.nan], [np.inf]):
            with self.assertRaisesRegex(
                ValueError, "above 0. Received: weights="
            ):
                check_mix_weights(weights)

    def test_strength(self):
        for strength in (0, 0.5, np.float32(1)):
            check_strength(strength)
        for strength in (-0.1, 1.1, "1", None, np.nan):
            with self.assertRaisesRegex(
                ValueError, r"in \[0, 1\]. Received: strength="
            ):
                check_strength(strength)


class AsPicturesTest(TestCase):
    def test_ranks(self):
        single = photos(32, 33, 3)
        batch, added = as_pictures(single, "images")
        self.assertAllEqual(batch, single[None])
        self.assertTrue(added)
        batch, added = as_pictures(photos(2, 32, 33, 3), "images")
        self.assertShape(batch, (2, 32, 33, 3))
        self.assertFalse(added)
        batch, _ = as_pictures([single, single], "images")
        self.assertShape(batch, (2, 32, 33, 3))

    def test_errors(self):
        for path in ("photo.jpg", b"photo.jpg", pathlib.Path("photo.jpg")):
            with self.assertRaisesRegex(
                ValueError,
                "`images` must be uint8 pictures, not a path: read the file "
                "with `keras_comic.data.read_image`. Received: .*photo.jpg",
            ):
                as_pictures(path, "images")
        with self.assertRaisesRegex(
            ValueError,
            r"`images` must be RGB pictures of shape .* "
            r"Received: array\(shape=\(32, 32\), dtype=uint8, range=\[7, 7\]\)",
        ):
            as_pictures(np.full((32, 32), 7, "uint8"), "images")
        with self.assertRaisesRegex(ValueError, r"shape=\(32, 32, 4\)"):
            as_pictures(photos(32, 32, 4), "images")
        with self.assertRaisesRegex(
            ValueError,
            r"`style` must be uint8 in \[0, 255\]; call the generator itself "
            r"on float32 in \[-1, 1\]. Received: .* dtype=float32, "
            r"range=\[-1, 0.5\]",
        ):
            floats = np.full((32, 32, 3), 0.5, "float32")
            floats[0] = -1.0
            as_pictures(floats, "style")
        with self.assertRaisesRegex(
            ValueError,
            r"`images` must have sides of at least 32 pixels. "
            r"Received: array\(shape=\(31, 40, 3\)",
        ):
            as_pictures(photos(31, 40, 3), "images")
        with self.assertRaisesRegex(
            ValueError,
            r"`images` must be pictures of one size.* Received: "
            r"\[array\(shape=\(32, 32, 3\).*, array\(shape=\(33, 32, 3\)",
        ):
            as_pictures([photos(32, 32, 3), photos(33, 32, 3)], "images")


class DescribeTest(TestCase):
    def test_values(self):
        array = np.array([[1.5, -2.0]], "float32")
        text = "array(shape=(1, 2), dtype=float32, range=[-2, 1.5])"
        self.assertEqual(describe(array), text)
        self.assertEqual(describe("ink"), "'ink'")
        self.assertEqual(describe([(array, 1), "ink"]), f"[[{text}, 1], 'ink']")
        self.assertEqual(describe({"ink": 0.5}), "{'ink': 0.5}")
        self.assertEqual(
            describe(np.zeros((0, 3), bool)), "array(shape=(0, 3), dtype=bool)"
        )


class IsPictureTest(TestCase):
    def test_values(self):
        self.assertTrue(is_picture(photos(32, 32, 3)))
        self.assertTrue(is_picture(photos(2, 32, 32, 3)))
        self.assertFalse(is_picture(photos(32, 32)))
        self.assertFalse(is_picture("ink"))
        self.assertFalse(is_picture(None))


class AsMaskTest(TestCase):
    shape = (2, 4, 5, 3)

    def test_shapes(self):
        for shape, expected in (
            ((4, 5), (1, 4, 5, 1)),
            ((4, 5, 1), (1, 4, 5, 1)),
            ((2, 4, 5), (2, 4, 5, 1)),
            ((2, 4, 5, 1), (2, 4, 5, 1)),
        ):
            mask = np.random.uniform(0.0, 1.0, shape)
            found = as_mask(mask, self.shape)
            self.assertShape(found, expected)
            self.assertDType(found, "float32")
            self.assertAllClose(found.ravel(), mask.ravel())

    def test_boolean(self):
        mask = np.eye(4, 5).astype(bool)
        self.assertAllEqual(as_mask(mask, self.shape)[0, :, :, 0], mask)

    def test_errors(self):
        with self.assertRaisesRegex(
            ValueError,
            r"`mask` must have the height and width of the photos, \(4, 5\), "
            r"or one such mask for each of the 2. "
            r"Received: mask.shape=\(5, 4\)",
        ):
            as_mask(np.zeros((5, 4)), self.shape)
        for value in (1.5, -0.5, np.nan):
            with self.assertRaisesRegex(
                ValueError,
                r"`mask` must be boolean or float in \[0, 1\]. Received: .*"
                f"range=.*{value:g}",
            ):
                as_mask(np.full((4, 5), value), self.shape)
        for mask in (np.full((4, 5), 255, "uint8"), np.full((4, 5), "a"), "a"):
            with self.assertRaisesRegex(
                ValueError, "`mask` must be boolean or float.* Received: mask="
            ):
                as_mask(mask, self.shape)
