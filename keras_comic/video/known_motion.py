"""Videos made from photographs, whose motion is known at every pixel."""

import math

import numpy as np
from PIL import Image
from PIL import ImageOps
from scipy import ndimage

from keras_comic.video.frame_stylizer import FrameStylizer

# Frames of a path, there and back. A view 480 pixels wide moves by up to about
# 4 pixels a frame.
PERIOD = 96
PAN = (0.06, 0.025)  # to the right and down, parts of the width
ZOOM = 0.125  # natural logarithm of the scale
ROTATION = math.radians(5.0)
SHEAR = 0.006  # part of the width
SHEAR_WAVE = 0.45  # length of its wave, part of the width
# Points of a pixel that are averaged, in each direction.
SAMPLES = (2, 4)
# Pixels about the edge of an object that belong to neither side.
EDGE = 1.5


class KnownMotion:
    """A short video, of whose frames the motion between any two is known."""

    def __init__(self, num_frames, render, motion):
        self.num_frames = num_frames
        self.frame = render
        self._motion = motion

    def __iter__(self):
        return (self.frame(number) for number in range(self.num_frames))

    def flow(self, first, second):
        """Returns the flow from one frame to another, and where it is valid."""
        flow, valid = self._motion(first, second)
        return flow.astype("float32"), valid


def moving_photo(photo, num_frames=96, size=(270, 480), noise=0.0):
    """Moves a hand-held camera over a photograph, smoothly there and back.

    The picture shifts, turns, grows and bends in smooth waves, as of cloth, so
    that stylizers are measured without the faults of an estimator of flow. The
    camera sees as much of the photo as can be had without leaving it; every
    pixel is the mean of several points; and the motion can be inverted, so the
    flow is exact between any two frames.

    Args:
        photo: Uint8 array `(height, width, 3)`, RGB in `[0, 255]`; at least
            of the size of the frames, better twice as large.
        num_frames: Integer > 0. The camera is back again after 96.
            Defaults to `96`.
        size: Height and width of the frames, pixels. Defaults to
            `(270, 480)`.
        noise: Float >= 0. Standard deviation of the noise that is added to
            each frame, in levels of `[0, 255]`. Defaults to `0.0`.

    Returns:
        A `KnownMotion`. Iterating gives the frames, uint8 `(height, width,
        3)`; `frame(number)` one of them; and `flow(first, second)` the motion
        between two, float32 `(height, width, 2)`, pixels, `x`, then `y`, with
        a boolean array `(height, width)`, where the second frame shows it.

    Example:

    >>> photo = np.random.randint(256, size=(48, 64, 3)).astype("uint8")
    >>> clip = keras_comic.video.moving_photo(photo, 4, (24, 32))
    >>> flow, valid = clip.flow(0, 3)
    >>> flow.shape, valid.shape
    ((24, 32, 2), (24, 32))
    """
    camera = _Camera(photo, num_frames, size)

    def render(number):
        frame = camera.see(number)
        if noise:
            generator = np.random.default_rng((0, number))
            frame = frame + generator.normal(0.0, noise, frame.shape)
        return _to_bytes(frame)

    def motion(first, second):
        points = camera.to_frame(second, *camera.to_view(first, *camera.grid))
        across, down = points
        flow = np.stack(points, axis=-1) - np.stack(camera.grid, axis=-1)
        # Rounding must not matter to a point at the edge.
        height, width = (side - 1 + 1e-6 for side in camera.size)
        inside = (across >= -1e-6) & (across <= width)
        return flow, inside & (down >= -1e-6) & (down <= height)

    return KnownMotion(num_frames, render, motion)


def moving_object(
    photo, texture=None, num_frames=96, size=(270, 480), share=0.05
):
    """Moves a disc before a photograph that stands still.

    All pixels that the disc does not cover are bit for bit the same in all
    frames.

    Args:
        photo: Uint8 array `(height, width, 3)`, RGB in `[0, 255]`. Its middle
            is scaled to the size of the frames.
        texture: Uint8 array likewise, the picture on the disc; or `None` for
            the photo, upside down and with its colours exchanged. Defaults to
            `None`.
        num_frames: Integer > 0. The disc is back again after 96 frames.
            Defaults to `96`.
        size: Height and width of the frames, pixels. Defaults to
            `(270, 480)`.
        share: Float. The disc's part of the area, above 0 and at most 0.25.
            Defaults to `0.05`.

    Returns:
        A `KnownMotion`, as of `moving_photo`. Not valid are the pixels that
        the disc hides in the second frame, and its edge, up to 1.5 pixels to
        both sides.

    """
    if texture is None:
        texture = photo[::-1, :, ::-1]
    height, width = size
    still, moving = (_fitted(picture, size) for picture in (photo, texture))
    radius = math.sqrt(share * height * width / math.pi)
    down, across = np.indices(size, "float64")
    # As far as there is room, but not at the edge of the picture.
    middle = np.array([(width - 1) / 2, (height - 1) / 2])
    room = np.maximum(middle - radius - 2.0, 0.0)

    def centre(number):
        turn = 2.0 * math.pi * number / PERIOD
        return middle + room * [0.7 * math.sin(turn), 0.5 * math.cos(turn)]

    def outside(number):
        """Returns how far pixels lie outside of the disc, pixels."""
        x, y = centre(number)
        return np.hypot(across - x, down - y) - radius

    def render(number):
        # The disc carries the middle of its picture along.
        x, y = centre(number) - middle
        shown = _sample(moving, across - x, down - y)
        cover = np.clip(0.5 - outside(number), 0.0, 1.0)[..., None]
        return _to_bytes(cover * shown + (1.0 - cover) * still)

    def motion(first, second):
        distance = outside(first)
        on_disc = distance < 0.0
        flow = on_disc[..., None] * (centre(second) - centre(first))
        hidden = ~on_disc & (outside(second) < EDGE)
        return flow, ~hidden & (np.abs(distance) > EDGE)

    return KnownMotion(num_frames, render, motion)


class _Camera:
    """Maps between the pixels of frames and those of a photo."""

    def __init__(self, photo, num_frames, size):
        self.photo = FrameStylizer.check_frame(photo).astype("float32")
        self.size = size
        down, across = np.indices(size, "float64")
        self.grid = across, down
        self.middle = (size[1] - 1) / 2, (size[0] - 1) / 2
        self.wave = 2.0 * math.pi / (SHEAR_WAVE * size[1])
        # The farthest that the camera sees, with one pixel to spare.
        down, across = np.indices([side + 2 for side in size], "float64") - 1
        edge = np.ones(across.shape, bool)
        edge[1:-1, 1:-1] = False
        across, down = across[edge], down[edge]
        reach = np.zeros(2)
        for number in range(num_frames):
            points = self.to_view(number, across, down)
            reach = np.maximum(reach, np.abs(points).max(axis=1))
        room = (np.array(photo.shape[1::-1]) - 1) / 2
        self.scale = (room / np.maximum(reach, 0.5)).min()
        self.samples = int(np.clip(math.ceil(self.scale), *SAMPLES))

    def see(self, number):
        """Returns the frame, float32 `(height, width, 3)` in `[0, 255]`."""
        steps = (np.arange(self.samples) + 0.5) / self.samples - 0.5
        height, width = self.photo.shape[:2]
        total = 0.0
        for down in steps:
            for across in steps:
                x, y = self.to_view(
                    number, self.grid[0] + across, self.grid[1] + down
                )
                total = total + _sample(
                    self.photo,
                    x * self.scale + (width - 1) / 2,
                    y * self.scale + (height - 1) / 2,
                )
        return total / self.samples**2

    def to_view(self, number, x, y):
        """Returns where pixels of a frame look, from the photo's centre."""
        shift, turn, bends, phases = self.place(number)
        z = turn * (x - self.middle[0] + 1j * (y - self.middle[1])) + shift
        x = z.real + bends[0] * np.sin(self.wave * z.imag + phases[0])
        return x, z.imag + bends[1] * np.sin(self.wave * x + phases[1])

    def to_frame(self, number, x, y):
        """Undoes `to_view`."""
        shift, turn, bends, phases = self.place(number)
        y = y - bends[1] * np.sin(self.wave * x + phases[1])
        x = x - bends[0] * np.sin(self.wave * y + phases[0])
        z = (x + 1j * y - shift) / turn
        return z.real + self.middle[0], z.imag + self.middle[1]

    def place(self, number):
        """Returns shift and turn (complex), sizes and phases of the waves."""
        time = 2.0 * math.pi * number / PERIOD
        width = self.size[1]
        shift = PAN[0] * math.sin(time) + 1j * PAN[1] * math.sin(2 * time + 0.3)
        scale = ZOOM * math.sin(time + 0.7)
        angle = ROTATION * math.sin(time + 1.9)
        turn = np.exp(scale + 1j * angle)
        bends = math.sin(2 * time), math.cos(2 * time)
        bends = [width * SHEAR * bend for bend in bends]
        return width * shift, turn, bends, (time, 2.0 - time)


def _fitted(photo, size):
    """Returns the middle of a photo, float32, in the size of the frames."""
    photo = Image.fromarray(FrameStylizer.check_frame(photo))
    return np.asarray(ImageOps.fit(photo, size[::-1]), "float32")


def _sample(picture, across, down):
    """Returns a picture at any points, bilinear; beyond its edge, the edge."""
    return np.dstack(
        [
            ndimage.map_coordinates(
                picture[..., k], (down, across), order=1, mode="nearest"
            )
            for k in range(3)
        ]
    )


def _to_bytes(frame):
    return np.clip(np.rint(frame), 0, 255).astype("uint8")
