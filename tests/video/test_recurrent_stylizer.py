import numpy as np

from keras_comic.models import AdaINGenerator
from keras_comic.models.recurrent.recurrent_generator import RecurrentGenerator
from keras_comic.video.recurrent_stylizer import RecurrentStylizer
from tests.test_case import TestCase
from tests.test_case import noise
from tests.test_case import photos


def make_generator():
    generator = RecurrentGenerator.from_generator(
        AdaINGenerator.light((4, 8, 4, 4), 1, 5), filters=3
    )
    generator.projection.convolution.kernel.assign(noise(1, 1, 3, 8))
    generator.add_style("noise", photos(32, 32, 3))
    return generator


def moving_frames(count, height=48, width=60):
    """A smooth picture that moves to the left, three pixels a frame."""
    rows, columns = np.mgrid[:height, : width + 3 * count].astype("float32")
    waves = [
        np.sin(rows / (4.0 + i)) * np.cos(columns / (5.0 - i)) for i in range(3)
    ]
    picture = np.uint8(127.5 * (np.stack(waves, axis=-1) + 1.0))
    return [picture[:, 3 * i : 3 * i + width] for i in range(count)]


class RecurrentStylizerTest(TestCase):
    def test_the_generators_own_steps(self):
        generator = make_generator()
        flows = []

        def flow(frame, last):
            flows.append((frame, last))
            return np.tile(np.float32([3.0, 0.0]), (*frame.shape[:2], 1))

        stylizer = RecurrentStylizer(generator, flow=flow)
        frames = moving_frames(3)
        comics = [stylizer.stylize(frame) for frame in frames]
        # Each frame and the one before it.
        self.assertEqual(len(flows), 2)
        for i, (frame, last) in enumerate(flows):
            self.assertAllEqual(frame, frames[i + 1])
            self.assertAllEqual(last, frames[i])
        clips = np.stack(frames)[None].astype("float32") / 127.5 - 1.0
        moved = np.tile(np.float32([3.0, 0.0]), (1, 2, 48, 60, 1))
        expected = generator.stylize_clips(
            clips, generator.style_vector(), moved
        )
        expected = (self.numpy(expected)[0] + 1.0) * 127.5
        for comic, values in zip(comics, expected, strict=True):
            self.assertDType(comic, "uint8")
            self.assertAllClose(comic.astype("float32"), values, 0.51, 0.0)

    def test_first_frames(self):
        generator = make_generator()
        stylizer = RecurrentStylizer(generator)
        frames = moving_frames(3)
        first = stylizer.stylize(frames[0])
        # As `stylize` of the generator draws a picture.
        alone = generator.stylize(frames[0]).astype(int)
        self.assertLessEqual(np.abs(alone - first).max(), 1)
        later = stylizer.stylize(frames[0])
        self.assertNotAllClose(later, first)
        # A scene starts as a video does; so does another size, and a video
        # after another.
        self.assertAllEqual(stylizer.stylize(frames[0], True), first)
        stylizer.stylize(frames[1][:40])
        self.assertAllEqual(stylizer.stylize(frames[0]), first)
        stylizer.reset()
        self.assertEqual(stylizer.get_state(), {})
        self.assertAllEqual(stylizer.stylize(frames[0]), first)

    def test_goes_on_from_a_state(self):
        generator = make_generator()
        for strength in (1.0, 0.4):
            whole = RecurrentStylizer(generator, strength=strength)
            frames = moving_frames(4)
            expected = [whole.stylize(frame) for frame in frames]
            part = RecurrentStylizer(generator, strength=strength)
            for frame in frames[:2]:
                part.stylize(frame)
            path = self.temporary_folder() / "state.npz"
            np.savez(path, **part.get_state())
            rest = RecurrentStylizer(generator, strength=strength)
            rest.set_state(dict(np.load(path)))
            for frame, comic in zip(frames[2:], expected[2:], strict=True):
                self.assertAllEqual(rest.stylize(frame), comic)
        rest.set_state({})
        self.assertEqual(rest.get_state(), {})

    def test_any_size(self):
        stylizer = RecurrentStylizer(make_generator())
        for height, width in ((1, 1), (33, 47), (20, 64)):
            for _ in range(2):
                comic = stylizer.stylize(photos(height, width, 3))
                self.assertShape(comic, (height, width, 3))

    def test_strength(self):
        generator = make_generator()
        frames = moving_frames(2)
        stylizer = RecurrentStylizer(generator, strength=0.0)
        for frame in frames:
            self.assertAllEqual(stylizer.stylize(frame), frame)
        half = RecurrentStylizer(generator, strength=0.5)
        expected = generator.stylize(frames[0], strength=0.5).astype(int)
        self.assertLessEqual(
            np.abs(half.stylize(frames[0]) - expected).max(), 1
        )

    def test_errors(self):
        generator = make_generator()
        with self.assertRaisesRegex(ValueError, "class `AdaINGenerator`"):
            RecurrentStylizer(AdaINGenerator.light((4, 8, 4, 4), 1, 5))
        with self.assertRaisesRegex(ValueError, "strength=2"):
            RecurrentStylizer(generator, strength=2)
        with self.assertRaisesRegex(ValueError, "Received: 2 style images"):
            RecurrentStylizer(generator, photos(2, 32, 32, 3))
        with self.assertRaisesRegex(
            ValueError, r"must be empty or hold \['frame', 'state'\]"
        ):
            RecurrentStylizer(generator).set_state({"frame": np.zeros(1)})
        with self.assertRaisesRegex(ValueError, "A frame must be uint8"):
            RecurrentStylizer(generator).stylize(noise(32, 32, 3))
