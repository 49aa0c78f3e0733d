import collections
import io
import json
import pickle

import numpy as np
import pytest
from absl.testing import parameterized
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

pytest.importorskip("tensorflow")

from keras_comic.data.cleaning import CleaningRules  # noqa: E402
from keras_comic.data.cleaning import perceptual_hash  # noqa: E402
from keras_comic.data.images import ImageError  # noqa: E402
from keras_comic.data.record_maker import Picture  # noqa: E402
from keras_comic.data.record_maker import RecordMaker  # noqa: E402
from keras_comic.data.record_maker import encode_image  # noqa: E402
from keras_comic.data.record_maker import encode_picture  # noqa: E402
from keras_comic.data.record_maker import make_thumbnail  # noqa: E402
from keras_comic.data.record_maker import sha256_of  # noqa: E402
from keras_comic.data.sources import Source  # noqa: E402
from keras_comic.data.video_reader import VideoError  # noqa: E402
from tests.data.record_makers import LineRecordMaker  # noqa: E402
from tests.test_case import TestCase  # noqa: E402
from tests.test_case import photos  # noqa: E402

IMAGES = st.tuples(st.integers(1, 24), st.integers(1, 24)).flatmap(
    lambda size: arrays("uint8", (*size, 3))
)


def decode(encoded):
    return np.asarray(Image.open(io.BytesIO(encoded)).convert("RGB"))


class FailingRecordMaker(RecordMaker):
    """Gives one record, and fails."""

    def __init__(self, error):
        super().__init__("photos", None, None)
        self.error = error

    def make_records(self, source, drops, conversions):
        yield "record"
        raise self.error


class RecordMakerTest(parameterized.TestCase, TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.temporary_folder()
        self.source = Source(
            self.folder / "a.png", "ink/a.png", "ink", "eval", "A book", "CC0"
        )

    def make(self, image_size=None, rules=None, kind="photos"):
        return RecordMaker(kind, image_size, rules)

    def save(self, image, name="a.png", **arguments):
        if isinstance(image, np.ndarray):
            image = Image.fromarray(image)
        image.save(self.folder / name, **arguments)
        return self.folder / name

    def read(self, path):
        conversions = collections.Counter()
        return self.make().read_picture(path, conversions), dict(conversions)


class MakeTest(RecordMakerTest):
    def test_make(self):
        path = self.folder / "a"
        path.write_text("1\ndrop\n2\nfail\n3")
        made = LineRecordMaker().make(self.source._replace(path=path))
        self.assertEqual([r.data for r in made.records], [b"1", b"2"])
        self.assertEqual(
            [(drop.path, drop.rule) for drop in made.drops],
            [(str(path), "line"), (str(path), "unreadable")],
        )
        self.assertEqual(made.conversions, {"line": 2})

    @parameterized.parameters(
        (ImageError("a", reason="truncated"), "truncated", "a"),
        (ImageError("a", reason="empty"), "empty", "a"),
        (VideoError("a", "not a video"), "not a video", "a"),
        (ValueError("a"), "unreadable", "a"),
        (FileNotFoundError(2, "No such file", "a"), "unreadable", "No such f"),
        (UnicodeDecodeError("a", b"", 0, 1, "b"), "unreadable", "decode byte"),
        (MemoryError(), "unreadable", "MemoryError: "),
        (KeyError("a"), "unreadable", "KeyError: 'a'"),
    )
    def test_a_source_that_fails_is_reported(self, error, rule, reason):
        made = FailingRecordMaker(error).make(self.source)
        self.assertEqual(made.records, ["record"])
        (drop,) = made.drops
        self.assertEqual(drop.path, str(self.source.path))
        self.assertEqual(drop.rule, rule)
        self.assertIn(reason, drop.reason)
        self.assertIsNone(drop.thumbnail)

    @parameterized.parameters(
        ImportError("PyAV is not installed"), KeyboardInterrupt()
    )
    def test_what_is_no_fault_of_the_source(self, error):
        with self.assertRaises(type(error)):
            FailingRecordMaker(error).make(self.source)

    def test_config_and_pickling(self):
        rules = CleaningRules(min_side=3)
        maker = pickle.loads(pickle.dumps(self.make(16, rules)))
        config = maker.get_config()
        self.assertEqual(json.loads(json.dumps(config)), config)
        self.assertEqual(
            config,
            {"kind": "photos", "image_size": 16, "rules": rules.get_config()},
        )
        self.assertIsNone(self.make().get_config()["rules"])

    def test_errors(self):
        for size in (0, -3):
            with self.assertRaisesRegex(
                ValueError, f"positive integer or None. .* image_size={size}"
            ):
                self.make(size)

    def test_common_values(self):
        self.assertEqual(
            self.make().common_values(self.source, "ff", "png", (3, 4, 3)),
            {
                "image/split": "eval",
                "image/label": "ink",
                "image/filename": "ink/a.png",
                "image/source": "A book",
                "image/license": "CC0",
                "image/sha256": "ff",
                "image/format": "png",
                "image/height": 3,
                "image/width": 4,
            },
        )

    def test_facts(self):
        image = np.zeros((8, 12, 3), "uint8")
        image[:4] = 255, 0, 51
        facts = self.make().facts(self.source, image, b"12345", "ff")
        self.assertEqual(json.loads(json.dumps(facts)), facts)
        self.assertEqual(
            facts,
            {
                "path": str(self.source.path),
                "filename": "ink/a.png",
                "label": "ink",
                "split": "eval",
                "license": "CC0",
                "bytes": 5,
                "height": 8,
                "width": 12,
                "brightness": 0.2,
                "saturation": 0.5,
                "sha256": "ff",
                "hash": None,
            },
        )
        for distance in (None, 0, 4):
            rules = CleaningRules(duplicate_distance=distance)
            found = self.make(rules=rules).facts(self.source, image, b"", "")
            if distance is None:
                self.assertIsNone(found["hash"])
            else:
                self.assertIs(type(found["hash"]), int)
                self.assertEqual(found["hash"], perceptual_hash(image))

    def test_clean(self):
        drops = []
        image = np.full((24, 32, 3), 255, "uint8")
        picture = Picture(image, False, None, (0, 0, 24, 32), 0.0)
        self.assertTrue(self.make().clean(picture, self.source, drops))
        rules = CleaningRules(min_side=24, max_blank=None, min_sharpness=None)
        maker = self.make(rules=rules)
        self.assertTrue(maker.clean(picture, self.source, drops))
        self.assertEqual(drops, [])
        maker = self.make(rules=CleaningRules(min_side=25), kind="comics")
        self.assertFalse(maker.clean(picture, self.source, drops))
        (drop,) = drops
        self.assertEqual(
            drop[:3],
            (
                str(self.source.path),
                "too small",
                "The comic is too small: its short side is 24 pixels, less "
                "than 25.",
            ),
        )
        self.assertShape(decode(drop.thumbnail), (24, 32, 3))

    def test_resize(self):
        image = photos(40, 61, 3)
        self.assertShape(self.make(16).resize(image), (16, 24, 3))
        self.assertIs(self.make(40).resize(image), image)
        self.assertIs(self.make(50).resize(image), image)
        self.assertIs(self.make().resize(image), image)


class ReadPictureTest(RecordMakerTest):
    def test_own_bytes(self):
        pixels = photos(9, 7, 3)
        for path in (
            self.save(pixels),
            self.save(pixels, "a.jpg"),
            self.save(pixels, "b.jpg", progressive=True),
            self.save(pixels[..., 0], "grey.png"),
            self.save(Image.fromarray(pixels).quantize(9), "palette.png"),
        ):
            picture, _ = self.read(path)
            self.assertEqual(picture.own_bytes, path.read_bytes())
            self.assertEqual(picture.lossy, path.suffix == ".jpg")
            self.assertEqual((picture.box, picture.time), ((0, 0, 9, 7), 0.0))
            self.assertAllEqual(picture.image, decode(path.read_bytes()))
            encoded, file_format = encode_picture(picture)
            self.assertEqual(encoded, path.read_bytes())
            self.assertEqual(file_format == "png", path.suffix == ".png")

    @parameterized.parameters(
        ("a.bmp", False), ("a.tif", False), ("a.gif", False), ("a.webp", True)
    )
    def test_other_formats(self, name, lossy):
        path = self.save(photos(9, 7, 3), name)
        picture, _ = self.read(path)
        self.assertIsNone(picture.own_bytes)
        self.assertEqual(picture.lossy, lossy)
        encoded, file_format = encode_picture(picture)
        self.assertEqual(file_format, "jpeg" if lossy else "png")
        self.assertShape(decode(encoded), (9, 7, 3))
        if not lossy:
            self.assertAllEqual(decode(encoded), picture.image)

    def test_conversions(self):
        exif = Image.Exif()
        exif[0x0112] = 6
        turned = self.save(photos(9, 7, 3), "turned.jpg", exif=exif)
        picture, conversions = self.read(turned)
        self.assertEqual(conversions, {"orientation": 1})
        self.assertIsNone(picture.own_bytes)
        self.assertShape(picture.image, (7, 9, 3))
        clear = self.save(photos(9, 7, 4), "clear.png")
        picture, conversions = self.read(clear)
        self.assertEqual(conversions, {"alpha": 1})
        self.assertIsNone(picture.own_bytes)

    def test_a_file_of_another_name(self):
        path = self.save(photos(9, 7, 3), "a.jpg")
        path = path.rename(self.folder / "a.png")
        picture, _ = self.read(path)
        self.assertTrue(picture.lossy)
        self.assertEqual(encode_picture(picture)[1], "jpeg")

    def test_errors(self):
        with self.assertRaises(FileNotFoundError):
            self.read(self.folder / "missing.png")
        (self.folder / "a.png").write_text("A letter.")
        with self.assertRaises(ImageError) as context:
            self.read(self.folder / "a.png")
        self.assertEqual(context.exception.reason, "not an image")


class EncodeTest(RecordMakerTest):
    def test_own_bytes_that_tensorflow_does_not_read_are_not_kept(self):
        image = photos(9, 7, 3)
        for own in (b"", b"\x89PNG\r\n\x1a\n", encode_image(image[:5], 0)[0]):
            picture = Picture(image, False, own, (0, 0, 9, 7), 0.0)
            encoded, file_format = encode_picture(picture)
            self.assertEqual(file_format, "png")
            self.assertAllEqual(decode(encoded), image)

    @settings(max_examples=40, deadline=None, derandomize=True, database=None)
    @given(IMAGES)
    def test_png_gives_any_image_back(self, image):
        encoded, file_format = encode_image(image, lossy=False)
        self.assertEqual(file_format, "png")
        self.assertAllEqual(decode(encoded), image)
        self.assertEqual(encode_image(image, lossy=False)[0], encoded)

    @settings(max_examples=40, deadline=None, derandomize=True, database=None)
    @given(IMAGES)
    def test_jpeg_gives_nearly_any_image_back(self, image):
        encoded, file_format = encode_image(image, lossy=True)
        self.assertEqual(file_format, "jpeg")
        self.assertShape(decode(encoded), image.shape)
        error = decode(encoded).astype("float64") - image
        self.assertLess(np.sqrt((error**2).mean()), 8.0)
        self.assertEqual(encode_image(image, lossy=True)[0], encoded)

    def test_jpeg_keeps_full_color(self):
        # Columns in turns red and blue: half the resolution mixes them.
        image = np.zeros((16, 16, 3), "uint8")
        image[:, ::2, 0] = image[:, 1::2, 2] = 255
        encoded, _ = encode_image(image, lossy=True)
        self.assertAllClose(
            decode(encoded).astype(int), image.astype(int), atol=24
        )

    def test_thumbnail(self):
        thumbnail = make_thumbnail(photos(300, 600, 3))
        self.assertShape(decode(thumbnail), (64, 128, 3))
        self.assertTrue(thumbnail.startswith(b"\xff\xd8"))
        self.assertShape(decode(make_thumbnail(photos(1, 1, 3))), (1, 1, 3))
        self.assertShape(decode(make_thumbnail(photos(1, 999, 3))), (1, 128, 3))

    def test_sha256(self):
        empty = (
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        )
        self.assertEqual(sha256_of(), empty)
        abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        self.assertEqual(sha256_of(b"a", b"", b"bc"), abc)
