import numpy as np
from absl.testing import parameterized

from keras_comic.data.text_lines import text_fraction
from tests.data.pages import draw_bubble
from tests.data.pages import draw_scene
from tests.data.pages import draw_text_page
from tests.data.pages import find_font
from tests.test_case import TestCase
from tests.test_case import photos


class TextTest(TestCase, parameterized.TestCase):
    @parameterized.product(
        font=["DejaVuSans", "DejaVuSerif-Bold", "STIXGeneral", None],
        size=[(320, 240, 8), (320, 256, 14), (480, 360, 24), (900, 700, 22)],
    )
    def test_pages_of_text(self, font, size):
        height, width, font_size = size
        page = draw_text_page(height, width, find_font(font, font_size))
        self.assertGreater(text_fraction(page), 0.7)

    def test_half_a_page_is_kept(self):
        text = draw_text_page(240, 320)
        page = np.concatenate([draw_scene(240, 320), text])
        self.assertGreater(text_fraction(page), 0.05)
        self.assertLess(text_fraction(page), 0.34)

    def test_drawings_with_lettering_are_kept(self):
        scene = draw_scene(320, 400)
        self.assertLess(text_fraction(scene), 0.05)
        for size in (10, 16, 24):
            page = draw_bubble(scene, (20, 30, 110, 160), find_font(size=size))
            page = draw_bubble(page, (180, 200, 110, 160), find_font(size=size))
            self.assertLess(text_fraction(page), 0.15)

    def test_stripes_are_no_text(self):
        rows = np.arange(200)[:, None, None]
        columns = np.arange(300)[None, :, None]
        for period in (6, 10, 21):
            stripes = (rows % period < period // 2) * np.ones((1, 300, 3)) * 255
            image = stripes.astype("uint8")
            self.assertLess(text_fraction(image), 0.05)
            turned = np.ascontiguousarray(image.swapaxes(0, 1))
            self.assertLess(text_fraction(turned), 0.05)
        # Brickwork: light joints.
        shifted = columns + rows // 12 % 2 * 15
        joints = (rows % 12 < 2) | (shifted % 30 < 2)
        wall = np.where(joints, 210, [150, 70, 50]).astype("uint8")
        self.assertLess(text_fraction(wall), 0.15)

    def test_no_text(self):
        for shape in ((4, 4, 3), (48, 40, 3), (47, 300, 3), (300, 39, 3)):
            self.assertEqual(text_fraction(np.zeros(shape, "uint8")), 0.0)
        for seed in range(3):
            self.assertLess(text_fraction(photos(200, 200, 3, seed=seed)), 0.05)
        self.assertEqual(
            text_fraction(np.full((400, 300, 3), 255, "uint8")), 0.0
        )
