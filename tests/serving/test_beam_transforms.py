import collections
import importlib
import json
import os
import sys
from pathlib import Path

import pytest
from absl.testing import parameterized
from PIL import Image

from keras_comic.data.paths import write_whole
from keras_comic.models.image_files import plan_outputs
from tests.data.pictures import save_noise
from tests.serving.small_saved_model import small_saved_model
from tests.test_case import TestCase
from tests.test_case import photos
from tests.test_case import requires_tensorflow

beam = pytest.importorskip("apache_beam")
steps = pytest.importorskip("keras_comic.serving.beam_transforms")
handlers = pytest.importorskip("keras_comic.serving.comic_model_handler")
ComicModelHandler = handlers.ComicModelHandler
RUNNER = "FnApiRunner"
NAMES = ("a.jpg", "b/x.y.JPG", "b/a.png", "c.png", "c.webp", "漫画.png")

collected = {}


def keep(value, name):
    collected[name].append(value)


def list_photos(sources, output, overwrite=False):
    """Returns the pairs of paths, the skipped and the failures."""
    with beam.Pipeline(RUNNER) as pipeline:
        listed = pipeline | steps.ListPhotos(
            list(map(str, sources)), str(output), overwrite
        )
        for name, values in listed.items():
            collected[name] = []
            _ = values | f"Keep {name}" >> beam.Map(keep, name)
    pairs = sorted(
        tuple(map(os.fsdecode, pair)) for pair in collected[steps.PHOTOS]
    )
    skipped = sorted(map(os.fsdecode, collected[steps.SKIPPED]))
    return pairs, skipped, list(map(json.loads, collected[steps.FAILURES]))


class ListPhotosTest(parameterized.TestCase, TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.temporary_folder()

    @parameterized.parameters(["in"], ["in", "other"], ["in", "in/c.png"])
    def test_names_of_stylize_files(self, *sources):
        save_noise(self.folder / "in", *NAMES)
        save_noise(self.folder / "other", "a.png", "b/a.jpg")
        sources = [self.folder / source for source in sources]
        output = self.folder / "in" / "out"
        save_noise(output, "old.png")
        expected = sorted(
            (str(source), str(target))
            for source, target in plan_outputs(sources, output)
        )
        pairs, skipped, failures = list_photos(sources, output)
        self.assertEqual(pairs, expected)
        self.assertEqual((skipped, failures), ([], []))

    def test_leaves_out_what_is_done(self):
        source = save_noise(self.folder / "in", *NAMES)
        output = save_noise(
            self.folder / "out", "a.png", "b/x.y.png", "gone.png", ".c.jpg.png"
        )
        pairs, skipped, _ = list_photos([source], output)
        self.assertEqual(
            skipped, [str(output / "a.png"), str(output / "b" / "x.y.png")]
        )
        self.assertLen(pairs, 4)
        pairs, skipped, _ = list_photos([source], output, overwrite=True)
        self.assertLen(pairs, 6)
        self.assertEqual(skipped, [])

    def test_same_comic_of_two_photos(self):
        source = save_noise(
            self.folder / "in", "a.jpg", "a.webp", "a.jpg.png", "b.png"
        )
        pairs, _, (failure,) = list_photos([source], self.folder / "out")
        self.assertLen(pairs, 3)
        self.assertEqual(failure["photo"], str(source / "a.jpg.png"))
        self.assertIn("in/a.jpg has the same name", failure["reason"])

    def test_names_that_are_not_unicode(self):
        source = save_noise(self.folder / "in", "a.png")
        path = os.fsencode(source) + b"/\xff.png"
        os.rename(source / "a.png", path)
        ((photo, comic),), _, _ = list_photos([source], self.folder / "out")
        self.assertEqual(os.fsencode(photo), path)
        self.assertEndsWith(os.fsencode(comic), b"/out/\xff.png")

    def test_urls(self):
        for name in ("in/a.jpg", "in/b/c.png", "in/d.mp4", "in/e.txt"):
            write_whole(f"memory://list/{name}", b"1")
        write_whole("memory://list/out/a.png", b"1")
        pairs, skipped, _ = list_photos(
            ["memory://list/in"], "memory://list/out"
        )
        self.assertEqual(
            pairs, [("memory://list/in/b/c.png", "memory://list/out/b/c.png")]
        )
        self.assertEqual(skipped, ["memory://list/out/a.png"])


@requires_tensorflow
class StylizePhotosTest(TestCase):
    @pytest.mark.slow
    def test_in_a_pipeline_of_ones_own(self):
        _, saved_model = small_saved_model()
        folder = self.temporary_folder()
        for seed in range(3):
            picture = Image.fromarray(photos(40, 48, 3, seed=seed))
            picture.save(folder / f"{seed}.png")
        (folder / "bad.png").write_bytes(b"no image")
        pairs = [
            (str(path).encode(), str(folder / "out" / path.name).encode())
            for path in sorted(folder.glob("*.png"))
        ]
        missing = (str(folder / "no.png").encode(), pairs[0][1])
        handler = ComicModelHandler(saved_model)
        pipeline = beam.Pipeline(RUNNER)
        made = (
            pipeline
            | beam.Create([*pairs, missing])
            | steps.StylizePhotos(handler, str(folder / "out"))
        )
        for name, values in made.items():
            collected[name] = []
            _ = values | f"Keep {name}" >> beam.Map(keep, name)
        result = pipeline.run()
        result.wait_until_finish()
        written = sorted(os.fsdecode(path) for path in collected["written"])
        self.assertEqual(
            written, [str(folder / "out" / f"{seed}.png") for seed in range(3)]
        )
        failures = sorted(map(json.loads, collected["failures"]), key=str)
        self.assertEqual(
            [row["photo"] for row in failures],
            [str(folder / "bad.png"), str(folder / "no.png")],
        )
        self.assertIn("No such file", failures[1]["reason"])
        counters = collections.Counter()
        # Each step has counters of its own.
        for counter in result.metrics().query()["counters"]:
            if counter.key.metric.namespace == steps.NAMESPACE:
                counters[counter.key.metric.name] += counter.committed
        self.assertEqual(counters["photos_read"], 4)
        self.assertEqual(counters["comics_written"], 3)
        self.assertEqual(counters["photos_failed"], 2)
        self.assertEqual(counters["num_inferences"], 4)


class FilesTest(TestCase):
    def test_path_of(self):
        self.assertEqual(steps.path_of(b"/a/b"), Path("/a/b"))
        self.assertEqual(str(steps.path_of("memory://a/b")), "memory://a/b")


class WithoutBeamTest(parameterized.TestCase, TestCase):
    @parameterized.parameters("beam_transforms", "comic_model_handler")
    def test_error_names_the_extra(self, module):
        module = f"keras_comic.serving.{module}"
        found = {
            name: sys.modules.pop(name)
            for name in list(sys.modules)
            if name == module or name.partition(".")[0] == "apache_beam"
        }
        self.addCleanup(sys.modules.update, found)
        self.addCleanup(sys.modules.pop, "apache_beam")
        sys.modules["apache_beam"] = None
        with self.assertRaisesRegex(ImportError, r"keras-comic\[beam\]"):
            importlib.import_module(module)
