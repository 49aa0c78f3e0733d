"""Small videos, and stylizers, that the tests of this folder share."""

import numpy as np

from keras_comic.video.frame_stylizer import FrameStylizer


class Negative(FrameStylizer):
    """Stateless."""

    def stylize(self, frame, starts_scene=False):
        return 255 - frame


class Trail(FrameStylizer):
    """Mixes each frame with the output before it, and counts frames."""

    def __init__(self):
        self.reset()

    def reset(self):
        self.last, self.count = None, 0

    def stylize(self, frame, starts_scene=False):
        if starts_scene or self.last is None:
            self.last = frame
        mixed = frame.astype("uint16") + self.last + self.count % 7
        self.last = (mixed // 2).clip(0, 255).astype("uint8")
        self.count += 1
        return self.last

    def get_state(self):
        state = {"count": np.array(self.count)}
        if self.last is not None:
            state["last"] = self.last
        return state

    def set_state(self, state):
        self.count = int(state["count"])
        self.last = state.get("last")


class Shifted(FrameStylizer):
    """Needs to see frames before: adds their mean colour."""

    needs_first_pass = True

    def __init__(self):
        self.reset()

    def reset(self):
        self.mean, self.seen = None, []

    def prepare(self, frames):
        means = []
        for frame in frames:
            self.seen.append(frame.number)
            means.append(frame.image.mean())
        self.mean = np.array(np.mean(means))

    def stylize(self, frame, starts_scene=False):
        return (frame // 2 + int(self.mean) // 2).astype("uint8")

    def get_state(self):
        return {"mean": self.mean}

    def set_state(self, state):
        self.mean = state["mean"]
