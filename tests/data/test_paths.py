"""Tests of `keras_comic.data.paths`."""

import os
import sys
from pathlib import Path
from unittest import mock

import pytest

from keras_comic.data.image_folders import list_images
from keras_comic.data.images import read_image
from keras_comic.data.paths import is_url
from keras_comic.data.paths import local_file
from keras_comic.data.paths import path_of
from keras_comic.data.paths import whole_file
from keras_comic.data.paths import write_whole
from tests.test_case import TestCase
from tests.test_case import photos


class LocalPathsTest(TestCase):
    def setUp(self):
        super().setUp()
        self.folder = Path(self.temporary_folder())

    def test_names(self):
        self.assertTrue(is_url("s3://bucket/a"))
        self.assertFalse(is_url("a/b"))
        self.assertFalse(is_url(Path("s3:/bucket")))
        self.assertEqual(path_of("a/b"), Path("a/b"))

    def test_whole_or_not_at_all(self):
        path = self.folder / "new" / "notes.txt"
        write_whole(path, "one")
        self.assertEqual(path.read_text(), "one")
        with self.assertRaisesRegex(OSError, "full"):
            with whole_file(path) as partial:
                self.assertEqual(partial.parent, path.parent)
                self.assertEqual(partial.suffix, ".txt")
                partial.write_text("two")
                raise OSError("The disk is full.")
        self.assertEqual(path.read_text(), "one")
        self.assertEqual(os.listdir(path.parent), ["notes.txt"])

    def test_longest_names(self):
        for name in ("n" * 255, "é" * 120 + ".png"):
            write_whole(self.folder / name, b"1")
            self.assertTrue((self.folder / name).exists())

    def test_local_file_is_itself(self):
        with local_file(self.folder / "a") as path:
            self.assertEqual(path, self.folder / "a")

    def test_missing_package(self):
        with mock.patch.dict(sys.modules, {"upath": None}):
            with self.assertRaisesRegex(ImportError, r"keras-comic\[remote\]"):
                read_image("s3://bucket/a.png")


class UrlsTest(TestCase):
    def setUp(self):
        super().setUp()
        pytest.importorskip("upath")
        import fsspec

        fsspec.filesystem("memory").store.clear()
        self.store = path_of("memory://store")

    def test_unknown_scheme(self):
        with self.assertRaisesRegex(ValueError, "s3://.*nothing://a"):
            path_of("nothing://a")

    def test_missing_driver(self):
        with mock.patch.dict(sys.modules, {"gcsfs": None}):
            with self.assertRaisesRegex(ImportError, "gcsfs.*gs://b/a"):
                path_of("gs://b/a")

    def test_round_trip(self):
        path = self.store / "in" / "a.bin"
        write_whole(path, b"123")
        self.assertEqual(path.read_bytes(), b"123")
        with local_file(str(path)) as local:
            self.assertEqual(local.name, "a.bin")
            self.assertEqual(local.read_bytes(), b"123")
        self.assertFalse(local.exists())

    def test_nothing_is_uploaded_after_an_error(self):
        with self.assertRaisesRegex(OSError, "full"):
            with whole_file(self.store / "a.bin") as local:
                local.write_bytes(b"1")
                raise OSError("The disk is full.")
        self.assertFalse((self.store / "a.bin").exists())

    def test_written_beside_where_files_grow(self):
        # The driver of local files is one whose files appear before their end.
        path = path_of(f"file://{self.temporary_folder()}/sub/a.bin")
        write_whole(path, b"123")
        self.assertEqual(path.read_bytes(), b"123")
        self.assertEqual([p.name for p in path.parent.iterdir()], ["a.bin"])

    def test_images(self):
        picture = photos(24, 32, 3, seed=1)
        for name in ("in/b/c.PNG", "in/a.png", "in/.hidden.png", "in/notes"):
            with whole_file(self.store / name) as local:
                from PIL import Image

                Image.fromarray(picture).save(local, "PNG")
        paths = list_images("memory://store/in")
        self.assertEqual([path.name for path in paths], ["a.png", "c.PNG"])
        self.assertAllEqual(read_image(str(paths[1])), picture)
        with self.assertRaisesRegex(FileNotFoundError, "no such file.*nope"):
            read_image("memory://store/nope.png")
        with self.assertRaisesRegex(FileNotFoundError, "no such folder"):
            list_images("memory://nowhere")

    def test_errors_of_drivers(self):
        path = self.store / "a.png"
        write_whole(path, b"1")
        for error, kind, words in (
            (RuntimeError("gone"), ConnectionError, "cannot be reached.*gone"),
            (RuntimeError("Forbidden"), PermissionError, "no credentials"),
        ):
            driver = mock.patch.object(type(path.fs), "cat_file")
            with (
                driver as cat_file,
                mock.patch.object(type(path.fs), "open", side_effect=error),
            ):
                cat_file.side_effect = error
                with self.assertRaisesRegex(kind, f"{words}.*memory://"):
                    read_image(path)
