"""Runs a SavedModel through TensorFlow's C interface, without its Python.

    python c_loader.py FOLDER REQUESTS ANSWERS

`REQUESTS` is a pickled list of `(signature, inputs)`, `ANSWERS` will be one of
dicts of outputs. `TF_LoadSessionFromSavedModel` is the loader that TensorFlow
Serving stands on.
"""

import ctypes
import importlib.util
import pathlib
import pickle
import sys

import numpy as np

P = ctypes.c_void_p
DTYPES = {1: "float32", 3: "int32", 4: "uint8", 7: "string", 10: "bool"}
NUMBERS = {name: number for number, name in DTYPES.items()}
STRING_BYTES = 24


def load_library():
    (folder,) = importlib.util.find_spec(
        "tensorflow"
    ).submodule_search_locations
    paths = sorted(pathlib.Path(folder).glob("libtensorflow_framework.so*"))
    paths += sorted(pathlib.Path(folder).glob("libtensorflow_cc.so*"))
    for path in paths:
        library = ctypes.CDLL(str(path), ctypes.RTLD_GLOBAL)
    for name, result, arguments in (
        ("TF_NewStatus", P, []),
        ("TF_GetCode", ctypes.c_int, [P]),
        ("TF_Message", ctypes.c_char_p, [P]),
        ("TF_NewGraph", P, []),
        ("TF_NewSessionOptions", P, []),
        ("TF_NewBuffer", P, []),
        (
            "TF_LoadSessionFromSavedModel",
            P,
            [P, P, ctypes.c_char_p, P, ctypes.c_int, P, P, P],
        ),
        ("TF_GraphOperationByName", P, [P, ctypes.c_char_p]),
        (
            "TF_AllocateTensor",
            P,
            [ctypes.c_int, P, ctypes.c_int, ctypes.c_size_t],
        ),
        ("TF_TensorData", P, [P]),
        ("TF_TensorType", ctypes.c_int, [P]),
        ("TF_NumDims", ctypes.c_int, [P]),
        ("TF_Dim", ctypes.c_int64, [P, ctypes.c_int]),
        ("TF_TensorByteSize", ctypes.c_size_t, [P]),
        ("TF_StringInit", None, [P]),
        ("TF_StringCopy", None, [P, ctypes.c_char_p, ctypes.c_size_t]),
        ("TF_StringGetDataPointer", P, [P]),
        ("TF_StringGetSize", ctypes.c_size_t, [P]),
        (
            "TF_SessionRun",
            None,
            [
                P,
                P,
                P,
                P,
                ctypes.c_int,
                P,
                P,
                ctypes.c_int,
                P,
                ctypes.c_int,
                P,
                P,
            ],
        ),
    ):
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


class Output(ctypes.Structure):
    _fields_ = [("operation", P), ("index", ctypes.c_int)]


class Session:
    def __init__(self, folder):
        self.library = load_library()
        self.status = self.library.TF_NewStatus()
        self.graph = self.library.TF_NewGraph()
        tags = (ctypes.c_char_p * 1)(b"serve")
        self.session = self.library.TF_LoadSessionFromSavedModel(
            self.library.TF_NewSessionOptions(),
            None,
            folder.encode(),
            tags,
            1,
            self.graph,
            self.library.TF_NewBuffer(),
            self.status,
        )
        self.check()

    def check(self):
        if self.library.TF_GetCode(self.status):
            raise RuntimeError(self.library.TF_Message(self.status).decode())

    def output(self, tensor_name):
        name, _, index = tensor_name.partition(":")
        operation = self.library.TF_GraphOperationByName(
            self.graph, name.encode()
        )
        return Output(operation, int(index))

    def run(self, feeds, fetches):
        inputs = (Output * len(feeds))(*map(self.output, feeds))
        outputs = (Output * len(fetches))(*map(self.output, fetches))
        values = (P * len(feeds))(*map(self.tensor, feeds.values()))
        results = (P * len(fetches))()
        self.library.TF_SessionRun(
            self.session,
            None,
            inputs,
            values,
            len(feeds),
            outputs,
            results,
            len(fetches),
            None,
            0,
            None,
            self.status,
        )
        self.check()
        return [self.array(result) for result in results]

    def tensor(self, array):
        text = array.dtype == object
        number = NUMBERS["string" if text else str(array.dtype)]
        array = np.ascontiguousarray(array)
        size = array.size * STRING_BYTES if text else array.nbytes
        dimensions = (ctypes.c_int64 * array.ndim)(*array.shape)
        tensor = self.library.TF_AllocateTensor(
            number, dimensions, array.ndim, size
        )
        data = self.library.TF_TensorData(tensor)
        if not text:
            ctypes.memmove(data, array.ctypes.data, size)
            return tensor
        for index, value in enumerate(array.reshape(-1)):
            place = data + index * STRING_BYTES
            self.library.TF_StringInit(place)
            self.library.TF_StringCopy(place, value, len(value))
        return tensor

    def array(self, tensor):
        dimensions = range(self.library.TF_NumDims(tensor))
        shape = [self.library.TF_Dim(tensor, axis) for axis in dimensions]
        dtype = DTYPES[self.library.TF_TensorType(tensor)]
        data = self.library.TF_TensorData(tensor)
        if dtype != "string":
            size = self.library.TF_TensorByteSize(tensor)
            contents = ctypes.string_at(data, size)
            return np.frombuffer(contents, dtype).reshape(shape)
        texts = []
        for index in range(int(np.prod(shape))):
            place = data + index * STRING_BYTES
            pointer = self.library.TF_StringGetDataPointer(place)
            size = self.library.TF_StringGetSize(place)
            texts.append(ctypes.string_at(pointer, size))
        return np.array(texts, object).reshape(shape)


def main(folder, requests, answers):
    with open(requests, "rb") as file:
        signatures, cases = pickle.load(file)
    session = Session(folder)
    results = []
    for name, inputs in cases:
        tensors, outputs = signatures[name]
        feeds = {tensors[key]: value for key, value in inputs.items()}
        values = session.run(feeds, list(outputs.values()))
        results.append(dict(zip(outputs, values, strict=True)))
    if {"tensorflow", "keras", "keras_comic"} & set(sys.modules):
        raise RuntimeError("A Python package that was not to be needed.")
    with open(answers, "wb") as file:
        pickle.dump(results, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
