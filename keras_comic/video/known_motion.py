"""Videos made from photographs, whose motion is known at every pixel."""

import math

import numpy as np

# What moves, and over how many frames it goes there and back. A view 480
# pixels wide moves by up to about 4 pixels a frame.
PERIOD = 96
PAN = (0.12, 0.05)  # to the right and down, parts of the width
ZOOM = 0.25  # natural logarithm of the scale
ROTATION = math.radians(10.0)
SHEAR = 0.012  # part of the width
SHEAR_WAVE = 0.45  # length of its wave, part of the width
PATHS = ("pan", "zoom", "rotation", "deformation", "handheld")
# Points of a pixel that are averaged, in each direction.
SAMPLES = (2, 4)
# Pixels about the edge of an object that belong to neither side.
EDGE = 1.5
# How far one pixel must lie before another to hide it, pixels of disparity.
HIDDEN = 1.0


class KnownMotion:
    """A short video of which the flow between any two frames is known.

    Made by `moving_photo`, `moving_object` and `stereo_pair`. It is what to
    measure a video stylizer with: no estimator of flow, whose faults would be
    counted as the stylizer's, is needed. Iterating gives the frames.

    Args:
        name: String.
        num_frames: Integer > 0.
        render: Callable: takes the number of a frame, gives it.
        motion: Callable: takes the numbers of two frames, gives flow and
            validity.

    Example:

    >>> photo = np.random.randint(256, size=(48, 64, 3)).astype("uint8")
    >>> clip = keras_comic.video.moving_photo(photo, "pan", 8, (24, 32))
    >>> clip.frame(3).shape
    (24, 32, 3)
    >>> flow, valid = clip.flow(3, 4)
    >>> flow.shape, valid.shape
    ((24, 32, 2), (24, 32))
    """

    def __init__(self, name, num_frames, render, motion):
        if not num_frames > 0:
            raise ValueError(
                "`num_frames` must be a positive integer. "
                f"Received: num_frames={num_frames}"
            )
        self.name = name
        self.num_frames = num_frames
        self._render = render
        self._motion = motion

    def __len__(self):
        return self.num_frames

    def __iter__(self):
        return (self.frame(number) for number in range(self.num_frames))

    def frame(self, number):
        """A frame.

        Args:
            number: Integer, counted from 0.

        Returns:
            Uint8 array `(height, width, 3)`, RGB in `[0, 255]`, the same
            whenever it is asked for.

        Raises:
            ValueError: If there is no such frame.
        """
        return self._render(self._check(number))

    def flow(self, first, second):
        """The motion from one frame to another.

        Args:
            first: Integer, the number of a frame.
            second: Integer, the number of a frame.

        Returns:
            Float32 array `(height, width, 2)`, pixels, `x`, then `y`: what
            is at `(x, y)` of the first is at `(x, y) + flow` of the second;
            and boolean array `(height, width)`, where the second shows it.

        Raises:
            ValueError: If there is no such frame, or the motion between the
                two is not known.
        """
        flow, valid = self._motion(self._check(first), self._check(second))
        return flow.astype("float32"), valid

    def _check(self, number):
        if not 0 <= number < self.num_frames:
            raise ValueError(
                f"There are the frames 0 to {self.num_frames - 1}. "
                f"Received: {number}"
            )
        return number


def moving_photo(
    photo, path="pan", num_frames=96, size=(270, 480), noise=0.0, seed=0
):
    """Moves a camera over a photograph, smoothly there and back.

    The camera sees as much of the photo as can be had without leaving it.
    Every pixel is the mean of several points, so that nothing flickers that
    a camera would not make flicker. All of the paths can be inverted exactly,
    so the flow is exact between any two frames, however far apart.

    Args:
        photo: Uint8 array `(height, width, 3)`, RGB in `[0, 255]`; at least
            of the size of the frames, better twice as large.
        path: String: `"pan"` (a shift), `"zoom"`, `"rotation"`,
            `"deformation"` (smooth waves, as of cloth), or `"handheld"`, all
            of them at once. Defaults to `"pan"`.
        num_frames: Integer > 0. A path is there and back again in 96 frames.
            Defaults to `96`.
        size: Height and width of the frames, pixels. Defaults to
            `(270, 480)`.
        noise: Float >= 0. Standard deviation of the noise that is added to
            each frame, in levels of `[0, 255]`. Defaults to `0.0`.
        seed: Integer >= 0, of the noise. Defaults to `0`.

    Returns:
        A `KnownMotion`. What leaves the picture is not valid.

    Raises:
        ValueError: If an argument is none of these.

    Example:

    >>> photo = np.random.randint(256, size=(48, 64, 3)).astype("uint8")
    >>> clip = keras_comic.video.moving_photo(photo, "zoom", 4, (24, 32))
    >>> [frame.shape for frame in clip][:2]
    [(24, 32, 3), (24, 32, 3)]
    """
    photo = _check_photo(photo)
    if path not in PATHS:
        raise ValueError(
            f"`path` must be one of {', '.join(PATHS)}. Received: path={path!r}"
        )
    if not noise >= 0.0:
        raise ValueError(f"`noise` must be at least 0. Received: noise={noise}")
    camera = _Camera(photo, path, num_frames, _check_size(size))

    def render(number):
        return _to_bytes(camera.see(number), noise, (seed, number))

    def motion(first, second):
        across, down = camera.grid
        points = camera.to_frame(second, camera.to_view(first, camera.grid))
        flow = np.stack([points[0] - across, points[1] - down], axis=-1)
        return flow, _inside(points, camera.size)

    return KnownMotion(path, num_frames, render, motion)


def moving_object(
    photo, texture=None, num_frames=96, size=(270, 480), share=0.05
):
    """Moves a disc before a photograph that stands still.

    All pixels that the disc does not cover are bit for bit the same in all
    frames.

    Args:
        photo: Uint8 array `(height, width, 3)`, RGB in `[0, 255]`. It is
            cropped to the shape of the frames, around its centre, and scaled
            to their size.
        texture: Uint8 array `(height, width, 3)`, RGB in `[0, 255]`, what
            the disc shows; or `None` for the photo, upside down and with its
            colours exchanged. Defaults to `None`.
        num_frames: Integer > 0. The disc is back again after 96 frames.
            Defaults to `96`.
        size: Height and width of the frames, pixels. Defaults to
            `(270, 480)`.
        share: Float. The disc's part of the area, above 0 and at most 0.25.
            Defaults to `0.05`.

    Returns:
        A `KnownMotion`. Not valid is what the disc hides in the second frame,
        and its edge, up to 1.5 pixels to both sides.

    Raises:
        ValueError: If an argument is none of these.

    Example:

    >>> photo = np.random.randint(256, size=(48, 64, 3)).astype("uint8")
    >>> clip = keras_comic.video.moving_object(photo, None, 8, (24, 32))
    >>> changed = (clip.frame(0) != clip.frame(4)).any(-1)
    >>> bool(changed.mean() < 0.15)
    True
    """
    photo = _check_photo(photo)
    if texture is None:
        texture = photo[::-1, :, ::-1]
    texture = _check_photo(texture)
    if not 0.0 < share <= 0.25:
        raise ValueError(
            f"`share` must be in (0, 0.25]. Received: share={share}"
        )
    height, width = _check_size(size)
    still = _still_camera(photo, num_frames, (height, width)).see(0)
    moving = _still_camera(texture, num_frames, (height, width)).see(0)
    radius = math.sqrt(share * height * width / math.pi)
    grid = _grid((height, width))
    # Not at the edge of the picture; as far as there is room.
    middle = np.array([(width - 1) / 2, (height - 1) / 2])
    room = np.maximum(middle - radius - 2.0, 0.0)

    def centre(number):
        turn = 2.0 * math.pi * number / PERIOD
        return middle + room * [0.7 * math.sin(turn), 0.5 * math.cos(turn)]

    def outside(number):
        """How far pixels lie outside of the disc, pixels."""
        x, y = centre(number)
        return np.hypot(grid[0] - x, grid[1] - y) - radius

    def render(number):
        # The disc carries the middle of its picture along.
        x, y = centre(number) - middle
        shown = _sample(moving, (grid[0] - x, grid[1] - y))
        cover = np.clip(0.5 - outside(number), 0.0, 1.0)[..., None]
        return _to_bytes(cover * shown + (1.0 - cover) * still)

    def motion(first, second):
        distance = outside(first)
        on_disc = distance < 0.0
        flow = on_disc[..., None] * (centre(second) - centre(first))
        hidden = ~on_disc & (outside(second) < EDGE)
        return flow, ~hidden & (np.abs(distance) > EDGE)

    return KnownMotion("object", num_frames, render, motion)


def stereo_pair(left, right, disparity):
    """Two photographs of one scene from two places, as two frames.

    Their disparity is the flow of a real scene with depth, edges and hidden
    parts; scikit-image brings a pair along (`skimage.data.stereo_motorcycle`).

    Args:
        left: Uint8 array `(height, width, 3)`, RGB in `[0, 255]`, the first
            frame.
        right: Uint8 array of the same shape, the second frame.
        disparity: Float array `(height, width)`, pixels: what is at `(x, y)`
            of the left photo is at `(x - disparity, y)` of the right one; not
            finite where that is not known.

    Returns:
        A `KnownMotion` of two frames. Not valid is what is not known, leaves
        the picture, or is hidden behind something nearer. From the right to
        the left photo the motion is not known.

    Raises:
        ValueError: If the arrays are none of these.

    Example:

    >>> left = np.random.randint(256, size=(8, 8, 3)).astype("uint8")
    >>> clip = keras_comic.video.stereo_pair(
    ...     left, np.roll(left, -2, axis=1), np.full((8, 8), 2.0))
    >>> flow, valid = clip.flow(0, 1)
    >>> flow[0, 4].tolist(), valid[0].tolist()[:3]
    ([-2.0, 0.0], [False, False, True])
    """
    left, right = _check_photo(left), _check_photo(right)
    disparity = np.asarray(disparity, "float64")
    if not left.shape == right.shape == (*disparity.shape, 3):
        raise ValueError(
            "The photos and the disparity must have the same height and "
            f"width. Received: left.shape={left.shape}, "
            f"right.shape={right.shape}, disparity.shape={disparity.shape}"
        )
    known = np.isfinite(disparity)
    shift = np.where(known, disparity, 0.0)
    flow = np.stack([-shift, np.zeros_like(shift)], axis=-1)
    valid = known & ~_hidden(shift, known)
    across, down = _grid(shift.shape)
    valid &= _inside((across - shift, down), shift.shape)

    def motion(first, second):
        if first == second:
            return np.zeros_like(flow), np.ones_like(valid)
        if first > second:
            raise ValueError(
                "The motion of a stereo pair is known from the left photo to "
                "the right one only. "
                f"Received: first={first}, second={second}"
            )
        return flow.copy(), valid.copy()

    return KnownMotion(
        "stereo", 2, lambda number: (left, right)[number].copy(), motion
    )


def _hidden(shift, known):
    """Where another pixel of a row, nearer to the eye, lands before it."""
    height, width = shift.shape
    across, down = _grid(shift.shape)
    places = across - shift
    before = np.clip(np.floor(places), 0, width - 1).astype("int64")
    after = np.clip(np.ceil(places), 0, width - 1).astype("int64")
    nearest = np.full((height, width), -np.inf)
    rows = down.astype("int64")
    for columns in (before, after):
        np.maximum.at(nearest, (rows[known], columns[known]), shift[known])
    front = np.maximum(nearest[rows, before], nearest[rows, after])
    return front > shift + HIDDEN


class _Camera:
    """Maps between the pixels of frames and those of a photo."""

    def __init__(self, photo, path, num_frames, size):
        self.photo = photo.astype("float32")
        self.path = path
        self.size = size
        self.grid = _grid(size)
        self.middle = (size[1] - 1) / 2, (size[0] - 1) / 2
        reach = np.zeros(2)
        edges = _edges(size)
        for number in range(num_frames):
            points = self.to_view(number, edges)
            reach = np.maximum(reach, [np.abs(side).max() for side in points])
        room = (np.array(photo.shape[1::-1]) - 1) / 2
        self.scale = (room / np.maximum(reach, 0.5)).min()
        self.samples = int(np.clip(math.ceil(self.scale), *SAMPLES))

    def see(self, number):
        """The frame, float32 `(height, width, 3)` in `[0, 255]`."""
        steps = (np.arange(self.samples) + 0.5) / self.samples - 0.5
        height, width = self.photo.shape[:2]
        total = 0.0
        for down in steps:
            for across in steps:
                points = self.grid[0] + across, self.grid[1] + down
                x, y = self.to_view(number, points)
                points = (
                    x * self.scale + (width - 1) / 2,
                    y * self.scale + (height - 1) / 2,
                )
                total = total + _sample(self.photo, points)
        return total / self.samples**2

    def to_view(self, number, points):
        """Where pixels of a frame look, frame pixels about the centre."""
        x, y = points[0] - self.middle[0], points[1] - self.middle[1]
        shift, scale, angle, bends, phases = self.place(number)
        cosine, sine = scale * math.cos(angle), scale * math.sin(angle)
        x, y = (
            cosine * x - sine * y + shift[0],
            sine * x + cosine * y + shift[1],
        )
        x = x + bends[0] * np.sin(self.wave * y + phases[0])
        return x, y + bends[1] * np.sin(self.wave * x + phases[1])

    def to_frame(self, number, points):
        """The pixels of a frame that look there: undoes `to_view`."""
        x, y = points
        shift, scale, angle, bends, phases = self.place(number)
        y = y - bends[1] * np.sin(self.wave * x + phases[1])
        x = x - bends[0] * np.sin(self.wave * y + phases[0])
        x, y = x - shift[0], y - shift[1]
        cosine, sine = math.cos(angle) / scale, math.sin(angle) / scale
        return (
            cosine * x + sine * y + self.middle[0],
            cosine * y - sine * x + self.middle[1],
        )

    @property
    def wave(self):
        return 2.0 * math.pi / (SHEAR_WAVE * self.size[1])

    def place(self, number):
        """Shift, scale, angle, sizes and phases of the waves of a frame."""
        turn = 2.0 * math.pi * number / PERIOD
        width = self.size[1]
        together = self.path == "handheld"
        # All at once: each by half, and not in step.
        part = 0.5 if together else 1.0
        shift, scale, angle, bends = (0.0, 0.0), 1.0, 0.0, (0.0, 0.0)
        if together or self.path == "pan":
            shift = (
                part * PAN[0] * width * math.sin(turn),
                part * PAN[1] * width * math.sin(2.0 * turn + 0.3),
            )
        if together or self.path == "zoom":
            scale = math.exp(part * ZOOM * math.sin(turn + 0.7 * together))
        if together or self.path == "rotation":
            angle = part * ROTATION * math.sin(turn + 1.9 * together)
        if together or self.path == "deformation":
            bends = (
                part * SHEAR * width * math.sin(2.0 * turn),
                part * SHEAR * width * math.cos(2.0 * turn),
            )
        return shift, scale, angle, bends, (turn, 2.0 - turn)


def _still_camera(photo, num_frames, size):
    """A camera that does not move."""
    return _Camera(photo, "none", min(num_frames, 1), size)


def _grid(size):
    """Columns and rows of all pixels, float64 `(height, width)` each."""
    down, across = np.indices(size, "float64")
    return across, down


def _edges(size):
    """Columns and rows of the outer edge of a picture, with some to spare."""
    height, width = size
    across, down = np.arange(-1, width + 1), np.arange(-1, height + 1)
    return (
        np.concatenate(
            [across, across, np.full_like(down, -1), np.full_like(down, width)]
        ).astype("float64"),
        np.concatenate(
            [np.full_like(across, -1), np.full_like(across, height), down, down]
        ).astype("float64"),
    )


def _inside(points, size):
    across, down = points
    # What rounding does to a point at the edge must not matter.
    least, height, width = -1e-6, size[0] - 1 + 1e-6, size[1] - 1 + 1e-6
    return (
        (across >= least)
        & (across <= width)
        & (down >= least)
        & (down <= height)
    )


def _sample(picture, points):
    """A picture at any points, bilinear; beyond its edge, the edge."""
    height, width = picture.shape[:2]
    left, across = _neighbors(points[0], width)
    top, down = _neighbors(points[1], height)
    right = np.minimum(left + 1, width - 1)
    bottom = np.minimum(top + 1, height - 1)
    upper = picture[top, left] * (1 - across) + picture[top, right] * across
    lower = (
        picture[bottom, left] * (1 - across) + picture[bottom, right] * across
    )
    return upper * (1 - down) + lower * down


def _neighbors(places, size):
    places = np.clip(places, 0, size - 1)
    before = np.floor(places)
    fraction = (places - before).astype("float32")[..., None]
    return before.astype("int64"), fraction


def _to_bytes(frame, noise=0.0, seed=0):
    if noise:
        generator = np.random.default_rng(seed)
        frame = frame + generator.normal(0.0, noise, frame.shape)
    return np.clip(np.rint(frame), 0, 255).astype("uint8")


def _check_photo(photo):
    photo = np.asarray(photo)
    if photo.dtype != np.uint8 or photo.ndim != 3 or photo.shape[2] != 3:
        raise ValueError(
            "A photo must be a uint8 array (height, width, 3). "
            f"Received: dtype={photo.dtype}, shape={photo.shape}"
        )
    return photo


def _check_size(size):
    height, width = (int(side) for side in size)
    if min(height, width) < 8:
        raise ValueError(
            "`size` must be the height and the width, at least 8 pixels each. "
            f"Received: size={tuple(size)}"
        )
    return height, width
