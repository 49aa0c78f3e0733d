import numpy as np
from absl.testing import parameterized

from keras_comic.video.frame_stylizer import FrameStylizer


class Negative(FrameStylizer):
    def stylize(self, frame, starts_scene=False):
        return 255 - self.check_frame(frame)


class FrameStylizerTest(parameterized.TestCase):
    def test_defaults(self):
        stylizer = Negative()
        self.assertEqual(stylizer.get_state(), {})
        stylizer.set_state({})
        stylizer.prepare([])
        stylizer.reset()
        self.assertEqual(stylizer.last_share, 1.0)
        self.assertFalse(stylizer.needs_first_pass)
        frame = np.full((2, 3, 3), 5, "uint8")
        np.testing.assert_array_equal(stylizer.stylize(frame), 255 - frame)

    def test_must_override(self):
        with self.assertRaisesRegex(TypeError, "must override"):
            FrameStylizer().stylize(np.zeros((2, 2, 3), "uint8"))

    @parameterized.parameters(
        (np.zeros((2, 2, 3), "float32"),),
        (np.zeros((2, 2), "uint8"),),
        (np.zeros((2, 2, 4), "uint8"),),
    )
    def test_no_frame(self, frame):
        with self.assertRaisesRegex(ValueError, "A frame must be uint8"):
            Negative().stylize(frame)
