"""Draws anew only what differs from the frame that was drawn before."""

import numpy as np

from keras_comic.data.video_library import import_video_library
from keras_comic.video.change_detector import ChangeDetector
from keras_comic.video.frame_stylizer import FrameStylizer
from keras_comic.video.network_reach import reach_of_changes
from keras_comic.video.statistics_stylizer import SceneStatistics
from keras_comic.video.window_planner import make_planner

# Changes of the comic, beyond the pixels that are written anew, that count as
# none, in units of 1/255.
REACH_TOLERANCE = 5.0
# Pixels that a batch of windows may hold.
BATCH_PIXELS = 512 * 512
# Weight of a frame in the statistics of a scene of which nothing stands still.
STATISTICS_RATE = 0.05


class DifferenceStylizer(FrameStylizer):
    """Stylises what changes, and keeps what stands still, bit for bit.

    Each frame is compared with the pixels that the comic at hand was made
    from, not with the frame before: what changes slowly adds up until it is
    seen. Where the smoothed absolute difference is above a noise floor, the
    comic is made anew, with the same statistics, in windows around what has
    changed, and is blended into what stands still.

    A change is grown by how far the network carries it (measured, see
    `network_reach`) and snapped to tiles. Windows have a halo as wide,
    are run together where they are of one size, and give way to the whole
    frame where that costs less. At the start of a scene all is made anew.
    In turn, block by block, everything is also made anew within
    `refresh_frames` frames, unless not one of its pixels has changed.

    Attributes:
        last_share: Float, the share of the last frame's area that the network
            drew.

    Args:
        runner: `NetworkRunner`.
        mode: `"two_pass"`: the statistics of a scene are those of samples of
            the whole scene, which `prepare` has to see before; `"running"`:
            those of its first frame, and averaged with the next ones only
            where nothing is kept. Defaults to `"two_pass"`.
        noise_floor: Float >= 0, in units of 1/255, or `None`: a smoothed
            difference up to it is noise. Defaults to `None`, measured from
            the parts of the video that stand still.
        tile: Integer, pixels, even and divisible by the generator's stride.
            Defaults to `None`, the least such number of at least 16.
        refresh_frames: Integer > 0 or `None`: frames within which everything
            is made anew. Defaults to `240`; `None` is never.
        feather: Integer >= 0, pixels, less than `tile`: the width of the
            blend into what stands still. Defaults to `8`.

    Raises:
        ValueError: If an argument is out of its range, or a layer of the
            network looks at all positions and does not report its statistics;
            from `stylize`, if the mode is `"two_pass"`, and `prepare` has not
            seen the scene.
        ImportError: If OpenCV is not installed.

    Example:

    >>> generator = keras_comic.AdaINGenerator.light((4, 8, 4, 4), 1, 8)
    >>> drawing = np.random.randint(0, 256, (32, 40, 3), dtype="uint8")
    >>> runner = keras_comic.video.NetworkRunner(generator, drawing)
    >>> stylizer = keras_comic.video.DifferenceStylizer(runner, "running")
    >>> frame = np.random.randint(0, 256, (96, 128, 3), dtype="uint8")
    >>> first = stylizer.stylize(frame, starts_scene=True)
    >>> bool(np.all(stylizer.stylize(frame) == first))
    True
    >>> stylizer.last_share
    0.0
    """

    def __init__(
        self,
        runner,
        mode="two_pass",
        noise_floor=None,
        tile=None,
        refresh_frames=240,
        feather=8,
    ):
        step = np.lcm(2, runner.alignment)
        if tile is None:
            tile = int(-(-16 // step) * step)
        if noise_floor is not None and not noise_floor >= 0:
            raise ValueError(
                "`noise_floor` must be at least 0, or `None`. "
                f"Received: noise_floor={noise_floor!r}"
            )
        if tile < 1 or tile % step:
            raise ValueError(
                f"`tile` must be divisible by {step}. Received: tile={tile!r}"
            )
        if not 0 <= feather < tile:
            raise ValueError(
                "`feather` must be at least 0 and less than `tile`. "
                f"Received: feather={feather!r}, tile={tile!r}"
            )
        if refresh_frames is not None and refresh_frames < 1:
            raise ValueError(
                "`refresh_frames` must be a positive integer, or `None`. "
                f"Received: refresh_frames={refresh_frames!r}"
            )
        import_video_library("cv2")
        self.runner = runner
        self.mode = mode
        self.tile = tile
        self.feather = feather
        self._detector = ChangeDetector(tile, noise_floor, refresh_frames)
        self._scenes = SceneStatistics(runner, mode)
        self.reset()

    @property
    def needs_first_pass(self):
        """Boolean, `True` if `prepare` has to see frames first."""
        return self._scenes.is_sampled

    @property
    def last_mask(self):
        """The part of the last frame that was made anew.

        Boolean `(height, width)`, or `None` before the first frame.
        """
        if self._mask is None:
            return None
        mask = _enlarged(self._mask, self.tile)
        height, width = self._source.shape[:2]
        return self.runner.crop(mask[None, :height, :width], *self._shape)[0]

    def describe(self):
        return {
            **self.runner.describe(),
            "mode": self.mode,
            "tile": self.tile,
            "feather": self.feather,
            "noise_floor": self._detector.noise_floor,
            "refresh_frames": self._detector.refresh_frames,
        }

    def prepare(self, frames):
        self._scenes.prepare(frames)

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
        comics = self._scenes.start(frame[None])
        if self._reach is None:
            self._reach = reach_of_changes(
                self.runner, frame, self._scenes.current, REACH_TOLERANCE
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
        reach = self._reach + self.feather // 2
        changed = self._detector.changed(difference, reach)
        marked = changed | self._detector.refreshed(difference)
        self._mask = marked
        self.last_share = 0.0
        if not marked.any():
            return
        if self.mode == "running" and changed.all():
            comics = self._scenes.run(frame[None], STATISTICS_RATE)
            self._keep(frame, comics)
            return
        planner = make_planner(
            frame.shape[:2],
            self.tile,
            # At the edge of a window the blend takes little of it.
            max(0, self._reach - self.feather // 2),
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
        if not self.feather or marked.all():
            return inside
        # The borders of the frame are no borders of what is marked.
        inside = cv2.copyMakeBorder(inside, 1, 1, 1, 1, cv2.BORDER_REPLICATE)
        distance = cv2.distanceTransform(inside, cv2.DIST_C, 3)[1:-1, 1:-1]
        weights = distance * (255.0 / (self.feather + 1))
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
                comics = self._scenes.run(np.stack(pictures))
                for (inner, outer), comic in zip(part, comics, strict=True):
                    top, left = inner[0] - outer[0], inner[1] - outer[1]
                    bottom = top + inner[2] - inner[0]
                    right = left + inner[3] - inner[1]
                    yield inner, comic[top:bottom, left:right]

    def get_state(self):
        state = self._scenes.get_state()
        if self._source is not None:
            state |= self._detector.get_state()
            state["source"] = self._source.copy()
            state["comic"] = self._comic.copy()
            state["shape"] = np.int64(self._shape)
            state["reach"] = np.int64(self._reach)
        return state

    def set_state(self, state):
        self.reset()
        self._scenes.set_state(state)
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
        self._scenes.reset()
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
