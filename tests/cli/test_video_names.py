from pathlib import Path

from PIL import Image

from keras_comic.cli.video_names import is_video
from tests.test_case import TestCase
from tests.test_case import photos


class VideoNamesTest(TestCase):
    def test_is_video(self):
        folder = self.temporary_folder()
        Image.fromarray(photos(32, 40, 3)).save(folder / "photo.webp")
        mp4 = Path("out.mp4")
        self.assertFalse(is_video([folder / "photo.webp"], mp4))
        self.assertTrue(is_video([Path("webcam:0")], mp4))
        self.assertTrue(is_video([Path("-")], mp4))
        self.assertTrue(is_video([folder], mp4))
        self.assertFalse(is_video([folder], Path("comics")))
