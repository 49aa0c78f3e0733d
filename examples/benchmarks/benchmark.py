"""What every benchmark here shares: its options, its table and its JSON rows.

A benchmark measures itself and its peer in the same run and hands over rows:

    from benchmark import parse_arguments, report, row

    arguments = parse_arguments(__doc__)
    rows = [row("light, 1080p", 1.9, "s", peer="AnimeGANv2-shaped, 1080p")]
    report("Inference", rows, arguments.json)
"""

import argparse
import datetime
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import time


def parser(description):
    """An argument parser with the options of every benchmark."""
    options = argparse.ArgumentParser(
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    options.add_argument(
        "--json", metavar="FILE", help="also write the rows to FILE"
    )
    options.add_argument(
        "--repeats",
        type=int,
        default=5,
        help="measurements a median is taken of (default: %(default)s)",
    )
    return options


def parse_arguments(description):
    """The parsed options `json` and `repeats`, when there are no others."""
    return parser(description).parse_args()


def row(name, value, unit, peer=None, conditions=""):
    """One measured number.

    Args:
        name: String. What was measured.
        value: Float. The median of the repeats.
        unit: String, such as `"s"`, `"MiB"` or `"ratio"`.
        peer: String or `None`. The name of what it is compared with, which
            has a row of its own where it was measured in the same unit.
        conditions: String. What is particular to this row: image size,
            threads, repeats.
    """
    return {
        "name": name,
        "value": float(value),
        "unit": unit,
        "peer": peer,
        "conditions": conditions,
    }


def median_seconds(function, repeats=5, warmup=1):
    """Median wall-clock seconds of `function()` over `repeats` calls."""
    for _ in range(warmup):
        function()
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def take_turns(runs, repeats):
    """Seconds of each function in each round, after a round to warm up.

    Noise of the machine hits all alike; another one begins each round. A
    function may return its own seconds.
    """
    seconds = {name: [] for name in runs}
    names = list(runs)
    for name in names:
        runs[name]()
    for turn in range(repeats):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            start = time.perf_counter()
            own = runs[name]()
            taken = time.perf_counter() - start
            seconds[name].append(own if isinstance(own, float) else taken)
    return seconds


def median_ratio(numerators, denominators):
    """Median of the ratios of the rounds."""
    pairs = zip(numerators, denominators, strict=True)
    return statistics.median(a / b for a, b in pairs)


def in_own_process(script, *arguments):
    """What a script prints last, as JSON, in a fresh process."""
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    done = subprocess.run(
        [sys.executable, script, *map(str, arguments)],
        capture_output=True,
        env=environment,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"{script} {arguments} failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def peak_memory():
    """Bytes that this process has held at most."""
    status = pathlib.Path("/proc/self/status")
    if status.is_file():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return 1024 * int(line.split()[1])
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def forget_peak():
    """Lowers the peak to what is held now, where Linux allows it."""
    try:
        pathlib.Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        pass


def set_threads(threads):
    """Threads of TensorFlow, before it runs anything."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)


def conditions_of_run():
    """Date, commit, hardware and Python of this run, as one line of text."""
    date = datetime.date.today().isoformat()
    return (
        f"{date}, commit {commit()}, {cpu_count()} CPU cores, "
        f"Python {platform.python_version()}"
    )


def commit():
    """Short hash of the checkout, marked `+` where files were changed."""
    folder = pathlib.Path(__file__).parent
    try:
        return _git(folder, "rev-parse", "--short", "HEAD") + (
            "+" if _git(folder, "status", "--porcelain", "-uno") else ""
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(folder, *arguments):
    done = subprocess.run(
        ["git", *arguments],
        cwd=folder,
        capture_output=True,
        check=True,
        text=True,
    )
    return done.stdout.strip()


def cpu_count():
    """CPU cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count()


def report(title, rows, json_path=None, values="medians of the repeats"):
    """Prints the rows as a Markdown table; writes them to `json_path` if given.

    In the file, every row's conditions include those of the whole run.
    `values` says what the values are.
    """
    run = conditions_of_run()
    print(f"### {title}\n\n{run}; {values}.\n")
    print("| name | value | unit | peer | conditions |")
    print("| --- | ---: | --- | --- | --- |")
    for item in rows:
        print(
            f"| {item['name']} | {item['value']:.4g} | {item['unit']} "
            f"| {item['peer'] or ''} | {item['conditions']} |"
        )
    if json_path is not None:
        written = [
            {
                **item,
                "conditions": "; ".join(
                    filter(None, [item["conditions"], run])
                ),
            }
            for item in rows
        ]
        text = json.dumps(written, indent=2) + "\n"
        pathlib.Path(json_path).write_text(text, encoding="utf-8")
