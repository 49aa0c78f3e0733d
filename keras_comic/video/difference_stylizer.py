"""Draws anew only what differs from the frame that was drawn before."""

import numpy as np

from keras_comic.data.video_library import import_video_library
from keras_comic.models.network_reach import reach_of_changes
from keras_comic.video.change_detector import ChangeDetector
from keras_comic.video.statistics_stylizer import RATE
from keras_comic.video.statistics_stylizer import StatisticsStylizer
from keras_comic.video.window_planner import make_planner

# Changes of the comic, beyond the pixels that are written anew, that count as
# none, in units of 1/255.
REACH_TOLERANCE = 5.0
# Pixels that a batch of windows may hold.
BATCH_PIXELS = 512 * 512
# Pixels: the least side of a tile, and the width of the blend into what stands
# still, which is less.
LEAST_TILE = 16
FEATHER = 8


class DifferenceStylizer(StatisticsStylizer):
    """Level 2: draws what changes, and keeps what stands still, bit for bit.

    Each frame is compared with the pixels that the comic at hand was made
    from, not with the frame before: what changes slowly adds up until it is
    seen. Where the smoothed absolute difference is above a noise floor (of
    `None`, it is measured from what stands still), the comic is made anew,
    with the same statistics, in windows around what has changed, and is
    blended into what stands still.

    A change is grown by how far the network carries it (see `network_reach`)
    and snapped to tiles. Windows have a halo as wide, and give way to the
    whole frame where that costs less. In turn, block by block, everything is
    also made anew within `refresh_frames` frames, unless not one of its pixels
    has changed.
    """

    def __init__(
        self, runner, mode="two_pass", noise_floor=None, refresh_frames=240
    ):
        import_video_library("cv2")
        step = np.lcm(2, runner.alignment)
        self.tile = int(-(-LEAST_TILE // step) * step)
        self._detector = ChangeDetector(self.tile, noise_floor, refresh_frames)
        super().__init__(runner, mode)

    @property
    def last_mask(self):
        """The part of the last frame that was made anew, or `None`."""
        if self._mask is None:
            return None
        mask = _enlarged(self._mask, self.tile)
        height, width = self._source.shape[:2]
        return self.runner.crop(mask[None, :height, :width], *self._shape)[0]

    def stylize(self, frame, starts_scene=False):
        frame = self.check_frame(frame)
        self._shape = frame.shape[:2]
        padded = self.runner.pad(frame[None])[0]
        if self._source is None or self._source.shape != padded.shape:
            starts_scene = True
        if starts_scene:
            self._start_scene(padded)
        else:
            self._update(padded)
        return self.runner.crop(self._comic[None], *self._shape)[0].copy()

    def _start_scene(self, frame):
        comics = self.start_scene(frame[None])
        if self._reach is None:
            self._reach = reach_of_changes(
                self.runner, frame, self.statistics, REACH_TOLERANCE
            )
        self._detector.start(frame.shape)
        self._mask = np.ones(self._detector.grid, bool)
        self._keep(frame, comics)

    def _keep(self, frame, comics):
        """Takes over a frame that was drawn as a whole."""
        self._source = frame.copy()
        self._comic = comics[0].copy()
        self.last_share = 1.0

    def _update(self, frame):
        cv2 = import_video_library("cv2")
        channels = cv2.split(cv2.absdiff(frame, self._source))
        difference = cv2.max(cv2.max(*channels[:2]), channels[2])
        # The blend takes away from what is grown.
        reach = self._reach + FEATHER // 2
        changed = self._detector.changed(difference, reach)
        marked = changed | self._detector.refreshed(difference)
        self._mask = marked
        self.last_share = 0.0
        if not marked.any():
            return
        if self.mode == "running" and changed.all():
            comics = self.go_on(frame[None], RATE)
            self._keep(frame, comics)
            return
        planner = make_planner(
            frame.shape[:2],
            self.tile,
            # At the edge of a window the blend takes little of it.
            max(0, self._reach - FEATHER // 2),
            self.runner.alignment,
            self.runner.compiles_each_size,
        )
        weights = self._weights(marked, frame.shape)
        for (top, left, bottom, right), comic in self._run(
            frame, planner.plan(marked)
        ):
            box = np.s_[top:bottom, left:right]
            self._write(comic, frame[box], weights[box], box)
            area = (bottom - top) * (right - left)
            self.last_share += area / (frame.shape[0] * frame.shape[1])
        self.last_share = min(self.last_share, 1.0)

    def _weights(self, marked, shape):
        """Returns the share of the new comic, in 255ths, `(height, width)`."""
        cv2 = import_video_library("cv2")
        inside = _enlarged(marked, self.tile)[: shape[0], : shape[1]]
        inside = 255 * inside.astype("uint8")
        if marked.all():
            return inside
        # The borders of the frame are no borders of what is marked.
        inside = cv2.copyMakeBorder(inside, 1, 1, 1, 1, cv2.BORDER_REPLICATE)
        distance = cv2.distanceTransform(inside, cv2.DIST_C, 3)[1:-1, 1:-1]
        weights = distance * (255.0 / (FEATHER + 1))
        return np.minimum(weights, 255.0).astype("uint8")

    def _write(self, comic, frame, weight, box):
        """Blends a window into the comic at hand."""
        target = self._comic[box]
        rising = (weight > 0) & (weight < 255)
        old, new = (
            values[rising].astype("float32") for values in (target, comic)
        )
        blended = old + (new - old) * (weight[rising, None] / 255.0)
        _copy(comic, target, weight == 255)
        target[rising] = np.rint(blended).astype("uint8")
        _copy(frame, self._source[box], weight >= 128)

    def _run(self, frame, windows):
        """Yields inner boxes and their comics."""
        batches = {}
        for inner, outer in windows:
            size = (outer[2] - outer[0], outer[3] - outer[1])
            batches.setdefault(size, []).append((inner, outer))
        for (height, width), members in batches.items():
            count = max(1, BATCH_PIXELS // (height * width))
            if self.runner.compiles_each_size:
                count = 1
            for start in range(0, len(members), count):
                part = members[start : start + count]
                pictures = [frame[o[0] : o[2], o[1] : o[3]] for _, o in part]
                comics = self.go_on(np.stack(pictures))
                for (inner, outer), comic in zip(part, comics, strict=True):
                    top, left = inner[0] - outer[0], inner[1] - outer[1]
                    bottom = top + inner[2] - inner[0]
                    right = left + inner[3] - inner[1]
                    yield inner, comic[top:bottom, left:right]

    def get_state(self):
        state = super().get_state()
        if self._source is not None:
            state |= self._detector.get_state()
            state["source"] = self._source.copy()
            state["comic"] = self._comic.copy()
            state["shape"] = np.int64(self._shape)
            state["reach"] = np.int64(self._reach)
        return state

    def set_state(self, state):
        self.reset()
        super().set_state(state)
        if "source" not in state:
            return
        self._source = np.array(state["source"])
        self._comic = np.array(state["comic"])
        self._shape = tuple(int(side) for side in state["shape"])
        self._reach = int(state["reach"])
        self._detector.start(self._source.shape)
        self._detector.set_state(state)
        self._mask = np.zeros(self._detector.grid, bool)

    def reset(self):
        super().reset()
        # The padded frame that the padded comic at hand was made from.
        self._source = None
        self._comic = None
        self._mask = None
        self._shape = None
        self._reach = None
        self.last_share = 1.0


def _copy(values, target, where):
    """Writes the marked pixels of one array into another."""
    if where.all():
        target[...] = values
        return
    mask = np.repeat(where.view("uint8")[..., None], 3, axis=-1)
    np.copyto(target, values, where=mask.view(bool))


def _enlarged(tiles, tile):
    return np.repeat(np.repeat(tiles, tile, axis=0), tile, axis=1)
