from pathlib import Path

from absl.testing import parameterized

from keras_comic.cli.video_names import is_live
from keras_comic.cli.video_names import video_target
from tests.test_case import TestCase


class VideoNamesTest(TestCase, parameterized.TestCase):
    def test_live(self):
        self.assertTrue(is_live(Path("-")))
        self.assertTrue(is_live(Path("webcam:0")))
        self.assertFalse(is_live(Path("webcam.mp4")))

    @parameterized.parameters(
        ("a.mkv", "a.mkv"),
        ("a.3gp", "a.mp4"),
        ("a.avi", "a.mp4"),
        ("a.mpg", "a.mp4"),
        ("a.MXF", "a.mp4"),
        ("a.gif", "a.gif"),
        ("a.png", "a.apng"),
        ("a.avif", "a.webp"),
        ("webcam:0", "webcam:0.mp4"),
    )
    def test_target(self, source, expected):
        target = video_target(Path("clips", source), Path("out"))
        self.assertEqual(target, Path("out", expected))
