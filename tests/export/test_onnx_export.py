import json
import sys
from unittest import mock

import onnx
import onnxruntime
from absl.testing import parameterized

from keras_comic.export.onnx_export import save_onnx
from tests.export.small_models import portable_path
from tests.export.small_models import small_model
from tests.test_case import TestCase

PICTURES = ["batch", "height", "width", 3]


def session(path):
    return onnxruntime.InferenceSession(
        str(path), providers=["CPUExecutionProvider"]
    )


class SaveOnnxTest(parameterized.TestCase, TestCase):
    @parameterized.parameters(
        ("comic", {"photos": PICTURES}, {"comics": PICTURES}),
        (
            "painter",
            {"photos": PICTURES, "style": ["batch", 6]},
            {"comics": PICTURES},
        ),
        ("codes", {"codes": ["batch", 5]}, {"pictures": ["batch", 32, 32, 3]}),
    )
    def test_inputs_and_outputs(self, name, inputs, outputs):
        opened = session(portable_path(name, ".onnx"))
        self.assertEqual({v.name: v.shape for v in opened.get_inputs()}, inputs)
        found = {v.name: v.shape for v in opened.get_outputs()}
        self.assertEqual(set(found), set(outputs))

    def test_the_conditions_of_a_photo(self):
        path = portable_path("painter", ".onnx")
        opened = session(path.with_suffix(".conditions.onnx"))
        (photos,) = opened.get_inputs()
        self.assertEqual((photos.name, photos.shape), ("photos", PICTURES))
        (style,) = opened.get_outputs()
        self.assertEqual((style.name, style.shape), ("style", ["batch", 6]))
        for name in ("comic", "codes"):
            path = portable_path(name, ".onnx")
            self.assertFalse(path.with_suffix(".conditions.onnx").exists())

    def test_metadata(self):
        opened = session(portable_path("painter", ".onnx"))
        texts = opened.get_modelmeta().custom_metadata_map
        found = {key: json.loads(text) for key, text in texts.items()}
        self.assertEqual(found["licence"], "CC0")
        self.assertEqual(found["kind"], "style_generator")
        self.assertEqual(found["stride"], 4)
        self.assertEqual(found["styles"], small_model("painter").styles)

    @parameterized.parameters(
        ("float32", onnx.TensorProto.FLOAT),
        ("float16", onnx.TensorProto.FLOAT16),
        ("int8", onnx.TensorProto.UINT8),
    )
    def test_types_of_the_kernels(self, dtype, stored):
        model = onnx.load(portable_path("painter", ".onnx", dtype))
        kernels = [t for t in model.graph.initializer if len(t.dims) == 4]
        self.assertIn(stored, {kernel.data_type for kernel in kernels})

    def test_errors(self):
        path = self.temporary_folder() / "ink.onnx"
        with self.assertRaisesRegex(ValueError, "Received: dtype='int4'"):
            save_onnx(small_model("comic"), path, "int4")
        with self.assertRaisesRegex(ValueError, "must end in `.onnx`.*ink.pb"):
            save_onnx(small_model("comic"), path.with_suffix(".pb"))
        with mock.patch.dict(sys.modules, {"tf2onnx": None}):
            with self.assertRaisesRegex(ImportError, r"keras-comic\[export\]"):
                save_onnx(small_model("comic"), path)
        self.assertEqual(list(path.parent.iterdir()), [])
