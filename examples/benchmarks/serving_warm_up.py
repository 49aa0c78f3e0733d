"""Latency of a server's first request, with and without warm-up records.

A preset is exported once; a copy of it lacks the records. In turn, fresh
processes load the one or the other, run the records that there are, and
answer requests with scikit-image's photograph of an astronaut. Two loaders:
the local server's, and TensorFlow's session, which is what TensorFlow Serving
runs and warms up in the same way.

    python examples/benchmarks/serving_warm_up.py --repeats 5 --json rows.json
"""

import argparse
import json
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from benchmark import parser
from benchmark import report
from benchmark import row

LOADERS = {
    "local server": "server",
    "TensorFlow's session": "session",
}
SIGNATURE = "serving_bytes"
# Requests after the first, whose median is what a warm server takes.
LATER_REQUESTS = 5


def size_of(text):
    """Pixels of a side, from the command line."""
    if not text.isdecimal() or int(text) < 32:
        raise argparse.ArgumentTypeError(
            f"a size must be at least 32 pixels; received {text!r}"
        )
    return int(text)


def export(preset, folder, size):
    """Writes the preset with and without records; gives the folders."""
    import keras_comic

    versions = {
        "with": pathlib.Path(folder, "with", "1"),
        "without": pathlib.Path(folder, "without", "1"),
    }
    keras_comic.export.save_served_model(
        preset, versions["with"], warmup_sizes=[(size, size)]
    )
    shutil.copytree(versions["with"], versions["without"])
    records = versions["without"] / "assets.extra"
    (records / "tf_serving_warmup_requests").unlink()
    return versions


def photograph(size):
    """A JPEG file of as many pixels in both directions."""
    import io

    from PIL import Image
    from skimage import data

    file = io.BytesIO()
    image = Image.fromarray(data.astronaut()).resize((size, size))
    image.save(file, "JPEG", quality=90)
    return file.getvalue()


def load_in_server(folder):
    """The local server's loader: a function that answers a request."""
    from keras_comic.serving import Servable

    servable = Servable("comic", folder)
    return lambda inputs: servable.predict(SIGNATURE, inputs).result()


def load_in_session(folder):
    """TensorFlow Serving's loader, and its way to warm up."""
    import tensorflow as tf

    from keras_comic.export import read_warmup_records

    session = tf.compat.v1.Session(graph=tf.Graph())
    with session.graph.as_default():
        meta_graph = tf.compat.v1.saved_model.load(
            session, ["serve"], str(folder)
        )

    def predict(inputs, signature_name=SIGNATURE):
        signature = meta_graph.signature_def[signature_name]
        outputs = {k: info.name for k, info in signature.outputs.items()}
        return session.run(
            outputs,
            {signature.inputs[k].name: value for k, value in inputs.items()},
        )

    for signature_name, inputs in read_warmup_records(folder):
        predict(inputs, signature_name)
    return predict


def measure(loader, folder, size):
    """Seconds until ready, of the first request and of the later ones."""
    import numpy as np
    import tensorflow  # noqa: F401

    import keras_comic.serving  # noqa: F401

    request = {"image_bytes": np.array([photograph(size)], object)}
    load = load_in_server if loader == "server" else load_in_session
    start = time.perf_counter()
    predict = load(pathlib.Path(folder))
    seconds = {"ready": time.perf_counter() - start}
    taken = []
    for _ in range(1 + LATER_REQUESTS):
        start = time.perf_counter()
        (comic,) = predict(request)["comic_bytes"]
        taken.append(time.perf_counter() - start)
        if not comic.startswith(b"\x89PNG"):
            raise ValueError(f"Not a PNG file: {comic[:20]}")
    return {
        **seconds,
        "first": taken[0],
        "later": statistics.median(taken[1:]),
    }


def measure_in_own_process(loader, folder, size):
    """What `measure` gives, in a process that has run nothing yet."""
    command = [sys.executable, __file__, "--measure", loader, str(folder)]
    done = subprocess.run(
        [*command, "--size", str(size)],
        capture_output=True,
        check=False,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def rows_of(name, seconds, conditions):
    """The rows of a loader; `seconds` has a list for each of both folders."""

    def median(folder, what):
        return statistics.median(run[what] for run in seconds[folder])

    cold = f"first request, {name}, without records"
    warm = f"first request, {name}, with records"
    ratios = [
        without["first"] / with_records["first"]
        for without, with_records in zip(seconds["without"], seconds["with"])
    ]
    return [
        row(cold, median("without", "first"), "s", warm, conditions),
        row(warm, median("with", "first"), "s", cold, conditions),
        row(
            f"without / with records, {name}",
            statistics.median(ratios),
            "ratio",
            warm,
            f"median of {len(ratios)} pairs, from {min(ratios):.3g} to "
            f"{max(ratios):.3g}; {conditions}",
        ),
        row(
            f"later requests, {name}, with records",
            median("with", "later"),
            "s",
            warm,
            conditions,
        ),
        row(
            f"until ready, {name}, without records",
            median("without", "ready"),
            "s",
            f"until ready, {name}, with records",
            conditions,
        ),
        row(
            f"until ready, {name}, with records",
            median("with", "ready"),
            "s",
            f"until ready, {name}, without records",
            conditions,
        ),
    ]


def parse(arguments):
    options = parser(__doc__)
    options.add_argument(
        "--preset",
        default="adain_storybook",
        help="what from_preset takes (default: %(default)s)",
    )
    options.add_argument(
        "--size",
        type=size_of,
        default=512,
        help="pixels of a side of the photograph (default: %(default)s)",
    )
    options.add_argument(
        "--record-size",
        type=size_of,
        default=256,
        help="pixels of a side of the records (default: %(default)s)",
    )
    options.add_argument(
        "--measure",
        nargs=2,
        metavar=("LOADER", "FOLDER"),
        help=argparse.SUPPRESS,
    )
    return options.parse_args(arguments)


def main(arguments=None):
    options = parse(arguments)
    if options.measure:
        print(json.dumps(measure(*options.measure, options.size)))
        return
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        folders = export(options.preset, folder, options.record_size)
        for name, loader in LOADERS.items():
            seconds = {"with": [], "without": []}
            for number in range(options.repeats):
                # Who comes first changes, and with it who finds files cached.
                order = sorted(folders, reverse=bool(number % 2))
                for which in order:
                    seconds[which].append(
                        measure_in_own_process(
                            loader, folders[which], options.size
                        )
                    )
            conditions = (
                f"{SIGNATURE}, a JPEG of {options.size} x {options.size}, "
                f"records of {options.record_size} x {options.record_size}, "
                f"{options.repeats} processes each"
            )
            rows += rows_of(name, seconds, conditions)
    report("Warm-up records", rows, options.json, "medians of the processes")


if __name__ == "__main__":
    main()
