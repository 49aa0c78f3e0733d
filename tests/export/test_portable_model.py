import keras
import numpy as np
import pytest
from absl.testing import parameterized

import keras_comic
from keras_comic.export.litert_export import save_litert
from keras_comic.export.onnx_export import save_onnx
from keras_comic.export.portable_model import PortableModel
from keras_comic.models.drawing import run_network
from tests.export.small_models import portable_path
from tests.export.small_models import small_model
from tests.test_case import TestCase
from tests.test_case import photos
from tests.tiny_families import TinyComic

FILES = (".onnx", ".tflite")


@keras.saving.register_keras_serializable(package="tests")
class Fading(TinyComic):
    """Means something of its own by a strength."""

    def weaken(self, conditions, photo_conditions, strength):
        return conditions, strength**2


class PortableModelTest(parameterized.TestCase, TestCase):
    def check(self, comic, expected):
        """Within 1 of 255, and equal but for 0.1% of the values."""
        difference = np.abs(comic.astype(int) - expected)
        self.assertLessEqual(difference.max(), 1)
        self.assertLessEqual((difference > 0).mean(), 1e-3)

    @parameterized.product(name=("comic", "painter"), suffix=FILES)
    def test_network_at_odd_sizes(self, name, suffix):
        model = small_model(name)
        portable = PortableModel(portable_path(name, suffix))
        for height, width in ((47, 61), (32, 48), (80, 101)):
            inputs = (2 * photos(2, height, width, 3) / 255 - 1).astype("f4")
            expected, found = (
                self.numpy(run_network(one, inputs, one.conditions()))
                for one in (model, portable)
            )
            self.assertAllClose(found, expected, atol=1e-4, rtol=0)

    @parameterized.product(name=("comic", "painter"), suffix=FILES)
    def test_stylize(self, name, suffix):
        model = small_model(name)
        portable = PortableModel(portable_path(name, suffix))
        images = photos(2, 47, 61, 3)
        mask = np.linspace(0, 1, 61)[None].repeat(47, 0)
        for options in (
            {},
            {"strength": 0.5},
            {"strength": 0.05},
            {"keep_color": True},
            {"mask": mask, "strength": 0.7},
        ):
            comics = portable.stylize(images, **options)
            self.check(comics, model.stylize(images, **options))
        self.assertAllEqual(portable.stylize(images, strength=0.0), images)
        self.assertShape(portable.stylize(images[0]), images[0].shape)

    @parameterized.parameters(*FILES)
    def test_styles(self, suffix):
        model = small_model("painter")
        portable = PortableModel(portable_path("painter", suffix))
        self.assertEqual(portable.style_names, ["ink", "wash", "größe"])
        photo, drawing = photos(41, 50, 3), photos(45, 37, 3, seed=9) // 2
        for style in (
            "wash",
            drawing,
            {"ink": 1, "größe": 3},
            [(drawing, 0.5), ("ink", 0.5)],
        ):
            comic = portable.stylize(photo, style, 0.8)
            self.check(comic, model.stylize(photo, style, 0.8))
        for style, message in (
            ("oil", r"one of \['ink', 'wash', 'größe'\].*'oil'"),
            ([1, 2], "or a weighted mix"),
            ({"ink": -1}, "weights"),
        ):
            with self.assertRaisesRegex(ValueError, message):
                portable.stylize(photo, style)

    @parameterized.parameters(*FILES)
    def test_codes(self, suffix):
        model = small_model("codes")
        portable = PortableModel(portable_path("codes", suffix))
        for truncation in (1.0, 0.5):
            pictures = portable.generate(3, 7, truncation)
            self.check(pictures, model.generate(3, 7, truncation))
        with self.assertRaisesRegex(ValueError, "a file of a `Generator`"):
            portable.stylize(photos(32, 32, 3))
        comic = PortableModel(portable_path("comic", suffix))
        with self.assertRaisesRegex(ValueError, "of a `LatentGenerator`"):
            comic.generate()

    @parameterized.product(suffix=FILES, dtype=("float16", "int8"))
    def test_smaller_weights(self, suffix, dtype):
        portable = PortableModel(portable_path("painter", suffix, dtype))
        self.assertEqual(portable.dtype, dtype)
        photo = photos(47, 61, 3)
        comic = portable.stylize(photo).astype("float64")
        expected = small_model("painter").stylize(photo)
        psnr = 10 * np.log10(255**2 / max(np.mean((comic - expected) ** 2), 1))
        self.assertGreater(psnr, 30)

    def test_no_style_is_taken(self):
        portable = PortableModel(portable_path("comic", ".onnx"))
        with self.assertRaisesRegex(ValueError, "takes no `style`"):
            portable.stylize(photos(32, 32, 3), "ink")

    def test_a_strength_of_the_familys_own(self):
        path = self.temporary_folder() / "fading.onnx"
        save_onnx(Fading(), path)
        portable, photo = PortableModel(path), photos(32, 32, 3)
        self.check(portable.stylize(photo), Fading().stylize(photo))
        with self.assertRaisesRegex(ValueError, "`strength` must be 1"):
            portable.stylize(photo, strength=0.5)

    def test_missing_files(self):
        path = self.temporary_folder() / "ink.tflite"
        with self.assertRaisesRegex(FileNotFoundError, "ink.tflite"):
            PortableModel(path)
        with self.assertRaisesRegex(ValueError, "must end in one of"):
            PortableModel("ink.pb")
        source = portable_path("comic", ".tflite")
        path.write_bytes(source.read_bytes())
        with self.assertRaisesRegex(FileNotFoundError, "ink.json"):
            PortableModel(path)

    @parameterized.parameters((".onnx", save_onnx), (".tflite", save_litert))
    @pytest.mark.slow
    def test_preset(self, suffix, save):
        from skimage import data

        generator = keras_comic.from_preset("adain_storybook")
        photo = np.ascontiguousarray(data.coffee()[:257, :301])
        conditions = generator.conditions()
        for dtype, psnr in (("float32", 90), ("float16", 60), ("int8", 35)):
            path = self.temporary_folder() / f"storybook{suffix}"
            save(generator, path, dtype)
            portable = PortableModel(path)
            self.assertEqual(portable.metadata["licence"], "Apache-2.0")
            inputs = (photo[None] / 127.5 - 1).astype("float32")
            expected, found = (
                self.numpy(run_network(one, inputs, conditions))
                for one in (generator, portable)
            )
            error = np.mean((found.astype("float64") - expected) ** 2)
            self.assertGreater(10 * np.log10(4 / error), psnr)
