import io

import numpy as np
import pytest
from absl.testing import parameterized
from PIL import Image

from keras_comic.data.paths import path_of
from keras_comic.data.paths import write_whole
from tests.serving.small_saved_model import small_saved_model
from tests.test_case import TestCase
from tests.test_case import photos
from tests.test_case import requires_tensorflow

pytest.importorskip("apache_beam")
handlers = pytest.importorskip("keras_comic.serving.comic_model_handler")
ComicModelHandler = handlers.ComicModelHandler


def encode(picture, file_format="PNG", **options):
    file = io.BytesIO()
    Image.fromarray(picture).save(file, file_format, **options)
    return file.getvalue()


def decode(contents):
    return np.asarray(Image.open(io.BytesIO(contents)))


@requires_tensorflow
class ComicModelHandlerTest(parameterized.TestCase, TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.generator, cls.folder = small_saved_model()
        cls.model = handlers.ServedModel(str(cls.folder))

    def run_batch(self, batch, **arguments):
        handler = ComicModelHandler(self.folder, **arguments)
        results = handler.run_inference(batch, self.model)
        self.assertEqual([result.example for result in results], batch)
        return [result.inference for result in results]

    def assertComic(self, result, expected):
        self.assertIsNone(result.error)
        with Image.open(io.BytesIO(result.comic_bytes)) as image:
            self.assertEqual(image.format, "PNG")
            self.assertIn(
                "trainedAlgorithmicMedia".lower(), str(image.info).lower()
            )
        found = decode(result.comic_bytes).astype("int64")
        self.assertEqual(found.shape, expected.shape)
        self.assertLessEqual(np.abs(found - expected).max(), 1)

    @parameterized.named_parameters(
        ("plain", {}),
        ("name", {"style": "wash"}),
        ("mix", {"style": {"ink": 3, "wash": 1}, "strength": 0.5}),
        ("pairs", {"style": [("ink", 1.0), ("wash", 2.0)]}),
        ("image", {"style": photos(40, 33, 3, seed=7), "keep_color": True}),
        ("strength", {"strength": 0.25, "batch_size": 2}),
    )
    def test_same_as_stylize(self, arguments):
        pictures = [
            photos(height, 48, 3, seed=seed)
            for seed, height in enumerate((40, 33, 40, 40))
        ]
        results = self.run_batch([encode(p) for p in pictures], **arguments)
        arguments.pop("batch_size", None)
        for picture, result in zip(pictures, results, strict=True):
            expected = self.generator.stylize(picture, **arguments)
            self.assertComic(result, expected)

    def test_files_that_the_model_does_not_decode(self):
        picture = photos(40, 48, 3)
        batch = [encode(picture, "TIFF"), encode(picture)]
        expected = self.generator.stylize(picture)
        for result in self.run_batch(batch):
            self.assertComic(result, expected)

    def test_max_side(self):
        (result,) = self.run_batch([encode(photos(80, 160, 3))], max_side=80)
        self.assertEqual(decode(result.comic_bytes).shape, (40, 80, 3))

    @parameterized.parameters({}, {"style": "wash"})
    def test_bad_files_leave_the_others(self, **arguments):
        picture = photos(40, 48, 3)
        whole = encode(picture, "JPEG")
        batch = [
            encode(picture),
            b"no image",
            whole[: len(whole) // 2],
            encode(photos(20, 48, 3)),
            encode(picture),
        ]
        results = self.run_batch(batch, **arguments)
        expected = self.generator.stylize(picture, **arguments)
        self.assertComic(results[0], expected)
        self.assertComic(results[4], expected)
        for result, reason in zip(
            results[1:4],
            (
                r"^The file is not an image .*TGA\.$",
                "^The JPEG image is truncated",
                r"sides of at least 32 pixels. Received: .*\[20 48\]$",
            ),
        ):
            self.assertIsNone(result.comic_bytes)
            self.assertRegex(result.error, reason)

    def test_memory(self):
        def refuse(signature, inputs):
            raise MemoryError("OOM when allocating")

        handler = ComicModelHandler(self.folder)
        batch = [encode(photos(40, 48, 3))] * 2
        for result in handler.run_inference(batch, refuse):
            self.assertEqual(result.inference.error, handlers.TOO_LARGE)

    def test_from_a_url(self):
        store = path_of("memory://models/comic/1")
        for path in self.folder.rglob("*"):
            if path.is_file():
                name = path.relative_to(self.folder).as_posix()
                write_whole(store / name, path.read_bytes())
        handler = ComicModelHandler("memory://models/comic/1/")
        picture = photos(40, 48, 3)
        batch = [encode(picture)]
        (result,) = handler.run_inference(batch, handler.load_model())
        self.assertComic(result.inference, self.generator.stylize(picture))

    def test_for_beam(self):
        handler = ComicModelHandler(self.folder, batch_size=3)
        self.assertEqual(handler.get_num_bytes([b"abc", b"d"]), 4)
        self.assertEqual(handler.get_metrics_namespace(), "keras_comic")
        self.assertEqual(handler.batch_elements_kwargs()["max_batch_size"], 3)

    def test_errors(self):
        for error, message, arguments in (
            (ValueError, "strength=2", {"strength": 2}),
            (ValueError, "`max_side` must.*max_side=0", {"max_side": 0}),
            (ValueError, "`batch_size`.*batch_size=0", {"batch_size": 0}),
            (ValueError, "among .'ink', 'wash'.*'oil'", {"style": "oil"}),
            (
                ValueError,
                "mixes no images",
                {"style": [("ink", 1.0), (photos(32, 32, 3), 1.0)]},
            ),
            (ValueError, "-1", {"style": {"ink": -1}}),
            (ValueError, "2 style", {"style": photos(2, 32, 32, 3)}),
        ):
            with self.assertRaisesRegex(error, message):
                ComicModelHandler(self.folder, **arguments)
        for path in (self.folder / "none", "memory://none"):
            with self.assertRaisesRegex(
                FileNotFoundError, "no SavedModel.*saved_model=.*none"
            ):
                ComicModelHandler(path)
