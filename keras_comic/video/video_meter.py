"""Measures stylised videos beside their source, frame by frame."""

import collections
import functools
from typing import NamedTuple

import keras
import numpy as np

from keras_comic import metrics
from keras_comic.layers import warp_images
from keras_comic.metrics.sharpness import Sharpness
from keras_comic.metrics.stillness import Stillness
from keras_comic.metrics.temporal_distance import TemporalDistance
from keras_comic.metrics.warped_distance import WarpedDistance
from keras_comic.metrics.warping_error import WarpingError
from keras_comic.metrics.warping_error import warp_back
from keras_comic.video.flow import FLOW_ESTIMATORS
from keras_comic.video.flow import estimate_motion
from keras_comic.video.known_motion import KnownMotion
from keras_comic.video.strip import difference_image

SOURCE = "source"
TO_THE_FIRST = "to the first"
KNOWN = "known"
# Frames of the runs in which something is seen to stand still; each run
# begins with the last frame of the one before.
STILL_FRAMES = 9
# Metrics are given several frames at once: each call takes its time.
MAX_BATCH = 8
MAX_PIXELS = 2**20


class VideoMeasurement(NamedTuple):
    """A number, of which video, and its protocol.

    `of` is the name of a stylised video, or `"source"`: what a video that is
    not stylised has. `result` is a `MetricResult`.
    """

    of: str
    result: object


class VideoMeter:
    """Measures stylised versions of one video, frame by frame.

    Measured are, for each version:

    - how still it is: the warping error by each flow, over each distance
      (`WarpingError`); its perceptual form (`WarpedDistance`); how much more
      or less it changes than its source (`TemporalDistance`); and what moves
      where the source stands still (`Stillness`);
    - what else it could be still by: how far it is from its source
      (`ColorDistance`, `StructuralSimilarity`, `PerceptualDistance`), from the
      style (`StyleLoss`), and how sharp it is (`Sharpness`).

    The same is measured of the source itself, where that says something:
    it has a warping error too. Memory does not grow with the video.

    Args:
        flows: List of what tells the motion of the source: `"dis"` or
            `"farneback"`, which estimate it (with OpenCV); a `KnownMotion`,
            whose frames are given; or a pair of a name and a callable that
            takes two uint8 frames and gives the flow of the first. Defaults
            to `("dis",)`.
        distances: List of how far two frames of a pair are apart: integers
            > 0, frames, or `"to the first"`, the scene's. Defaults to
            `(1, 10)`.
        network: What `keras_comic.models.load_evaluation_network` gives, or
            `None`: then no perceptual distance and no style is measured.
            Defaults to `None`.
        style: Uint8 array `(height, width, 3)`, RGB in `[0, 255]`, a drawing
            of the style, or `None`. Defaults to `None`.
        strip: `VideoStrip` to add frames to, or `None`. The differences are
            those to the next frame, moved back by the first flow. Defaults
            to `None`.
        protocol: Dict or `None`: what all numbers' protocols state besides.
            Defaults to `None`.

    Raises:
        ValueError: If a flow or a distance is none of these.

    Example:

    >>> photo = np.random.randint(256, size=(48, 64, 3)).astype("uint8")
    >>> clip = keras_comic.video.moving_photo(photo, "pan", 4, (24, 32))
    >>> meter = keras_comic.video.VideoMeter([clip], distances=[1])
    >>> for frame in clip:
    ...     meter.add(frame, {"negative": 255 - frame})
    >>> measured, not_measured = meter.report()
    >>> print(measured[0].of, measured[0].result.metric)
    negative WarpingError
    """

    def __init__(
        self,
        flows=("dis",),
        distances=(1, 10),
        network=None,
        style=None,
        strip=None,
        protocol=None,
    ):
        self.flows = dict(_check_flow(flow) for flow in flows)
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
        self.protocol = {
            "resize": "none",
            "crop": "none",
            **(protocol or {}),
        }
        self.num_frames = self.num_scenes = 0
        self._metrics = {}
        self._waiting = {}
        self._size = None
        self._style = style
        self._style_features = None
        # Moments of the scene: the first, and as many as distances need.
        self._first = None
        steps = [d for d in self.distances if d != TO_THE_FIRST]
        self._last = collections.deque(maxlen=max([1, *steps]))
        self._still = []

    def add(self, source, outputs, starts_scene=False):
        """Measures the next frame.

        Args:
            source: Uint8 array `(height, width, 3)`, RGB in `[0, 255]`.
            outputs: Dict of name to uint8 array of the same shape: what each
                version of the video shows. The same names for all frames.
            starts_scene: Boolean. Whether the frame is not to be compared
                with those before it. Defaults to `False`.

        Raises:
            ValueError: If the shapes or names differ.
        """
        self._check(source, outputs)
        if starts_scene or self._first is None:
            self._end_scene()
            self.num_scenes += 1
        moment = _Moment(self.num_frames, {**outputs, SOURCE: source})
        self._look(moment)
        if self._first is None:
            self._first = moment
        else:
            self._compare(moment)
        self._measure_alone(moment)
        if self._last:
            # Of older ones, only the frames are needed.
            self._last[-1].features = {}
        self._last.append(moment)
        self._still.append(moment)
        if len(self._still) == STILL_FRAMES:
            self._end_still()
            self._still = [moment]
        self.num_frames += 1

    def report(self):
        """What was measured so far, and what could not be.

        Returns:
            List of `VideoMeasurement`, metric by metric, and list of tuples
            `(metric, of, reason)` of strings.
        """
        self._end_still()
        self._still = self._still[-1:]
        for of, key in list(self._waiting):
            self._flush(of, key)
        measured, missing = [], []
        for (of, _), metric in self._metrics.items():
            try:
                found = metric.report()
            except ValueError as error:
                missing.append((type(metric).__name__, of, str(error)))
                continue
            found = found.values() if isinstance(found, dict) else [found]
            measured += [VideoMeasurement(of, result) for result in found]
        if self.network is None:
            reason = "no network of features was given"
            for name in ("WarpedDistance", "TemporalDistance"):
                missing.append((name, "all", reason))
            if self._style is not None:
                missing.append(("StyleLoss", "all", reason))
        order = list(TITLES)
        # Names keep their order: sorting is stable.
        measured.sort(key=lambda m: order.index(m.result.metric))
        return measured, missing

    def _check(self, source, outputs):
        shapes = {
            name: np.asarray(frame).shape
            for name, frame in {SOURCE: source, **outputs}.items()
        }
        size = self._size or source.shape
        if set(shapes.values()) != {size} or SOURCE in outputs:
            raise ValueError(
                "All frames must be of one size, and no output be named "
                f'"{SOURCE}". Received: {shapes}, outputs={list(outputs)}, '
                f"after frames of {size}"
            )
        names = {of for of, _ in self._metrics} - {SOURCE}
        if names and names != set(outputs):
            raise ValueError(
                "The outputs must have the same names for all frames. "
                f"Received: {sorted(outputs)}, after {sorted(names)}"
            )
        self._size = size

    def _metric(self, of, key, make):
        """The metric of a video, made when it is first needed."""
        if (of, key) not in self._metrics:
            self._metrics[of, key] = make()
        return self._metrics[of, key]

    def _feed(self, of, key, make, *arrays):
        """Gives a metric the arrays of a frame, some frames at a time."""
        self._metric(of, key, make)
        waiting = self._waiting.setdefault((of, key), [])
        waiting.append(arrays)
        height, width = arrays[0].shape[:2]
        if len(waiting) >= min(MAX_BATCH, MAX_PIXELS // (height * width)):
            self._flush(of, key)

    def _flush(self, of, key):
        waiting = self._waiting.pop((of, key))
        arrays = [np.stack(entries) for entries in zip(*waiting)]
        self._metrics[of, key].update_state(
            *(a if a.dtype != "uint8" else as_inputs(a)[0] for a in arrays)
        )

    def _facts(self):
        facts = dict(self.protocol)
        if self.network is not None:
            facts.update(metrics.network_facts(self.network.network))
        return facts

    def _end_scene(self):
        self._end_still()
        self._still = []
        self._first = None
        self._last.clear()

    def _look(self, moment):
        """The activations that metrics of one moment, and two, need."""
        if self.network is None:
            return
        layers = set(self.network.content_layers)
        if self._style is not None:
            layers |= set(self.network.style_layers)
        moment.features = self._activations(
            moment.frames, moment.inputs(), sorted(layers)
        )

    def _activations(self, names, inputs, layers):
        """Activations of a batch with an entry for each video, by name."""
        found = self.network.network(inputs, layers=layers)
        return {
            of: {layer: maps[n : n + 1] for layer, maps in found.items()}
            for n, of in enumerate(names)
        }

    def _measure_alone(self, moment):
        source = moment.frames[SOURCE]
        for of, frame in moment.frames.items():
            self._feed(of, "sharpness", lambda: Sharpness(self.protocol), frame)
            if self.network is not None and self._style is not None:
                self._metric(
                    of,
                    "style",
                    lambda: metrics.StyleLoss(
                        layers=self.network.style_layers,
                        protocol=self._facts(),
                    ),
                ).update_state(self._drawing(), moment.features[of])
            if of == SOURCE:
                continue
            kinds = [metrics.ColorDistance]
            if min(frame.shape[:2]) >= SMALLEST_SIMILARITY:
                kinds.append(metrics.StructuralSimilarity)
            for kind in kinds:
                make = functools.partial(kind, self.protocol)
                self._feed(of, kind.__name__, make, source, frame)
            if self.network is not None:
                self._metric(
                    of,
                    "perceptual",
                    lambda: metrics.PerceptualDistance(
                        layers=self.network.content_layers,
                        protocol=self._facts(),
                    ),
                ).update_state(moment.features[SOURCE], moment.features[of])

    def _drawing(self):
        if self._style_features is None:
            self._style_features = self.network.network(
                as_inputs(self._style), layers=self.network.style_layers
            )
        return self._style_features

    def _compare(self, moment):
        """Measures the pairs of a moment with those before."""
        shown = False
        for distance in self.distances:
            if distance == TO_THE_FIRST:
                before = self._first
            elif distance <= len(self._last):
                before = self._last[-distance]
            else:
                continue
            for name, motion in self.flows.items():
                found = motion(before, moment)
                if found is None:
                    continue
                flow, valid = found
                self._measure_pair(before, moment, flow, valid, name, distance)
                if distance == 1 and not shown:
                    self._show(before, moment, flow, valid)
                    self._measure_perceptual_pair(
                        before, moment, flow, valid, name
                    )
                    shown = True
        if self.network is not None:
            self._measure_temporal(self._last[-1], moment)

    def _measure_pair(self, before, moment, flow, valid, name, distance):
        for of, frame in moment.frames.items():
            self._feed(
                of,
                ("warping", name, distance),
                lambda: WarpingError(name, distance, self.protocol),
                before.frames[of],
                frame,
                flow,
                valid,
            )

    def _measure_perceptual_pair(self, before, moment, flow, valid, name):
        if self.network is None:
            return
        layers = self.network.content_layers
        count = len(moment.frames)
        warped = warp_back(
            before.inputs(),
            moment.inputs(),
            np.stack([flow] * count),
            np.stack([valid] * count),
        )
        activations = self._activations(moment.frames, warped, layers)
        for of, found in activations.items():
            self._metric(
                of,
                "warped",
                lambda: WarpedDistance(
                    layers=layers,
                    flow=name,
                    frames_apart=1,
                    protocol=self._facts(),
                ),
            ).update_state(before.features[of], found)

    def _measure_temporal(self, before, moment):
        for of in moment.frames:
            if of == SOURCE:
                continue
            self._metric(
                of,
                "temporal",
                lambda: TemporalDistance(
                    layers=self.network.content_layers, protocol=self._facts()
                ),
            ).update_state(
                before.features[SOURCE],
                moment.features[SOURCE],
                before.features[of],
                moment.features[of],
            )

    def _end_still(self):
        if len(self._still) < 2:
            return
        clips = {
            of: as_inputs(np.stack([m.frames[of] for m in self._still]))
            for of in self._still[0].frames
        }
        for of, frames in clips.items():
            self._metric(
                of, "stillness", lambda: Stillness(protocol=self.protocol)
            ).update_state(clips[SOURCE], frames)

    def _show(self, before, moment, flow, valid):
        if self.strip is None:
            return
        if not self.strip.wants_next():
            self.strip.skip()
            return
        rows = {}
        for of in (SOURCE, *(of for of in moment.frames if of != SOURCE)):
            warped = warp_images(
                keras.ops.convert_to_tensor(
                    moment.frames[of][None].astype("float32")
                ),
                keras.ops.convert_to_tensor(flow[None]),
            )
            warped = keras.ops.convert_to_numpy(warped)[0]
            frame = before.frames[of]
            rows[of] = frame, difference_image(frame, warped, valid)
        self.strip.add(rows)


# Metric: how it is written, and what is better.
TITLES = {
    "WarpingError": ("Warping error", "lower"),
    "WarpedDistance": ("Warped perceptual distance", "lower"),
    "TemporalDistance": ("Temporal distance (tLPIPS)", "lower"),
    "Stillness.change": ("Change where the source is still", "lower"),
    "Stillness.variance": ("Variance where the source is still", "lower"),
    "StyleLoss": ("Style loss", "lower"),
    "PerceptualDistance": ("Perceptual distance from the source", ""),
    "ColorDistance": ("Colour distance from the source (CIEDE2000)", ""),
    "StructuralSimilarity": ("Structural similarity to the source", ""),
    "Sharpness": ("Sharpness (gradient energy)", ""),
}
# The window of the structural similarity.
SMALLEST_SIMILARITY = 11


class _Moment:
    """The frames of all videos at one time, by name."""

    def __init__(self, number, frames):
        self.number = number
        self.frames = {name: np.asarray(f) for name, f in frames.items()}
        self.features = {}

    def inputs(self):
        """All frames as one float32 batch, RGB in `[-1, 1]`."""
        return as_inputs(np.stack(list(self.frames.values())))[0]


def as_inputs(frame):
    """A frame as a batch of one for metrics and networks."""
    inputs = np.asarray(frame)[None].astype("float32") / 127.5 - 1.0
    return keras.ops.convert_to_tensor(inputs)


def _check_flow(flow):
    """The name of a flow, and how it is found between two moments."""
    if isinstance(flow, KnownMotion):

        def known(before, moment):
            return flow.flow(before.number, moment.number)

        return KNOWN, known
    if isinstance(flow, str):
        if flow not in FLOW_ESTIMATORS:
            raise ValueError(
                "A flow must be one of "
                f"{', '.join(FLOW_ESTIMATORS)}, a KnownMotion, or a pair of "
                f"a name and a callable. Received: {flow!r}"
            )
        name, estimator = FLOW_ESTIMATORS[flow]
    else:
        name, estimator = flow

    def estimated(before, moment):
        return estimate_motion(
            before.frames[SOURCE], moment.frames[SOURCE], estimator
        )

    return name, estimated
