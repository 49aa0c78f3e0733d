import importlib.util
import json
import sys

from PIL import Image

from tests.test_case import ROOT
from tests.test_case import TestCase
from tests.test_case import photos
from tests.test_case import requires_tensorflow

FOLDER = ROOT / "examples" / "benchmarks"


@requires_tensorflow
class PortableModelsTest(TestCase):
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

    def test_rows(self):
        from tests.export.small_models import make_painter

        folder = self.temporary_folder()
        (folder / "photos").mkdir()
        for number in range(3):
            picture = photos(40, 48, 3, seed=number)
            Image.fromarray(picture).save(folder / "photos" / f"{number}.png")
        make_painter().save_to_preset(folder / "preset", {"licence": "CC0"})
        # Two of them, since the others take as long.
        self.script.FILES = (self.script.FILES[0], self.script.FILES[5])
        arguments = ["--sizes", "32", "--threads", "1", "--repeats", "1"]
        arguments += ["--preset", str(folder / "preset"), "--count", "1"]
        arguments += ["--photos", str(folder / "photos")]
        path = folder / "portable_models.json"
        self.script.main([*arguments, "--json", str(path)])
        rows = json.loads(path.read_text())
        values = {(row["name"], row["unit"]): row["value"] for row in rows}
        name = "ONNX Runtime, float32, short side 32"
        self.assertLessEqual(values[name, "of 255, from TensorFlow"], 1)
        self.assertGreater(values[name, "speed ratio"], 0.0)
        name = "LiteRT, int8, short side 32"
        self.assertGreater(values[name, "dB, lowest"], 30.0)
