import importlib.util
import json
import sys

import numpy as np

from tests.test_case import ROOT
from tests.test_case import TestCase
from tests.test_case import requires_tensorflow
from tests.video.runners import moving_square
from tests.video.runners import small_runner

FOLDER = ROOT / "examples" / "benchmarks"


@requires_tensorflow
class DifferenceEngineTest(TestCase):
    def setUp(self):
        super().setUp()
        # Where Python looks when a benchmark is run as a script.
        sys.path.insert(0, str(FOLDER))
        self.addCleanup(sys.path.remove, str(FOLDER))
        spec = importlib.util.spec_from_file_location(
            "examples.benchmarks.difference_engine",
            FOLDER / "difference_engine.py",
        )
        self.script = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.script)

    def test_measure(self):
        images = moving_square(4, 96, 256)
        frames = [(image, n in (0, 2)) for n, image in enumerate(images)]
        found = self.script.measure(small_runner(), frames)
        self.assertEqual(list(found["seconds"]), list(self.script.STYLIZERS))
        for value in found["seconds"].values():
            self.assertGreater(value, 0.0)
        self.assertGreater(found["share"], 0.05)
        self.assertLess(found["share"], 0.7)
        self.assertLessEqual(found["written"], found["share"])
        self.assertGreater(found["psnr"], 35.0)
        self.assertLessEqual(found["least_psnr"], found["psnr"])
        self.assertEqual(found["largest_change"], 0)

    def test_still_scene(self):
        frames = self.script.make_still_scene(None, 96, 64, 3)
        self.assertEqual([starts for _, starts in frames], [True, False, False])
        changed = np.any(frames[0][0] != frames[2][0], axis=-1)
        self.assertGreater(changed.mean(), 0.0)
        self.assertLess(changed.mean(), 0.15)

    def test_rows(self):
        path = self.temporary_folder() / "rows.json"
        arguments = ["--clips", str(path.parent), "--json", str(path)]
        arguments += ["--still-size", "96x64", "--still-frames", "3"]
        self.script.main(arguments, small_runner())
        rows = json.loads(path.read_text())
        names = {row["name"] for row in rows}
        for row in rows:
            self.assertEqual(
                list(row), ["name", "value", "unit", "peer", "conditions"]
            )
            self.assertIn(row["peer"], names | {None})
        (ratio,) = (r for r in rows if "aim: at least 5" in r["conditions"])
        self.assertEqual(
            ratio["name"],
            "difference engine / frame by frame, still scene, 96x64",
        )
        self.assertGreater(ratio["value"], 0.0)
