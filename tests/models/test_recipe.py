from keras_comic.models import Recipe
from keras_comic.models import TrainingData
from keras_comic.models import get_recipe
from tests import tiny_recipes
from tests.models.test_preset_training import write_pictures
from tests.test_case import TestCase
from tests.tiny_families import TinyComic
from tests.tiny_families import TinyPainter


class RecipeTest(TestCase):
    def test_recipes_are_found_by_name(self):
        for name in ("tiny_comic", "adain"):
            self.assertIsInstance(get_recipe(name), Recipe)
        recipe = get_recipe("tiny_comic")
        self.assertIsInstance(recipe, tiny_recipes.TinyComicRecipe)
        with self.assertRaisesRegex(
            ValueError, r"one of \['adain', .*--import MODULE.*'none'"
        ):
            get_recipe("none")

    def test_search_defaults(self):
        recipe = get_recipe("adain")
        space = {"learning_rate": (0, 1), "style": (0, 1)}
        self.assertEqual(
            recipe.search_defaults(space),
            {"learning_rate": 1e-3, "style": recipe.loss_weights["style"]},
        )

    def test_styles_of_folders(self):
        folder = self.temporary_folder()
        write_pictures(folder)
        data = TrainingData(
            "style_transfer", folder / "drawings", folder / "photos"
        )
        painter = TinyPainter()
        Recipe().finish(painter, data)
        self.assertEqual(painter.style_names, ["ink", "wash"])
        self.assertEqual(painter.styles["ink"]["count"], 2)
        # Of another kind, nothing is added.
        Recipe().finish(TinyComic(), data)
        with self.assertRaisesRegex(NotImplementedError, "must override"):
            Recipe().make_gan({}, 1)
