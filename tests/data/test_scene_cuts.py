import itertools

import numpy as np
from absl.testing import parameterized

from keras_comic.data.scene_cuts import mark_scenes
from keras_comic.data.video_frame import ArrayFrame
from keras_comic.data.video_frames import read_frames
from tests.data.videos import VideoTestCase
from tests.data.videos import save_video
from tests.data.videos import scene
from tests.test_case import SHARED

CLIPS = SHARED / "data" / "clips"


class ScenesTest(VideoTestCase):
    def save_scenes(self, *lengths):
        scenes = [scene(n, seed=k) for k, n in enumerate(lengths)]
        return save_video(self.folder / "a.mov", np.concatenate(scenes))

    @parameterized.parameters(
        ((20,),),
        ((20, 9, 30),),
        ((3, 3, 4, 3),),
        ((1, 10),),
        ((10, 1),),
        ((1,),),
    )
    def test_one_frame_of_each_scene(self, lengths):
        path = self.save_scenes(*lengths)
        found = list(read_frames(path, scene_cuts=True))
        starts = [0, *itertools.accumulate(lengths)]
        self.assertLen(found, len(lengths))
        every = list(read_frames(path))
        for frame, start, length in zip(found, starts, lengths, strict=False):
            middle = start + (length - 1) / 2
            self.assertLessEqual(abs(frame.number - middle), length / 4 + 0.5)
            self.assertAllEqual(frame.image, every[frame.number].image)
            self.assertEqual(frame.time, every[frame.number].time)

    def test_the_sharpest(self):
        # Of 24 frames, every fourth is kept; 8, 12 and 16 are in the middle.
        frames = scene(24, seed=0)
        noise = np.random.default_rng(0).integers(-9, 9, frames.shape[1:])
        frames[[4, 15]] = np.clip(frames[[4, 15]] + 2 * noise, 0, 255)
        frames[16] = np.clip(frames[16] + noise, 0, 255)
        path = save_video(self.folder / "a.mov", frames)
        chosen = [f.number for f in read_frames(path, scene_cuts=True)]
        self.assertEqual(chosen, [16])

    def test_scenes_of_arrays(self):
        images = np.concatenate([scene(8, seed=0), scene(8, seed=1)])
        frames = [
            ArrayFrame(image, number, number / 10, number in (0, 13))
            for number, image in enumerate(images)
        ]
        starts = [f.number for f, starts in mark_scenes(frames) if starts]
        self.assertEqual(starts, [0, 8, 13])
