import importlib.util
import json
import sys

import pytest

from tests.test_case import ROOT
from tests.test_case import TestCase

FOLDER = ROOT / "examples" / "benchmarks"


class ImportTimeTest(TestCase):
    def setUp(self):
        # Where Python looks when a benchmark is run as a script.
        sys.path.insert(0, str(FOLDER))
        self.addCleanup(sys.path.remove, str(FOLDER))
        spec = importlib.util.spec_from_file_location(
            "examples.benchmarks.import_time", FOLDER / "import_time.py"
        )
        self.script = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.script)

    def test_seconds(self):
        sleep = "import time; time.sleep(0.2)"
        self.assertGreaterEqual(self.script.seconds_of("import time"), 0)
        self.assertGreaterEqual(self.script.seconds_of(sleep), 0.2)
        self.assertGreaterEqual(self.script.seconds_of_process(sleep), 0.2)

    @pytest.mark.slow
    def test_rows(self):
        path = self.temporary_folder() / "rows.json"
        self.script.main(["--repeats", "1", "--json", str(path)])
        rows = {row["name"]: row for row in json.loads(path.read_text())}
        self.assertEqual(rows["import keras_comic"]["peer"], "import keras")
        self.assertEqual(rows["keras-comic --help"]["peer"], "python -c pass")
        self.assertLess(
            rows["import keras_comic"]["value"],
            rows["import keras_comic.layers"]["value"],
        )
