import contextlib
import fcntl
import itertools
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from absl.testing import parameterized

tf = pytest.importorskip("tensorflow")

from keras_comic.data.build_folder import KEY_FILE  # noqa: E402
from keras_comic.data.chunks import CHUNK_SIZE  # noqa: E402
from keras_comic.data.chunks import chunk_paths  # noqa: E402
from keras_comic.data.image_record_maker import ImageRecordMaker  # noqa: E402
from keras_comic.data.tfrecord import INSTALLING  # noqa: E402
from keras_comic.data.tfrecord import list_shards  # noqa: E402
from tests.data.test_build import BuildTest  # noqa: E402
from tests.data.test_build import checksum  # noqa: E402
from tests.test_case import ROOT  # noqa: E402

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
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class CountingRecordMaker(ImageRecordMaker):
    """Keeps the names of what was read in this process."""

    def __init__(self, **arguments):
        super().__init__("photos", **arguments)
        self.seen = []

    def make_records(self, source, drops, conversions):
        self.seen.append(source.name)
        return super().make_records(source, drops, conversions)


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
                "eval-00000-of-00001.tfrecord",
                "eval.manifest.json",
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
                if self.run_build(server, operation):
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

    def run_build(self, server, operation=0):
        """Has a build run; tells if it came to its end, or was killed."""
        server.stdin.write(f"{operation}\n")
        server.stdin.flush()
        code = int(server.stdout.readline())
        self.assertIn(code, (0, -signal.SIGKILL))
        return code == 0
