"""Requests to predict and their answers as JSON, as TensorFlow Serving does.

A value is checked before it becomes part of an array: nothing is wrapped
around or cut off to fit a type.
"""

import base64
import binascii
import itertools
import json

import numpy as np
import tensorflow as tf

from keras_comic.serving.batcher import common_rows
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


def read_predict_request(body, signatures):
    """Reads a body into signature name, inputs, and whether it has rows."""
    document = _parse(body)
    name = document.get("signature_name", DEFAULT_SIGNATURE)
    if not isinstance(name, str):
        raise invalid(
            "'signature_name' key must be a string value. Received: "
            f"{_text(name)}"
        )
    name = name or DEFAULT_SIGNATURE
    if name not in signatures:
        raise invalid(
            f'Serving signature name: "{name}" not found in signature def'
        )
    infos = sorted(signatures[name].inputs.items())
    dtypes = {input_name: info.dtype for input_name, info in infos}
    in_rows = "instances" in document
    if in_rows == ("inputs" in document):
        raise invalid(
            "Missing 'inputs' or 'instances' key: expecting only one of "
            f"'inputs' or 'instances' keys to exist in {_text(document)}"
        )
    if in_rows:
        return name, _read_rows(document["instances"], dtypes), True
    return name, _read_columns(document["inputs"], dtypes), False


def write_predict_response(outputs, in_rows):
    """Writes the answer to a request to predict."""
    if in_rows and common_rows(outputs) is None:
        shapes = {name: array.shape for name, array in outputs.items()}
        raise invalid(f"Outputs have an inconsistent batch size: {shapes}")
    values = {name: _json_value(name, array) for name, array in outputs.items()}
    if len(values) == 1:
        (result,) = values.values()
    elif in_rows:
        result = [
            dict(zip(values, row)) for row in zip(*map(list, values.values()))
        ]
    else:
        result = values
    return dump_json({"predictions" if in_rows else "outputs": result})


def dump_json(value):
    """Writes a value that may hold NumPy arrays as JSON."""
    return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY)


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


def _read_rows(rows, dtypes):
    if not isinstance(rows, list) or not rows:
        raise invalid(
            "Expecting 'instances' to be a list of at least one row. "
            f"Received: {_text(rows)}"
        )
    if len(dtypes) == 1 and not _is_object(rows[0]):
        ((name, dtype),) = dtypes.items()
        return {name: _to_array(rows, dtype)}
    for number, row in enumerate(rows):
        if not _is_object(row) or row.keys() != dtypes.keys():
            raise invalid(
                f"Failed to process element: {number} of 'instances' list. "
                f"Expecting an object with the keys {','.join(dtypes)}. "
                f"Received: {_text(row)}"
            )
    return {
        name: _to_array([row[name] for row in rows], dtype)
        for name, dtype in dtypes.items()
    }


def _read_columns(value, dtypes):
    if len(dtypes) == 1 and not _is_object(value):
        value = dict.fromkeys(dtypes, value)
    if not _is_object(value) or not dtypes.keys() <= value.keys():
        raise invalid(
            "Expecting 'inputs' to be an object with the keys "
            f"{','.join(dtypes)}. Received: {_text(value)}"
        )
    return {name: _to_array(value[name], dtypes[name]) for name in dtypes}


def _to_array(value, dtype):
    """Makes an array of nested lists, level by level, in one pass each."""
    level, shape = [value], []
    while list in (kinds := set(map(type, level))):
        sizes = set(map(len, level)) if len(kinds) == 1 else ()
        if len(sizes) != 1 or len(shape) == _MAX_RANK:
            raise invalid(
                f"Encountered list at unexpected level: {len(shape)}. "
                f"Expecting lists of one size at each of at most {_MAX_RANK} "
                f"levels. Received: {_text(value)}"
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
        raise _type_error(
            next(v for v in values if type(v) not in expected), dtype
        )
    if dtype != tf.bool:
        # As numbers of Python, which do not overflow when they are compared.
        least, most = (np.asarray(n).item() for n in (dtype.min, dtype.max))
        for value in (min(values), max(values)):
            if not least <= value <= most:
                raise _type_error(value, dtype)
    return np.array(values, dtype.as_numpy_dtype)


def _to_bytes(value):
    try:
        if isinstance(value, str):
            return value.encode()
        if _is_base64(value):
            # White space, and the equals signs left out, are no fault.
            text = "".join(value["b64"].split()).rstrip("=")
            text += "=" * (-len(text) % 4)
            return binascii.a2b_base64(text, strict_mode=True)
    except ValueError as error:
        raise invalid(
            f"Unable to base64 decode JSON Value: {_text(value)}"
        ) from error
    raise _type_error(value, tf.string)


def _is_base64(value):
    return (
        isinstance(value, dict)
        and len(value) == 1
        and isinstance(value.get("b64"), str)
    )


def _is_object(value):
    return isinstance(value, dict) and not _is_base64(value)


def _type_error(value, dtype):
    return invalid(
        f"JSON Value: {_text(value)} is not of expected type: {dtype.name}"
    )


def _text(value):
    """Writes the beginning of a value as JSON, and not the whole of it."""
    text = ""
    for part in json.JSONEncoder().iterencode(value):
        text += part[:_MAX_TEXT]
        if len(text) > _MAX_TEXT:
            return f"{text[:_MAX_TEXT]}..."
    return text
