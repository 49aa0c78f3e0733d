"""Frames per second of the difference engine, beside frame by frame.

    python examples/benchmarks/difference_engine.py --json difference.json

On clips (`--clips`, those that are there) and on a photograph before which a
disc of 5% of the area moves (`--photo`, one of scikit-image's by default), the
frames go in turn through

- frame by frame (`FrameByFrameStylizer`): each with its own statistics;
- shared statistics (`StatisticsStylizer`, running);
- the difference engine (`DifferenceStylizer`, running), which also measures
  its own margins in that time.

Which one begins changes from frame to frame, so that noise of the machine hits
all alike. Beside each speed-up stand the share of the area that was computed
anew (halos not counted), and the share that was written; the PSNR, over what
was written, to the whole frame with the same statistics, and the least of a
frame; and the largest change where nothing was written.
"""

import importlib
import os
import pathlib
import time

from benchmark import parser
from benchmark import report
from benchmark import row

CLIPS = ("person_walk_intel", "street_static", "interior_pan", "bbb_cartoon")
STILL = "still scene"
AIMS = {
    "person_walk_intel": "aim: at least 2.5",
    STILL: "aim: at least 5",
    "street_static": "aim: at least 0.95",
}
AIM_PSNR = "aim: at least 35"
STYLIZERS = ("frame by frame", "shared statistics", "difference engine")
LEVELS = ("none", "statistics", "difference")


def read_clip(path, max_frames=None):
    """Frames of a video, uint8 `(height, width, 3)`, and what starts scenes."""
    from keras_comic import video

    source = video.open_frames(str(path), max_frames=max_frames)
    return [(frame.image, frame.starts_scene) for frame in source]


def make_still_scene(photo, width, height, num_frames):
    """Frames of a photograph before which a disc moves."""
    import numpy as np

    from keras_comic import data
    from keras_comic import video

    if photo is None:
        picture = importlib.import_module("skimage").data.astronaut()
    else:
        picture = np.asarray(data.read_image(photo))
    scene = video.moving_object(picture, size=(height, width))
    return [(scene.frame(n), n == 0) for n in range(num_frames)]


def psnr(squared_error):
    import math

    return 10.0 * math.log10(255.0**2 / max(squared_error, 1e-3))


def make_stylizers(generator, style=None):
    """Dict of name to a stylizer."""
    from keras_comic import video

    return {
        name: video.VideoStylizer(
            generator, style, consistency, first_pass=False
        ).level
        for name, consistency in zip(STYLIZERS, LEVELS, strict=True)
    }


def warm_up(stylizers, frames):
    """Runs everything once, so that networks are compiled and measured."""
    frame = frames[0][0]
    for stylizer in stylizers.values():
        for starts in (True, False):
            stylizer.stylize(frame, starts)
        stylizer.stylize(255 - frame)
        stylizer.reset()


def measure(stylizers, frames):
    """What was measured on frames.

    Returns:
        Dict: `seconds`, a dict of the stylizers; `share`, `written`, `psnr`,
        `least_psnr`, `largest_change` of the difference engine.
    """
    import numpy as np

    warm_up(stylizers, frames)
    engine = stylizers["difference engine"]
    seconds = dict.fromkeys(stylizers, 0.0)
    shares, written, errors, last = [], [], [], None
    largest_change = 0
    for number, (frame, starts) in enumerate(frames):
        statistics = None if starts else engine.statistics
        first = number % len(STYLIZERS)
        for name in STYLIZERS[first:] + STYLIZERS[:first]:
            start = time.perf_counter()
            comic = stylizers[name].stylize(frame, starts)
            seconds[name] += time.perf_counter() - start
            if name == "difference engine":
                found = comic
        mask = engine.last_mask
        if last is not None and not starts:
            shares.append(engine.last_share)
            written.append(mask.mean())
            change = np.abs(found.astype(int) - last)[~mask]
            largest_change = max(largest_change, int(change.max(initial=0)))
            if mask.any():
                whole = engine.runner.run(frame[None], statistics)[0]
                error = (found.astype("float32") - whole)[mask] ** 2
                errors.append((float(error.sum()), error.size))
        last = found
    return {
        "seconds": seconds,
        "share": float(np.mean(shares)) if shares else 1.0,
        "written": float(np.mean(written)) if written else 1.0,
        "psnr": psnr(
            sum(e for e, _ in errors) / max(1, sum(n for _, n in errors))
        ),
        "least_psnr": min((psnr(e / n) for e, n in errors), default=psnr(0.0)),
        "largest_change": largest_change,
    }


def rows_of(name, size, frames, found):
    """Rows, and a line of the summary, for one clip."""
    count = len(frames)
    title = f"{name}, {size}"
    conditions = f"{count} frames"
    rates = {key: count / value for key, value in found["seconds"].items()}
    rows = [
        row(
            f"{key}, {title}",
            rate,
            "frames/s",
            None if key == STYLIZERS[0] else f"{STYLIZERS[0]}, {title}",
            conditions,
        )
        for key, rate in rates.items()
    ]
    engine = f"{STYLIZERS[2]}, {title}"
    ratio = rates[STYLIZERS[2]] / rates[STYLIZERS[0]]
    over_shared = rates[STYLIZERS[2]] / rates[STYLIZERS[1]]
    aim = AIMS.get(name, "")
    rows += [
        row(
            f"{STYLIZERS[2]} / {STYLIZERS[0]}, {title}",
            ratio,
            "ratio",
            f"{STYLIZERS[0]}, {title}",
            "; ".join(filter(None, [aim, conditions])),
        ),
        row(
            f"{STYLIZERS[2]} / {STYLIZERS[1]}, {title}",
            over_shared,
            "ratio",
            f"{STYLIZERS[1]}, {title}",
            conditions,
        ),
        row(f"{engine}, computed", found["share"], "share", None, conditions),
        row(f"{engine}, written", found["written"], "share", None, conditions),
        row(f"{engine}, PSNR", found["psnr"], "dB", None, AIM_PSNR),
        row(f"{engine}, least PSNR", found["least_psnr"], "dB"),
        row(
            f"{engine}, largest change of what stands still",
            found["largest_change"],
            "levels",
            None,
            "aim: 0",
        ),
    ]
    cells = [f"{rates[key]:.2f}" for key in STYLIZERS]
    cells += [f"{ratio:.2f}", f"{found['share']:.2f}"]
    cells += [f"{found['written']:.2f}", f"{found['psnr']:.1f}"]
    cells += [f"{found['least_psnr']:.1f}", str(found["largest_change"])]
    return rows, f"| {name} | {size} | {count} | {' | '.join(cells)} |"


def parse(arguments=None):
    options = parser(__doc__)
    options.add_argument(
        "--clips",
        type=pathlib.Path,
        default=pathlib.Path("../shared/data/clips"),
        help="folder of videos (default: %(default)s)",
    )
    options.add_argument(
        "--only", nargs="+", help="names of videos, or 'still'"
    )
    options.add_argument("--photo", type=pathlib.Path, help="the still scene")
    options.add_argument("--still-size", default="1280x720")
    options.add_argument("--still-frames", type=int, default=48)
    options.add_argument("--max-frames", type=int)
    options.add_argument("--preset", default="adain_storybook")
    options.add_argument("--style")
    return options.parse_args(arguments)


def main(arguments=None):
    arguments = parse(arguments)
    # TensorFlow reads it when it is imported.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras_comic

    generator = keras_comic.from_preset(arguments.preset)
    stylizers = make_stylizers(generator, arguments.style)
    clips = {}
    for name in CLIPS:
        path = arguments.clips / f"{name}.mp4"
        if arguments.only is not None and name not in arguments.only:
            continue
        if path.is_file():
            clips[name] = read_clip(path, arguments.max_frames)
        else:
            print(f"Not measured: {name}, there is no file {path}.")
    if arguments.only is None or "still" in arguments.only:
        width, height = map(int, arguments.still_size.split("x"))
        clips[STILL] = make_still_scene(
            arguments.photo, width, height, arguments.still_frames
        )
    rows, summary = [], []
    for name, frames in clips.items():
        height, width = frames[0][0].shape[:2]
        found = measure(stylizers, frames)
        made, line = rows_of(name, f"{width}x{height}", frames, found)
        rows += made
        summary.append(line)
    print(
        "| clip | size | frames | frame by frame, 1/s | shared, 1/s "
        "| difference, 1/s | speed-up | computed | written | PSNR, dB "
        "| least, dB | still |"
    )
    print("| --- | --- |" + " ---: |" * 10)
    print("\n".join(summary) + "\n")
    report("Difference engine", rows, arguments.json)


if __name__ == "__main__":
    main()
