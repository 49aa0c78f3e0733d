import os

from keras_comic.video.frame_sink import write_frames
from tests.data.videos import scene
from tests.video.sink_test_case import SinkTestCase
from tests.video.sink_test_case import timed


class FolderSinkTest(SinkTestCase):
    def test_folder(self):
        frames = scene(3, seed=0)
        path = self.folder / "frames"
        write_frames(timed(frames, [0, 0.1, 0.4]), path, 10)
        self.assertEqual(
            sorted(os.listdir(path)),
            [f"frame_00000{k}.png" for k in range(3)] + ["frames.ffconcat"],
        )
        self.assertAllEqual(self.read(path)[2], frames)
        text = (path / "frames.ffconcat").read_text()
        self.assertEqual(
            [line for line in text.splitlines() if "duration" in line],
            ["duration 0.100000", "duration 0.300000", "duration 0.100000"],
        )
