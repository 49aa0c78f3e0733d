import os
from pathlib import Path
from pathlib import PurePosixPath

from keras_comic.data.paths import is_url
from keras_comic.data.url_path import UrlPath
from tests.test_case import TestCase


class UrlPathTest(TestCase):
    def test_names(self):
        path = UrlPath("s3://bucket/photos/") / "a" / Path("b.c.JPG")
        self.assertEqual(str(path), "s3://bucket/photos/a/b.c.JPG")
        self.assertEqual(os.fspath(path), str(path))
        self.assertEqual(repr(path), f"UrlPath('{path}')")
        self.assertEqual(path.name, "b.c.JPG")
        self.assertEqual(path.stem, "b.c")
        self.assertEqual(path.suffix, ".JPG")
        self.assertEqual(
            [str(parent) for parent in path.parents],
            ["s3://bucket/photos/a", "s3://bucket/photos", "s3://bucket"],
        )
        self.assertEqual(path.parent, path.parents[0])
        self.assertEqual(path.with_name("d"), path.parent / "d")
        self.assertIs(path.resolve(), path)
        self.assertEqual(
            path.relative_to(path.parents[1]), PurePosixPath("a/b.c.JPG")
        )
        with self.assertRaisesRegex(ValueError, "JPG, folder=s3://bucket/pho$"):
            path.relative_to(UrlPath("s3://bucket/pho"))

    def test_order_and_equality(self):
        one, two = UrlPath("s3://b/1"), UrlPath("s3://b/2")
        self.assertLess(one, two)
        self.assertNotEqual(one, two)
        self.assertEqual(len({one, UrlPath("s3://b/1/"), two}), 2)
        self.assertNotEqual(one, "s3://b/1")

    def test_without_what_is_asked_of_a_server(self):
        path = UrlPath("https://example.com/a/b.jpg?size=3#x")
        self.assertEqual((path.name, path.suffix), ("b.jpg", ".jpg"))

    def test_is_url(self):
        self.assertTrue(is_url("memory://a"))
        self.assertTrue(is_url(UrlPath("s3://bucket/a")))
        self.assertFalse(is_url("a/b"))
        self.assertFalse(is_url(Path("s3:/bucket")))
