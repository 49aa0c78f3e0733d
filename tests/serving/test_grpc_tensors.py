import numpy as np
import tensorflow as tf
from absl.testing import parameterized
from tensorflow.core.framework import tensor_pb2
from tensorflow.core.framework import types_pb2

from keras_comic.serving.grpc_tensors import read_tensor
from keras_comic.serving.grpc_tensors import write_tensor
from tests.test_case import TestCase
from tests.test_case import photos

TYPES = (
    "bool",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "int8",
    "int16",
    "int32",
    "int64",
    "float32",
    "float64",
)


def typed(dtype, shape, **values):
    proto = tensor_pb2.TensorProto(dtype=dtype, **values)
    for side in shape:
        proto.tensor_shape.dim.add(size=side)
    return proto


def texts(*values):
    array = np.empty(len(values), "object")
    array[:] = values
    return array


class GrpcTensorsTest(TestCase, parameterized.TestCase):
    @parameterized.parameters(*TYPES)
    def test_packed(self, dtype):
        array = np.array([[0, 1, 1], [1, 0, 7]]).astype(dtype)
        proto = write_tensor(array)
        self.assertNotEmpty(proto.tensor_content)
        for found in (read_tensor(proto), tf.make_ndarray(proto)):
            self.assertDType(found, dtype)
            self.assertAllEqual(found, array)

    @parameterized.parameters(*TYPES)
    def test_typed_values(self, dtype):
        # As TensorFlow Serving writes its responses: `Tensor::AsProtoField`.
        array = np.array([[0, 1, 1], [1, 0, 7]]).astype(dtype)
        number = tf.as_dtype(dtype).as_datatype_enum
        field = {"bool": "bool", "float32": "float", "float64": "double"}
        field = field.get(dtype, dtype)
        if field in ("uint8", "uint16", "int8", "int16", "int32"):
            field = "int"
        proto = typed(
            number, (2, 3), **{f"{field}_val": array.reshape(-1).tolist()}
        )
        found = read_tensor(proto)
        self.assertDType(found, dtype)
        self.assertAllEqual(found, array)

    def test_picture_of_typed_values(self):
        array = photos(2, 33, 47, 3)
        proto = typed(
            types_pb2.DT_UINT8, array.shape, int_val=array.reshape(-1).tolist()
        )
        self.assertAllEqual(read_tensor(proto), array)
        # Small values alone are one byte each on the wire.
        dark = array // 2
        proto = typed(
            types_pb2.DT_UINT8, dark.shape, int_val=dark.reshape(-1).tolist()
        )
        self.assertAllEqual(read_tensor(proto), dark)

    def test_missing_values_are_the_last(self):
        proto = typed(types_pb2.DT_UINT8, (2, 2), int_val=[3, 200])
        self.assertAllEqual(read_tensor(proto), [[3, 200], [200, 200]])
        self.assertAllEqual(tf.make_ndarray(proto), [[3, 200], [200, 200]])
        proto = typed(types_pb2.DT_FLOAT, (3,))
        self.assertAllEqual(read_tensor(proto), [0, 0, 0])
        proto = typed(types_pb2.DT_STRING, (2,))
        self.assertEqual(read_tensor(proto).tolist(), [b"", b""])

    def test_strings(self):
        # A file may end in zeros, which NumPy's own type of bytes drops.
        array = texts(b"a\0\0", b"", b"\xff" * 300)
        proto = write_tensor(array)
        self.assertEqual(read_tensor(proto).tolist(), array.tolist())
        lengths = b"\x03\x00\xac\x02"
        proto = typed(
            types_pb2.DT_STRING,
            (3, 1),
            tensor_content=lengths + b"a\0\0" + b"\xff" * 300,
        )
        self.assertEqual(
            read_tensor(proto).tolist(), array.reshape(3, 1).tolist()
        )

    @parameterized.parameters(
        (typed(0, (1,)), "not supported: DT_INVALID"),
        (typed(types_pb2.DT_COMPLEX64, (1,)), "DT_COMPLEX64"),
        (typed(99, (1,)), "not supported: 99"),
        (typed(types_pb2.DT_UINT8, (-1,)), "not known in full"),
        (
            typed(types_pb2.DT_UINT8, (2,), tensor_content=b"123"),
            "3 bytes for 2 values of type uint8",
        ),
        (
            typed(types_pb2.DT_FLOAT, (2,), tensor_content=b"1234"),
            "4 bytes for 2 values of type float32",
        ),
        (typed(types_pb2.DT_UINT8, (2,), int_val=[1, 2, 3]), "3 values"),
        (typed(types_pb2.DT_UINT8, (2,), int_val=[1, 256]), "range of uint8"),
        (typed(types_pb2.DT_UINT8, (2,), int_val=[1, 2**30]), "of uint8"),
        (typed(types_pb2.DT_UINT8, (2,), int_val=[-1, 2]), "range of uint8"),
        (typed(types_pb2.DT_INT16, (1,), int_val=[40000]), "range of int16"),
        (
            typed(types_pb2.DT_STRING, (2,), tensor_content=b"\x01\x02ab"),
            "do not fit",
        ),
        (
            typed(types_pb2.DT_STRING, (2,), tensor_content=b"\xff" * 9),
            "not valid",
        ),
        (typed(types_pb2.DT_STRING, (3,), tensor_content=b"\x00"), "not valid"),
    )
    def test_errors(self, proto, message):
        with self.assertRaisesRegex(ValueError, message):
            read_tensor(proto)

    def test_a_small_message_may_not_ask_for_a_large_tensor(self):
        for dtype in (types_pb2.DT_UINT8, types_pb2.DT_STRING):
            proto = typed(dtype, (1, 30_000, 30_000, 3))
            with self.assertRaisesRegex(ValueError, "more than 1000000 bytes"):
                read_tensor(proto, 10**6)
        proto = typed(types_pb2.DT_INT64, [2**40] * 20)
        with self.assertRaisesRegex(ValueError, "more than"):
            read_tensor(proto)
