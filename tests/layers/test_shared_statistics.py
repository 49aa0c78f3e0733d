import numpy as np

from keras_comic.layers import AdaIN
from keras_comic.layers import ConvBlock
from keras_comic.layers import ResidualBlock
from keras_comic.layers import channel_moments
from keras_comic.layers import collect_statistics
from keras_comic.layers import pool_statistics
from keras_comic.layers import position_moments
from keras_comic.layers import use_statistics
from tests.test_case import TestCase
from tests.test_case import compiled
from tests.test_case import noise


def make_block(**kwargs):
    block = ConvBlock(4, activation=None, **kwargs)
    block(noise(1, 8, 8, 3))
    return block


class CollectStatisticsTest(TestCase):
    def test_measures_what_the_layers_normalise_with(self):
        block = make_block()
        images = noise(2, 12, 9, 3)
        expected = block(images)
        with collect_statistics() as statistics:
            outputs = block(images)
        self.assertAllEqual(outputs, expected)
        ((mean, variance),) = statistics
        expected_mean, deviation = channel_moments(
            block.convolution(images), epsilon=0.0
        )
        self.assertAllClose(mean[:, 0, 0], expected_mean, atol=1e-5)
        self.assertAllClose(
            variance[:, 0, 0],
            self.numpy(deviation) ** 2,
            atol=1e-5,
            rtol=1e-4,
        )

    def test_every_kind_in_the_order_of_calls(self):
        style = noise(2, 5, seed=1)
        block = ResidualBlock(3, normalization="conditional")
        images = noise(2, 8, 8, 3)
        block(images, style)
        moments = np.ones((2, 6), "float32")
        with collect_statistics() as statistics:
            features = block(images, style)
            AdaIN()(features, moments)
            ConvBlock(4, normalization=None)(features)
        self.assertEqual(len(statistics), 3)
        for mean, variance in statistics:
            self.assertShape(mean, (2, 1, 1, 3))
            self.assertShape(variance, (2, 1, 1, 3))
        self.assertAllClose(
            statistics[-1][0][:, 0, 0],
            channel_moments(features)[0],
            atol=1e-5,
        )
        # Nothing is collected outside.
        AdaIN()(features, moments)
        self.assertEqual(len(statistics), 3)

    def test_float32_under_mixed_precision(self):
        block = make_block(dtype="mixed_float16")
        with collect_statistics() as statistics:
            outputs = block(noise(1, 8, 8, 3))
        self.assertDType(outputs, "float16")
        for value in statistics[0]:
            self.assertDType(value, "float32")


class UseStatisticsTest(TestCase):
    def test_own_statistics_change_nothing(self):
        block = make_block()
        images = noise(2, 8, 8, 3)
        with collect_statistics() as statistics:
            expected = block(images)
        with use_statistics(statistics):
            self.assertAllClose(block(images), expected, atol=1e-5)

    def test_numbers_worked_out_by_hand(self):
        images = np.full((2, 2, 2, 1), 7.0, "float32")
        given = [(np.full((1, 1, 1, 1), 3.0), np.full((1, 1, 1, 1), 4.0))]
        with use_statistics(given):
            outputs = AdaIN(epsilon=1e-12)(images, np.float32([[10, 5]] * 2))
        # Five times (7 - 3) / 2, and 10.
        self.assertAllClose(outputs, np.full((2, 2, 2, 1), 20.0), atol=1e-4)

    def test_a_part_is_as_in_the_whole(self):
        block = make_block()
        images = noise(1, 16, 20, 3)
        with collect_statistics() as statistics:
            whole = self.numpy(block(images))
        with use_statistics(statistics):
            part = self.numpy(block(images[:, 4:14, 5:17]))
        self.assertAllClose(
            part[:, 1:-1, 1:-1], whole[:, 5:13, 6:16], atol=1e-5
        )

    def test_collects_what_is_measured(self):
        block = make_block()
        images = noise(1, 8, 8, 3)
        with collect_statistics() as own:
            block(images)
        given = [(own[0][0] + 1.0, own[0][1] + 1.0)]
        with use_statistics(given), collect_statistics() as measured:
            block(images)
        self.assertAllClose(measured[0][0], own[0][0], atol=1e-5)

    def test_compiled(self):
        block = make_block()
        mean, variance = noise(1, 1, 1, 4), 1.0 + noise(1, 1, 1, 4) ** 2

        def run(images, mean, variance):
            with use_statistics([(mean, variance)]):
                return block(images)

        run_compiled = compiled(run)
        images = noise(2, 9, 8, 3)
        for shift in (0.0, 1.0):
            self.assertAllClose(
                run_compiled(images, mean + shift, variance),
                run(images, mean + shift, variance),
                atol=1e-5,
            )

    def test_errors(self):
        block = make_block()
        images = noise(1, 8, 8, 3)
        pair = (noise(1, 1, 1, 4), np.ones((1, 1, 1, 4)))
        with self.assertRaisesRegex(ValueError, "Received: 0 pairs, too few"):
            with use_statistics([]):
                block(images)
        with self.assertRaisesRegex(
            ValueError, "Received: 2 pairs for 1 normalisations"
        ):
            with use_statistics([pair, pair]):
                block(images)
        with self.assertRaisesRegex(
            ValueError,
            r"shape \('batch', 1, 1, 4\). Received: mean.shape=\(1, 3\)",
        ):
            with use_statistics([(noise(1, 3), noise(1, 4))]):
                block(images)
        # An error leaves nothing behind.
        self.assertFinite(block(images))


class PoolStatisticsTest(TestCase):
    def test_pictures_count_as_one(self):
        # Side by side, two pictures of one size have these statistics.
        images = noise(2, 6, 5, 3) + np.float32([0, 4])[:, None, None, None]
        joined = np.concatenate(list(images), axis=0)[None]
        pooled = pool_statistics([position_moments(images)])
        for found, expected in zip(
            pooled[0], position_moments(joined), strict=True
        ):
            self.assertShape(found, (1, 1, 1, 3))
            self.assertAllClose(found, expected, atol=1e-5)

    def test_no_rounding_errors_of_large_means(self):
        mean = np.float32([[1e4], [1e4]])
        ((_, variance),) = pool_statistics([(mean, np.float32([[1], [3]]))])
        self.assertAllClose(variance, [[2.0]])
