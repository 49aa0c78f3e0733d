"""What following the optical flow takes from the flicker, and what it costs.

    python examples/benchmarks/flow_consistency.py
    python examples/benchmarks/flow_consistency.py --data ../shared/data \
        --strips strips --json rows.json

Frames are stylised one by one, and by the shared statistics of their scene;
`Deflicker` then follows the flow on both. Each clip's table holds ratios to
frame by frame: of the warping error by the motion that is known, by Farneback's
method (which `Deflicker` does not use), and by DIS (whose kin it uses); of the
sharpness (mean squared gradient); of the style loss (Gram matrices of VGG-19
against a drawing of the style). `floor` is the output that stands still best:
the first comic, moved by the known motion; where its error by an estimator is
high, it is the estimator that errs, as on walls without texture.

Without `--data`, the clips are photographs that scikit-image brings along, in
known motion, and there is no style loss. With it, those of its folder
`photos/large` and `clips` are added. Milliseconds are medians over frames.
"""

import os
import pathlib
import statistics
import time

import numpy as np
from benchmark import parser
from benchmark import report
from benchmark import row
from PIL import Image

PATHS = ("handheld", "pan", "rotation", "deformation", "zoom")
MOVING_CLIPS = ("interior_pan", "person_walk_intel")
FLOORS = "floor"
NONE, STATISTICS = "none", "statistics"
FLOWS = {
    "known": "known",
    "Farneback": "Farneback (OpenCV)",
    "DIS": "DIS, medium (OpenCV)",
}
COLUMNS = (*FLOWS, "sharpness", "style")


class Clip:
    """Frames, and their known motion if there is one."""

    def __init__(self, name, frames, motion=None):
        self.name = name
        self.frames = list(frames)
        self.motion = motion


def photograph_clips(num_frames, size):
    """Clips of scikit-image's photographs."""
    from skimage import data

    from keras_comic.video import moving_object
    from keras_comic.video import moving_photo
    from keras_comic.video import stereo_pair

    left, right, disparity = data.stereo_motorcycle()
    motions = {
        "coffee": moving_photo(data.coffee(), "handheld", num_frames, size),
        "motorcycle": moving_photo(left, "rotation", num_frames, size),
        "astronaut, noise": moving_photo(
            data.astronaut(), "zoom", num_frames, size, noise=2.0
        ),
        "chelsea": moving_object(
            data.chelsea(), data.coffee(), num_frames, size, share=0.1
        ),
        "motorcycle, two views": stereo_pair(left, right, disparity),
    }
    for name, motion in motions.items():
        yield Clip(f"{name}, {motion.name}", motion, motion)


def shared_clips(folder, num_frames, size):
    """Clips of the photographs and videos of a folder."""
    import keras_comic

    photos = keras_comic.data.list_images(folder / "photos" / "large")
    for number, path in enumerate(photos):
        motion = keras_comic.video.moving_photo(
            keras_comic.data.read_image(path),
            PATHS[number % len(PATHS)],
            num_frames,
            size,
        )
        yield Clip(f"{path.stem}, {motion.name}", motion, motion)
    for name in MOVING_CLIPS:
        frames = keras_comic.video.open_frames(
            folder / "clips" / f"{name}.mp4",
            scene_cuts=False,
            max_frames=num_frames,
        )
        yield Clip(name, (frame.image for frame in frames))


def stylize(runner, clip):
    """Dict of the way to the list of outputs."""
    from keras_comic.video import Deflicker
    from keras_comic.video import Frame
    from keras_comic.video import FrameByFrameStylizer
    from keras_comic.video import StatisticsStylizer

    outputs = {}
    for name, base in (
        (NONE, FrameByFrameStylizer(runner)),
        (STATISTICS, StatisticsStylizer(runner, mode="two_pass")),
    ):
        base.prepare(
            Frame(number, number / 25, frame, number == 0)
            for number, frame in enumerate(clip.frames)
        )
        comics = [
            base.stylize(frame, number == 0)
            for number, frame in enumerate(clip.frames)
        ]
        outputs[name] = comics
        deflicker = Deflicker()
        outputs[f"{name}, flow"] = [
            deflicker.process(*pair) for pair in zip(clip.frames, comics)
        ]
    # From the right view to the left one the motion is not known.
    if clip.motion is not None and len(clip.frames) > 2:
        outputs[FLOORS] = list(carried(outputs[NONE][0], clip))
    return outputs


def carried(comic, clip):
    """The first comic, moved to each frame by the known motion."""
    import keras_comic

    for number in range(len(clip.frames)):
        flow, _ = clip.motion.flow(number, 0)
        yield keras_comic.data.warp_image(comic, flow)


def measure(clip, outputs, features, drawing, strip):
    """Dict of the way to a dict of column to ratio, or `None`."""
    import keras_comic

    flows = ["farneback", "dis"]
    if clip.motion is not None:
        flows.insert(0, clip.motion)
    meter = keras_comic.video.VideoMeter(flows, [1], features, drawing, strip)
    for number, frame in enumerate(clip.frames):
        comics = {way: frames[number] for way, frames in outputs.items()}
        meter.add(frame, comics, number == 0)
    found = {}
    for way, result in meter.report()[0]:
        flow = result.protocol.get("flow")
        found[way, result.metric, flow] = result.value

    def ratio(way, metric, flow=None):
        value, reference = (found.get((of, metric, flow)) for of in (way, NONE))
        return value / reference if value and reference else None

    return {
        way: {
            **{
                column: ratio(way, "WarpingError", flow)
                for column, flow in FLOWS.items()
            },
            "sharpness": ratio(way, "Sharpness"),
            "style": ratio(way, "StyleLoss"),
        }
        for way in outputs
    }


def print_table(clip, ratios):
    print(f"\n#### {clip.name}, {len(clip.frames)} frames\n")
    print(f"| | {' | '.join(COLUMNS)} |")
    print("| --- |" + " ---: |" * len(COLUMNS))
    for way, columns in ratios.items():
        cells = [
            "" if columns[name] is None else f"{columns[name]:.3f}"
            for name in COLUMNS
        ]
        print(f"| {way} | {' | '.join(cells)} |", flush=True)


def time_parts(size, repeats):
    """Median milliseconds a frame: of the flow, and of all the rest."""
    from skimage import data

    from keras_comic.video import Deflicker

    height, width = size
    photo = Image.fromarray(data.astronaut())
    photo = np.asarray(photo.resize((width + 64, height + 64)))
    deflicker = Deflicker()
    estimate, spent = deflicker.flow, []

    def timed(first, second):
        start = time.perf_counter()
        flow = estimate(first, second)
        spent.append(time.perf_counter() - start)
        return flow

    deflicker.flow = timed
    parts = []
    for number in range(repeats + 2):
        left, top = 3 * number % 64, 2 * number % 64
        frame = photo[top : top + height, left : left + width]
        spent.clear()
        start = time.perf_counter()
        deflicker.process(frame, 255 - frame)
        seconds = time.perf_counter() - start
        parts.append((sum(spent), seconds - sum(spent)))
    # The first has no flow, the second warms up.
    return [1e3 * statistics.median(part) for part in zip(*parts[2:])]


def load_judges(arguments, generator):
    """VGG-19 and a drawing of the style, or `None`s."""
    if arguments.data is None:
        return None, None
    import keras_comic

    features = keras_comic.models.load_evaluation_network(
        arguments.data / "weights" / "vgg19_blocks1to3.npz"
    )
    style = arguments.style or generator.style_names[0]
    drawings = sorted(arguments.data.glob(f"drawings/{style}/eval/*"))
    if not drawings:
        return None, None
    return features, keras_comic.data.read_image(drawings[0])


def size_of(text):
    """Height and width of `480x270`."""
    width, height = (int(side) for side in text.split("x"))
    return height, width


def parse(arguments=None):
    options = parser(__doc__)
    options.add_argument("--preset", default="adain_storybook")
    options.add_argument("--style", help="a named style (default: the first)")
    options.add_argument("--frames", type=int, default=24)
    options.add_argument("--size", type=size_of, default=(270, 480))
    options.add_argument(
        "--speed-sizes",
        type=size_of,
        nargs="*",
        default=[(270, 480), (1080, 1920)],
        help="sizes at which milliseconds are taken",
    )
    options.add_argument(
        "--clips", nargs="*", help="only clips whose names hold one of these"
    )
    options.add_argument("--data", type=pathlib.Path, help="see above")
    options.add_argument(
        "--strips", type=pathlib.Path, help="a folder for contact strips"
    )
    return options.parse_args(arguments)


def main(arguments=None):
    arguments = parse(arguments)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras_comic

    generator = keras_comic.from_preset(arguments.preset)
    runner = keras_comic.video.NetworkRunner(generator, arguments.style)
    features, drawing = load_judges(arguments, generator)
    clips = [photograph_clips(arguments.frames, arguments.size)]
    if arguments.data is not None:
        clips.append(
            shared_clips(arguments.data, arguments.frames, arguments.size)
        )
    if arguments.strips is not None:
        arguments.strips.mkdir(parents=True, exist_ok=True)
    rows = []
    for clip in (clip for group in clips for clip in group):
        wanted = arguments.clips
        if wanted and not any(name in clip.name for name in wanted):
            continue
        strip = keras_comic.video.VideoStrip()
        outputs = stylize(runner, clip)
        ratios = measure(clip, outputs, features, drawing, strip)
        print_table(clip, ratios)
        rows += [
            row(
                f"{clip.name}: {way}, {column}",
                value,
                "ratio",
                f"{clip.name}: {NONE}, {column}",
                f"{len(clip.frames)} frames",
            )
            for way, columns in ratios.items()
            for column, value in columns.items()
            if value is not None
        ]
        if arguments.strips is not None:
            name = "".join(c if c.isalnum() else "_" for c in clip.name)
            strip.save(arguments.strips / f"{name}.png", clip.name)
    for height, width in arguments.speed_sizes:
        flow, blend = time_parts((height, width), arguments.repeats)
        title = f"Deflicker, {width}x{height}"
        rows.append(row(f"{title}: flow there and back", flow, "ms"))
        rows.append(row(f"{title}: warp and blend", blend, "ms"))
    print()
    report("Flow", rows, arguments.json)


if __name__ == "__main__":
    main()
