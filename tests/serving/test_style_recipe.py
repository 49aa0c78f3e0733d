import json

import numpy as np

from keras_comic.serving.picture_files import read_png
from keras_comic.serving.style_recipe import make_recipe
from keras_comic.serving.style_recipe import read_style_names
from tests.test_case import TestCase
from tests.test_case import photos


class StyleRecipeTest(TestCase):
    def test_signatures(self):
        for style, strength, keep_color, signature, mix in (
            (None, 1, False, "serving_default", None),
            (None, 0.5, False, "serving_style_weights", None),
            (None, 1.0, True, "serving_style_weights", None),
            ("ink", 1.0, False, "serving_style_weights", [("ink", 1.0)]),
            ({"b": 2, "a": 1}, 1.0, False, None, [("b", 2.0), ("a", 1.0)]),
            ([("a", 1), ("a", 2)], 1.0, False, None, [("a", 1), ("a", 2)]),
            (photos(32, 32, 3), 1.0, False, "serving_style_image", None),
        ):
            recipe = make_recipe(style, strength, keep_color, 1)
            expected = signature or "serving_style_weights"
            self.assertEqual(recipe.signature, expected)
            self.assertEqual(recipe.mix, mix)
            self.assertEqual(recipe.is_plain, strength == 1 and not keep_color)

    def test_settings(self):
        settings = make_recipe("ink", 0.25, True, 3).settings(3)
        self.assertEqual(set(settings), {"strength", "keep_color"})
        self.assertDType(settings["strength"], "float32")
        self.assertAllEqual(settings["strength"], [0.25] * 3)
        self.assertDType(settings["keep_color"], "bool")
        self.assertAllEqual(settings["keep_color"], [True] * 3)

    def test_pictures(self):
        drawings = photos(3, 33, 40, 3)
        each = make_recipe(drawings, 1.0, False, 3)
        shared = make_recipe(drawings[1], 1.0, False, 3)
        for recipe, rows, expected in (
            (each, [2, 0], drawings[[2, 0]]),
            (shared, [2, 0], drawings[[1, 1]]),
        ):
            self.assertAllEqual(recipe.style_images(rows), expected)
            files = recipe.style_files(rows)
            for contents, drawing in zip(files, expected, strict=True):
                self.assertAllEqual(read_png(contents), drawing)
        # It is encoded once, for all requests.
        self.assertIs(shared.style_files([0])[0], shared.style_files([1])[0])
        with self.assertRaisesRegex(ValueError, "each of the 2 photos.*: 3"):
            make_recipe(drawings, 1.0, False, 2)

    def test_description(self):
        drawing = photos(32, 32, 3)
        recipes = [
            make_recipe(*arguments, 1)
            for arguments in (
                (None, 1.0, False),
                ("ink", 1.0, False),
                ({"ink": 1, "wash": 2}, 1.0, False),
                ("ink", 0.5, False),
                ("ink", 1.0, True),
                (drawing, 1.0, False),
                (255 - drawing, 1.0, False),
            )
        ]
        texts = [json.dumps(recipe.description()) for recipe in recipes]
        self.assertEqual(len(set(texts)), len(recipes))
        again = make_recipe(drawing.copy(), 1.0, False, 1).description()
        self.assertEqual(json.dumps(again), texts[5])

    def test_wrong_arguments(self):
        for style, strength, message in (
            (None, 2, "`strength` must be .*=2$"),
            (None, float("nan"), "`strength` must be"),
            (None, "1", "`strength` must be"),
            ({"ink": -1}, 1, r"weights of a mix.*\[-1\]$"),
            ({"ink": 0}, 1, "sum above 0"),
            ({}, 1, "sum above 0"),
            ([(photos(32, 32, 3), 1.0)], 1, "mixes named styles, and no im"),
            (["ink"], 1, "a list of .name, weight."),
            (3, 1, "`style` must be .*style=3$"),
            (np.zeros((32, 32, 3)), 1, "`style` must be uint8"),
        ):
            with self.assertRaisesRegex(ValueError, message):
                make_recipe(style, strength, False, 1)

    def test_names(self):
        self.assertIsNone(read_style_names(None))
        self.assertEqual(read_style_names(("a", "b")), ["a", "b"])
        path = self.temporary_folder() / "keras_comic.json"
        path.write_text(json.dumps({"style_names": ["größe"]}), "utf-8")
        self.assertEqual(read_style_names(path), ["größe"])
        self.assertEqual(read_style_names(str(path)), ["größe"])
        for text in ("[]", "{}", '{"style_names": [1]}'):
            path.write_text(text)
            with self.assertRaisesRegex(ValueError, "list of names, or the"):
                read_style_names(path)
        with self.assertRaisesRegex(ValueError, "list of names"):
            read_style_names([])
