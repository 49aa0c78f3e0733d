from keras_comic.models.network_reach import reach_of_changes
from tests.test_case import TestCase
from tests.video.runners import small_runner
from tests.video.runners import smooth_picture


class NetworkReachTest(TestCase):
    def test_receptive_field(self):
        runner = small_runner()
        # By hand: 5x5 at full, 3x3 at half resolution, two 3x3 at a quarter,
        # 3x3 at half, and two 3x3 at full; rounding of strides adds a few.
        by_hand = 2 + 2 + 2 * 4 + 2 + 1 + 1
        self.assertGreaterEqual(runner.receptive_field, by_hand - 4)
        self.assertLessEqual(runner.receptive_field, by_hand + 4)

    def test_reach(self):
        runner = small_runner()
        frame = smooth_picture(64, 96)
        statistics = runner.statistics_of(frame[None])
        reaches = [
            reach_of_changes(runner, frame, statistics, tolerance)
            for tolerance in (1e-3, 1.0, 8.0, 1e3)
        ]
        self.assertEqual(reaches, sorted(reaches, reverse=True))
        self.assertLessEqual(reaches[0], runner.receptive_field)
        self.assertEqual(reaches[-1], 0)
