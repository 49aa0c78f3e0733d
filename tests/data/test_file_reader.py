import numpy as np

from keras_comic.data.file_reader import FileReader
from tests.data.pictures import save_flat
from tests.test_case import TestCase


class FileReaderTest(TestCase):
    def setUp(self):
        super().setUp()
        colors = {f"{i}.png": (i, i, i) for i in range(6)}
        self.folder = save_flat(self.temporary_folder(), colors)
        self.paths = [self.folder / name for name in colors]
        self.labels = ["a", "b"] * 3

    def read(self, reader, count, seed=0):
        return [int(reader.read(n, seed)[0, 0, 0]) for n in range(count)]

    def test_order(self):
        reader = FileReader(self.paths, None, "photos", 0)
        found = self.read(reader, 12)
        self.assertEqual(sorted(found[:6]), list(range(6)))
        self.assertEqual(sorted(found[6:]), list(range(6)))
        self.assertEqual(self.read(reader, 6), found[:6])
        self.assertNotEqual(self.read(reader, 12, seed=1), found)
        reader = FileReader(self.paths, self.labels, "photos", 0)
        for pair in np.reshape(self.read(reader, 6), (3, 2)):
            self.assertEqual(sorted(pair % 2), [0, 1])

    def test_another_takes_the_place_of_a_broken_one(self):
        reader = FileReader(self.paths, self.labels, "photos", 2)
        expected = self.read(reader, 12)
        self.paths[4].write_bytes(b"GIF89a")
        with self.assertWarnsRegex(UserWarning, r"Left out .*4\.png"):
            found = self.read(reader, 12)
        for one, other in zip(found, expected, strict=True):
            if other != 4:
                self.assertEqual(one, other)
            self.assertIn(one, (0, 2) if other == 4 else (other,))
        self.assertEqual(len(reader.skipped), 1)

    def test_limit(self):
        for path in self.paths[:3]:
            path.unlink()
        reader = FileReader(self.paths, None, "photos", 2)
        with self.assertWarns(UserWarning):
            with self.assertRaisesRegex(
                ValueError, "More than 2 cannot be read: remove or repair them"
            ):
                self.read(reader, 6)
