"""Finds the tiles of a frame in which something has changed."""

import numpy as np

from keras_comic.data.video_library import import_video_library

# Tiles of a block that is refreshed at once, along a side.
REFRESH_BLOCK = 4
# The share of a video's tiles that are taken to stand still.
STILL_SHARE = 0.25
# The estimate of the noise grows by at most this factor a frame. It falls at
# once.
NOISE_GROWTH = 1.05
# The largest estimate of the noise, in units of 1/255.
LARGEST_NOISE = 6.0
# Thresholds from the noise n, `factor * n + constant`: the strong one begins a
# change, the weak one bounds it.
STRONG = (2.0, 10.0)
WEAK = (1.5, 4.0)
# Weak differences count up to this distance from a strong one, pixels.
WEAK_DISTANCE = 16


class ChangeDetector:
    """Marks tiles to be drawn anew, from absolute differences of frames."""

    def __init__(self, tile, noise_floor, refresh_frames):
        self.tile = tile
        self.noise_floor = noise_floor
        self.refresh_frames = refresh_frames
        self.grid = (0, 0)
        self.noise = None
        self.position = 0

    def start(self, shape):
        """Begins a scene of frames of a shape."""
        self.grid = tuple(-(-side // self.tile) for side in shape[:2])
        self.noise = None
        self.position = 0

    def changed(self, difference, reach):
        """Returns the tiles with a change, or one within reach."""
        cv2 = import_video_library("cv2")
        height, width = difference.shape
        if height % 2 or width % 2:
            difference = np.pad(
                difference, ((0, height % 2), (0, width % 2)), "edge"
            )
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
            near = _grown(changed, WEAK_DISTANCE // 2)
            changed = near & (smooth > weak)
            changed = _grown(changed, (reach + 1) // 2)
        return self._tiles(changed, self.tile // 2)

    def refreshed(self, difference):
        """Returns the tiles whose turn it is, if one pixel has changed."""
        rows, columns = self.grid
        turn = np.zeros((rows, columns), bool)
        if self.refresh_frames is None:
            return turn
        across = -(-columns // REFRESH_BLOCK)
        count = -(-rows // REFRESH_BLOCK) * across
        start, end = (
            (self.position + step) * count // self.refresh_frames
            for step in (0, 1)
        )
        self.position = (self.position + 1) % self.refresh_frames
        for block in range(start, end):
            row, column = (REFRESH_BLOCK * n for n in divmod(block, across))
            turn[row : row + REFRESH_BLOCK, column : column + REFRESH_BLOCK] = 1
        return (
            turn & self._tiles(difference, self.tile) if end > start else turn
        )

    def _thresholds(self, smooth):
        """Returns the strong and the weak threshold."""
        if self.noise_floor is not None:
            return float(self.noise_floor), 0.6 * self.noise_floor
        cv2 = import_video_library("cv2")
        size = self.grid[::-1]
        tiles = cv2.resize(smooth, size, interpolation=cv2.INTER_AREA)
        noise = float(np.quantile(tiles, STILL_SHARE))
        if self.noise is not None:
            noise = min(noise, NOISE_GROWTH * self.noise + 0.05)
        self.noise = min(noise, LARGEST_NOISE)
        return tuple(
            factor * self.noise + constant
            for factor, constant in (STRONG, WEAK)
        )

    def _tiles(self, values, tile):
        """Returns the tiles that have a value other than 0."""
        rows, columns = self.grid
        padded = np.zeros((rows * tile, columns * tile), values.dtype)
        padded[: values.shape[0], : values.shape[1]] = values
        return padded.reshape(rows, tile, columns, tile).any(axis=(1, 3))

    def get_state(self):
        """Returns what the next frames depend on."""
        noise = -1.0 if self.noise is None else self.noise
        return {
            "position": np.int64(self.position),
            "noise": np.float64(noise),
        }

    def set_state(self, state):
        """Goes on, after `start`, where another run was."""
        self.position = int(state["position"])
        noise = float(state["noise"])
        self.noise = None if noise < 0 else noise


def _grown(marked, distance):
    cv2 = import_video_library("cv2")
    side = 2 * distance + 1
    return cv2.dilate(marked, np.ones((side, side), "uint8"))
