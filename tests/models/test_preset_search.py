import keras
import pytest

import keras_comic
from keras_comic.models import PresetTraining
from keras_comic.models import search_options
from tests import tiny_recipes  # noqa: F401
from tests.models.test_preset_training import OPTIONS
from tests.models.test_preset_training import write_pictures
from tests.test_case import TestCase
from tests.test_case import requires_tensorflow


class Stop(Exception):
    """Stops a search."""


class SearchTest(TestCase):
    def setUp(self):
        pytest.importorskip("optuna")
        self.folder = self.temporary_folder()
        write_pictures(self.folder)
        keras.utils.set_random_seed(0)
        self.network = keras_comic.FeatureNetwork((1, 1), (4, 4))

    def search(self, name, validated=True, progress=None, steps=2, **options):
        training = PresetTraining(
            "tiny_comic",
            self.folder / name,
            self.folder / "drawings",
            self.folder / "photos",
            options={**OPTIONS, "features": self.network, **options},
        )
        if validated:
            training.validate(self.folder / "drawings", self.folder / "photos")
        found = search_options(training, 2, steps, progress)
        self.assertEqual(
            training.options["learning_rate"], found.options["learning_rate"]
        )
        return found

    @requires_tensorflow
    @pytest.mark.slow
    def test_a_stopped_search_gives_what_a_whole_one_gives(self):
        expected = self.search("whole")
        self.assertEqual(
            [t["state"] for t in expected.trials], 2 * ["complete"]
        )
        rates = [trial["learning_rate"] for trial in expected.trials]
        # The recipe's own value comes first.
        self.assertEqual(rates[0], 1e-3)
        self.assertTrue(2e-4 <= rates[1] <= 4e-3)
        best = min(expected.trials, key=lambda trial: trial["value"])
        self.assertEqual(expected.value, best["value"])
        self.assertEqual(
            expected.options["learning_rate"], best["learning_rate"]
        )

        def stop(trial):
            raise Stop

        with self.assertRaises(Stop):
            self.search("stopped", progress=stop)
        self.assertEqual(self.search("stopped"), expected)
        # Nothing is left to do.
        self.assertEqual(self.search("stopped", progress=stop), expected)
        with self.assertRaisesRegex(
            ValueError, r"another search: .* Received: steps=3 \(was 2\)"
        ):
            self.search("stopped", steps=3)

    def test_errors(self):
        with self.assertRaisesRegex(ValueError, "`steps` must be a positive"):
            self.search("a", steps=0)
        with self.assertRaisesRegex(ValueError, "call `validate` first"):
            self.search("a", validated=False)
        with self.assertRaisesRegex(ValueError, "must be left to search"):
            self.search("a", learning_rate=1e-3)
