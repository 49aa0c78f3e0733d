import io
import json
import os
import sys

import numpy as np
import pytest
from absl.testing import parameterized
from PIL import Image

from keras_comic.data import read_image
from keras_comic.data.paths import path_of
from keras_comic.data.paths import write_whole
from keras_comic.models.image_files import stylize_files
from keras_comic.serving.beam_stylize import check_folders
from keras_comic.serving.beam_stylize import stylize_with_beam
from tests.serving.small_saved_model import small_saved_model
from tests.test_case import TestCase
from tests.test_case import photos
from tests.test_case import requires_tensorflow

fn_runner = pytest.importorskip(
    "apache_beam.runners.portability.fn_api_runner.fn_runner"
)
IN_PROCESSES = [
    "--direct_running_mode=multi_processing",
    "--direct_num_workers=2",
]
BAD = {
    "empty.png": "The file is empty",
    "moving.gif": "It moves",
    "page.jpg": "not an image",
    "cut.jpg": "truncated",
    "small.png": "at least 32 pixels",
}


class RepeatingRunner(fn_runner.FnApiRunner):
    """Does every bundle of work twice, as after failures."""

    def __init__(self):
        super().__init__(bundle_repeat=1)


def save_photos(folder, count=6):
    """Pictures of three sizes, and files that cannot be stylised."""
    (folder / "sub").mkdir(parents=True)
    for seed in range(count):
        picture = Image.fromarray(photos(40 + seed % 3, 48, 3, seed=seed))
        suffix = ("png", "jpg", "webp")[seed % 3]
        picture.save(folder / ("sub" if seed % 2 else "") / f"{seed}.{suffix}")
    Image.fromarray(photos(40, 48, 3)).save(folder / "0.tif")
    Image.fromarray(photos(20, 48, 3)).save(folder / "small.png")
    (folder / "empty.png").touch()
    (folder / "page.jpg").write_text("<!DOCTYPE html><title>404</title>")
    whole = (folder / "sub" / "1.jpg").read_bytes()
    (folder / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    first, second = (
        Image.fromarray(photos(40, 48, 3, seed=s)) for s in range(2)
    )
    first.save(folder / "moving.gif", save_all=True, append_images=[second])
    return folder


def comics_of(folder):
    """Dict of names to bytes."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*.png")
    }


def pixels(contents):
    return np.asarray(Image.open(io.BytesIO(contents))).astype("int64")


@requires_tensorflow
class StylizeWithBeamTest(parameterized.TestCase, TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.temporary_folder()
        # A pattern's characters in a name must not matter.
        self.output = self.folder / "out [1]*"
        self.generator, self.saved_model = small_saved_model()

    def stylize(self, sources, output=None, **arguments):
        output = output or self.output
        return stylize_with_beam(sources, output, self.saved_model, **arguments)

    def check(self, **arguments):
        """The same comics as `stylize_files` makes, and the same failures."""
        sources = save_photos(self.folder / "in")
        done = self.stylize(sources, **arguments)
        arguments.pop("options", None)
        expected = stylize_files(
            self.generator, sources, self.folder / "expected", **arguments
        )
        self.assertEqual(done[:3], (7, 0, 5))
        self.assertLen(expected.written, 7)
        comics = comics_of(self.output)
        expected = comics_of(self.folder / "expected")
        self.assertEqual(sorted(comics), sorted(expected))
        for name, contents in comics.items():
            # A batch may be rounded in another way than one photo.
            difference = np.abs(pixels(contents) - pixels(expected[name]))
            self.assertLessEqual(difference.max(), 1)
        with open(done.failures) as file:
            failures = {
                row["photo"].rpartition("/")[2]: row["reason"]
                for row in map(json.loads, file)
            }
        self.assertEqual(sorted(failures), sorted(BAD))
        for name, reason in BAD.items():
            self.assertIn(reason, failures[name])
        left = sorted(p.name for p in self.output.iterdir() if p.is_file())
        self.assertEqual(left[-2:], ["failures.jsonl", "report.json"])
        return sources, comics

    @pytest.mark.slow
    def test_goes_on_where_it_stopped(self):
        sources, comics = self.check()
        (self.output / "2.png").unlink()
        (self.output / "4.png").write_bytes(b"made before")
        done = self.stylize(sources)
        self.assertEqual(done[:3], (1, 6, 5))
        found = comics_of(self.output)
        self.assertEqual(found.pop("4.png"), b"made before")
        comics.pop("4.png")
        self.assertEqual(found, comics)
        report = json.loads((self.output / "report.json").read_text())
        self.assertEqual(report, {"written": 1, "skipped": 6, "failed": 5})

    @parameterized.named_parameters(
        ("style", {"style": "wash", "strength": 0.5, "keep_color": True}),
        ("mix", {"style": {"wash": 1.0, "ink": 2.0}}),
        ("repeated", {"options": [f"--runner={__name__}.RepeatingRunner"]}),
    )
    @pytest.mark.slow
    def test_settings(self, arguments):
        self.check(**arguments)

    @pytest.mark.slow
    def test_processes(self):
        self.check(options=IN_PROCESSES)

    @pytest.mark.slow
    def test_style_of_a_file(self):
        sources = save_photos(self.folder / "in", 2)
        drawing = sources / "0.png"
        done = self.stylize(sources / "0.tif", style=str(drawing))
        self.assertEqual(done[:3], (1, 0, 0))
        expected = self.generator.stylize(
            read_image(sources / "0.tif"), read_image(drawing)
        )
        (comic,) = comics_of(self.output).values()
        self.assertLessEqual(np.abs(pixels(comic) - expected).max(), 1)

    @pytest.mark.slow
    def test_urls(self):
        store = path_of("memory://bulk")
        sources = save_photos(self.folder / "in")
        for path in sources.rglob("*.*"):
            name = path.relative_to(sources).as_posix()
            write_whole(store / "in" / name, path.read_bytes())
        for expected in ((7, 0, 5), (0, 7, 5)):
            done = self.stylize("memory://bulk/in", "memory://bulk/out")
            self.assertEqual(done[:3], expected)
            self.assertEqual(done.failures, "memory://bulk/out/failures.jsonl")
        self.stylize(sources)
        made = {
            path.relative_to(store / "out").as_posix(): path.read_bytes()
            for path in (store / "out").rglob("*.png")
        }
        self.assertEqual(made, comics_of(self.output))

    @pytest.mark.slow
    def test_no_image(self):
        sources = self.folder / "empty"
        sources.mkdir()
        with self.assertRaisesRegex(ValueError, "hold no image.*empty"):
            self.stylize(sources)

    @pytest.mark.slow
    def test_s3(self):
        from tests.data.s3_server import s3_server

        store = path_of(self.enterContext(s3_server()))
        sources = save_photos(self.folder / "in", 3)
        for path in sources.rglob("*.*"):
            name = path.relative_to(sources).as_posix()
            write_whole(store / "in" / name, path.read_bytes())
        for path in self.saved_model.rglob("*.*"):
            name = path.relative_to(self.saved_model).as_posix()
            if path.is_file():
                model = store / "model" / "1" / name
                write_whole(model, path.read_bytes())
        options = [f"--s3_endpoint_url={os.environ['AWS_ENDPOINT_URL']}"]
        for expected in ((4, 0, 5), (0, 4, 5)):
            done = stylize_with_beam(
                str(store / "in"),
                str(store / "out"),
                str(store / "model" / "1"),
                options=options,
            )
            self.assertEqual(done[:3], expected)
        names = ["0.png.png", "0.tif.png", "2.png", "sub/1.png"]
        names += ["failures.jsonl", "report.json"]
        out = store / "out"
        found = [str(f.relative_to(out)) for f in out.rglob("*.*")]
        self.assertEqual(sorted(found), sorted(names))
        local = self.stylize(sources)
        self.assertEqual(local[:3], (4, 0, 5))
        for name, contents in comics_of(self.output).items():
            self.assertEqual((out / name).read_bytes(), contents)

    def test_errors(self):
        sources = save_photos(self.folder / "in", 2)
        for error, message, given, arguments in (
            (ValueError, "in .0, 1.*strength=2", sources, {"strength": 2}),
            (ValueError, "one of .'ink'.*'oil'", sources, {"style": "oil"}),
            (FileNotFoundError, "no such file.*none", "none", {}),
            (ValueError, "another folder.*/in", sources, {"output": sources}),
        ):
            with self.assertRaisesRegex(error, message):
                self.stylize(given, **arguments)
        with self.assertRaisesRegex(FileNotFoundError, "no SavedModel"):
            stylize_with_beam(sources, self.output, self.folder)

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
            stylize_with_beam("in", self.output, "model")


class CheckFoldersTest(TestCase):
    def test_paths(self):
        folder = self.temporary_folder()
        (folder / "in" / "a").mkdir(parents=True)
        (folder / "in" / "b").mkdir()
        sources, output = check_folders(folder / "in", folder / "in" / "out")
        self.assertEqual(sources, [str(folder / "in")])
        self.assertEqual(output, str(folder / "in" / "out"))
        write_whole("memory://bulk/in/a.png", b"1")
        both = ["memory://bulk/in/", folder / "in" / "a"]
        sources, output = check_folders(both, "memory://bulk/out/")
        self.assertEqual(sources[0], "memory://bulk/in")
        self.assertEqual(output, "memory://bulk/out")

    def test_errors(self):
        folder = self.temporary_folder()
        for name in ("one/in", "two/in"):
            (folder / name).mkdir(parents=True)
        for error, message, sources, output in (
            (ValueError, "must name a file", [], "out"),
            (
                ValueError,
                "another name.*one/in.*two/in",
                [folder / "one" / "in", folder / "two" / "in"],
                "out",
            ),
            (ValueError, "not one above", folder / "one" / "in", folder),
            (FileNotFoundError, "memory://b/none", "memory://b/none", "out"),
        ):
            with self.assertRaisesRegex(error, message):
                check_folders(sources, output)
