import os
import subprocess
import sys
import threading

import pytest

from keras_comic.export import versions
from keras_comic.export.versions import list_versions
from keras_comic.export.versions import new_version
from keras_comic.export.versions import prune_versions
from tests.test_case import TestCase

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
        names = sorted(path.name for path in self.base.iterdir())
        return [name for name in names if name != versions.LOCK_FILE]

    def start_writer(self):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, versions.__file__, self.base],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        self.assertEqual(process.stdout.readline(), ".1.partial\n")
        return process

    def test_listing(self):
        self.assertEqual(list_versions(self.base), {})
        for name in ("10", "9", "0", ".11.partial", "12a", "-1", "1 ", "²"):
            (self.base / name).mkdir(parents=True)
        (self.base / "13").write_text("a file")
        self.assertEqual(
            list(list_versions(self.base).items()),
            [(n, self.base / str(n)) for n in (0, 9, 10)],
        )
        (self.base / "09").mkdir()
        with self.assertRaisesRegex(ValueError, "must differ in number.*09"):
            list_versions(self.base)

    def test_numbers_follow_each_other(self):
        for version in (None, None, 20, None):
            self.write(version)
        self.assertEqual(self.names(), ["1", "2", "20", "21"])
        data = self.base / "21" / "variables" / "data"
        self.assertEqual(data.read_bytes(), b"model")

    def test_hidden_until_whole(self):
        with new_version(self.base) as folder:
            self.assertEqual(self.names(), [".1.partial"])
            self.assertEqual(folder, self.base / ".1.partial")
            self.assertEqual(list_versions(self.base), {})
        self.assertEqual(self.names(), ["1"])

    def test_error_leaves_nothing(self):
        for error in (RuntimeError, KeyboardInterrupt):
            with self.assertRaises(error):
                with new_version(self.base, 5) as folder:
                    (folder / "variables").mkdir()
                    raise error
            self.assertFalse(self.base.parent.exists())
        self.base.mkdir(parents=True)
        with self.assertRaises(ValueError), new_version(self.base):
            raise ValueError
        self.assertTrue(self.base.is_dir())

    def test_existing_version_is_kept(self):
        self.write(3, b"first")
        with self.assertRaisesRegex(FileExistsError, "exists already.*/3'"):
            self.write(3, b"second")
        self.assertEqual(self.names(), ["3"])
        data = self.base / "3" / "variables" / "data"
        self.assertEqual(data.read_bytes(), b"first")

    def test_wrong_numbers(self):
        for version in (-1, "1", 1.0, True):
            with self.assertRaisesRegex(ValueError, "`version` must be an int"):
                self.write(version)
        for keep in (0, "2", True):
            with self.assertRaisesRegex(ValueError, "integer of at least 1"):
                prune_versions(self.base, keep)

    @pytest.mark.skipif(versions.fcntl is None, reason="needs locks")
    def test_killed_writer_leaves_no_version(self):
        process = self.start_writer()
        process.kill()
        process.wait()
        self.assertEqual(self.names(), [".1.partial"])
        self.write()
        self.assertEqual(self.names(), ["1"])
        self.assertEqual(os.listdir(self.base / "1"), ["variables"])

    @pytest.mark.skipif(versions.fcntl is None, reason="needs locks")
    def test_another_process_is_waited_for(self):
        process = self.start_writer()
        thread = threading.Thread(target=self.write)
        thread.start()
        thread.join(0.2)
        self.assertTrue(thread.is_alive())
        self.assertEqual(self.names(), [".1.partial"])
        process.communicate("go on\n")
        thread.join()
        self.assertEqual(self.names(), ["1", "2"])

    def test_many_threads(self):
        threads = [threading.Thread(target=self.write) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(list(list_versions(self.base)), list(range(1, 17)))

    def test_pruning(self):
        self.assertEqual(prune_versions(self.base, 1), [])
        for _ in range(5):
            self.write()
        self.assertEqual(prune_versions(self.base, 9), [])
        self.assertEqual(prune_versions(self.base, 2, also_keep=[1]), [2, 3])
        self.assertEqual(self.names(), ["1", "4", "5"])
