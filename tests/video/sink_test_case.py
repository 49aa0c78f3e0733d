"""What the tests of sinks share."""

import numpy as np
from absl.testing import parameterized

from keras_comic.video.frame_source import Frame
from keras_comic.video.frame_source import open_frames
from tests.test_case import TestCase


def timed(images, times):
    return [
        Frame(number, time, image, number == 0)
        for number, (image, time) in enumerate(zip(images, times))
    ]


class SinkTestCase(TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.temporary_folder()

    def read(self, path):
        source = open_frames(path, scene_cuts=False)
        frames = list(source)
        return source, frames, np.stack([f.image for f in frames])
