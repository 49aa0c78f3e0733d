import json
import pickle

import numpy as np
from absl.testing import parameterized
from PIL import Image
from PIL import ImageEnhance
from PIL import ImageFilter

from keras_comic.data.cleaning import CleaningRules
from keras_comic.data.cleaning import blank_fraction
from keras_comic.data.cleaning import perceptual_hash
from keras_comic.data.cleaning import sharpness
from keras_comic.data.cleaning import text_fraction
from keras_comic.data.image_folders import list_images
from keras_comic.data.images import read_image
from tests.data.pages import draw_bubble
from tests.data.pages import draw_scene
from tests.data.pages import draw_text_page
from tests.data.pages import find_font
from tests.data.pages import save_as_jpeg
from tests.test_case import SHARED
from tests.test_case import TestCase
from tests.test_case import photos
from tests.test_case import shared

RUSSIAN = (
    "Все счастливые семьи похожи друг на друга, каждая несчастливая семья "
    "несчастлива по-своему. Все смешалось в доме. "
)
GREEK = (
    "Σε μια γωνιά της Μάντσας, που το όνομά της δεν θέλω να θυμηθώ, ζούσε "
    "πριν λίγο καιρό ένας ιππότης. "
)
ARABIC = "كان يا ما كان في قديم الزمان وسالف العصر والأوان ملك من الملوك "


def blur(image, radius):
    blurred = Image.fromarray(image).filter(ImageFilter.GaussianBlur(radius))
    return np.asarray(blurred)


def resize(image, height, width):
    resized = Image.fromarray(image).resize((width, height), 3)
    return np.asarray(resized)


def flat(color, height=96, width=128, deviation=0.0, seed=0):
    values = np.random.default_rng(seed).normal(
        0, deviation, (height, width, 3)
    )
    return np.clip(np.round(values + color), 0, 255).astype("uint8")


class SharpnessTest(TestCase):
    def test_worked_by_hand(self):
        # A checkerboard of 0 and 100: the Laplacian is 400 or -400.
        image = np.zeros((66, 66, 3), "uint8")
        image[::2, ::2] = image[1::2, 1::2] = 100
        self.assertAllClose(sharpness(image), 160000.0)

    def test_falls_with_blur(self):
        for light in (False, True):
            image = draw_scene(256, 320, light=light)
            values = [sharpness(blur(image, r)) for r in (0, 1, 2, 3, 4)]
            self.assertEqual(values, sorted(values, reverse=True))
            self.assertGreater(values[0], 500)
            self.assertLess(values[4], 15)

    def test_one_sharp_part_is_enough(self):
        image = np.array(blur(draw_scene(256, 320), 6))
        self.assertLess(sharpness(image), 10)
        image[100:200, 100:200] = draw_scene(256, 320)[100:200, 100:200]
        self.assertGreater(sharpness(image), 200)

    def test_a_stamp_in_the_corner_is_not_enough(self):
        image = np.array(blur(draw_scene(256, 320), 6))
        image[240:254, 270:318] = photos(14, 48, 3)
        self.assertLess(sharpness(image), 15)

    def test_measured_at_one_size(self):
        image = draw_scene(256, 320)
        double = resize(image, 512, 640)
        self.assertAllClose(sharpness(double), sharpness(image), rtol=0.6)
        # Blurred by as much of its side.
        self.assertLess(sharpness(blur(double, 8)), 15)
        large = resize(blur(image, 4), 1024, 1280)
        self.assertLess(sharpness(large), 15)

    def test_flat_and_tiny(self):
        self.assertEqual(sharpness(flat(200.0)), 0.0)
        self.assertEqual(sharpness(photos(2, 50, 3)), 0.0)
        self.assertGreater(sharpness(photos(5, 5, 3)), 0.0)

    def test_errors(self):
        for measure in (sharpness, blank_fraction, text_fraction):
            with self.assertRaisesRegex(ValueError, "must be uint8 of shape"):
                measure(photos(8, 8))


class BlankTest(TestCase):
    def test_worked_by_hand(self):
        image = photos(64, 64, 3)
        self.assertEqual(blank_fraction(image), 0.0)
        image[:, :16] = (200, 30, 20)
        self.assertEqual(blank_fraction(image), 0.25)
        # Of two flat colours, the more frequent one.
        image[:, 16:48] = (20, 30, 200)
        self.assertEqual(blank_fraction(image), 0.5)

    def test_noise(self):
        for level in (0.0, 8.0, 120.0, 255.0):
            self.assertEqual(blank_fraction(flat(level, deviation=4.0)), 1.0)
            image = save_as_jpeg(flat(level, deviation=2.0), 50)
            self.assertEqual(blank_fraction(image), 1.0)

    def test_a_gradient_is_not_blank(self):
        levels = np.linspace(0, 255, 128)[None, :, None] * np.ones((96, 1, 3))
        self.assertLess(blank_fraction(levels.astype("uint8")), 0.2)

    def test_a_small_drawing(self):
        image = flat(255.0, 320, 240)
        image[200:240, 100:130] = draw_scene(40, 30)
        self.assertGreaterEqual(blank_fraction(image), 0.96)
        self.assertLessEqual(blank_fraction(image), 0.99)

    def test_sizes(self):
        for shape in ((1, 1, 3), (5, 7, 3), (9, 300, 3), (640, 700, 3)):
            self.assertEqual(blank_fraction(np.zeros(shape, "uint8")), 1.0)
        image = np.zeros((1024, 1024, 3), "uint8")
        image[:512] = photos(512, 1024, 3)
        # The noise is gone in the copy that is measured, but not its colour.
        self.assertEqual(blank_fraction(image), 0.5)


class TextTest(TestCase, parameterized.TestCase):
    @parameterized.product(
        font=["DejaVuSans", "DejaVuSerif-Bold", "STIXGeneral", None],
        size=[(320, 240, 8), (320, 256, 14), (480, 360, 24), (900, 700, 22)],
    )
    def test_pages_of_text(self, font, size):
        height, width, font_size = size
        page = draw_text_page(height, width, find_font(font, font_size))
        self.assertGreater(text_fraction(page), 0.7)

    @parameterized.parameters(RUSSIAN, GREEK, ARABIC)
    def test_languages(self, text):
        for font in ("DejaVuSans", "DejaVuSansMono-Oblique"):
            page = draw_text_page(400, 300, find_font(font, 11), text)
            self.assertGreater(text_fraction(page), 0.6)

    @parameterized.product(
        colors=[
            ((255, 255, 255), (20, 20, 20)),
            ((246, 240, 227), (60, 40, 30)),
            ((210, 190, 150), (70, 50, 30)),
            ((40, 40, 60), (230, 230, 230)),
            ((200, 60, 40), (255, 250, 240)),
        ],
        spacing=[1.2, 1.6],
    )
    def test_columns_paper_noise_and_slant(self, colors, spacing):
        paper, ink = colors
        page = draw_text_page(
            420, 320, columns=2, spacing=spacing, paper=paper, ink=ink
        )
        self.assertGreater(text_fraction(page), 0.6)
        noise = np.random.default_rng(0).normal(0, 4, page.shape)
        noisy = np.clip(page + noise, 0, 255).astype("uint8")
        self.assertGreater(text_fraction(save_as_jpeg(noisy)), 0.6)
        for angle in (-1.5, 1.5):
            slanted = Image.fromarray(page).rotate(angle, 3, fillcolor=paper)
            self.assertGreater(text_fraction(np.asarray(slanted)), 0.6)

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
        self.assertEqual(text_fraction(flat(255.0, 400, 300)), 0.0)


class HashTest(TestCase):
    def assertNear(self, image, other, distance=4):
        bits = perceptual_hash(image) ^ perceptual_hash(other)
        self.assertLessEqual(bits.bit_count(), distance)

    def test_range_and_determinism(self):
        hashes = {perceptual_hash(draw_scene(96, 128, s)) for s in range(8)}
        self.assertEqual(len(hashes), 8)
        for number in hashes:
            self.assertIsInstance(number, int)
            self.assertGreaterEqual(number, 0)
            self.assertLess(number, 2**64)
        again = perceptual_hash(draw_scene(96, 128, 0))
        self.assertIn(again, hashes)

    def test_the_bits_are_those_of_the_library(self):
        import imagehash

        image = draw_scene(96, 128)
        expected = str(imagehash.phash(Image.fromarray(image)))
        self.assertEqual(f"{perceptual_hash(image):016x}", expected)

    def test_copies(self):
        for seed in range(4):
            image = draw_scene(256, 320, seed)
            for height, width in ((128, 160), (100, 125), (640, 800)):
                self.assertNear(image, resize(image, height, width))
            for quality in (30, 75):
                self.assertNear(image, save_as_jpeg(image, quality))
            brighter = ImageEnhance.Brightness(Image.fromarray(image))
            self.assertNear(image, np.asarray(brighter.enhance(1.1)))

    def test_others_are_far(self):
        hashes = [perceptual_hash(draw_scene(96, 128, s)) for s in range(12)]
        for i, one in enumerate(hashes):
            for other in hashes[:i]:
                self.assertGreater((one ^ other).bit_count(), 10)

    def test_flat_pictures(self):
        self.assertEqual(perceptual_hash(flat(0.0)), 0)
        self.assertEqual(perceptual_hash(flat(255.0)), 2**63 - 1)
        # The same colour with other noise, at another size.
        for color in ((240, 240, 235), (10, 60, 120)):
            image = flat(color, deviation=2.0)
            self.assertNear(image, flat(color, 50, 50, 2.0, seed=1), 2)
            self.assertNear(image, save_as_jpeg(image, 60), 2)
        red, green = (
            perceptual_hash(flat(c)) for c in ((200, 0, 0), (0, 200, 0))
        )
        self.assertGreater((red ^ green).bit_count(), 20)


class CleaningRulesTest(TestCase):
    def rules_of(self, rules, image):
        return [v.rule for v in rules.violations(image, "photos")]

    def test_a_good_picture(self):
        rules = CleaningRules()
        self.assertEqual(rules.violations(draw_scene(120, 160), "comics"), [])

    def test_each_rule(self):
        rules = CleaningRules()
        small = draw_scene(63, 200)
        self.assertEqual(self.rules_of(rules, small), ["too small"])
        blurred = blur(draw_scene(256, 320), 5)
        self.assertEqual(self.rules_of(rules, blurred), ["blurred"])
        self.assertEqual(self.rules_of(rules, flat(90.0)), ["blank"])
        page = draw_text_page(320, 240)
        self.assertEqual(self.rules_of(rules, page), ["text"])
        # One after the other.
        strict = CleaningRules(min_sharpness=1e6, max_text=0.1)
        self.assertEqual(self.rules_of(strict, page), ["blurred", "text"])

    def test_none_turns_a_rule_off(self):
        names = ("min_side", "min_sharpness", "max_blank", "max_text")
        rules = CleaningRules(**dict.fromkeys(names))
        for image in (
            photos(3, 3, 3),
            blur(draw_scene(256, 320), 5),
            flat(90.0),
            draw_text_page(320, 240),
        ):
            self.assertEqual(self.rules_of(rules, image), [])
        # Without the rule of blank pictures they are blurred.
        rules = CleaningRules(max_blank=None)
        self.assertEqual(self.rules_of(rules, flat(90.0)), ["blurred"])

    def test_limits_are_still_good(self):
        scene = draw_scene(64, 80)
        limits = {
            "min_sharpness": sharpness(scene),
            "max_blank": blank_fraction(scene),
            "max_text": text_fraction(scene),
        }
        self.assertEqual(self.rules_of(CleaningRules(**limits), scene), [])

    def test_reasons(self):
        rules = CleaningRules(max_text=0.0)
        for image, kind, reason in (
            (
                photos(20, 90, 3),
                "photos",
                r"The photo is too small: its short side is 20 pixels, less "
                r"than 64\.",
            ),
            (
                flat(90.0),
                "comics",
                r"The comic is blank: 100\.0% of it is one colour, more than "
                r"95\.0%\.",
            ),
            (
                blur(draw_scene(256, 320), 9),
                "clips",
                r"The clip is blurred: its sharpness is \d\.\d, less than 15\.",
            ),
            (
                draw_text_page(320, 240),
                "pairs",
                r"The pair is a page of text: \d+% of its ink are lines of "
                r"letters, more than 0%\.",
            ),
        ):
            violation = rules.violations(image, kind)[0]
            self.assertRegex(violation.reason, f"^{reason}$")
            self.assertIn(violation.rule, violation.reason)
            limit = getattr(
                rules,
                {
                    "too small": "min_side",
                    "blank": "max_blank",
                    "blurred": "min_sharpness",
                    "text": "max_text",
                }[violation.rule],
            )
            self.assertEqual(violation.limit, limit)

    def test_trimming(self):
        image = np.zeros((96, 128, 3), "uint8")
        image[20:76] = draw_scene(56, 128)
        self.assertEqual(CleaningRules().trim_box(image), (20, 0, 56, 128))
        whole = CleaningRules(trim=False).trim_box(image)
        self.assertEqual(whole, (0, 0, 96, 128))
        with self.assertRaisesRegex(ValueError, "must be uint8 of shape"):
            CleaningRules(trim=False).trim_box(image[0])

    def test_round_trip(self):
        rules = CleaningRules(32, None, 0.5, 0.25, False, 8, False)
        config = json.loads(json.dumps(rules.get_config()))
        again = CleaningRules.from_config(config)
        self.assertEqual(again.get_config(), config)
        self.assertEqual(
            list(config.values()), [32, None, 0.5, 0.25, False, 8, False]
        )
        copied = pickle.loads(pickle.dumps(rules))
        self.assertEqual(copied.get_config(), config)

    def test_errors(self):
        for name, value, allowed in (
            ("min_side", 0, ">= 1"),
            ("min_sharpness", -1.0, ">= 0"),
            ("max_blank", 1.5, r"in \[0, 1\]"),
            ("max_text", -0.1, r"in \[0, 1\]"),
            ("duplicate_distance", 65, r"in \[0, 64\]"),
        ):
            with self.assertRaisesRegex(
                ValueError,
                rf"`{name}` must be {allowed}, or None .* "
                rf"Received: {name}={value}",
            ):
                CleaningRules(**{name: value})
        with self.assertRaisesRegex(ValueError, "one of photos.*kind=drawings"):
            CleaningRules().violations(photos(80, 80, 3), "drawings")
        with self.assertRaisesRegex(ValueError, "must be uint8 of shape"):
            CleaningRules().violations(photos(80, 80), "photos")


@shared
class SharedPicturesTest(TestCase):
    def violations(self, folder, every=1):
        rules = CleaningRules()
        found = {}
        for path in list_images(SHARED / "data" / folder)[::every]:
            image = read_image(path)
            top, left, height, width = rules.trim_box(image)
            image = image[top : top + height, left : left + width]
            for violation in rules.violations(image, "photos"):
                found[path.name] = violation.rule
        return found

    def test_good_pictures_are_kept(self):
        self.assertEqual(self.violations("photos/train", 20), {})
        self.assertEqual(self.violations("drawings", 12), {})
        # A coral that is blurred all over.
        self.assertEqual(
            self.violations("photos/eval"),
            {"ele_jairoalzate_t0.jpg": "blurred"},
        )

    def test_a_table_of_contents_is_dropped(self):
        folder = SHARED / "data" / "drawings" / "neill" / "train"
        image = read_image(folder / "neill_0260.jpg")
        violations = CleaningRules().violations(image, "comics")
        self.assertEqual([v.rule for v in violations], ["text"])

    def test_copies_are_near_and_others_far(self):
        paths = list_images(SHARED / "data" / "photos" / "train")[::20]
        images = [read_image(path) for path in paths]
        hashes = [perceptual_hash(image) for image in images]
        limit = CleaningRules().duplicate_distance
        for image, one in zip(images, hashes, strict=True):
            height, width = image.shape[0] * 2 // 3, image.shape[1] * 2 // 3
            smaller = save_as_jpeg(resize(image, height, width))
            other = perceptual_hash(smaller)
            self.assertLessEqual((one ^ other).bit_count(), limit)
        for i, one in enumerate(hashes):
            for other in hashes[:i]:
                self.assertGreater((one ^ other).bit_count(), limit)
