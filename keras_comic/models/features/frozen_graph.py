"""Reads the constants of a frozen TensorFlow graph, without TensorFlow.

A `GraphDef` is a protocol buffer: fields of a number, a wire type and a value.
Only the fields that lead to the constants' floats are looked at; their numbers
are those of TensorFlow's `graph.proto`, `node_def.proto`, `attr_value.proto`
and `tensor.proto`.
"""

import tarfile

import numpy as np

FLOAT = 1  # DT_FLOAT
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5


def read_frozen_graph(path):
    """Reads the float constants of a graph."""
    with open(path, "rb") as file:
        contents = file.read()
    try:
        if contents[:2] == b"\x1f\x8b":
            contents = _read_archived_graph(path)
        found = {}
        for number, value in _fields(contents):
            if number == 1 and isinstance(value, memoryview):
                found.update(_read_constant(value))
    # Other bytes than those of a graph fail in many ways.
    except Exception as error:
        raise ValueError(
            "The file must hold a frozen TensorFlow graph. "
            f"Received: {str(path)!r} ({error})"
        ) from error
    if not found:
        raise ValueError(
            "The graph must hold constants. "
            f"Received: {str(path)!r} without any"
        )
    return found


def _read_archived_graph(path):
    with tarfile.open(path) as archive:
        for member in archive:
            if member.isfile() and member.name.endswith(".pb"):
                return archive.extractfile(member).read()
    raise ValueError("it holds no .pb file")


def _read_constant(node):
    """Dict of the name of a node to its floats; empty for other nodes."""
    fields = list(_fields(node))
    name = b"".join(bytes(v) for number, v in fields if number == 1)
    operation = b"".join(bytes(v) for number, v in fields if number == 2)
    if operation != b"Const":
        return {}
    for number, entry in fields:
        if number != 5:
            continue
        attribute = dict(_fields(entry))
        if bytes(attribute.get(1, b"")) != b"value":
            continue
        tensor = dict(_fields(attribute[2])).get(8)
        if tensor is not None:
            array = _read_tensor(tensor)
            return {} if array is None else {name.decode(): array}
    return {}


def _read_tensor(tensor):
    shape, values, dtype = (), None, None
    listed = []
    for number, value in _fields(tensor):
        if number == 1:
            dtype = value
        elif number == 2:
            shape = tuple(
                dict(_fields(side)).get(1, 0)
                for part, side in _fields(value)
                if part == 2
            )
        elif number == 4:
            values = np.frombuffer(value, "<f4") if dtype == FLOAT else None
        elif number == 5:
            listed.append(np.frombuffer(value, "<f4"))
    if dtype != FLOAT:
        return None
    if values is None or not len(values):
        values = np.concatenate(listed) if listed else np.zeros(1, "float32")
        if len(values) == 1:
            # One value stands for all.
            values = np.full(int(np.prod(shape)), values[0])
    return values.reshape(shape).astype("float32")


def _fields(contents):
    """Yields `(number, value)`: an integer, or a view of the bytes."""
    contents = memoryview(contents)
    position = 0
    while position < len(contents):
        key, position = _varint(contents, position)
        number, wire_type = key >> 3, key & 7
        if wire_type == VARINT:
            value, position = _varint(contents, position)
        else:
            if wire_type == BYTES:
                length, position = _varint(contents, position)
            elif wire_type in (FIXED32, FIXED64):
                length = 4 if wire_type == FIXED32 else 8
            else:
                raise ValueError(f"it has a field of wire type {wire_type}")
            value = contents[position : position + length]
            position += length
            if len(value) < length:
                raise ValueError("it is cut short")
        yield number, value


def _varint(contents, position):
    value = shift = 0
    while True:
        if position >= len(contents) or shift > 63:
            raise ValueError("it is cut short")
        byte = contents[position]
        value |= (byte & 127) << shift
        position += 1
        shift += 7
        if byte < 128:
            return value, position
