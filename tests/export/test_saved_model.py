"""Tests for SavedModels."""

import functools
import io
import json
import pathlib
import pickle
import subprocess
import sys
import tempfile

import numpy as np
import pytest
import tensorflow as tf
from absl.testing import parameterized
from PIL import Image
from tensorflow.core.protobuf import saved_model_pb2

import keras_comic
from keras_comic.data.image_decoding import graph_decoder_package
from keras_comic.export.saved_model import save_served_model
from keras_comic.export.warmup import read_warmup_records
from keras_comic.provenance.metadata import Provenance
from tests.export import served_cases
from tests.test_case import TestCase
from tests.test_case import photos
from tests.tiny_families import TinyCodes
from tests.tiny_families import TinyComic
from tests.tiny_families import TinyPainter

HERE = pathlib.Path(__file__).parent
FILE = served_cases.png(photos(40, 40, 3))
SMALL = served_cases.png(photos(31, 40, 3))
LOADERS = ("c_loader.py", "plain_loader.py", "cli_loader.py")
WORK = tempfile.TemporaryDirectory()
SETTINGS = {"strength": [1.0], "keep_color": [False]}


def make_painter():
    painter = TinyPainter()
    for number, name in enumerate(("ink", "wash", "größe")):
        painter.add_style(name, photos(40, 32, 3, seed=number))
    return painter


FAMILIES = {"comic": TinyComic, "painter": make_painter, "codes": TinyCodes}


@functools.cache
def served(name):
    """A model, and the folder and the signatures of its SavedModel."""
    model = FAMILIES[name]()
    folder = save_served_model(
        model,
        pathlib.Path(WORK.name, name, "1"),
        max_pixels=20_000,
        provenance=Provenance("ink", "7"),
        warmup_sizes=((32, 48),),
    )
    loaded = tf.saved_model.load(folder)
    return model, folder, loaded


def run(name, signature, inputs):
    tensors = {key: tf.constant(value) for key, value in inputs.items()}
    (output,) = served(name)[-1].signatures[signature](**tensors).values()
    return output.numpy()


def bomb():
    """A file of 30,000 by 30,000 pixels in a few bytes."""
    contents = bytearray(FILE)
    contents[16:24] = (30_000).to_bytes(4, "big") * 2
    return bytes(contents)


def run_loader(loader, folder, cases, work):
    """Asks a process that lacks Keras, or more."""
    model = saved_model_pb2.SavedModel()
    model.ParseFromString((folder / "saved_model.pb").read_bytes())
    tensor_names = {
        name: (
            {k: info.name for k, info in definition.inputs.items()},
            {k: info.name for k, info in definition.outputs.items()},
        )
        for name, definition in model.meta_graphs[0].signature_def.items()
    }
    requests, answers = work / "requests.pickle", work / "answers.pickle"
    asked = [(name, inputs) for name, inputs, _ in cases]
    requests.write_bytes(pickle.dumps((tensor_names, asked)))
    done = subprocess.run(
        [sys.executable, HERE / loader, folder, requests, answers],
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-3000:])
    return pickle.loads(answers.read_bytes())


class SaveServedModelTest(parameterized.TestCase):
    @parameterized.parameters("comic", "painter")
    def test_equals_stylize(self, name):
        for signature, inputs, comics in served_cases.make_cases(
            served(name)[0]
        ):
            output = run(name, signature, inputs)
            served_cases.compare(self, output, comics, signature)

    @parameterized.parameters("comic", "painter")
    def test_strength_is_not_without_effect(self, name):
        images = served_cases.pictures("coffee", 48, 57)
        inputs = {"images": images, "keep_color": [False]}
        signature = "serving_strength"
        if name == "painter":
            signature = "serving_style_weights"
            inputs["style_weights"] = np.float32([[0, 1, 0]])
        none, half, full = (
            run(name, signature, {**inputs, "strength": [strength]})
            for strength in (0.0, 0.5, 1.0)
        )
        np.testing.assert_array_equal(none, images)
        for other in (none, full):
            difference = np.abs(half.astype(int) - other)
            self.assertGreater(difference.mean(), 1)

    def test_codes(self):
        model = served("codes")[0]
        codes = model.sample_codes(2, seed=3)
        pictures = run("codes", "serving_default", {"codes": codes})
        served_cases.compare(self, pictures, model.generate(2, seed=3), "")
        files = run("codes", "serving_bytes", {"codes": codes})
        for file, picture in zip(files, pictures, strict=True):
            np.testing.assert_array_equal(served_cases.unpack(file), picture)
        with self.assertRaisesRegex(
            tf.errors.InvalidArgumentError, "`codes` must be finite"
        ):
            run("codes", "serving_default", {"codes": codes * np.nan})

    def test_names_and_shapes(self):
        images, texts = ("uint8", (None, None, None, 3)), ("string", (None,))
        settings = {
            "strength": ("float32", (None,)),
            "keep_color": ("bool", (None,)),
        }
        photo, file = {"images": images}, {"image_bytes": texts}
        plain = {"serving_default": photo, "serving_bytes": file}
        weights = {"style_weights": ("float32", (None, 3)), **settings}
        codes = {"codes": ("float32", (None, 5))}
        expected = {
            "comic": {
                **plain,
                "serving_strength": photo | settings,
                "serving_bytes_strength": file | settings,
            },
            "painter": {
                **plain,
                "serving_style_weights": photo | weights,
                "serving_bytes_style_weights": file | weights,
                "serving_style_image": photo
                | {"style_images": images, **settings},
                "serving_bytes_style_image": file
                | {"style_image_bytes": texts, **settings},
                "style_names": {"style_index": ("int32", (None,))},
            },
            "codes": {"serving_default": codes, "serving_bytes": codes},
        }
        for name, signatures in expected.items():
            found = {
                signature: {
                    key: (spec.dtype.name, tuple(spec.shape))
                    for key, spec in function.structured_input_signature[
                        1
                    ].items()
                }
                for signature, function in served(name)[-1].signatures.items()
            }
            self.assertEqual(found, signatures)
            requests = read_warmup_records(served(name)[1])
            self.assertEqual({n for n, _ in requests}, set(signatures))
            for signature, inputs in requests:
                run(name, signature, inputs)

    @parameterized.parameters("JPEG", "PNG", "WEBP")
    def test_files_of_several_sizes(self, file_format):
        if graph_decoder_package(file_format) != "TensorFlow":
            self.skipTest(f"This TensorFlow reads no {file_format}.")
        files = []
        for height in (32, 57):
            file = io.BytesIO()
            photo = served_cases.pictures("astronaut", height, 45)[0]
            Image.fromarray(photo).save(file, file_format, lossless=True)
            files.append(file.getvalue())
        settings = {"strength": [1.0, 0.6], "keep_color": [True, False]}
        weights = {"style_weights": np.float32([[1, 0, 0], [0, 2, 6]])}
        signature = "serving_bytes_style_weights"
        comics = run(
            "painter", signature, {"image_bytes": files, **weights, **settings}
        )
        styles = ({"ink": 1}, {"wash": 1, "größe": 3})
        for number, style in enumerate(styles):
            comic = served("painter")[0].stylize(
                served_cases.unpack(files[number]),
                style,
                settings["strength"][number],
                None,
                settings["keep_color"][number],
            )
            served_cases.compare(
                self, comics[number : number + 1], comic[None], signature
            )

    def test_drawings_of_several_sizes(self):
        drawings = [photos(height, 45, 3, seed=height) for height in (48, 33)]
        images = served_cases.pictures("astronaut", 40, 45, 2)
        comics = run(
            "painter",
            "serving_bytes_style_image",
            {
                "image_bytes": served_cases.pngs(images),
                "style_image_bytes": served_cases.pngs(drawings),
                "strength": [1.0, 0.3],
                "keep_color": [False, False],
            },
        )
        stylize = served("painter")[0].stylize
        expected = [
            stylize(images[0], drawings[0]),
            stylize(images[1], drawings[1], 0.3),
        ]
        served_cases.compare(
            self, comics, np.stack(expected), "serving_bytes_style_image"
        )

    @parameterized.parameters("comic", "painter", "codes")
    def test_files_say_where_they_are_from(self, name):
        inputs = {"image_bytes": [FILE]}
        if name == "codes":
            inputs = {"codes": np.zeros((1, 5), "float32")}
        (comic,) = run(name, "serving_bytes", inputs)
        note = Image.open(io.BytesIO(comic)).text["XML:com.adobe.xmp"]
        self.assertEqual(Provenance.from_xmp(note), Provenance("ink", "7"))

    def test_batch_may_be_large_or_empty(self):
        # More than goes through the network at once.
        image = served_cases.pictures("astronaut", 128, 128)
        images = np.repeat(image, 130, axis=0)
        comics = run("comic", "serving_default", {"images": images})
        expected = served("comic")[0].stylize(images[:1])
        served_cases.compare(
            self, comics[::129], np.repeat(expected, 2, axis=0), ""
        )
        for name in ("comic", "painter"):
            for signature, inputs, _ in served_cases.make_cases(
                served(name)[0], count=1
            ):
                empty = {k: np.asarray(v)[:0] for k, v in inputs.items()}
                self.assertEqual(len(run(name, signature, empty)), 0)

    @parameterized.parameters(
        ("default", {"images": (31, 40)}, "at least 32"),
        ("default", {"images": (200, 101)}, "at most 20000"),
        ("style_image", {"style_images": (40, 31)}, "`style_images` must have"),
        ("style_image", {"strength": [1.5]}, r"`strength` must be in \[0, 1"),
        ("style_weights", {"strength": [np.nan]}, r"`strength` must be in \["),
        ("style_weights", {"style_weights": [[0, 0, 0]]}, "at least 0"),
        ("style_weights", {"style_weights": [[0, np.nan, 1]]}, "at least 0"),
        ("style_weights", {"style_weights": [[0, np.inf, 1]]}, "at least 0"),
        ("style_weights", {"strength": [1, 1]}, "as many entries as `images`"),
        ("bytes", {"image_bytes": [b"text"]}, "not an image"),
        ("bytes", {"image_bytes": [b"GIF89a"]}, "not an image"),
        ("bytes", {"image_bytes": [bomb()]}, "too large"),
        ("bytes_style_weights", {"image_bytes": [b"text"]}, "not an image"),
        ("bytes_style_weights", {"style_weights": [[0, -1, 1]]}, "at least 0"),
        ("bytes_style_image", {"style_image_bytes": [b""]}, "not an image"),
        ("bytes_style_image", {"style_image_bytes": [bomb()]}, "too large"),
        (
            "bytes_style_image",
            {"style_image_bytes": [SMALL]},
            "`style_image_bytes` must have sides",
        ),
        ("bytes_style_image", {"strength": [-0.1]}, r"must be in \[0, 1\]"),
        (
            "bytes_style_image",
            {"style_image_bytes": [FILE, FILE]},
            "as many entries as `image_bytes`",
        ),
    )
    def test_wrong_values(self, signature, values, message):
        inputs = {}
        inputs |= (
            {"image_bytes": [FILE]}
            if "bytes" in signature
            else {"images": (40, 40)}
        )
        if signature.endswith("style_image"):
            is_file = "bytes" in signature
            name = "style_image_bytes" if is_file else "style_images"
            inputs |= {name: [FILE] if is_file else (40, 40)}
        if signature.endswith("style_weights"):
            inputs["style_weights"] = [[1, 0, 0]]
        if "style" in signature:
            inputs |= SETTINGS
        dtypes = {"keep_color": bool, "strength": "float32"}
        dtypes["style_weights"] = "float32"
        inputs = {
            key: np.zeros((1, *value, 3), "uint8")
            if isinstance(value, tuple)
            else np.array(value, dtypes.get(key, object))
            for key, value in {**inputs, **values}.items()
        }
        with self.assertRaisesRegex(tf.errors.InvalidArgumentError, message):
            run("painter", f"serving_{signature}", inputs)

    def test_the_network_is_saved_once(self):
        model = saved_model_pb2.SavedModel()
        path = served("painter")[1] / "saved_model.pb"
        model.ParseFromString(path.read_bytes())
        graph = model.meta_graphs[0].graph_def
        functions = [graph.node, *(f.node_def for f in graph.library.function)]
        convolutions = sum(
            node.op == "Conv2D" for nodes in functions for node in nodes
        )
        self.assertEqual(convolutions, 2)

    def test_style_names(self):
        names = run("painter", "style_names", {"style_index": [2, 0]})
        self.assertEqual([n.decode() for n in names], ["größe", "ink"])
        with self.assertRaisesRegex(
            tf.errors.InvalidArgumentError, r"must be in \[0, 3\)"
        ):
            run("painter", "style_names", {"style_index": [3]})

    def test_description(self):
        names = {"comic": [], "painter": ["ink", "wash", "größe"], "codes": []}
        for name, style_names in names.items():
            model, folder, _ = served(name)
            path = folder / "assets.extra" / "keras_comic.json"
            found = json.loads(path.read_text(encoding="utf-8"))
            self.assertContainsSubset(["JPEG", "PNG"], found["file_formats"])
            del found["file_formats"]
            self.assertEqual(
                found,
                {
                    "kind": model.kind,
                    "preset": "ink",
                    "preset_version": "7",
                    "style_names": style_names,
                    "max_pixels": 20_000,
                },
            )

    def test_a_version_is_not_overwritten(self):
        model, folder, _ = served("comic")
        with self.assertRaisesRegex(FileExistsError, "exists already"):
            save_served_model(model, folder, warmup_sizes=())
        names = [path.name for path in folder.parent.iterdir()]
        self.assertEqual([n for n in names if n.isdecimal()], ["1"])

    def test_wrong_arguments(self):
        folder = pathlib.Path(WORK.name, "other")
        for model, path, options, message in (
            (TinyComic(), folder, {}, "must end in the version's"),
            (TinyComic(), folder / "1", {"max_pixels": 0}, "`max_pixels` must"),
            (TinyPainter(), folder / "1", {}, "must have a named style"),
            (
                keras_comic.models.PatchDiscriminator(4),
                folder / "1",
                {},
                "a `Generator` or a `LatentGenerator`. Received: a `Patch",
            ),
        ):
            with self.assertRaisesRegex(ValueError, message):
                save_served_model(model, path, **options)
        self.assertFalse(folder.exists())


@pytest.mark.slow
class LoadersTest(TestCase, parameterized.TestCase):
    """Processes that lack Keras, this package, or Python."""

    @parameterized.product(name=("comic", "painter"), loader=LOADERS)
    def test_tiny_family(self, name, loader):
        model, folder, _ = served(name)
        self.check_loader(model, folder, loader)

    def test_shipped_preset(self):
        generator = keras_comic.from_preset("adain_storybook")
        folder = self.temporary_folder() / "1"
        save_served_model(generator, folder)
        for loader in LOADERS:
            self.check_loader(generator, folder, loader)

    def check_loader(self, model, folder, loader):
        cases = served_cases.make_cases(model)
        answers = run_loader(loader, folder, cases, self.temporary_folder())
        for (signature, _, comics), outputs in zip(cases, answers, strict=True):
            (output,) = outputs.values()
            served_cases.compare(self, output, comics, signature)
