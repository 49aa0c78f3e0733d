import json
import sys

import numpy as np
import onnx
import onnxruntime
import pytest
from absl.testing import parameterized

import keras_comic
from keras_comic.export.onnx_export import save_onnx
from tests.export.small_generator import make_generator
from tests.export.small_generator import make_photo
from tests.export.small_generator import saved_model
from tests.test_case import TestCase


def session(path):
    return onnxruntime.InferenceSession(
        str(path), providers=["CPUExecutionProvider"]
    )


class SaveOnnxTest(parameterized.TestCase, TestCase):
    @parameterized.parameters(("float32", 1e-5), ("float16", 2e-2))
    def test_parity(self, dtype, atol):
        generator = make_generator()
        path = saved_model("ink.onnx", dtype)
        encoder_path = path.with_name("ink.style_encoder.onnx")
        self.assertCountEqual(path.parent.iterdir(), [path, encoder_path])
        run, encode = session(path).run, session(encoder_path).run
        style = self.numpy(generator.style_vector("style 1")).repeat(2, 0)
        for height, width in ((32, 32), (33, 47), (62, 35)):
            photos = np.concatenate(
                [make_photo(height, width, seed) for seed in (0, 1)]
            )
            inputs = {"photos": photos, "style": style}
            (comics,) = run(["comics"], inputs)
            self.assertAllClose(comics, generator(inputs), atol=atol)
            (vector,) = encode(["style"], {"images": photos})
            expected = generator.encode_style(photos)
            self.assertAllClose(vector, expected, atol=atol)

    def test_what_the_file_says(self):
        generator = make_generator()
        path = self.temporary_folder() / "models" / "ink.onnx"
        paths = save_onnx(generator, path, licence="CC0")
        encoder_path = path.with_name("ink.style_encoder.onnx")
        self.assertEqual(paths, [path, encoder_path])
        for saved in paths:
            opened = session(saved)
            facts = opened.get_modelmeta().custom_metadata_map
            self.assertEqual(facts["licence"], "CC0")
            self.assertEqual(facts["weights"], "float32")
            self.assertEqual(json.loads(facts["styles"]), generator.styles)
            ranges = json.loads(facts["generator"])["outputs"]["comics"]
            self.assertEqual(ranges["range"], [-1.0, 1.0])
        self.assertEqual(
            {v.name: v.shape for v in opened.get_inputs()},
            {"images": ["batch", "height", "width", 3]},
        )
        opened = session(path)
        self.assertEqual(
            {v.name: v.shape for v in opened.get_inputs()},
            {
                "photos": ["batch", "height", "width", 3],
                "style": ["batch", 8],
            },
        )
        (output,) = opened.get_outputs()
        self.assertEqual(output.shape, ["batch", "height", "width", 3])

    def test_float16_stores_kernels(self):
        model = onnx.load(saved_model("ink.onnx", "float16"))
        kernels = [t for t in model.graph.initializer if len(t.dims) == 4]
        self.assertNotEmpty(kernels)
        for kernel in kernels:
            self.assertEqual(kernel.data_type, onnx.TensorProto.FLOAT16)

    def test_int8(self):
        generator = make_generator()
        folder = self.temporary_folder()
        pictures = [
            np.uint8(np.clip(make_photo(64, 64, seed)[0] + 1, 0, 2) * 127.5)
            for seed in range(3)
        ]
        path = folder / "ink.onnx"
        save_onnx(generator, path, "int8", pictures)
        self.assertLen(list(folder.iterdir()), 2)
        model = onnx.load(path)
        kernels = {
            t.data_type for t in model.graph.initializer if len(t.dims) == 4
        }
        # The outer ones stay in float32.
        self.assertIn(onnx.TensorProto.INT8, kernels)
        self.assertIn(onnx.TensorProto.FLOAT, kernels)
        opened = session(path)
        facts = opened.get_modelmeta().custom_metadata_map
        self.assertEqual(facts["weights"], "int8")
        inputs = {
            "photos": make_photo(49, 62, 9),
            "style": self.numpy(generator.style_vector()),
        }
        (comics,) = opened.run(["comics"], inputs)
        errors = comics - self.numpy(generator(inputs))
        self.assertGreater(10 * np.log10(4 / np.mean(errors**2)), 30.0)

    def test_errors(self):
        generator = make_generator()
        path = self.temporary_folder() / "ink.onnx"
        with self.assertRaisesRegex(ValueError, "Received: dtype='int4'"):
            save_onnx(generator, path, "int4")
        with self.assertRaisesRegex(ValueError, "representative=None"):
            save_onnx(generator, path, "int8")
        with self.assertRaisesRegex(ValueError, "only for, `dtype='int8'`"):
            save_onnx(generator, path, representative="photos")
        with self.assertRaisesRegex(ValueError, "must end in `.onnx`.*ink.pb"):
            save_onnx(generator, path.with_suffix(".pb"))
        self.assertEqual(list(path.parent.iterdir()), [])

    def test_missing_package(self):
        path = self.temporary_folder() / "ink.onnx"
        kept = sys.modules.get("tf2onnx")
        # What Python itself takes for "not to be imported".
        sys.modules["tf2onnx"] = None
        try:
            with self.assertRaisesRegex(ImportError, r"keras-comic\[export\]"):
                save_onnx(make_generator(), path)
        finally:
            del sys.modules["tf2onnx"]
            if kept is not None:
                sys.modules["tf2onnx"] = kept

    @pytest.mark.slow
    def test_preset(self):
        from skimage import data

        generator = keras_comic.from_preset("adain_storybook")
        path = self.temporary_folder() / "storybook.onnx"
        for dtype, atol in (("float32", 1e-4), ("float16", 2e-2)):
            save_onnx(generator, path, dtype)
            opened = session(path)
            facts = opened.get_modelmeta().custom_metadata_map
            self.assertEqual(facts["preset"], "adain_storybook")
            self.assertEqual(facts["licence"], "Apache-2.0")
            for image in (data.astronaut(), data.coffee()[:257, :301]):
                inputs = {
                    "photos": image[None] / np.float32(127.5) - 1,
                    "style": self.numpy(generator.style_vector()),
                }
                (comics,) = opened.run(["comics"], inputs)
                expected = generator(inputs)
                self.assertAllClose(comics, expected, atol=atol, rtol=0)
