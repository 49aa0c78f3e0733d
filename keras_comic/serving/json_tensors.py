"""Requests to predict and their answers as JSON, as TensorFlow Serving does.

A value is checked before it becomes part of an array: nothing is rounded,
wrapped around or cut off to fit a type. The words of errors are those of
TensorFlow Serving where it has any.
"""

import base64
import binascii
import itertools
import json

import numpy as np
import tensorflow as tf

from keras_comic.serving.errors import ServingError
from keras_comic.serving.errors import invalid

try:
    import orjson
except ImportError as error:
    raise ImportError(
        "The local server needs orjson. Install it with "
        "`pip install 'keras-comic[serving]'`."
    ) from error

DEFAULT_SIGNATURE = "serving_default"
BYTES_SUFFIX = "_bytes"
# A list takes many times more memory than its JSON.
MAX_CONTAINERS = 4_194_304
_MAX_RANK = 32
_MAX_TEXT = 80
# Among more rows than these the one at fault is not searched for.
_MAX_SEARCHED_ROWS = 10_000
_TYPE_NAMES = {
    type(None): "Null",
    dict: "Object",
    list: "Array",
    str: "String",
    int: "Number",
    float: "Number",
}


def read_predict_request(body, signatures):
    """Reads a body into signature name, inputs, and whether it has rows."""
    document = _parse(body)
    name = document.get("signature_name", DEFAULT_SIGNATURE)
    if not isinstance(name, str):
        raise invalid(
            f"JSON Value: {_text(document)} not formatted correctly. "
            "'signature_name' key must be a string value."
        )
    name = name or DEFAULT_SIGNATURE
    if name not in signatures:
        raise invalid(
            f'Serving signature name: "{name}" not found in signature def'
        )
    infos = sorted(signatures[name].inputs.items())
    dtypes = {input_name: info.dtype for input_name, info in infos}
    in_rows = "instances" in document
    if in_rows and "inputs" in document:
        raise invalid(
            f"JSON Value: {_text(document)} Not formatted correctly expecting "
            "only one of 'inputs' or 'instances' keys to exist "
        )
    if in_rows:
        return name, _read_rows(document, dtypes), True
    if "inputs" in document:
        return name, _read_columns(document["inputs"], dtypes), False
    raise invalid("Missing 'inputs' or 'instances' key")


def write_predict_response(outputs, in_rows):
    """Writes the answer to a request to predict."""
    if in_rows:
        rows = {a.shape[0] if a.ndim else None for a in outputs.values()}
        if len(rows) != 1 or None in rows:
            shapes = {name: array.shape for name, array in outputs.items()}
            raise invalid(f"Outputs have an inconsistent batch size: {shapes}")
    finite = all(
        np.isfinite(array).all()
        for array in outputs.values()
        if array.dtype.kind == "f"
    )
    values = {name: _json_value(name, array) for name, array in outputs.items()}
    if len(values) == 1:
        (result,) = values.values()
    elif in_rows:
        result = [
            dict(zip(values, row)) for row in zip(*map(list, values.values()))
        ]
    else:
        result = values
    return dump_json({"predictions" if in_rows else "outputs": result}, finite)


def dump_json(value, finite=True):
    """Writes a value that may hold NumPy arrays as JSON."""
    if finite:
        return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY)
    return json.dumps(value, default=lambda array: array.tolist()).encode()


def _json_value(name, array):
    if array.dtype != object:
        return np.ascontiguousarray(array) if array.ndim else array[()]
    values = np.empty(array.size, object)
    if name.endswith(BYTES_SUFFIX):
        values[:] = [
            {"b64": base64.b64encode(value).decode("ascii")}
            for value in array.ravel()
        ]
    else:
        try:
            values[:] = [value.decode() for value in array.ravel()]
        except UnicodeDecodeError as error:
            raise invalid(
                "Failed to write JSON value for tensor type: string: the "
                f"output {name} is not UTF-8, and its name does not end in "
                f"{BYTES_SUFFIX}"
            ) from error
    return values.reshape(array.shape).tolist()


def _parse(body):
    if not body.strip():
        raise invalid("JSON Parse error: The document is empty")
    if body.count(b"[") + body.count(b"{") > MAX_CONTAINERS:
        raise invalid(
            f"JSON Parse error: more than {MAX_CONTAINERS} lists and objects"
        )
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise invalid(
            f"JSON Parse error: {error.msg} at offset: {error.pos}"
        ) from error
    if not isinstance(document, dict):
        raise invalid(f"JSON Value: {_text(document)} Is not object")
    return document


def _read_rows(document, dtypes):
    rows = document["instances"]
    if not isinstance(rows, list):
        raise invalid(
            f"JSON Value: {_text(document)} Excepting 'instances' to be an "
            "list/array"
        )
    if not rows:
        raise invalid(
            f"JSON Value: {_text(document)} No values in 'instances' array"
        )
    by_name = _is_object(rows[0])
    if not by_name and len(dtypes) > 1:
        raise invalid(
            "instances is a plain list, but expecting list of objects as "
            "multiple input tensors required as per tensorinfo_map"
        )
    for number, row in enumerate(rows):
        if _is_object(row) != by_name:
            kinds = ("object", "list") if by_name else ("value/list", "object")
            raise invalid(
                f"Expecting {kinds[0]} but got {kinds[1]} at item {number} of "
                "input list"
            )
        if by_name and row.keys() != dtypes.keys():
            for name in sorted(row.keys() - dtypes.keys()):
                message = f"JSON object: does not have named input: {name}"
                raise _row_error(number, name, invalid(message))
            raise invalid(
                f"Failed to process element: {number} of 'instances' list. "
                f"JSON object: {_text(row)} keys must be equal to: "
                f"{','.join(dtypes)}"
            )
    if not by_name:
        ((name, dtype),) = dtypes.items()
        return {name: _rows_to_array(rows, None, dtype)}
    return {
        name: _rows_to_array([row[name] for row in rows], name, dtype)
        for name, dtype in dtypes.items()
    }


def _rows_to_array(rows, name, dtype):
    try:
        return _to_array(rows, dtype)
    except ServingError:
        if len(rows) > _MAX_SEARCHED_ROWS:
            raise
    first = None
    for number, row in enumerate(rows):
        try:
            shape = list(_to_array(row, dtype).shape)
        except ServingError as error:
            raise _row_error(number, name, error) from error
        first = shape if first is None else first
        sizes = np.prod(first, dtype=int), np.prod(shape, dtype=int)
        if sizes[0] != sizes[1]:
            message = f"Expecting tensor size: {sizes[0]} but got: {sizes[1]}"
            raise _row_error(number, name, invalid(message))
        if shape != first:
            message = f"Expecting shape {first} but got: {shape}"
            raise _row_error(number, name, invalid(message))
    raise invalid("The rows of 'instances' cannot be joined.")


def _row_error(number, name, error):
    key = "" if name is None else f" key: {name}"
    return invalid(
        f"Failed to process element: {number}{key} of 'instances' list. "
        f"Error: {error.code}: {error}"
    )


def _read_columns(value, dtypes):
    if not _is_object(value):
        if len(dtypes) > 1:
            raise invalid(
                "inputs is a plain value/list, but expecting an object as "
                "multiple input tensors required as per tensorinfo_map"
            )
        value = dict.fromkeys(dtypes, value)
    for name in dtypes:
        if name not in value:
            raise invalid(f"Missing named input: {name} in 'inputs' object.")
    return {name: _to_array(value[name], dtypes[name]) for name in dtypes}


def _to_array(value, dtype):
    """Makes an array of nested lists, level by level, in one pass each."""
    level, shape = [value], []
    while True:
        kinds = set(map(type, level))
        if list not in kinds:
            break
        sizes = set(map(len, level)) if len(kinds) == 1 else ()
        if len(shape) == _MAX_RANK:
            raise invalid(
                f"Encountered list at unexpected level: {_MAX_RANK} expected "
                f"< {_MAX_RANK}"
            )
        if len(kinds) > 1:
            other = next(v for v in level if not isinstance(v, list))
            raise invalid(
                f"JSON Value: {_text(other)} found at incorrect level: "
                f"{len(shape) + 1} in the JSON DOM"
            )
        sizes = sorted(set(map(len, level)))
        if len(sizes) > 1:
            raise invalid(
                f"Encountered list at unexpected size: {sizes[0]} at level: "
                f"{len(shape)} expected size: {sizes[-1]}"
            )
        shape.extend(sizes)
        level = list(itertools.chain.from_iterable(level))
        if not level:
            return np.empty(shape, dtype.as_numpy_dtype)
    if dtype == tf.uint8 and kinds == {int}:
        try:
            return np.frombuffer(bytes(level), np.uint8).reshape(shape)
        except ValueError as error:
            wrong = next(v for v in level if not 0 <= v <= 255)
            raise _type_error(wrong, dtype) from error
    return _convert(level, kinds, dtype).reshape(shape)


def _convert(values, kinds, dtype):
    if dtype == tf.string:
        array = np.empty(len(values), object)
        array[:] = [_to_bytes(value) for value in values]
        return array
    if dtype == tf.bool:
        expected = {bool}
    elif dtype.is_integer and not dtype.is_quantized:
        expected = {int}
    elif dtype in (tf.float32, tf.float64):
        expected = {int, float}
    else:
        raise ServingError(
            "UNIMPLEMENTED",
            f"Conversion of JSON Value: {_text(values[0])} to type: "
            f"{dtype.name}",
        )
    if not kinds <= expected:
        wrong = next(v for v in values if type(v) not in expected)
        raise _type_error(wrong, dtype)
    if expected == {int}:
        least, most = min(values), max(values)
        if least < dtype.min or most > dtype.max:
            raise _type_error(least if least < dtype.min else most, dtype)
    elif dtype.is_floating:
        _check_floats(values, dtype)
    return np.array(values, dtype.as_numpy_dtype)


def _check_floats(values, dtype):
    """Raises an error for a number that would lose digits or its size."""
    exact = 2**24 - 1 if dtype == tf.float32 else 2**53 - 1
    largest, infinity = float(dtype.max), float("inf")
    for value in values:
        if type(value) is int:
            fits = -exact <= value <= exact
        else:
            fits = not largest < abs(value) < infinity
        if not fits:
            name = "float" if dtype == tf.float32 else "double"
            raise invalid(
                f"Cannot convert JSON value: {_text(value)} to {name} without "
                "loss of precision."
            )


def _to_bytes(value):
    if isinstance(value, str):
        try:
            return value.encode()
        except UnicodeEncodeError as error:
            raise _type_error(value, tf.string) from error
    if not isinstance(value, dict):
        raise _type_error(value, tf.string)
    if not _is_base64(value):
        raise invalid(
            f"JSON Value: {_text(value)} not formatted correctly for base64 "
            "data"
        )
    # White space, and the equals signs left out, are no fault.
    text = "".join(value["b64"].split()).rstrip("=")
    text += "=" * (-len(text) % 4)
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError as error:
        raise invalid("Unable to base64 decode") from error


def _is_base64(value):
    return (
        isinstance(value, dict)
        and len(value) == 1
        and isinstance(value.get("b64"), str)
    )


def _is_object(value):
    return isinstance(value, dict) and not _is_base64(value)


def _text(value):
    """Writes the beginning of a value as JSON, and not the whole of it."""
    text = ""
    for part in json.JSONEncoder().iterencode(value):
        text += part[:_MAX_TEXT]
        if len(text) > _MAX_TEXT:
            return f"{text[:_MAX_TEXT]}..."
    return text


def _type_error(value, dtype):
    kind = str(value) if type(value) is bool else _TYPE_NAMES[type(value)]
    name = "float" if dtype == tf.float32 else dtype.name
    return invalid(
        f"JSON Value: {_text(value)} Type: {kind} is not of expected type: "
        f"{name}"
    )
