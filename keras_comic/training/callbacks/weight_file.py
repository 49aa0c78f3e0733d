"""Variables and facts in one file that is written whole or not at all."""

import json
import os

import keras
import numpy as np

from keras_comic.data.paths import whole_file

FACTS = "__facts__"


def write_variables(path, variables, facts):
    """Writes variables by their keys, and facts as JSON."""
    arrays = {
        key: keras.ops.convert_to_numpy(variable.value)
        for key, variable in variables.items()
    }
    with whole_file(path) as partial, open(partial, "wb") as file:
        np.savez(file, **{FACTS: json.dumps(facts)}, **arrays)
        file.flush()
        os.fsync(file.fileno())


def read_arrays(path):
    """Returns the arrays and the facts."""
    try:
        with open(path, "rb") as file, np.load(file) as archive:
            arrays = dict(archive)
        facts = json.loads(str(arrays.pop(FACTS)))
    except Exception as error:
        raise ValueError(
            f"The file {str(path)!r} cannot be read: {error}. "
            "Remove it to begin anew."
        ) from error
    return arrays, facts


def restore_variables(path, variables):
    """Puts the arrays into the variables; returns the facts."""
    arrays, facts = read_arrays(path)
    stored = {key: array.shape for key, array in arrays.items()}
    expected = {key: tuple(v.shape) for key, v in variables.items()}
    differing = sorted(
        key
        for key in {*stored, *expected}
        if stored.get(key) != expected.get(key)
    )
    if differing:
        first = differing[0]
        raise ValueError(
            f"The file {str(path)!r} is of other networks or optimizers; "
            "remove it, or train into another folder. Received: "
            f"{len(differing)} differing arrays, the first {first!r}: "
            f"{stored.get(first)} stored, {expected.get(first)} expected"
        )
    for key, variable in variables.items():
        variable.assign(arrays[key])
    return facts
