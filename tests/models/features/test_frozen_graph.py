import io
import tarfile

import numpy as np

from keras_comic.models.features.frozen_graph import read_frozen_graph
from tests.test_case import TestCase
from tests.test_case import noise
from tests.test_case import requires_tensorflow


def varint(value):
    encoded = b""
    while value > 127:
        encoded += bytes([value & 127 | 128])
        value >>= 7
    return encoded + bytes([value])


def field(number, value):
    """A field of a protocol buffer: an integer, or bytes."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def constant(name, array):
    """A `NodeDef` of a float constant."""
    shape = b"".join(field(2, field(1, side)) for side in array.shape)
    tensor = (
        field(1, 1) + field(2, shape) + field(4, array.astype("<f4").tobytes())
    )
    entry = field(1, b"value") + field(2, field(8, tensor))
    return field(1, name.encode()) + field(2, b"Const") + field(5, entry)


def graph(arrays):
    """The bytes of a `GraphDef` of constants, and of a node that is none."""
    nodes = [constant(name, array) for name, array in arrays.items()]
    nodes.append(field(1, b"input") + field(2, b"Placeholder"))
    return b"".join(field(1, node) for node in nodes) + field(3, 21)


class FrozenGraphTest(TestCase):
    arrays = {"conv/conv2d_params": noise(3, 3, 2, 4), "bias": noise(4, seed=1)}

    def write(self, contents, name="graph.pb"):
        path = self.temporary_folder() / name
        path.write_bytes(contents)
        return path

    def assertArrays(self, found, expected):
        self.assertEqual(sorted(found), sorted(expected))
        for name, array in expected.items():
            self.assertAllEqual(found[name], array)
            self.assertDType(found[name], "float32")

    def test_constants(self):
        path = self.write(graph(self.arrays))
        self.assertArrays(read_frozen_graph(path), self.arrays)

    def test_archive(self):
        contents = graph(self.arrays)
        path = self.temporary_folder() / "inception-2015-12-05.tgz"
        with tarfile.open(path, "w:gz") as archive:
            for name, part in (("LICENSE", b"text"), ("graph.pb", contents)):
                member = tarfile.TarInfo(name)
                member.size = len(part)
                archive.addfile(member, io.BytesIO(part))
        self.assertArrays(read_frozen_graph(path), self.arrays)

    @requires_tensorflow
    def test_graph_of_tensorflow(self):
        import tensorflow as tf

        with tf.Graph().as_default() as built:
            for name, array in self.arrays.items():
                tf.constant(array, name=name)
            tf.constant(np.float32(0.5), shape=(2, 3), name="same")
            tf.constant([1.0, 2.0], name="listed")
            tf.constant(7, name="integer")
            tf.constant("text", name="string")
        path = self.write(built.as_graph_def().SerializeToString())
        expected = {
            **self.arrays,
            "same": np.full((2, 3), 0.5),
            "listed": np.array([1.0, 2.0]),
        }
        self.assertArrays(read_frozen_graph(path), expected)

    def test_errors(self):
        contents = graph(self.arrays)
        for damaged in (contents[:-30], b"no graph", b"\xff" * 30):
            with self.assertRaisesRegex(ValueError, "a frozen TensorFlow"):
                read_frozen_graph(self.write(damaged))
        with self.assertRaisesRegex(ValueError, "must hold constants"):
            read_frozen_graph(self.write(b""))
        with self.assertRaises(FileNotFoundError):
            read_frozen_graph(self.temporary_folder() / "none.pb")
        path = self.temporary_folder() / "empty.tgz"
        with tarfile.open(path, "w:gz"):
            pass
        with self.assertRaisesRegex(ValueError, "holds no .pb file"):
            read_frozen_graph(path)
