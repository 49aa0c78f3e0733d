"""Measures how still a stylised video stands, from two files."""

import itertools
import json
from pathlib import Path
from typing import NamedTuple

import keras

from keras_comic.data.paths import write_whole
from keras_comic.models.features.evaluation_network import (
    load_evaluation_network,
)
from keras_comic.video.flow import get_flow_estimator
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


class VideoEvaluation(NamedTuple):
    """The outcome of `evaluate_video`."""

    measurements: list
    not_measured: list
    num_frames: int
    files: list


def evaluate_video(
    source,
    stylized,
    output,
    flow="dis",
    features=None,
    long_range=10,
    max_frames=None,
    progress=None,
):
    """Measures how still a stylised video stands, beside its source.

    Any two videos will do, of whatever program; the measures are those of
    `VideoMeter`. Written are `metrics.md` (a table, with the protocol of each
    number), `metrics.json`, and `strip.png` (eight frames of both, each above
    its difference to the next one, moved back along the flow).

    Args:
        source: String or path of the video that was stylised: a file, an
            animation or a folder of numbered images, see `open_frames`.
        stylized: String or path of the stylised video, of the same size and
            number of frames.
        output: String or path of the folder to write.
        flow: String: `"dis"` or `"dis_fine"`, the estimator of the source's
            motion. Defaults to `"dis"`.
        features: As in `keras_comic.models.evaluate_preset`: `"imagenet"`, a
            file of weights, or a network; or `None`, which measures no
            perceptual distances. Defaults to `None`.
        long_range: Integer > 0, how many frames apart the long range compares;
            or `"to the first"` of the scene. Defaults to `10`.
        max_frames: Integer > 1 or `None`. Measures no more than the first of
            them, of videos that differ in length as well. Defaults to `None`.
        progress: Callable or `None`, see `convert_video`. Defaults to `None`.

    Returns:
        Named tuple: `measurements`, pairs of `of` (`"stylized"` or
        `"source"`) and `result` (a `MetricResult`); `not_measured`, tuples
        `(metric, of, reason)`; `num_frames`; and `files`, the paths.

    Raises:
        ValueError: If the videos differ in size or length or have fewer than
            two frames. A `keras_comic.data.VideoError`, if a video cannot be
            read.

    Example:

    >>> frames = np.random.randint(256, size=(4, 32, 32, 3)).astype("uint8")
    >>> for name, scale in (("source", 1), ("stylized", 2)):
    ...     count = keras_comic.video.write_frames(
    ...         frames[:1].repeat(4, 0) // scale, name, frame_rate=10)
    >>> evaluation = keras_comic.video.evaluate_video(
    ...     "source", "stylized", "out")
    >>> evaluation.measurements[0].result.value
    0.0
    """
    get_flow_estimator(flow)
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
    _check_sizes(*videos.values())
    total = videos[SOURCE].num_frames
    strip = VideoStrip()
    meter = VideoMeter([flow], [1, long_range], network, strip)
    for frame, comic in itertools.zip_longest(*videos.values()):
        if frame is None or comic is None:
            shorter, longer = videos
            if frame is not None:
                shorter, longer = longer, shorter
            raise ValueError(
                "Both videos must have the same number of frames. Pass "
                "`max_frames` to measure the first ones, if those belong "
                f"together. Received: {shorter} of {meter.num_frames} frames, "
                f"{longer} of more"
            )
        meter.add(frame.image, {STYLIZED: comic.image}, frame.starts_scene)
        if progress is not None:
            progress(meter.num_frames, total)
    if progress is not None and total != meter.num_frames:
        # The number was an estimate.
        progress(meter.num_frames, meter.num_frames)
    if meter.num_frames < 2:
        raise ValueError(
            "A video to measure must have at least two frames. "
            f"Received: {meter.num_frames} frames"
        )
    facts = {
        "source": str(source),
        "stylized": str(stylized),
        "frames": meter.num_frames,
        "scenes": meter.num_scenes,
        "size": f"{videos[SOURCE].width}x{videos[SOURCE].height}",
        "frames per second": round(float(videos[SOURCE].frame_rate), 3),
        "Keras": f"{keras.__version__}, {keras.config.backend()}",
    }
    if network is not None:
        facts["features"] = type(network.network).__name__
    output = Path(output)
    output.mkdir(parents=True, exist_ok=True)
    evaluation = VideoEvaluation(
        *meter.report(),
        meter.num_frames,
        [output / name for name in (TABLE_FILE, JSON_FILE, STRIP_FILE)],
    )
    table, facts = video_table(evaluation, facts), _as_json(evaluation, facts)
    write_whole(output / TABLE_FILE, table)
    write_whole(output / JSON_FILE, facts)
    if meter.num_scenes < meter.num_frames:
        strip.save(output / STRIP_FILE, Path(stylized).name)
    return evaluation


def video_table(evaluation, facts):
    """Formats an evaluation as Markdown, each number with its protocol."""
    videos = list(dict.fromkeys(of for of, _ in evaluation.measurements))
    values, protocols = {}, {}
    for of, result in evaluation.measurements:
        key = result.metric, _row_title(result)
        values.setdefault(key, {})[of] = f"{result.value:.4g}"
        protocols.setdefault((key[1], result.protocol_text), []).append(of)
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
    for (metric, title), row in values.items():
        cells = " | ".join(row.get(of, "") for of in videos)
        lines.append(f"| {title} | {TITLES[metric][1]} | {cells} |")
    lines += ["", "## Protocols", ""]
    for (title, text), of in protocols.items():
        lines.append(f"- {title} of {', '.join(of)}: {text}")
    if evaluation.not_measured:
        lines += ["", "## Not measured", ""]
        lines += [
            f"- {metric} of {of}: {reason}"
            for metric, of, reason in evaluation.not_measured
        ]
    return "\n".join(lines) + "\n"


def _row_title(result):
    title = TITLES[result.metric][0]
    apart = result.protocol.get("frames_apart")
    if apart is None:
        return title
    distances = {1: "next frame", TO_THE_FIRST: TO_THE_FIRST}
    distance = distances.get(apart, f"{apart} frames apart")
    return f"{title}, {result.protocol['flow']}, {distance}"


def _check_sizes(source, stylized):
    sizes = [f"{video.width}x{video.height}" for video in (source, stylized)]
    if sizes[0] != sizes[1]:
        raise ValueError(
            "Both videos must have the same width and height: crop what a "
            "network or a codec has padded, or resize the source to the "
            "stylised video's size first. "
            f"Received: source of {sizes[0]}, stylized of {sizes[1]}"
        )


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
