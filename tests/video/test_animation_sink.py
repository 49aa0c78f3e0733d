import numpy as np
from absl.testing import parameterized
from PIL import Image

from keras_comic.video.frame_sink import write_frames
from tests.data.videos import scene
from tests.video.sink_test_case import SinkTestCase
from tests.video.sink_test_case import timed


class AnimationSinkTest(SinkTestCase, parameterized.TestCase):
    @parameterized.parameters(".gif", ".webp", ".png")
    def test_still_parts_stay_the_same(self, suffix):
        frames = np.stack([scene(1, seed=0)[0]] * 4)
        for number, frame in enumerate(frames):
            frame[8:16, 8 * number : 8 * number + 8] = (250, 20, 60)
        path = self.folder / f"a{suffix}"
        write_frames(frames, path, 10)
        _, found, images = self.read(path)
        self.assertLen(found, 4)
        self.assertAllEqual(images[1:, 32:], images[:-1, 32:])

    @parameterized.parameters(".gif", ".webp", ".png")
    def test_loops(self, suffix):
        for loop in (0, 1, 3):
            path = self.folder / f"{loop}{suffix}"
            write_frames(scene(3, seed=0), path, 10, loop=loop)
            self.assertEqual(self.read(path)[0].loop, loop)

    def test_close_frames_are_left_out(self):
        frames = timed(scene(4, seed=0), [0, 0.002, 0.1, 0.2])
        write_frames(frames, self.folder / "a.gif", 10)
        _, found, _ = self.read(self.folder / "a.gif")
        self.assertAllClose([f.time for f in found], [0, 0.1, 0.2])

    @parameterized.parameters(".gif", ".webp", ".png")
    def test_last_frame_lasts_as_long_as_it_should(self, suffix):
        path = self.folder / f"a{suffix}"
        images = scene(3, seed=0)
        # In WebP, equal frames become one.
        for frames in (images, images[[0, 1, 1]], images[:2]):
            write_frames(frames, path, 4)
            self.assertEqual(self.read(path)[0].end_time, len(frames) / 4)

    def test_single_frame(self):
        for suffix in (".gif", ".webp", ".png"):
            path = self.folder / f"a{suffix}"
            write_frames(scene(1, seed=0), path, 10)
            with Image.open(path) as picture:
                self.assertEqual(picture.size, (64, 48))
