"""The forms of TensorFlow Serving's `api_rest.md`, case by case."""

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


def _png():
    file = io.BytesIO()
    Image.fromarray(np.array(IMAGE, "uint8")).save(file, "PNG")
    return _base64(file.getvalue())


def _base64(data):
    return {"b64": base64.b64encode(data).decode()}


def _mix(**changes):
    row = {"images": BLACK, "style_weights": [1.0, 0.0], "strength": 1.0}
    row = {**row, "keep_color": False, **changes}
    return {k: v for k, v in row.items() if v is not None}


def _rows(signature, *rows):
    return {"signature_name": signature, "instances": list(rows)}


def _columns(signature, inputs):
    return {"signature_name": signature, "inputs": inputs}


LEAST_AND_MOST = {
    "int8": (-128, 127),
    "int64": (-(2**63), 2**63 - 1),
    "uint8": (0, 255),
    "uint64": (0, 2**64 - 1),
}
TYPES = {
    **{f"int{bits}": 1 for bits in (8, 16, 32, 64)},
    **{f"uint{bits}": 1 for bits in (8, 16, 32, 64)},
    **{"float32": 0.5, "float64": 1e300, "bool": True, "string": "ü"},
}
TWO = {"x": [1.0, 3.0], "n": [[1, 2], [3, 4]]}
HALVES = [{"half": 0.5, "doubled": [2, 4]}, {"half": 1.5, "doubled": [6, 8]}]

# Name: body, the answer.
ANSWERS = {
    "row": ({"instances": [IMAGE]}, {"predictions": [INVERTED]}),
    "row_by_name": (
        {"instances": [{"images": IMAGE}, {"images": BLACK}]},
        {"predictions": [INVERTED, WHITE]},
    ),
    "row_of_several_inputs": (
        _rows("serving_style_weights", _mix(), _mix(keep_color=True)),
        {"predictions": [WHITE, BLACK]},
    ),
    "row_of_several_outputs": (
        _rows("two_outputs", {"x": 1.0, "n": [1, 2]}, {"x": 3, "n": [3, 4]}),
        {"predictions": HALVES},
    ),
    "column": ({"inputs": [IMAGE]}, {"outputs": [INVERTED]}),
    "column_of_several_outputs": (
        _columns("two_outputs", TWO),
        {"outputs": {"half": [0.5, 1.5], "doubled": [[2, 4], [6, 8]]}},
    ),
    "bytes_in_a_row": (
        _rows("serving_bytes", _png()),
        {"predictions": [INVERTED]},
    ),
    "bytes_in_a_column": (
        _columns("serving_bytes", {"image_bytes": [_png()]}),
        {"outputs": [INVERTED]},
    ),
}

# Name: body, words of its error. TensorFlow Serving lets 300 wrap around.
ERRORS = {
    "no_body": (b"", "JSON Parse error"),
    "no_json": (b"instances = [1, 2]", "JSON Parse error"),
    "no_utf_8": (b'{"instances": ["\xff"]}', "JSON Parse error"),
    "no_object": ([1], "Is not object"),
    "no_inputs": ({}, "Missing 'inputs' or 'instances' key"),
    "rows_and_columns": (
        {"instances": [IMAGE], "inputs": [IMAGE]},
        "expecting only one of 'inputs' or 'instances' keys to exist",
    ),
    "rows_are_no_list": ({"instances": "x"}, "to be a list of at least one"),
    "no_rows": ({"instances": []}, "to be a list of at least one row"),
    "signature_name_is_no_string": (_rows(7, 1), "must be a string value"),
    "unknown_signature": (
        _rows("unknown", 1),
        'Serving signature name: "unknown" not found in signature def',
    ),
    "missing_input_in_a_row": (
        _rows("serving_style_weights", _mix(), _mix(strength=None)),
        "Failed to process element: 1 of 'instances' list.",
    ),
    "unknown_input_in_a_row": (
        _rows("serving_style_weights", _mix(unknown=1)),
        "the keys images,keep_color,strength,style_weights. Received",
    ),
    "missing_input_in_a_column": (
        _columns("two_outputs", {"x": [1.0]}),
        "Expecting 'inputs' to be an object with the keys n,x",
    ),
    "mixed_rows": ({"instances": [{"images": IMAGE}, IMAGE]}, "element: 1 of"),
    "rows_of_two_sizes": ({"instances": [IMAGE, LARGER]}, "of one size at"),
    "rows_of_two_depths": ({"instances": [IMAGE, 1]}, "unexpected level: 1"),
    "batch_that_is_too_large": (
        _rows("half_plus", *[1.0] * 65),
        "Batch size 65 is larger than the largest batch size 64",
    ),
    "text_for_a_number": ({"instances": [[[["x"]]]]}, '"x" is not of expected'),
    "bool_for_a_whole_number": (
        {"instances": [[[[True, 2, 3]]]]},
        "JSON Value: true is not of expected type: uint8",
    ),
    "300_for_uint8": (
        {"instances": [[[[300, 2, 3]]]]},
        "JSON Value: 300 is not of expected type: uint8",
    ),
    "too_large_for_a_float": (
        _rows("half_plus", 1e39),
        "JSON Value: 1e+39 is not of expected type: float32",
    ),
    "strength_above_1": (
        _rows("serving_style_weights", _mix(strength=2)),
        "`strength` must be in [0, 1]. Received:",
    ),
    "no_base64": (_rows("serving_bytes", {"b64": "!!!"}), "Unable to base64"),
    "no_image": (
        _rows("serving_bytes", _base64(b"no image")),
        "Unknown image file format",
    ),
    "output_that_is_no_text": (
        _rows("echo", _base64(b"\xff")),
        "Failed to write JSON value for tensor type: string",
    ),
}

AVAILABLE = {
    "version": "1",
    "state": "AVAILABLE",
    "status": {"error_code": "OK", "error_message": ""},
}
HALF = _rows("half_plus", 1.0)
HALVED = {"predictions": [2.5]}

# Method and path, body, status, the answer or words of its error.
PATHS = (
    ("GET /v1/models/comic", None, 200, {"model_version_status": [AVAILABLE]}),
    ("GET /v1/models/a", None, 404, "not find any versions of model a"),
    ("GET /v1/models/comic/versions/7", None, 404, "version 7 of model comic"),
    ("POST /v1/models/comic/versions/1:predict", HALF, 200, HALVED),
    ("POST /v1/models/half:predict", HALF, 404, "for request: Latest(half)"),
    (f"GET {PREDICT}", None, 405, f"Malformed request: GET {PREDICT}"),
    ("POST /v1/models/comic:classify", {}, 501, "server does not classify"),
    ("GET /index.html", None, 404, "Not Found"),
)


class RESTConformanceTest(TestCase, parameterized.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        _, cls.client = start_server(cls)

    def assertAnswer(self, response, status, expected):
        self.assertEqual(response.status_code, status, response.text[:500])
        self.assertEqual(response.headers["content-type"], "application/json")
        body = response.json()
        if status == 200:
            self.assertEqual(_decoded(body), expected)
        else:
            self.assertEqual(list(body), ["error"])
            self.assertIn(expected, body["error"])

    def post(self, body):
        if not isinstance(body, bytes):
            return self.client.post(PREDICT, json=body)
        return self.client.post(PREDICT, content=body)

    @parameterized.named_parameters((k, *v) for k, v in ANSWERS.items())
    def test_answers(self, body, expected):
        self.assertAnswer(self.post(body), 200, expected)

    @parameterized.named_parameters((k, *v) for k, v in ERRORS.items())
    def test_errors(self, body, message):
        self.assertAnswer(self.post(body), 400, message)

    def test_types(self):
        def answer(**changes):
            return self.post(_rows("types", {**TYPES, **changes}))

        for name, limits in LEAST_AND_MOST.items():
            for value in limits:
                (row,) = answer(**{name: value}).json()["predictions"]
                self.assertEqual(row.pop(f"same_{name}"), value)
            for value in (limits[0] - 1, limits[1] + 1):
                self.assertEqual(answer(**{name: value}).status_code, 400)
        (row,) = answer().json()["predictions"]
        self.assertEqual(row, {f"same_{k}": v for k, v in TYPES.items()})
        self.assertAnswer(self.post(_rows("halves", 1.0)), 501, "float16")

    @parameterized.parameters(*PATHS)
    def test_path(self, request, body, status, expected):
        response = self.client.request(*request.split(), json=body)
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
        page = self.client.get("/v1/models/comic/metadata").json()
        self.assertEqual(
            page["model_spec"],
            {"name": "comic", "signature_name": "", "version": "1"},
        )
        signatures = page["metadata"]["signature_def"]["signature_def"]
        default = signatures["serving_default"]
        self.assertIn(":", default["outputs"]["comics"].pop("name"))
        name = default["inputs"]["images"].pop("name")
        self.assertEqual(name, "serving_default_images:0")
        sizes = [{"size": s, "name": ""} for s in ("-1", "-1", "-1", "3")]
        shape = {"dim": sizes, "unknown_rank": False}
        tensor = {"dtype": "DT_UINT8", "tensor_shape": shape}
        self.assertEqual(
            default,
            {
                "inputs": {"images": tensor},
                "outputs": {"comics": tensor},
                "method_name": "tensorflow/serving/predict",
                "defaults": {},
            },
        )
        self.assertIn("__saved_model_init_op", signatures)

    def test_head(self):
        response = self.client.head("/v1/models/comic")
        self.assertEqual(response.status_code, 200)
        self.assertEqual(response.content, b"")


def _decoded(value):
    """Replaces PNG files by lists of pixels."""
    if isinstance(value, dict) and set(value) == {"b64"}:
        image = Image.open(io.BytesIO(base64.b64decode(value["b64"])))
        return np.asarray(image).tolist()
    if isinstance(value, dict):
        return {k: _decoded(v) for k, v in value.items()}
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return [_decoded(v) for v in value]
    return value
