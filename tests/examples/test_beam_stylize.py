import importlib.util
import json
import sys

import pytest

import keras_comic
from tests.test_case import ROOT
from tests.test_case import TestCase
from tests.test_case import photos
from tests.test_case import requires_tensorflow

FOLDER = ROOT / "examples" / "benchmarks"


@requires_tensorflow
class BeamStylizeTest(TestCase):
    @pytest.mark.slow
    def test_rows(self):
        pytest.importorskip("apache_beam")
        # Where Python looks when a benchmark is run as a script.
        sys.path.insert(0, str(FOLDER))
        self.addCleanup(sys.path.remove, str(FOLDER))
        spec = importlib.util.spec_from_file_location(
            "examples.benchmarks.beam_stylize", FOLDER / "beam_stylize.py"
        )
        script = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(script)
        script.MULTIPLES = (1, 2)
        generator = keras_comic.AdaINGenerator.light((4, 8, 4, 4), 1, 8)
        generator.add_style("ink", photos(32, 32, 3))
        preset = self.temporary_folder() / "preset"
        keras_comic.save_to_preset(generator, preset)
        path = self.temporary_folder() / "rows.json"
        arguments = ["--images", "2", "--size", "40", "--repeats", "1"]
        arguments += ["--names", "2000"]
        arguments += ["--preset", str(preset), "--json", str(path)]
        script.main(arguments)
        rows = json.loads(path.read_text())
        found = {(row["name"], row["unit"]) for row in rows}
        for kind in script.KINDS:
            expected = {
                (f"{kind}: start-up", "CPU s"),
                (f"{kind}: 1x", "photos/CPU s"),
                (f"{kind}: 2x", "photos/CPU s"),
                (f"{kind}: growth", "ratio"),
            }
            if kind != script.LOOP:
                expected.add((f"{kind}: beside the loop", "ratio"))
            self.assertEqual(expected - found, set())
        for name in ("loop over the SavedModel", "pipeline"):
            self.assertIn((f"{name}: peak memory, 2x", "MiB"), found)
        for row in rows:
            # Few names may take no longer than start-up does.
            if row["unit"] != "CPU us/photo":
                self.assertGreater(row["value"], 0.0)
