import io
import sys

from keras_comic.video.frame_sink import write_frames
from tests.data.videos import scene
from tests.video.sink_test_case import SinkTestCase


class RawSinkTest(SinkTestCase):
    def test_raw_frames(self):
        frames = scene(3, seed=0)
        before, sys.stdout = sys.stdout, io.TextIOWrapper(io.BytesIO())
        try:
            write_frames(frames, "-", 25)
            written = sys.stdout.buffer.getvalue()
        finally:
            sys.stdout = before
        self.assertEqual(written, frames.tobytes())
