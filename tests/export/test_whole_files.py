from keras_comic.export.whole_files import write_whole
from tests.test_case import TestCase


class WholeFilesTest(TestCase):
    def test_writes_and_replaces(self):
        folder = self.temporary_folder() / "new"
        path = folder / "a.bin"
        self.assertEqual(write_whole({str(path): b"1"}), [path])
        write_whole({path: b"2", folder / "b.bin": b"3"})
        self.assertEqual(path.read_bytes(), b"2")
        names = sorted(entry.name for entry in folder.iterdir())
        self.assertEqual(names, ["a.bin", "b.bin"])

    def test_nothing_is_left_of_a_failure(self):
        folder = self.temporary_folder()
        (folder / "a.bin").write_bytes(b"old")
        with self.assertRaises(TypeError):
            write_whole({folder / "a.bin": b"new", folder / "b.bin": None})
        self.assertEqual((folder / "a.bin").read_bytes(), b"old")
        self.assertEqual([p.name for p in folder.iterdir()], ["a.bin"])
