import numpy as np
from absl.testing import parameterized
from PIL import Image

from keras_comic.data.video_reader import VideoError
from keras_comic.video.frame_readers import AnimationReader
from keras_comic.video.frame_readers import is_animation
from tests.data.videos import scene
from tests.test_case import TestCase


def save_animation(path, frames, durations, **options):
    """Saves an animation with Pillow, without loss where it can."""
    pictures = [Image.fromarray(frame) for frame in frames]
    if path.suffix == ".webp":
        options["lossless"] = True
    pictures[0].save(
        path,
        save_all=True,
        append_images=pictures[1:],
        duration=durations,
        loop=0,
        **options,
    )
    return path


class AnimationReaderTest(TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.temporary_folder()

    @parameterized.parameters("a.gif", "a.webp", "a.png")
    def test_frames_and_durations(self, name):
        frames = scene(4, seed=0, height=12, width=16)
        path = self.folder / name
        save_animation(path, frames, [40, 100, 250, 80])
        self.assertTrue(is_animation(path))
        reader = AnimationReader(path)
        self.assertEqual(reader.properties[:2], (16, 12))
        self.assertEqual(reader.properties.num_frames, 4)
        self.assertEqual(reader.loop, 0)
        for _ in range(2):
            found = list(reader.frames())
            self.assertIsNone(reader.error)
            self.assertAllClose(
                [frame.time for frame in found], [0, 0.04, 0.14, 0.39]
            )
            self.assertAllClose(found[-1].duration, 0.08)
            images = np.stack([frame.image() for frame in found])
            if name == "a.gif":
                error = np.abs(images.astype("float64") - frames).mean()
                self.assertLess(error, 6)
            else:
                self.assertAllEqual(images, frames)

    def test_full_colour_of_a_gif(self):
        # Each frame has 256 colours of its own; in all there are more.
        random = np.random.default_rng(0)
        frames = random.integers(0, 256, (3, 16, 16, 3)).astype("uint8")
        path = save_animation(self.folder / "a.gif", frames, 100)
        images = np.stack([f.image() for f in AnimationReader(path).frames()])
        colors = np.unique(images.reshape(-1, 3), axis=0)
        self.assertGreater(len(colors), 500)

    def test_transparent_pixels_lie_on_white(self):
        frames = np.zeros((2, 8, 8, 4), "uint8")
        frames[:, 4:] = (10, 20, 30, 255)
        frames[1, 5] = (40, 50, 60, 255)
        path = save_animation(self.folder / "a.png", frames, 100)
        first, second = (f.image() for f in AnimationReader(path).frames())
        self.assertAllEqual(first[:4], np.full((4, 8, 3), 255))
        self.assertAllEqual(first[5, 0], [10, 20, 30])
        self.assertAllEqual(second[5, 0], [40, 50, 60])

    def test_too_short_durations(self):
        frames = scene(3, seed=0, height=8, width=8)
        path = save_animation(self.folder / "a.gif", frames, [0, 10, 20])
        times = [frame.time for frame in AnimationReader(path).frames()]
        self.assertAllClose(times, [0.0, 0.1, 0.2])

    @parameterized.parameters("a.gif", "a.png")
    def test_truncated(self, name):
        frames = scene(12, seed=0, height=24, width=32)
        path = save_animation(self.folder / name, frames, 100)
        contents = path.read_bytes()
        path.write_bytes(contents[: len(contents) * 2 // 3])
        reader = AnimationReader(path)
        found = list(reader.frames())
        self.assertBetween(len(found), 4, 11)
        self.assertEqual(reader.error.reason, "truncated")
        self.assertRegex(str(reader.error), "breaks off after frame .*path=")

    def test_single_picture(self):
        Image.new("RGB", (5, 4), (1, 2, 3)).save(self.folder / "a.png")
        found = list(AnimationReader(self.folder / "a.png").frames())
        self.assertLen(found, 1)
        self.assertAllEqual(found[0].image()[0, 0], [1, 2, 3])

    def test_errors(self):
        path = self.folder / "a.gif"
        path.write_bytes(b"GIF89a\x10\0\x10\0\xf7\0\0")
        with self.assertRaisesRegex(VideoError, "broken.*Received: path="):
            AnimationReader(path)
        path.write_bytes(b"GIF89a\xff\xff\xff\xff\0\0\0;")
        with self.assertRaises(VideoError):
            AnimationReader(path)
        path.write_bytes(b"<html>")
        self.assertFalse(is_animation(path))
