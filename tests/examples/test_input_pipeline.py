import importlib.util
import io
import json
import os
import sys

import numpy as np
import pytest
from PIL import Image

from tests.test_case import ROOT
from tests.test_case import TestCase
from tests.test_case import requires_tensorflow

FOLDER = ROOT / "examples" / "benchmarks"
NAME = "examples.benchmarks.input_pipeline"


@requires_tensorflow
class InputPipelineTest(TestCase):
    def setUp(self):
        super().setUp()
        # Where Python looks when a benchmark is run as a script.
        sys.path.insert(0, str(FOLDER))
        self.addCleanup(sys.path.remove, str(FOLDER))
        spec = importlib.util.spec_from_file_location(
            NAME, FOLDER / "input_pipeline.py"
        )
        self.script = importlib.util.module_from_spec(spec)
        # Its processes import it by its name.
        sys.modules[NAME] = self.script
        self.addCleanup(sys.modules.pop, NAME)
        spec.loader.exec_module(self.script)
        self.script.SIZE = 64
        self.script.CROPS = (32, 16, 48)
        self.script.WARM_UP = 2
        self.script.bind_to_cores = lambda count: count

    def test_pictures(self):
        made = self.script.make_pictures(9)
        self.assertEqual(len(set(made)), 9)
        for picture in made:
            image = Image.open(io.BytesIO(picture))
            self.assertEqual((image.format, image.size), ("JPEG", (64, 64)))
            self.assertGreater(np.std(image), 5)
        self.assertEqual(self.script.make_pictures(9), made)
        folder = self.temporary_folder()
        Image.new("RGB", (70, 90), (10, 20, 30)).save(folder / "a.png")
        (picture,) = self.script.make_pictures(1, folder)
        self.assertAllClose(
            Image.open(io.BytesIO(picture)).getpixel((9, 9)),
            (10, 20, 30),
            atol=3,
        )

    def test_rates(self):
        rate, cpu = self.script.measure(lambda: sum(range(10**6)), 10)
        self.assertGreater(rate, 0)
        self.assertGreater(cpu, 0)
        counts = []
        rate, cpu = self.script.in_threads(counts.append, 9, 2)
        self.assertEqual(counts, [4, 4])

    def test_ratios_are_of_rounds(self):
        title = self.script.CROP.format(size=32)
        keras = self.script.KERAS.format(size=32)
        names = [*self.script.BARE, title, keras]
        found = {name: [(100.0, 1.0), (10.0, 1.0)] for name in names}
        found[self.script.BARE[1]] = [(200.0, 1.0), (20.0, 1.0)]
        found[title] = [(180.0, 1.0), (18.0, 1.0)]
        found[self.script.WHOLE.format(size=32)] = [(1.0, 1.0)] * 2
        rows = self.script.rate_rows(found, "")
        values = {(row["name"], row["unit"]): row["value"] for row in rows}
        self.assertAllClose(values[f"{title} / limit", "ratio"], 0.9)
        self.assertAllClose(values[f"{title} / {keras}", "ratio"], 1.8)
        self.assertAllClose(
            values["bare decoding, the best", "images/s"], 110.0
        )

    @pytest.mark.slow
    def test_rows(self):
        for name in ("CUDA_VISIBLE_DEVICES", "TF_CPP_MIN_LOG_LEVEL"):
            before = os.environ.get(name)
            self.addCleanup(
                os.environ.pop if before is None else os.environ.__setitem__,
                name,
                before,
            )
        path = self.temporary_folder() / "rows.json"
        arguments = ["--pictures", "24", "--images", "64", "--repeats", "1"]
        arguments += ["--records", "640", "--json", str(path)]
        self.script.main(arguments)
        rows = json.loads(path.read_text())
        names = {row["name"] for row in rows}
        for row in rows:
            self.assertEqual(
                list(row), ["name", "value", "unit", "peer", "conditions"]
            )
            self.assertIn(row["peer"], names | {None})
            if not row["name"].startswith("stage:"):
                self.assertGreater(row["value"], 0.0)
        for size in (32, 16, 48):
            title = f"photo_dataset, crop {size}, mirrored"
            self.assertIn(title, names)
            self.assertIn(f"{title} / limit", names)
        title = "photo_dataset, crop 32, colours, rotation, scale / limit"
        self.assertIn(title, names)
        stages = [name for name in names if name.startswith("stage:")]
        self.assertEqual(len(stages), 9)
        if os.path.isfile("/proc/self/statm"):
            self.assertIn("memory after 640 records", names)
            self.assertIn("memory, end / middle", names)
