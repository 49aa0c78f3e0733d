"""Tests of `keras_comic.data.image_folders`."""

import os

from keras_comic.data.image_folders import image_label
from keras_comic.data.image_folders import labelled_images
from keras_comic.data.image_folders import list_images
from tests.test_case import TestCase


class ImageFoldersTest(TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.temporary_folder()

    def touch(self, *names):
        for name in names:
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()

    def test_sorted_and_recursive_without_other_and_hidden_files(self):
        self.touch("b.PNG", "a/z.jpg", "a.jpeg", "a/b/c.webp", "c.tiff")
        self.touch("notes.txt", "._a.jpg", ".cache/b.jpg", "c.jpg.part")
        names = [
            path.relative_to(self.folder).as_posix()
            for path in list_images(str(self.folder))
        ]
        self.assertEqual(
            names, ["a/b/c.webp", "a/z.jpg", "a.jpeg", "b.PNG", "c.tiff"]
        )

    def test_errors(self):
        with self.assertRaisesRegex(
            FileNotFoundError, r"no such folder\. Received: folder=.*missing"
        ):
            list_images(self.folder / "missing")
        self.touch("notes.txt")
        with self.assertRaisesRegex(ValueError, r"no image; .*\.jpg.*Received"):
            list_images(self.folder)
        with self.assertRaisesRegex(ValueError, r"not a file; .*notes\.txt"):
            list_images(self.folder / "notes.txt")

    def test_labels(self):
        for path, folder, split, label in (
            ("books/ink/1/a.png", "books", "train", "ink"),
            ("books/a.png", "books", "train", "books"),
            ("ink/train/a.png", "ink/train", "train", "ink"),
            ("ink/eval/a.png", "ink/eval", "train", "eval"),
            ("ink/eval/a.png", "ink/eval", "eval", "ink"),
        ):
            self.assertEqual(image_label(path, folder, split), label)
        self.touch("ink/a.png")
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(self.folder / "ink")
        self.assertEqual(image_label("a.png", "."), "ink")

    def test_labelled_images(self):
        self.touch("ink/a.png", "wash/b.png")
        ink, wash = self.folder / "ink", self.folder / "wash"
        entries = [("ink", ink, ink / "a.png"), ("wash", wash, wash / "b.png")]
        self.assertEqual(labelled_images([ink, str(wash)]), entries)
        self.assertEqual(
            labelled_images({"pen": ink}), [("pen", ink, ink / "a.png")]
        )
        self.assertEqual(
            labelled_images(self.folder),
            [(label, self.folder, path) for label, _, path in entries],
        )
        with self.assertRaisesRegex(ValueError, r"Received: folders=\[\]"):
            labelled_images([])
