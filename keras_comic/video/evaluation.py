"""Measures how still a stylised video stands, from two files."""

import itertools
import json
import os
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
from PIL import Image

from keras_comic.data import read_image
from keras_comic.models.features.evaluation_network import (
    load_evaluation_network,
)
from keras_comic.video.flow import FLOW_ESTIMATORS
from keras_comic.video.frame_source import open_frames
from keras_comic.video.strip import VideoStrip
from keras_comic.video.video_meter import SOURCE
from keras_comic.video.video_meter import TITLES
from keras_comic.video.video_meter import TO_THE_FIRST
from keras_comic.video.video_meter import VideoMeter

TABLE_FILE = "metrics.md"
JSON_FILE = "metrics.json"
STRIP_FILE = "strip.png"
STYLIZED = "stylized"
# Frames that a network's or a codec's padding adds at most to a side, pixels.
MAX_PADDING = 64


class VideoEvaluation(NamedTuple):
    """What `evaluate_video` measured and wrote.

    `measurements` is a list of `VideoMeasurement`, `not_measured` one of
    `(metric, of, reason)`, `num_frames` an integer, and `files` a list of
    paths.
    """

    measurements: list
    not_measured: list
    num_frames: int
    files: list


def evaluate_video(
    source,
    stylized,
    output,
    flow="dis",
    style=None,
    features=None,
    long_range=10,
    shortest=False,
    max_frames=None,
    progress=None,
):
    """Measures how still a stylised video stands, beside its source.

    Any two videos will do, of whatever program. Measured is what `VideoMeter`
    measures: how much the stylised video changes that does not move with its
    source, over short range and long, and, so that neither doing nothing nor
    blur wins, how far it is from its source and how sharp. All of it is
    measured of the source too, as far as that says something. Frames at a cut
    are not compared with those before it.

    Written are `metrics.md` (a table, with the protocol of each number),
    `metrics.json`, and `strip.png` (eight frames of both, each above its
    difference to the next one, moved back along the flow).

    Args:
        source: String or path of the video that was stylised: a file, an
            animation or a folder of numbered images, see `open_frames`.
        stylized: String or path of the stylised video, of the same size and
            number of frames.
        output: String or path of the folder to write.
        flow: String: `"dis"` or `"farneback"`, the estimator of the source's
            motion. Defaults to `"dis"`.
        style: String or path of an image, a drawing of the style, or `None`.
            It is reduced to the longer side of the frames. Defaults to
            `None`.
        features: As in `keras_comic.models.evaluate_preset`: `"imagenet"`, a
            file of weights, or a network; or `None`: perceptual distances and
            the style loss are then not measured. Defaults to `None`.
        long_range: Integer > 0 or `"to the first"`. How many frames apart the
            long range compares; or each with the first of its scene. Defaults
            to `10`.
        shortest: Boolean. Whether videos of different lengths are measured as
            long as both last, instead of an error. Defaults to `False`.
        max_frames: Integer > 1 or `None`. Measures no more than the first of
            them. Defaults to `None`.
        progress: Callable or `None`. Called with the number of frames done
            and the number of all, `None` where that is not known. Defaults
            to `None`.

    Returns:
        Named tuple `VideoEvaluation`.

    Raises:
        FileNotFoundError: If a file does not exist.
        ImportError: If PyAV, OpenCV or PySceneDetect is not installed.
        ValueError: If the videos differ in size or length or have fewer than
            two frames, or an argument is none of these. A
            `keras_comic.data.VideoError`, if a video cannot be read.
        OSError: If ImageNet's weights cannot be fetched.

    Example:

    >>> from pathlib import Path
    >>> from PIL import Image
    >>> for folder, scale in (("source", 1.0), ("stylized", 0.5)):
    ...     Path(folder).mkdir()
    ...     for number in range(4):
    ...         picture = np.random.default_rng(0).uniform(0, 255, (32, 32, 3))
    ...         picture = (scale * picture).astype("uint8")
    ...         Image.fromarray(picture).save(f"{folder}/{number:04}.png")
    >>> evaluation = keras_comic.video.evaluate_video(
    ...     "source", "stylized", "out")
    >>> evaluation.measurements[0].result.value
    0.0
    """
    if flow not in FLOW_ESTIMATORS:
        raise ValueError(
            f"`flow` must be one of {', '.join(FLOW_ESTIMATORS)}. "
            f"Received: flow={flow!r}"
        )
    if max_frames is not None and not max_frames > 1:
        raise ValueError(
            "`max_frames` must be an integer > 1 or None. "
            f"Received: max_frames={max_frames}"
        )
    network = None if features is None else load_evaluation_network(features)
    videos = {
        SOURCE: open_frames(source, max_frames=max_frames),
        STYLIZED: open_frames(
            stylized, scene_cuts=False, max_frames=max_frames
        ),
    }
    _check_sizes(videos)
    facts = {"source": str(source), "stylized": str(stylized)}
    protocol = {"cuts": "not compared over"}
    drawing = None
    if style is not None:
        drawing = _read_drawing(style, videos[SOURCE])
        facts["style"] = str(style)
        protocol["style"] = Path(style).name
    strip = VideoStrip()
    meter = VideoMeter(
        flows=[flow],
        distances=[1, long_range],
        network=network,
        style=drawing,
        strip=strip,
        protocol=protocol,
    )
    total = videos[SOURCE].num_frames
    for pair in itertools.zip_longest(*videos.values()):
        if None in pair:
            if not shortest:
                raise ValueError(_lengths(videos, pair, meter.num_frames))
            break
        frame, made = pair
        meter.add(frame.image, {STYLIZED: made.image}, frame.starts_scene)
        if progress is not None:
            progress(meter.num_frames, total)
    if meter.num_frames < 2:
        raise ValueError(
            "A video to measure must have at least two frames. "
            f"Received: {meter.num_frames} frames"
        )
    facts.update(_facts(videos, meter, network))
    measurements, not_measured = meter.report()
    output = Path(output)
    output.mkdir(parents=True, exist_ok=True)
    evaluation = VideoEvaluation(
        measurements,
        not_measured,
        meter.num_frames,
        [output / name for name in (TABLE_FILE, JSON_FILE, STRIP_FILE)],
    )
    _write(output / TABLE_FILE, video_table(evaluation, facts))
    _write(output / JSON_FILE, _as_json(evaluation, facts))
    if meter.num_scenes < meter.num_frames:
        strip.save(output / STRIP_FILE, Path(stylized).name)
    return evaluation


def video_table(evaluation, facts):
    """The numbers as Markdown, each with its protocol.

    Args:
        evaluation: A `VideoEvaluation`.
        facts: Dict of string to string or number, what was evaluated.

    Returns:
        String.
    """
    videos = list(dict.fromkeys(of for of, _ in evaluation.measurements))
    values, protocols = {}, {}
    for of, result in evaluation.measurements:
        key = row_title(result)
        values.setdefault(key, {})[of] = f"{result.value:.4g}"
        protocols.setdefault((key, result.protocol_text), []).append(of)
    lines = [f"# Evaluation of {facts['stylized']}", ""]
    lines += [f"- {name}: {fact}" for name, fact in facts.items()]
    lines += [
        "",
        "`source` is the video before it was stylised: light, noise and the "
        "flow's own faults give it an error too. Numbers are of the protocols "
        "below, and comparable only with numbers of the same.",
        "",
        f"| metric | better | {' | '.join(videos)} |",
        f"| --- | --- |{' ---: |' * len(videos)}",
    ]
    for (metric, title), found in values.items():
        cells = " | ".join(found.get(of, "") for of in videos)
        lines.append(f"| {title} | {TITLES[metric][1]} | {cells} |")
    lines += ["", "## Protocols", ""]
    for ((_, title), text), of in protocols.items():
        lines.append(f"- {title} of {', '.join(of)}: {text}")
    if evaluation.not_measured:
        lines += ["", "## Not measured", ""]
        lines += [
            f"- {metric} of {of}: {reason}"
            for metric, of, reason in evaluation.not_measured
        ]
    return "\n".join(lines) + "\n"


def row_title(result):
    """The metric of a result, and how its row of a table is called."""
    title = TITLES[result.metric][0]
    apart = result.protocol.get("frames_apart")
    if apart is not None:
        range_ = {1: "next frame", TO_THE_FIRST: TO_THE_FIRST}.get(
            apart, f"{apart} frames apart"
        )
        title += f", {result.protocol['flow']}, {range_}"
    return result.metric, title


def _check_sizes(videos):
    sizes = {name: (v.width, v.height) for name, v in videos.items()}
    (width, height), (made_width, made_height) = sizes.values()
    if (width, height) == (made_width, made_height):
        return
    more = made_width - width, made_height - height
    message = "Both videos must have the same width and height."
    if max(abs(side) for side in more) <= MAX_PADDING:
        message += (
            f" They differ by {more[0]:+} and {more[1]:+} pixels, as by "
            "padding: crop the larger one, for example with `ffmpeg -i "
            "LARGER -filter:v crop=WIDTH:HEIGHT:LEFT:TOP CROPPED`, to where "
            "it shows the other."
        )
    else:
        message += " Resize the source to the stylised video's size first."
    raise ValueError(
        f"{message} Received: source of {width}x{height}, stylized of "
        f"{made_width}x{made_height}"
    )


def _lengths(videos, pair, num_frames):
    longer = [n for n, frame in zip(videos, pair) if frame is not None][0]
    shorter = STYLIZED if longer == SOURCE else SOURCE
    return (
        f"Both videos must have the same number of frames, and `{shorter}` "
        f"ends first. Pass `shortest=True` (`--shortest`) to measure what "
        "both have, if the frames up to there belong together. "
        f"Received: {shorter} of {num_frames} frames, {longer} of more"
    )


def _read_drawing(path, video):
    image = Image.fromarray(read_image(path))
    side = max(video.width, video.height)
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    return np.asarray(image)


def _facts(videos, meter, network):
    video = videos[SOURCE]
    facts = {
        "frames": meter.num_frames,
        "scenes": meter.num_scenes,
        "size": f"{video.width}x{video.height}",
        "frames per second": round(float(video.frame_rate), 3),
    }
    if network is not None:
        facts["features"] = type(network.network).__name__
    facts["Keras"] = f"{keras.__version__}, {keras.config.backend()}"
    return facts


def _as_json(evaluation, facts):
    entries = {
        **facts,
        "measurements": [
            {"of": of, "metric": result.metric, **result.to_dict()}
            for of, result in evaluation.measurements
        ],
        "not_measured": [
            {"metric": metric, "of": of, "reason": reason}
            for metric, of, reason in evaluation.not_measured
        ],
    }
    return json.dumps(entries, indent=2, ensure_ascii=False) + "\n"


def _write(path, text):
    partial = path.with_name(f".partial.{path.name}")
    try:
        partial.write_text(text, encoding="utf-8")
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
