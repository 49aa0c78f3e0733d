import keras
import numpy as np
from absl.testing import parameterized

from keras_comic.models import AdaINGenerator
from keras_comic.video import write_frames
from keras_comic.video.video_stylizer import CONSISTENCIES
from keras_comic.video.video_stylizer import VideoStylizer
from tests.test_case import TestCase
from tests.test_case import photos


class VideoStylizerTest(TestCase, parameterized.TestCase):
    @classmethod
    def setUpClass(cls):
        # Before the seeds of each test.
        keras.utils.set_random_seed(1)
        cls.generator = AdaINGenerator.light((4, 8, 4, 4), 1, 8)
        cls.generator.add_style("wright", photos(32, 32, 3, seed=1))
        cls.generator.add_style("neill", photos(32, 32, 3, seed=2) // 4)
        still = photos(48, 64, 3, seed=3)
        cls.frames = np.stack([np.roll(still, 2 * t, axis=1) for t in range(4)])

    def test_none_is_stylize(self):
        stylizer = VideoStylizer(self.generator, "neill", "none", strength=0.6)
        expected = self.generator.stylize(self.frames, "neill", 0.6)
        for frame, comic in zip(self.frames, expected):
            difference = stylizer.stylize(frame).astype(int) - comic
            self.assertLessEqual(np.abs(difference).max(), 1)

    @parameterized.parameters(*CONSISTENCIES)
    def test_goes_on_from_its_state(self, consistency):
        def make():
            return VideoStylizer(
                self.generator, consistency=consistency, first_pass=False
            )

        stylizer, other = make(), make()
        for frame in self.frames[:2]:
            stylizer.stylize(frame)
        other.set_state(stylizer.get_state())
        for frame in self.frames[2:]:
            self.assertAllEqual(stylizer.stylize(frame), other.stylize(frame))

    @parameterized.parameters("statistics", "difference", "flow")
    def test_still_frames_stay_still(self, consistency):
        stylizer = VideoStylizer(
            self.generator, consistency=consistency, first_pass=False
        )
        comics = [stylizer.stylize(self.frames[0]) for _ in range(4)]
        self.assertAllEqual(comics[1], comics[0])
        self.assertAllEqual(comics[3], comics[0])

    @parameterized.parameters("statistics", "difference", "flow")
    def test_every_level_keeps_colors(self, consistency):
        stylizer = VideoStylizer(
            self.generator,
            consistency=consistency,
            keep_color=True,
            first_pass=False,
        )
        found = stylizer.stylize(self.frames[0], True)
        expected = self.generator.stylize(self.frames[0], keep_color=True)
        difference = np.abs(found.astype(int) - expected)
        self.assertLess(difference.mean(), 1.0)

    def test_mask_and_color(self):
        mask = np.tile(np.arange(64) < 32, (48, 1))
        stylizer = VideoStylizer(
            self.generator, consistency="none", mask=mask, keep_color=True
        )
        found = stylizer.stylize(self.frames[0])
        self.assertAllEqual(found[:, 32:], self.frames[0][:, 32:])
        expected = self.generator.stylize(
            self.frames[0], mask=mask, keep_color=True
        )
        difference = np.abs(found.astype(int) - expected)
        self.assertLess(difference.mean(), 1.0)

    def test_frames(self):
        path = self.temporary_folder() / "in.gif"
        write_frames(self.frames, path, frame_rate=10)
        stylizer = VideoStylizer(self.generator, consistency="statistics")
        self.assertTrue(stylizer.needs_first_pass)
        found = list(stylizer.frames(path))
        self.assertEqual([f.number for f in found], [0, 1, 2, 3])
        self.assertEqual(found[0].image.shape, (48, 64, 3))
        self.assertEqual(stylizer.last_share, 1.0)
        again = [f.image for f in stylizer.frames(path)]
        self.assertAllEqual(np.stack(again), np.stack([f.image for f in found]))

    def test_errors(self):
        with self.assertRaisesRegex(ValueError, "Received: consistency='f'"):
            VideoStylizer(self.generator, consistency="f")
        with self.assertRaisesRegex(ValueError, "Received: strength=2"):
            VideoStylizer(self.generator, strength=2)
