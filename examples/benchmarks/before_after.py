"""Speed and memory of this checkout beside those of a former commit.

    git worktree add ../former COMMIT
    python examples/benchmarks/before_after.py --former ../former

Each checkout runs in a process of its own, and they take turns: `stylize` of a
photo of 512 x 512 pixels; the dataset of cropped pictures; `fit` of
`StyleTransferGAN`; the difference engine on a photograph before which a disc
moves; and a server that eight clients ask for comics of 64 x 64 pixels, as
rows of numbers and as JPEG files. A ratio, of the clock and of the CPU time,
is the median of the rounds' ratios; above 1 is slower or larger than before.
The CPU time says more where other programs take the processor. Memory is what
a process has held at most.
"""

import argparse
import asyncio
import contextlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import serving_load
from benchmark import median_ratio
from benchmark import parser
from benchmark import peak_memory
from benchmark import report
from benchmark import row
from difference_engine import make_still_scene
from input_pipeline import make_pictures
from input_pipeline import taking
from input_pipeline import write_pictures

HERE = pathlib.Path(__file__).resolve().parents[2]
PRESET = "adain_storybook"
AIM = "aim: at most 1.05"
NUM_CLIENTS, REQUEST_SECONDS = 8, 4.0


def inference(options):
    """`stylize` of one photo."""
    import numpy as np

    import keras_comic

    generator = keras_comic.from_preset(PRESET)
    photo = np.asarray(make_still_scene(None, 512, 512, 1)[0][0])

    def run():
        for _ in range(4):
            generator.stylize(photo)

    return run


def input_pipeline(options):
    """The dataset of random crops, mirrored."""
    from keras_comic import data

    size, batch_size = 192, 16
    if hasattr(data, "Crops"):
        crops = data.Crops(size, zoom=(1.0, 1.0))
        dataset = data.picture_dataset(options.records, crops, batch_size)
    else:
        dataset = data.photo_dataset(
            options.records, size, batch_size, zoom=(1.0, 1.0)
        )
    return taking(dataset, 1600)


def training_step(options):
    """`fit` of style transfer with the light generator."""
    import keras
    import numpy as np

    import keras_comic
    from keras_comic import models

    keras.utils.set_random_seed(0)
    gan = keras_comic.StyleTransferGAN(
        models.AdaINGenerator.light(),
        models.PatchDiscriminator(16),
        models.FeatureNetwork((2, 2, 4), (16, 32, 64)),
    )
    gan.compile()
    pictures = np.random.default_rng(0).uniform(-1, 1, (64, 96, 96, 3))
    batch = {name: pictures.astype("float32") for name in BATCH}
    return lambda: gan.fit(batch, batch_size=4, shuffle=False, verbose=0)


BATCH = ("photos", "style_images")


def difference_engine(options):
    """The second level of consistency, on frames of 640 x 360."""
    import keras_comic
    from keras_comic import video

    frames = make_still_scene(None, 640, 360, 24)
    stylizer = video.VideoStylizer(
        keras_comic.from_preset(PRESET),
        consistency="difference",
        first_pass=False,
    )

    def run():
        stylizer.reset()
        for frame, starts_scene in frames:
            stylizer.stylize(frame, starts_scene)

    return run


def asking(form):
    """What asks a server for comics; its time is that of a hundred."""

    def prepare(options):
        # The server as that checkout starts it.
        sys.path.insert(0, str(options.checkout / "examples/benchmarks"))
        from server_process import ServerProcess

        server = STACK.enter_context(ServerProcess(PRESET))
        address = getattr(server, "address", None) or server.rest_address
        request = serving_load.make_request(form, 64)

        def run():
            cpu = server.cpu_seconds()
            answers = asyncio.run(
                serving_load.ask_all(
                    address, request, NUM_CLIENTS, REQUEST_SECONDS
                )
            )
            if set(answers["counts"]) != {"200"}:
                raise RuntimeError(f"The server answered {answers['counts']}.")
            hundreds = answers["counts"]["200"] / 100
            return (
                REQUEST_SECONDS / hundreds,
                (server.cpu_seconds() - cpu) / hundreds,
                server.memory("VmHWM"),
            )

        return run

    return prepare


# Servers that run until a worker ends.
STACK = contextlib.ExitStack()
PARTS = {
    "inference": inference,
    "input pipeline": input_pipeline,
    "training step": training_step,
    "difference engine": difference_engine,
    "server, integers": asking("integers"),
    "server, b64": asking("b64"),
}


def work(options):
    """Runs a part whenever a line comes in, and says what it took."""
    with STACK:
        run = PARTS[options.work](options)
        for _ in sys.stdin:
            cpu, start = time.process_time(), time.perf_counter()
            found = run()
            seconds = time.perf_counter() - start
            if not isinstance(found, tuple):
                # A function may return its own seconds.
                seconds = found if isinstance(found, float) else seconds
                found = seconds, time.process_time() - cpu, peak_memory()
            print("took", json.dumps(found), flush=True)


class Worker:
    """The process of one checkout."""

    def __init__(self, checkout, part, records):
        self._process = subprocess.Popen(
            [sys.executable, __file__, "--work", part]
            + ["--checkout", str(checkout), "--records", str(records)],
            env={
                **os.environ,
                "PYTHONPATH": str(checkout),
                "TF_CPP_MIN_LOG_LEVEL": "3",
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def measure(self):
        """Seconds of a round, by the clock and of CPU, and bytes."""
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        for line in self._process.stdout:
            if line.startswith("took "):
                return json.loads(line.removeprefix("took "))
        raise RuntimeError(f"{self._process.args} failed.")

    def end(self):
        self._process.stdin.close()
        self._process.wait()


def compare(part, former, records, repeats):
    """Rows of one part: ratios of this checkout to the former one."""
    workers = [Worker(checkout, part, records) for checkout in (former, HERE)]
    try:
        for worker in workers:
            worker.measure()
        rounds = []
        for turn in range(repeats):
            order = (0, 1) if turn % 2 else (1, 0)
            found = {place: workers[place].measure() for place in order}
            rounds.append((found[0], found[1]))
    finally:
        for worker in workers:
            worker.end()
    rows = []
    for place, what in enumerate(("clock", "CPU", "memory")):
        before, after = (
            [found[side][place] for found in rounds] for side in (0, 1)
        )
        ratio = median_ratio(after, before)
        rows.append(row(f"{part}: {what}", ratio, "ratio", "before", AIM))
    return rows


def main(arguments=None):
    options = parser(__doc__)
    options.add_argument("--former", type=pathlib.Path, help="its checkout")
    options.add_argument("--parts", nargs="+", choices=PARTS, default=[*PARTS])
    options.add_argument("--work", choices=PARTS, help=argparse.SUPPRESS)
    options.add_argument("--checkout", type=pathlib.Path, default=HERE)
    options.add_argument("--records", type=pathlib.Path)
    options = options.parse_args(arguments)
    if options.work:
        work(options)
        return
    former = (options.former or HERE).resolve()
    with tempfile.TemporaryDirectory() as folder:
        _, records = write_pictures(make_pictures(256), pathlib.Path(folder))
        rows = []
        for part in options.parts:
            rows += compare(part, former, records, options.repeats)
    report("This checkout beside the former one", rows, options.json)


if __name__ == "__main__":
    main()
