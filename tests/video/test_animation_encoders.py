import io

import numpy as np
from absl.testing import parameterized
from PIL import Image

from keras_comic.video.animation_encoders import GifEncoder
from keras_comic.video.animation_encoders import GifFile
from keras_comic.video.animation_encoders import PngEncoder
from keras_comic.video.animation_encoders import PngFile
from keras_comic.video.animation_encoders import WebPEncoder
from keras_comic.video.animation_encoders import WebPFile
from keras_comic.video.animation_encoders import changed_box
from keras_comic.video.animation_reader import AnimationReader
from tests.data.videos import scene
from tests.test_case import TestCase

KINDS = {
    "gif": (GifEncoder, GifFile, 100),
    "png": (lambda: PngEncoder({}), PngFile, 1000),
    "webp": (lambda: WebPEncoder({"lossless": True}), WebPFile, 1000),
}


class AnimationEncodersTest(TestCase, parameterized.TestCase):
    def save(self, kind, frames, seconds, loop=0, restart=None):
        make_encoder, make_file, unit = KINDS[kind]
        encoder = make_encoder()
        path = self.temporary_folder() / f"a.{kind}"
        with open(path, "wb") as file:
            writer = make_file(file, frames.shape[2], frames.shape[1], loop)
            for number, (frame, length) in enumerate(zip(frames, seconds)):
                if number == restart:
                    encoder = make_encoder()
                for packet in encoder.encode(frame, number):
                    writer.add(packet, round(length * unit))
            self.assertEqual(encoder.finish(), [])
            writer.close()
        return path

    def read(self, path):
        reader = AnimationReader(path)
        frames = list(reader.frames())
        self.assertIsNone(reader.error)
        return np.stack([frame.image() for frame in frames]), reader

    @parameterized.product(kind=list(KINDS), restart=(None, 2))
    def test_round_trip(self, kind, restart):
        frames = scene(5, seed=0, height=23, width=37)
        # Only a part changes, then nothing.
        frames[3] = frames[2]
        frames[3, 11:14, 5:8] = (250, 10, 20)
        frames[4] = frames[3]
        path = self.save(kind, frames, [0.05, 0.2, 0.1, 0.04, 0.3], 3, restart)
        found, reader = self.read(path)
        with Image.open(path) as picture:
            self.assertEqual(picture.n_frames, 5)
        times = [frame.time for frame in reader.frames()]
        self.assertAllClose(times, [0, 0.05, 0.25, 0.35, 0.39])
        if kind == "gif":
            error = np.abs(found.astype("float64") - frames).mean()
            self.assertLess(error, 6)
            # What stands still stays exactly.
            self.assertAllEqual(found[3, :11], found[2, :11])
            self.assertAllEqual(found[4], found[3])
        else:
            self.assertAllEqual(found, frames)

    @parameterized.parameters("gif", "png", "webp")
    def test_loop(self, kind):
        frames = scene(2, seed=0, height=8, width=8)
        for loop in (0, 1, 3):
            path = self.save(kind, frames, [0.1, 0.1], loop)
            found = AnimationReader(path).loop
            if kind == "gif":
                # Repetitions behind the first time.
                found = {0: 0, 1: 1, 2: 3}[found]
            self.assertEqual(found, loop)

    def test_gif_of_few_colours_is_exact(self):
        random = np.random.default_rng(0)
        palette = random.integers(0, 64, (40, 3)).astype("uint8") * 4
        frames = palette[random.integers(0, 40, (3, 30, 30))]
        found, _ = self.read(self.save("gif", frames, [0.1] * 3))
        error = np.abs(found.astype("int64") - frames)
        self.assertLess(error.max(), 4)

    def test_gif_palette_follows_the_picture(self):
        # Each frame has a hue of its own: no palette would fit all.
        ramp = np.linspace(0, 255, 64).astype("uint8")
        frames = np.zeros((3, 64, 64, 3), "uint8")
        for number, frame in enumerate(frames):
            frame[..., number] = ramp
            frame[..., (number + 1) % 3] = ramp[:, None]
        found, _ = self.read(self.save("gif", frames, [0.1] * 3))
        error = np.abs(found.astype("float64") - frames).mean(axis=(1, 2, 3))
        self.assertLess(error.max(), 8)

    def test_long_frames(self):
        frames = scene(2, seed=0, height=8, width=8)
        path = self.save("png", frames, [70.0, 1.0])
        _, reader = self.read(path)
        times = [frame.time for frame in reader.frames()]
        self.assertAllClose(times, [0.0, 70.0])

    def test_changed_box(self):
        image = np.zeros((6, 8, 3), "uint8")
        self.assertEqual(changed_box(image, None), (0, 0, 8, 6))
        self.assertEqual(changed_box(image, image), (0, 0, 1, 1))
        other = image.copy()
        other[2:5, 3] = 1
        self.assertEqual(changed_box(other, image), (3, 2, 4, 5))

    def test_empty_tail(self):
        file = io.BytesIO()
        GifFile(file, 3, 2, 1).close()
        self.assertEqual(file.getvalue()[-1:], b";")
