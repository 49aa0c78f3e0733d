import itertools

import numpy as np
from absl.testing import parameterized
from keras import ops

from keras_comic import layers
from keras_comic.models.tiles import draw_in_tiles
from keras_comic.models.tiles import tiled_runner
from tests.test_case import TestCase
from tests.test_case import photos
from tests.tiny_families import TinyComic
from tests.tiny_families import TinyPainter
from tests.video.runners import small_generator


class FarComic(TinyComic):
    """Sees the whole photo at every position, and does not report it."""

    def call(self, inputs, training=False):
        comics = super().call(inputs)
        return comics * ops.mean(comics, (1, 2), keepdims=True)


class TilesTest(TestCase, parameterized.TestCase):
    @parameterized.parameters(
        *itertools.product(
            (TinyComic, TinyPainter), (1.0, 0.5), ((101, 150), (64, 40))
        ),
        (small_generator, 0.5, (101, 150)),
    )
    def test_tiles_are_as_the_whole(self, make, strength, size):
        generator, photo = make(), photos(*size, 3)
        style = photos(40, 40, 3) if generator.takes_style else None
        mask = np.linspace(0.0, 1.0, size[1]) * np.ones(size)
        expected = generator.stylize(photo, style, strength, mask, True)
        conditions = generator.conditions(style)
        runner = tiled_runner(generator, conditions, strength, True)
        mask = mask[..., None].astype("float32")
        comic = draw_in_tiles(runner, photo, mask, core_side=32)
        difference = np.abs(comic.astype(int) - expected)
        self.assertLessEqual(difference.max(), 1)

    def test_a_large_photo_comes_in_tiles(self):
        generator, pictures = TinyPainter(), photos(2, 720, 48, 3)
        styles = photos(2, 32, 32, 3)
        expected = generator.stylize(pictures, styles)
        generator.largest_whole = 1000
        comics = generator.stylize(pictures, styles)
        self.assertLessEqual(np.abs(comics.astype(int) - expected).max(), 1)

    def test_a_network_that_sees_everything_draws_the_whole(self):
        generator, photo = FarComic(), photos(40, 720, 3)
        self.assertIsNone(tiled_runner(generator, {}, 1.0, False))
        expected = generator.stylize(photo)
        generator.largest_whole = 1000
        self.assertAllEqual(generator.stylize(photo), expected)


class NextMomentsTest(TestCase):
    def test_a_part_is_measured(self):
        features = photos(1, 8, 12, 3).astype("float32")
        core = np.float32([0.25, 0.5, 0.75, 1.0])
        mean, variance = layers.next_moments(
            lambda: layers.position_moments(features), [], core
        )
        part = features[0, 2:6, 6:]
        self.assertAllClose(mean[0, 0, 0], part.mean((0, 1)), rtol=1e-5)
        self.assertAllClose(variance[0, 0, 0], part.var((0, 1)), rtol=1e-4)

    def test_there_are_no_more(self):
        self.assertIsNone(layers.next_moments(lambda: None, []))
