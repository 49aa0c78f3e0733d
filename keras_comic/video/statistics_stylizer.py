"""Frame by frame, with each frame's own statistics or with shared ones."""

import numpy as np

from keras_comic.video.frame_stylizer import FrameStylizer
from keras_comic.video.network_statistics import NetworkStatistics

MODES = ("two_pass", "running")


class FrameByFrameStylizer(FrameStylizer):
    """Stylises each frame by itself, as `Generator.stylize` does.

    Args:
        runner: `NetworkRunner`.

    Example:

    >>> generator = keras_comic.AdaINGenerator.light((4, 8, 4, 4), 1, 8)
    >>> drawing = np.random.randint(0, 256, (32, 40, 3), dtype="uint8")
    >>> runner = keras_comic.video.NetworkRunner(generator, drawing)
    >>> stylizer = keras_comic.video.FrameByFrameStylizer(runner)
    >>> frame = np.random.randint(0, 256, (40, 48, 3), dtype="uint8")
    >>> stylizer.stylize(frame).shape
    (40, 48, 3)
    """

    def __init__(self, runner):
        self.runner = runner

    def describe(self):
        return self.runner.describe()

    def stylize(self, frame, starts_scene=False):
        frame = self.check_frame(frame)
        return self.runner.run(frame[None])[0]


class SceneStatistics:
    """The statistics of the scene at hand, from its frames or from samples.

    With the mode `"two_pass"` they come from samples of the whole scene, which
    `prepare` has to see; with `"running"` the stylizer sets `current`.
    """

    def __init__(self, runner, mode, sample_every=8, max_samples=12):
        if mode not in MODES:
            raise ValueError(
                f"`mode` must be one of {list(MODES)}. Received: mode={mode!r}"
            )
        if sample_every < 1 or max_samples < 2:
            raise ValueError(
                "`sample_every` must be at least 1, `max_samples` at least 2. "
                f"Received: sample_every={sample_every}, "
                f"max_samples={max_samples}"
            )
        runner.check_positions()
        self.runner = runner
        self.sample_every = sample_every
        self.max_samples = max_samples
        # A network that shares nothing needs no sample of the scene.
        self.is_sampled = mode == "two_pass" and runner.has_statistics
        self.scenes = []
        self.reset()

    def reset(self):
        """Goes back to before the first scene."""
        self.number = -1
        self.current = None

    def prepare(self, frames):
        """Measures the scenes of a video."""
        if not self.is_sampled:
            return
        self.scenes = []
        samples, first, every = [], 0, self.sample_every
        for frame in frames:
            if frame.starts_scene or not samples:
                self._close(samples)
                samples, first, every = [], frame.number, self.sample_every
            elif frame.number < first + len(samples) * every:
                continue
            elif len(samples) == self.max_samples:
                # Every other one is left, and the next ones are as far apart.
                samples, every = samples[::2], 2 * every
                if frame.number < first + len(samples) * every:
                    continue
            samples.append(self.runner.statistics_of(frame.image[None]))
        self._close(samples)

    def _close(self, samples):
        if samples:
            self.scenes.append(NetworkStatistics.joined(samples).pooled())

    def start(self, frames):
        """Makes comics of the first frame of the next scene."""
        self.number += 1
        if not self.is_sampled:
            comics, self.current = self.runner.run_and_measure(frames)
            return comics
        if self.number >= len(self.scenes):
            raise ValueError(
                "Statistics of two passes must be measured first: call "
                "`prepare` with the frames of this very video. Received: "
                f"scene {self.number} after {len(self.scenes)} measured scenes"
            )
        self.current = self.scenes[self.number]
        return self.runner.run(frames, self.current)

    def run(self, frames, rate=0.0):
        """Makes comics of frames, and mixes their own statistics in."""
        if self.is_sampled or not rate:
            return self.runner.run(frames, self.current)
        comics, measured = self.runner.run_and_measure(frames, self.current)
        self.current = self.current.mixed(measured, rate)
        return comics

    def get_state(self):
        """Returns what was measured, as arrays."""
        state = {"scene": np.int64(self.number)}
        parts = {"scenes": self.scenes}
        parts["current"] = [] if self.current is None else [self.current]
        for part, statistics in parts.items():
            if statistics:
                rows = NetworkStatistics.joined(statistics)._asdict()
                state |= {f"{part}.{name}": row for name, row in rows.items()}
        return state

    def set_state(self, state):
        """Takes what another run has measured."""
        if "scene" not in state:
            raise ValueError(
                "`state` must be what `get_state` gives. "
                f"Received: state with {sorted(state)}"
            )

        def rows(part):
            values = [
                np.asarray(state.get(f"{part}.{name}", ()), "float32")
                for name in NetworkStatistics._fields
            ]
            return [
                NetworkStatistics(*(value[None] for value in row))
                for row in zip(*values, strict=True)
            ]

        self.number = int(state["scene"])
        self.scenes = rows("scenes")
        [self.current] = rows("current") or [None]


class StatisticsStylizer(FrameStylizer):
    """Stylises each frame with the statistics of its scene.

    The means and variances that a network normalises with (and with `strength`
    below 1 the photo's own conditions) change from frame to frame, and with
    them the tone of the whole comic. Here all frames of a scene share them. A
    network that has none is run frame by frame.

    Args:
        runner: `NetworkRunner`.
        mode: `"two_pass"`: the statistics are those of samples of the whole
            scene, which `prepare` has to see before; `"running"`: those of
            the frames so far, averaged slowly. Defaults to `"two_pass"`.
        rate: Float in `(0, 1]`. Weight of a new frame in the running average.
            Defaults to `0.05`.
        sample_every: Integer > 0. Frames from a sample to the next. Defaults
            to `8`.
        max_samples: Integer > 1. Samples of a scene at most; a longer one is
            sampled more thinly. Defaults to `12`.

    Raises:
        ValueError: If an argument is out of its range, or a layer of the
            network looks at all positions and does not report its statistics;
            from `stylize`, if the mode is `"two_pass"`, and `prepare` has not
            seen the scene.

    Example:

    >>> generator = keras_comic.AdaINGenerator.light((4, 8, 4, 4), 1, 8)
    >>> drawing = np.random.randint(0, 256, (32, 40, 3), dtype="uint8")
    >>> runner = keras_comic.video.NetworkRunner(generator, drawing)
    >>> stylizer = keras_comic.video.StatisticsStylizer(runner, "running")
    >>> frame = np.random.randint(0, 256, (40, 48, 3), dtype="uint8")
    >>> stylizer.stylize(frame, starts_scene=True).shape
    (40, 48, 3)

    Reference:
        - [Wang et al., 2020](https://doi.org/10.1109/TIP.2020.3024018)
          (ReReVST), whose statistics are shared over a sequence, sampled
          every 8 frames; differs from it in: scenes, the running average.
    """

    def __init__(
        self,
        runner,
        mode="two_pass",
        rate=0.05,
        sample_every=8,
        max_samples=12,
    ):
        if not 0 < rate <= 1:
            raise ValueError(
                f"`rate` must be a number in (0, 1]. Received: rate={rate!r}"
            )
        self.runner = runner
        self.mode = mode
        self.rate = rate
        self._scenes = SceneStatistics(runner, mode, sample_every, max_samples)

    @property
    def needs_first_pass(self):
        """Boolean, `True` if `prepare` has to see frames first."""
        return self._scenes.is_sampled

    def describe(self):
        return {**self.runner.describe(), "mode": self.mode, "rate": self.rate}

    def prepare(self, frames):
        self._scenes.prepare(frames)

    def stylize(self, frame, starts_scene=False):
        frames = self.check_frame(frame)[None]
        if not self.runner.has_statistics:
            return self.runner.run(frames)[0]
        if starts_scene or self._scenes.current is None:
            return self._scenes.start(frames)[0]
        return self._scenes.run(frames, self.rate)[0]

    def get_state(self):
        return self._scenes.get_state()

    def set_state(self, state):
        self._scenes.set_state(state)

    def reset(self):
        self._scenes.reset()
