import importlib.util
import json
import sys

import pytest

from tests.test_case import ROOT
from tests.test_case import TestCase
from tests.test_case import requires_tensorflow

FOLDER = ROOT / "examples" / "benchmarks"


@requires_tensorflow
class RecordBuildingTest(TestCase):
    @pytest.mark.slow
    def test_rows(self):
        pytest.importorskip("apache_beam")
        # Where Python looks when a benchmark is run as a script.
        sys.path.insert(0, str(FOLDER))
        self.addCleanup(sys.path.remove, str(FOLDER))
        spec = importlib.util.spec_from_file_location(
            "examples.benchmarks.record_building",
            FOLDER / "record_building.py",
        )
        script = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(script)
        script.MULTIPLES = (1, 2)
        path = self.temporary_folder() / "building.json"
        arguments = ["--images", "3", "--repeats", "1", "--json", str(path)]
        script.main(arguments)
        rows = json.loads(path.read_text())
        found = {(row["name"], row["unit"]) for row in rows}
        for title in (
            "local, 1 worker",
            "local, 2 workers",
            "Beam, in process",
        ):
            expected = {
                (f"{title}: throughput by the clock", "images/s/core"),
                (f"{title}: throughput by the CPU", "images/s/core"),
            }
            for clock in ("clock", "CPU"):
                expected |= {
                    (f"{title}, {clock}: start-up", "s"),
                    (f"{title}, {clock}: 1x", "ms an image"),
                    (f"{title}, {clock}: 2x", "ms an image"),
                    (f"{title}, {clock}: growth", "ratio"),
                }
            self.assertEqual(expected - found, set())
        parts = [row for row in rows if row["name"] in script.PARTS]
        self.assertEqual(len(parts), len(script.PARTS))
        for part in parts:
            self.assertGreater(part["value"], 0.0)
            self.assertLessEqual(part["value"], parts[-1]["value"])
