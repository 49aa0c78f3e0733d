import json

import numpy as np
import pytest
from absl.testing import parameterized
from ai_edge_litert.interpreter import Interpreter
from PIL import Image

import keras_comic
from keras_comic.data import write_records
from keras_comic.export.litert_export import save_litert
from tests.export.small_generator import make_generator
from tests.export.small_generator import make_photo
from tests.test_case import TestCase


def run(path, **inputs):
    """The output of a model that is resized to its inputs."""
    runner = Interpreter(str(path), num_threads=1).get_signature_runner()
    (output,) = runner(**inputs).values()
    return output


def psnr(comics, expected):
    return 10 * np.log10(4.0 / np.mean(np.square(comics - expected)))


def as_pictures(photos):
    return [np.uint8(np.clip(p[0] + 1, 0, 2) * 127.5) for p in photos]


class SaveLiteRTTest(parameterized.TestCase, TestCase):
    @parameterized.parameters(("float32", 1e-5), ("float16", 2e-2))
    def test_parity(self, dtype, atol):
        generator = make_generator()
        path = self.temporary_folder() / "models" / "ink.tflite"
        paths = save_litert(generator, path, dtype, image_size=(32, 48))
        encoder_path = path.with_name("ink.style_encoder.tflite")
        self.assertEqual(
            paths, [path, encoder_path, path.with_name("ink.json")]
        )
        self.assertCountEqual(path.parent.iterdir(), paths)
        style = self.numpy(generator.style_vector("style 1"))
        # Its own size, and others.
        for height, width in ((32, 48), (64, 32), (40, 36)):
            photo = make_photo(height, width)
            comics = run(path, photos=photo, style=style)
            expected = generator({"photos": photo, "style": style})
            self.assertAllClose(comics, expected, atol=atol)
        for height, width in ((32, 48), (33, 41)):
            photo = make_photo(height, width)
            vector = run(encoder_path, images=photo)
            expected = generator.encode_style(photo)
            self.assertAllClose(vector, expected, atol=atol)

    def test_what_the_json_says(self):
        generator = make_generator()
        path = self.temporary_folder() / "ink.tflite"
        save_litert(generator, path, image_size=(32, 36), licence="CC0")
        facts = json.loads(path.with_suffix(".json").read_text())
        self.assertEqual(facts["image_size"], [32, 36])
        self.assertEqual(facts["multiple_of"], 4)
        self.assertEqual(facts["weights"], "float32")
        self.assertEqual(facts["licence"], "CC0")
        self.assertEqual(facts["styles"], generator.styles)
        details = Interpreter(str(path)).get_input_details()
        shapes = sorted(tuple(d["shape"].tolist()) for d in details)
        self.assertEqual(shapes, [(1, 8), (1, 32, 36, 3)])

    @parameterized.parameters("records", "folder", "pictures")
    def test_int8(self, kind):
        generator = make_generator(num_styles=0 if kind == "folder" else 2)
        folder = self.temporary_folder()
        photos = [make_photo(40, 36, seed) for seed in range(4)]
        source = pictures = as_pictures(photos)
        if kind != "pictures":
            source = folder / "photos"
            source.mkdir()
            for number, picture in enumerate(pictures):
                Image.fromarray(picture).save(source / f"{number}.png")
        if kind == "records":
            write_records(source, folder / "records", "photos", num_workers=1)
            source = folder / "records"
        path = folder / "ink.tflite"
        save_litert(generator, path, "int8", (32, 32), source)
        photo = make_photo(48, 40, seed=9)
        style = self.numpy(generator.encode_style(photos[0]))
        if generator.style_names:
            style = self.numpy(generator.style_vector())
        comics = run(path, photos=photo, style=style)
        self.assertDType(comics, "float32")
        expected = self.numpy(generator({"photos": photo, "style": style}))
        self.assertGreater(psnr(comics, expected), 30.0)
        details = Interpreter(str(path)).get_tensor_details()
        # Kernels of four axes; those of the encoder and at full size are not.
        kernels = [d["dtype"] for d in details if len(d["shape"]) == 4]
        self.assertIn(np.int8, kernels)

    def test_errors(self):
        generator = make_generator()
        path = self.temporary_folder() / "ink.tflite"
        with self.assertRaisesRegex(ValueError, "Received: dtype='int4'"):
            save_litert(generator, path, "int4")
        with self.assertRaisesRegex(ValueError, "must end in `.tflite`"):
            save_litert(generator, path.with_suffix(".onnx"))
        with self.assertRaisesRegex(ValueError, "representative=None"):
            save_litert(generator, path, "int8")
        with self.assertRaisesRegex(ValueError, "only for, `dtype='int8'`"):
            save_litert(generator, path, "float16", representative="photos")
        for size in ((28, 32), (32, 33)):
            with self.assertRaisesRegex(ValueError, "divisible by 4"):
                save_litert(generator, path, image_size=size)
        with self.assertRaisesRegex(FileNotFoundError, "no_such_folder"):
            save_litert(generator, path, "int8", (32, 32), "no_such_folder")
        self.assertEqual(list(path.parent.iterdir()), [])

    @pytest.mark.slow
    def test_preset(self):
        from skimage import data

        generator = keras_comic.from_preset("adain_storybook")
        path = self.temporary_folder() / "storybook.tflite"
        pictures = [data.astronaut(), data.coffee(), data.chelsea()]
        for dtype in ("float32", "float16", "int8"):
            source = pictures if dtype == "int8" else None
            save_litert(generator, path, dtype, (256, 256), source)
            for image in (data.astronaut(), data.rocket()[:256, :300]):
                inputs = {
                    "photos": image[None] / np.float32(127.5) - 1,
                    "style": self.numpy(generator.style_vector()),
                }
                comics = run(path, **inputs)
                expected = self.numpy(generator(inputs))
                if dtype == "int8":
                    self.assertGreater(psnr(comics, expected), 30.0)
                else:
                    atol = 1e-4 if dtype == "float32" else 2e-2
                    self.assertAllClose(comics, expected, atol=atol, rtol=0)
