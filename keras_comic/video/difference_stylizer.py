"""Only what differs from the frame that was stylised is stylised anew."""

import functools
import importlib

import numpy as np

from keras_comic.video.frame_stylizer import FrameStylizer
from keras_comic.video.network_runner import NetworkStatistics
from keras_comic.video.statistics_stylizer import SceneStatistics
from keras_comic.video.statistics_stylizer import check_mode
from keras_comic.video.window_planner import WindowPlanner

# What a change may do to the comic beyond the pixels that are written anew,
# in units of 1/255.
REACH_TOLERANCE = 5.0
# A window costs as much as so many pixels, besides its own.
WINDOW_OVERHEAD = 64 * 64
# Windows are that much apart in size: a bound on what is computed for nothing
# where equal sizes are run together, and where each size is compiled.
SIZE_STEP = 8
COMPILED_SIZES = (96, 128, 160, 208, 256, 320, 416, 512, 640, 832, 1024, 1280)
# Pixels that a window's batch may hold.
BATCH_PIXELS = 512 * 512
# Tiles of a block that is refreshed at once, along a side.
REFRESH_BLOCK = 4
# Of the noise of a video: the share of its tiles that stand still, at least.
STILL_SHARE = 0.25
# How fast the estimate of the noise grows, of itself each frame. It falls at
# once.
NOISE_GROWTH = 1.05
# The estimate of the noise is at most so much, in units of 1/255.
LARGEST_NOISE = 6.0
# Thresholds from the noise n: (of what begins a change, of what belongs to
# one), each `factor * n + constant`.
STRONG = (2.0, 10.0)
WEAK = (1.5, 4.0)
# How far from what is strong that counts, pixels.
WEAK_DISTANCE = 16
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
    `NetworkRunner.reach`) and snapped to tiles. Windows have a halo as wide,
    are run together where they are of one size, and give way to the whole
    frame where that costs less. At the start of a scene all is made anew.
    In turn, block by block, everything is also made anew within
    `refresh_frames` frames, unless not one of its pixels has changed.

    Args:
        runner: `NetworkRunner`.
        mode: `"two_pass"`: the statistics of a scene are those of samples of
            the whole scene, which `prepare` has to see before; `"running"`:
            those of its first frame, and averaged with the next ones only
            where nothing is kept. Defaults to `"two_pass"`.
        noise_floor: Float >= 0, in units of 1/255, or `None`: a smoothed
            difference up to it is noise. Defaults to `None`, measured from
            the parts of the video that stand still.
        tile: Integer, pixels, divisible by 8. Defaults to `16`.
        refresh_frames: Integer > 0 or `None`: frames within which everything
            is made anew. Defaults to `240`; `None` is never.
        feather: Integer >= 0, pixels, less than `tile`: the width of the
            blend into what stands still. Defaults to `8`.

    Raises:
        ValueError: If an argument is out of its range; from `stylize`, if
            the mode is `"two_pass"`, and `prepare` has not seen the scene.
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
        tile=16,
        refresh_frames=240,
        feather=8,
    ):
        check_mode(mode)
        if noise_floor is not None and not noise_floor >= 0:
            raise ValueError(
                "`noise_floor` must be at least 0, or `None`. "
                f"Received: noise_floor={noise_floor!r}"
            )
        if tile < 1 or tile % runner.alignment:
            raise ValueError(
                f"`tile` must be divisible by {runner.alignment}. "
                f"Received: tile={tile!r}"
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
        self.runner = runner
        self.mode = mode
        self.noise_floor = noise_floor
        self.tile = tile
        self.refresh_frames = refresh_frames
        self.feather = feather
        self._cv2 = _import_cv2()
        self._scenes = SceneStatistics(runner)
        self.reset()

    @property
    def needs_first_pass(self):
        """Whether `prepare` wants to see frames before the first one."""
        return self.mode == "two_pass"

    @property
    def last_mask(self):
        """What was made anew of the last frame: boolean `(height, width)`.

        `None` before the first frame.
        """
        if self._mask is None:
            return None
        height, width = self._shape
        return _enlarged(self._mask, self.tile)[:height, :width]

    def prepare(self, frames):
        if self.mode == "two_pass":
            self._scenes.prepare(frames)

    def stylize(self, frame, starts_scene=False):
        frame = self.check_frame(frame)
        height, width = frame.shape[:2]
        padded = self.runner.pad(frame[None])[0]
        if self._source is None or self._source.shape != padded.shape:
            starts_scene = True
        self._shape = height, width
        if starts_scene:
            self._start_scene(padded)
        else:
            self._update(padded)
        return self._comic[:height, :width].copy()

    def _start_scene(self, frame):
        self._scene += 1
        if self.mode == "two_pass":
            self._statistics = self._scenes.of_scene(self._scene)
            comics = self.runner.run(frame[None], self._statistics)
        else:
            comics, self._statistics = self.runner.run_and_measure(frame[None])
        if self._reach is None:
            self._reach = self.runner.reach(
                frame, self._statistics, REACH_TOLERANCE
            )
        self._noise = None
        self._position = 0
        self._source = frame.copy()
        self._comic = comics[0].copy()
        rows, columns = (-(-n // self.tile) for n in frame.shape[:2])
        self._mask = np.ones((rows, columns), bool)
        self.last_share = 1.0

    def _update(self, frame):
        cv2 = self._cv2
        channels = cv2.split(cv2.absdiff(frame, self._source))
        difference = cv2.max(cv2.max(*channels[:2]), channels[2])
        changed = self._changed_tiles(difference)
        marked = changed | self._refreshed_tiles(difference)
        self._mask = marked
        self.last_share = 0.0
        if not marked.any():
            return
        if self.mode == "running" and changed.all():
            comic, found = self.runner.run_and_measure(
                frame[None], self._statistics
            )
            self._statistics = self._statistics.mixed(found, STATISTICS_RATE)
            self._source = frame.copy()
            self._comic = comic[0].copy()
            self.last_share = 1.0
            return
        windows = self._planner(frame.shape).plan(marked)
        weights = self._weights(marked, frame.shape)
        for (top, left, bottom, right), comic in self._run(frame, windows):
            box = np.s_[top:bottom, left:right]
            self._write(comic, frame[box], weights[box], box)
            area = (bottom - top) * (right - left)
            self.last_share += area / (frame.shape[0] * frame.shape[1])
        self.last_share = min(self.last_share, 1.0)

    def _changed_tiles(self, difference):
        """Tiles to be made anew, since something near them has changed."""
        cv2 = self._cv2
        height, width = difference.shape
        # Halving and blurring, a mean over about 6 pixels each way.
        half = cv2.resize(
            difference,
            (width // 2, height // 2),
            interpolation=cv2.INTER_AREA,
        ).astype("float32")
        smooth = cv2.blur(half, (3, 3))
        strong, weak = self._thresholds(smooth)
        changed = (smooth > strong).astype("uint8")
        if changed.any():
            # What is weak counts beside what is strong.
            size = 2 * (WEAK_DISTANCE // 2) + 1
            near = cv2.dilate(changed, np.ones((size, size), "uint8"))
            changed = near & (smooth > weak)
        # The blend takes away from what is grown.
        grown = (self._reach + self.feather // 2 + 1) // 2
        if changed.any() and grown:
            size = 2 * grown + 1
            changed = cv2.dilate(changed, np.ones((size, size), "uint8"))
        return self._tiles(changed, self.tile // 2)

    def _thresholds(self, smooth):
        """Of what begins a change, and of what belongs to one."""
        if self.noise_floor is not None:
            return float(self.noise_floor), 0.6 * self.noise_floor
        rows, columns = self._mask.shape
        tiles = self._cv2.resize(
            smooth, (columns, rows), interpolation=self._cv2.INTER_AREA
        )
        found = float(np.quantile(tiles, STILL_SHARE))
        if self._noise is not None:
            found = min(found, NOISE_GROWTH * self._noise + 0.05)
        self._noise = min(found, LARGEST_NOISE)
        return tuple(
            factor * self._noise + constant
            for factor, constant in (STRONG, WEAK)
        )

    def _refreshed_tiles(self, difference):
        """Tiles whose turn it is, where a single pixel has changed."""
        rows, columns = self._mask.shape
        turn = np.zeros((rows, columns), bool)
        if self.refresh_frames is None:
            return turn
        grid = (-(-rows // REFRESH_BLOCK), -(-columns // REFRESH_BLOCK))
        count = grid[0] * grid[1]
        start = self._position * count // self.refresh_frames
        self._position = (self._position + 1) % self.refresh_frames
        end = start + 1
        if self._position:
            end = self._position * count // self.refresh_frames
        else:
            end = count
        for block in range(start, end):
            row, column = divmod(block, grid[1])
            row, column = REFRESH_BLOCK * row, REFRESH_BLOCK * column
            turn[row : row + REFRESH_BLOCK, column : column + REFRESH_BLOCK] = 1
        if turn.any():
            turn &= self._tiles(difference, self.tile)
        return turn

    def _tiles(self, values, tile):
        """Whether a tile has a value that is not 0."""
        rows, columns = self._mask.shape
        padded = np.zeros((rows * tile, columns * tile), values.dtype)
        padded[: values.shape[0], : values.shape[1]] = values
        return padded.reshape(rows, tile, columns, tile).any(axis=(1, 3))

    def _weights(self, marked, shape):
        """How much of the new comic is taken, in 255ths, `(height, width)`."""
        cv2 = self._cv2
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
        kept = self._comic[box]
        rising = (weight > 0) & (weight < 255)
        old, new = (
            values[rising].astype("float32") for values in (kept, comic)
        )
        blended = old + (new - old) * (weight[rising, None] / 255.0)
        _copy(comic, kept, weight == 255)
        kept[rising] = np.rint(blended).astype("uint8")
        _copy(frame, self._source[box], weight >= 128)

    def _run(self, frame, windows):
        """Pairs of an inner box and its comic."""
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
                comics = self.runner.run(
                    np.stack(
                        [frame[o[0] : o[2], o[1] : o[3]] for _, o in part]
                    ),
                    self._statistics,
                )
                for (inner, outer), comic in zip(part, comics, strict=True):
                    top, left = inner[0] - outer[0], inner[1] - outer[1]
                    bottom = top + inner[2] - inner[0]
                    right = left + inner[3] - inner[1]
                    yield inner, comic[top:bottom, left:right]

    def _planner(self, shape):
        return _make_planner(
            shape[0],
            shape[1],
            self.tile,
            # At the edge of a window the blend takes little of it.
            max(0, self._reach - self.feather // 2),
            self.runner.compiles_each_size,
            self.runner.alignment,
        )

    def get_state(self):
        state = {"scene": np.int64(self._scene), **self._scenes.get_state()}
        if self._source is not None:
            state.update(self._statistics._asdict())
            state["source"] = self._source.copy()
            state["comic"] = self._comic.copy()
            state["shape"] = np.int64(self._shape)
            state["reach"] = np.int64(self._reach)
            state["position"] = np.int64(self._position)
            state["noise"] = np.float64(
                -1.0 if self._noise is None else self._noise
            )
        return state

    def set_state(self, state):
        if "scene" not in state:
            raise ValueError(
                "`state` must be what `get_state` gives. "
                f"Received: state with {sorted(state)}"
            )
        self.reset()
        self._scene = int(state["scene"])
        self._scenes.set_state(state)
        if "source" not in state:
            return
        self._statistics = NetworkStatistics(
            *(np.asarray(state[name]) for name in NetworkStatistics._fields)
        )
        self._source = np.array(state["source"])
        self._comic = np.array(state["comic"])
        self._shape = tuple(int(side) for side in state["shape"])
        self._reach = int(state["reach"])
        self._position = int(state["position"])
        self._noise = float(state["noise"])
        if self._noise < 0:
            self._noise = None
        rows, columns = (-(-n // self.tile) for n in self._source.shape[:2])
        self._mask = np.zeros((rows, columns), bool)

    def reset(self):
        self._scene = -1
        self._statistics = None
        self._source = None
        self._comic = None
        self._mask = None
        self._shape = None
        self._reach = None
        self._noise = None
        self._position = 0
        self.last_share = 1.0


@functools.lru_cache(maxsize=8)
def _make_planner(height, width, tile, margin, compiles_each_size, alignment):
    halo = -(-margin // alignment) * alignment
    longest = max(height, width)
    sizes = range(SIZE_STEP, longest + SIZE_STEP, SIZE_STEP)
    if compiles_each_size:
        sizes = COMPILED_SIZES
    return WindowPlanner(
        height, width, tile, halo, WINDOW_OVERHEAD, tuple(sizes), alignment
    )


def _copy(values, target, where):
    """Writes the pixels of one array that are marked into another."""
    if where.all():
        target[...] = values
        return
    mask = np.repeat(where.view("uint8")[..., None], 3, axis=-1)
    np.copyto(target, values, where=mask.view(bool))


def _enlarged(tiles, tile):
    return np.repeat(np.repeat(tiles, tile, axis=0), tile, axis=1)


def _import_cv2():
    try:
        return importlib.import_module("cv2")
    except ImportError as error:
        raise ImportError(
            "Differences of frames need OpenCV: "
            "`pip install keras-comic[video]`."
        ) from error
