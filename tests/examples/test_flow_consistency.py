import importlib.util
import json
import sys

import pytest

from tests.test_case import ROOT
from tests.test_case import TestCase
from tests.test_case import requires_tensorflow

FOLDER = ROOT / "examples" / "benchmarks"


@requires_tensorflow
class FlowConsistencyTest(TestCase):
    def setUp(self):
        # Where Python looks when a benchmark is run as a script.
        sys.path.insert(0, str(FOLDER))
        self.addCleanup(sys.path.remove, str(FOLDER))
        spec = importlib.util.spec_from_file_location(
            "examples.benchmarks.flow_consistency",
            FOLDER / "flow_consistency.py",
        )
        self.script = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.script)

    @pytest.mark.slow
    def test_rows(self):
        path = self.temporary_folder() / "rows.json"
        arguments = ["--size", "96x64", "--frames", "4", "--repeats", "1"]
        arguments += ["--clips", "coffee", "--speed-sizes", "96x64"]
        self.script.main([*arguments, "--json", str(path)])
        found = {r["name"]: r["value"] for r in json.loads(path.read_text())}
        prefix = "coffee, handheld: "
        for column in ("known", "Farneback", "DIS", "sharpness"):
            self.assertEqual(found[f"{prefix}none, {column}"], 1.0)
            self.assertIn(f"{prefix}statistics, flow, {column}", found)
        self.assertLess(found[f"{prefix}none, flow, known"], 0.6)
        self.assertLess(found[f"{prefix}floor, known"], 0.7)
        self.assertGreater(found["Deflicker, 96x64: warp and blend"], 0.0)

    def test_sizes(self):
        self.assertEqual(self.script.size_of("480x270"), (270, 480))
