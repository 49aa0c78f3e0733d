import io

import numpy as np

from keras_comic.video.deflicker import Deflicker
from keras_comic.video.flow_stylizer import FlowStylizer
from keras_comic.video.frame_stylizer import FrameStylizer
from tests.test_case import TestCase
from tests.test_case import photos


class CountingStylizer(FrameStylizer):
    """Frames become brighter, one by one, from the start of a scene."""

    needs_first_pass = True
    last_share = 0.25

    def __init__(self):
        self.count = 0
        self.prepared = []

    def prepare(self, frames):
        self.prepared.extend(frames)

    def stylize(self, frame, starts_scene=False):
        self.count = 0 if starts_scene else self.count + 1
        return frame // 2 + np.uint8(20 * self.count)

    def get_state(self):
        return {"count": np.array(self.count)}

    def set_state(self, state):
        self.count = int(state["count"])

    def reset(self):
        self.count = 0


class FlowStylizerTest(TestCase):
    def test_is_the_base_and_a_deflicker(self):
        frame = photos(32, 40, 3)
        stylizer = FlowStylizer(CountingStylizer(), Deflicker(strength=0.5))
        base, deflicker = CountingStylizer(), Deflicker(strength=0.5)
        for starts_scene in (False, False, True, False):
            expected = deflicker.process(
                frame, base.stylize(frame, starts_scene), starts_scene
            )
            output = stylizer.stylize(frame, starts_scene)
            self.assertAllEqual(output, expected)
        self.assertFalse((output == frame // 2 + 20).all())

    def test_scene_starts_with_its_own_stylisation(self):
        frame = photos(32, 40, 3)
        stylizer = FlowStylizer(CountingStylizer())
        for _ in range(3):
            stylizer.stylize(frame)
        self.assertAllEqual(stylizer.stylize(frame, True), frame // 2)

    def test_base_is_asked(self):
        base = CountingStylizer()
        stylizer = FlowStylizer(base)
        self.assertTrue(stylizer.needs_first_pass)
        self.assertEqual(stylizer.last_share, 0.25)
        stylizer.prepare(["a", "b"])
        self.assertEqual(base.prepared, ["a", "b"])

    def test_state(self):
        frame = photos(32, 40, 3)
        stylizer = FlowStylizer(CountingStylizer())
        expected = [stylizer.stylize(frame) for _ in range(6)]
        stylizer.reset()
        for _ in range(3):
            stylizer.stylize(frame)
        file = io.BytesIO()
        np.savez(file, **stylizer.get_state())
        file.seek(0)
        other = FlowStylizer(CountingStylizer())
        with np.load(file) as state:
            other.set_state(dict(state))
        outputs = [other.stylize(frame) for _ in range(3)]
        self.assertAllEqual(outputs, expected[3:])
        with self.assertRaisesRegex(ValueError, r"Received: state with \['a'"):
            other.set_state({"a": 1})

    def test_reset(self):
        frame = photos(32, 40, 3)
        stylizer = FlowStylizer(CountingStylizer())
        outputs = []
        for _ in range(2):
            outputs.append([stylizer.stylize(frame) for _ in range(2)])
            stylizer.reset()
        self.assertAllEqual(outputs[0], outputs[1])

    def test_errors(self):
        with self.assertRaisesRegex(TypeError, "`base` must be .*base='x'"):
            FlowStylizer("x")
        with self.assertRaisesRegex(TypeError, "Received: deflicker=0.5"):
            FlowStylizer(CountingStylizer(), 0.5)
