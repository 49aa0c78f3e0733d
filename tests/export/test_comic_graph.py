import io

import numpy as np
import tensorflow as tf
from absl.testing import parameterized
from PIL import Image
from tensorflow.core.protobuf import saved_model_pb2

from keras_comic.data.image_decoding import graph_formats
from tests.export import served_cases
from tests.export.small_models import run
from tests.export.small_models import served_folder
from tests.export.small_models import small_model
from tests.test_case import photos

FILE = served_cases.png(photos(40, 40, 3))
SMALL = served_cases.png(photos(31, 40, 3))
SETTINGS = {"strength": [1.0], "keep_color": [False]}


def bomb():
    """A file of 30,000 by 30,000 pixels in a few bytes."""
    contents = bytearray(FILE)
    contents[16:24] = (30_000).to_bytes(4, "big") * 2
    return bytes(contents)


class ComicGraphTest(parameterized.TestCase):
    @parameterized.parameters("comic", "painter")
    def test_equals_stylize(self, name):
        for signature, inputs, comics in served_cases.make_cases(
            small_model(name)
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

    @parameterized.parameters("JPEG", "PNG", "WEBP", "GIF", "BMP")
    def test_files_of_several_sizes(self, file_format):
        if file_format not in graph_formats():
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
            with Image.open(io.BytesIO(files[number])) as picture:
                photo = np.asarray(picture.convert("RGB"))
            comic = small_model("painter").stylize(
                photo,
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
        stylize = small_model("painter").stylize
        expected = [
            stylize(images[0], drawings[0]),
            stylize(images[1], drawings[1], 0.3),
        ]
        served_cases.compare(
            self, comics, np.stack(expected), "serving_bytes_style_image"
        )

    def test_batch_may_be_large_or_empty(self):
        # More than goes through the network at once.
        image = served_cases.pictures("astronaut", 128, 128)
        images = np.repeat(image, 130, axis=0)
        comics = run("comic", "serving_default", {"images": images})
        expected = small_model("comic").stylize(images[:1])
        served_cases.compare(
            self, comics[::129], np.repeat(expected, 2, axis=0), ""
        )
        for name in ("comic", "painter"):
            for signature, inputs, _ in served_cases.make_cases(
                small_model(name), count=1
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
        ("bytes", {"image_bytes": [b"GIF89a"]}, "GIF image"),
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
        path = served_folder("painter") / "saved_model.pb"
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
