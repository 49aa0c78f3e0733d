import sys

import numpy as np
from absl.testing import parameterized

from keras_comic.export.portable_model import PortableModel
from tests.export.small_generator import make_generator
from tests.export.small_generator import saved_model
from tests.test_case import TestCase
from tests.test_case import photos


class PortableModelTest(parameterized.TestCase, TestCase):
    @parameterized.parameters(".onnx", ".tflite")
    def test_stylize(self, suffix):
        generator = make_generator()
        path = saved_model(f"ink{suffix}", "float32")
        model = PortableModel(path, num_threads=1)
        self.assertEqual(model.style_names, generator.style_names)
        self.assertEqual(model.dtype, "float32")
        for shape in ((32, 32, 3), (2, 33, 46, 3), (1, 50, 35, 3)):
            images = photos(*shape)
            for style in (None, "style 1", photos(37, 41, 3, seed=3)):
                comics = model.stylize(images, style)
                expected = generator.stylize(images, style)
                self.assertEqual(comics.shape, shape)
                self.assertDType(comics, "uint8")
                differences = np.abs(comics.astype(int) - expected)
                self.assertLessEqual(differences.max(), 1)
                self.assertLess(np.mean(differences > 0), 0.001)

    @parameterized.parameters((".onnx", "ONNX Runtime"), (".tflite", "LiteRT"))
    def test_errors(self, suffix, runtime):
        path = saved_model(f"ink{suffix}", "float32")
        model = PortableModel(path)
        self.assertEqual(model.runtime, runtime)
        with self.assertRaisesRegex(ValueError, "Received: style='wash'"):
            model.stylize(photos(32, 32, 3), "wash")
        with self.assertRaisesRegex(ValueError, "`images` must be uint8"):
            model.stylize(np.zeros((32, 32, 3)))
        with self.assertRaisesRegex(ValueError, "at least 32 pixels"):
            model(np.zeros((1, 31, 32, 3)), np.zeros((1, 8)))

    def test_missing_files(self):
        folder = self.temporary_folder()
        with self.assertRaisesRegex(FileNotFoundError, "no such model"):
            PortableModel(folder / "ink.onnx")
        with self.assertRaisesRegex(ValueError, "must end in one of"):
            PortableModel(folder / "ink.h5")
        saved = saved_model("ink.tflite", "float32")
        path = folder / "alone.tflite"
        path.write_bytes(saved.read_bytes())
        with self.assertRaisesRegex(FileNotFoundError, "description"):
            PortableModel(path)

    @parameterized.parameters(
        (".onnx", "onnxruntime"), (".tflite", "ai_edge_litert.interpreter")
    )
    def test_missing_package(self, suffix, name):
        path = saved_model(f"ink{suffix}", "float32")
        kept = sys.modules.get(name)
        # What Python itself takes for "not to be imported".
        sys.modules[name] = None
        try:
            with self.assertRaisesRegex(ImportError, r"keras-comic\[export\]"):
                PortableModel(path)
        finally:
            del sys.modules[name]
            if kept is not None:
                sys.modules[name] = kept
