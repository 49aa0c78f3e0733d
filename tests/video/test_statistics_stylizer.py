from collections import namedtuple

import numpy as np
from absl.testing import parameterized

from keras_comic.models.network_runner import NetworkRunner
from keras_comic.video.statistics_stylizer import StatisticsStylizer
from tests.test_case import TestCase
from tests.test_case import photos
from tests.video.runners import small_generator
from tests.video.runners import small_runner
from tests.video.runners import smooth_picture

Frame = namedtuple("Frame", ["number", "time", "image", "starts_scene"])


def numbered(images, starts=(0,)):
    return [
        Frame(number, number / 25, image, number in starts)
        for number, image in enumerate(images)
    ]


class StatisticsStylizerTest(TestCase, parameterized.TestCase):
    def test_own_statistics(self):
        stylizer = StatisticsStylizer(small_runner(), "own")
        frame = photos(40, 48, 3)
        found = stylizer.stylize(frame).astype(int)
        expected = small_generator().stylize(frame).astype(int)
        self.assertLessEqual(np.abs(found - expected).max(), 1)

    def test_samples(self):
        seen = []

        class Counting(NetworkRunner):
            def statistics_of(self, frames):
                seen.append(int(frames[0, 0, 0, 0]))
                return super().statistics_of(frames)

        images = photos(250, 32, 32, 3)
        images[:, 0, 0, 0] = np.arange(250)
        stylizer = StatisticsStylizer(Counting(small_generator()))
        seen.clear()
        stylizer.prepare(numbered(images, (0, 20)))
        # Every eighth of each scene; of the long one every sixteenth then, so
        # that no more than twelve count.
        self.assertEqual(
            seen,
            [0, 8, 16, *range(20, 109, 8), *range(116, 197, 16), 212, 244],
        )
        self.assertEqual(len(stylizer.scenes), 2)
        self.assertAllClose(
            stylizer.scenes[0].mean,
            small_runner().statistics_of(images[[0, 8, 16]]).mean,
            atol=1e-5,
        )
        stylizer.stylize(images[0])
        stylizer.stylize(images[20], True)
        with self.assertRaisesRegex(
            ValueError, "scene 2 after 2 measured scenes"
        ):
            stylizer.stylize(images[0], True)

    def test_two_passes(self):
        runner = small_runner()
        images = [smooth_picture(40, 48, seed) for seed in range(6)]
        stylizer = StatisticsStylizer(runner)
        self.assertTrue(stylizer.needs_first_pass)
        stylizer.prepare(
            frame._replace(number=8 * frame.number)
            for frame in numbered(images, (0, 4))
        )
        for part in (images[:4], images[4:]):
            statistics = runner.statistics_of(part)
            for number, image in enumerate(part):
                comic = stylizer.stylize(image, starts_scene=number == 0)
                expected = runner.run(image[None], statistics)[0].astype(int)
                self.assertLessEqual(np.abs(comic - expected).max(), 1)

    def test_not_prepared(self):
        with self.assertRaisesRegex(ValueError, "call `prepare`"):
            StatisticsStylizer(small_runner()).stylize(photos(40, 48, 3))

    def test_running(self):
        runner = small_runner()
        stylizer = StatisticsStylizer(runner, "running")
        self.assertFalse(stylizer.needs_first_pass)
        one, other = smooth_picture(40, 48), smooth_picture(40, 48, 1) // 2
        first = stylizer.stylize(one)
        # Graphs that measure, too, may round otherwise.
        self.assertAllClose(first, runner.run(one[None])[0], atol=1.0)
        own = runner.statistics_of(one[None])
        # The second by the statistics of the first.
        self.assertAllClose(
            stylizer.stylize(other), runner.run(other[None], own)[0], atol=2.0
        )
        # Slowly they become those of the other one.
        found = [stylizer.stylize(other).astype(int) for _ in range(120)]
        steps = np.abs(np.diff(found, axis=0)).mean(axis=(1, 2, 3))
        self.assertLess(steps.max(), 10.0)
        self.assertLess(
            np.abs(found[-1] - runner.run(other[None])[0]).mean(), 2.0
        )
        # At once, at a new scene.
        self.assertAllEqual(stylizer.stylize(one, starts_scene=True), first)

    def test_flickers_less_than_frame_by_frame(self):
        # A still scene, in which something bright comes and goes at the rim.
        runner = small_runner()
        still = smooth_picture(64, 96) // 2
        images = [still.copy() for _ in range(6)]
        for image in images[1::2]:
            image[:, -24:] = 255
        shared = StatisticsStylizer(runner, "running")
        alone = StatisticsStylizer(runner, "own")

        def flicker(stylizer):
            comics = [stylizer.stylize(i)[:, :40].astype(int) for i in images]
            return np.abs(np.diff(comics, axis=0)).mean()

        self.assertLess(flicker(shared), 0.5 * flicker(alone))

    @parameterized.parameters("two_pass", "running")
    def test_goes_on_from_a_state(self, mode):
        images = [smooth_picture(40, 48, seed) for seed in range(5)]
        whole = StatisticsStylizer(small_runner(), mode)
        whole.prepare(numbered(images, (0, 3)))
        for number in range(2):
            whole.stylize(images[number], number == 0)
        path = self.temporary_folder() / "state.npz"
        np.savez(path, **whole.get_state())
        expected = [whole.stylize(images[n], n == 3) for n in range(2, 5)]
        other = StatisticsStylizer(small_runner(), mode)
        with np.load(path) as state:
            other.set_state(dict(state))
        found = [other.stylize(images[n], n == 3) for n in range(2, 5)]
        self.assertAllEqual(found, expected)
        whole.reset()
        again = StatisticsStylizer(small_runner(), mode)
        again.prepare(numbered(images, (0, 3)))
        self.assertAllEqual(whole.stylize(images[0]), again.stylize(images[0]))
