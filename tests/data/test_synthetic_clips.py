import numpy as np
import pytest

from tests.test_case import TestCase
from tests.test_case import noise

pytest.importorskip("tensorflow")

import tensorflow as tf  # noqa: E402

from keras_comic.data.optical_flow import warp_image  # noqa: E402
from keras_comic.data.synthetic_clips import random_clips  # noqa: E402
from keras_comic.data.synthetic_motion import random_motion  # noqa: E402


def smooth(height, width):
    rows, columns = np.mgrid[:height, :width].astype("float32")
    waves = [np.sin(rows / 9 + i) * np.cos(columns / 11) for i in range(3)]
    return np.stack(waves, axis=-1)[None].astype("float32")


class RandomClipsTest(TestCase):
    def test_from_the_moved_photo_to_the_photo(self):
        photo = noise(2, 40, 48, 3)
        clips = random_clips(photo, 3, seed=5)
        self.assertShape(clips["frames"], (2, 3, 40, 48, 3))
        self.assertAllEqual(clips["frames"][:, -1], photo)
        moved, flow, _ = random_motion(photo, 5)
        self.assertAllClose(clips["frames"][:, 0], moved, atol=1e-5)
        # Of two frames, the flow is that of the motion.
        clips = random_clips(photo, 2, seed=5)
        self.assertAllClose(clips["flow"][:, 0], flow, atol=1e-4)

    def test_the_flow_leads_to_the_next_frame(self):
        photo = smooth(96, 110)
        clips = random_clips(photo, 4, 3, cell_size=40, margin=22)
        self.assertShape(clips["frames"], (1, 4, 52, 66, 3))
        self.assertShape(clips["flow"], (1, 3, 52, 66, 2))
        lengths = np.abs(clips["flow"].numpy()).max(axis=(0, 2, 3, 4))
        for i in range(3):
            frame, following = clips["frames"].numpy()[0, i : i + 2]
            valid = clips["valid"].numpy()[0, i]
            self.assertGreater(valid.mean(), 0.7)
            error = warp_image(following, clips["flow"].numpy()[0, i]) - frame
            # What is left is that of the interpolation, and at the edges that
            # of half a pixel.
            self.assertLess(np.abs(error)[valid].max(), 0.05)
            self.assertLess(np.abs(error)[8:-8, 8:-8].max(), 0.01)
            self.assertGreater(np.abs(following - frame).max(), 0.05)
            # Evenly on the way.
            self.assertLess(abs(lengths[i] - lengths[0]), 0.3 * lengths[0])

    def test_a_shift_by_hand(self):
        photo = noise(1, 8, 20, 1)
        _, motion, _ = random_motion(photo, 2, 6.0, 0.0, 0.0)
        x, y = motion.numpy()[0, 0, 0]
        clips = random_clips(photo, 3, 2, 6.0, 0.0, 0.0)
        self.assertAllClose(
            clips["flow"],
            np.tile(np.float32([x / 2, y / 2]), (1, 2, 8, 20, 1)),
            1e-5,
        )
        rows, columns = np.mgrid[:8, :20]
        for i, share in enumerate((1.0, 0.5)):
            shown = (
                (columns + share * x >= 0)
                & (columns + share * x <= 19)
                & (rows + share * y >= 0)
                & (rows + share * y <= 7)
            )
            leads = (
                (columns + x / 2 >= -0.5)
                & (columns + x / 2 <= 19.5)
                & (rows + y / 2 >= -0.5)
                & (rows + y / 2 <= 7.5)
            )
            self.assertAllEqual(clips["valid"][0, i], shown & leads)

    def test_seed_and_graph(self):
        photo = noise(1, 24, 24, 3)
        clips = random_clips(photo, 3, 1, margin=4)
        again = tf.function(lambda x: random_clips(x, 3, 1, margin=4))(photo)
        other = random_clips(photo, 3, 2, margin=4)
        for name, values in clips.items():
            self.assertAllClose(
                tf.cast(again[name], "float32"),
                tf.cast(values, "float32"),
                atol=1e-5,
            )
        self.assertNotAllClose(clips["flow"], other["flow"], atol=1e-2)

    def test_errors(self):
        for arguments in (
            (noise(24, 24, 3), 3, 1),
            (noise(1, 24, 24, 3), 1, 1),
        ):
            with self.assertRaisesRegex(ValueError, "`num_frames` at least 2"):
                random_clips(*arguments)
        with self.assertRaisesRegex(ValueError, "margin=12"):
            random_clips(noise(1, 24, 24, 3), 3, 1, margin=12)
