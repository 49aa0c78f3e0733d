import numpy as np
from keras import ops

from keras_comic.models import SequenceGenerator
from tests.test_case import TestCase
from tests.test_case import photos


class Darkening(SequenceGenerator):
    """Darkens the photo frame by frame, and back if it is to loop."""

    def unfold(self, photo, motion, num_frames, loop):
        for i in range(num_frames):
            step = min(i, num_frames - i) if loop else i
            yield ops.maximum(photo - 0.1 * step, -1.0)


class SequenceGeneratorTest(TestCase):
    def test_animate(self):
        photo = photos(33, 40, 3)
        frames = list(Darkening().animate(photo, num_frames=4))
        self.assertEqual(len(frames), 4)
        for i, frame in enumerate(frames):
            self.assertDType(frame, "uint8")
            expected = np.maximum(photo - 12.75 * i, 0.0)
            self.assertAllClose(
                frame.astype("float32"), expected, atol=0.51, rtol=0.0
            )
        frames = list(Darkening().animate(photo, num_frames=4, loop=True))
        self.assertAllEqual(frames[1], frames[3])

    def test_errors(self):
        with self.assertRaisesRegex(ValueError, "`photo` must be one picture"):
            Darkening().animate(photos(2, 32, 32, 3))
        with self.assertRaisesRegex(ValueError, "`num_frames` must be a pos"):
            Darkening().animate(photos(32, 32, 3), num_frames=0)
