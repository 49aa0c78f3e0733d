"""The forms of TensorFlow Serving's `api_rest.md`, case by case.

Statuses and words of errors are those of TensorFlow Serving's own
`json_tensor.cc` and `http_rest_api_handler.cc`; where this server is stricter
on purpose, the case says so.
"""

import base64
import io

import numpy as np
from absl.testing import parameterized
from PIL import Image

from tests.serving.rest_servers import start_server
from tests.test_case import TestCase

PREDICT = "/v1/models/comic:predict"
IMAGE = [[[1, 2, 3]] * 4] * 4
INVERTED = [[[254, 253, 252]] * 4] * 4
BLACK = [[[0, 0, 0]] * 4] * 4
WHITE = [[[255, 255, 255]] * 4] * 4
LARGER = [[[1, 2, 3]] * 5] * 5


def _file(image, kind="PNG"):
    file = io.BytesIO()
    Image.fromarray(np.array(image, "uint8")).save(file, kind)
    return file.getvalue()


def _base64(data):
    return {"b64": base64.b64encode(data).decode()}


def _mix(**changes):
    row = {
        "images": BLACK,
        "style_weights": [1.0, 0.0],
        "strength": 1.0,
        "keep_color": False,
    }
    row.update(changes)
    return {k: v for k, v in row.items() if v is not None}


def _half(**body):
    return {"signature_name": "half_plus", **body}


def _rows(signature, *rows):
    return {"signature_name": signature, "instances": list(rows)}


TYPES = {
    "int8": -128,
    "int16": -32768,
    "int32": -(2**31),
    "int64": -(2**63),
    "uint8": 255,
    "uint16": 65535,
    "uint32": 2**32 - 1,
    "uint64": 2**64 - 1,
    "float32": 0.5,
    "float64": 1e300,
    "bool": True,
    "string": "ü",
}


def _types(**changes):
    return _rows("types", {**TYPES, **changes})


# Name: body, status, what the answer is or what its error holds.
PREDICTIONS = {
    # Rows.
    "row": ({"instances": [IMAGE]}, 200, {"predictions": [INVERTED]}),
    "rows": (
        {"instances": [IMAGE, BLACK]},
        200,
        {"predictions": [INVERTED, WHITE]},
    ),
    "row_by_name": (
        {"instances": [{"images": IMAGE}]},
        200,
        {"predictions": [INVERTED]},
    ),
    "row_of_several_inputs": (
        _rows("serving_style_weights", _mix(), _mix(keep_color=True)),
        200,
        {"predictions": [WHITE, BLACK]},
    ),
    "row_of_several_outputs": (
        _rows("two_outputs", {"x": 1.0, "n": [1, 2]}, {"x": 3, "n": [3, 4]}),
        200,
        {
            "predictions": [
                {"half": 0.5, "doubled": [2, 4]},
                {"half": 1.5, "doubled": [6, 8]},
            ]
        },
    ),
    # Columns.
    "column": ({"inputs": [IMAGE]}, 200, {"outputs": [INVERTED]}),
    "column_of_several_outputs": (
        {
            "signature_name": "two_outputs",
            "inputs": {"x": [1.0, 3.0], "n": [[1, 2], [3, 4]]},
        },
        200,
        {"outputs": {"half": [0.5, 1.5], "doubled": [[2, 4], [6, 8]]}},
    ),
    # Bytes.
    "bytes_in_a_row": (
        _rows("serving_bytes", _base64(_file(IMAGE))),
        200,
        {"predictions": [INVERTED]},
    ),
    "bytes_in_a_column": (
        {
            "signature_name": "serving_bytes",
            "inputs": {"image_bytes": [_base64(_file(IMAGE))]},
        },
        200,
        {"outputs": [INVERTED]},
    ),
    # Types.
    # The form of the body.
    "no_body": (b"", 400, "JSON Parse error: The document is empty"),
    "no_json": (b"instances = [1, 2]", 400, "JSON Parse error"),
    "no_utf_8": (b'{"instances": ["\xff"]}', 400, "JSON Parse error"),
    "no_inputs": ({}, 400, "Missing 'inputs' or 'instances' key"),
    "rows_and_columns": (
        {"instances": [IMAGE], "inputs": [IMAGE]},
        400,
        "expecting only one of 'inputs' or 'instances' keys to exist",
    ),
    "rows_are_no_list": (
        {"instances": "x"},
        400,
        "Excepting 'instances' to be an list/array",
    ),
    "signature_name_is_no_string": (
        {"signature_name": 100, "instances": [1]},
        400,
        "'signature_name' key must be a string value.",
    ),
    "unknown_signature": (
        {"signature_name": "unknown", "instances": [1]},
        400,
        'Serving signature name: "unknown" not found in signature def',
    ),
    # Inputs by name.
    "missing_input_in_a_row": (
        _rows("serving_style_weights", _mix(), _mix(strength=None)),
        400,
        "Failed to process element: 1 of 'instances' list. JSON object: ",
    ),
    "unknown_input_in_a_row": (
        _rows("serving_style_weights", _mix(unknown=1)),
        400,
        "Failed to process element: 0 key: unknown of 'instances' list. Error: "
        "INVALID_ARGUMENT: JSON object: does not have named input: unknown",
    ),
    "mixed_rows": (
        {"instances": [{"images": IMAGE}, IMAGE]},
        400,
        "Expecting object but got list at item 1 of input list",
    ),
    # Shapes.
    "rows_of_two_sizes": (
        {"instances": [IMAGE, LARGER]},
        400,
        "Failed to process element: 1 of 'instances' list. Error: "
        "INVALID_ARGUMENT: Expecting tensor size: 48 but got: 75",
    ),
    "batch_that_is_too_large": (
        _half(instances=[1.0] * 65),
        400,
        "Batch size 65 is larger than the largest batch size 64",
    ),
    # Types.
    "text_for_a_number": (
        {"instances": [[[["x"]]]]},
        400,
        'JSON Value: "x" Type: String is not of expected type: uint8',
    ),
    "bool_for_a_whole_number": (
        {"instances": [[[[True, 2, 3]]]]},
        400,
        "JSON Value: true Type: True is not of expected type: uint8",
    ),
    # TensorFlow Serving lets these wrap around.
    "300_for_uint8": (
        {"instances": [[[[300, 2, 3]]]]},
        400,
        "JSON Value: 300 Type: Number is not of expected type: uint8",
    ),
    "float_that_loses_precision": (
        _half(instances=[1e39]),
        400,
        "Cannot convert JSON value: 1e+39 to float without loss of precision.",
    ),
    "type_that_json_does_not_have_in_a_row": (
        _rows("halves", 1.0),
        400,
        "Error: UNIMPLEMENTED: Conversion of JSON Value: 1.0 to type: float16",
    ),
    # Not finite.
    # What the model refuses.
    "strength_above_1": (
        _rows("serving_style_weights", _mix(strength=2)),
        400,
        "`strength` must be in [0, 1]. Received:",
    ),
    # Bytes.
    "no_base64": (
        _rows("serving_bytes", {"b64": "!!!"}),
        400,
        "Unable to base64 decode",
    ),
    "no_image": (
        _rows("serving_bytes", _base64(b"no image")),
        400,
        "Unknown image file format",
    ),
    "output_that_is_no_text": (
        _rows("echo", _base64(b"\xff")),
        400,
        "Failed to write JSON value for tensor type: string",
    ),
}

AVAILABLE = {
    "version": "1",
    "state": "AVAILABLE",
    "status": {"error_code": "OK", "error_message": ""},
}
STATUS = {"model_version_status": [AVAILABLE]}
HALF = _half(instances=[1.0])
HALVED = {"predictions": [2.5]}

# Name: method, path, body, status, what the answer is or its error holds.
PATHS = {
    "status": ("GET", "/v1/models/comic", None, 200, STATUS),
    "status_of_an_unknown_model": (
        "GET",
        "/v1/models/unknown",
        None,
        404,
        "Could not find any versions of model unknown",
    ),
    "status_of_an_unknown_version": (
        "GET",
        "/v1/models/comic/versions/7",
        None,
        404,
        "Could not find version 7 of model comic",
    ),
    "predict_by_version": (
        "POST",
        "/v1/models/comic/versions/1:predict",
        HALF,
        200,
        HALVED,
    ),
    "predict_of_an_unknown_model": (
        "POST",
        "/v1/models/half:predict",
        HALF,
        404,
        "Servable not found for request: Latest(half)",
    ),
    "predict_by_get": (
        "GET",
        PREDICT,
        None,
        405,
        "Malformed request: GET /v1/models/comic:predict",
    ),
    "classify": (
        "POST",
        "/v1/models/comic:classify",
        {"examples": [{}]},
        501,
        "This server does not classify",
    ),
    "unknown_path": ("GET", "/index.html", None, 404, "Not Found"),
}


class RESTConformanceTest(TestCase, parameterized.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        _, cls.client = start_server(cls)

    def assertAnswer(self, response, status, expected):
        self.assertEqual(response.status_code, status, response.text[:500])
        self.assertEqual(response.headers["content-type"], "application/json")
        if isinstance(expected, bytes):
            self.assertEqual(response.content, expected)
        elif isinstance(expected, dict):
            self.assertEqual(_decoded(response.json()), expected)
        else:
            body = response.json()
            self.assertEqual(list(body), ["error"])
            self.assertIn(expected, body["error"])

    @parameterized.named_parameters(
        (name, *case) for name, case in PREDICTIONS.items()
    )
    def test_predict(self, body, status, expected):
        if isinstance(body, bytes):
            response = self.client.post(PREDICT, content=body)
        else:
            response = self.client.post(PREDICT, json=body)
        self.assertAnswer(response, status, expected)

    @parameterized.named_parameters(
        (name, *case) for name, case in PATHS.items()
    )
    def test_path(self, method, path, body, status, expected):
        response = self.client.request(method, path, json=body)
        self.assertAnswer(response, status, expected)
        if status == 405:
            self.assertIn(response.headers["allow"], ("POST", "GET, HEAD"))

    def test_content_type_does_not_matter(self):
        response = self.client.post(
            PREDICT,
            content=b'{"signature_name": "half_plus", "instances": [1]}',
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        )
        self.assertAnswer(response, 200, HALVED)

    def test_compressed_bodies_are_refused(self):
        response = self.client.post(
            PREDICT,
            content=b"\x1f\x8b\x08\x00",
            headers={"Content-Encoding": "gzip"},
        )
        self.assertAnswer(response, 415, "The body must not be compressed.")
        self.assertEqual(response.headers["accept-encoding"], "identity")

    def test_metadata(self):
        response = self.client.get("/v1/models/comic/metadata")
        self.assertEqual(response.status_code, 200)
        page = response.json()
        self.assertEqual(list(page), ["model_spec", "metadata"])
        self.assertEqual(
            page["model_spec"],
            {"name": "comic", "signature_name": "", "version": "1"},
        )
        found = page["metadata"]["signature_def"]["signature_def"]
        name = found["serving_default"]["inputs"]["images"].pop("name")
        self.assertEqual(name, "serving_default_images:0")
        self.assertIn(
            ":", found["serving_default"]["outputs"]["comics"]["name"]
        )
        found["serving_default"]["outputs"]["comics"].pop("name")
        tensor = {
            "dtype": "DT_UINT8",
            "tensor_shape": {
                "dim": [
                    {"size": size, "name": ""}
                    for size in ("-1", "-1", "-1", "3")
                ],
                "unknown_rank": False,
            },
        }
        self.assertEqual(
            found["serving_default"],
            {
                "inputs": {"images": tensor},
                "outputs": {"comics": tensor},
                "method_name": "tensorflow/serving/predict",
                "defaults": {},
            },
        )
        self.assertEqual(
            found["serving_bytes"]["inputs"]["image_bytes"]["dtype"],
            "DT_STRING",
        )
        self.assertIn("__saved_model_init_op", found)

    def test_head(self):
        response = self.client.head("/v1/models/comic")
        self.assertEqual(response.status_code, 200)
        self.assertEqual(response.content, b"")


def _decoded(value):
    """PNG files as lists of pixels."""
    if isinstance(value, dict) and set(value) == {"b64"}:
        image = Image.open(io.BytesIO(base64.b64decode(value["b64"])))
        return np.asarray(image).tolist()
    if isinstance(value, dict):
        return {k: _decoded(v) for k, v in value.items()}
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return [_decoded(v) for v in value]
    return value
