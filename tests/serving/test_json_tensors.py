import base64
import gc
import json

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from keras_comic.serving.errors import ServingError
from keras_comic.serving.json_tensors import dump_json
from keras_comic.serving.json_tensors import read_predict_request
from keras_comic.serving.json_tensors import write_predict_response
from keras_comic.serving.servable import TensorInfo
from tests.test_case import TestCase
from tests.test_case import photos


def _inputs(**dtypes):
    def find(name):
        return {
            n: TensorInfo(tf.as_dtype(d), tf.TensorShape(None))
            for n, d in dtypes.items()
        }

    return find


def _read(body, **dtypes):
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    return read_predict_request(body, _inputs(**dtypes))[1]


class JSONTensorsTest(TestCase, parameterized.TestCase):
    @parameterized.parameters(
        "int8",
        "int16",
        "int32",
        "int64",
        "uint8",
        "uint16",
        "uint32",
        "uint64",
        "float32",
        "float64",
        "bool",
    )
    def test_numbers_there_and_back(self, dtype):
        values = np.random.default_rng(0).integers(0, 127, (2, 3, 4))
        values = (values % 2 if dtype == "bool" else values).astype(dtype)
        if dtype.startswith("float"):
            values = values / np.array(7, dtype)
        elif dtype.startswith("int"):
            values = -values
        read = _read(dump_json({"instances": values}), x=dtype)["x"]
        self.assertEqual(read.dtype, dtype)
        self.assertAllEqual(read, values)
        written = json.loads(write_predict_response({"y": values}, True))
        again = np.array(written["predictions"], dtype)
        self.assertAllEqual(again, values)

    @parameterized.parameters(
        ("int8", -128, 127),
        ("int64", -(2**63), 2**63 - 1),
        ("uint8", 0, 255),
        ("uint64", 0, 2**64 - 1),
    )
    def test_ranges(self, dtype, least, most):
        read = _read({"inputs": [least, most]}, x=dtype)["x"]
        self.assertEqual(read.tolist(), [least, most])
        for value in (least - 1, most + 1):
            with self.assertRaisesRegex(ServingError, f"type: {dtype}$"):
                _read({"inputs": [0, value]}, x=dtype)

    def test_strings_there_and_back(self):
        data = bytes(range(256))
        body = {
            "instances": [{"b64": base64.b64encode(data).decode()}, "ü", ""]
        }
        read = _read(body, x="string")["x"]
        self.assertEqual(read.tolist(), [data, "ü".encode(), b""])
        written = write_predict_response({"x_bytes": read}, False)
        values = json.loads(written)["outputs"]
        self.assertEqual(base64.b64decode(values[0]["b64"]), data)
        text = read[1:].reshape(2, 1)
        self.assertEqual(
            json.loads(write_predict_response({"x": text}, True)),
            {"predictions": [["ü"], [""]]},
        )

    def test_image(self):
        image = photos(1, 40, 50, 3)
        self.assertAllEqual(
            _read({"instances": image.tolist()}, x="uint8")["x"], image
        )

    def test_empty_lists(self):
        self.assertEqual(_read({"inputs": []}, x="uint8")["x"].shape, (0,))
        self.assertEqual(
            _read({"inputs": [[], []]}, x="uint8")["x"].shape, (2, 0)
        )

    def test_scalars(self):
        self.assertEqual(_read({"inputs": 3}, x="uint8")["x"].shape, ())
        written = write_predict_response({"y": np.array(0.1, "float32")}, False)
        self.assertEqual(written, b'{"outputs":0.1}')

    def test_floats_are_short(self):
        values = np.array([0.1, 2.0, 1e-7], "float32")
        written = write_predict_response({"y": values}, True)
        self.assertEqual(written, b'{"predictions":[0.1,2.0,1e-7]}')

    def test_not_finite(self):
        read = _read(b'{"inputs": [NaN, -Infinity, 1]}', x="float32")["x"]
        self.assertAllEqual(read, np.float32([np.nan, -np.inf, 1]))
        self.assertEqual(
            write_predict_response({"y": read}, True),
            b'{"predictions": [NaN, -Infinity, 1.0]}',
        )

    def test_signature_name(self):
        asked = []

        def find(name):
            asked.append(name)
            return _inputs(x="uint8")(name)

        for body, name in (
            (b'{"inputs": 1}', "serving_default"),
            (b'{"inputs": 1, "signature_name": "other"}', "other"),
        ):
            self.assertEqual(read_predict_request(body, find)[0], name)
            self.assertEqual(asked.pop(), name)

    def test_form(self):
        self.assertTrue(
            read_predict_request(b'{"instances": [1]}', _inputs(x="int8"))[2]
        )
        self.assertFalse(
            read_predict_request(b'{"inputs": [1]}', _inputs(x="int8"))[2]
        )

    def test_several_outputs(self):
        outputs = {
            "a": np.arange(4).reshape(2, 2),
            "b_bytes": np.array([b"x", b"y"], object),
        }
        self.assertEqual(
            json.loads(write_predict_response(outputs, True)),
            {
                "predictions": [
                    {"a": [0, 1], "b_bytes": {"b64": "eA=="}},
                    {"a": [2, 3], "b_bytes": {"b64": "eQ=="}},
                ]
            },
        )

    @parameterized.named_parameters(
        ("scalar", {"y": np.array(1)}, "Tensor name: y has no shape"),
        (
            "rows",
            {"y": np.ones(2), "z": np.ones(3)},
            "Tensor name: z has inconsistent batch size: 3 expecting: 2",
        ),
    )
    def test_outputs_that_are_no_rows(self, outputs, message):
        with self.assertRaisesRegex(ServingError, message):
            write_predict_response(outputs, True)

    def test_errors_show_the_beginning_of_large_values(self):
        body = {"instances": "x" * 10_000_000}
        with self.assertRaises(ServingError) as raised:
            _read(body, x="uint8")
        self.assertLess(len(str(raised.exception)), 200)

    def test_what_cannot_become_utf_8(self):
        # Only the parser that knows NaN lets half a pair pass.
        with self.assertRaises(ServingError):
            _read(b'{"inputs": ["\\ud800"], "x": NaN}', x="string")

    def test_too_many_lists(self):
        body = b'{"inputs": [' + b"[]," * 4_194_304 + b"[]]}"
        with self.assertRaisesRegex(ServingError, "more than 4194304 lists"):
            _read(body, x="uint8")

    def test_thousands_of_digits(self):
        for extra in (b"", b', "y": NaN'):
            with self.assertRaises(ServingError) as raised:
                _read(b'{"inputs": ' + b"1" * 10_000 + extra + b"}", x="int32")
            self.assertEqual(raised.exception.code, "INVALID_ARGUMENT")

    def test_collection_of_garbage_goes_on(self):
        _read({"inputs": [1]}, x="int8")
        self.assertTrue(gc.isenabled())
        with self.assertRaises(ServingError):
            _read({"inputs": ["x"]}, x="int8")
        self.assertTrue(gc.isenabled())
