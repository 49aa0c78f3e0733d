import importlib.util
import json
import re
import sys

import numpy as np
from absl.testing import parameterized
from PIL import Image

from tests.test_case import ROOT
from tests.test_case import TestCase
from tests.test_case import photos
from tests.test_case import requires_tensorflow

FOLDER = ROOT / "examples" / "benchmarks"


@requires_tensorflow
class PortableModelsTest(parameterized.TestCase, TestCase):
    def setUp(self):
        super().setUp()
        # Where Python looks when a benchmark is run as a script.
        sys.path.insert(0, str(FOLDER))
        self.addCleanup(sys.path.remove, str(FOLDER))
        spec = importlib.util.spec_from_file_location(
            "examples.benchmarks.portable_models", FOLDER / "portable_models.py"
        )
        self.script = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.script)

    def photo_folder(self):
        folder = self.temporary_folder() / "photos"
        folder.mkdir()
        for number in range(3):
            picture = photos(40, 48, 3, seed=number)
            Image.fromarray(picture).save(folder / f"{number}.png")
        return folder

    def small_preset(self):
        from tests.export.small_generator import make_generator

        folder = self.temporary_folder() / "preset"
        make_generator().save_to_preset(folder, {"licence": "CC0"})
        return folder

    def test_photos(self):
        folder = self.photo_folder()
        self.assertLen(self.script.photos_of(folder, 2), 2)
        self.assertLen(self.script.photos_of(folder, 9), 3)
        for photo in self.script.photos_of(None, 2):
            square = self.script.middle_square(photo, 40)
            self.assertShape(square, (40, 40, 3))
        parts = self.script.parts_of(np.zeros((300, 384, 3), "uint8"))
        self.assertEqual({p.shape for p in parts}, {(256, 256, 3)})
        self.assertLen(parts, 2 * 3)

    def test_rows(self):
        path = self.temporary_folder() / "portable_models.json"
        folder, preset = self.photo_folder(), self.small_preset()
        # In this process: TensorFlow's threads are set by now.
        script = self.script
        script.measure_in_own_process = script.measure
        # Two of them, since the others take as long.
        script.MODELS = (script.MODELS[0], script.MODELS[5])
        arguments = ["--sizes", "32", "--threads", "1", "--repeats", "1"]
        arguments += ["--preset", str(preset), "--photos", str(folder)]
        arguments += ["--count", "1", "--representative", str(folder)]
        arguments += ["--whole"]
        script.set_threads = lambda threads: None
        script.main([*arguments, "--json", str(path)])
        rows = json.loads(path.read_text())
        values = {(row["name"], row["unit"]): row["value"] for row in rows}
        name = "ONNX Runtime, float32, 32x32"
        self.assertLess(values[name, "from TensorFlow"], 1e-4)
        self.assertGreater(values[name, "speed ratio"], 0.0)
        self.assertGreater(values["LiteRT, int8, 32x32", "dB, lowest"], 30.0)
        names = {row["name"] for row in rows}
        for row in rows:
            self.assertIn(row["peer"], names | {None})

    def test_page_lists_the_operations(self):
        from keras_comic.export import portable_graph
        from tests.export.small_generator import make_generator

        text = (ROOT / "examples" / "serving" / "PORTABLE.md").read_text()
        table = text.partition("| TensorFlow operations |")[2]
        cells = re.findall(r"^\| [^|]+ \| ([^|]+) \| all \|$", table, re.M)
        listed = {name for cell in cells for name in cell.strip().split(", ")}
        generator = make_generator()
        found = set()
        for function in (
            portable_graph.trace_generator(generator),
            portable_graph.trace_generator(generator, (32, 32)),
            portable_graph.trace_style_encoder(generator),
        ):
            found |= set(portable_graph.count_operations(function))
        self.assertEqual(listed, found)
