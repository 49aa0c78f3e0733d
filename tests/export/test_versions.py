import os
import signal
import subprocess
import sys
import threading

import pytest

from keras_comic.export import versions
from keras_comic.export.versions import list_versions
from keras_comic.export.versions import new_version
from keras_comic.export.versions import next_version
from keras_comic.export.versions import prune_versions
from tests.test_case import TestCase

tf = pytest.importorskip("tensorflow")

# Writes a file into a new version and then waits. Loads the module by its
# path, since importing the library takes seconds.
WRITER = """
import importlib.util, sys, time
spec = importlib.util.spec_from_file_location("versions", sys.argv[1])
versions = importlib.util.module_from_spec(spec)
spec.loader.exec_module(versions)
with versions.new_version(sys.argv[2]) as folder:
    (folder / "saved_model.pb").write_bytes(b"half")
    print(folder.name, flush=True)
    sys.stdin.readline()
"""


class VersionsTest(TestCase):
    def setUp(self):
        super().setUp()
        self.base = self.temporary_folder() / "models" / "comic"

    def write(self, version=None, contents=b"model"):
        with new_version(self.base, version) as folder:
            (folder / "variables").mkdir()
            (folder / "variables" / "data").write_bytes(contents)

    def names(self):
        return sorted(path.name for path in self.base.iterdir())

    def start_writer(self):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, versions.__file__, self.base],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process, process.stdout.readline().strip()

    def test_listing(self):
        self.assertEqual(list_versions(self.base), {})
        for name in ("10", "9", "0", ".11.partial", "12a", "-1", "1 ", "²"):
            (self.base / name).mkdir(parents=True)
        (self.base / "13").write_text("a file")
        self.assertEqual(
            list(list_versions(self.base).items()),
            [(n, self.base / str(n)) for n in (0, 9, 10)],
        )
        self.assertEqual(next_version(self.base), 11)

    def test_two_folders_of_one_number(self):
        for name in ("7", "007"):
            (self.base / name).mkdir(parents=True)
        with self.assertRaisesRegex(ValueError, "must differ in number.*007"):
            list_versions(self.base)

    def test_numbers_follow_each_other(self):
        self.assertEqual(next_version(self.base), 1)
        self.write()
        self.write()
        self.write(20)
        self.write()
        self.assertEqual(self.names(), ["1", "2", "20", "21"])
        data = self.base / "21" / "variables" / "data"
        self.assertEqual(data.read_bytes(), b"model")

    def test_hidden_until_whole(self):
        with new_version(self.base) as folder:
            self.assertEqual(self.names(), [".1.partial"])
            self.assertEqual(folder, self.base / ".1.partial")
            self.assertEqual(list_versions(self.base), {})
        self.assertEqual(self.names(), ["1"])

    def test_hidden_names_are_no_numbers_to_tensorflow(self):
        # TensorFlow Serving parses names by this function.
        def parse(name):
            return int(tf.strings.to_number(name, tf.int64))

        self.assertEqual(parse("3"), 3)
        for name in (".3.partial", ".3.removed"):
            self.assertIsNotNone(versions.UNFINISHED.fullmatch(name))
            with self.assertRaises(tf.errors.InvalidArgumentError):
                parse(name)

    def test_error_leaves_nothing(self):
        with self.assertRaisesRegex(RuntimeError, "no space"):
            with new_version(self.base) as folder:
                (folder / "variables").mkdir()
                raise RuntimeError("no space")
        self.assertEqual(self.names(), [])
        with self.assertRaises(KeyboardInterrupt):
            with new_version(self.base, 5):
                raise KeyboardInterrupt
        self.assertEqual(self.names(), [])

    def test_existing_version_is_kept(self):
        self.write(3, b"first")
        with self.assertRaisesRegex(FileExistsError, "exists already.*/3'"):
            self.write(3, b"second")
        with self.assertRaisesRegex(FileExistsError, "exists already.*/4'"):
            with new_version(self.base, 4):
                (self.base / "4").mkdir()
        self.assertEqual(self.names(), ["3", "4"])
        data = self.base / "3" / "variables" / "data"
        self.assertEqual(data.read_bytes(), b"first")

    def test_version_must_be_an_integer(self):
        for version in (-1, "1", 1.0, True):
            with self.assertRaisesRegex(ValueError, "non-negative integer"):
                with new_version(self.base, version):
                    pass

    @pytest.mark.skipif(versions.fcntl is None, reason="needs locks")
    def test_killed_writer_leaves_no_version(self):
        self.write()
        process, name = self.start_writer()
        self.assertEqual(name, ".2.partial")
        os.kill(process.pid, signal.SIGKILL)
        self.assertEqual(process.wait(), -signal.SIGKILL)
        self.assertEqual(self.names(), [".2.partial", "1"])
        self.assertEqual(list(list_versions(self.base)), [1])
        self.write()
        self.assertEqual(self.names(), ["1", "2"])
        self.assertEqual(os.listdir(self.base / "2"), ["variables"])

    @pytest.mark.skipif(versions.fcntl is None, reason="needs locks")
    def test_two_processes(self):
        process, name = self.start_writer()
        self.assertEqual(name, ".1.partial")
        with self.assertRaisesRegex(FileExistsError, "is writing the version"):
            self.write(1)
        self.write()
        self.assertEqual(self.names(), [".1.partial", "2"])
        process.communicate("go on\n")
        self.assertEqual(process.returncode, 0)
        self.assertEqual(self.names(), ["1", "2"])

    def test_many_threads(self):
        threads = [threading.Thread(target=self.write) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(list(list_versions(self.base)), list(range(1, 17)))
        self.assertEqual(len(self.names()), 16)

    def test_pruning(self):
        self.assertEqual(prune_versions(self.base, 1), [])
        for _ in range(5):
            self.write()
        self.assertEqual(prune_versions(self.base, 9), [])
        self.assertEqual(prune_versions(self.base, 2, also_keep=[1]), [2, 3])
        self.assertEqual(self.names(), ["1", "4", "5"])
        for keep in (0, -1, "2", True):
            with self.assertRaisesRegex(ValueError, "positive integer"):
                prune_versions(self.base, keep)
        self.assertEqual(self.names(), ["1", "4", "5"])
