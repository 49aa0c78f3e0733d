import contextlib
import fcntl
import hashlib
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from absl.testing import parameterized
from hypothesis import strategies as st
from PIL import Image

tf = pytest.importorskip("tensorflow")

from keras_comic.data.build import write_records  # noqa: E402
from keras_comic.data.build_folder import KEY_FILE  # noqa: E402
from keras_comic.data.chunks import CHUNK_SIZE  # noqa: E402
from keras_comic.data.chunks import chunk_paths  # noqa: E402
from keras_comic.data.cleaning import CleaningRules  # noqa: E402
from keras_comic.data.framing import scan_records  # noqa: E402
from keras_comic.data.image_record_maker import ImageRecordMaker  # noqa: E402
from keras_comic.data.shard_layout import ShardLayout  # noqa: E402
from keras_comic.data.tfrecord import INSTALLING  # noqa: E402
from keras_comic.data.tfrecord import list_shards  # noqa: E402
from keras_comic.data.tfrecord import read_records  # noqa: E402
from tests.data.bad_files import make_bad_files  # noqa: E402
from tests.data.pictures import save_noise  # noqa: E402
from tests.test_case import ROOT  # noqa: E402
from tests.test_case import TestCase  # noqa: E402
from tests.test_case import photos  # noqa: E402

# Text that a file name can be, but for what means that nothing is given.
TEXT = st.one_of(st.text(min_size=1), st.binary(min_size=1).map(os.fsdecode))
# Starts a build in a process of its own for each line it reads: what takes
# long, to import TensorFlow, is done once. The line says before which of the
# operations on files, counted from 1, the process ends itself; 0 is none.
SERVER = """
import os
import signal
import sys
from pathlib import Path

import matplotlib.figure

from keras_comic.data.build import write_records
from keras_comic.data.image_record_maker import ImageRecordMaker
from keras_comic.data.shard_layout import ShardLayout

EVENTS = ("os.mkdir", "os.remove", "os.rename", "os.rmdir", "shutil.rmtree")
images, output = map(Path, sys.argv[1:3])
maker = ImageRecordMaker("photos", image_size=12)


def end_at(count):
    def count_operation(event, arguments):
        nonlocal count
        # Opened to be written; `None` is what has no mode but flags.
        written = event == "open" and arguments[1] in ("w", "wb", None)
        if (event in EVENTS or written) and (
            str(arguments[0]).startswith(str(output)) or arguments[-1] != -1
        ):
            count -= 1
            if count == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count_operation)


for line in sys.stdin:
    child = os.fork()
    if not child:
        code = 1
        try:
            if int(line):
                end_at(int(line))
            shards = int(sys.argv[3])
            layout = ShardLayout(num_shards=shards)
            write_records(images, output, maker, layout, num_workers=1)
            code = 0
        finally:
            os._exit(code)
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


def checksum(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


class CountingRecordMaker(ImageRecordMaker):
    """Keeps the names of what was read in this process."""

    def __init__(self, **arguments):
        super().__init__("photos", **arguments)
        self.seen = []

    def make_records(self, source, drops, conversions):
        self.seen.append(source.name)
        return super().make_records(source, drops, conversions)


class CrashingRecordMaker(ImageRecordMaker):
    """Ends the process at some names."""

    def make_records(self, source, drops, conversions):
        if source.name.startswith("crash"):
            os._exit(1)
        return super().make_records(source, drops, conversions)


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
            {shard.name, "eval.manifest.json", "eval.statistics.png"},
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
            "statistics_page": "train.statistics.png",
            "conversions": {"resized": 5},
        }.items():
            self.assertEqual(manifest[key], value)
        self.assertEqual(manifest["statistics"]["height"]["max"], 16.0)
        (drop,) = manifest["drops"]
        self.assertEqual(
            drop[:2], [str(self.images / "1/b.png"), "not an image"]
        )
        with Image.open(self.output / "train.statistics.png") as page:
            page.verify()

    def test_broken_files(self):
        self.save("a.jpg", "b.jpg", "c.png", "d.jpg")
        broken = self.images / "b.jpg"
        broken.write_bytes(broken.read_bytes()[:300])
        (self.images / "c.png").write_text("No picture, but a letter.")
        written = self.write()
        self.assertEqual(written.counts, {"images": 2})
        self.assertEqual(
            [(Path(drop.path).name, drop.rule) for drop in written.drops],
            [("b.jpg", "truncated"), ("c.png", "not an image")],
        )
        self.assertEqual(
            written.failures,
            [(drop.path, drop.reason) for drop in written.drops],
        )
        self.assertEqual(self.names(), ["a.jpg", "d.jpg"])

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
        self.assertIsNotNone(written.drops[0].thumbnail)
        self.assertEqual(self.names(), ["a.png", "c.png"])
        self.assertEqual(
            [drop[1] for drop in self.manifest()["drops"]],
            [drop.rule for drop in written.drops],
        )

    def test_names_that_are_not_unicode(self):
        name = os.fsdecode(b"caf\xe9.png")
        try:
            self.save("a.png", name)
        except OSError:
            self.skipTest("The file system takes Unicode only.")
        (self.images / os.fsdecode(b"\xff.png")).write_text("A letter.")
        written = self.write()
        self.assertEqual(self.names(), ["a.png", name])
        self.assertEqual(
            [path for path, _ in written.failures],
            [str(self.images / os.fsdecode(b"\xff.png"))],
        )
        self.assertEqual(self.write().failures, written.failures)

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
            (ValueError, {"split": "a/b"}, "Received: split=a/b"),
            (ValueError, {"split": ""}, "Received: split="),
            (ValueError, {"num_shards": -1}, "Received: num_shards=-1"),
            (ValueError, {"num_workers": 0}, "Received: num_workers=0"),
            (ValueError, {"shard_bytes": 0}, "Received: shard_bytes=0"),
            (ValueError, {"eval_fraction": 1.5}, "eval_fraction=1.5"),
            (ValueError, {"eval_fraction": -0.1}, "eval_fraction=-0.1"),
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
        self.assertEqual(len(self.contents()), 4)

    @pytest.mark.slow
    def test_with_two_processes(self):
        names = [f"c/{i:02}.png" for i in range(5 * CHUNK_SIZE)]
        self.save(*names, height=12, width=16)
        self.write(num_workers=1)
        self.write(output=self.other, num_workers=2)
        self.assertEqual(self.contents(), self.contents(self.other))


class ContinueTest(BuildTest):
    def setUp(self):
        super().setUp()
        self.count = 2 * CHUNK_SIZE + 3
        names = [f"{i:02}.png" for i in range(self.count)]
        self.save(*names, height=12, width=16)
        self.maker = CountingRecordMaker()

    def interrupt(self, at, **arguments):
        """A build that ends when so many sources are done."""

        def progress(done, total):
            if done == at:
                raise KeyboardInterrupt

        arguments = {"maker": self.maker, **arguments}
        with self.assertRaises(KeyboardInterrupt):
            self.write(progress=progress, **arguments)

    def undisturbed(self, **arguments):
        folder = self.folder / "undisturbed"
        self.write(output=folder, **arguments)
        return self.contents(folder)

    @parameterized.parameters(
        (1, 0), (CHUNK_SIZE, 0), (CHUNK_SIZE + 1, 1), (2 * CHUNK_SIZE + 3, 2)
    )
    def test_an_interrupted_build_goes_on(self, at, chunks):
        expected = self.undisturbed(num_shards=2)
        self.interrupt(at, num_shards=2)
        self.assertEqual(
            [name for name in self.contents() if not name.startswith(".train")],
            [],
        )
        self.maker.seen.clear()
        seen = []
        written = self.write(
            maker=self.maker,
            num_shards=2,
            progress=lambda *numbers: seen.append(numbers),
        )
        self.assertEqual(self.contents(), expected)
        self.assertEqual(len(self.maker.seen), self.count - chunks * CHUNK_SIZE)
        self.assertEqual(seen[-1], (self.count, self.count))
        self.assertEqual(written.counts, {"images": self.count})

    def test_an_interrupted_build_leaves_the_earlier_one(self):
        self.write()
        before = self.contents()
        self.interrupt(20, maker=CountingRecordMaker(image_size=8))
        self.assertLess(before.items(), self.contents().items())
        self.assertEqual(len(self.names()), self.count)
        # The earlier one is there: there is nothing to do.
        self.write(maker=self.maker)
        self.assertEqual(self.maker.seen, [])
        # What was done of the other is not lost.
        maker = CountingRecordMaker(image_size=8)
        self.write(maker=maker)
        self.assertEqual(len(maker.seen), self.count - CHUNK_SIZE)
        expected = self.undisturbed(maker=ImageRecordMaker("photos", 8))
        self.assertEqual(self.contents(), expected)

    def test_records_that_are_there_are_not_made_again(self):
        written = self.write(maker=self.maker)
        before = self.times()
        self.maker.seen.clear()
        again = self.write(maker=self.maker)
        self.assertEqual(self.maker.seen, [])
        self.assertEqual(self.times(), before)
        self.assertEqual(again, written)

    def test_what_makes_a_build_another(self):
        self.write()
        path = self.images / "00.png"
        shard = self.output / "train-00000-of-00001.tfrecord"
        manifest = self.output / "train.manifest.json"
        for change, make in {
            "a file is newer": lambda: os.utime(path, (1, 1)),
            "a file is gone": path.unlink,
            "a file is new": lambda: self.save("new.png"),
            "the shard is gone": shard.unlink,
            "the shard is cut off": lambda: os.truncate(shard, 99),
            "the manifest is gone": manifest.unlink,
            "the manifest is broken": lambda: os.truncate(manifest, 99),
            "the manifest is of no build": lambda: manifest.write_text("{}"),
        }.items():
            with self.subTest(change):
                with tempfile.TemporaryDirectory() as folder:
                    shutil.copytree(self.folder, folder, dirs_exist_ok=True)
                    self.write(progress=self.fail)
                    make()
                    self.interrupt(1)
                    shutil.rmtree(self.folder)
                    shutil.copytree(folder, self.folder)
        for arguments in (
            {"num_shards": 2},
            {"shard_bytes": 5000},
            {"maker": CountingRecordMaker(image_size=8)},
        ):
            self.interrupt(1, **arguments)

    def test_earlier_shards_of_the_split_are_replaced(self):
        self.write(num_shards=4)
        self.write(split="eval")
        (self.output / "train-notes.txt").write_text("Mine.")
        written = self.write(num_shards=2)
        self.assertEqual(
            set(self.contents()),
            {
                *(path.name for path in written.shards),
                "train.manifest.json",
                "train.statistics.png",
                "eval-00000-of-00001.tfrecord",
                "eval.manifest.json",
                "eval.statistics.png",
                "train-notes.txt",
            },
        )

    def test_interrupted_while_shards_were_replaced(self):
        self.write()
        work = self.output / ".train.build"
        work.mkdir()
        (work / INSTALLING).touch()
        with self.assertRaisesRegex(FileNotFoundError, "interrupted"):
            self.read()
        # Another build that does not finish leaves the mark.
        self.interrupt(20, maker=CountingRecordMaker(image_size=8))
        with self.assertRaisesRegex(FileNotFoundError, "interrupted"):
            self.read()
        self.write()
        self.assertEqual(self.contents(), self.undisturbed())

    @parameterized.parameters(True, False)
    def test_interrupted_while_the_finished_build_was_removed(self, with_key):
        self.interrupt(self.count)
        work = self.output / ".train.build"
        key = (work / KEY_FILE).read_bytes()
        self.write(maker=self.maker)
        self.maker.seen.clear()
        work.mkdir()
        if with_key:
            (work / KEY_FILE).write_bytes(key)
        # Its records are gone already.
        chunk_paths(work, 0)[1].write_text("{}")
        before = self.times()
        del before[work.name]
        self.write(maker=self.maker)
        self.assertEqual((self.maker.seen, self.times()), ([], before))

    def test_a_broken_file_of_the_build(self):
        self.interrupt(self.count)
        path, _ = chunk_paths(self.output / ".train.build", 0)
        os.truncate(path, path.stat().st_size - 1)
        with self.assertRaisesRegex(OSError, "broken; .*chunk-000000.tfrecord"):
            self.write(maker=self.maker)
        self.assertEqual(list(self.output.glob("*.tfrecord")), [])

    def test_another_build_at_work(self):
        self.output.mkdir()
        with open(self.output / ".train.build.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            with self.assertRaisesRegex(
                ValueError, "Another build .*Received: output=.*records"
            ):
                self.write()
            self.write(split="eval")
        self.write()
        self.assertEqual(len(self.names(self.output / "train-*")), self.count)


class FaultsTest(BuildTest):
    @pytest.mark.slow
    def test_a_process_that_ends(self):
        names = [f"{i:02}.png" for i in range(3 * CHUNK_SIZE)]
        self.save(*names, "crash.png", "crash too.png", height=12, width=16)
        maker = CrashingRecordMaker("photos")
        written = self.write(maker=maker, num_workers=2)
        self.assertEqual(self.names(), names)
        self.assertEqual(
            [Path(path).name for path, _ in written.failures],
            ["crash too.png", "crash.png"],
        )
        for _, reason in written.failures:
            self.assertRegex(reason, "ends the process")

    @pytest.mark.slow
    def test_killed_before_each_operation_on_files(self):
        self.save(*(f"{i}.png" for i in range(3)), height=16, width=20)
        self.write(num_shards=3)
        earlier = self.folder / "earlier"
        self.output.rename(earlier)
        old = self.contents(earlier)
        shutil.copytree(earlier, self.output)
        maker = ImageRecordMaker("photos", image_size=12)
        self.write(maker=maker, num_shards=2)
        new = self.contents()
        seen = set()
        with self.server(num_shards=2) as server:
            for operation in itertools.count(1):
                shutil.rmtree(self.output)
                shutil.copytree(earlier, self.output)
                if self.run_build(server, operation) is not None:
                    break
                seen.add(self.check_readable(old, new))
                self.run_build(server)
                self.assertEqual(self.contents(), new)
        self.assertGreater(operation, 30)
        self.assertEqual(seen, {"old", "new", "refused"})

    def check_readable(self, old, new):
        """That a reader finds all shards of one build, or refuses."""
        for shard in self.output.glob("*.tfrecord"):
            contents = (old.get(shard.name), new.get(shard.name))
            self.assertIn(checksum(shard), contents)
        try:
            shards = {Path(shard).name for shard in list_shards(self.output)}
        except FileNotFoundError:
            return "refused"
        for name, build in (("old", old), ("new", new)):
            if shards == {n for n in build if n.endswith(".tfrecord")}:
                return name
        self.fail(f"Shards of no one build: {sorted(shards)}")

    @contextlib.contextmanager
    def server(self, num_shards):
        with subprocess.Popen(
            [sys.executable, "-c", SERVER]
            + [self.images, self.output, str(num_shards)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as server:
            yield server
            server.stdin.close()

    def run_build(self, server, operation=0, delay=None):
        """Has a build run, to its end or until it is killed.

        Args:
            server: `Popen` of `SERVER`.
            operation: Integer, for `SERVER`.
            delay: Float, seconds until the process is killed; `None` lets it
                finish.

        Returns:
            Seconds that it took; `None` if it was killed.
        """
        server.stdin.write(f"{operation}\n")
        server.stdin.flush()
        process = int(server.stdout.readline())
        start = time.monotonic()
        if delay is not None:
            time.sleep(delay)
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        code = int(server.stdout.readline())
        self.assertIn(code, (0, -signal.SIGKILL))
        return time.monotonic() - start if code == 0 else None
