import keras
import numpy as np
from absl.testing import parameterized

import keras_comic
from keras_comic.export.portable_graph import check_generator
from keras_comic.export.portable_graph import count_operations
from keras_comic.export.portable_graph import describe_generator
from keras_comic.export.portable_graph import outer_convolutions
from keras_comic.export.portable_graph import stride_of
from keras_comic.export.portable_graph import trace_generator
from keras_comic.export.portable_graph import trace_in_float64
from keras_comic.export.portable_graph import trace_style_encoder
from tests.export.small_generator import make_generator
from tests.export.small_generator import make_photo
from tests.test_case import TestCase


class PortableGraphTest(parameterized.TestCase, TestCase):
    def expected(self, generator, photo, style):
        return generator({"photos": photo, "style": style}, training=False)

    @parameterized.parameters((32, 32), (33, 47), (64, 38))
    def test_any_size(self, height, width):
        generator = make_generator()
        style = self.numpy(generator.style_vector("style 1"))
        photos = np.concatenate([make_photo(height, width, s) for s in (0, 1)])
        comics = trace_generator(generator)(photos, style.repeat(2, 0))
        self.assertEqual(list(comics), ["comics"])
        expected = self.expected(generator, photos, style.repeat(2, 0))
        self.assertAllClose(comics["comics"], expected, atol=1e-5)
        (vector,) = trace_style_encoder(generator)(photos).values()
        self.assertAllClose(vector, generator.encode_style(photos), atol=1e-5)

    def test_one_size(self):
        generator = make_generator()
        style = self.numpy(generator.style_vector())
        photo = make_photo(32, 48)
        function = trace_generator(generator, (32, 48))
        expected = self.expected(generator, photo, style)
        self.assertAllClose(
            function(photo, style)["comics"], expected, atol=1e-5
        )
        operations = count_operations(function)
        # Nothing that holds a size: no crop, no reshape of feature maps.
        self.assertEqual(operations["DepthToSpace"], 2)
        self.assertNotIn("Tile", operations)
        self.assertNotIn("FloorMod", operations)
        self.assertNotIn("ReadVariableOp", operations)

    def test_means_are_of_rows_first(self):
        generator = make_generator()
        once = count_operations(trace_style_encoder(generator))["Mean"]
        # A mean and a variance of the pixels and of three levels.
        self.assertEqual(once, 2 * 2 * 4)

    def test_double_precision(self):
        generator = make_generator()
        style = self.numpy(generator.style_vector()).astype("float64")
        photo = make_photo(33, 40).astype("float64")
        (comics,) = trace_in_float64(generator)(photo, style).values()
        self.assertDType(comics, "float64")
        expected = self.numpy(self.expected(generator, photo, style))
        self.assertAllClose(comics, expected, atol=1e-5)
        self.assertGreater(np.abs(self.numpy(comics) - expected).max(), 0.0)

    def test_mixed_precision_becomes_float32(self):
        keras.config.set_dtype_policy("mixed_float16")
        generator = make_generator()
        keras.config.set_dtype_policy("float32")
        style = self.numpy(generator.style_vector())
        photo = make_photo(32, 32)
        function = trace_generator(generator)
        # Those of the upsampling's integers are left.
        expected = count_operations(trace_generator(make_generator()))
        self.assertEqual(count_operations(function), expected)
        (comics,) = function(photo, style).values()
        expected = self.expected(generator, photo, style)
        self.assertAllClose(comics, expected, atol=0.02)

    def test_generator_is_left_alone(self):
        generator = make_generator()
        before = generator.get_weights()
        trace_generator(generator, (32, 32))
        for weights, kept in zip(generator.get_weights(), before, strict=True):
            self.assertAllEqual(weights, kept)
        upsampling = generator.decoder.half_resolution.upsampling
        self.assertNotIn("call", vars(upsampling))

    def test_description(self):
        generator = make_generator()
        facts = describe_generator(generator, licence="CC0")
        self.assertEqual(facts["licence"], "CC0")
        self.assertEqual(list(facts["styles"]), ["style 0", "style 1"])
        self.assertLen(facts["styles"]["style 0"]["vector"], 8)
        inputs = facts["generator"]["inputs"]
        self.assertEqual(inputs["photos"]["range"], [-1.0, 1.0])
        self.assertEqual(inputs["style"]["shape"], ["batch", 8])
        self.assertEqual(stride_of(generator), 4)

    def test_description_of_a_preset(self):
        generator = check_generator("adain_storybook")
        facts = describe_generator(generator)
        self.assertEqual(facts["preset"], "adain_storybook")
        self.assertEqual(facts["licence"], "Apache-2.0")
        self.assertEqual(
            facts["styles"]["peppercarrot"]["licence"], "CC BY 4.0"
        )

    def test_outer_convolutions(self):
        names = "abcdefgh"
        nodes = [("input", False, [])]
        # A chain with something else between, and a short way to its end.
        for name in names:
            nodes.append((name, True, [nodes[-1][0]]))
            nodes.append((f"{name} relu", False, [name]))
        nodes.append(("skip", True, ["a"]))
        nodes.append(("sum", False, ["h relu", "skip"]))
        found = outer_convolutions(nodes)
        self.assertEqual(found, ["a", "b", "c", "d", "g", "h", "skip"])

    def test_errors(self):
        with self.assertRaisesRegex(ValueError, "Received: built=False"):
            check_generator(keras.Model())
        with self.assertRaisesRegex(ValueError, "no_such_preset"):
            check_generator("no_such_preset")
        self.assertIsInstance(
            check_generator(make_generator()), keras_comic.AdaINGenerator
        )
