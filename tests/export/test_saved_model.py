"""Tests for SavedModels."""

import io
import json
import pathlib
import pickle
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from absl.testing import parameterized
from PIL import Image
from tensorflow.core.protobuf import saved_model_pb2

import keras_comic
from keras_comic.data.image_decoding import graph_decoder_package
from keras_comic.export.saved_model import save_served_model
from keras_comic.provenance.metadata import Provenance
from tests.export import served_cases
from tests.test_case import TestCase

HERE = pathlib.Path(__file__).parent
SMALL = np.zeros((31, 40, 3), "uint8")
FILE = served_cases.png(np.zeros((40, 40, 3), "uint8"))
LOADERS = ("c_loader.py", "plain_loader.py", "cli_loader.py")


def small_generator():
    keras.utils.set_random_seed(0)
    generator = keras_comic.AdaINGenerator.light((4, 8, 4, 4), 1, 8)
    random = np.random.default_rng(1)
    for name in ("ink", "wash", "größe"):
        drawing = random.integers(256, size=(40, 32, 3)).astype("uint8")
        generator.add_style(name, drawing)
    return generator


def tensor_names(folder):
    """Dict of signature to those of its inputs and of its outputs."""
    model = saved_model_pb2.SavedModel()
    model.ParseFromString((folder / "saved_model.pb").read_bytes())
    return {
        name: (
            {k: info.name for k, info in definition.inputs.items()},
            {k: info.name for k, info in definition.outputs.items()},
        )
        for name, definition in model.meta_graphs[0].signature_def.items()
    }


def run_loader(loader, folder, cases, work):
    requests, answers = work / "requests.pickle", work / "answers.pickle"
    asked = [(name, inputs) for name, inputs, _ in cases]
    requests.write_bytes(pickle.dumps((tensor_names(folder), asked)))
    done = subprocess.run(
        [sys.executable, HERE / loader, folder, requests, answers],
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-3000:])
    return pickle.loads(answers.read_bytes())


@pytest.fixture(scope="class")
def served(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("served") / "comic" / "1"
    request.cls.generator = small_generator()
    save_served_model(
        request.cls.generator,
        folder,
        max_pixels=20_000,
        provenance=Provenance("ink", "7"),
        warmup_sizes=((32, 48),),
    )
    request.cls.folder = folder
    request.cls.work = tmp_path_factory.mktemp("work")
    model = tf.saved_model.load(folder)
    request.cls.model = model
    request.cls.signatures = model.signatures


@pytest.mark.usefixtures("served")
class SaveServedModelTest(parameterized.TestCase):
    def _run(self, name, **inputs):
        tensors = {k: tf.constant(value) for k, value in inputs.items()}
        (output,) = self.signatures[name](**tensors).values()
        return output.numpy()

    def test_equals_stylize(self):
        for name, inputs, expected in served_cases.make_cases(self.generator):
            output = self._run(name, **inputs)
            served_cases.compare(self, output, expected, name)

    def test_c_loader(self):
        cases = served_cases.make_cases(self.generator)
        results = run_loader("c_loader.py", self.folder, cases, self.work)
        for (name, _, expected), outputs in zip(cases, results, strict=True):
            (output,) = outputs.values()
            served_cases.compare(self, output, expected, name)

    def test_names_and_shapes(self):
        found = {
            name: {
                key: (spec.dtype.name, tuple(spec.shape))
                for key, spec in function.structured_input_signature[1].items()
            }
            for name, function in self.signatures.items()
        }
        images = ("uint8", (None, None, None, 3))
        how = {
            "strength": ("float32", (None,)),
            "keep_color": ("bool", (None,)),
        }
        self.assertEqual(
            found,
            {
                "serving_default": {"images": images},
                "serving_bytes": {"image_bytes": ("string", (None,))},
                "serving_bytes_style_image": {
                    "image_bytes": ("string", (None,)),
                    "style_image_bytes": ("string", (None,)),
                    **how,
                },
                "serving_bytes_style_weights": {
                    "image_bytes": ("string", (None,)),
                    "style_weights": ("float32", (None, 3)),
                    **how,
                },
                "serving_style_image": {
                    "images": images,
                    "style_images": images,
                    **how,
                },
                "serving_style_weights": {
                    "images": images,
                    "style_weights": ("float32", (None, 3)),
                    **how,
                },
                "style_names": {"style_index": ("int32", (None,))},
            },
        )
        outputs = {
            name: {
                key: (spec.dtype.name, tuple(spec.shape))
                for key, spec in function.structured_outputs.items()
            }
            for name, function in self.signatures.items()
        }
        self.assertEqual(
            outputs,
            {
                "serving_default": {"comics": images},
                "serving_bytes": {"comic_bytes": ("string", (None,))},
                "serving_bytes_style_image": {
                    "comic_bytes": ("string", (None,))
                },
                "serving_bytes_style_weights": {
                    "comic_bytes": ("string", (None,))
                },
                "serving_style_image": {"comics": images},
                "serving_style_weights": {"comics": images},
                "style_names": {"style_names": ("string", (None,))},
            },
        )

    @parameterized.parameters("JPEG", "PNG", "WEBP")
    def test_files_of_several_sizes(self, file_format):
        photos = [
            served_cases.pictures("astronaut", height, 45, 1)[0]
            for height in (32, 57)
        ]
        files = []
        for photo in photos:
            file = io.BytesIO()
            Image.fromarray(photo).save(file, file_format, lossless=True)
            files.append(file.getvalue())
        if graph_decoder_package(file_format) != "TensorFlow":
            self.skipTest(f"This TensorFlow reads no {file_format}.")
        comics = self._run("serving_bytes", image_bytes=files)
        for contents, comic in zip(files, comics, strict=True):
            expected = self.generator.stylize(served_cases.unpack(contents))
            served_cases.compare(self, [comic], expected[None], "serving_bytes")

    def test_files_with_styles_of_several_sizes(self):
        photos, drawings = (
            [
                served_cases.pictures(sample, height, 45, 1)[0]
                for height in heights
            ]
            for sample, heights in (
                ("astronaut", (32, 57, 32)),
                ("chelsea", (48, 33, 70)),
            )
        )
        how = {
            "strength": np.float32([1.0, 0.6, 0.05]),
            "keep_color": np.array([True, False, True]),
        }
        weights = np.float32([[1, 0, 0], [0, 2, 6], [1, 1, 1]])
        names = self.generator.style_names
        files = [served_cases.png(photo) for photo in photos]
        for signature, inputs, styles in (
            (
                "serving_bytes_style_image",
                {"style_image_bytes": [served_cases.png(d) for d in drawings]},
                drawings,
            ),
            (
                "serving_bytes_style_weights",
                {"style_weights": weights},
                [list(zip(names, row, strict=True)) for row in weights],
            ),
        ):
            comics = self._run(signature, image_bytes=files, **inputs, **how)
            for number, (photo, style) in enumerate(
                zip(photos, styles, strict=True)
            ):
                expected = self.generator.stylize(
                    photo,
                    style,
                    float(how["strength"][number]),
                    None,
                    bool(how["keep_color"][number]),
                )
                with self.subTest(signature=signature, number=number):
                    served_cases.compare(
                        self,
                        comics[number : number + 1],
                        expected[None],
                        signature,
                    )

    def test_files_say_where_they_are_from(self):
        photo = served_cases.pictures("astronaut", 40, 40, 1)[0]
        files = [served_cases.png(photo)]
        how = {"strength": [1.0], "keep_color": [False]}
        for name, inputs in (
            ("serving_bytes", {}),
            ("serving_bytes_style_image", {"style_image_bytes": files, **how}),
            (
                "serving_bytes_style_weights",
                {"style_weights": [[0.0, 1.0, 0.0]], **how},
            ),
        ):
            comic = self._run(name, image_bytes=files, **inputs)[0]
            said = Image.open(io.BytesIO(comic)).text["XML:com.adobe.xmp"]
            self.assertEqual(Provenance.from_xmp(said), Provenance("ink", "7"))

    def test_batch_may_be_large_or_empty(self):
        # More than goes through the network at once.
        images = np.repeat(
            served_cases.pictures("astronaut", 128, 128, 1), 130, axis=0
        )
        comics = self._run("serving_default", images=images)
        expected = self.generator.stylize(images[:1])
        served_cases.compare(
            self, comics[::129], np.repeat(expected, 2, axis=0), ""
        )
        empty = self._run("serving_default", images=images[:0])
        self.assertEqual(empty.shape, (0, 128, 128, 3))
        files = np.zeros(0, object)
        empty = self._run("serving_bytes", image_bytes=files)
        self.assertEqual(empty.shape, (0,))
        how = {"strength": np.float32([]), "keep_color": np.zeros(0, bool)}
        for name, styles in (
            ("serving_bytes_style_image", {"style_image_bytes": files}),
            (
                "serving_bytes_style_weights",
                {"style_weights": np.zeros((0, 3), "float32")},
            ),
        ):
            empty = self._run(name, image_bytes=files, **styles, **how)
            self.assertEqual(empty.shape, (0,))

    @parameterized.named_parameters(
        ("small", "serving_default", {"images": (31, 40)}, "at least 32"),
        ("large", "serving_default", {"images": (200, 101)}, "at most 20000"),
        (
            "small_style",
            "serving_style_image",
            {"style_images": (40, 31)},
            "`style_images` must have sides",
        ),
        (
            "strength",
            "serving_style_image",
            {"strength": [1.5]},
            r"`strength` must be in \[0, 1\]",
        ),
        (
            "strength_nan",
            "serving_style_weights",
            {"strength": [np.nan]},
            r"`strength` must be in \[0, 1\]",
        ),
        (
            "weights",
            "serving_style_weights",
            {"style_weights": [[0.0, 0.0, 0.0]]},
            "`style_weights` must be numbers of at least 0",
        ),
        (
            "weights_nan",
            "serving_style_weights",
            {"style_weights": [[0.0, np.nan, 1.0]]},
            "`style_weights` must be numbers of at least 0",
        ),
        (
            "weights_infinite",
            "serving_style_weights",
            {"style_weights": [[0.0, np.inf, 1.0]]},
            "`style_weights` must be numbers of at least 0",
        ),
        (
            "batch",
            "serving_style_weights",
            {"strength": [1.0, 1.0]},
            "as many entries as `images`",
        ),
        ("text", "serving_bytes", {"image_bytes": [b"text"]}, "not an image"),
        ("gif", "serving_bytes", {"image_bytes": [b"GIF89a"]}, "not an image"),
        (
            "text_with_style",
            "serving_bytes_style_weights",
            {"image_bytes": [b"text"]},
            "not an image",
        ),
        (
            "text_as_style",
            "serving_bytes_style_image",
            {"style_image_bytes": [b"text"]},
            "not an image",
        ),
        (
            "nothing_as_style",
            "serving_bytes_style_image",
            {"style_image_bytes": [b""]},
            "not an image",
        ),
        (
            "small_file_as_style",
            "serving_bytes_style_image",
            {"style_image_bytes": [served_cases.png(SMALL)]},
            "`style_image_bytes` must have sides",
        ),
        (
            "weights_of_files",
            "serving_bytes_style_weights",
            {"style_weights": [[0.0, np.nan, 1.0]]},
            "`style_weights` must be numbers of at least 0",
        ),
        (
            "strength_of_files",
            "serving_bytes_style_image",
            {"strength": [-0.1]},
            r"`strength` must be in \[0, 1\]",
        ),
        (
            "batch_of_files",
            "serving_bytes_style_weights",
            {"keep_color": [False, True]},
            "as many entries as `image_bytes`",
        ),
        (
            "batch_of_styles",
            "serving_bytes_style_image",
            {"style_image_bytes": [FILE, FILE]},
            "as many entries as `image_bytes`",
        ),
        ("name", "style_names", {"style_index": [3]}, r"must be in \[0, 3\)"),
    )
    def test_wrong_values(self, name, values, message):
        inputs = {
            "serving_default": {"images": (40, 40)},
            "serving_bytes": {},
            "serving_style_image": {
                "images": (40, 40),
                "style_images": (40, 40),
                "strength": [1.0],
                "keep_color": [False],
            },
            "serving_style_weights": {
                "images": (40, 40),
                "style_weights": [[1.0, 0.0, 0.0]],
                "strength": [1.0],
                "keep_color": [False],
            },
            "serving_bytes_style_image": {
                "image_bytes": [FILE],
                "style_image_bytes": [FILE],
                "strength": [1.0],
                "keep_color": [False],
            },
            "serving_bytes_style_weights": {
                "image_bytes": [FILE],
                "style_weights": [[1.0, 0.0, 0.0]],
                "strength": [1.0],
                "keep_color": [False],
            },
            "style_names": {},
        }[name]
        dtypes = {
            "image_bytes": object,
            "style_image_bytes": object,
            "keep_color": bool,
            "style_index": "int32",
        }
        inputs = {
            key: np.zeros((1, *value, 3), "uint8")
            if isinstance(value, tuple)
            else np.array(value, dtypes.get(key, "float32"))
            for key, value in {**inputs, **values}.items()
        }
        with self.assertRaisesRegex(tf.errors.InvalidArgumentError, message):
            self._run(name, **inputs)

    def test_bomb(self):
        # 30,000 by 30,000 pixels in a few kB.
        file = io.BytesIO()
        Image.new("1", (8, 8)).save(file, "PNG")
        contents = bytearray(file.getvalue())
        contents[16:24] = (30_000).to_bytes(4, "big") * 2
        bomb = bytes(contents)
        how = {"strength": [1.0], "keep_color": [False]}
        weights = {"style_weights": [[1.0, 0.0, 0.0]], **how}
        for name, inputs in (
            ("serving_bytes", {"image_bytes": [bomb]}),
            ("serving_bytes_style_weights", {"image_bytes": [bomb], **weights}),
            (
                "serving_bytes_style_image",
                {"image_bytes": [bomb], "style_image_bytes": [FILE], **how},
            ),
            (
                "serving_bytes_style_image",
                {"image_bytes": [FILE], "style_image_bytes": [bomb], **how},
            ),
        ):
            with self.assertRaisesRegex(
                tf.errors.InvalidArgumentError, "too large"
            ):
                self._run(name, **inputs)

    def test_the_network_is_saved_once(self):
        model = saved_model_pb2.SavedModel()
        model.ParseFromString((self.folder / "saved_model.pb").read_bytes())
        graph = model.meta_graphs[0].graph_def
        functions = [graph.node, *(f.node_def for f in graph.library.function)]
        convolutions = sum(
            node.op == "Conv2D" for nodes in functions for node in nodes
        )
        concrete = tf.function(
            lambda photos, style: self.generator(
                {"photos": photos, "style": style}
            )
        ).get_concrete_function(
            tf.TensorSpec((None, None, None, 3)), tf.TensorSpec((None, 8))
        )
        network = sum(
            node.op == "Conv2D" for node in concrete.graph.as_graph_def().node
        )
        self.assertGreater(network, 0)
        # And two encoders: of styles, and of the photos' own.
        self.assertLess(convolutions, 2 * network)

    def test_style_names(self):
        names = self._run("style_names", style_index=np.int32([2, 0]))
        self.assertEqual([n.decode() for n in names], ["größe", "ink"])

    def test_description(self):
        path = self.folder / "assets.extra" / "keras_comic.json"
        found = json.loads(path.read_text(encoding="utf-8"))
        self.assertEqual(found["style_names"], ["ink", "wash", "größe"])
        self.assertEqual(found["preset"], "ink")
        self.assertEqual(found["preset_version"], "7")
        self.assertEqual(found["max_pixels"], 20_000)
        self.assertContainsSubset(["JPEG", "PNG"], found["file_formats"])

    def test_warmup_records_are_answered(self):
        from keras_comic.export.warmup import read_warmup_records

        requests = read_warmup_records(self.folder)
        names = [name for name, _ in requests]
        self.assertContainsSubset(set(self.signatures) - {"style_names"}, names)
        for name, inputs in requests:
            self._run(name, **inputs)

    def test_a_version_is_not_overwritten(self):
        with self.assertRaisesRegex(FileExistsError, "exists already"):
            save_served_model(self.generator, self.folder, warmup_sizes=())
        left = sorted(p.name for p in self.folder.parent.iterdir())
        self.assertEqual([n for n in left if not n.startswith(".")], ["1"])

    def test_wrong_arguments(self):
        folder = self.work / "other"
        with self.assertRaisesRegex(ValueError, "must end in the version's"):
            save_served_model(self.generator, folder)
        with self.assertRaisesRegex(ValueError, "`max_pixels` must be a pos"):
            save_served_model(self.generator, folder / "1", max_pixels=0)
        bare = keras_comic.AdaINGenerator.light((4, 8, 4, 4), 1, 8)
        with self.assertRaisesRegex(ValueError, "must have a named style"):
            save_served_model(bare, folder / "1")
        self.assertFalse(folder.exists())


@pytest.mark.slow
class LoadersTest(TestCase):
    """The shipped preset, in processes that lack more and more."""

    def test_shipped_preset(self):
        work = self.temporary_folder()
        folder = work / "comic" / "1"
        save_served_model("adain_storybook", folder)
        generator = keras_comic.from_preset("adain_storybook")
        cases = served_cases.make_cases(generator)
        for loader in LOADERS:
            results = run_loader(loader, folder, cases, work)
            for (name, _, expected), outputs in zip(
                cases, results, strict=True
            ):
                (output,) = outputs.values()
                with self.subTest(loader=loader, signature=name):
                    served_cases.compare(self, output, expected, name)

    def test_classic_generator(self):
        generator = keras_comic.AdaINGenerator.classic((4, 8, 8, 8))
        drawing = np.random.default_rng(1).integers(256, size=(40, 32, 3))
        generator.add_style("ink", drawing.astype("uint8"))
        folder = self.temporary_folder() / "1"
        save_served_model(generator, folder, warmup_sizes=())
        signatures = tf.saved_model.load(folder).signatures
        for name, inputs, expected in served_cases.make_cases(
            generator, sizes=((41, 64),), batches=(2,)
        ):
            tensors = {k: tf.constant(value) for k, value in inputs.items()}
            (output,) = signatures[name](**tensors).values()
            served_cases.compare(self, output.numpy(), expected, name)
