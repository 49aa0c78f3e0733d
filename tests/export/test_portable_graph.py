import keras
from absl.testing import parameterized

from keras_comic.export.portable_graph import PortableGraphs
from keras_comic.export.portable_graph import describe_model
from keras_comic.export.portable_graph import write_files
from tests.export.small_models import small_model
from tests.test_case import TestCase
from tests.tiny_families import TinyComic


class PortableGraphsTest(parameterized.TestCase, TestCase):
    @parameterized.parameters("comic", "painter", "codes")
    def test_equals_the_model(self, name):
        model = small_model(name)
        inputs = model.example_inputs()
        (output,) = PortableGraphs(model).network()(*inputs.values()).values()
        self.assertAllClose(output, model.example_output(), atol=1e-5)

    def test_nothing_but_constants(self):
        function = PortableGraphs(small_model("painter"), (32, 48)).network()
        graph = function.get_concrete_function().graph
        self.assertEqual(graph.variables, ())
        self.assertEqual(
            [tuple(t.shape) for t in graph.inputs], [(1, 32, 48, 3), (1, 6)]
        )

    def test_photo_conditions(self):
        model = small_model("painter")
        encode = PortableGraphs(model).photo_conditions()
        photos = model.example_inputs()["photos"]
        expected = model.photo_conditions(photos)["style"]
        self.assertAllClose(encode(photos)["style"], expected, atol=1e-6)
        for name in ("comic", "codes"):
            graphs = PortableGraphs(small_model(name))
            self.assertIsNone(graphs.photo_conditions())

    def test_mixed_precision_becomes_float32(self):
        model = TinyComic(dtype=keras.DTypePolicy("mixed_float16"))
        draw = PortableGraphs(model).network()
        types = {
            tensor.dtype.name
            for operation in draw.get_concrete_function().graph.get_operations()
            for tensor in operation.outputs
        }
        self.assertNotIn("float16", types)
        photos = model.example_inputs()["photos"]
        expected = TinyComic().example_output()
        self.assertAllClose(draw(photos)["comics"], expected, atol=1e-5)

    def test_descriptions(self):
        found = describe_model(small_model("comic"), "float32", "CC0")
        self.assertEqual(found["kind"], "generator")
        self.assertEqual((found["stride"], found["weakens"]), (2, "photo"))
        self.assertEqual(found["styles"], {})
        found = describe_model(small_model("painter"), "float32")
        self.assertEqual((found["stride"], found["weakens"]), (4, "style"))
        found = describe_model(small_model("codes"), "float32")
        self.assertEqual((found["code_dim"], found["truncates"]), (5, True))

    def test_only_what_can_be_exported(self):
        with self.assertRaisesRegex(ValueError, "Received: a `Dense`"):
            PortableGraphs(keras.layers.Dense(1))

    def test_files_are_written_all_or_none(self):
        folder = self.temporary_folder() / "models"
        paths = write_files({folder / "a": b"1", folder / "b": b"2"})
        self.assertEqual([path.read_bytes() for path in paths], [b"1", b"2"])
        with self.assertRaises(TypeError):
            write_files({folder / "a": b"3", folder / "c": None})
        names = sorted(path.name for path in folder.iterdir())
        self.assertEqual(names, ["a", "b"])
