import numpy as np
import pytest

from keras_comic.models.network_runner import NetworkRunner
from tests.test_case import BACKEND
from tests.test_case import TestCase
from tests.test_case import photos
from tests.tiny_families import TinyCodes
from tests.tiny_families import TinyComic
from tests.video.runners import small_generator
from tests.video.runners import small_runner
from tests.video.runners import smooth_picture


def distance(one, other):
    return np.abs(one.astype(int) - other.astype(int)).max()


class NetworkRunnerTest(TestCase):
    def test_comics_are_those_of_stylize(self):
        generator = small_generator()
        frames = photos(2, 40, 48, 3)
        self.assertAllEqual(small_runner(strength=0.0).run(frames), frames)
        for strength in (0.5, 0.05):
            with self.subTest(strength=strength):
                runner = small_runner(strength=strength)
                expected = generator.stylize(frames, strength=strength)
                self.assertLessEqual(distance(runner.run(frames), expected), 1)
                own = runner.statistics_of(frames[:1])
                shared = runner.run(frames[:1], own)
                self.assertLessEqual(distance(shared, expected[:1]), 1)

    def test_every_size(self):
        runner = small_runner()
        for side in ((1, 1), (7, 5), (33, 1), (35, 50)):
            frames = photos(1, *side, 3)
            comics = runner.run(frames)
            self.assertShape(comics, frames.shape)
            self.assertDType(comics, "uint8")
            comics = runner.run(frames, runner.statistics_of(frames))
            self.assertShape(comics, frames.shape)
        frames = photos(1, 35, 50, 3)
        padded = runner.pad(frames)
        self.assertShape(padded, (1, 36, 52, 3))
        self.assertAllEqual(padded[:, :, 0], padded[:, :, 2])
        self.assertAllEqual(runner.crop(padded, 35, 50), frames)
        frames = photos(1, 40, 48, 3)
        self.assertIs(runner.pad(frames), frames)

    @pytest.mark.skipif(BACKEND != "tensorflow", reason="TensorFlow's graphs")
    def test_is_traced_once(self):
        class Counting(TinyComic):
            calls = 0

            def call(self, inputs, training=False):
                self.calls += 1
                return super().call(inputs, training)

        generator = Counting()
        runner = NetworkRunner(generator)
        frames = photos(2, 48, 64, 3)
        runner.run(frames)
        count = generator.calls
        for part in (frames[:1, :40], frames[:, :33, :32], frames[:, :20]):
            runner.run(part)
        self.assertEqual(generator.calls, count)

    def test_a_part_is_as_in_the_whole(self):
        runner = small_runner()
        frame = smooth_picture(96, 160)[None]
        statistics = runner.statistics_of(frame)
        whole = runner.run(frame, statistics)
        field = runner.receptive_field
        self.assertGreater(field, 8)
        self.assertLess(field, 40)
        part = runner.run(frame[:, 8:88, 24:144], statistics)
        inner = np.s_[:, field : 80 - field, field : 120 - field]
        self.assertLessEqual(
            distance(part[inner], whole[:, 8:88, 24:144][inner]), 1
        )
        # Without shared statistics it is not.
        own = runner.run(frame[:, 8:88, 24:144])
        self.assertGreater(
            distance(own[inner], whole[:, 8:88, 24:144][inner]), 1
        )

    def test_statistics_of_several_frames(self):
        runner = small_runner(strength=0.5)
        frames = (
            photos(3, 40, 48, 3) // np.array([1, 2, 3])[:, None, None, None]
        )
        frames = frames.astype("uint8")
        each = [runner.statistics_of(frame[None]) for frame in frames]
        pooled = runner.statistics_of(iter(frames))
        for name in ("mean", "conditions"):
            self.assertAllClose(
                getattr(pooled, name),
                np.mean([getattr(s, name) for s in each], axis=0),
                atol=1e-5,
            )
        squares = np.mean([s.variance + s.mean**2 for s in each], axis=0)
        self.assertAllClose(
            pooled.variance, squares - pooled.mean**2, atol=1e-4, rtol=1e-4
        )

    def test_strength_shares_the_photos_style(self):
        runner = small_runner(strength=0.5)
        one, other = photos(1, 40, 48, 3), photos(1, 40, 48, 3, seed=1) // 3
        statistics = runner.statistics_of(one)
        vector = runner.generator.encode_style(
            one.astype("float32") / 127.5 - 1.0
        )
        self.assertAllClose(statistics.conditions, vector, atol=1e-5)
        # Another style vector in the statistics is another comic.
        changed = statistics._replace(conditions=statistics.conditions + 3.0)
        self.assertGreater(
            distance(runner.run(other, statistics), runner.run(other, changed)),
            0,
        )

    def test_measures_while_it_runs(self):
        runner = small_runner(strength=0.5)
        frames = photos(1, 40, 48, 3)
        own = runner.statistics_of(frames)
        comics, measured = runner.run_and_measure(frames, own)
        # Graphs that measure, too, may round otherwise.
        self.assertLessEqual(distance(comics, runner.run(frames, own)), 1)
        alone, of_own = runner.run_and_measure(frames)
        self.assertLessEqual(distance(alone, runner.run(frames)), 1)
        for found in (measured, of_own):
            for value, expected in zip(found, own, strict=True):
                self.assertAllClose(value, expected, atol=1e-4)

    def test_errors(self):
        with self.assertRaisesRegex(ValueError, "Received: strength=2"):
            small_runner(strength=2)
        with self.assertRaisesRegex(ValueError, "Received: 2 style images"):
            NetworkRunner(small_generator(), photos(2, 40, 48, 3))
        with self.assertRaisesRegex(TypeError, "Generator.*'latent_generator'"):
            NetworkRunner(TinyCodes())
        with self.assertRaisesRegex(ValueError, "takes no `style`"):
            NetworkRunner(TinyComic(), photos(40, 48, 3))
