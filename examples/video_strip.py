"""Shows on one sheet how still each level of consistency makes a video.

    python examples/video_strip.py
    python examples/video_strip.py --preset adain_storybook --style wright

A photograph of scikit-image moves as before a hand-held camera; below each
frame is its difference to the next one, moved back by the motion, which is
known: what is left there is what flickers. Nothing is fetched. About a minute
on two processor cores.
"""

import argparse
import collections
import pathlib

from skimage import data

import keras_comic

LEVELS = {
    "none": "frame by frame",
    "statistics": "shared statistics",
    "difference": "difference engine",
    "flow": "flow",
}
SIZE = (192, 288)
Frame = collections.namedtuple(
    "Frame", ["number", "time", "image", "starts_scene"]
)


def draw_strip(clip, stylizers):
    """Stylises a clip in several ways.

    Args:
        clip: What `keras_comic.video.moving_photo` gives.
        stylizers: Dict of label to `keras_comic.video.FrameStylizer`.

    Returns:
        `keras_comic.video.VideoStrip` and dict of label to the warping error.
    """
    frames = [
        Frame(number, number / 25.0, image, number == 0)
        for number, image in enumerate(clip)
    ]
    for stylizer in stylizers.values():
        stylizer.reset()
        if stylizer.needs_first_pass:
            stylizer.prepare(frames)
    strip = keras_comic.video.VideoStrip()
    meter = keras_comic.video.VideoMeter([clip], [1], strip=strip)
    for frame in frames:
        comics = {
            label: stylizer.stylize(frame.image, frame.starts_scene)
            for label, stylizer in stylizers.items()
        }
        meter.add(frame.image, comics, frame.starts_scene)
    errors = {
        of: result.value
        for of, result in meter.report()[0]
        if result.metric == "WarpingError"
    }
    return strip, errors


def main():
    options = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    options.add_argument("--preset", default="adain_storybook")
    options.add_argument("--style", help="a named style (default: the first)")
    options.add_argument("--frames", type=int, default=32)
    options.add_argument(
        "-o",
        "--output",
        type=pathlib.Path,
        default=pathlib.Path("outputs", "video_strip.png"),
    )
    arguments = options.parse_args()
    generator = keras_comic.from_preset(arguments.preset)
    stylizers = {
        label: keras_comic.video.VideoStylizer(
            generator, arguments.style, consistency=level
        )
        for level, label in LEVELS.items()
    }
    clip = keras_comic.video.moving_photo(
        data.coffee(), arguments.frames, SIZE, noise=1.5
    )
    strip, errors = draw_strip(clip, stylizers)
    for label, error in errors.items():
        print(f"{label}: warping error {1e4 * error:.3g}e-4")
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    strip.save(arguments.output)
    print(f"Wrote {arguments.output}")


if __name__ == "__main__":
    main()
