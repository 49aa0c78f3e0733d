import numpy as np
from absl.testing import parameterized
from PIL import Image
from PIL import ImageDraw

from keras_comic.data.images import list_images
from keras_comic.data.images import read_image
from keras_comic.data.text_areas import find_text_areas
from tests.data.pages import TEXT
from tests.data.pages import draw_bubble
from tests.data.pages import draw_comic_page
from tests.data.pages import draw_scene
from tests.data.pages import find_font
from tests.data.pages import overlap
from tests.data.pages import save_as_jpeg
from tests.test_case import SHARED
from tests.test_case import TestCase
from tests.test_case import photos
from tests.test_case import shared


def letter(image, text, place, size, color, font="DejaVuSerif"):
    """Writes a text; returns the picture and the box around the letters."""
    result = Image.fromarray(np.array(image))
    draw = ImageDraw.Draw(result)
    font = find_font(font, size)
    draw.multiline_text(place[::-1], text, color, font)
    left, top, right, bottom = draw.multiline_textbbox(place[::-1], text, font)
    box = (round(top), round(left), round(bottom - top), round(right - left))
    return np.array(result), box


class BubblesTest(TestCase, parameterized.TestCase):
    def assertFound(self, image, expected, least=0.85):
        found = find_text_areas(image)
        self.assertEqual(len(found), len(expected), found)
        for box in expected:
            best = max(overlap(box, other) for other in found)
            self.assertGreater(best, least, (box, found))

    @parameterized.product(
        font=["DejaVuSans", "DejaVuSans-Bold", "DejaVuSerif", None],
        size=[(1, 11), (2, 20), (3, 30)],
        light=[False, True],
    )
    def test_bubbles_and_captions(self, font, size, light):
        scale, font_size = size
        font = find_font(font, font_size)
        image = draw_scene(240 * scale, 320 * scale, 3, light)
        boxes = [(8, 10, 80, 130), (100, 170, 90, 140), (150, 12, 70, 120)]
        boxes = [tuple(scale * number for number in box) for box in boxes]
        for number, box in enumerate(boxes):
            text = TEXT if number % 2 else TEXT.upper()
            shape = "rectangle" if number == 2 else "ellipse"
            image = draw_bubble(image, box, font, text, shape)
        self.assertFound(image, boxes)
        self.assertFound(save_as_jpeg(image, 70), boxes)

    def test_empty_bubbles(self):
        image = draw_scene(240, 320, 3)
        boxes = [(10, 12, 70, 110), (90, 180, 90, 120)]
        image = draw_bubble(image, boxes[0], text="", shape="rectangle")
        image = draw_bubble(image, boxes[1], text="")
        self.assertFound(image, boxes)
        self.assertFound(save_as_jpeg(image, 80), boxes)

    def test_on_a_page_with_panels(self):
        panels = [(12, 12, 170, 376), (194, 12, 194, 180), (194, 204, 194, 184)]
        page = draw_comic_page(400, 400, panels)
        boxes = [(20, 30, 80, 140), (210, 230, 80, 130)]
        for box in boxes:
            page = draw_bubble(page, box)
        self.assertFound(page, boxes)

    def test_a_bubble_with_a_tail(self):
        image = Image.fromarray(np.array(draw_scene(240, 320, 3)))
        draw = ImageDraw.Draw(image)
        draw.polygon(
            [(90, 80), (110, 80), (140, 150)], (252, 252, 250), (0,) * 3
        )
        image = draw_bubble(np.array(image), (20, 30, 80, 140))
        # The tail is a part of it.
        image[80:97, 95:105] = (252, 252, 250)
        self.assertFound(image, [(20, 30, 130, 140)], 0.6)

    def test_what_is_no_bubble(self):
        for seed in range(3, 12):
            self.assertEqual(find_text_areas(draw_scene(240, 320, seed)), [])
        # Paper around a drawing, snow, a cloud, a small window.
        page = np.full((240, 320, 3), 250, "uint8")
        page[40:200, 60:260] = draw_scene(160, 200, 3)
        self.assertEqual(find_text_areas(page), [])
        snow = np.array(draw_scene(240, 320, 3))
        snow[180:] = 248
        self.assertEqual(find_text_areas(snow), [])
        rows, columns = np.mgrid[:240, :320]
        cloud = np.array(draw_scene(240, 320, 3))
        for row, column, radius in ((60, 90, 30), (70, 130, 36), (62, 170, 26)):
            cloud[(rows - row) ** 2 + (columns - column) ** 2 < radius**2] = 245
        self.assertEqual(find_text_areas(cloud), [])
        window = np.array(draw_scene(240, 320, 3))
        window[60:80, 60:90] = 250
        self.assertEqual(find_text_areas(window), [])

    def test_an_apron_with_a_pattern(self):
        # Dots with gaps, and a drawing within.
        image = np.array(draw_scene(240, 320, 3))
        image[60:180, 80:200] = 250
        for row in range(70, 175, 14):
            for column in range(86 + row % 28 // 14 * 9, 195, 18):
                image[row : row + 5, column : column + 5] = 60
        self.assertEqual(find_text_areas(image), [])
        image[60:180, 80:200] = 250
        image[80:160, 100:180] = draw_scene(80, 80)
        self.assertEqual(find_text_areas(image), [])

    def test_blank_and_tiny(self):
        for level in (0, 128, 255):
            flat = np.full((100, 120, 3), level, "uint8")
            self.assertEqual(find_text_areas(flat), [])
        for shape in ((1, 1, 3), (2, 30, 3), (16, 16, 3), (120, 90, 3)):
            self.assertEqual(find_text_areas(photos(*shape)), [])

    def test_errors(self):
        with self.assertRaisesRegex(ValueError, "must be uint8 of shape"):
            find_text_areas(photos(8, 8))


class LetteringTest(TestCase, parameterized.TestCase):
    @parameterized.product(
        colors=[
            ((255, 255, 255), (0, 0, 0)),
            ((60, 120, 50), (10, 20, 10)),
            ((240, 200, 70), (40, 20, 10)),
            ((30, 30, 50), (240, 235, 220)),
        ],
        size=[14, 22],
    )
    def test_titles(self, colors, size):
        ground, color = colors
        image = np.array(draw_scene(240, 320, 4))
        image[:110] = ground
        text = "Chapter Twenty\nThe Rescue of\nthe Woodman"
        image, box = letter(image, text, (12, 20), size, color)
        for picture in (image, save_as_jpeg(image, 80)):
            found = find_text_areas(picture)
            self.assertEqual(len(found), 1, found)
            self.assertGreater(overlap(found[0], box), 0.75)

    def test_large_pages(self):
        image = np.full((1200, 900, 3), (60, 120, 50), "uint8")
        image[500:] = draw_scene(700, 900, 4)
        image, box = letter(
            image,
            "The Council with\nthe Munchkins",
            (90, 100),
            60,
            (10, 20, 10),
        )
        found = find_text_areas(image)
        self.assertEqual(len(found), 1)
        self.assertGreater(overlap(found[0], box), 0.8)
        # On the page, not outside.
        self.assertEqual({type(number) for number in found[0]}, {int})

    def test_two_titles(self):
        image = np.full((320, 320, 3), 240, "uint8")
        image[90:230] = draw_scene(140, 320, 4)
        image, upper = letter(
            image, "The Magic Picture", (20, 20), 24, (0,) * 3
        )
        image, lower = letter(image, "CHAPTER TEN", (260, 120), 20, (0,) * 3)
        found = find_text_areas(image)
        self.assertEqual(len(found), 2)
        for box, other in zip(found, (upper, lower), strict=True):
            self.assertGreater(overlap(box, other), 0.7)

    def test_rows_of_things_are_no_letters(self):
        for ground, color in ((250, 40), (90, 200)):
            image = np.full((160, 320, 3), ground, "uint8")
            # A fence, and a row of equal arches.
            for left in range(20, 300, 16):
                image[40:64, left : left + 9] = color
                image[40:44, left : left + 2] = ground
                image[40:44, left + 7 : left + 9] = ground
            self.assertEqual(find_text_areas(image), [])


@shared
class SharedPicturesTest(TestCase):
    def test_empty_text_boxes(self):
        paths = list_images(SHARED / "data" / "drawings" / "volland")
        for path in paths[::6]:
            image = read_image(path)
            found = find_text_areas(image)
            if path.stem == "volland_0002":
                # The only plate without a box.
                self.assertEqual(found, [])
                continue
            self.assertEqual(len(found), 1, path.name)
            top, left, height, width = found[0]
            self.assertLess(top, 30)
            inner = image[
                top + 6 : top + height - 6, left + 6 : left + width - 6
            ]
            self.assertGreater(inner.min(), 190)

    def test_painted_panels_have_no_text(self):
        for path in list_images(SHARED / "data" / "drawings/peppercarrot")[::9]:
            self.assertEqual(find_text_areas(read_image(path)), [], path.name)
        for path in list_images(SHARED / "data" / "pages")[::2]:
            self.assertEqual(find_text_areas(read_image(path)), [], path.name)

    def test_titles(self):
        folder = SHARED / "data" / "drawings"
        # Boxes by hand.
        for name, expected in (
            ("neill/train/neill_0068.jpg", (6, 4, 88, 500)),
            ("denslow/train/denslow_0010.jpg", (128, 42, 64, 252)),
        ):
            image = read_image(folder / name)
            found = find_text_areas(image)
            best = max(overlap(box, expected) for box in found)
            self.assertGreater(best, 0.8, (name, found))
