"""Frame by frame, with each frame's own statistics or with shared ones."""

import numpy as np

from keras_comic.models.network_statistics import NetworkStatistics
from keras_comic.video.frame_stylizer import FrameStylizer
from keras_comic.video.position_layers import check_positions

# A scene is sampled at every so many frames, but in no more than so many
# places: of a longer one, fewer frames are samples.
SAMPLE_EVERY = 8
MAX_SAMPLES = 12
# Weight of a new frame in a running average.
RATE = 0.05


class StatisticsStylizer(FrameStylizer):
    """Level 1: normalises each frame with the statistics of its scene.

    The mode `"own"` takes those of each frame itself, `"two_pass"` those of
    samples of the whole scene, which `prepare` has to see before, and
    `"running"` those of the frames so far. After Wang et al., 2020 (ReReVST),
    which samples every eighth frame, and knows no scenes.
    """

    def __init__(self, runner, mode="two_pass"):
        if mode != "own":
            check_positions(runner)
        self.runner = runner
        self.mode = mode
        # A network that shares nothing needs no sample of the scene.
        self.needs_first_pass = mode == "two_pass" and runner.has_statistics
        self.scenes = []
        self.reset()

    def describe(self):
        return {**self.runner.describe(), "mode": self.mode}

    def prepare(self, frames):
        if not self.needs_first_pass:
            return
        self.scenes = []
        samples, first, every = [], 0, SAMPLE_EVERY
        for frame in frames:
            if frame.starts_scene or not samples:
                self._end_scene(samples)
                samples, first, every = [], frame.number, SAMPLE_EVERY
            elif frame.number < first + len(samples) * every:
                continue
            elif len(samples) == MAX_SAMPLES:
                # Every other one is left, and the next ones are as far apart.
                samples, every = samples[::2], 2 * every
                if frame.number < first + len(samples) * every:
                    continue
            samples.append(self.runner.statistics_of(frame.image[None]))
        self._end_scene(samples)

    def _end_scene(self, samples):
        if samples:
            self.scenes.append(NetworkStatistics.joined(samples).pooled())

    def stylize(self, frame, starts_scene=False):
        frames = self.check_frame(frame)[None]
        if self.mode == "own" or not self.runner.has_statistics:
            return self.runner.run(frames)[0]
        if starts_scene or self.statistics is None:
            return self.start_scene(frames)[0]
        return self.go_on(frames, RATE)[0]

    def start_scene(self, frames):
        """Draws the first frame of the next scene."""
        self.scene += 1
        if not self.needs_first_pass:
            comics, self.statistics = self.runner.run_and_measure(frames)
            return comics
        if self.scene >= len(self.scenes):
            raise ValueError(
                "Statistics of two passes must be measured first: call "
                "`prepare` with the frames of this very video. Received: "
                f"scene {self.scene} after {len(self.scenes)} measured scenes"
            )
        self.statistics = self.scenes[self.scene]
        return self.runner.run(frames, self.statistics)

    def go_on(self, frames, rate=0.0):
        """Draws frames, and mixes their own statistics in."""
        if self.needs_first_pass or not rate:
            return self.runner.run(frames, self.statistics)
        comics, own = self.runner.run_and_measure(frames, self.statistics)
        self.statistics = self.statistics.mixed(own, rate)
        return comics

    def get_state(self):
        parts = {"scenes": self.scenes}
        parts["now"] = [] if self.statistics is None else [self.statistics]
        state = {"scene": np.int64(self.scene)}
        for part, statistics in parts.items():
            if statistics:
                rows = NetworkStatistics.joined(statistics)._asdict()
                state |= {f"{part}.{name}": row for name, row in rows.items()}
        return state

    def set_state(self, state):
        def rows(part):
            if f"{part}.mean" not in state:
                return []
            names = NetworkStatistics._fields
            columns = [state[f"{part}.{name}"][:, None] for name in names]
            return [
                NetworkStatistics(*row) for row in zip(*columns, strict=True)
            ]

        self.scene = int(state["scene"])
        self.scenes = rows("scenes")
        [self.statistics] = rows("now") or [None]

    def reset(self):
        self.scene = -1
        self.statistics = None
