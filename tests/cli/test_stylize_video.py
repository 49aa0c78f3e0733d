import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from keras_comic import presets
from keras_comic.cli.main import app
from keras_comic.models import AdaINGenerator
from keras_comic.provenance.metadata import read_provenance
from keras_comic.video import VideoStylizer
from keras_comic.video import open_frames
from keras_comic.video import write_frames
from tests.test_case import TestCase
from tests.test_case import photos
from tests.test_case import requires_tensorflow


@requires_tensorflow
class StylizeVideoTest(TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.preset = Path(folder.name) / "ink"
        generator = AdaINGenerator.light((4, 8, 4, 4), 1, 8)
        generator.add_style("wright", photos(32, 32, 3, seed=1))
        generator.save_to_preset(cls.preset)
        cls.generator = presets.from_preset(cls.preset)
        # Smooth pictures, which a codec keeps.
        rows, columns = np.mgrid[:48, :64]
        cls.frames = np.stack(
            [
                np.stack([rows * 4, columns * 3, rows + columns + 5 * t], -1)
                for t in range(4)
            ]
        ).astype("uint8")
        cls.video = Path(folder.name) / "in.mkv"
        write_frames(cls.frames, cls.video, frame_rate=25)

    def setUp(self):
        self.folder = self.temporary_folder()
        self.output = self.folder / "out.mkv"

    def run_stylize(self, *arguments, exit_code=0):
        result = CliRunner().invoke(
            app,
            ["stylize", "--preset", str(self.preset)]
            + [str(argument) for argument in arguments],
        )
        self.assertEqual(result.exit_code, exit_code, result.output)
        return result.output

    def read(self, path, **options):
        return np.stack([f.image for f in open_frames(path, **options)])

    def assertNear(self, found, expected, mean):
        difference = np.abs(found.astype(int) - expected.astype(int))
        self.assertEqual(found.shape, expected.shape)
        self.assertLess(difference.mean(), mean)

    def check_level(self, consistency):
        frames = self.folder / consistency
        frames.mkdir()
        printed = self.run_stylize(
            self.video, "-o", frames, "--consistency", consistency
        )
        self.assertIn("4 frames", printed)
        stylizer = VideoStylizer(self.generator, consistency=consistency)
        expected = [f.image for f in stylizer.frames(self.video)]
        self.assertNear(self.read(frames), np.stack(expected), 0.1)

    def test_level(self):
        self.check_level("statistics")

    @pytest.mark.slow
    def test_other_levels(self):
        for consistency in ("none", "difference", "flow"):
            self.check_level(consistency)

    def test_provenance(self):
        path = self.folder / "a.mp4"
        self.run_stylize(self.video, "-o", path, "--consistency", "none")
        self.assertEqual(read_provenance(path), self.generator.provenance)
        path = self.folder / "b.mp4"
        self.run_stylize(
            self.video, "-o", path, "--consistency", "none", "--no-provenance"
        )
        self.assertIsNone(read_provenance(path))
        self.run_stylize(
            self.video, "-o", "c.mp4", "--watermark", "1", exit_code=2
        )

    def test_options(self):
        mask = self.folder / "mask.png"
        left = np.tile(np.arange(64) < 32, (48, 1))
        Image.fromarray(np.uint8(255 * left)).save(mask)
        frames = self.folder / "frames"
        frames.mkdir()
        self.run_stylize(
            self.video,
            "-o",
            frames,
            "--consistency",
            "none",
            "--compare",
            "--mask",
            mask,
            "--keep-color",
            "--strength",
            "0.7",
        )
        found = self.read(frames)
        source = self.read(self.video)
        self.assertEqual(found.shape, (4, 48, 128, 3))
        self.assertAllEqual(found[:, :, :64], source)
        expected = self.generator.stylize(
            source, strength=0.7, mask=left, keep_color=True
        )
        self.assertNear(found[:, :, 64:], expected, 0.6)
        self.assertAllEqual(found[:, :, 96:], source[:, :, 32:])

    def test_animation_and_folder(self):
        gif = self.folder / "in.gif"
        write_frames(self.frames, gif, frame_rate=10)
        printed = self.run_stylize(gif, "-o", self.folder / "out.webp")
        self.assertIn("out.webp, 4 frames", printed)
        frames = self.folder / "frames"
        write_frames(self.frames, frames, frame_rate=10)
        printed = self.run_stylize(
            frames, "-o", self.output, "--frame-rate", "10"
        )
        self.assertIn("out.mkv, 4 frames", printed)
        self.assertEqual(open_frames(self.output).frame_rate, 10)
        # Without a video as output, they are photos.
        printed = self.run_stylize(frames, "-o", self.folder / "comics")
        self.assertIn("Wrote 4 comics", printed)

    def test_max_side(self):
        mask = self.folder / "mask.png"
        left = np.tile(np.arange(64) < 32, (48, 1))
        Image.fromarray(np.uint8(255 * left)).save(mask)
        frames = self.folder / "frames"
        frames.mkdir()
        options = ("--consistency", "none", "--mask", mask)
        self.run_stylize(self.video, "-o", frames, *options, "--max-side", "50")
        stylizer = VideoStylizer(
            self.generator, consistency="none", mask=left[:38, 7:57]
        )
        expected = stylizer.frames(self.video, max_side=50)
        expected = np.stack([frame.image for frame in expected])
        self.assertEqual(expected.shape, (4, 38, 50, 3))
        self.assertNear(self.read(frames), expected, 0.1)
        Image.fromarray(np.uint8(255 * left[:38])).save(mask)
        printed = self.run_stylize(
            self.video,
            "-o",
            self.output,
            *options,
            "--max-side",
            "50",
            exit_code=2,
        )
        self.assertIn("(48, 64)", printed)

    def test_several(self):
        broken = self.folder / "broken.mp4"
        broken.write_bytes(b"no video")
        printed = self.run_stylize(
            self.video, broken, "-o", self.folder / "comics", exit_code=1
        )
        self.assertIn("comics/in.mkv, 4 frames", printed)
        self.assertIn("broken.mp4", printed)

    def test_errors(self):
        for arguments, message in (
            (("--size", "64"), "--size must be WIDTHxHEIGHT"),
        ):
            printed = self.run_stylize(
                self.video, "-o", self.output, *arguments, exit_code=2
            )
            self.assertIn(message, printed)
        photo = self.folder / "photo.png"
        Image.fromarray(photos(32, 40, 3)).save(photo)
        printed = self.run_stylize(
            photo, "-o", self.folder / "o.png", "--compare", exit_code=2
        )
        self.assertIn("--compare: for videos", printed)
        printed = self.run_stylize(
            photo,
            "-o",
            self.folder / "o.png",
            *("--consistency", "none"),
            exit_code=2,
        )
        self.assertIn("--consistency: for videos", printed)
        # Both at once are fine, but never over a photo.
        printed = self.run_stylize(
            photo, self.video, "-o", self.folder, exit_code=2
        )
        self.assertIn("would replace a photo", printed)
        printed = self.run_stylize(
            self.folder / "none.mp4", "-o", self.output, exit_code=2
        )
        self.assertIn("There is no such file", printed)
        self.output.write_bytes(b"")
        self.run_stylize(self.video, "-o", self.output, exit_code=2)

    @pytest.mark.slow
    def test_urls(self):
        system = pytest.importorskip("fsspec").filesystem("memory")
        system.store.clear()
        contents = self.video.read_bytes()
        system.pipe("/in/a.mkv", contents)
        system.pipe("/in/broken.mkv", contents[:200])
        options = ("--consistency", "none")
        printed = self.run_stylize(
            "memory://in/a.mkv", "-o", "memory://out.mkv", *options
        )
        self.assertIn("Wrote memory://out.mkv, 4 frames", printed)
        local = self.output.with_name("local.mkv")
        self.run_stylize(self.video, "-o", local, *options)
        self.output.write_bytes(system.cat_file("/out.mkv"))
        self.assertAllEqual(self.read(self.output), self.read(local))
        both = ("memory://in/a.mkv", "memory://in/broken.mkv")
        printed = self.run_stylize(
            *both, "-o", "memory://comics", *options, exit_code=1
        )
        self.assertIn("Wrote memory://comics/a.mkv, 4 frames", printed)
        self.assertIn("memory://in/broken.mkv: ", printed)
        self.assertNotIn(tempfile.gettempdir(), printed)
        self.assertEqual(system.find("/comics"), ["/comics/a.mkv"])
        printed = self.run_stylize(
            self.video, "-o", "memory://comics/b.gif", *options
        )
        self.assertEqual(system.cat_file("/comics/b.gif")[:4], b"GIF8")
        for source, output, more, message in (
            (both[0], "memory://out.mkv", (), "already.*memory://out.mkv"),
            (both[0], both[0], (), "another file.*memory://in/a.mkv"),
            (both[0], "memory://b.mkv", ("--resume",), "--resume.*memory:"),
            (self.video, "memory://frames", (), "not a folder.*frames"),
            (both[1], "memory://b.mkv", (), "Error: .*memory://in/broken"),
            ("memory://no.mkv", self.output, (), "no such.*memory://no.mkv"),
        ):
            printed = self.run_stylize(
                source, "-o", output, *options, *more, exit_code=2
            )
            self.assertRegex(printed.replace("\n", " "), message)

    def test_raw_frames(self):
        run = subprocess.run(
            [
                sys.executable,
                "-c",
                "from keras_comic.cli.main import app; app()",
                "stylize",
                "-",
                "-o",
                "-",
                "--size",
                "64x48",
                "--frame-rate",
                "25",
                "--preset",
                str(self.preset),
                "--consistency",
                "none",
            ],
            input=self.frames.tobytes(),
            capture_output=True,
            check=True,
        )
        found = np.frombuffer(run.stdout, "uint8").reshape(4, 48, 64, 3)
        self.assertNear(found, self.generator.stylize(self.frames), 0.1)
