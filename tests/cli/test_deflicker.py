import numpy as np
import typer
from typer.testing import CliRunner

from keras_comic.cli.deflicker import deflicker
from keras_comic.video.deflicker import Deflicker
from keras_comic.video.frame_sink import write_frames
from keras_comic.video.frame_source import open_frames
from tests.data.videos import scene
from tests.test_case import TestCase

# By itself, as `keras_comic.cli.main` adds it.
app = typer.Typer()
app.command("deflicker")(deflicker)


class DeflickerTest(TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.temporary_folder()
        self.frames = scene(5, seed=0)
        self.comics = self.frames + np.uint8([[[[20]]], [[[0]]]] * 3)[:5]
        self.source = self.save("source.mkv", self.frames)
        self.stylized = self.save("stylized.mkv", self.comics)
        self.output = self.folder / "output"

    def save(self, name, frames):
        path = self.folder / name
        write_frames(frames, path, 25, codec="ffv1")
        return path

    def run_deflicker(self, *arguments, exit_code=0):
        arguments = [self.source, *arguments, "-o", self.output]
        result = CliRunner().invoke(app, [str(a) for a in arguments])
        self.assertEqual(result.exit_code, exit_code, result.output)
        return result.output

    def test_options(self):
        printed = self.run_deflicker(
            self.stylized, "--strength", 0.5, "--flow", "dis"
        )
        self.assertIn("5 frames", printed)
        by_hand = Deflicker("dis", 0.5)
        for frame, source, comic in zip(
            open_frames(self.output, scene_cuts=False),
            self.frames,
            self.comics,
        ):
            expected = by_hand.process(source, comic)
            self.assertAllEqual(frame.image, expected)

    def test_errors(self):
        printed = self.run_deflicker(
            self.stylized, "--flow", "raft", exit_code=2
        )
        self.assertIn("flow='raft'", printed)
        self.run_deflicker(self.folder / "absent.mp4", exit_code=2)
        short = self.save("short.mkv", self.comics[:3])
        printed = self.run_deflicker(short, exit_code=1)
        self.assertIn("Wrote", printed)
        self.assertIn("ends before its source", printed)
        # It is there already.
        self.run_deflicker(self.stylized, exit_code=2)
        self.run_deflicker(self.stylized, "--overwrite")
