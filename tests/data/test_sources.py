import json
from pathlib import Path

from absl.testing import parameterized
from PIL import Image

from keras_comic.data.sources import Source
from keras_comic.data.sources import choose_split
from keras_comic.data.sources import list_sources
from keras_comic.data.sources import read_manifest
from tests.data.videos import save_video
from tests.data.videos import scene
from tests.test_case import TestCase

ROW = {"file": "é.png", "licence": 4, "source": "", "width": 32}


class SourcesTest(parameterized.TestCase, TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.temporary_folder()

    def touch(self, *names):
        for name in names:
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()

    def write(self, name, text, encoding="utf-8"):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding=encoding)
        return path

    def names(self, sources, kind="comics", **arguments):
        return [s.name for s in list_sources(sources, kind, **arguments)]


class FoldersTest(SourcesTest):
    def test_images_and_videos_in_the_order_of_their_names(self):
        self.touch("b/2.PNG", "b/10.jpg", "a.webp", "b.mp4", "c/d/1.MKV")
        self.touch("notes.txt", ".hidden.png", ".git/1.png", "c/.b/1.png")
        self.assertEqual(
            list_sources(self.folder, "photos"),
            [
                Source(self.folder / name, name, label, "train", "", "", None)
                for name, label in (
                    ("a.webp", self.folder.name),
                    ("b/10.jpg", "b"),
                    ("b/2.PNG", "b"),
                    ("b.mp4", self.folder.name),
                    ("c/d/1.MKV", "c"),
                )
            ],
        )

    def test_contents_tell(self):
        clip = save_video(self.folder / "clip.mov", scene(3, seed=0))
        clip.rename(self.folder / "named_as_a_photo.jpg")
        Image.new("RGB", (8, 8)).save(self.folder / "a.png")
        (self.folder / "a.png").rename(self.folder / "named_as_a_video.mp4")
        (self.folder / "no_suffix").write_bytes(
            (self.folder / "named_as_a_video.mp4").read_bytes()
        )
        (self.folder / "text").write_text("no picture")
        self.assertEqual(
            self.names(self.folder, "photos"),
            ["named_as_a_photo.jpg", "named_as_a_video.mp4", "no_suffix"],
        )
        self.assertEqual(
            self.names(self.folder, "clips"), ["", "named_as_a_photo.jpg"]
        )

    def test_records_among_them(self):
        self.touch("train-00000-of-00001.tfrecord", "train.manifest.json")
        self.touch("a.png")
        self.touch("records/train-00000-of-00001.tfrecord", "records/b.png")
        self.touch("records/inspection/c.png", "records too/d.png")
        expected = ["a.png", "records too/d.png"]
        self.assertEqual(self.names(self.folder), expected)
        self.assertEqual(self.names(self.folder / "*.png"), expected[:1])
        # Who names the folder wants what lies in it.
        found = self.names(self.folder / "records")
        self.assertEqual(found, ["b.png", "inspection/c.png"])

    def test_list_and_labels(self):
        self.touch("ink/eval/1.png", "wash/1.png")
        ink, wash = self.folder / "ink/eval", self.folder / "wash"
        sources = list_sources([str(wash), ink], "comics", split="eval")
        self.assertEqual([s.label for s in sources], ["wash", "ink"])
        self.assertEqual({s.split for s in sources}, {"eval"})
        sources = list_sources({"pen": ink, 7: wash}, "comics")
        self.assertEqual([s.label for s in sources], ["pen", "7"])

    def test_clips(self):
        self.touch("walk/1.png", "walk/2.png", "walk/in/1.png", "walk/in/2.jpg")
        self.touch("cover.png", "film.mp4", "one/1.png")
        sources = list_sources(self.folder, "clips")
        self.assertEqual(
            [(s.name, s.label) for s in sources],
            [
                ("film.mp4", self.folder.name),
                ("walk", self.folder.name),
                ("walk/in", "walk"),
            ],
        )
        (source,) = list_sources(self.folder / "walk" / "in", "clips")
        self.assertEqual(source.path, self.folder / "walk" / "in")
        self.assertEqual(source.label, "in")

    def test_pairs(self):
        self.touch("set/photos/b.c.jpg", "set/photos/ink/1.jpg")
        self.touch("set/comics/b.c.png", "set/comics/ink/1.webp")
        sources = list_sources(self.folder / "set", "pairs")
        self.assertEqual(
            [(s.name, s.label) for s in sources],
            [("photos/b.c.jpg", "set"), ("photos/ink/1.jpg", "ink")],
        )
        self.assertEqual(
            [s.comic.relative_to(self.folder).as_posix() for s in sources],
            ["set/comics/b.c.png", "set/comics/ink/1.webp"],
        )

    @parameterized.parameters("photos/2.jpg", "comics/2.jpg", "photos/1.png")
    def test_pairs_without_partner(self, lonely):
        self.touch("photos/1.jpg", "comics/1.png", lonely)
        with self.assertRaisesRegex(
            ValueError, rf"1 files .* no partner .*/{lonely} among them"
        ):
            list_sources(self.folder, "pairs")

    def test_errors(self):
        self.touch("ink/1.png", "ink/notes.txt")
        (self.folder / "empty").mkdir()
        (self.folder / "photos").mkdir()
        (self.folder / "comics").mkdir()
        for sources, kind, message in (
            ([], "photos", r"must name a folder. Received: sources=\[\]"),
            ({}, "photos", r"must name a folder. Received: sources=\{\}"),
            (self.folder / "empty", "photos", "no image or video .*empty"),
            (self.folder / "ink", "clips", "no video here. Received: .*ink"),
            (self.folder / "ink/1.png", "clips", "no video here"),
            (self.folder / "ink", "pairs", "`photos` and `comics`.*: .*ink"),
            (self.folder / "ink/1.png", "pairs", "or from a manifest"),
            (self.folder, "pairs", "no image here"),
        ):
            with self.assertRaisesRegex(ValueError, message):
                list_sources(sources, kind)
        with self.assertRaisesRegex(
            FileNotFoundError, "no such file or folder. Received: .*missing"
        ):
            list_sources(self.folder / "missing", "photos")


class PatternsTest(SourcesTest):
    def test_folders_are_searched(self):
        self.touch("ink/a/1.png", "ink/2.png", "ink/.c/3.png", "wash/1.png")
        self.assertEqual(
            self.names(self.folder / "i*"), ["ink/2.png", "ink/a/1.png"]
        )
        self.assertEqual(
            self.names(self.folder / "**" / "?.png"),
            ["ink/2.png", "ink/a/1.png", "wash/1.png"],
        )

    def test_clips(self):
        self.touch("a/1.png", "a/2.png", "a/b.mp4", "b/1.png", "b/2.png")
        self.assertEqual(
            self.names(self.folder / "*", kind="clips"), ["a", "a/b.mp4", "b"]
        )


class ManifestsTest(SourcesTest):
    rows = [
        {
            "file": "ink/1.png",
            "source": 'A "book", 1915',
            "license": "CC0",
            "label": "pen",
            "split": "eval",
            "width": "32",
        },
        {"file": "ink/train/2.png", "source": "", "license": ""},
    ]

    def expected(self):
        return [
            Source(
                self.folder / "ink/1.png",
                "ink/1.png",
                "pen",
                "eval",
                'A "book", 1915',
                "CC0",
            ),
            Source(
                self.folder / "ink/train/2.png",
                "ink/train/2.png",
                "ink",
                "train",
            ),
        ]

    @parameterized.parameters("utf-8", "utf-8-sig")
    def test_csv(self, encoding):
        path = self.write(
            "list.csv",
            "file,source,license,label,split,width\n"
            'ink/1.png,"A ""book"", 1915",CC0,pen,eval,32\n'
            "ink/train/2.png,,\n",
            encoding,
        )
        self.assertEqual(list_sources(path, "comics"), self.expected())

    def test_what_is_known_of_files_found_otherwise(self):
        self.touch("ink/1.png", "ink/train/2.png", "ink/train/3.png")
        self.write("tables/list.csv", "licence,file\nMIT,../ink/train/3.png\n")
        sources = list_sources(
            self.folder / "ink",
            "comics",
            manifest=self.folder / "tables" / "list.csv",
        )
        self.assertEqual(
            [(s.name, s.label, s.license) for s in sources],
            [
                ("1.png", "ink", ""),
                ("train/2.png", "train", ""),
                ("train/3.png", "train", "MIT"),
            ],
        )

    def test_pairs(self):
        path = self.write("list.csv", "file,comic\na.jpg,drawn/b.png\n")
        (source,) = list_sources(path, "pairs")
        self.assertEqual(source.path, self.folder / "a.jpg")
        self.assertEqual(source.comic, self.folder / "drawn" / "b.png")
        path = self.write("list.csv", "file,comic\na.jpg,\n")
        with self.assertRaisesRegex(ValueError, "must have the column comic"):
            list_sources(path, "pairs")


class SplitTest(parameterized.TestCase):
    def sources(self, count, split="train"):
        return [
            Source(Path(f"{i}.png"), f"{i}.png", "ink", split)
            for i in range(count)
        ]

    def test_fraction(self):
        sources = self.sources(2000)
        for fraction in (0.0, 0.1, 0.5, 1.0):
            splits = [choose_split(source, fraction) for source in sources]
            self.assertAlmostEqual(
                splits.count("eval") / 2000, fraction, delta=0.03
            )
            self.assertLessEqual(set(splits), {"train", "eval"})

    def test_the_choice_stays(self):
        # It may never change: what was trained on must not be evaluated on.
        # These are the names whose SHA-256 begins with one of 0 to 7.
        chosen = [choose_split(s, 0.5) for s in self.sources(8)]
        found = [number for number in range(8) if chosen[number] == "eval"]
        self.assertEqual(found, [2, 4, 7])


class ReadManifestTest(SourcesTest):
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
