import hashlib
import json
import os
from pathlib import Path

import pytest
from absl.testing import parameterized
from PIL import Image

tf = pytest.importorskip("tensorflow")

from keras_comic.data.build import write_records  # noqa: E402
from keras_comic.data.chunks import CHUNK_SIZE  # noqa: E402
from keras_comic.data.cleaning import CleaningRules  # noqa: E402
from keras_comic.data.framing import scan_records  # noqa: E402
from keras_comic.data.image_record_maker import ImageRecordMaker  # noqa: E402
from keras_comic.data.shard_layout import ShardLayout  # noqa: E402
from keras_comic.data.tfrecord import read_records  # noqa: E402
from tests.data.bad_files import make_bad_files  # noqa: E402
from tests.data.pictures import save_noise  # noqa: E402
from tests.test_case import TestCase  # noqa: E402
from tests.test_case import photos  # noqa: E402


def checksum(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


class BuildTest(parameterized.TestCase, TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.temporary_folder()
        self.output = self.folder / "records"
        self.images = self.folder / "images"

    def save(self, *names, **arguments):
        return save_noise(self.images, *names, **arguments)

    def write(self, sources=None, output=None, maker="photos", **arguments):
        layout = {
            name: arguments.pop(name)
            for name in ("split", "eval_fraction", "num_shards", "shard_bytes")
            if name in arguments
        }
        return write_records(
            self.images if sources is None else sources,
            self.output if output is None else output,
            maker,
            ShardLayout(**layout),
            **arguments,
        )

    def read(self, records=None):
        records = self.output if records is None else records
        return [
            {key: value.numpy() for key, value in record.items()}
            for record in read_records(records)
        ]

    def names(self, records=None):
        found = self.read(records)
        return [os.fsdecode(record["image/filename"]) for record in found]

    def contents(self, folder=None):
        """Dict of names to checksums."""
        folder = self.output if folder is None else folder
        return {
            path.relative_to(folder).as_posix(): checksum(path)
            for path in folder.rglob("*")
            if path.is_file()
        }

    def times(self):
        return {p.name: p.stat().st_mtime_ns for p in self.output.iterdir()}

    def manifest(self, split="train"):
        path = self.output / f"{split}.manifest.json"
        return json.loads(path.read_text(encoding="ascii"))


class WriteTest(BuildTest):
    def test_files(self):
        self.save("ink/1/a.png", "wash/b.jpg")
        (self.folder / "list.csv").write_text(
            'file,source,licence\nimages/ink/1/a.png,"A book, 1915",CC0\n'
        )
        written = self.write(
            maker="comics", split="eval", manifest=self.folder / "list.csv"
        )
        shard = self.output / "eval-00000-of-00001.tfrecord"
        self.assertEqual(written.shards, [shard])
        self.assertEqual(written.counts, {"ink": 1, "wash": 1})
        self.assertEqual((written.drops, written.failures), ([], []))
        self.assertEqual(
            set(self.contents()),
            {shard.name, "eval.manifest.json"},
        )
        record, other = self.read()
        self.assertEqual(record["image/kind"], b"comics")
        self.assertEqual(record["image/split"], b"eval")
        self.assertEqual(record["image/label"], b"ink")
        self.assertEqual(record["image/filename"], b"ink/1/a.png")
        self.assertEqual(record["image/source"], b"A book, 1915")
        self.assertEqual(record["image/license"], b"CC0")
        self.assertEqual(
            record["image/encoded"], (self.images / "ink/1/a.png").read_bytes()
        )
        self.assertEqual(other["image/license"], b"")

    def test_manifest(self):
        self.save(*(f"{i % 2}/{i}.png" for i in range(5)))
        (self.images / "1" / "b.png").write_text("A letter.")
        maker = ImageRecordMaker("photos", image_size=16)
        self.write(maker=maker, num_shards=2)
        manifest = self.manifest()
        for entry in manifest["shards"]:
            shard = self.output / entry["name"]
            self.assertEqual(entry["bytes"], shard.stat().st_size)
            self.assertEqual(entry["sha256"], checksum(shard))
            with open(shard, "rb") as file:
                lengths = [len(data) for _, data in scan_records(file)]
            self.assertEqual(entry["lengths"], lengths)
            self.assertEqual(entry["records"], len(lengths))
        # 0/0, 0/4, 1/3 and 0/2, 1/1
        labels = [entry["labels"] for entry in manifest["shards"]]
        self.assertEqual(labels, [[0, 0, 1], [0, 1]])
        for key, value in {
            "format_version": 1,
            "schema_version": 2,
            "kind": "photos",
            "split": "train",
            "splits": ["train"],
            "labels": ["0", "1"],
            "counts": {"0": 3, "1": 2},
            "licenses": {"": 5},
            "maker": maker.get_config(),
            "conversions": {"resized": 5},
        }.items():
            self.assertEqual(manifest[key], value)
        self.assertEqual(manifest["statistics"]["height"]["max"], 16.0)
        (drop,) = manifest["drops"]
        self.assertEqual(
            drop[:2], [str(self.images / "1/b.png"), "not an image"]
        )

    def test_nothing_left(self):
        self.save("c.png")
        self.write()
        before = self.contents()
        (self.images / "c.png").write_text("No picture, but a letter.")
        with self.assertRaisesRegex(
            ValueError, r"None of the 1 .*c\.png: not an image: The file is not"
        ):
            self.write()
        self.assertEqual(self.contents(), before)
        with self.assertRaisesRegex(ValueError, "None of the 1 "):
            self.write(output=self.folder / "other")
        self.assertEqual(self.contents(self.folder / "other"), {})

    def test_rules(self):
        self.save("a.png", "c.png", height=96, width=96)
        self.save("b.png", height=96, width=96)
        Image.new("RGB", (96, 96), "red").save(self.images / "d.png")
        image = photos(96, 96, 3)
        image[0, 0] ^= 1
        Image.fromarray(image).save(self.images / "e.png")
        maker = ImageRecordMaker("photos", rules=CleaningRules())
        written = self.write(maker=maker)
        self.assertEqual(
            [(Path(drop.path).name, drop.rule) for drop in written.drops],
            [
                ("d.png", "blank"),
                ("b.png", "duplicate"),
                ("e.png", "near duplicate"),
            ],
        )
        self.assertEqual(written.failures, [])
        self.assertEqual(self.names(), ["a.png", "c.png"])
        self.assertEqual(
            [drop[1] for drop in self.manifest()["drops"]],
            [drop.rule for drop in written.drops],
        )

    def test_eval_fraction(self):
        names = [f"{i}.png" for i in range(20)]
        self.save(*names, height=8, width=8)
        written = self.write(eval_fraction=0.3, num_shards=2)
        self.assertEqual(len(written.shards), 4)
        self.assertEqual(written.counts, {"images": 20})
        splits = [
            set(self.names(self.output / f"{split}-*"))
            for split in ("train", "eval")
        ]
        self.assertEqual(splits[0] | splits[1], set(names))
        self.assertEqual(splits[0] & splits[1], set())
        self.assertLess(len(splits[1]), len(splits[0]))
        for split in ("train", "eval"):
            self.assertEqual(self.manifest(split)["splits"], ["eval", "train"])
        before = self.times()
        self.assertEqual(self.write(eval_fraction=0.3, num_shards=2), written)
        self.assertEqual(self.times(), before)

    def test_splits_of_a_manifest(self):
        self.save("a.png", "b.png", "c.png")
        path = self.images / "list.csv"
        path.write_text("file,split\na.png,\nb.png,eval\nc.png,holdout\n")
        written = self.write(path)
        self.assertEqual(
            [path.name.partition("-")[0] for path in written.shards],
            ["eval", "holdout", "train"],
        )
        path.write_text("file,split\na.png,a/b\n")
        with self.assertRaisesRegex(ValueError, "Received: split=a/b"):
            self.write(path)

    def test_pictures_of_the_records_are_no_sources(self):
        self.save("a.png", "ink/b.png", "records/preview.png")
        output = self.images / "records"
        written = self.write(output=output)
        self.assertEqual(self.names(output), ["a.png", "ink/b.png"])
        self.save("records/inspection/c.png")
        self.assertEqual(self.write(output=output), written)
        # Unless they are named.
        self.write(output / "inspection", output, split="eval")
        self.assertEqual(self.names(output / "eval-*"), ["c.png"])
        # Records beside their sources.
        for _ in range(2):
            written = self.write(self.images / "ink", self.images / "ink")
            self.assertEqual(written.counts, {"ink": 1})

    def test_errors(self):
        self.save("a.png")
        for error, arguments, message in (
            (ValueError, {"maker": "a"}, "photos, comics, .* Received: kind=a"),
            (TypeError, {"maker": 3}, "record maker or one of.*maker=3"),
            (ValueError, {"num_workers": 0}, "Received: num_workers=0"),
            (ValueError, {"num_shards": 2}, "1 in train.*num_shards=2"),
            (FileNotFoundError, {"sources": "missing"}, "Received: missing"),
            (FileNotFoundError, {"manifest": "a.csv"}, "manifest=a.csv"),
        ):
            with self.assertRaisesRegex(error, message):
                self.write(**arguments)

    def test_bad_files(self):
        self.save("good.png")
        expected = make_bad_files(self.images)
        files = {
            path: bad for path, bad in expected.items() if not path.is_dir()
        }
        bad = {path for path, found in files.items() if found.reason}
        self.assertGreater(len(bad), 30)
        written = self.write(num_workers=1)
        self.assertEqual(
            {Path(drop.path): drop.rule for drop in written.drops},
            {path: files[path].reason for path in bad},
        )
        self.assertEqual(len(written.drops), len(bad))
        for path, reason in written.failures:
            self.assertIn(f"Received: path={path}", reason)
        self.assertEqual(
            set(self.names()),
            {"good.png", *(path.name for path in files if path not in bad)},
        )
        for record in self.read():
            image = tf.io.decode_image(record["image/encoded"], channels=3)
            self.assertShape(
                image, (record["image/height"], record["image/width"], 3)
            )
        conversions = {}
        for found in files.values():
            for name in found.conversions:
                conversions[name] = conversions.get(name, 0) + 1
        self.assertEqual(written.conversions, conversions)


class DeterminismTest(BuildTest):
    def setUp(self):
        super().setUp()
        self.save(*(f"{i}/{j}.png" for i in "ab" for j in "123"))
        Image.fromarray(photos(40, 30, 4)).save(self.images / "a" / "x.png")
        self.other = self.folder / "other"

    def test_same_bytes_again(self):
        maker = ImageRecordMaker(
            "photos", 20, CleaningRules(min_side=8), variants=["grayscale"]
        )
        self.write(maker=maker, num_shards=2)
        self.write(output=self.other, maker=maker, num_shards=2)
        self.assertEqual(self.contents(), self.contents(self.other))
        self.assertEqual(len(self.contents()), 3)

    @pytest.mark.slow
    def test_with_two_processes(self):
        names = [f"c/{i:02}.png" for i in range(5 * CHUNK_SIZE)]
        self.save(*names, height=12, width=16)
        self.write(num_workers=1)
        self.write(output=self.other, num_workers=2)
        self.assertEqual(self.contents(), self.contents(self.other))
