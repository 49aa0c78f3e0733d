"""Frame by frame, with each frame's own statistics or with shared ones."""

import numpy as np

from keras_comic.video.frame_stylizer import FrameStylizer
from keras_comic.video.network_runner import NetworkStatistics

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

    def stylize(self, frame, starts_scene=False):
        frame = self.check_frame(frame)
        return self.runner.run(frame[None])[0]


class SceneStatistics:
    """Statistics of the scenes of a video, from samples of their frames."""

    def __init__(self, runner, sample_every=8, max_samples=12):
        if sample_every < 1 or max_samples < 2:
            raise ValueError(
                "`sample_every` must be at least 1, `max_samples` at least 2. "
                f"Received: sample_every={sample_every}, "
                f"max_samples={max_samples}"
            )
        self.runner = runner
        self.sample_every = sample_every
        self.max_samples = max_samples
        self.scenes = []

    def prepare(self, frames):
        """Measures the scenes of a video."""
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
            rows = map(np.concatenate, zip(*samples, strict=True))
            self.scenes.append(NetworkStatistics(*rows).pooled())

    def of_scene(self, number):
        """Statistics of a scene."""
        if number >= len(self.scenes):
            raise ValueError(
                "Statistics of two passes must be measured first: call "
                "`prepare` with the frames of this very video. Received: "
                f"scene {number} after {len(self.scenes)} measured scenes"
            )
        return self.scenes[number]

    def get_state(self):
        """What was measured."""
        if not self.scenes:
            return {}
        rows = map(np.concatenate, zip(*self.scenes, strict=True))
        names = (f"scenes_{name}" for name in NetworkStatistics._fields)
        return dict(zip(names, rows, strict=True))

    def set_state(self, state):
        """Takes what another run has measured."""
        rows = [
            state.get(f"scenes_{name}", ())
            for name in NetworkStatistics._fields
        ]
        self.scenes = [
            NetworkStatistics(*(value[None] for value in values))
            for values in zip(*rows, strict=True)
        ]


class StatisticsStylizer(FrameStylizer):
    """Stylises each frame with the statistics of its scene.

    What a network normalises with (means and variances of its features, and
    with `strength` below 1 the photo's own style vector) changes from frame to
    frame, and with it the tone of the whole comic. Here all frames of a scene
    share it.

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
        ValueError: If an argument is out of its range; from `stylize`, if
            the mode is `"two_pass"`, and `prepare` has not seen the scene.

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
        check_mode(mode)
        if not 0 < rate <= 1:
            raise ValueError(
                f"`rate` must be a number in (0, 1]. Received: rate={rate!r}"
            )
        self.runner = runner
        self.mode = mode
        self.rate = rate
        self._scenes = SceneStatistics(runner, sample_every, max_samples)
        self.reset()

    @property
    def needs_first_pass(self):
        """Whether `prepare` wants to see frames before the first one."""
        return self.mode == "two_pass"

    def prepare(self, frames):
        if self.mode == "two_pass":
            self._scenes.prepare(frames)

    def stylize(self, frame, starts_scene=False):
        frames = self.check_frame(frame)[None]
        starts_scene = starts_scene or self._statistics is None
        if starts_scene:
            self._scene += 1
        if self.mode == "two_pass":
            self._statistics = self._scenes.of_scene(self._scene)
            return self.runner.run(frames, self._statistics)[0]
        if starts_scene:
            comics, self._statistics = self.runner.run_and_measure(frames)
            return comics[0]
        comics, found = self.runner.run_and_measure(frames, self._statistics)
        self._statistics = self._statistics.mixed(found, self.rate)
        return comics[0]

    def get_state(self):
        state = {"scene": np.int64(self._scene), **self._scenes.get_state()}
        if self._statistics is not None:
            state.update(self._statistics._asdict())
        return state

    def set_state(self, state):
        if "scene" not in state:
            raise ValueError(
                "`state` must be what `get_state` gives. "
                f"Received: state with {sorted(state)}"
            )
        self._scene = int(state["scene"])
        self._scenes.set_state(state)
        self._statistics = None
        if "mean" in state:
            self._statistics = NetworkStatistics(
                *(np.asarray(state[n]) for n in NetworkStatistics._fields)
            )

    def reset(self):
        self._scene = -1
        self._statistics = None


def check_mode(mode):
    """Raises an error if there is no such way to measure statistics."""
    if mode not in MODES:
        raise ValueError(
            f"`mode` must be one of {list(MODES)}. Received: mode={mode!r}"
        )
