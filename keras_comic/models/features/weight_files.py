"""Reads the arrays of `.npz` files, and of PyTorch's without PyTorch.

A `.pth` file is a pickle, which can run any code when it is loaded. Here, only
the few names that a dict of tensors needs are let through; all else is an
error.
"""

import collections
import io
import pickle
import zipfile

import numpy as np

DTYPES = {
    "FloatStorage": "<f4",
    "DoubleStorage": "<f8",
    "HalfStorage": "<f2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "i1",
    "ByteStorage": "u1",
    "BoolStorage": "?",
}
LEGACY_MAGIC = 0x1950A86A20F9469CFC6C

_Storage = collections.namedtuple("_Storage", ["key", "dtype"])
_Tensor = collections.namedtuple(
    "_Tensor", ["storage", "offset", "shape", "strides"]
)


def read_npz(path, argument="weights"):
    """Reads an `.npz` file of arrays, which is given as an argument."""
    try:
        with np.load(path) as archive:
            return dict(archive)
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"`{argument}` must be a file that exists. "
            f"Received: {argument}={str(path)!r}"
        ) from error
    # What NumPy raises depends on what the file is instead.
    except Exception as error:
        raise ValueError(
            f"`{argument}` must be an `.npz` file of arrays. "
            f"Received: {argument}={str(path)!r} ({error})"
        ) from error


def read_torch_weights(path):
    """Reads a file that `torch.save(state_dict, path)` wrote."""
    with open(path, "rb") as file:
        contents = file.read()
    try:
        if contents[:2] == b"PK":
            entries, storages = _read_archive(contents)
        else:
            entries, storages = _read_legacy(contents)
        return {
            name: _as_array(value, storages)
            for name, value in entries.items()
            if isinstance(value, _Tensor)
        }
    # A damaged pickle fails in many ways.
    except Exception as error:
        raise ValueError(
            "The file must hold a dict of tensors, as `torch.save` writes it. "
            f"Received: {str(path)!r} ({type(error).__name__}: {error})"
        ) from error


class _Unpickler(pickle.Unpickler):
    """Knows the names of tensors, and no others."""

    def find_class(self, module, name):
        if (module, name) == ("collections", "OrderedDict"):
            return dict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuild_tensor
        if (module, name) == ("torch._utils", "_rebuild_parameter"):
            return _rebuild_parameter
        if module == "torch" and name in DTYPES:
            return DTYPES[name]
        raise pickle.UnpicklingError(f"it names {module}.{name}")

    def persistent_load(self, pid):
        kind, dtype, key = pid[:3]
        if kind != "storage":
            raise pickle.UnpicklingError(f"it holds a {kind!r}")
        return _Storage(str(key), dtype)


def _rebuild_tensor(storage, offset, shape, strides, *_):
    return _Tensor(storage, offset, tuple(shape), tuple(strides))


def _rebuild_parameter(tensor, *_):
    return tensor


def _read_archive(contents):
    with zipfile.ZipFile(io.BytesIO(contents)) as archive:
        (listing,) = (
            name for name in archive.namelist() if name.endswith("/data.pkl")
        )
        folder = listing.removesuffix("data.pkl")
        entries = _Unpickler(io.BytesIO(archive.read(listing))).load()
        if f"{folder}byteorder" in archive.namelist():
            if archive.read(f"{folder}byteorder") != b"little":
                raise ValueError("its numbers are big-endian")
        storages = {
            name.removeprefix(f"{folder}data/"): archive.read(name)
            for name in archive.namelist()
            if name.startswith(f"{folder}data/")
        }
    return entries, storages


def _read_legacy(contents):
    file = io.BytesIO(contents)
    if _Unpickler(file).load() != LEGACY_MAGIC:
        raise ValueError("it does not begin as such a file does")
    _Unpickler(file).load()
    system = _Unpickler(file).load()
    if not system.get("little_endian", True):
        raise ValueError("its numbers are big-endian")
    entries = _Unpickler(file).load()
    dtypes = {
        value.storage.key: np.dtype(value.storage.dtype)
        for value in entries.values()
        if isinstance(value, _Tensor)
    }
    storages = {}
    for key in map(str, _Unpickler(file).load()):
        count = int.from_bytes(file.read(8), "little")
        storages[key] = file.read(count * dtypes[key].itemsize)
    return entries, storages


def _as_array(tensor, storages):
    values = np.frombuffer(
        storages[tensor.storage.key], np.dtype(tensor.storage.dtype)
    )
    last = tensor.offset + sum(
        (side - 1) * stride
        for side, stride in zip(tensor.shape, tensor.strides)
    )
    empty = 0 in tensor.shape
    if tensor.offset < 0 or (not empty and not 0 <= last < len(values)):
        raise ValueError("a tensor reaches beyond its data")
    if any(stride < 0 for stride in tensor.strides):
        raise ValueError("a tensor runs backwards")
    view = np.lib.stride_tricks.as_strided(
        values[tensor.offset :],
        tensor.shape,
        [stride * values.itemsize for stride in tensor.strides],
    )
    return view.copy()
