from fractions import Fraction

import numpy as np
from absl.testing import parameterized
from PIL import Image

from keras_comic.data.video_frames import read_frames
from tests.data.videos import VideoTestCase
from tests.data.videos import save_video
from tests.data.videos import scene
from tests.data.videos import set_display_matrix


def difference(images, expected):
    return np.abs(np.asarray(images, "float64") - expected).mean()


class VideoFrameTest(VideoTestCase):
    @parameterized.parameters(
        (1, 0, 0, 1, lambda image: image),
        (0, 1, -1, 0, lambda image: np.rot90(image, -1)),
        (-1, 0, 0, -1, lambda image: np.rot90(image, 2)),
        (0, -1, 1, 0, lambda image: np.rot90(image, 1)),
        (-1, 0, 0, 1, lambda image: image[:, ::-1]),
        (1, 0, 0, -1, lambda image: image[::-1]),
        (0, 1, 1, 0, lambda image: np.swapaxes(image, 0, 1)),
        (0, -1, -1, 0, lambda image: np.rot90(np.swapaxes(image, 0, 1), 2)),
    )
    def test_rotation(self, a, b, c, d, turn):
        frames = scene(2, seed=0)
        path = save_video(self.folder / "a.mov", frames)
        set_display_matrix(path, a, b, c, d)
        for frame, expected in zip(read_frames(path), frames, strict=True):
            self.assertAllEqual(frame.image, turn(expected))

    @parameterized.parameters(
        (Fraction(2), (48, 128)),
        (Fraction(1, 2), (96, 64)),
        (Fraction(64, 45), (48, 91)),
        (Fraction(100), (48, 64)),
    )
    def test_square_pixels(self, aspect, size):
        frames = scene(1, seed=0)
        path = save_video(self.folder / "a.mov", frames, aspect=aspect)
        image = next(read_frames(path)).image
        self.assertShape(image, (*size, 3))
        expected = Image.fromarray(frames[0]).resize(size[::-1])
        self.assertLess(difference(image, np.asarray(expected)), 2)

    def test_transparent_pixels_lie_on_white(self):
        frames = scene(2, seed=0)
        alpha = np.full(frames.shape[:3] + (1,), 255, "uint8")
        alpha[:, :24] = 0
        path = save_video(
            self.folder / "a.mov",
            np.concatenate([frames, alpha], axis=-1),
            pixel_format="rgba",
        )
        image = next(read_frames(path)).image
        self.assertAllEqual(image[:24], np.full((24, 64, 3), 255))
        self.assertAllEqual(image[24:], frames[0, 24:])

    @parameterized.parameters((1, 48), (6, 48), (None, 48), (None, 720))
    def test_color_matrix(self, colorspace, height):
        # What names no matrix is BT.601 when small, BT.709 when large.
        frames = np.full((1, height, 64, 3), (40, 200, 90), "uint8")
        path = save_video(
            self.folder / "a.mkv",
            frames,
            codec="ffv1",
            pixel_format="yuv444p",
            colorspace=colorspace,
        )
        image = next(read_frames(path)).image
        expected = (40, 200, 90)
        if colorspace is None and height == 720:
            expected = (29, 178, 87)
        self.assertLess(difference(image, expected), 2.5)
