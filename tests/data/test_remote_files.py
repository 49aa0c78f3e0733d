import os
import sys
from unittest import mock

import numpy as np
import pytest
from absl.testing import parameterized

from keras_comic.data.images import list_images
from keras_comic.data.images import read_image
from keras_comic.data.remote_files import RemoteFile
from keras_comic.data.remote_files import downloaded
from keras_comic.data.remote_files import list_remote_images
from keras_comic.data.remote_files import path_of
from keras_comic.data.remote_files import uploaded
from tests.data.pictures import save_noise
from tests.test_case import TestCase

fsspec = pytest.importorskip("fsspec")


class RemoteFilesCase(TestCase):
    """What holds of every store; a test class sets `url`, an empty folder."""

    def test_files(self):
        folder = RemoteFile(self.url) / "set"
        file = folder / "a b" / "ä.txt"
        for asked in (file, folder):
            self.assertFalse(asked.exists())
            self.assertFalse(asked.is_file())
            self.assertFalse(asked.is_dir())
        for contents in (b"one", b"three"):
            file.write_bytes(contents)
            self.assertEqual(file.read_bytes(), contents)
            self.assertEqual(file.size(), len(contents))
        self.assertTrue(file.is_file())
        self.assertFalse(file.is_dir())
        self.assertTrue(folder.is_dir())
        self.assertTrue(folder.exists())
        self.assertFalse(folder.is_file())
        self.assertEqual(list(folder.iter_files()), [file])
        local = self.temporary_folder() / "b.txt"
        file.download(local)
        self.assertEqual(local.read_bytes(), b"three")
        (folder / "b.txt").upload(local)
        self.assertEqual((folder / "b.txt").read_bytes(), b"three")
        file.unlink()
        file.unlink(missing_ok=True)
        self.assertFalse(file.exists())
        with self.assertRaisesRegex(
            FileNotFoundError, f"no such file. Received: {file}"
        ):
            file.read_bytes()

    def test_images(self):
        folder = RemoteFile(self.url) / "photos"
        local = save_noise(
            self.temporary_folder(), "a.png", "b/2.JPG", "b/10.webp", "b/.c.png"
        )
        for path in local.rglob("*.*"):
            name = path.relative_to(local).as_posix()
            (folder / name).upload(path)
        (folder / "notes.txt").write_bytes(b"notes")
        listed = list_images(str(folder))
        self.assertEqual(
            [path.relative_to(local) for path in list_images(local)],
            [file.relative_to(folder) for file in listed],
        )
        for path, file in zip(list_images(local), listed, strict=True):
            self.assertTrue(np.array_equal(read_image(path), read_image(file)))
        with self.assertRaisesRegex(ValueError, "no such image|not an image"):
            read_image(folder / "notes.txt")
        with self.assertRaisesRegex(FileNotFoundError, "none.png"):
            read_image(folder / "none.png")
        with self.assertRaisesRegex(FileNotFoundError, "folder=.*/none"):
            list_remote_images(RemoteFile(self.url) / "none")
        (RemoteFile(self.url) / "texts" / "a.txt").write_bytes(b"a")
        with self.assertRaisesRegex(ValueError, "no image.*folder=.*/texts"):
            list_remote_images(RemoteFile(self.url) / "texts")

    def test_copies(self):
        file = RemoteFile(self.url) / "copies" / "a.txt"
        with uploaded(file) as local:
            self.assertEqual(local.name, "a.txt")
            local.write_bytes(b"made")
            self.assertFalse(file.exists())
        self.assertEqual(file.read_bytes(), b"made")
        self.assertFalse(local.exists())
        with self.assertRaisesRegex(ValueError, "broke off"):
            with uploaded(str(file)) as local:
                local.write_bytes(b"half")
                raise ValueError("broke off")
        with downloaded(str(file)) as local:
            self.assertEqual(local.name, "a.txt")
            self.assertEqual(local.read_bytes(), b"made")
        self.assertFalse(local.exists())


class MemoryTest(RemoteFilesCase):
    def setUp(self):
        super().setUp()
        system = fsspec.filesystem("memory")
        system.store.clear()
        system.pseudo_dirs[:] = [""]
        self.url = "memory://bucket/folder"


class FoldersTest(RemoteFilesCase):
    """A file system with folders, where a file is seen while it is written."""

    def setUp(self):
        super().setUp()
        self.url = f"file://{self.temporary_folder()}"

    def test_nothing_partial_is_left(self):
        folder = RemoteFile(self.url) / "out"
        local = self.temporary_folder() / "none.txt"
        with self.assertRaisesRegex(OSError, "out/a.txt"):
            (folder / "a.txt").upload(local)
        self.assertEqual(list(folder.iter_files()), [])


class S3Test(RemoteFilesCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        from tests.data.s3_server import s3_server

        cls.url = cls.enterClassContext(s3_server())

    def test_errors_name_the_url(self):
        file = RemoteFile(self.url) / "a.txt"
        import s3fs

        s3fs.S3FileSystem.clear_instance_cache()
        with mock.patch.dict(os.environ):
            del os.environ["AWS_ACCESS_KEY_ID"]
            del os.environ["AWS_SECRET_ACCESS_KEY"]
            with self.assertRaisesRegex(
                PermissionError, f"credentials.*Received: {file}"
            ):
                file.write_bytes(b"a")
        s3fs.S3FileSystem.clear_instance_cache()
        self.addCleanup(s3fs.S3FileSystem.clear_instance_cache)
        nowhere = {
            "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
            "AWS_MAX_ATTEMPTS": "1",
        }
        with mock.patch.dict(os.environ, nowhere):
            for method in (file.exists, file.read_bytes, file.is_dir):
                with self.assertRaisesRegex(
                    ConnectionError, f"cannot be reached.*Received: {file}"
                ):
                    method()


class PathsTest(parameterized.TestCase):
    def test_path_of(self):
        file = path_of("s3://bucket/a/")
        self.assertEqual(file, RemoteFile("s3://bucket/a"))
        self.assertIs(path_of(file), file)
        self.assertEqual(str(path_of("a/b")), os.path.join("a", "b"))
        self.assertFalse(RemoteFile("https://example.com/a").is_dir())

    def test_local_files_are_not_copied(self):
        for copy in (downloaded, uploaded):
            with copy("a/b.txt") as path:
                self.assertEqual(str(path), os.path.join("a", "b.txt"))

    def test_unknown_scheme(self):
        with self.assertRaisesRegex(ValueError, "s3://.*Received: none://a"):
            RemoteFile("none://a").exists()

    @parameterized.parameters(("az://a/b", "adlfs"), ("memory://a", "fsspec"))
    def test_what_is_not_installed(self, url, module):
        found = {
            name: sys.modules.pop(name)
            for name in list(sys.modules)
            if name.partition(".")[0] == module
        }
        self.addCleanup(sys.modules.update, found)
        self.addCleanup(sys.modules.pop, module)
        sys.modules[module] = None
        with self.assertRaisesRegex(
            ImportError, rf"keras-comic\[remote\].*Received: {url}"
        ):
            RemoteFile(url).exists()


del RemoteFilesCase
