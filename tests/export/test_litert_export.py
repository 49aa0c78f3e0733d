import json

import numpy as np
from absl.testing import parameterized
from ai_edge_litert.interpreter import Interpreter

from keras_comic.export.litert_export import save_litert
from tests.export.small_models import portable_path
from tests.export.small_models import small_model
from tests.test_case import TestCase


class SaveLiteRTTest(parameterized.TestCase, TestCase):
    @parameterized.parameters(
        ("comic", {"photos": [1, 32, 48, 3]}, [".json", ".tflite"]),
        (
            "painter",
            {"photos": [1, 32, 48, 3], "style": [1, 6]},
            [".conditions.tflite", ".json", ".tflite"],
        ),
        ("codes", {"codes": [1, 5]}, [".json", ".tflite"]),
    )
    def test_files(self, name, inputs, endings):
        path = portable_path(name, ".tflite")
        names = sorted(p.name for p in path.parent.glob(f"{path.stem}.*"))
        suffixes = [n.removeprefix(path.stem) for n in names]
        self.assertEqual([s for s in suffixes if s != ".onnx"], endings)
        runner = Interpreter(str(path)).get_signature_runner()
        found = {
            key: entry["shape"].tolist()
            for key, entry in runner.get_input_details().items()
        }
        self.assertEqual(found, inputs)

    def test_description(self):
        path = portable_path("painter", ".tflite", "float16")
        text = path.with_suffix(".json").read_text(encoding="utf-8")
        found = json.loads(text)
        self.assertEqual(found["weights"], "float16")
        self.assertEqual(found["licence"], "CC0")
        self.assertEqual(found["kind"], "style_generator")
        self.assertEqual(found["stride"], 4)
        self.assertEqual(found["image_size"], [32, 48])
        self.assertEqual(found["styles"], small_model("painter").styles)

    def test_float16_is_smaller(self):
        def kernels(dtype):
            path = portable_path("painter", ".tflite", dtype)
            details = Interpreter(str(path)).get_tensor_details()
            return {d["dtype"] for d in details if len(d["shape"]) == 4}

        self.assertNotIn(np.float16, kernels("float32"))
        self.assertIn(np.float16, kernels("float16"))

    def test_errors(self):
        path = self.temporary_folder() / "ink.tflite"
        with self.assertRaisesRegex(ValueError, "Received: dtype='int4'"):
            save_litert(small_model("comic"), path, "int4")
        with self.assertRaisesRegex(ValueError, "must end in `.tflite`"):
            save_litert(small_model("comic"), path.with_suffix(".lite"))
        for image_size in ((32, 34), (28, 32)):
            with self.assertRaisesRegex(ValueError, "divisible by 4. Received"):
                save_litert(small_model("painter"), path, image_size=image_size)
        self.assertEqual(list(path.parent.iterdir()), [])
