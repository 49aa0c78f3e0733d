import os
from fractions import Fraction

import numpy as np

from keras_comic.video.frame_sink import write_frames
from keras_comic.video.sink import Sink
from tests.video.sink_test_case import SinkTestCase


class SinkTest(SinkTestCase):
    def test_times(self):
        sink = Sink(Fraction(1, 100))
        self.assertEqual(sink.place(0.5, None), 50)
        self.assertEqual(sink.place(0.52, 50), 52)
        self.assertEqual(sink.place(0.5, 50), 51)
        self.assertEqual(sink.end(0.5, 51), 52)
        sink = Sink(Fraction(1, 100), min_ticks=2, drops=True)
        self.assertEqual(sink.place(0.51, 50), 52)
        self.assertIsNone(sink.place(0.50, 50))

    def test_what_fails_leaves_nothing(self):
        frames = [np.zeros((8, 8, 3), "uint8"), np.zeros((8, 9, 3), "uint8")]
        for name in ("a.mp4", "a.gif", "folder"):
            with self.assertRaisesRegex(ValueError, "same size, 8 x 8"):
                write_frames(frames, self.folder / name, 25)
            self.assertEqual(os.listdir(self.folder), [])
