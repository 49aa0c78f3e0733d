import numpy as np
from absl.testing import parameterized

from keras_comic.serving.comic_requests import ComicRequest
from keras_comic.serving.comic_requests import read_png
from keras_comic.serving.comic_requests import write_png
from keras_comic.serving.errors import ServingError
from tests.test_case import TestCase
from tests.test_case import photos

FILES = {"image_bytes": [-1]}
WITH_STYLES = {"serving_bytes": FILES, "serving_bytes_style_weights": FILES}
WITHOUT = {"serving_bytes": FILES, "serving_bytes_strength": FILES}


def request(signatures, style=None, strength=1.0, keep_color=False, count=2):
    names = ["ink", "wash"]
    return ComicRequest(
        signatures, lambda: names, style, strength, keep_color, count
    )


class ComicRequestTest(parameterized.TestCase, TestCase):
    def test_plain(self):
        for signatures in (WITH_STYLES, WITHOUT):
            wish = request(signatures)
            self.assertEqual(wish.signature, "serving_bytes")
            inputs = wish.inputs([b"1", b"2"], [0, 1])
            self.assertEqual(inputs["image_bytes"].tolist(), [b"1", b"2"])
            self.assertLen(inputs, 1)

    def test_settings(self):
        wish = request(WITHOUT, strength=0.5, keep_color=True)
        self.assertEqual(wish.signature, "serving_bytes_strength")
        inputs = wish.inputs([b"1", b"2"], [0, 1])
        self.assertEqual(inputs["strength"].tolist(), [0.5, 0.5])
        self.assertEqual(inputs["strength"].dtype, "float32")
        self.assertEqual(inputs["keep_color"].tolist(), [True, True])

    @parameterized.parameters(
        (None, [1, 0]),
        ("wash", [0, 1]),
        ({"ink": 2, "wash": 1}, [2, 1]),
        ([("wash", 1), ("wash", 2)], [0, 3]),
    )
    def test_mixes(self, style, weights):
        wish = request(WITH_STYLES, style, 0.5)
        self.assertEqual(wish.signature, "serving_bytes_style_weights")
        inputs = wish.inputs([b"1"], [1])
        self.assertEqual(inputs["style_weights"].tolist(), [weights])

    def test_drawings(self):
        drawings = photos(2, 32, 32, 3)
        wish = request(WITH_STYLES, drawings)
        self.assertEqual(wish.signature, "serving_bytes_style_image")
        (file,) = wish.inputs([b"2"], [1])["style_image_bytes"]
        self.assertAllEqual(read_png(file), drawings[1])

    def test_models_of_another_kind(self):
        with self.assertRaisesRegex(ServingError, "must draw photos.*'a'"):
            request({"a": {}})
        with self.assertRaisesRegex(ValueError, "takes no `style`"):
            request(WITHOUT, "ink")

    def test_png(self):
        photo = photos(33, 32, 3)
        self.assertAllEqual(read_png(write_png(photo)), photo)
        with self.assertRaisesRegex(ServingError, "not a PNG file"):
            read_png(np.zeros(9, "uint8").tobytes())
