"""How still each level of consistency makes a video, and what it costs.

    python examples/benchmarks/video_consistency.py --strips strips
    python examples/benchmarks/video_consistency.py --data ../shared/data \
        --videos ../shared/data/clips/*.mp4 --json rows.json

By default the clips are photographs that scikit-image brings along, in known
motion: no estimator of flow is needed, and none is at fault. `--photos` moves
other photographs, `--videos` adds files (whose motion DIS and Farneback's
method estimate, as they do for all clips), of which `--frames` are taken.

Every clip is stylised by all levels in one run, frame by frame in turns, so
that noise of the machine hits all alike; frames per second are of the calls of
`stylize` alone, without a first pass, which has a column of its own. `share`
is the part of the area that the network ran on. Peak memory is what a process
of its own gains at most over 16 frames, after a small frame has run.

`x` columns are ratios to `none`, frame by frame. Warping errors are in
1e-4, with RGB in [0, 1], from each frame to the next one, `10` to the tenth
after it. `--data` is a folder with `weights/squeezenet_v11_notop.h5`, for the
temporal distance, and `weights/vgg19_blocks1to3.npz` and
`drawings/<style>/eval`, for the style: `keras_comic.metrics.style_distance`,
that of the cards, of every fourth frame to four drawings. Without it they are
left out.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time
from collections import namedtuple

import numpy as np
from benchmark import parser
from benchmark import report
from benchmark import row
from inference import forget_peak
from inference import peak_memory
from PIL import Image

LEVELS = ("none", "statistics", "difference", "flow")
SOURCE = "source"
LONG = 10
# What the style loss is measured on.
STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1")
STYLE_EVERY = 4
MAX_DRAWINGS = 4
DRAWING_SIDE = 256
MEMORY_FRAMES = 16
Frame = namedtuple("Frame", ["number", "time", "image", "starts_scene"])
# Titles of the table's columns: what is measured.
DIS, FARNEBACK = "DIS, medium (OpenCV)", "Farneback (OpenCV)"
ERRORS = {
    "known": ("known", 1),
    "known 10": ("known", LONG),
    "DIS": (DIS, 1),
    "Farneback": (FARNEBACK, 1),
    "Farneback 10": (FARNEBACK, LONG),
}
COLUMNS = (
    *ERRORS,
    "still",
    "tLPIPS",
    "style x",
    "sharpness x",
    "colour distance",
    "frames/s",
    "first pass, s",
    "share",
)


class Clip:
    """Frames to stylise, and their known motion if there is one."""

    def __init__(self, name, frames, starts, motion=None):
        self.name = name
        self.frames = frames
        self.starts = starts
        self.motion = motion

    @classmethod
    def moving(cls, name, motion):
        frames = list(motion)
        return cls(name, frames, [n == 0 for n in range(len(frames))], motion)

    @classmethod
    def read(cls, path, max_frames):
        import keras_comic

        frames = list(
            keras_comic.video.open_frames(path, max_frames=max_frames)
        )
        return cls(
            pathlib.Path(path).stem,
            [frame.image for frame in frames],
            [frame.starts_scene for frame in frames],
        )

    def as_frames(self):
        for number, image in enumerate(self.frames):
            yield Frame(number, number / 25.0, image, self.starts[number])


def photograph_clips(num_frames, size):
    """Clips of scikit-image's photographs."""
    from skimage import data

    from keras_comic.video import moving_object
    from keras_comic.video import moving_photo
    from keras_comic.video import stereo_pair

    left, right, disparity = data.stereo_motorcycle()
    yield Clip.moving(
        "coffee, handheld",
        moving_photo(data.coffee(), "handheld", num_frames, size),
    )
    yield Clip.moving(
        "astronaut, zoom, noise",
        moving_photo(data.astronaut(), "zoom", num_frames, size, noise=2.0),
    )
    yield Clip.moving(
        "motorcycle, pan", moving_photo(left, "pan", num_frames, size)
    )
    yield Clip.moving(
        "chelsea, a disc of 5% moves",
        moving_object(data.chelsea(), data.coffee(), num_frames, size),
    )
    yield Clip.moving(
        "motorcycle, stereo pair", stereo_pair(left, right, disparity)
    )


def photo_clips(folder, num_frames, size):
    """Clips of the photographs of a folder."""
    import keras_comic

    paths = ("handheld", "pan", "rotation", "deformation", "zoom")
    for number, path in enumerate(keras_comic.data.list_images(folder)):
        motion = keras_comic.video.moving_photo(
            keras_comic.data.read_image(path),
            paths[number % len(paths)],
            num_frames,
            size,
        )
        yield Clip.moving(f"{path.stem}, {motion.name}", motion)


def make_stylizers(arguments):
    """Dict of level to a `FrameStylizer`."""
    import keras_comic

    generator = keras_comic.from_preset(arguments.preset)
    return {
        level: keras_comic.video.VideoStylizer(
            generator, arguments.style, consistency=level
        )
        for level in arguments.levels
    }


def warm_up(stylizer, clip):
    """Compiles what the first frames would have to wait for."""
    stylizer.reset()
    if stylizer.needs_first_pass:
        stylizer.prepare(list(clip.as_frames())[:2])
    for frame in list(clip.as_frames())[:2]:
        stylizer.stylize(frame.image, frame.starts_scene)
    stylizer.reset()


def stylize(stylizers, clip):
    """Yields the outputs of each frame; then what they cost is in `costs`."""
    costs = {level: {"seconds": [], "shares": []} for level in stylizers}
    for level, stylizer in stylizers.items():
        warm_up(stylizer, clip)
        start = time.perf_counter()
        if stylizer.needs_first_pass:
            stylizer.prepare(clip.as_frames())
        costs[level]["first pass"] = time.perf_counter() - start
    outputs = []
    names = list(stylizers)
    for number, frame in enumerate(clip.as_frames()):
        comics = {}
        first = number % len(names)
        for level in names[first:] + names[:first]:
            start = time.perf_counter()
            comics[level] = stylizers[level].stylize(
                frame.image, frame.starts_scene
            )
            costs[level]["seconds"].append(time.perf_counter() - start)
            costs[level]["shares"].append(stylizers[level].last_share)
        outputs.append({level: comics[level] for level in names})
    return outputs, costs


class StyleJudge:
    """The style distance of pictures to drawings of a style."""

    def __init__(self, weights, drawings):
        import keras_comic

        self.network = keras_comic.models.FeatureNetwork.from_weights(weights)
        self.drawings = []
        for path in drawings:
            image = Image.fromarray(keras_comic.data.read_image(path))
            image.thumbnail((DRAWING_SIDE, DRAWING_SIDE))
            self.drawings.append(self.look(np.asarray(image)))

    def look(self, picture):
        inputs = picture[None].astype("float32") / 127.5 - 1.0
        return self.network(inputs, layers=list(STYLE_LAYERS))

    def loss(self, pictures):
        import keras_comic

        return statistics.mean(
            float(keras_comic.metrics.style_distance(found, drawing)[0])
            for found in map(self.look, pictures)
            for drawing in self.drawings
        )


def measure(clip, outputs, network, judge, strip):
    """Dict of (level, metric, flow, frames apart) to a number."""
    import keras_comic

    flows = ["dis", "farneback"]
    if clip.motion is not None:
        flows.insert(0, clip.motion)
    meter = keras_comic.video.VideoMeter(flows, [1, LONG], network, strip=strip)
    for frame, comics in zip(clip.as_frames(), outputs, strict=True):
        meter.add(frame.image, comics, frame.starts_scene)
    found = {}
    for of, result in meter.report()[0]:
        flow = result.protocol.get("flow")
        apart = result.protocol.get("frames_apart")
        found[of, result.metric, flow, apart] = result.value
    if judge is not None:
        for of in (*outputs[0], SOURCE):
            pictures = [
                clip.frames[number] if of == SOURCE else outputs[number][of]
                for number in range(0, len(outputs), STYLE_EVERY)
            ]
            found[of, "style", None, None] = judge.loss(pictures)
    return found


def columns_of(level, found, costs):
    """Dict of column to number, or `None` where it was not measured."""

    def get(metric, flow=None, apart=None, of=level):
        return found.get((of, metric, flow, apart))

    def ratio(metric):
        value, reference = get(metric), get(metric, of="none")
        return value / reference if value and reference else None

    columns = {}
    for title, (flow, apart) in ERRORS.items():
        error = get("WarpingError", flow, apart)
        columns[title] = None if error is None else 1e4 * error
    columns["still"] = get("Stillness.change")
    columns["tLPIPS"] = get("TemporalDistance")
    columns["style x"] = ratio("style")
    columns["sharpness x"] = ratio("Sharpness")
    columns["colour distance"] = get("ColorDistance")
    if level != SOURCE:
        # The first frame of a level is stylised as a whole.
        seconds, shares = (costs[level][key] for key in ("seconds", "shares"))
        if len(seconds) > 2:
            seconds, shares = seconds[1:], shares[1:]
        columns["frames/s"] = len(seconds) / sum(seconds)
        columns["first pass, s"] = costs[level]["first pass"]
        columns["share"] = statistics.mean(shares)
    return {title: columns.get(title) for title in COLUMNS}


def table(results):
    """The Markdown table of all clips and levels."""
    lines = [
        f"| clip | level | {' | '.join(COLUMNS)} |",
        f"| --- | --- |{' ---: |' * len(COLUMNS)}",
    ]
    for clip, levels in results.items():
        for level, columns in levels.items():
            cells = [
                "" if value is None else f"{value:.3g}"
                for value in columns.values()
            ]
            lines.append(f"| {clip} | {level} | {' | '.join(cells)} |")
    return "\n".join(lines)


def rows_of(results, conditions):
    """Rows of the report; `conditions` is a dict of clip to string."""
    rows = []
    for clip, levels in results.items():
        for level, columns in levels.items():
            for title, value in columns.items():
                if value is None:
                    continue
                unit = "ratio" if title.endswith(" x") else "1"
                unit = {
                    "frames/s": "1/s",
                    "first pass, s": "s",
                    **dict.fromkeys(ERRORS, "1e-4"),
                }.get(title, unit)
                name = f"{clip}: {level}, {title}"
                peer = None
                if level not in ("none", SOURCE) and "none" in levels:
                    peer = f"{clip}: none, {title}"
                    if levels["none"][title] is None:
                        peer = None
                rows.append(row(name, value, unit, peer, conditions[clip]))
    return rows


def measure_memory(arguments):
    """Bytes that this process gains at most while a level runs."""
    from skimage import data

    import keras_comic

    stylizers = make_stylizers(arguments)
    (stylizer,) = stylizers.values()
    height, width = arguments.size
    clips = [
        Clip.moving(
            "",
            keras_comic.video.moving_photo(
                data.coffee(), "handheld", MEMORY_FRAMES, size
            ),
        )
        for size in ((64, 96), (height, width))
    ]
    warm_up(stylizer, clips[0])
    forget_peak()
    before = peak_memory()
    stylize(stylizers, clips[1])
    return peak_memory() - before


def memory_in_own_process(level, arguments):
    """What `measure_memory` gives in a fresh process."""
    height, width = arguments.size
    command = [
        *(sys.executable, __file__, "--measure-memory", "--levels", level),
        *("--size", f"{width}x{height}", "--preset", arguments.preset),
        *(("--style", arguments.style) if arguments.style else ()),
    ]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }
    done = subprocess.run(
        command, capture_output=True, env=environment, text=True
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def size_of(text):
    """Height and width of `480x272`."""
    width, height = (int(side) for side in text.split("x"))
    if min(width, height) < 32:
        raise argparse.ArgumentTypeError(
            "a size must be WIDTHxHEIGHT, of at least 32 pixels; "
            f"received {text!r}"
        )
    return height, width


def parse(arguments=None):
    options = parser(__doc__)
    options.add_argument("--preset", default="adain_storybook")
    options.add_argument("--style", help="a named style (default: the first)")
    options.add_argument(
        "--levels", nargs="+", choices=LEVELS, default=list(LEVELS)
    )
    options.add_argument(
        "--frames", type=int, default=32, help="of a clip (default: 32)"
    )
    options.add_argument(
        "--size",
        type=size_of,
        default=(192, 320),
        help="of frames in known motion (default: 320x192)",
    )
    options.add_argument("--photos", help="a folder of photographs to move")
    options.add_argument("--videos", nargs="+", default=[], metavar="FILE")
    options.add_argument(
        "--no-photographs",
        action="store_true",
        help="leave the clips of scikit-image's photographs out",
    )
    options.add_argument("--data", type=pathlib.Path, help="see above")
    options.add_argument(
        "--strips", type=pathlib.Path, help="a folder for contact strips"
    )
    options.add_argument("--no-memory", action="store_true")
    options.add_argument(
        "--measure-memory", action="store_true", help=argparse.SUPPRESS
    )
    return options.parse_args(arguments)


def load_judges(arguments):
    """The network of features and a judge of the style, or `None`s."""
    if arguments.data is None:
        return None, None
    import keras_comic

    weights = arguments.data / "weights"
    network = keras_comic.models.load_evaluation_network(
        weights / "squeezenet_v11_notop.h5"
    )
    style = arguments.style
    if style is None:
        generator = keras_comic.from_preset(arguments.preset)
        style = generator.style_names[0]
    drawings = sorted(arguments.data.glob(f"drawings/{style}/eval/*"))
    if not drawings:
        return network, None
    judge = StyleJudge(
        weights / "vgg19_blocks1to3.npz", drawings[:MAX_DRAWINGS]
    )
    return network, judge


def main(arguments=None):
    arguments = parse(arguments)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if arguments.measure_memory:
        print(json.dumps(measure_memory(arguments)))
        return
    import keras_comic

    clips = []
    if not arguments.no_photographs:
        clips.append(photograph_clips(arguments.frames, arguments.size))
    if arguments.photos:
        clips.append(
            photo_clips(arguments.photos, arguments.frames, arguments.size)
        )
    clips.append(Clip.read(path, arguments.frames) for path in arguments.videos)
    if arguments.strips is not None:
        arguments.strips.mkdir(parents=True, exist_ok=True)
    network, judge = load_judges(arguments)
    stylizers = make_stylizers(arguments)
    results, conditions = {}, {}
    for clip in (clip for group in clips for clip in group):
        outputs, costs = stylize(stylizers, clip)
        strip = keras_comic.video.VideoStrip()
        found = measure(clip, outputs, network, judge, strip)
        results[clip.name] = {
            level: columns_of(level, found, costs)
            for level in (SOURCE, *arguments.levels)
        }
        height, width = clip.frames[0].shape[:2]
        conditions[clip.name] = f"{len(clip.frames)} frames, {width}x{height}"
        if arguments.strips is not None:
            name = "".join(c if c.isalnum() else "_" for c in clip.name)
            strip.save(arguments.strips / f"{name}.png", clip.name)
        # A long run tells how far it is.
        print(
            f"{conditions[clip.name]}\n"
            + table({clip.name: results[clip.name]}),
            file=sys.stderr,
            flush=True,
        )
    print(table(results) + "\n")
    height, width = arguments.size
    rows = rows_of(results, conditions)
    if not arguments.no_memory:
        for level in arguments.levels:
            peak = memory_in_own_process(level, arguments)
            rows.append(
                row(
                    f"{level}, peak memory",
                    peak / 2**20,
                    "MiB",
                    "none, peak memory" if level != "none" else None,
                    f"{MEMORY_FRAMES} frames, {width}x{height}",
                )
            )
    report("Consistency of video", rows, arguments.json)


if __name__ == "__main__":
    main()
