"""Requests to predict and their answers as JSON, as TensorFlow Serving does.

A value is checked before it becomes part of an array: nothing is rounded,
wrapped around or cut off to fit a type. The words of errors are those of
TensorFlow Serving where it has any.
"""

import base64
import binascii
import gc
import itertools
import json
import threading

import numpy as np
import tensorflow as tf

from keras_comic.serving.errors import ServingError

try:
    import orjson
except ImportError as error:
    raise ImportError(
        "The local server needs orjson. Install it with "
        "`pip install 'keras-comic[serving]'`."
    ) from error

DEFAULT_SIGNATURE = "serving_default"
BYTES_SUFFIX = "_bytes"
# What a list takes in memory is many times what it takes in JSON.
MAX_CONTAINERS = 4_194_304
_MAX_RANK = 32
_MAX_TEXT = 80
_TYPE_NAMES = {
    type(None): "Null",
    bool: "Bool",
    dict: "Object",
    list: "Array",
    str: "String",
    int: "Number",
    float: "Number",
}


class _WithoutCollection:
    """Keeps Python from looking for cycles in what has none."""

    def __init__(self):
        self._lock = threading.Lock()
        self._inside = 0
        self._enabled = False

    def __enter__(self):
        with self._lock:
            if not self._inside:
                self._enabled = gc.isenabled()
                gc.disable()
            self._inside += 1

    def __exit__(self, *exception):
        with self._lock:
            self._inside -= 1
            if not self._inside and self._enabled:
                gc.enable()


_without_collection = _WithoutCollection()


def read_predict_request(body, find_inputs):
    """Reads the body of a request to predict."""
    with _without_collection:
        return _read_predict_request(body, find_inputs)


def _read_predict_request(body, find_inputs):
    document = _parse(body)
    signature_name = document.get("signature_name", DEFAULT_SIGNATURE)
    if not isinstance(signature_name, str):
        raise _invalid(
            f"JSON Value: {_text(document)} not formatted correctly. "
            "'signature_name' key must be a string value."
        )
    infos = find_inputs(signature_name or DEFAULT_SIGNATURE)
    dtypes = {name: info.dtype for name, info in sorted(infos.items())}
    in_rows = "instances" in document
    if in_rows and "inputs" in document:
        raise _invalid(
            f"JSON Value: {_text(document)} Not formatted correctly expecting "
            "only one of 'inputs' or 'instances' keys to exist "
        )
    if in_rows:
        inputs = _read_rows(document, dtypes)
    elif "inputs" in document:
        inputs = _read_columns(document["inputs"], dtypes)
    else:
        raise _invalid("Missing 'inputs' or 'instances' key")
    return signature_name or DEFAULT_SIGNATURE, inputs, in_rows


def write_predict_response(outputs, in_rows):
    """Writes the answer to a request to predict."""
    if in_rows:
        rows = None
        for name, array in outputs.items():
            if array.ndim == 0:
                raise _invalid(f"Tensor name: {name} has no shape information ")
            if rows is not None and array.shape[0] != rows:
                raise _invalid(
                    f"Tensor name: {name} has inconsistent batch size: "
                    f"{array.shape[0]} expecting: {rows}"
                )
            rows = array.shape[0]
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
    """JSON of a value that may hold NumPy arrays."""
    if finite:
        return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY)
    return json.dumps(value, default=lambda array: array.tolist()).encode()


def _json_value(name, array):
    if array.dtype != object:
        if array.dtype.kind not in "biuf":
            # Such as bfloat16.
            array = array.astype("float32")
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
            raise _invalid(
                "Failed to write JSON value for tensor type: string: the "
                f"output {name} is not UTF-8, and its name does not end in "
                f"{BYTES_SUFFIX}"
            ) from error
    return values.reshape(array.shape).tolist()


def _parse(body):
    if not body.strip():
        raise _invalid("JSON Parse error: The document is empty")
    if body.count(b"[") + body.count(b"{") > MAX_CONTAINERS:
        raise _invalid(
            f"JSON Parse error: more than {MAX_CONTAINERS} lists and objects"
        )
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        if b"NaN" not in body and b"Infinity" not in body:
            raise _parse_error(error.msg, error.pos) from error
        document = _parse_with_nan(body)
    if not isinstance(document, dict):
        raise _invalid(f"JSON Value: {_text(document)} Is not object")
    return document


def _parse_with_nan(body):
    """What TensorFlow Serving takes beyond the standard."""
    try:
        return json.loads(body.decode())
    except json.JSONDecodeError as error:
        raise _parse_error(error.msg, error.pos) from error
    except RecursionError as error:
        raise _parse_error("nested too deeply", 0) from error
    except ValueError as error:
        # Bytes that are not UTF-8, and integers of thousands of digits.
        raise _parse_error(str(error), 0) from error


def _parse_error(message, position):
    return _invalid(f"JSON Parse error: {message} at offset: {position}")


def _read_rows(document, dtypes):
    instances = document["instances"]
    if not isinstance(instances, list):
        raise _invalid(
            f"JSON Value: {_text(document)} Excepting 'instances' to be an "
            "list/array"
        )
    if not instances:
        raise _invalid(
            f"JSON Value: {_text(document)} No values in 'instances' array"
        )
    by_name = _is_object(instances[0])
    if not by_name and len(dtypes) > 1:
        raise _invalid(
            "instances is a plain list, but expecting list of objects as "
            "multiple input tensors required as per tensorinfo_map"
        )
    for number, row in enumerate(instances):
        if by_name and not _is_object(row):
            raise _invalid(
                f"Expecting object but got list at item {number} of input list"
            )
        if not by_name and _is_object(row):
            raise _invalid(
                f"Expecting value/list but got object at item {number} of "
                "input list"
            )
        if by_name and row.keys() != dtypes.keys():
            for name in row:
                if name not in dtypes:
                    raise _row_error(
                        number,
                        name,
                        f"JSON object: does not have named input: {name}",
                    )
            raise _invalid(
                f"Failed to process element: {number} of 'instances' list. "
                f"JSON object: {_text(row)} keys must be equal to: "
                f"{','.join(dtypes)}"
            )
    if not by_name:
        ((name, dtype),) = dtypes.items()
        return {name: _rows_to_array(instances, None, dtype)}
    return {
        name: _rows_to_array([row[name] for row in instances], name, dtype)
        for name, dtype in dtypes.items()
    }


def _rows_to_array(rows, name, dtype):
    try:
        return _to_array(rows, dtype)
    except ServingError as error:
        # Slowly, for the words of the error.
        first = None
        for number, row in enumerate(rows):
            try:
                shape = _check_value(row, dtype)
            except ServingError as error:
                raise _row_error(number, name, error) from error
            first = shape if first is None else first
            if shape != first:
                sizes = np.prod(first, dtype=int), np.prod(shape, dtype=int)
                raise _row_error(
                    number,
                    name,
                    f"Expecting tensor size: {sizes[0]} but got: {sizes[1]}"
                    if sizes[0] != sizes[1]
                    else f"Expecting shape {_shape_text(first)} but got: "
                    f"{_shape_text(shape)}",
                ) from error
        raise


def _row_error(number, name, error):
    key = "" if name is None else f" key: {name}"
    return _invalid(
        f"Failed to process element: {number}{key} of 'instances' list. "
        f"Error: {getattr(error, 'code', 'INVALID_ARGUMENT')}: {error}"
    )


def _read_columns(value, dtypes):
    if not _is_object(value):
        if len(dtypes) > 1:
            raise _invalid(
                "inputs is a plain value/list, but expecting an object as "
                "multiple input tensors required as per tensorinfo_map"
            )
        value = dict.fromkeys(dtypes, value)
    inputs = {}
    for name, dtype in dtypes.items():
        if name not in value:
            raise _invalid(f"Missing named input: {name} in 'inputs' object.")
        try:
            inputs[name] = _to_array(value[name], dtype)
        except ServingError:
            _check_value(value[name], dtype)
            raise
    return inputs


def _to_array(value, dtype):
    """An array of nested lists, level by level; each level is one pass."""
    level, shape = [value], []
    while True:
        kinds = set(map(type, level))
        if list not in kinds:
            break
        sizes = set(map(len, level)) if len(kinds) == 1 else ()
        if len(sizes) != 1 or len(shape) == _MAX_RANK:
            raise _invalid("The lists are not of equal sizes and depths.")
        shape.extend(sizes)
        level = list(itertools.chain.from_iterable(level))
        if not level:
            break
    array = np.empty(0, dtype.as_numpy_dtype) if not level else None
    if array is None and dtype == tf.uint8 and kinds == {int}:
        try:
            array = np.frombuffer(bytes(level), np.uint8)
        except ValueError as error:
            wrong = next(v for v in level if not 0 <= v <= 255)
            raise _type_error(wrong, dtype) from error
    if array is None:
        array = _convert(level, kinds, dtype)
    return array.reshape(shape)


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
        _check_floats(values, kinds, dtype)
    return np.array(values, dtype.as_numpy_dtype)


def _check_floats(values, kinds, dtype):
    exact = 2**24 - 1 if dtype == tf.float32 else 2**53 - 1
    for value in values if int in kinds else ():
        if type(value) is int and abs(value) > exact:
            raise _lossy_error(value, dtype)
    most = float(dtype.max)
    for value in values if float in kinds else ():
        if most < abs(value) < float("inf"):
            raise _lossy_error(value, dtype)


def _check_value(value, dtype):
    """Finds what is wrong with a value, in the order it was written."""
    shape, inner = [], value
    while isinstance(inner, list):
        shape.append(len(inner))
        if len(shape) > _MAX_RANK:
            raise _invalid(
                f"Encountered list at unexpected level: {_MAX_RANK} expected "
                f"< {_MAX_RANK}"
            )
        if not inner:
            break
        inner = inner[0]
    _check_level(value, 0, shape, dtype)
    return tuple(shape)


def _check_level(value, level, shape, dtype):
    if not isinstance(value, list):
        if level != len(shape):
            raise _invalid(
                f"JSON Value: {_text(value)} found at incorrect level: "
                f"{level + 1} in the JSON DOM. Expected at level: "
                f"{len(shape)}"
            )
        _convert([value], {type(value)}, dtype)
        return
    if level >= len(shape):
        raise _invalid(
            f"Encountered list at unexpected level: {level} expected < "
            f"{len(shape)}"
        )
    if len(value) != shape[level]:
        raise _invalid(
            f"Encountered list at unexpected size: {len(value)} at level: "
            f"{level} expected size: {shape[level]}"
        )
    for inner in value:
        _check_level(inner, level + 1, shape, dtype)


def _to_bytes(value):
    if isinstance(value, str):
        try:
            return value.encode()
        except UnicodeEncodeError as error:
            raise _type_error(value, tf.string) from error
    if isinstance(value, dict):
        if not _is_base64(value):
            raise _invalid(
                f"JSON Value: {_text(value)} not formatted correctly for "
                "base64 data"
            )
        return _decode_base64(value["b64"])
    raise _type_error(value, tf.string)


def _decode_base64(text):
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        pass
    # White space, and the equals signs left out, are no fault.
    text = "".join(text.split()).rstrip("=")
    try:
        return binascii.a2b_base64(
            text + "=" * (-len(text) % 4), strict_mode=True
        )
    except ValueError as error:
        raise _invalid("Unable to base64 decode") from error


def _is_base64(value):
    return (
        isinstance(value, dict)
        and len(value) == 1
        and isinstance(value.get("b64"), str)
    )


def _is_object(value):
    return isinstance(value, dict) and not _is_base64(value)


def _text(value):
    """The beginning of a value as JSON, without writing the whole of it."""
    text = ""
    for part in json.JSONEncoder().iterencode(value):
        text += part[:_MAX_TEXT]
        if len(text) > _MAX_TEXT:
            return f"{text[:_MAX_TEXT]}..."
    return text


def _shape_text(shape):
    return f"[{','.join(map(str, shape))}]"


def _type_error(value, dtype):
    kind = _TYPE_NAMES[type(value)]
    if isinstance(value, bool):
        kind = str(value)
    name = "float" if dtype == tf.float32 else dtype.name
    return _invalid(
        f"JSON Value: {_text(value)} Type: {kind} is not of expected type: "
        f"{name}"
    )


def _lossy_error(value, dtype):
    name = "float" if dtype == tf.float32 else "double"
    return _invalid(
        f"Cannot convert JSON value: {_text(value)} to {name} without loss of "
        "precision."
    )


def _invalid(message):
    return ServingError("INVALID_ARGUMENT", message)
