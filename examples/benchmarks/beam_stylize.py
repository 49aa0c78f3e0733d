"""Photos per CPU second of the bulk pipeline, beside a loop over the model.

A preset is exported once. Square JPEG files, parts of scikit-image's samples,
are stylised by a plain loop that reads a file, runs the SavedModel and writes
a file, and by `keras_comic.serving.stylize_with_beam` in this process: as the
model is (`serving_bytes`, photo by photo), and with a style of weights (pixels,
eight photos at a time). With `--images` photos and with four times as many:

    python examples/benchmarks/beam_stylize.py --json beam.json

Times are of the CPU, all threads together, less start-up: what one photo
takes, which is loading the model and, of the pipeline, building it. The kinds
take turns; the ratio is the median of the rounds' ratios. Memory is the peak
of a process of its own. How long names take is told by a run over `--names`
photos whose comics are there already.
"""

import json
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from benchmark import parser
from benchmark import report
from benchmark import row

SAMPLES = ("astronaut", "chelsea", "coffee", "rocket")
MULTIPLES = (1, 4)
LOOP = "loop over the SavedModel"
PLAIN = "pipeline"
WEIGHTS = "pipeline, weights of styles"
KINDS = (LOOP, PLAIN, WEIGHTS)


def parse(arguments=None):
    options = parser(__doc__)
    options.set_defaults(repeats=3)
    options.add_argument(
        "--images",
        type=int,
        default=50,
        help="photos at 1x (default: %(default)s)",
    )
    options.add_argument(
        "--size", type=int, default=256, help="pixels (default: %(default)s)"
    )
    options.add_argument(
        "--preset",
        default="adain_storybook",
        help="(default: %(default)s)",
    )
    options.add_argument(
        "--names",
        type=int,
        default=20_000,
        help="photos that are only listed (default: %(default)s)",
    )
    options.add_argument("--work", nargs=4, help="(used by the script itself)")
    return options.parse_args(arguments)


def save_photos(folder, count, size):
    """Writes JPEG files, each another part of a photograph."""
    import numpy as np
    from PIL import Image
    from skimage import data

    folder.mkdir()
    photographs = [Image.fromarray(getattr(data, name)()) for name in SAMPLES]
    random = np.random.default_rng(0)
    for number in range(count):
        photograph = photographs[number % len(photographs)]
        side = random.uniform(0.5, 1.0) * min(photograph.size)
        left, top = (random.uniform(0, s - side) for s in photograph.size)
        photo = photograph.resize(
            (size, size), box=(left, top, left + side, top + side)
        )
        photo.save(folder / f"{number:05}.jpg", quality=90)
    return folder


def loop(photos, output, model):
    """What one would write first."""
    import tensorflow as tf

    serve = tf.saved_model.load(model).signatures["serving_bytes"]
    output.mkdir()
    for path in sorted(photos.iterdir()):
        files = tf.constant([path.read_bytes()])
        comics = serve(image_bytes=files)["comic_bytes"].numpy()
        (output / f"{path.stem}.png").write_bytes(comics[0])


def pipeline(photos, output, model, **arguments):
    from keras_comic import serving

    done = serving.stylize_with_beam(photos, output, model, **arguments)
    if done.failed:
        raise RuntimeError(pathlib.Path(done.failures).read_text())


def run(kind, photos, output, model):
    """CPU and clock seconds of stylising a folder."""
    paths = pathlib.Path(photos), pathlib.Path(output), str(model)
    start = time.process_time(), time.perf_counter()
    if kind == LOOP:
        loop(*paths)
    elif kind == PLAIN:
        pipeline(*paths)
    else:
        pipeline(*paths, style={style_name(model): 1.0})
    end = time.process_time(), time.perf_counter()
    written = len(list(paths[1].glob("*.png")))
    shutil.rmtree(output)
    if written != len(list(paths[0].iterdir())):
        raise RuntimeError(f"{kind} wrote {written} comics.")
    return end[0] - start[0], end[1] - start[1]


def style_name(model):
    path = pathlib.Path(model) / "assets.extra" / "keras_comic.json"
    return json.loads(path.read_text())["style_names"][0]


def list_names(folder, count, model):
    """CPU seconds of a run that finds all comics there."""
    photos, output = folder / "listed", folder / "listed-comics"
    for number in range(count):
        # As in a camera's folders.
        name = f"{number // 1000:04}/{number:08}"
        for parent, suffix in ((photos, "jpg"), (output, "png")):
            path = parent / f"{name}.{suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    from keras_comic import serving

    start = time.process_time()
    done = serving.stylize_with_beam(photos, output, str(model))
    seconds = time.process_time() - start
    if done.skipped != count:
        raise RuntimeError(f"{done.skipped} comics were found.")
    return seconds


def peak_memory(kind, photos, output, model):
    """MiB of a process that does nothing else."""
    script = [sys.executable, __file__, "--work", kind]
    paths = map(str, (photos, output, model))
    done = subprocess.run(
        [*script, *paths], capture_output=True, check=True, text=True
    )
    return float(done.stdout.split()[-1])


def work(kind, photos, output, model):
    run(kind, photos, output, model)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def measure(folder, arguments):
    """Takes all the measurements.

    Returns:
        Dict of kind and multiple (0: start-up) to lists of seconds; of kind
        and multiple to MiB; seconds of a run over names.
    """
    import keras_comic

    model = keras_comic.export.save_served_model(
        arguments.preset, folder / "model" / "1", warmup_sizes=()
    )
    counts = {0: 1, **{m: m * arguments.images for m in MULTIPLES}}
    folders = {
        multiple: save_photos(
            folder / f"photos-{multiple}", count, arguments.size
        )
        for multiple, count in counts.items()
    }
    output = folder / "comics"
    seconds = {}
    for kind in KINDS:
        # Imports.
        run(kind, folders[0], output, model)
    for _ in range(arguments.repeats):
        for multiple, photos in folders.items():
            for kind in KINDS:
                found = run(kind, photos, output, model)
                seconds.setdefault((kind, multiple), []).append(found)
    first, last = MULTIPLES
    memory = {
        (kind, multiple): peak_memory(kind, folders[multiple], output, model)
        for kind, multiple in ((LOOP, last), (PLAIN, first), (PLAIN, last))
    }
    listing = list_names(folder, arguments.names, model)
    return seconds, memory, listing


def make_rows(seconds, memory, listing, arguments):
    images = arguments.images

    def rates(kind, multiple):
        """Photos per CPU second, round by round."""
        start = statistics.median(cpu for cpu, _ in seconds[kind, 0])
        return [
            multiple * images / max(cpu - start, 1e-9)
            for cpu, _ in seconds[kind, multiple]
        ]

    rows = []
    first, last = MULTIPLES
    for kind in KINDS:
        peer = None if kind == LOOP else LOOP
        start = statistics.median(cpu for cpu, _ in seconds[kind, 0])
        rows.append(row(f"{kind}: start-up", start, "CPU s", peer))
        for multiple in MULTIPLES:
            found = rates(kind, multiple)
            clock = statistics.median(s for _, s in seconds[kind, multiple])
            conditions = (
                f"{multiple * images} photos, {clock:.1f} s by the clock; "
                f"{min(found):.3g} to {max(found):.3g}"
            )
            rate = statistics.median(found)
            name = f"{kind}: {multiple}x"
            rows.append(row(name, rate, "photos/CPU s", peer, conditions))
        if kind != LOOP:
            ratios = [
                a / b
                for a, b in zip(
                    rates(kind, last), rates(LOOP, last), strict=True
                )
            ]
            rows.append(
                row(
                    f"{kind}: beside the loop",
                    statistics.median(ratios),
                    "ratio",
                    LOOP,
                    f"photos per CPU second at {last}x",
                )
            )
        growth = statistics.median(rates(kind, first)) / statistics.median(
            rates(kind, last)
        )
        conditions = f"time a photo at {last}x / at {first}x"
        rows.append(row(f"{kind}: growth", growth, "ratio", None, conditions))
    for (kind, multiple), peak in memory.items():
        peer = None if kind == LOOP else LOOP
        name = f"{kind}: peak memory, {multiple}x"
        rows.append(row(name, peak, "MiB", peer, "one process"))
    start = statistics.median(cpu for cpu, _ in seconds[PLAIN, 0])
    each = 1e6 * max(listing - start, 0.0) / arguments.names
    conditions = f"{arguments.names} whose comics are there, less start-up"
    rows.append(row(f"{PLAIN}: names", each, "CPU us/photo", None, conditions))
    return rows


def main(arguments=None):
    arguments = parse(arguments)
    if arguments.work:
        work(*arguments.work)
        return
    with tempfile.TemporaryDirectory() as folder:
        measured = measure(pathlib.Path(folder), arguments)
    rows = make_rows(*measured, arguments)
    title = f"Stylising in bulk, {arguments.size} x {arguments.size} pixels"
    report(title, rows, arguments.json)


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    main()
