"""Arrays and facts in one file that is written whole or not at all."""

import json
import os

import numpy as np

from keras_comic.data.paths import whole_file

FACTS = "__facts__"


def write_arrays(path, arrays, facts):
    """Writes named arrays, and facts as JSON."""
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
