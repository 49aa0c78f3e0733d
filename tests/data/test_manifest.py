"""Tests of `keras_comic.data.manifest`."""

import json

from absl.testing import parameterized

from keras_comic.data.manifest import read_manifest
from tests.test_case import TestCase

ROW = {"file": "é.png", "licence": 4, "source": "", "width": 32}


class ManifestTest(parameterized.TestCase, TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.temporary_folder()

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    @parameterized.parameters(
        ("a.csv", "\ufefffile,licence,source,width\né.png,4,,32\n"),
        ("a.json", json.dumps([ROW])),
        ("a.jsonl", json.dumps(ROW) + "\n\n"),
    )
    def test_kinds(self, name, text):
        expected = {"file": self.folder / "é.png", "license": "4"}
        path = self.write(name, text)
        self.assertEqual(read_manifest(str(path)), [expected])

    def test_urls(self):
        path = self.write("a.csv", "file\ns3://bucket/a.png\n")
        self.assertEqual(read_manifest(path), [{"file": "s3://bucket/a.png"}])

    @parameterized.parameters(
        ("a.csv", "name,source\n", "columns name, source in .*a.csv"),
        ("a.csv", "", "must have the column file"),
        ("a.csv", "file,label\n,ink\n", "Every row .* name a file"),
        ("a.json", "[", "cannot be read: .*manifest=.*a.json"),
        ("a.json", "[1]", "list of objects. Received: 1 in .*a.json"),
        ("a.json", '[{"path": 1}]', "must have the column file"),
        ("a.jsonl", '{"file": 1}\n{"fi', "cannot be read: .*a.jsonl"),
    )
    def test_errors(self, name, text, message):
        with self.assertRaisesRegex(ValueError, message):
            read_manifest(self.write(name, text))

    def test_files_that_cannot_be_read(self):
        path = self.folder / "a.csv"
        path.write_bytes(b"file\ncaf\xe9.png\n")
        with self.assertRaisesRegex(ValueError, "cannot be read: 'utf-8'"):
            read_manifest(path)
        with self.assertRaisesRegex(FileNotFoundError, "manifest=missing.csv"):
            read_manifest("missing.csv")
