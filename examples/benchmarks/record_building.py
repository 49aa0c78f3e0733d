"""How fast records are built, whether time grows with the pictures, on what.

Synthetic JPEGs of 320 pixels, each another one, cleaned by the default rules:
1x, 4x and 16x `--images` of them, by the local builder with one worker and
with two, and by Apache Beam in this process (what its direct runner does):

    python examples/benchmarks/record_building.py --json building.json

Start-up is what a build of 64 tiny pictures takes, enough for every worker to
have some: processes and their imports, the page of statistics, the pipeline.
It is subtracted from the other times. These are told by the clock, for which
the machine should be idle, and by the CPU, all processes together. 250
pictures and 3 rounds take about ten minutes.
"""

import cProfile
import os
import pathlib
import pstats
import resource
import shutil
import statistics
import tempfile
import time

from benchmark import parser
from benchmark import report
from benchmark import row

SIZE = 320
FEW = 64
TINY = 64
MULTIPLES = (1, 4, 16)
AIM_GROWTH = "aim: 0.85 to 1.15"
# What a build spends its time on: functions, by the ends of their files' names
# and their own names; a time includes that of what is called.
PARTS = {
    "read and decode": [("data/record_maker.py", "read_picture")],
    "rules: trim": [("data/cleaning.py", "trim_box")],
    "rules: too small, blurred, blank, text": [
        ("data/cleaning.py", "violations")
    ],
    "hash, brightness, saturation": [("data/record_maker.py", "facts")],
    "encode (here: check the file's own bytes)": [
        ("data/record_maker.py", "encode_picture")
    ],
    "sha256": [("data/record_maker.py", "sha256_of")],
    "serialise": [("data/tfrecord.py", "serialize_record")],
    "page of statistics (once a build)": [
        ("data/record_statistics.py", "save_statistics_page")
    ],
    "plan: duplicates and shards": [("data/record_plan.py", "plan_shards")],
    "write: frame, to chunks and to shards": [
        ("data/framing.py", "frame_record"),
        ("data/build.py", "_join_records"),
        ("~", "<method 'write' of '_io.BufferedWriter' objects>"),
        ("~", "<built-in method posix.fsync>"),
    ],
    "all": [("data/build.py", "write_records")],
}


def parse(arguments=None):
    options = parser(__doc__)
    options.set_defaults(repeats=3)
    options.add_argument(
        "--images",
        type=int,
        default=250,
        help="pictures at 1x (default: %(default)s)",
    )
    return options.parse_args(arguments)


def save_picture(path, seed, size=SIZE):
    """A JPEG of soft colours and some grain, as photos have, about 34 kB."""
    import numpy as np
    from PIL import Image

    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (8, 8, 3)).astype("uint8")
    soft = np.asarray(Image.fromarray(coarse).resize((size, size), 3))
    grain = random.normal(0, 6, (size, size, 1))
    pixels = np.clip(soft + grain, 0, 255).astype("uint8")
    Image.fromarray(pixels).save(path, quality=90)


def save_pictures(folder, images):
    """Folders of `images` pictures, as many as the largest multiple, and one.

    Returns:
        List of folders, and the folder of the few tiny pictures.
    """
    folders = []
    for number in range(MULTIPLES[-1]):
        folders.append(folder / f"{number:02}")
        folders[-1].mkdir()
        for place in range(images):
            seed = number * images + place
            save_picture(folders[-1] / f"{place:05}.jpg", seed)
    few = folder / "few"
    few.mkdir()
    for seed in range(FEW):
        save_picture(few / f"{seed:02}.jpg", seed, TINY)
    return folders, few


def make_builders():
    """Dict of titles to a number of workers and a function."""
    from keras_comic import data

    maker = data.ImageRecordMaker("photos", rules=data.CleaningRules())

    def build_locally(workers):
        return lambda sources, output: data.write_records(
            sources, output, maker, num_workers=workers
        )

    return {
        "local, 1 worker": (1, build_locally(1)),
        "local, 2 workers": (2, build_locally(2)),
        "Beam, in process": (
            1,
            lambda sources, output: data.write_records_with_beam(
                sources, output, maker
            ),
        ),
    }


def cpu_seconds():
    """Of this process, and of its children that have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def seconds_of(build, sources, output, images):
    """Seconds that a build takes, by the clock and of the CPU.

    Every picture must be in it.
    """
    start = time.perf_counter(), cpu_seconds()
    written = build(sources, output)
    end = time.perf_counter(), cpu_seconds()
    shutil.rmtree(output)
    if sum(written.counts.values()) != images:
        raise RuntimeError(
            f"{images} pictures gave {sum(written.counts.values())} records: "
            f"{written.drops[:3]}"
        )
    return {name: b - a for name, a, b in zip(("clock", "CPU"), start, end)}


def measure(builders, folders, few, images, repeats, output):
    """Dict of title and multiple (0: start-up) to a list of seconds."""
    seconds = {}
    for title, (_, build) in builders.items():
        # Imports.
        seconds_of(build, [few], output, FEW)
        seconds[title, 0] = [
            seconds_of(build, [few], output, FEW) for _ in range(repeats)
        ]
    for _ in range(repeats):
        for multiple in MULTIPLES:
            for title, (_, build) in builders.items():
                found = seconds_of(
                    build, folders[:multiple], output, multiple * images
                )
                seconds.setdefault((title, multiple), []).append(found)
    return seconds


def growth_rows(builders, seconds, images):
    rows = []
    for title, (workers, _) in builders.items():
        for clock in ("clock", "CPU"):
            values = {
                multiple: [found[clock] for found in seconds[title, multiple]]
                for multiple in (0, *MULTIPLES)
            }
            rows.extend(rows_of(f"{title}, {clock}", values, images))
        last = MULTIPLES[-1]
        clock, cpu, start_clock, start_cpu = (
            statistics.median(found[name] for found in seconds[title, multiple])
            for multiple in (last, 0)
            for name in ("clock", "CPU")
        )
        for name, taken in (
            ("by the clock", (clock - start_clock) * workers),
            ("by the CPU", cpu - start_cpu),
        ):
            throughput = last * images / taken
            title_of_row = f"{title}: throughput {name}"
            conditions = f"at {last}x, less start-up"
            rows.append(
                row(title_of_row, throughput, "images/s/core", None, conditions)
            )
    return rows


def rows_of(title, values, images):
    """Rows of a builder's start-up, times at each multiple, and growth."""
    medians = {m: statistics.median(found) for m, found in values.items()}
    start = medians.pop(0)
    conditions = f"{FEW} tiny pictures; {spread(values[0])}"
    rows = [row(f"{title}: start-up", start, "s", None, conditions)]
    each = {}
    for multiple, median in medians.items():
        each[multiple] = (median - start) / (multiple * images)
        conditions = (
            f"{multiple * images} images in {median:.2f} s, less start-up; "
            f"{spread(values[multiple])}"
        )
        rows.append(
            row(
                f"{title}: {multiple}x",
                1000 * each[multiple],
                "ms an image",
                None,
                conditions,
            )
        )
    first, *_, last = MULTIPLES
    rows.append(
        row(
            f"{title}: growth",
            each[last] / each[first],
            "ratio",
            None,
            f"time an image at {last}x / at {first}x; {AIM_GROWTH}",
        )
    )
    return rows


def part_rows(build, folders, images, output):
    """Where the time of a build in this process goes."""
    folders = folders[:4]
    images = images * len(folders)
    plain = seconds_of(build, folders, output, images)["CPU"]
    profile = cProfile.Profile(time.process_time)
    profile.enable()
    profiled = seconds_of(build, folders, output, images)["CPU"]
    profile.disable()
    found = {}
    for (file, _, name), values in pstats.Stats(profile).stats.items():
        found[pathlib.PurePath(file).as_posix(), name] = values[3]
    conditions = (
        f"CPU; local, 1 worker, {images} images; cProfile, with which the "
        f"build took {profiled / plain:.2f} times as long"
    )
    rows = []
    for title, functions in PARTS.items():
        seconds = [
            value
            for end, wanted in functions
            for (file, name), value in found.items()
            if file.endswith(end) and name == wanted
        ]
        if len(seconds) < len(functions):
            raise RuntimeError(f"Not all functions were called: {functions}")
        milliseconds = 1000 * sum(seconds) / images
        rows.append(row(title, milliseconds, "ms an image", None, conditions))
    return rows


def spread(seconds):
    """What a median of some seconds is a median of, in words."""
    return (
        f"{len(seconds)} builds of {min(seconds):.2f} to {max(seconds):.2f} s"
    )


def main(arguments=None):
    arguments = parse(arguments)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        folders, few = save_pictures(folder, arguments.images)
        builders = make_builders()
        seconds = measure(
            builders,
            folders,
            few,
            arguments.images,
            arguments.repeats,
            folder / "records",
        )
        rows = growth_rows(builders, seconds, arguments.images)
        build = builders["local, 1 worker"][1]
        rows += part_rows(build, folders, arguments.images, folder / "records")
    report("Building records", rows, arguments.json)


if __name__ == "__main__":
    # One thread for each worker, as the local builder's processes have it.
    for name in (
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "TF_NUM_INTRAOP_THREADS",
        "TF_NUM_INTEROP_THREADS",
    ):
        os.environ[name] = "1"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    main()
