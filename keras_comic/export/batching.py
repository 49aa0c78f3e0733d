"""TensorFlow Serving's batching parameters: written, read and checked."""

import dataclasses
from pathlib import Path

from keras_comic.export import text_protobufs

# TensorFlow's limit of a request, where none is set.
DEFAULT_MAX_BATCH_SIZE = 1000

COMMENT = """\
How TensorFlow Serving gathers requests: the file of the flags
--enable_batching --batching_parameters_file=THIS
Memory is bounded: at most `num_batch_threads` batches of
`max_batch_size` (of `max_execution_batch_size` where large batches are
split) images are in work, and `max_enqueued_batches` batches wait; what
comes on top is refused with UNAVAILABLE.
`pad_variable_length_inputs` stays off: borders of zeros would change
the statistics of an image, and its looks."""
COMMENT_MIXED = """
Images of one batch must have one size. Here no two requests share a
batch, so that clients may send any sizes; a larger request is worked
through image by image."""
COMMENT_SHARED = """
Images of one batch must have one size: requests of other sizes that
meet in a batch fail. For clients that all send one size, or encoded
images to `serving_bytes`."""


@dataclasses.dataclass(frozen=True)
class BatchingParameters:
    """How a server gathers requests into batches.

    The fields, names, defaults and rules are those of TensorFlow Serving's
    batching parameters; the local server obeys them too. Requests to one
    signature are put together along their first dimension.

    Args:
        max_batch_size: Positive integer. Images of a batch, at most, and of a
            request. Defaults to `1000`.
        batch_timeout_micros: Integer >= 0. Microseconds that a request waits
            for others to fill its batch. Defaults to `0`.
        max_enqueued_batches: Positive integer. Batches that wait, at most;
            requests on top of them are refused at once. Defaults to `10`.
        num_batch_threads: Positive integer, batches that are in work at once,
            or `None` for one for each CPU. Defaults to `None`.
        thread_pool_name: String. What the threads are called in metrics.
            Defaults to `"batch_threads"`.
        allowed_batch_sizes: Sequence of increasing positive integers: batches
            are filled up to the next of them. The last must be the size of
            the largest batch in work: `max_execution_batch_size` where large
            batches are split, else `max_batch_size`. Empty for any size.
        pad_variable_length_inputs: Boolean. Whether smaller images are
            continued by zeros to the size of the largest in the batch, which
            changes their statistics and their looks. Defaults to `False`.
        enable_large_batch_splitting: Boolean. Whether requests are cut to
            fill batches of `max_execution_batch_size`. Defaults to `False`.
        max_execution_batch_size: Positive integer, at most `max_batch_size`,
            or `None` for `max_batch_size`: images of a batch in work. Ignored
            without `enable_large_batch_splitting`. Defaults to `None`.

    Raises:
        TypeError: If a value has another type.
        ValueError: If a value breaks one of TensorFlow Serving's rules.

    Example:

    >>> from keras_comic.export.batching import BatchingParameters
    >>> parameters = BatchingParameters(
    ...     max_batch_size=8, allowed_batch_sizes=[1, 2, 4, 8])
    >>> parameters.allowed_batch_sizes
    (1, 2, 4, 8)

    Reference:
        - [TensorFlow Serving Batching Guide](
          https://github.com/tensorflow/serving/blob/master/tensorflow_serving/batching/README.md).
    """

    max_batch_size: int = DEFAULT_MAX_BATCH_SIZE
    batch_timeout_micros: int = 0
    max_enqueued_batches: int = 10
    num_batch_threads: int | None = None
    thread_pool_name: str = "batch_threads"
    allowed_batch_sizes: tuple = ()
    pad_variable_length_inputs: bool = False
    enable_large_batch_splitting: bool = False
    max_execution_batch_size: int | None = None

    def __post_init__(self):
        sizes = self.allowed_batch_sizes
        if isinstance(sizes, (str, int)) or not hasattr(sizes, "__iter__"):
            raise TypeError(
                "`allowed_batch_sizes` must be a sequence of integers. "
                f"Received: allowed_batch_sizes={sizes!r}"
            )
        object.__setattr__(self, "allowed_batch_sizes", tuple(sizes))
        for name, lowest in (
            ("max_batch_size", 1),
            ("batch_timeout_micros", 0),
            ("max_enqueued_batches", 1),
            ("num_batch_threads", 1),
            ("max_execution_batch_size", 1),
        ):
            value = getattr(self, name)
            if value is not None or getattr(type(self), name) is not None:
                _check_integer(name, value, lowest)
        for size in self.allowed_batch_sizes:
            _check_integer("allowed_batch_sizes", size, 1)
        for name in (
            "pad_variable_length_inputs",
            "enable_large_batch_splitting",
        ):
            if not isinstance(getattr(self, name), bool):
                raise TypeError(
                    f"`{name}` must be a boolean. "
                    f"Received: {name}={getattr(self, name)!r}"
                )
        if not isinstance(self.thread_pool_name, str):
            raise TypeError(
                "`thread_pool_name` must be a string. "
                f"Received: thread_pool_name={self.thread_pool_name!r}"
            )
        self._check_sizes()

    @property
    def execution_batch_size(self):
        """Images of a batch in work, at most."""
        if self.enable_large_batch_splitting and self.max_execution_batch_size:
            return self.max_execution_batch_size
        return self.max_batch_size

    def _check_sizes(self):
        if self.execution_batch_size > self.max_batch_size:
            raise ValueError(
                "`max_execution_batch_size` must be at most `max_batch_size`. "
                "Received: max_execution_batch_size="
                f"{self.max_execution_batch_size}, "
                f"max_batch_size={self.max_batch_size}"
            )
        sizes = self.allowed_batch_sizes
        if any(b <= a for a, b in zip(sizes, sizes[1:])):
            raise ValueError(
                "`allowed_batch_sizes` must increase. "
                f"Received: allowed_batch_sizes={list(sizes)}"
            )
        if sizes and sizes[-1] != self.execution_batch_size:
            name = "max_batch_size"
            if self.execution_batch_size != self.max_batch_size:
                name = "max_execution_batch_size"
            raise ValueError(
                f"The last of `allowed_batch_sizes` must equal `{name}`. "
                f"Received: allowed_batch_sizes={list(sizes)}, "
                f"{name}={self.execution_batch_size}"
            )


def make_batching_parameters(mixed_sizes=True, max_batch_size=8):
    """Batching parameters for images, with bounded memory.

    TensorFlow Serving concatenates the images of a batch, which fails when
    their sizes differ. For clients that send any sizes, no two requests share
    a batch: the queue then bounds memory and order, and nothing fails. For
    clients that all send one size, requests wait up to 5 ms for others. On a
    CPU that pays for small images, where starting the graph takes longer than
    the images; see the load test.

    Two batches are in work at once, one decoding while the other computes;
    four times as many images wait. So a server holds, besides the model, at
    most what two batches need in work, and `8 * max_batch_size` waiting
    images at 3 bytes a pixel.

    Args:
        mixed_sizes: Boolean. Whether clients send images of different sizes
            to the signatures with `images`. Defaults to `True`.
        max_batch_size: Positive integer. Images of a request, at most, and of
            a batch when `mixed_sizes` is `False`. Defaults to `8`.

    Returns:
        `BatchingParameters`.

    Raises:
        ValueError: If `max_batch_size` is not positive.

    Example:

    >>> from keras_comic.export.batching import make_batching_parameters
    >>> make_batching_parameters().execution_batch_size
    1
    >>> make_batching_parameters(mixed_sizes=False).execution_batch_size
    8
    """
    if mixed_sizes:
        return BatchingParameters(
            max_batch_size=max_batch_size,
            max_enqueued_batches=8 * max_batch_size,
            num_batch_threads=2,
            enable_large_batch_splitting=True,
            max_execution_batch_size=1,
        )
    return BatchingParameters(
        max_batch_size=max_batch_size,
        batch_timeout_micros=5000,
        max_enqueued_batches=8,
        num_batch_threads=2,
    )


def write_batching_parameters(path, parameters):
    """Writes `batching_parameters.txt`, in protobuf's text format.

    Values that are TensorFlow Serving's defaults are left out. The file is
    written beside its name and renamed.

    Args:
        path: String or path.
        parameters: `BatchingParameters`.

    Returns:
        Path of the file.

    Example:

    >>> from keras_comic.export.batching import BatchingParameters
    >>> from keras_comic.export.batching import write_batching_parameters
    >>> path = write_batching_parameters(
    ...     "batching_parameters.txt", BatchingParameters(max_batch_size=8))
    >>> path.read_text().splitlines()[-1]
    'max_batch_size { value: 8 }'
    """
    message = text_protobufs.new_message("BatchingParameters")
    for field in dataclasses.fields(BatchingParameters):
        value = getattr(parameters, field.name)
        if value == field.default:
            continue
        if field.name == "allowed_batch_sizes":
            message.allowed_batch_sizes.extend(value)
        elif field.name == "pad_variable_length_inputs":
            message.pad_variable_length_inputs = value
        else:
            getattr(message, field.name).value = value
    merged = parameters.execution_batch_size > 1
    comment = COMMENT + (COMMENT_SHARED if merged else COMMENT_MIXED)
    text_protobufs.write_message(path, message, comment)
    return Path(path)


def read_batching_parameters(path):
    """Reads a file of batching parameters that TensorFlow Serving takes.

    Args:
        path: String or path. A file in protobuf's text format.

    Returns:
        `BatchingParameters`; fields that the file leaves out have TensorFlow
        Serving's defaults.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If a field is unknown, a value has another type, or a rule
            of TensorFlow Serving is broken; names the file, and the line
            where one is at fault.

    Example:

    >>> from keras_comic.export.batching import read_batching_parameters
    >>> with open("batching_parameters.txt", "w") as file:
    ...     _ = file.write("max_batch_size { value: 32 }")
    >>> read_batching_parameters("batching_parameters.txt").max_batch_size
    32
    """
    message = text_protobufs.read_message(
        path, text_protobufs.new_message("BatchingParameters")
    )
    values = {}
    for field, value in message.ListFields():
        if field.name == "allowed_batch_sizes":
            values[field.name] = tuple(value)
        elif field.name == "pad_variable_length_inputs":
            values[field.name] = value
        else:
            values[field.name] = value.value
    try:
        return BatchingParameters(**values)
    except ValueError as error:
        raise ValueError(f"'{path}': {error}") from error


def _check_integer(name, value, lowest):
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(
            f"`{name}` must be an integer. Received: {name}={value!r}"
        )
    if value < lowest:
        kind = "positive" if lowest else "non-negative"
        raise ValueError(f"`{name}` must be {kind}. Received: {name}={value}")
