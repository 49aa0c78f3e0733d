"""Runs a SavedModel through `saved_model_cli run`, once for each request.

python cli_loader.py FOLDER REQUESTS ANSWERS
"""

import pathlib
import pickle
import sys
import tempfile

import numpy as np
from tensorflow.python.tools import saved_model_cli


def main(folder, requests, answers):
    with open(requests, "rb") as file:
        signatures, cases = pickle.load(file)
    results = []
    for name, inputs in cases:
        with tempfile.TemporaryDirectory() as work:
            arguments = ["saved_model_cli", "run", "--dir", folder]
            arguments += ["--tag_set", "serve", "--signature_def", name]
            arguments += ["--outdir", work, "--overwrite", "--inputs"]
            given = []
            for key, value in inputs.items():
                path = pathlib.Path(work, f"{key}.npy")
                # No file here ends in a zero byte, which `S` would drop.
                bare = value.astype("S") if value.dtype == object else value
                np.save(path, bare)
                given.append(f"{key}={path}")
            sys.argv = [*arguments, ";".join(given)]
            try:
                saved_model_cli.main()
            except SystemExit as end:
                if end.code:
                    raise
            outputs = {
                key: np.load(
                    pathlib.Path(work, f"{key}.npy"), allow_pickle=True
                )
                for key in signatures[name][1]
            }
        results.append(outputs)
    with open(answers, "wb") as file:
        pickle.dump(results, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
