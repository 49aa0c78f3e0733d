import functools
import io

import numpy as np
from absl.testing import parameterized
from skimage import data

from keras_comic.metrics.sharpness import Sharpness
from keras_comic.metrics.warping_error import WarpingError
from keras_comic.video.deflicker import Deflicker
from keras_comic.video.known_motion import moving_object
from keras_comic.video.known_motion import moving_photo
from tests.test_case import TestCase
from tests.test_case import photos


@functools.cache
def moving(num_frames):
    """A photo in known motion, and its frames."""
    clip = moving_photo(data.astronaut(), 96, (72, 96))
    return clip, [clip.frame(number) for number in range(num_frames)]


def no_motion(first, second):
    return np.zeros((*first.shape[:2], 2), "float32")


def as_float(frame):
    return frame[None].astype("float32") / 127.5 - 1.0


def flickering(frames, seed=0):
    """A comic of each frame whose lines and brightness change at random."""
    generator = np.random.default_rng(seed)
    comics = []
    for frame in frames:
        height, width = frame.shape[:2]
        coarse = generator.normal(0, 25, (height // 4, width // 4, 1))
        boil = coarse.repeat(4, 0).repeat(4, 1) + generator.normal(0, 6)
        comic = 1.5 * (frame.astype("float32") - 128) + 128 + boil
        comics.append(np.clip(np.rint(comic), 0, 255).astype("uint8"))
    return comics


def warping_error(clip, comics):
    error = WarpingError()
    for number in range(len(comics) - 1):
        flow, valid = clip.flow(number, number + 1)
        pair = as_float(comics[number]), as_float(comics[number + 1])
        error.update_state(*pair, flow[None], valid[None])
    return float(error.result())


def sharpness(comics):
    metric = Sharpness()
    for comic in comics:
        metric.update_state(as_float(comic))
    return float(metric.result())


class DeflickerTest(TestCase, parameterized.TestCase):
    def test_still_scene(self):
        # By hand: a share of 0.75 of what is left stays in each frame.
        deflicker = Deflicker(strength=0.75)
        source = photos(32, 40, 3)
        first = np.full((32, 40, 3), 120, "uint8")
        second = np.full((32, 40, 3), 100, "uint8")
        self.assertAllEqual(deflicker.process(source, first), first)
        for expected in (115, 111, 108, 106):  # 100 + 20 * 0.75^n
            output = deflicker.process(source, second)
            self.assertAllEqual(output, np.full_like(output, expected))

    def test_known_motion(self):
        clip, sources = moving(8)
        comics = flickering(sources)
        deflicker = Deflicker()
        outputs = [deflicker.process(*p) for p in zip(sources, comics)]
        ratio = warping_error(clip, outputs) / warping_error(clip, comics)
        self.assertLess(ratio, 0.3)
        # What boils away was sharp; blur would leave much less.
        plain = sharpness(flickering(sources, seed=1)[4:])
        self.assertGreater(sharpness(outputs[4:]) / plain, 0.8)

    def test_no_ghosts(self):
        photo = data.astronaut()
        clip = moving_object(photo, data.chelsea(), 96, (96, 128), share=0.1)
        plain = moving_object(photo, data.chelsea(), 96, (96, 128), 1e-4)
        deflicker = Deflicker()
        for number in range(12):
            frame = clip.frame(number)
            output = deflicker.process(frame, 255 - frame)
        difference = np.abs(output.astype(int) - (255 - frame)).max(-1)
        # Where the disc has been, and is no more.
        left = (clip.frame(4) != plain.frame(4)).any(-1)
        left &= (frame == plain.frame(number)).all(-1)
        self.assertGreater(left.sum(), 100)
        self.assertLess(difference[left].mean(), 2.0)
        self.assertLess(np.percentile(difference, 99), 16)

    def test_colors_that_a_moving_thing_makes(self):
        # The source stays the same; what moves by has tinted the comic.
        source = data.astronaut()[32:80, 192:256]
        comic = np.full((48, 64, 3), 90, "uint8")
        tinted = comic.copy()
        tinted[:, :32, 0] = 230
        deflicker = Deflicker()
        for _ in range(3):
            deflicker.process(source, tinted)
        output = deflicker.process(source, comic)
        self.assertAllEqual(output[:, :24], comic[:, :24])
        self.assertLessEqual(output.max(), 110)

    def test_another_color_is_not_carried_over(self):
        deflicker = Deflicker(flow=no_motion)
        source = np.full((32, 64, 3), 80, "uint8")
        comic = np.zeros((32, 64, 3), "uint8")
        deflicker.process(source, comic)
        source = source.copy()
        source[:, 32:] = 140
        output = deflicker.process(source, comic + 20)
        self.assertAllEqual(output[:, :24], np.full((32, 24, 3), 2))
        self.assertAllEqual(output[:, 40:], np.full((32, 24, 3), 20))

    def test_scene(self):
        source, comic = photos(32, 40, 3), photos(32, 40, 3, seed=1)
        deflicker = Deflicker()
        deflicker.process(source, 255 - comic)
        self.assertAllEqual(deflicker.process(source, comic, True), comic)
        deflicker.process(source, 255 - comic)
        deflicker.reset()
        self.assertEqual(deflicker.get_state(), {})
        self.assertAllEqual(deflicker.process(source, comic), comic)
        # Another size.
        self.assertAllEqual(
            deflicker.process(source[:30], comic[:30]), comic[:30]
        )
        # An unannounced cut: all is another colour.
        black = np.zeros((32, 40, 3), "uint8")
        deflicker.process(black, black)
        white = np.full((32, 40, 3), 255, "uint8")
        self.assertAllEqual(deflicker.process(white, white), white)

    def test_state(self):
        sources = moving(8)[1][:6]
        comics = flickering(sources)
        whole = Deflicker()
        expected = [whole.process(*p) for p in zip(sources, comics)]
        part = Deflicker()
        for pair in list(zip(sources, comics))[:3]:
            part.process(*pair)
        file = io.BytesIO()
        np.savez(file, **part.get_state())
        file.seek(0)
        other = Deflicker()
        other.process(sources[5], comics[5])
        with np.load(file) as state:
            other.set_state(dict(state))
        outputs = [other.process(*p) for p in zip(sources[3:], comics[3:])]
        self.assertAllEqual(outputs, expected[3:])
        other.set_state({})
        self.assertAllEqual(other.process(sources[1], comics[1]), comics[1])

    def test_does_not_keep_or_change_what_it_is_given(self):
        sources, comics = photos(3, 32, 40, 3), photos(3, 32, 40, 3, seed=1)
        deflicker, other = Deflicker(), Deflicker()
        for source, comic in zip(sources, comics):
            given = source.copy(), comic.copy()
            output = deflicker.process(*given)
            self.assertAllEqual(given[0], source)
            self.assertAllEqual(given[1], comic)
            self.assertAllEqual(output, other.process(source, comic))
            given[0][:], given[1][:], output[:] = 0, 0, 0

    @parameterized.parameters((1, 1), (1, 9), (9, 1), (17, 31), (6, 200))
    def test_sizes(self, height, width):
        deflicker = Deflicker()
        for seed in range(3):
            source = photos(height, width, 3, seed=seed)
            output = deflicker.process(source, 255 - source)
        self.assertShape(output, (height, width, 3))
        self.assertEqual(output.dtype, np.uint8)

    def test_flow_of_a_smaller_size(self):
        clip, sources = moving(8)
        comics = flickering(sources)
        for size in (None, (36, 48)):
            deflicker = Deflicker()
            deflicker.flow_side = 48
            outputs = []
            for source, comic in zip(sources, comics):
                if size is not None:
                    source = source.reshape(36, 2, 48, 2, 3).mean((1, 3))
                    source = np.rint(source).astype("uint8")
                outputs.append(deflicker.process(source, comic))
            self.assertShape(deflicker.get_state()["source"], (36, 48, 3))
            ratio = warping_error(clip, outputs) / warping_error(clip, comics)
            self.assertLess(ratio, 0.35)

    def test_own_flow(self):
        given = []

        def flow(first, second):
            given.append((first[0, 0, 0], second[0, 0, 0]))
            return np.full((*first.shape[:2], 2), (0.0, 0.0))

        deflicker = Deflicker(flow=flow)
        for value in (1, 2):
            frame = np.full((16, 16, 3), value, "uint8")
            deflicker.process(frame, frame)
        # Into the past, and the way back.
        self.assertEqual(given, [(2, 1), (1, 2)])
        deflicker = Deflicker(flow=lambda first, second: np.zeros((3, 3, 2)))
        deflicker.process(frame, frame)
        with self.assertRaisesRegex(ValueError, r"\(16, 16\)\. Received: shap"):
            deflicker.process(frame, frame)

    @parameterized.parameters(
        ({"strength": 1.0}, "less than 1. Received: strength=1.0"),
        ({"strength": -0.1}, "less than 1. Received: strength=-0.1"),
        ({"strength": "high"}, "Received: strength='high'"),
        ({"flow": "raft"}, "Received: flow='raft'"),
    )
    def test_errors(self, arguments, message):
        with self.assertRaisesRegex(ValueError, message):
            Deflicker(**arguments)

    def test_not_a_frame(self):
        frame = photos(16, 16, 3)
        for pair in ((frame, frame / 255.0), (frame[..., 0], frame)):
            with self.assertRaisesRegex(ValueError, "A frame must be uint8"):
                Deflicker().process(*pair)
