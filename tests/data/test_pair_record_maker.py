import pytest
from absl.testing import parameterized
from PIL import Image

tf = pytest.importorskip("tensorflow")

from keras_comic.data.cleaning import CleaningRules  # noqa: E402
from keras_comic.data.pair_record_maker import PairRecordMaker  # noqa: E402
from keras_comic.data.record_maker import sha256_of  # noqa: E402
from keras_comic.data.sources import Source  # noqa: E402
from keras_comic.data.sources import list_sources  # noqa: E402
from keras_comic.data.tfrecord import record_features  # noqa: E402
from tests.data.pictures import save_flat  # noqa: E402
from tests.data.pictures import save_noise  # noqa: E402
from tests.data.record_makers import make_records  # noqa: E402
from tests.test_case import TestCase  # noqa: E402
from tests.test_case import photos  # noqa: E402

PARSED = record_features("pairs")


class PairRecordMakerTest(parameterized.TestCase, TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.temporary_folder() / "set"
        self.photo = self.folder / "photos" / "1.jpg"
        self.comic = self.folder / "comics" / "1.png"

    def save(self, photo=(24, 32), comic=(24, 32)):
        (height, width), (comic_height, comic_width) = photo, comic
        save_noise(self.folder, "photos/1.jpg", height=height, width=width)
        save_noise(
            self.folder,
            "comics/1.png",
            height=comic_height,
            width=comic_width,
            first_seed=1,
        )

    def make(self, **arguments):
        (source,) = list_sources(self.folder, "pairs")
        return make_records(PairRecordMaker(**arguments), source)

    def parse(self, made):
        (record,) = made.records
        parsed = tf.io.parse_single_example(record.data, PARSED)
        return {key: value.numpy() for key, value in parsed.items()}

    def test_every_feature(self):
        self.save()
        made = self.make()
        photo, comic = self.photo.read_bytes(), self.comic.read_bytes()
        self.assertEqual(
            self.parse(made),
            {
                "schema/version": 2,
                "image/kind": b"pairs",
                "image/split": b"train",
                "image/label": b"set",
                "image/filename": b"photos/1.jpg",
                "image/source": b"",
                "image/license": b"",
                "image/sha256": sha256_of(photo).encode(),
                "image/format": b"jpeg",
                "image/height": 24,
                "image/width": 32,
                "image/encoded": photo,
                "comic/encoded": comic,
                "comic/format": b"png",
                "comic/filename": b"comics/1.png",
                "comic/sha256": sha256_of(comic).encode(),
            },
        )
        self.assertEqual((made.drops, made.conversions), ([], {}))
        facts = made.records[0].facts
        self.assertEqual((facts["height"], facts["width"]), (24, 32))
        self.assertEqual(facts["sha256"], sha256_of(photo, comic))

    def test_sizes_differ(self):
        self.save((24, 32), (32, 24))
        made = self.make()
        (drop,) = made.drops
        self.assertEqual((made.records, drop.rule), ([], "size differs"))
        self.assertEqual(drop.path, str(self.comic))
        self.assertEqual(
            drop.reason,
            "the comic must have the photo's size, 32x24 pixels, not 24x32",
        )

    def test_rules_hold_for_both(self):
        rules = CleaningRules(min_side=8)
        self.save()
        self.assertEqual(self.make(rules=rules).drops, [])
        for path in (self.photo, self.comic):
            self.save()
            size = {"size": 32}
            save_noise(self.folder, "photos/1.jpg", height=32)
            save_noise(self.folder, "comics/1.png", height=32, first_seed=1)
            name = path.relative_to(self.folder).as_posix()
            save_flat(self.folder, {name: (9, 9, 9)}, **size)
            made = self.make(rules=rules)
            (drop,) = made.drops
            self.assertEqual((made.records, drop.rule), ([], "blank"))
            self.assertEqual(drop.path, str(path))

    def test_two_comics_of_a_photo_are_no_duplicates(self):
        self.save()
        other = self.folder / "comics" / "2.png"
        Image.fromarray(photos(24, 32, 3, seed=5)).save(other)
        source = Source(
            self.photo, "photos/1.jpg", "set", "train", comic=self.comic
        )
        maker = PairRecordMaker(rules=CleaningRules(min_side=8))
        first, second = (
            make_records(maker, source._replace(comic=comic)).records[0].facts
            for comic in (self.comic, other)
        )
        self.assertNotEqual(first["sha256"], second["sha256"])
        self.assertIsNone(first["hash"])
