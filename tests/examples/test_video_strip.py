from keras_comic.video import FrameStylizer
from keras_comic.video import moving_photo
from tests.examples.test_demo import load_script
from tests.test_case import TestCase
from tests.test_case import photos


class Negative(FrameStylizer):
    def stylize(self, frame, starts_scene=False):
        return 255 - frame


class Flicker(Negative):
    """Another negative in every other frame."""

    count = 0

    def stylize(self, frame, starts_scene=False):
        self.count += 1
        return (255 - frame) // (1 + self.count % 2)


class VideoStripTest(TestCase):
    def test_strip(self):
        script = load_script("video_strip")
        photo = photos(8, 10, 3).repeat(12, 0).repeat(12, 1)
        clip = moving_photo(photo, 9, (48, 64))
        strip, errors = script.draw_strip(
            clip, {"flicker": Flicker(), "still": Negative()}
        )
        self.assertEqual(list(errors), ["flicker", "still", "source"])
        self.assertAllClose(errors["still"], errors["source"], rtol=1e-3)
        self.assertGreater(errors["flicker"], 10 * errors["still"])
        strip.save(self.temporary_folder() / "strip.png")
