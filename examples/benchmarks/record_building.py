"""How fast records are built, and whether time grows with the pictures.

Synthetic JPEGs of 320 pixels, each another one, cleaned by the default rules:
1x and 4x `--images` of them, by the local builder with one worker and with
two, and by Apache Beam in this process, in turns:

    python examples/benchmarks/record_building.py --json building.json

The growth is the time of a picture at 4x over that at 1x, less the start-up,
which is what a build of a few tiny pictures takes.
"""

import os
import pathlib
import shutil
import statistics
import tempfile

from benchmark import parser
from benchmark import report
from benchmark import row
from benchmark import take_turns

SIZE, TINY, FEW = 320, 64, 16
MULTIPLES = (1, 4)


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


def make_builders():
    """Dict of titles to functions of sources and an output."""
    from keras_comic import data

    maker = data.ImageRecordMaker("photos", rules=data.CleaningRules())

    def build_locally(workers):
        return lambda sources, output: data.write_records(
            sources, output, maker, num_workers=workers
        )

    return {
        "local, 1 worker": build_locally(1),
        "local, 2 workers": build_locally(2),
        "Beam, in process": lambda sources, output: (
            data.write_records_with_beam(sources, output, maker)
        ),
    }


def built(build, sources, output, images):
    """Builds once; every picture must be in it."""
    written = build(sources, output)
    shutil.rmtree(output)
    if sum(written.counts.values()) != images:
        raise RuntimeError(f"{images} pictures gave {written.counts}")


def measure(folder, images, repeats):
    few = folder / "few"
    folders = [folder / f"{number}" for number in range(MULTIPLES[-1])]
    for path in (few, *folders):
        path.mkdir()
    for seed in range(FEW):
        save_picture(few / f"{seed:02}.jpg", seed, TINY)
    for number, path in enumerate(folders):
        for place in range(images):
            seed = number * images + place
            save_picture(path / f"{place:05}.jpg", seed)
    runs = {}
    for title, build in make_builders().items():
        for multiple in (0, *MULTIPLES):
            sources = folders[:multiple] if multiple else [few]
            count = multiple * images if multiple else FEW
            runs[title, multiple] = (
                lambda a=(build, sources, folder / "records", count): built(*a)
            )
    return take_turns(runs, repeats)


def main(arguments=None):
    options = parser(__doc__)
    options.set_defaults(repeats=3)
    options.add_argument("--images", type=int, default=250)
    arguments = options.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        seconds = measure(
            pathlib.Path(folder), arguments.images, arguments.repeats
        )
    medians = {key: statistics.median(found) for key, found in seconds.items()}
    rows = []
    for title in dict.fromkeys(title for title, _ in medians):
        start = medians[title, 0]
        rows.append(row(f"{title}: start-up", start, "s"))
        each = {
            multiple: (medians[title, multiple] - start)
            / (multiple * arguments.images)
            for multiple in MULTIPLES
        }
        for multiple, value in each.items():
            rows.append(
                row(f"{title}: {multiple}x", 1000 * value, "ms an image")
            )
        growth = each[MULTIPLES[-1]] / each[MULTIPLES[0]]
        rows.append(
            row(f"{title}: growth", growth, "ratio", conditions="aim: 1")
        )
    report("Building records", rows, arguments.json)


if __name__ == "__main__":
    # One thread for each worker, as the local builder's processes have it.
    for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"):
        os.environ[name] = "1"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    main()
