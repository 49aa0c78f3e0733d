import numpy as np
from PIL import Image
from PIL import ImageFilter

from keras_comic.data.cleaning import CleaningRules
from keras_comic.data.image_folders import list_images
from keras_comic.data.images import read_image
from tests.data.pages import draw_scene
from tests.test_case import SHARED
from tests.test_case import TestCase
from tests.test_case import photos
from tests.test_case import shared


def blur(image, radius):
    blurred = Image.fromarray(image).filter(ImageFilter.GaussianBlur(radius))
    return np.asarray(blurred)


def flat(color, height=96, width=128, deviation=0.0, seed=0):
    values = np.random.default_rng(seed).normal(
        0, deviation, (height, width, 3)
    )
    return np.clip(np.round(values + color), 0, 255).astype("uint8")


class CleaningRulesTest(TestCase):
    def rules_of(self, rules, image):
        return [v.rule for v in rules.violations(image, "photos")]

    def test_each_rule(self):
        rules = CleaningRules()
        small = draw_scene(63, 200)
        self.assertEqual(self.rules_of(rules, small), ["too small"])
        blurred = blur(draw_scene(256, 320), 5)
        self.assertEqual(self.rules_of(rules, blurred), ["blurred"])
        self.assertEqual(self.rules_of(rules, flat(90.0)), ["blank"])

    def test_none_turns_a_rule_off(self):
        names = ("min_side", "min_sharpness", "max_blank")
        rules = CleaningRules(**dict.fromkeys(names))
        for image in (
            photos(3, 3, 3),
            blur(draw_scene(256, 320), 5),
            flat(90.0),
        ):
            self.assertEqual(self.rules_of(rules, image), [])
        # Without the rule of blank pictures they are blurred.
        rules = CleaningRules(max_blank=None)
        self.assertEqual(self.rules_of(rules, flat(90.0)), ["blurred"])

    def test_trimming(self):
        image = np.zeros((96, 128, 3), "uint8")
        image[20:76] = draw_scene(56, 128)
        self.assertEqual(CleaningRules().trim_box(image), (20, 0, 56, 128))
        whole = CleaningRules(trim=False).trim_box(image)
        self.assertEqual(whole, (0, 0, 96, 128))
        with self.assertRaisesRegex(ValueError, "must be uint8 of shape"):
            CleaningRules(trim=False).trim_box(image[0])

    def test_errors(self):
        for name, value, allowed in (
            ("min_side", 0, ">= 1"),
            ("min_sharpness", -1.0, ">= 0"),
            ("max_blank", 1.5, r"in \[0, 1\]"),
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
