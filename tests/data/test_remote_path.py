import os
from pathlib import Path

from absl.testing import parameterized

from keras_comic.data.paths import is_url
from keras_comic.data.remote_path import RemotePath
from keras_comic.data.remote_path import list_url
from keras_comic.data.remote_path import local_copy
from keras_comic.data.sources import Source
from keras_comic.data.sources import list_sources
from keras_comic.data.sources import read_manifest
from tests.data.object_store import ObjectStore
from tests.test_case import TestCase


class RemotePathTest(parameterized.TestCase, TestCase):
    def setUp(self):
        super().setUp()
        self.files = ObjectStore.start()
        self.path = RemotePath("store://bucket/set/")

    def put(self, *names):
        for name in names:
            self.files[f"store://bucket/{name}"] = name.encode()

    def test_names(self):
        path = self.path / "a.b.tfrecord"
        self.assertEqual(str(path), "store://bucket/set/a.b.tfrecord")
        self.assertEqual(os.fspath(path), str(path))
        self.assertEqual(path.name, "a.b.tfrecord")
        self.assertEqual(path.suffix, ".tfrecord")
        self.assertEqual(path.parent, self.path)
        self.assertNotEqual(path, self.path)
        self.assertLen({path, self.path / "a.b.tfrecord"}, 1)
        self.assertEqual(repr(self.path), "RemotePath('store://bucket/set')")
        self.assertTrue(is_url(path))
        self.assertFalse(is_url(Path("store:/bucket")))

    def test_files(self):
        path = self.path / "a.json"
        self.path.mkdir()
        self.assertFalse(path.is_file())
        self.assertFalse(self.path.exists())
        with self.assertRaisesRegex(FileNotFoundError, "set/a.json"):
            path.read_text("ascii")
        with path.open("wb") as file:
            file.write(b"[1]")
        self.assertTrue(path.is_file())
        self.assertTrue(self.path.exists())
        self.assertFalse(self.path.is_dir())
        self.assertEqual(path.read_text("ascii"), "[1]")
        self.assertEqual(path.stat().st_size, 3)
        self.assertGreater(path.stat().st_mtime_ns, 1e18)
        self.put("set/b/c", "set/d", "settle")
        self.assertEqual(
            sorted(found.name for found in self.path.iterdir()), ["a.json", "d"]
        )
        path.replace(self.path / "d")
        self.assertEqual((self.path / "d").read_text("ascii"), "[1]")
        self.assertFalse(path.is_file())
        path.unlink(missing_ok=True)
        with self.assertRaises(OSError):
            path.unlink()
        path.touch()
        self.assertEqual(path.stat().st_size, 0)
        local = self.temporary_folder() / "e"
        local.write_bytes(b"e")
        (self.path / "e").upload(local)
        self.assertEqual((self.path / "e").read_text("ascii"), "e")
        for found in [*self.path.iterdir()]:
            found.unlink()
        self.path.rmdir()
        self.assertCountEqual(
            self.files, ["store://bucket/set/b/c", "store://bucket/settle"]
        )

    def test_compressed_names_are_left_as_they_are(self):
        path = self.path / "a.gz"
        with path.open("wb") as file:
            file.write(b"plain")
        self.assertEqual(self.files[str(path)], b"plain")
        self.assertEqual(path.read_text("ascii"), "plain")

    @parameterized.parameters("store://bucket/books", "store://bucket/books/")
    def test_folders(self, url):
        self.put("books/b/2.PNG", "books/b/10.jpg", "books/a.webp")
        self.put("books/b.mp4", "books/c/d/1.MKV", "bookshelf/e.png")
        self.put("books/notes.txt", "books/.hidden.png", "books/.git/1.png")
        listed = list_url(url, "comics", "train")
        self.assertEqual(
            [(source.name, source.label) for source in listed],
            [
                ("a.webp", "books"),
                ("b/10.jpg", "b"),
                ("b/2.PNG", "b"),
                ("b.mp4", "books"),
                ("c/d/1.MKV", "c"),
            ],
        )
        self.assertEqual(
            listed[0],
            Source(
                RemotePath("store://bucket/books/a.webp"),
                "a.webp",
                "books",
                "train",
            ),
        )
        self.assertEqual(listed[0].path.stat().st_size, len("books/a.webp"))
        listed = list_url(url, "clips", "train")
        self.assertEqual([s.name for s in listed], ["b.mp4", "c/d/1.MKV"])

    @parameterized.parameters(
        ("bucket/ink/*/1.png", ["a/1.png", "b/1.png"], ["a", "b"]),
        ("bucket/ink/**", ["a/1.png", "a/2.png", "b/1.png"], ["a", "a", "b"]),
        ("bucket/ink/a/?.png", ["1.png", "2.png"], ["a", "a"]),
        ("bucket/ink/a/2.png", ["2.png"], ["a"]),
    )
    def test_patterns_and_files(self, pattern, names, labels):
        self.put("ink/a/1.png", "ink/a/2.png", "ink/b/1.png", "ink/b/x.txt")
        listed = list_url(f"store://{pattern}", "photos", "train")
        self.assertEqual([source.name for source in listed], names)
        self.assertEqual([source.label for source in listed], labels)

    def test_a_manifest_tells_of_files(self):
        self.put("ink/a/1.png", "ink/a/2.png")
        manifest = self.temporary_folder() / "list.csv"
        manifest.write_text("file,licence\nstore://bucket/ink/a/2.png,CC0\n")
        listed = list_sources(
            ["store://bucket/ink"], "comics", "train", manifest, list_url
        )
        self.assertEqual([source.license for source in listed], ["", "CC0"])
        self.assertEqual(
            read_manifest(manifest)[0]["file"], "store://bucket/ink/a/2.png"
        )
        with self.assertRaisesRegex(ValueError, "only tell of them"):
            list_sources(manifest, "comics", "train", None, list_url)

    def test_errors(self):
        with self.assertRaisesRegex(ValueError, "no image.*store://bucket/no"):
            list_url("store://bucket/no", "photos", "train")
        with self.assertRaisesRegex(ValueError, "no video.*store://bucket/no"):
            list_url("store://bucket/no*", "clips", "train")
        with self.assertRaisesRegex(ValueError, "that is mounted"):
            list_url("store://bucket/no", "pairs", "train")
        with self.assertRaisesRegex(ValueError, "unknown://bucket"):
            list_url("unknown://bucket", "photos", "train")
        with self.assertRaisesRegex(ValueError, "write_records_with_beam"):
            list_sources("store://bucket/ink", "comics")

    def test_local_copy(self):
        self.put("ink/a.png")
        source = Source(RemotePath("store://bucket/ink/a.png"), "a.png", "", "")
        with local_copy(source) as copy:
            self.assertEqual(copy.path.read_bytes(), b"ink/a.png")
            self.assertEqual(copy.path.suffix, ".png")
            self.assertEqual(copy.name, "a.png")
        self.assertFalse(copy.path.exists())
        here = source._replace(path=Path("a.png"))
        with local_copy(here) as copy:
            self.assertIs(copy, here)
