"""NumPy arrays as `TensorProto` messages, as gRPC carries them."""

import math

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2
from tensorflow.core.framework import types_pb2

# Type of a tensor: the field of its values that are not packed in
# `tensor_content`, and the NumPy type they are read as.
FIELDS = {
    types_pb2.DT_BOOL: ("bool_val", "bool"),
    types_pb2.DT_DOUBLE: ("double_val", "float64"),
    types_pb2.DT_FLOAT: ("float_val", "float32"),
    types_pb2.DT_INT8: ("int_val", "int8"),
    types_pb2.DT_INT16: ("int_val", "int16"),
    types_pb2.DT_INT32: ("int_val", "int32"),
    types_pb2.DT_INT64: ("int64_val", "int64"),
    types_pb2.DT_STRING: ("string_val", "object"),
    types_pb2.DT_UINT8: ("int_val", "uint8"),
    types_pb2.DT_UINT16: ("int_val", "uint16"),
    types_pb2.DT_UINT32: ("uint32_val", "uint32"),
    types_pb2.DT_UINT64: ("uint64_val", "uint64"),
}
# A message of a few bytes may ask for a tensor of one value, repeated.
MAX_BYTES = 2**31
# What a list of strings takes in memory for each, besides its bytes.
STRING_BYTES = 64
VARINT_END = 128


def read_tensor(proto, max_bytes=MAX_BYTES):
    """The array that a message holds, in whichever of its two forms."""
    if proto.dtype not in FIELDS:
        raise ValueError(f"The type is not supported: {_type_name(proto)}")
    field, dtype = FIELDS[proto.dtype]
    dtype = np.dtype(dtype)
    shape = _shape_of(proto)
    count = math.prod(shape)
    is_text = dtype.kind == "O"
    if count * (STRING_BYTES if is_text else dtype.itemsize) > max_bytes:
        raise ValueError(
            f"The tensor takes more than {max_bytes} bytes: shape {shape}"
        )
    content = proto.tensor_content
    if is_text:
        values = list(proto.string_val)
        if content:
            values = _read_texts(content, count)
    elif content:
        if len(content) != count * dtype.itemsize:
            raise ValueError(
                f"{len(content)} bytes for {count} values of type {dtype}"
            )
        values = np.frombuffer(content, dtype)
        if dtype.kind == "b":
            values = np.frombuffer(content, "uint8") != 0
        return values.reshape(shape)
    else:
        values = _read_numbers(proto, field, dtype)
    if len(values) > count:
        raise ValueError(f"{len(values)} values for shape {shape}")
    array = np.empty(count, dtype)
    array[: len(values)] = values
    if len(values) < count:
        zero = b"" if is_text else 0
        array[len(values) :] = values[-1] if len(values) else zero
    return array.reshape(shape)


def write_tensor(array):
    """A message that holds an array: numbers packed, strings by themselves."""
    array = np.asarray(array)
    if array.dtype.kind in "OS":
        proto = tensor_pb2.TensorProto(dtype=types_pb2.DT_STRING)
        proto.string_val.extend(array.reshape(-1).tolist())
    else:
        number = tf.as_dtype(array.dtype).as_datatype_enum
        proto = tensor_pb2.TensorProto(
            dtype=number, tensor_content=array.tobytes()
        )
    for side in array.shape:
        proto.tensor_shape.dim.add(size=side)
    return proto


def _type_name(proto):
    if proto.dtype in types_pb2.DataType.values():
        return types_pb2.DataType.Name(proto.dtype)
    return str(proto.dtype)


def _shape_of(proto):
    shape = [dim.size for dim in proto.tensor_shape.dim]
    if proto.tensor_shape.unknown_rank or min(shape, default=0) < 0:
        raise ValueError(f"The shape is not known in full: {shape}")
    return shape


def _read_numbers(proto, field, dtype):
    if proto.dtype == types_pb2.DT_UINT8:
        found = _read_small(proto)
        if found is not None:
            return found
    values = np.array(getattr(proto, field)[:])
    if dtype.kind in "iu" and len(values):
        limits = np.iinfo(dtype)
        if values.min() < limits.min or values.max() > limits.max:
            raise ValueError(f"A value is out of the range of {dtype}")
    return values


def _read_small(proto):
    """Integers below 256, or `None` if there are others."""
    wire = tensor_pb2.TensorProto(int_val=proto.int_val).SerializeToString()
    packed = np.frombuffer(wire, "uint8")
    ends = np.flatnonzero(packed < VARINT_END)
    if not len(ends):
        return np.empty(0, "uint8")
    # One byte is the field's number; the first integer is its length.
    head = ends[ends > 0][0] + 1
    packed, ends = packed[head:], ends[ends >= head] - head
    starts = np.concatenate([[0], ends[:-1] + 1])
    values = packed[starts].astype("uint16") & (VARINT_END - 1)
    sizes = ends - starts
    if sizes.max() > 1:
        return None
    two = sizes == 1
    values[two] |= packed[ends[two]].astype("uint16") << 7
    return None if values.max() > 255 else values.astype("uint8")


def _read_texts(content, count):
    """Strings from `tensor_content`: all their lengths, then their bytes."""
    sizes, position = [], 0
    for _ in range(count):
        size = shift = 0
        while True:
            if position == len(content) or shift > 28:
                raise ValueError("The lengths of the strings are not valid")
            byte = content[position]
            size |= (byte & (VARINT_END - 1)) << shift
            shift, position = shift + 7, position + 1
            if byte < VARINT_END:
                break
        sizes.append(size)
    if position + sum(sizes) != len(content):
        raise ValueError("The lengths of the strings do not fit their bytes")
    texts = []
    for size in sizes:
        texts.append(content[position : position + size])
        position += size
    return texts
