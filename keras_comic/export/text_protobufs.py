"""Configuration files in protobuf's text format, as TensorFlow Serving reads.

The messages of batching parameters and of monitoring, which
tensorflow-serving-api does not hold, are described here; names and types of
their fields are those of TensorFlow Serving's `session_bundle_config.proto`
and `monitoring_config.proto`.
"""

import functools
import os
import re
from pathlib import Path

from google.protobuf import descriptor_pb2
from google.protobuf import descriptor_pool
from google.protobuf import message_factory
from google.protobuf import text_format
from google.protobuf import wrappers_pb2

# Message: field: type, a name of a message in full, or of a scalar; `[]`
# marks a repeated one.
MESSAGES = {
    "BatchingParameters": {
        "max_batch_size": "google.protobuf.Int64Value",
        "batch_timeout_micros": "google.protobuf.Int64Value",
        "max_enqueued_batches": "google.protobuf.Int64Value",
        "num_batch_threads": "google.protobuf.Int64Value",
        "thread_pool_name": "google.protobuf.StringValue",
        "allowed_batch_sizes": "int64[]",
        "pad_variable_length_inputs": "bool",
        "enable_large_batch_splitting": "google.protobuf.BoolValue",
        "max_execution_batch_size": "google.protobuf.Int64Value",
    },
    "PrometheusConfig": {"enable": "bool", "path": "string"},
    "MonitoringConfig": {
        "prometheus_config": "tensorflow.serving.PrometheusConfig"
    },
}


@functools.cache
def _pool():
    field = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(
        name="keras_comic/tensorflow_serving.proto",
        package="tensorflow.serving",
        syntax="proto3",
        dependency=[wrappers_pb2.DESCRIPTOR.name],
    )
    for name, fields in MESSAGES.items():
        message = file.message_type.add(name=name)
        for number, (field_name, kind) in enumerate(fields.items(), 1):
            described = message.field.add(
                name=field_name,
                number=number,
                label=field.LABEL_REPEATED
                if kind.endswith("[]")
                else field.LABEL_OPTIONAL,
            )
            kind = kind.removesuffix("[]")
            if "." in kind:
                described.type = field.TYPE_MESSAGE
                described.type_name = f".{kind}"
            else:
                described.type = field.Type.Value(f"TYPE_{kind.upper()}")
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(wrappers_pb2.DESCRIPTOR.serialized_pb)
    pool.AddSerializedFile(file.SerializeToString())
    return pool


def new_message(name):
    """An empty message of `MESSAGES`."""
    descriptor = _pool().FindMessageTypeByName(f"tensorflow.serving.{name}")
    return message_factory.GetMessageClass(descriptor)()


def read_message(path, message):
    """Fills a message from a text file."""
    try:
        text = Path(path).read_text(encoding="utf-8")
        return text_format.Parse(text, message)
    except UnicodeDecodeError as error:
        raise ValueError(
            f"'{path}' must be a text file in UTF-8. Received: {error}"
        ) from error
    except text_format.ParseError as error:
        raise ValueError(_in_words(path, message, error)) from error


def write_message(path, message, comment):
    """Writes a message as a text file, beside its name and renamed."""
    path = Path(path)
    lines = [f"# {line}".rstrip() for line in comment.splitlines()]
    # A wrapped value on one line, as in TensorFlow Serving's documents.
    body = re.sub(
        r"^(\w+) \{\n  (value: .*)\n\}$",
        r"\1 { \2 }",
        text_format.MessageToString(message),
        flags=re.MULTILINE,
    )
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text("\n".join([*lines, body]), encoding="utf-8")
    os.replace(partial, path)


def _in_words(path, message, error):
    line = error.GetLine()
    place = f"'{path}'" if line is None else f"'{path}', line {line}"
    what = str(error).partition(" : ")[2] or str(error)
    unknown = re.search(r'type "([\w.]+)" has no field named "(.*?)"', what)
    if unknown:
        found = message.DESCRIPTOR.file.pool.FindMessageTypeByName(unknown[1])
        names = ", ".join(field.name for field in found.fields)
        return (
            f"{place}: the fields of {found.name} are {names}. "
            f"Received: {unknown[2]}"
        )
    hint = ""
    if 'Expected "{"' in what:
        hint = " Values are written as `max_batch_size { value: 8 }`."
    return (
        f"{place}: not {message.DESCRIPTOR.name} in protobuf's text format."
        f"{hint} Received: {what}"
    )
