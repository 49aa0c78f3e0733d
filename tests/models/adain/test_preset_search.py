import json

import keras
import numpy as np
import pytest
from PIL import Image

import keras_comic
from keras_comic.models.adain import preset_search
from keras_comic.models.adain.preset_search import search_style_preset
from keras_comic.models.adain.preset_search import search_table
from keras_comic.models.adain.validation_set import ValidationSet
from tests.test_case import TestCase
from tests.test_case import noise
from tests.test_case import photos
from tests.test_case import requires_tensorflow

OPTIONS = {
    "image_size": 32,
    "batch_size": 2,
    "steps_per_epoch": 2,
    "discriminator_filters": 4,
    "warmup_steps": 1,
    "loss_weights": {"structure": 0.5},
}
SPACE = {"learning_rate": (2e-4, 4e-3), "style": (3e-5, 1e-3)}


def trial(number, objective=None, state=None, **values):
    values = {"learning_rate": 1e-3, "style": 1.5e-4, **values}
    state = state or ("running" if objective is None else "done")
    return {
        "number": number,
        "state": state,
        "objective": objective,
        **values,
    }


class Stop(Exception):
    """What stops a search in the tests."""


class SearchTest(TestCase):
    def setUp(self):
        self.folder = self.temporary_folder()
        for seed, name in enumerate(
            ("photos/a", "photos/b", "drawings/ink/a", "drawings/ink/b")
        ):
            path = self.folder / f"{name}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(photos(40, 48, 3, seed=seed)).save(path)
        keras.utils.set_random_seed(0)
        self.network = keras_comic.FeatureNetwork((1, 1, 3), (4, 4, 4))
        self.validation = ValidationSet(
            list(noise(3, 32, 32, 3)),
            list(noise(2, 32, 32, 3, seed=1)),
            self.network,
        )

    def search(self, name="search", num_trials=2, **kwargs):
        return search_style_preset(
            self.folder / "drawings",
            self.folder / "photos",
            self.folder / name,
            self.validation,
            num_trials=num_trials,
            feature_network=self.network,
            **{"steps": 2, "options": OPTIONS, **kwargs},
        )

    @requires_tensorflow
    @pytest.mark.slow
    def test_a_stopped_search_gives_what_a_whole_one_gives(self):
        pytest.importorskip("optuna")
        expected = self.search("whole")
        self.assertEqual([t["state"] for t in expected.trials], 2 * ["done"])
        # The recipe's own values come first.
        self.assertEqual(expected.trials[0]["learning_rate"], 1e-3)
        self.assertEqual(expected.trials[0]["style"], 1.5e-4)
        self.assertNotIn("structure", expected.trials[0])
        for name, (low, high) in preset_search.SPACE.items():
            if name != "structure":
                self.assertTrue(low <= expected.trials[1][name] <= high)
        best = min(expected.trials, key=lambda found: found["objective"])
        self.assertEqual(expected.value, best["objective"])
        self.assertEqual(
            expected.options["loss_weights"]["style"], best["style"]
        )
        self.assertEqual(expected.options["loss_weights"]["structure"], 0.5)
        self.assertEqual(
            expected.options["learning_rate"], best["learning_rate"]
        )

        def stop(trials):
            if len(trials) == 2:
                raise Stop

        with self.assertRaises(Stop):
            self.search(progress=stop)
        path = self.folder / "search" / "search.json"
        stopped = json.loads(path.read_text("utf-8"))["trials"]
        self.assertEqual(stopped[0], expected.trials[0])
        self.assertEqual(stopped[1]["state"], "running")
        self.assertEqual(self.search(), expected)
        self.assertEqual(
            sorted(p.name for p in (self.folder / "search").iterdir()),
            ["records", "search.json", "search.md", "trial-000", "trial-001"],
        )
        # Nothing is left to do.
        self.assertEqual(self.search(), expected)
        with self.assertRaisesRegex(
            ValueError, r"another search: .* Received: steps=3 \(was 2\)"
        ):
            self.search(steps=3)

    def test_next_values(self):
        pytest.importorskip("optuna")
        trials = []
        for number in range(8):
            values = preset_search._next_values(SPACE, trials, seed=0)
            again = preset_search._next_values(SPACE, trials, seed=0)
            self.assertEqual(values, again)
            for name, (low, high) in SPACE.items():
                self.assertTrue(low <= values[name] <= high)
            # Best where the rate is 1e-3.
            objective = abs(np.log10(values["learning_rate"]) + 3.0)
            trials.append(trial(number, float(objective), **values))
        trials[3].update(state="failed", objective=None)
        self.assertNotEqual(
            preset_search._next_values(SPACE, trials, seed=0), values
        )
        rates = [found["learning_rate"] for found in trials]
        self.assertEqual(rates[0], 1e-3)
        self.assertEqual(len(set(rates)), 8)

    def test_table(self):
        trials = [trial(0, 0.5), trial(1, 0.25, style=1e-4), trial(2)]
        trials.append(trial(3, state="failed"))
        self.assertEqual(
            search_table(trials, SPACE, "kid").splitlines(),
            [
                "| trial | learning_rate | style | kid | |",
                "| ---: | ---: | ---: | ---: | --- |",
                "| 0 | 0.001 | 0.00015 | 0.5 |  |",
                "| 1 | 0.001 | 0.0001 | 0.25 | best |",
                "| 2 | 0.001 | 0.00015 |  | running |",
                "| 3 | 0.001 | 0.00015 |  | failed |",
            ],
        )

    def test_errors(self):
        for name in ("num_trials", "steps"):
            with self.assertRaisesRegex(
                ValueError, f"`{name}` must be a positive .* {name}=0"
            ):
                self.search(**{name: 0})
        weights = dict.fromkeys(("style", "structure", "adversarial"), 1.0)
        with self.assertRaisesRegex(ValueError, "must leave one of .* search"):
            self.search(
                options={"learning_rate": 1e-3, "loss_weights": weights}
            )
        with self.assertRaisesRegex(FileNotFoundError, "none"):
            search_style_preset(
                self.folder / "none",
                self.folder / "photos",
                self.folder / "search",
                self.validation,
            )
