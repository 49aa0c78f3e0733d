import numpy as np
from absl.testing import parameterized
from PIL import Image

from keras_comic.comic.panels import find_panels
from keras_comic.data.image_folders import list_images
from keras_comic.data.images import read_image
from tests.data.pages import draw_bubble
from tests.data.pages import draw_comic_page
from tests.data.pages import draw_scene
from tests.data.pages import draw_text_page
from tests.data.pages import overlap
from tests.data.pages import save_as_jpeg
from tests.test_case import SHARED
from tests.test_case import TestCase
from tests.test_case import photos
from tests.test_case import shared

HEIGHT, WIDTH = 360, 240
# Layouts on such a page, in reading order.
LAYOUTS = {
    "rows": [(12, 12, 108, 216), (128, 12, 60, 216), (196, 12, 152, 216)],
    "grid": [
        (12, 12, 108, 90),
        (12, 110, 108, 118),
        (128, 12, 152, 54),
        (128, 74, 152, 54),
        (128, 136, 152, 92),
        (288, 12, 60, 216),
    ],
    "nested": [
        (12, 12, 180, 90),
        (12, 110, 84, 118),
        (104, 110, 88, 118),
        (200, 12, 148, 140),
        (200, 160, 70, 68),
        (278, 160, 70, 68),
    ],
    "no margins": [(0, 0, 180, 116), (0, 124, 180, 116), (188, 0, 172, 240)],
}


class FindPanelsTest(TestCase, parameterized.TestCase):
    def assertPanels(self, page, expected, least=0.95):
        found = find_panels(page)
        self.assertEqual(len(found), len(expected), found)
        for box, other in zip(found, expected, strict=True):
            self.assertGreater(overlap(box, other), least, (box, other))

    @parameterized.product(
        layout=list(LAYOUTS),
        gutter=[(255, 255, 255), (0, 0, 0), (240, 230, 205), (60, 90, 160)],
    )
    def test_layouts(self, layout, gutter):
        boxes = LAYOUTS[layout]
        page = draw_comic_page(HEIGHT, WIDTH, boxes, gutter)
        self.assertPanels(page, boxes)
        noise = np.random.default_rng(0).normal(0, 4, page.shape)
        noisy = np.clip(page + noise, 0, 255).astype("uint8")
        self.assertPanels(save_as_jpeg(noisy, 85), boxes, 0.93)

    def test_large_pages_to_the_pixel(self):
        boxes = LAYOUTS["nested"]
        page = draw_comic_page(HEIGHT, WIDTH, boxes)
        page = np.repeat(np.repeat(page, 5, axis=0), 5, axis=1)
        large = [tuple(5 * number for number in box) for box in boxes]
        found = find_panels(page)
        self.assertAllClose(found, large, atol=2)

    @parameterized.product(
        layout=["rows", "grid", "nested"], angle=[-2.0, -0.7, 1.0, 2.0]
    )
    def test_slanted_scans(self, layout, angle):
        boxes = LAYOUTS[layout]
        page = draw_comic_page(HEIGHT, WIDTH, boxes, (245, 240, 230))
        double = Image.fromarray(page).resize((2 * WIDTH, 2 * HEIGHT), 3)
        page = np.asarray(double.rotate(angle, 3, fillcolor=(245, 240, 230)))
        # What becomes of a box: the box around its turned corners.
        turn = np.exp(1j * np.radians(angle))
        center = WIDTH + 1j * HEIGHT
        expected = []
        for top, left, height, width in np.multiply(boxes, 2).tolist():
            rows = np.array([top, top, top + height, top + height])
            columns = np.array([left, left + width] * 2)
            # Rows count downwards.
            places = np.conj(np.conj(columns + 1j * rows - center) * turn)
            rows, columns = (places + center).imag, (places + center).real
            expected.append(
                (rows.min(), columns.min(), np.ptp(rows), np.ptp(columns))
            )
        self.assertPanels(page, expected, 0.88)

    def test_slanted_gutters(self):
        rows, columns = np.mgrid[:HEIGHT, :WIDTH]
        slope = rows - 0.35 * columns
        margin = (np.minimum(rows, HEIGHT - 1 - rows) < 12) | (
            np.minimum(columns, WIDTH - 1 - columns) < 12
        )
        gutter = margin | (abs(slope - 80) < 5) | (abs(slope - 200) < 5)
        page = np.where(gutter[..., None], 255, draw_scene(HEIGHT, WIDTH))
        found = find_panels(page.astype("uint8"))
        # From the upper edge to the gutter at the right, and so on.
        expected = [
            (12, 12, 145, 216),
            (92, 12, 185, 216),
            (212, 12, 136, 216),
        ]
        self.assertEqual(len(found), 3)
        self.assertAllClose(found, expected, atol=4)

    def test_balloons_across_gutters(self):
        boxes = [tuple(2 * n for n in box) for box in LAYOUTS["grid"]]
        page = draw_comic_page(2 * HEIGHT, 2 * WIDTH, boxes)
        page = draw_bubble(page, (180, 30, 110, 150))
        page = draw_bubble(page, (350, 180, 90, 130))
        self.assertPanels(page, boxes, 0.92)

    def test_a_panel_of_the_pages_colour_between_others(self):
        # Without a frame, its figure counts.
        boxes = LAYOUTS["rows"]
        page = draw_comic_page(HEIGHT, WIDTH, boxes)
        page[128:188] = 255
        page[130:186, 80:160] = draw_scene(56, 80)
        found = find_panels(page)
        self.assertEqual(len(found), 3)
        self.assertAllClose(found[1], (130, 80, 56, 80), atol=1)

    def test_one_picture(self):
        for light in (False, True):
            scene = draw_scene(HEIGHT, WIDTH, light=light)
            self.assertEqual(find_panels(scene), [(0, 0, HEIGHT, WIDTH)])
        page = draw_comic_page(HEIGHT, WIDTH, [(20, 30, 300, 180)])
        self.assertEqual(find_panels(page), [(20, 30, 300, 180)])
        for shape in ((1, 1, 3), (2, 40, 3), (40, 3, 3), (32, 32, 3)):
            whole = [(0, 0, *shape[:2])]
            self.assertEqual(find_panels(photos(*shape)), whole)
            self.assertEqual(find_panels(np.zeros(shape, "uint8")), whole)

    def test_figures_and_text_are_no_panels(self):
        rows, columns = np.mgrid[:HEIGHT, :WIDTH]
        scene = draw_scene(HEIGHT, WIDTH)
        page = np.full((HEIGHT, WIDTH, 3), 255, "uint8")
        for row, column, radius in (
            (80, 80, 50),
            (220, 150, 70),
            (310, 50, 35),
        ):
            far = abs(rows - row) + abs(columns - column) ** 1.5 / 4
            # Stars, roughly.
            star = far < radius
            page[star] = scene[star]
        self.assertEqual(len(find_panels(page)), 1)
        for count in (1, 2):
            page = draw_text_page(HEIGHT, WIDTH, columns=count)
            self.assertEqual(len(find_panels(page)), 1)

    def test_small_pieces_are_left_out(self):
        boxes = LAYOUTS["rows"]
        page = draw_comic_page(HEIGHT, WIDTH, boxes)
        page[4:9, 100:140] = 40
        self.assertEqual(len(find_panels(page)), 3)
        # 60 rows of 216 pixels are 15% of the page.
        self.assertEqual(len(find_panels(page, 0.14)), 3)
        found = find_panels(page, 0.16)
        self.assertEqual(found, [boxes[0], boxes[2]])

    def test_errors(self):
        for bad in (0, -1, 1.5):
            with self.assertRaisesRegex(
                ValueError, rf"in \(0, 1\]. Received: min_fraction={bad}"
            ):
                find_panels(photos(8, 8, 3), bad)
        with self.assertRaisesRegex(ValueError, "must be uint8 of shape"):
            find_panels(photos(8, 8))


@shared
class SharedPicturesTest(TestCase):
    def test_pages(self):
        # Counted by hand.
        counts = {
            "E17P06": 4,
            "E21": 1,
            "E21P02": 5,
            "E21P04": 6,
            "E22": 1,
            "E22P07": 6,
            "E22P08": 6,
            "E22P09": 5,
        }
        # A row of each, by hand, in pixels.
        boxes = {
            "E17P06": {0: (41, 41, 449, 911), 2: (517, 285, 395, 667)},
            "E21P04": {2: (632, 41, 171, 911), 5: (829, 764, 532, 188)},
            "E22P09": {3: (592, 41, 266, 911)},
        }
        for path in list_images(SHARED / "data" / "pages"):
            name = path.stem.rpartition("_")[2]
            image = read_image(path)
            found = find_panels(image)
            self.assertEqual(len(found), counts[name], name)
            for number, box in boxes.get(name, {}).items():
                self.assertGreater(overlap(found[number], box), 0.97)
            if name != "E22P08":
                # Slanted gutters: only there boxes overlap.
                for number, box in enumerate(found):
                    for other in found[:number]:
                        self.assertLess(overlap(box, other), 0.001)
            area = sum(height * width for _, _, height, width in found)
            self.assertGreater(area, 0.8 * image.shape[0] * image.shape[1])

    def test_reading_order_of_slanted_panels(self):
        name = "ep22_gfx_Pepper-and-Carrot_by-David-Revoy_E22P08.jpg"
        found = find_panels(read_image(SHARED / "data" / "pages" / name))
        lefts = [box[1] for box in found]
        # Two, a wide one, three.
        self.assertLess(lefts[0], lefts[1])
        self.assertGreater(found[2][3], 900)
        self.assertLess(lefts[3], lefts[4])
        self.assertLess(lefts[4], lefts[5])

    def test_drawings_stay_whole(self):
        paths = list_images(SHARED / "data" / "drawings")[::10]
        counts = [len(find_panels(read_image(path))) for path in paths]
        # A plate with a second one beside it.
        self.assertEqual([n for n in counts if n > 1], [2])
