import json
import os
import sys

import pytest
from absl.testing import parameterized
from PIL import Image

from keras_comic.comic.panels import find_panels
from keras_comic.data.beam import write_records_with_beam
from keras_comic.data.build import write_records
from keras_comic.data.cleaning import CleaningRules
from keras_comic.data.clip_record_maker import ClipRecordMaker
from keras_comic.data.image_record_maker import ImageRecordMaker
from keras_comic.data.paths import list_folder  # noqa: E402
from keras_comic.data.paths import path_of  # noqa: E402
from keras_comic.data.paths import write_whole  # noqa: E402
from keras_comic.data.shard_layout import ShardLayout
from keras_comic.data.tfrecord import INSTALLING
from keras_comic.data.tfrecord import read_records
from tests.data.pages import draw_comic_page
from tests.data.pages import draw_scene
from tests.data.pictures import save_noise
from tests.test_case import TestCase

fn_runner = pytest.importorskip(
    "apache_beam.runners.portability.fn_api_runner.fn_runner"
)
TWO = ShardLayout(num_shards=2)
IN_PROCESSES = [
    "--direct_running_mode=multi_processing",
    "--direct_num_workers=2",
]


class FailingMaker(ImageRecordMaker):
    """Ends the pipeline."""

    def iterate(self, source, drops, conversions):
        raise RuntimeError(f"a fault at {source.name}")


def files_of(folder):
    """Dict of names to bytes of all that lies in a folder."""
    files = folder.iterdir()
    return {path.name: path.read_bytes() for path in files if path.is_file()}


def save_sources(folder):
    """Thirty odd pictures: good, broken, small, the same, pages, Unicode."""
    for label in ("ink", "wash"):
        (folder / label).mkdir(parents=True)
        for seed in range(10):
            scene = draw_scene(72, 80 + seed, 10 * seed + len(label))
            suffix = ("png", "jpg", "webp")[seed % 3]
            Image.fromarray(scene).save(folder / label / f"{seed}.{suffix}")
    ink = folder / "ink"
    scene = Image.fromarray(draw_scene(72, 80, 99))
    scene.convert("CMYK").save(ink / "cmyk.jpg")
    scene.convert("RGBA").save(ink / "alpha.png")
    scene.resize((20, 18)).save(ink / "small.png")
    (folder / "wash" / "same.png").write_bytes((ink / "0.png").read_bytes())
    whole = (ink / "1.jpg").read_bytes()
    (ink / "cut.jpg").write_bytes(whole[: len(whole) // 3])
    (ink / "empty.png").write_bytes(b"")
    (ink / "page.jpg").write_text("<!DOCTYPE html><title>404</title>")
    scene.save(folder / "Fräulein 漫画.png")
    scene.save(os.fsencode(folder) + b"/not-utf-8-\xff.png", "PNG")
    for seed in range(2):
        boxes = [(10, 10, 110, 120), (10, 138, 110, 140), (128, 10, 110, 268)]
        page = draw_comic_page(248, 288, boxes, seed=3 * seed)
        Image.fromarray(page).save(folder / f"page-{seed}.png")
    return folder


class BeamTest(parameterized.TestCase, TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.temporary_folder()
        # A pattern's characters in a name must not matter.
        self.output = self.folder / "out [1]*"

    def check(self, sources, maker, options=None, **arguments):
        """Builds both ways and compares everything."""
        layout = ShardLayout(**arguments)
        expected = write_records(
            sources, self.folder / "expected", maker, layout, num_workers=1
        )
        written = write_records_with_beam(
            sources, self.output, maker, layout, options=options
        )
        self.assertEqual(
            [path.name for path in written.shards],
            [path.name for path in expected.shards],
        )
        self.assertEqual(
            {path.parent for path in written.shards}, {self.output}
        )
        self.assertEqual(written[1:], expected[1:])
        files = files_of(self.output)
        self.assertEqual(files, files_of(self.folder / "expected"))
        return written

    def test_cleaned(self):
        sources = save_sources(self.folder / "in")
        maker = ImageRecordMaker(
            "comics",
            image_size=64,
            rules=CleaningRules(min_side=32),
            panel_finder=find_panels,
            variants=["grayscale"],
        )
        written = self.check(sources, maker, num_shards=3, eval_fraction=0.3)
        self.assertLen(written.shards, 6)
        self.assertEqual(written.conversions["panel of a page"], 6)
        self.assertContainsSubset(
            {"not an image", "duplicate", "near duplicate", "too small"},
            {drop.rule for drop in written.drops},
        )

    def test_pairs_and_clips(self):
        pairs = self.folder / "pairs"
        names = [
            f"{kind}/{i}.png" for kind in ("photos", "comics") for i in "ab"
        ]
        save_noise(pairs, *names)
        self.check(pairs, "pairs")
        save_noise(self.folder / "clips", *(f"a/{i}.png" for i in range(5)))
        self.output = self.folder / "clips-out"
        expected = self.folder / "expected"
        expected.rename(self.folder / "expected-pairs")
        self.check({"x": self.folder / "clips"}, ClipRecordMaker(2))

    @pytest.mark.slow
    def test_processes(self):
        sources = save_sources(self.folder / "in")
        maker = ImageRecordMaker(
            "comics", rules=CleaningRules(), panel_finder=find_panels
        )
        self.check(sources, maker, IN_PROCESSES, num_shards=2)

    def test_each_builder_finds_the_work_of_the_other(self):
        sources = save_noise(self.folder / "in", "a.png", "b.png", "c.png")
        builders = [write_records, write_records_with_beam]
        for order in (builders, builders[::-1]):
            output = self.folder / order[0].__name__
            output.mkdir()
            for name in ("train-00000-of-00009.tfrecord", "note.txt"):
                (output / name).touch()
            stats = []
            for build in order:
                written = build(sources, output, "photos", TWO)
                self.assertEqual(written.counts, {"in": 3})
                stats.append([path.stat() for path in written.shards])
            self.assertEqual(*stats)
            records = read_records([str(path) for path in written.shards])
            self.assertLen([*records], 3)
            # Those of an older build are gone, all else stays.
            self.assertCountEqual(
                files_of(output),
                [
                    "note.txt",
                    "train-00000-of-00002.tfrecord",
                    "train-00001-of-00002.tfrecord",
                    "train.manifest.json",
                ],
            )

    def test_goes_on_where_the_other_builder_was_interrupted(self):
        sources = save_noise(self.folder / "in", *(f"{i}.png" for i in "abc"))

        def interrupt(done, total):
            raise KeyboardInterrupt

        with self.assertRaises(KeyboardInterrupt):
            write_records(sources, self.output, "photos", progress=interrupt)
        self.check(sources, "photos")

    def test_a_failure_changes_nothing(self):
        sources = save_noise(self.folder / "in", "a.png", "b.png")
        write_records_with_beam(sources, self.output, "photos")
        before = files_of(self.output)
        for _ in range(2):
            with self.assertRaisesRegex(RuntimeError, "a fault at [ab].png"):
                write_records_with_beam(
                    sources, self.output, FailingMaker("photos", 8)
                )
            self.assertEqual(files_of(self.output), before)
            # Of a build that was interrupted while it replaced shards.
            (self.output / ".train.build" / INSTALLING).touch()
        write_records_with_beam(sources, self.output, "photos")
        self.assertCountEqual(files_of(self.output), before)

    def test_urls(self):
        store = path_of("memory://bucket")
        sources = save_sources(self.folder / "in")
        for path in sources.rglob("*.*"):
            name = path.relative_to(sources).as_posix()
            if "\udcff" in name:
                path.unlink()
            else:
                write_whole(store / "in" / name, path.read_bytes())
        maker = ImageRecordMaker(
            "comics", rules=CleaningRules(), panel_finder=find_panels
        )
        expected = write_records(sources, self.folder / "out", maker, TWO)
        for _ in range(2):
            written = write_records_with_beam(
                "memory://bucket/in",
                "memory://bucket/out",
                maker,
                TWO,
            )
            self.assertEqual(
                [str(path) for path in written.shards],
                [f"memory://bucket/out/{p.name}" for p in expected.shards],
            )
            self.assertEqual(written.counts, expected.counts)
            self.assertEqual(written.conversions, expected.conversions)
            for drop, local in zip(written.drops, expected.drops, strict=True):
                self.assertEqual(
                    [drop.path, drop.reason],
                    [
                        text.replace(str(sources), "memory://bucket/in")
                        for text in (local.path, local.reason)
                    ],
                )
        made = {
            path.name: path.read_bytes()
            for path in list_folder(store / "out")
            if path.is_file()
        }
        local = files_of(self.folder / "out")
        self.assertCountEqual(made, local)
        for name, content in local.items():
            if name.endswith(".json"):
                manifest = json.loads(made[name])
                self.assertEqual(
                    manifest["shards"], json.loads(content)["shards"]
                )
            else:
                self.assertEqual(made[name], content, name)

    def test_errors(self):
        sources = save_noise(self.folder / "in", "a.png", "b.png")

        def build(kind="photos", given=sources, **arguments):
            write_records_with_beam(given, self.output, kind, **arguments)

        for error, message, arguments in (
            (
                ValueError,
                "not exceed the number.*=3",
                {"layout": ShardLayout(num_shards=3)},
            ),
            (ValueError, "`kind` must be.*=songs", {"kind": "songs"}),
            (FileNotFoundError, "Received: no", {"given": "no"}),
            (ValueError, "none://", {"given": "none://bucket"}),
        ):
            with self.assertRaisesRegex(error, message):
                build(**arguments)
        rules = CleaningRules(min_side=1000)
        with self.assertRaisesRegex(ValueError, "None of the 2 images"):
            build(ImageRecordMaker("photos", rules=rules))
        self.assertEqual(files_of(self.output), {})

    def test_without_beam(self):
        found = {
            name: sys.modules.pop(name)
            for name in list(sys.modules)
            if name.partition(".")[0] == "apache_beam"
        }
        self.addCleanup(sys.modules.update, found)
        self.addCleanup(sys.modules.pop, "apache_beam")
        sys.modules["apache_beam"] = None
        with self.assertRaisesRegex(ImportError, r"keras-comic\[beam\]"):
            write_records_with_beam("in", self.output, "photos")
