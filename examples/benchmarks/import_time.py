"""Seconds until keras_comic, and its command, are ready.

`import keras_comic` beside `import keras`, by itself and with the modules that
Keras is to know; `keras-comic --help` beside `python -c pass`. Each runs in a
fresh Python process, one after the other in turn:

    python examples/benchmarks/import_time.py --repeats 9 --json import.json
"""

import os
import statistics
import subprocess
import sys
import time

from benchmark import parser
from benchmark import report
from benchmark import row

IMPORT = """
import time
start = time.perf_counter()
{statement}
print(time.perf_counter() - start)
"""
KERAS = "import keras"
PACKAGE = "import keras_comic"
WITH_LAYERS = "import keras_comic.layers"
COMMAND = "from keras_comic.cli.main import app; app()"


def run(program, *arguments):
    """What a program prints in a new process."""
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        capture_output=True,
        check=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        text=True,
    )
    return done.stdout


def seconds_of(statement, before=""):
    """Seconds that a statement takes in a new process."""
    program = before + IMPORT.format(statement=statement)
    return float(run(program).split()[-1])


def seconds_of_process(program, *arguments):
    """Seconds that a process takes, from its start to its end."""
    start = time.perf_counter()
    run(program, *arguments)
    return time.perf_counter() - start


MEASURED = {
    KERAS: lambda: seconds_of(KERAS),
    PACKAGE: lambda: seconds_of(PACKAGE),
    WITH_LAYERS: lambda: seconds_of(WITH_LAYERS),
    f"{PACKAGE} after {KERAS}": lambda: seconds_of(PACKAGE, before=KERAS),
    "python -c pass": lambda: seconds_of_process("pass"),
    "keras-comic --help": lambda: seconds_of_process(COMMAND, "--help"),
}


def main(arguments=None):
    arguments = parser(__doc__).parse_args(arguments)
    seconds_of(WITH_LAYERS)  # Files into the page cache.
    measured = {name: [] for name in MEASURED}
    for _ in range(arguments.repeats):
        for name, measure in MEASURED.items():
            measured[name].append(measure())
    seconds = {name: statistics.median(s) for name, s in measured.items()}
    backend = os.environ.get("KERAS_BACKEND", "tensorflow")
    conditions = f"backend {backend}, median of {arguments.repeats} processes"
    peers = dict.fromkeys(MEASURED, KERAS)
    peers.update({KERAS: None, "python -c pass": None})
    peers["keras-comic --help"] = "python -c pass"
    rows = [row(k, v, "s", peers[k], conditions) for k, v in seconds.items()]
    rows.append(
        row(
            "share added, both in one process",
            seconds[f"{PACKAGE} after {KERAS}"] / seconds[KERAS],
            "ratio",
            KERAS,
            "aim: at most 0.1; " + conditions,
        )
    )
    report("Import time", rows, arguments.json)


if __name__ == "__main__":
    main()
