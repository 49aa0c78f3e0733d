import numpy as np
from PIL import Image
from typer.testing import CliRunner

from keras_comic import comic
from keras_comic.cli.main import app
from keras_comic.data import read_image
from keras_comic.video import open_frames
from keras_comic.video import write_frames
from tests.data.videos import scene
from tests.test_case import TestCase
from tests.test_case import photos


class RenderTest(TestCase):
    def setUp(self):
        self.folder = self.temporary_folder()
        self.photo = self.folder / "photo.png"
        Image.fromarray(photos(64, 80, 3)).save(self.photo)

    def render(self, *arguments, exit_code=0):
        arguments = ["render", *map(str, arguments)]
        done = CliRunner().invoke(app, arguments)
        self.assertEqual(done.exit_code, exit_code, done.output)
        return done.output

    def test_photo(self):
        target = self.folder / "comic.png"
        output = self.render(self.photo, "-o", target, "--look", "noir")
        self.assertIn(f"Wrote {target}", output)
        expected = comic.render(photos(64, 80, 3), "noir")
        self.assertAllEqual(read_image(target), expected)
        output = self.render(self.photo, "-o", target, exit_code=1)
        self.assertIn("--overwrite replaces it", output)
        self.render(self.photo, "-o", target, "--overwrite", "--lines", "0")
        look = comic.Look(line_weight=0.0)
        expected = comic.render(photos(64, 80, 3), look)
        self.assertAllEqual(read_image(target), expected)

    def test_folder(self):
        photos_folder = self.folder / "photos"
        photos_folder.mkdir()
        for name in ("a.png", "b.png"):
            (photos_folder / name).write_bytes(self.photo.read_bytes())
        (photos_folder / "c.png").write_bytes(b"")
        frames = scene(2, seed=0, height=32, width=32)
        write_frames(frames, photos_folder / "d.gif", 10)
        output = self.render(
            photos_folder, "-o", self.folder / "out", exit_code=1
        )
        self.assertIn("2 comics", output)
        self.assertIn("c.png: The file is empty", output)
        self.assertIn("d.gif: It moves", output)

    def test_video(self):
        frames = scene(3, seed=0)
        write_frames(frames, self.folder / "clip.png", 10)
        target = self.folder / "comic.webp"
        output = self.render(self.folder / "clip.png", "-o", target)
        self.assertIn("3 frames", output)
        found = [frame.image for frame in open_frames(target)]
        expected = comic.render(frames[0])
        self.assertLess(np.abs(found[0].astype(int) - expected).mean(), 4)

    def test_errors(self):
        output = self.render(
            *(self.photo, "-o", "a.png", "--look", "baroque"), exit_code=2
        )
        self.assertIn("--look must be one of comic, bold_ink", output)
        output = self.render("missing.png", "-o", "a.png", exit_code=2)
        self.assertIn("no such file", output)
