import importlib.util

import numpy as np
from absl.testing import parameterized
from PIL import Image

from keras_comic.metrics import comic_look
from keras_comic.metrics import mean_comic_look
from tests.test_case import SHARED
from tests.test_case import TestCase
from tests.test_case import photos
from tests.test_case import shared


def slope(height=96, width=96):
    """A photo that is smooth everywhere."""
    row = np.linspace(100, 140, width).astype("uint8")
    return np.repeat(np.tile(row, (height, 1))[..., None], 3, axis=-1)


class ComicLookTest(TestCase, parameterized.TestCase):
    def test_the_photo_itself(self):
        look = comic_look(slope(), slope())
        self.assertAllClose(look["invented"], 1.0)
        self.assertAllClose(look["tone"], 1.0)
        self.assertEqual((look["fringe"], look["paper"]), (0.0, 0.0))
        self.assertTrue(np.isnan(look["clutter"]))

    def test_each_fault_has_its_number(self):
        photo = slope()
        strokes = photo.copy()
        strokes[::8] = 20
        found = comic_look(photo, strokes)
        self.assertGreater(found["invented"], 5)
        self.assertGreater(found["edge"], 15)
        self.assertLess(comic_look(photo, 255 - photo)["tone"], -0.9)
        bleached = photo.copy()
        bleached[:24] = 255
        self.assertAllClose(comic_look(photo, bleached)["paper"], 0.25)
        haloed = strokes.copy()
        haloed[1::8, ::12] = (255, 0, 0)
        self.assertGreater(comic_look(photo, haloed)["fringe"], 0.2)
        flat = np.full_like(photo, 120)
        self.assertEqual(comic_look(photo, flat)["flat"], 1.0)
        texture = photo + photos(96, 96, 3) % 40
        self.assertLess(comic_look(texture, photo)["clutter"], 0.3)

    def test_means(self):
        looks = [comic_look(slope(), slope())] * 3
        means = mean_comic_look(looks)
        self.assertAllClose(means["invented_worst_tenth"], 1.0)
        self.assertAllClose(means["tone_worst_tenth"], 1.0)
        with self.assertRaisesRegex(ValueError, "nothing to average"):
            mean_comic_look([])

    @parameterized.parameters(
        ((8, 8, 3), "float32", "`photo` must be a uint8"),
        ((8, 8), "uint8", "`photo` must be a uint8"),
        ((9, 8, 3), "uint8", "must have one shape"),
    )
    def test_errors(self, shape, dtype, message):
        with self.assertRaisesRegex(ValueError, message):
            comic_look(np.zeros(shape, dtype), np.zeros((8, 8, 3), "uint8"))

    @shared
    def test_the_shared_tool(self):
        spec = importlib.util.spec_from_file_location(
            "shared_comic_look", SHARED / "tools" / "comic_look.py"
        )
        tool = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(tool)
        for path in sorted((SHARED / "data/photos/eval").iterdir())[:3]:
            photo = tool.load(path)
            small = Image.fromarray(photo).quantize(12).convert("RGB")
            comic = np.asarray(small)
            expected = tool.comic_look(photo, comic)
            found = comic_look(photo, comic)
            for name, value in expected.items():
                self.assertAllClose(found[name], value, atol=1e-3)
