"""Memory that converting a long video takes, early and late.

    python examples/benchmarks/video_memory.py --json video_memory.json
    python examples/benchmarks/video_memory.py --preset adain_storybook \
        --consistency difference --frames 400

A video is converted from file to file in a process of its own, which tells how
much memory it holds after a tenth of the frames and after the last: it must
not grow with the length. By default the stylizer costs next to nothing, a
negative, so that what is measured is reading, encoding and what is kept for
going on; `--preset` takes a network, at a level of `--consistency`.
"""

import argparse
import json
import os
import pathlib
import tempfile
import time

from benchmark import in_own_process
from benchmark import parser
from benchmark import report
from benchmark import row

# Heavy libraries are imported in the process that is measured.
RATE = 25
AIM = "aim: at most 1.05"


def make_video(path, width, height, count):
    """Writes a video of a picture that moves, with noise."""
    import numpy as np
    from PIL import Image
    from skimage import data

    import keras_comic

    picture = Image.fromarray(data.coffee())
    picture = picture.resize((width + 64, height + 64))
    picture = np.asarray(picture).astype("int16")
    random = np.random.default_rng(0)
    noise = random.integers(-3, 4, (height, width, 3), dtype="int16")

    def frames():
        for number in range(count):
            top, left = number % 64, 3 * number % 64
            part = picture[top : top + height, left : left + width]
            yield np.clip(part + noise, 0, 255).astype("uint8")

    keras_comic.video.write_frames(frames(), path, RATE)


def measure(source, target, preset, consistency, marks):
    """Converts a video; bytes held after so many frames, and the rate."""
    import keras_comic

    class Negative(keras_comic.video.FrameStylizer):
        def stylize(self, frame, starts_scene=False):
            return 255 - frame

    held = {}
    pages = pathlib.Path("/proc/self/statm")

    def progress(done, total):
        if done in marks:
            size = int(pages.read_text().split()[1])
            held[done] = size * os.sysconf("SC_PAGE_SIZE")

    stylizer = Negative()
    if preset != "none":
        stylizer = keras_comic.video.VideoStylizer(
            keras_comic.from_preset(preset), consistency=consistency
        )
    start = time.perf_counter()
    done = keras_comic.video.convert_video(
        source, target, stylizer, progress=progress
    )
    rate = done.num_frames / (time.perf_counter() - start)
    return {"held": [held[mark] for mark in marks], "rate": rate}


def main(arguments=None):
    options = parser(__doc__)
    options.add_argument("--size", type=int, nargs=2, default=(1920, 1080))
    options.add_argument("--frames", type=int, default=2000)
    options.add_argument("--preset", default="none", help="default: a negative")
    options.add_argument("--consistency", default="none")
    options.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    arguments = options.parse_args(arguments)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    marks = [max(1, arguments.frames // 10), arguments.frames]
    how = (arguments.preset, arguments.consistency)
    if arguments.measure:
        print(json.dumps(measure(*arguments.measure, *how, marks)))
        return
    width, height = arguments.size
    with tempfile.TemporaryDirectory() as folder:
        source, target = (f"{folder}/{name}.mp4" for name in ("long", "comic"))
        make_video(source, width, height, arguments.frames)
        found = in_own_process(
            __file__,
            *("--measure", source, target, "--frames", arguments.frames),
            *("--preset", how[0], "--consistency", how[1]),
        )
    conditions = f"{width}x{height}, {', '.join(how)}"
    rows = [
        row(f"after {mark} frames", held / 2**20, "MiB", None, conditions)
        for mark, held in zip(marks, found["held"], strict=True)
    ]
    growth = found["held"][-1] / found["held"][0]
    rows.append(row("memory, end / early", growth, "ratio", None, AIM))
    rows.append(row("speed", found["rate"], "frames/s", None, conditions))
    report("Memory of a long video", rows, arguments.json)


if __name__ == "__main__":
    main()
