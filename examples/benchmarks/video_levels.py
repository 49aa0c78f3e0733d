"""Speed and stillness of each level of consistency, in one run.

    python examples/benchmarks/video_levels.py --json levels.json
    python examples/benchmarks/video_levels.py --clips ../shared/data/clips

A photograph of scikit-image moves as before a hand-held camera, so that the
flow is known; the frames go in turn through each level. Warping error is that
of Lai et al., as a ratio to frame by frame; sharpness, the gradients of the
comic, likewise: a level that blurs would look still. The first pass of shared
statistics is not counted. `--clips` names a folder
of videos that are measured beside it, with estimated flow.
"""

import collections
import os
import pathlib
import time

from benchmark import parser
from benchmark import report
from benchmark import row

Frame = collections.namedtuple(
    "Frame", ["number", "time", "image", "starts_scene"]
)
LEVELS = ("none", "statistics", "difference", "flow")


def read_clip(path, num_frames):
    from keras_comic import video

    return list(video.open_frames(str(path), max_frames=num_frames))


def measure(generator, frames, meter, style=None):
    """Dict of level to seconds; the meter sees all comics."""
    from keras_comic import video

    stylizers = {
        level: video.VideoStylizer(generator, style, consistency=level)
        for level in LEVELS
    }
    for stylizer in stylizers.values():
        if stylizer.needs_first_pass:
            stylizer.prepare(frames)
        # Compiles, and lets the runner find out about the network.
        for frame in frames[:2]:
            stylizer.stylize(frame.image, frame.starts_scene)
        stylizer.reset()
        if stylizer.needs_first_pass:
            stylizer.prepare(frames)
    seconds = dict.fromkeys(LEVELS, 0.0)
    for number, (_, _, image, starts) in enumerate(frames):
        first = number % len(LEVELS)
        comics = {}
        for level in LEVELS[first:] + LEVELS[:first]:
            start = time.perf_counter()
            comics[level] = stylizers[level].stylize(image, starts)
            seconds[level] += time.perf_counter() - start
        comics = {level: comics[level] for level in LEVELS}
        meter.add(image, comics, starts)
    return seconds


def rows_of(name, frames, seconds, meter):
    found = {
        (result.metric, level): result.value
        for level, result in meter.report()[0]
        if level in LEVELS
    }
    height, width = frames[0].image.shape[:2]
    conditions = f"{len(frames)} frames of {width}x{height}"
    rows = []
    for level in LEVELS:
        peer = None if level == "none" else f"{name}: none"
        rate = len(frames) / seconds[level]
        title = f"{name}: {level}"
        rows.append(row(title, rate, "frames/s", peer, conditions))
        if peer is None:
            continue
        for metric in ("WarpingError", "Sharpness"):
            if (metric, level) in found:
                ratio = found[metric, level] / found[metric, "none"]
                rows.append(row(f"{title}, {metric}", ratio, "ratio", peer))
        ratio = seconds["none"] / seconds[level]
        rows.append(row(f"{title}, speed", ratio, "ratio", peer))
    return rows


def main(arguments=None):
    options = parser(__doc__)
    options.add_argument("--clips", type=pathlib.Path)
    options.add_argument("--frames", type=int, default=24)
    options.add_argument("--size", type=int, nargs=2, default=(192, 288))
    options.add_argument("--preset", default="adain_storybook")
    options.add_argument("--style")
    arguments = options.parse_args(arguments)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from skimage import data

    import keras_comic
    from keras_comic import video

    generator = keras_comic.from_preset(arguments.preset)
    clip = video.moving_photo(
        data.coffee(), arguments.frames, arguments.size, noise=1.5
    )
    frames = [Frame(i, i / 25, image, not i) for i, image in enumerate(clip)]
    videos = {"hand-held": (frames, clip)}
    if arguments.clips is not None:
        for path in sorted(arguments.clips.glob("*.mp4")):
            videos[path.stem] = (read_clip(path, arguments.frames), None)
    rows = []
    for name, (frames, motion) in videos.items():
        flows = [motion if motion is not None else video.fine_optical_flow]
        meter = video.VideoMeter(flows, [1])
        seconds = measure(generator, frames, meter, arguments.style)
        rows += rows_of(name, frames, seconds, meter)
    report("Levels of consistency", rows, arguments.json, values="of one run")


if __name__ == "__main__":
    main()
