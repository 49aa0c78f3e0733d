import pytest

from tests.test_case import TestCase
from tests.test_case import photos

tf = pytest.importorskip("tensorflow")

from keras_comic.data.record_fields import encoded_picture  # noqa: E402
from keras_comic.data.record_fields import parse_record  # noqa: E402
from keras_comic.data.record_fields import picture_size  # noqa: E402
from keras_comic.data.record_fields import read_picture  # noqa: E402
from keras_comic.data.record_fields import string_values  # noqa: E402
from tests.data.small_records import encode  # noqa: E402
from tests.data.small_records import picture_record  # noqa: E402


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
