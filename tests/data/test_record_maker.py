import io
import json
import pickle

import numpy as np
import pytest
from absl.testing import parameterized
from PIL import Image

pytest.importorskip("tensorflow")

from keras_comic.data.cleaning import CleaningRules  # noqa: E402
from keras_comic.data.image_formats import ImageError  # noqa: E402
from keras_comic.data.record_maker import Picture  # noqa: E402
from keras_comic.data.record_maker import RecordMaker  # noqa: E402
from keras_comic.data.record_maker import encode_image  # noqa: E402
from keras_comic.data.record_maker import encode_picture  # noqa: E402
from keras_comic.data.sources import Source  # noqa: E402
from keras_comic.data.video_reader import VideoError  # noqa: E402
from tests.data.record_makers import LineRecordMaker  # noqa: E402
from tests.data.record_makers import make_records  # noqa: E402
from tests.test_case import TestCase  # noqa: E402
from tests.test_case import photos  # noqa: E402


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


class MakeTest(RecordMakerTest):
    def test_make(self):
        path = self.folder / "a"
        path.write_text("1\ndrop\n2\nfail\n3")
        made = make_records(LineRecordMaker(), self.source._replace(path=path))
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
        made = make_records(FailingRecordMaker(error), self.source)
        self.assertEqual(made.records, ["record"])
        (drop,) = made.drops
        self.assertEqual(drop.path, str(self.source.path))
        self.assertEqual(drop.rule, rule)
        self.assertIn(reason, drop.reason)

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


class EncodeTest(RecordMakerTest):
    def test_own_bytes_that_tensorflow_does_not_read_are_not_kept(self):
        image = photos(9, 7, 3)
        for own in (b"", b"\x89PNG\r\n\x1a\n", encode_image(image[:5], 0)[0]):
            picture = Picture(image, False, own, (0, 0, 9, 7), 0.0)
            encoded, file_format = encode_picture(picture)
            self.assertEqual(file_format, "png")
            self.assertAllEqual(decode(encoded), image)
