"""Measures stylised videos beside their source, frame by frame."""

import collections
import functools
from typing import NamedTuple

import numpy as np
from keras import ops

from keras_comic import metrics
from keras_comic.layers import to_float
from keras_comic.layers import warp_images
from keras_comic.metrics.warping_error import warp_back
from keras_comic.video.flow import FLOW_ESTIMATORS
from keras_comic.video.flow import estimate_motion
from keras_comic.video.known_motion import KnownMotion
from keras_comic.video.strip import difference_image

SOURCE = "source"
TO_THE_FIRST = "to the first"
KNOWN = "known"
# Facts that all numbers have in common.
PROTOCOL = {"resize": "none", "crop": "none", "cuts": "not compared over"}
# Frames of the runs in which something is seen to stand still; each run
# begins with the last frame of the one before.
STILL_FRAMES = 9
# The window of the structural similarity.
SMALLEST_SIMILARITY = 11
# Metric: its title, and which values are better.
TITLES = {
    "WarpingError": ("Warping error", "lower"),
    "WarpedDistance": ("Warped perceptual distance", "lower"),
    "TemporalDistance": ("Temporal distance (tLPIPS)", "lower"),
    "Stillness.change": ("Change where the source is still", "lower"),
    "Stillness.variance": ("Variance where the source is still", "lower"),
    "PerceptualDistance": ("Perceptual distance from the source", ""),
    "ColorDistance": ("Colour distance from the source (CIEDE2000)", ""),
    "StructuralSimilarity": ("Structural similarity to the source", ""),
    "Sharpness": ("Sharpness (gradient energy)", ""),
}


class VideoMeasurement(NamedTuple):
    """A `MetricResult` of a video by name; `"source"` is not stylised."""

    of: str
    result: object


class VideoMeter:
    """Measures stylised versions of one video, frame by frame.

    Measured are, for each version, how still it is (`WarpingError` by each flow
    over each distance, its perceptual form `WarpedDistance`,
    `TemporalDistance`, and `Stillness` where the source stands still) and what
    else it could be still by: how far it is from its source (`ColorDistance`,
    `StructuralSimilarity`, `PerceptualDistance`) and how sharp (`Sharpness`).
    The same is measured of the source itself, where that has a meaning. Memory
    does not grow with the video.

    Args:
        flows: List of sources of the motion: `"dis"` or `"dis_fine"`, which
            estimate it (with OpenCV); a `KnownMotion`, whose frames are given;
            or a callable that takes two uint8 frames and gives the flow of the
            first. Defaults to `("dis",)`.
        distances: List of how far two frames of a pair are apart: integers
            > 0, frames, or `"to the first"` of the scene. Defaults to
            `(1, 10)`.
        network: A network from `keras_comic.models.load_evaluation_network`,
            or `None`, which measures no perceptual distance. Defaults to
            `None`.
        strip: `VideoStrip` to add frames to, or `None`. Defaults to `None`.

    Example:

    >>> photo = np.random.randint(256, size=(48, 64, 3)).astype("uint8")
    >>> clip = keras_comic.video.moving_photo(photo, 4, (24, 32))
    >>> meter = keras_comic.video.VideoMeter([clip], distances=[1])
    >>> for frame in clip:
    ...     meter.add(frame, {"negative": 255 - frame})
    >>> measured, not_measured = meter.report()
    >>> print(measured[0].of, measured[0].result.metric)
    negative WarpingError
    """

    def __init__(
        self, flows=("dis",), distances=(1, 10), network=None, strip=None
    ):
        self.flows = dict(map(_check_flow, flows))
        for distance in distances:
            if distance != TO_THE_FIRST and not (
                isinstance(distance, int) and distance > 0
            ):
                raise ValueError(
                    "A distance must be an integer > 0 or "
                    f'"{TO_THE_FIRST}". Received: distance={distance!r}'
                )
        self.distances = tuple(dict.fromkeys(distances))
        self.network = network
        self.strip = strip
        self.num_frames = self.num_scenes = 0
        self._metrics = {}
        self._shapes = None
        # Moments of the scene: the first, and as many as distances need.
        self._first = None
        steps = [d for d in self.distances if d != TO_THE_FIRST]
        self._last = collections.deque(maxlen=max([1, *steps]))
        self._still = []

    def add(self, source, outputs, starts_scene=False):
        """Measures the next frame.

        Args:
            source: Uint8 array `(height, width, 3)`, RGB in `[0, 255]`.
            outputs: Dict of name to uint8 array of the same shape: the frame
                of each version of the video. The same names for all frames.
            starts_scene: Boolean. `True` if the frame is not to be compared
                with those before it. Defaults to `False`.
        """
        frames = {**outputs, SOURCE: source}
        shapes = {name: np.shape(frame) for name, frame in frames.items()}
        if (
            len(frames) == len(outputs)
            or set(shapes.values()) != {np.shape(source)}
            or shapes != (self._shapes or shapes)
        ):
            raise ValueError(
                "All frames must be of one size, the outputs have the same "
                f'names for all frames, and none be named "{SOURCE}". '
                f"Received: {shapes}, after {self._shapes}"
            )
        self._shapes = shapes
        if starts_scene or self._first is None:
            self._end_still()
            self._first, self._still = None, []
            self._last.clear()
            self.num_scenes += 1
        moment = _Moment(self.num_frames, frames, self.network)
        self._measure_frame(moment)
        if self._first is None:
            self._first = moment
        else:
            self._measure_pairs(moment)
        if self._last:
            # Of older ones, only the frames are needed.
            self._last[-1].features = {}
        self._last.append(moment)
        self._still.append(moment)
        if len(self._still) == STILL_FRAMES:
            self._end_still()
        self.num_frames += 1

    def report(self):
        """Returns the results so far, and the reasons for missing ones.

        Returns:
            List of `VideoMeasurement`, metric by metric, and list of tuples
            `(metric, of, reason)` of strings.
        """
        self._end_still()
        measured, missing = [], []
        for (of, *_), metric in self._metrics.items():
            try:
                results = metric.report()
            except ValueError as error:
                missing.append((type(metric).__name__, of, str(error)))
                continue
            if not isinstance(results, dict):
                results = {"": results}
            measured += [VideoMeasurement(of, r) for r in results.values()]
        if self.network is None:
            reason = "no network of features was given"
            for name in ("WarpedDistance", "TemporalDistance"):
                missing.append((name, "all", reason))
        order = list(TITLES)
        # Names keep their order: sorting is stable.
        measured.sort(key=lambda m: order.index(m.result.metric))
        return measured, missing

    def _update(self, of, kind, arguments, **options):
        """Updates the metric of a video, which is made if it is missing."""
        facts = options.get("flow"), options.get("frames_apart")
        key = (of, kind.__name__, *facts)
        if key not in self._metrics:
            protocol = PROTOCOL
            if self.network is not None and "layers" in options:
                facts = metrics.network_facts(self.network.network)
                protocol = {**protocol, **facts}
            self._metrics[key] = kind(protocol=protocol, **options)
        self._metrics[key].update_state(*arguments)

    def _measure_frame(self, moment):
        source = moment.inputs[SOURCE]
        for of, frame in moment.inputs.items():
            self._update(of, metrics.Sharpness, [frame])
            if of == SOURCE:
                continue
            self._update(of, metrics.ColorDistance, [source, frame])
            if min(frame.shape[1:3]) >= SMALLEST_SIMILARITY:
                pair = [source, frame]
                self._update(of, metrics.StructuralSimilarity, pair)
            if self.network is not None:
                pair = [moment.features[SOURCE], moment.features[of]]
                layers = self.network.content_layers
                self._update(
                    of, metrics.PerceptualDistance, pair, layers=layers
                )

    def _measure_pairs(self, moment):
        """Measures the pairs of a moment with those before."""
        for distance in self.distances:
            if distance == TO_THE_FIRST:
                before = self._first
            elif distance <= len(self._last):
                before = self._last[-distance]
            else:
                continue
            for name, motion in self.flows.items():
                flow, valid = motion(before, moment)
                flow, valid = flow[None], valid[None]
                facts = {"flow": name, "frames_apart": distance}
                for of in moment.frames:
                    pair = [before.inputs[of], moment.inputs[of], flow, valid]
                    self._update(of, metrics.WarpingError, pair, **facts)
                if distance == 1 and name == next(iter(self.flows)):
                    self._show(before, moment, flow, valid)
                    if self.network is not None:
                        self._measure_features(
                            before, moment, flow, valid, name
                        )

    def _measure_features(self, before, moment, flow, valid, name):
        layers = self.network.content_layers
        for of, frame in moment.inputs.items():
            warped = warp_back(before.inputs[of], frame, flow, valid)
            warped = self.network.network(warped, layers=layers)
            self._update(
                of,
                metrics.WarpedDistance,
                [before.features[of], warped],
                layers=layers,
                flow=name,
                frames_apart=1,
            )
            if of != SOURCE:
                features = [
                    at.features[video]
                    for video in (SOURCE, of)
                    for at in (before, moment)
                ]
                self._update(
                    of, metrics.TemporalDistance, features, layers=layers
                )

    def _end_still(self):
        """Measures a run; the next one begins with its last frame."""
        if len(self._still) > 1:
            clips = {
                of: ops.stack([m.inputs[of] for m in self._still], axis=1)
                for of in self._shapes
            }
            for of, clip in clips.items():
                self._update(of, metrics.Stillness, [clips[SOURCE], clip])
        self._still = self._still[-1:]

    def _show(self, before, moment, flow, valid):
        if self.strip is None:
            return
        rows = {}
        if self.strip.wants_next():
            for of in (SOURCE, *(of for of in moment.frames if of != SOURCE)):
                frame = ops.cast(moment.frames[of][None], "float32")
                warped = warp_images(frame, ops.convert_to_tensor(flow))
                warped = ops.convert_to_numpy(warped)[0]
                frame = before.frames[of]
                rows[of] = frame, difference_image(frame, warped, valid[0])
        self.strip.add(rows)


class _Moment:
    """The frames of all videos at one time, by name."""

    def __init__(self, number, frames, network):
        self.number = number
        self.frames = {name: np.asarray(f) for name, f in frames.items()}
        self.features = {}
        if network is not None:
            layers = sorted(set(network.content_layers))
            for name, frame in self.inputs.items():
                self.features[name] = network.network(frame, layers=layers)

    @functools.cached_property
    def inputs(self):
        """All frames as float32 batches of one, RGB in `[-1, 1]`, by name."""
        return {n: to_float(frame[None]) for n, frame in self.frames.items()}


def _check_flow(flow):
    """Returns the name of a flow, and how it is found between two moments."""
    if isinstance(flow, KnownMotion):
        return KNOWN, lambda before, now: flow.flow(before.number, now.number)
    if isinstance(flow, str) and flow in FLOW_ESTIMATORS:
        name, estimator = FLOW_ESTIMATORS[flow]
    elif callable(flow):
        name, estimator = getattr(flow, "__name__", type(flow).__name__), flow
    else:
        raise ValueError(
            f"A flow must be one of {', '.join(FLOW_ESTIMATORS)}, a "
            f"KnownMotion, or a callable. Received: {flow!r}"
        )

    def estimated(before, now):
        return estimate_motion(
            before.frames[SOURCE], now.frames[SOURCE], estimator
        )

    return name, estimated
