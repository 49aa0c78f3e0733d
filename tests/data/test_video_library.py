import importlib
import sys

from absl.testing import parameterized

from keras_comic.data.video_frames import read_clips
from keras_comic.data.video_frames import read_frames
from tests.data.videos import VideoTestCase
from tests.data.videos import save_video
from tests.data.videos import scene


class ImportVideoLibraryTest(VideoTestCase):
    @parameterized.parameters(
        ("av", read_frames, {}),
        ("scenedetect", read_frames, {"scene_cuts": True}),
        ("scenedetect", read_clips, {"num_frames": 2}),
    )
    def test_libraries_that_are_not_installed(self, name, read, arguments):
        path = save_video(self.folder / "a.mov", scene(2, seed=0))
        module = importlib.import_module(name)
        sys.modules[name] = None
        try:
            with self.assertRaisesRegex(
                ImportError, rf"`{name}`.*`pip install keras-comic\[video\]`"
            ):
                read(path, **arguments)
        finally:
            sys.modules[name] = module
