"""Seconds that `import keras_comic` takes, beside `import keras`.

Each import runs in a fresh Python process, the two in turn:

    python examples/benchmarks/import_time.py --repeats 9 --json import.json
"""

import os
import statistics
import subprocess
import sys

from benchmark import parse_arguments
from benchmark import report
from benchmark import row

IMPORT = """
import time
start = time.perf_counter()
{statements}
print(time.perf_counter() - start)
"""


def seconds_of(*statements, before=""):
    """Seconds that some statements take in a new process."""
    program = before + IMPORT.format(statements="\n".join(statements))
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        check=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        text=True,
    )
    return float(done.stdout.split()[-1])


def main():
    arguments = parse_arguments(__doc__)
    seconds_of("import keras_comic")  # Files into the page cache.
    keras_only, both, added = [], [], []
    for _ in range(arguments.repeats):
        keras_only.append(seconds_of("import keras"))
        both.append(seconds_of("import keras_comic"))
        added.append(seconds_of("import keras_comic", before="import keras"))
    seconds = {
        "import keras": statistics.median(keras_only),
        "import keras_comic": statistics.median(both),
    }
    extra = statistics.median(added)
    backend = os.environ.get("KERAS_BACKEND", "tensorflow")
    conditions = f"backend {backend}, median of {arguments.repeats} processes"
    rows = [row(k, v, "s", None, conditions) for k, v in seconds.items()]
    rows.append(
        row(
            "import keras_comic after import keras",
            extra,
            "s",
            "import keras",
            conditions,
        )
    )
    rows.append(
        row(
            "import keras_comic / import keras",
            seconds["import keras_comic"] / seconds["import keras"],
            "ratio",
            "import keras",
            conditions,
        )
    )
    rows.append(
        row(
            "share added, both in one process",
            extra / seconds["import keras"],
            "ratio",
            "import keras",
            "aim: at most 0.1; " + conditions,
        )
    )
    report("Import time", rows, arguments.json)


if __name__ == "__main__":
    main()
