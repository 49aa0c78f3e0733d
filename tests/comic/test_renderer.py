import dataclasses

import numpy as np
from absl.testing import parameterized
from PIL import Image
from skimage import data

from keras_comic.comic import LOOKS
from keras_comic.comic import Look
from keras_comic.comic import compose
from keras_comic.comic import render
from keras_comic.comic import render_layers
from keras_comic.metrics import comic_look
from keras_comic.metrics import mean_comic_look
from tests.test_case import TestCase


def small(photo, short=256):
    """A photo of scikit-image with a short side of so many pixels."""
    scale = short / min(photo.shape[:2])
    size = [round(side * scale) for side in photo.shape[1::-1]]
    return np.asarray(Image.fromarray(photo).resize(size, 1))


class RenderTest(TestCase, parameterized.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.photo = small(data.astronaut())
        cls.layers = render_layers(cls.photo)

    def test_looks_differ_at_a_glance(self):
        drawn = {name: compose(*self.layers, name) for name in LOOKS}
        self.assertAllEqual(drawn["comic"], render(self.photo))
        names = list(drawn)
        for number, name in enumerate(names):
            self.assertEqual(drawn[name].shape, self.photo.shape)
            for other in names[:number]:
                change = drawn[name].astype(int) - drawn[other]
                self.assertGreater(np.abs(change).mean(), 3, (name, other))

    def test_a_comic_by_its_numbers(self):
        looks = []
        for photo in (data.astronaut(), data.coffee(), data.chelsea()):
            photo = small(photo, 384)
            looks.append(comic_look(photo, render(photo)))
        means = mean_comic_look(looks)
        self.assertLess(means["invented"], 0.6)
        self.assertLess(means["clutter"], 0.9)
        self.assertGreater(means["flat"], 0.4)
        self.assertGreater(means["edge"], 22)
        self.assertGreater(means["tone"], 0.92)
        self.assertLess(means["fringe"], 0.2)
        self.assertLess(means["paper"], 0.05)

    def test_each_number_does_what_it_says(self):
        plain = compose(*self.layers)
        for change, brighter in (
            ({"line_weight": 3.0}, False),
            ({"line_weight": 0.0}, True),
            ({"paint": 0.0}, True),
            ({"tone_lift": 0.4}, True),
            ({"ink": (200, 200, 200)}, True),
            ({"paper": (200, 180, 150)}, False),
        ):
            look = dataclasses.replace(Look(), **change)
            mean = compose(*self.layers, look).mean()
            self.assertEqual(mean > plain.mean(), brighter, change)
        grey = compose(*self.layers, Look(saturation=0.0, ink=(0, 0, 0)))
        self.assertLessEqual(np.ptp(grey.astype(int), axis=-1).max(), 2)

    def test_errors(self):
        with self.assertRaisesRegex(ValueError, "`look` must be.*'baroque'"):
            render(self.photo, "baroque")
        with self.assertRaisesRegex(ValueError, "same height and width"):
            compose(self.layers[0][1:], self.layers[1])
