import io

import numpy as np
from PIL import Image

from keras_comic.video.frame_sink import write_frames
from tests.data.videos import scene
from tests.video.sink_test_case import SinkTestCase


class AnimationSinkTest(SinkTestCase):
    def test_dense_frames_of_a_gif(self):
        path = self.folder / "a.gif"
        count = write_frames(scene(60, seed=0), path, 60)
        self.assertBetween(count, 40, 51)
        source, found, _ = self.read(path)
        self.assertAllClose(source.end_time, 1.0, atol=0.03)
        self.assertGreaterEqual(
            np.diff([frame.time for frame in found]).min(), 0.0199
        )

    def test_png_is_a_picture_for_all(self):
        # Programs that know no APNG show the first frame.
        path = self.temporary_folder() / "a.png"
        frames = scene(2, seed=0)
        write_frames(frames, path, 10)
        with Image.open(io.BytesIO(path.read_bytes())) as picture:
            self.assertEqual(picture.format, "PNG")
            self.assertAllEqual(np.asarray(picture), frames[0])
