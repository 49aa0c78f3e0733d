"""A few frames of a video beside their changes, on one sheet."""

import numpy as np
from PIL import Image
from PIL import ImageDraw
from PIL import ImageFont

from keras_comic.data.paths import write_whole
from keras_comic.video.sink import to_png

# Of the sheet, pixels.
GAP = 6
LABEL_HEIGHT = 26
LABEL_SIZE = 17
PAPER = (255, 255, 255)
INK = (20, 20, 20)
# The colour of unknown pixels in a picture of differences.
UNKNOWN = (90, 90, 90)


class VideoStrip:
    """Gathers frames of a video on a contact sheet, evenly over its length.

    Each row is one version of the video: its frames, and below each a picture
    of how it differs from the next frame. Frames are added as they come; of
    a video of any length no more than twice as many as are shown are held.

    Args:
        num_frames: Integer > 0. Frames in a row. Defaults to `8`.
        tile_width: Integer >= 16. Width of the widest frame on the sheet,
            pixels; smaller frames keep their size. Defaults to `240`.

    Example:

    >>> strip = keras_comic.video.VideoStrip(num_frames=4)
    >>> for _ in range(30):
    ...     frame = np.random.randint(256, size=(24, 32, 3)).astype("uint8")
    ...     if strip.wants_next():
    ...         other = keras_comic.video.difference_image(frame, 255 - frame)
    ...         strip.add({"noise": (frame, other)})
    ...     else:
    ...         strip.skip()
    >>> strip.save("strip.png")
    """

    def __init__(self, num_frames=8, tile_width=240):
        for name, value, least in (
            ("num_frames", num_frames, 1),
            ("tile_width", tile_width, 16),
        ):
            if not value >= least:
                raise ValueError(
                    f"`{name}` must be an integer >= {least}. "
                    f"Received: {name}={value}"
                )
        self.num_frames = num_frames
        self.tile_width = tile_width
        self._spacing = 1
        self._count = 0
        self._columns = []

    def wants_next(self):
        """Returns `False` for a frame that `skip` is enough for."""
        return self._count % self._spacing == 0

    def skip(self):
        """Counts a frame that is not shown."""
        self._count += 1

    def add(self, rows):
        """Adds the next frame of each version.

        Args:
            rows: Dict of the row's label to a pair of uint8 arrays `(height,
                width, 3)`, RGB in `[0, 255]`: the frame, and a picture to
                show below it, such as `difference_image` makes. All frames
                have the same labels.
        """
        if self.wants_next() and len(self._columns) == 2 * self.num_frames:
            self._columns = self._columns[::2]
            self._spacing *= 2
        # The count may not be a multiple of the wider spacing.
        if self.wants_next():
            small = {
                n: list(map(self._small, pair)) for n, pair in rows.items()
            }
            self._columns.append((self._count, small))
        self._count += 1

    def draw(self, title=None):
        """Draws the sheet.

        Args:
            title: String, its first line, or `None`. Defaults to `None`.

        Returns:
            Uint8 array `(height, width, 3)`, RGB in `[0, 255]`.
        """
        if not self._columns:
            raise ValueError("There is nothing to draw before `add`.")
        shown = min(self.num_frames, len(self._columns))
        places = np.linspace(0, len(self._columns) - 1, shown).round()
        columns = [self._columns[int(place)] for place in places]
        labels = list(columns[0][1])
        width, height = columns[0][1][labels[0]][0].size
        row_height = LABEL_HEIGHT + 2 * (height + GAP)
        top = GAP + (LABEL_HEIGHT if title is not None else 0)
        size = GAP + shown * (width + GAP), top + len(labels) * row_height
        sheet = Image.new("RGB", size, PAPER)
        draw = ImageDraw.Draw(sheet)
        font = ImageFont.load_default(LABEL_SIZE)
        if title is not None:
            draw.text((GAP, GAP), title, INK, font)
        numbers = ", ".join(str(number) for number, _ in columns)
        for index, label in enumerate(labels):
            y = top + index * row_height
            text = label if index else f"{label}  (frames {numbers})"
            draw.text((GAP, y), text, INK, font)
            for column, (_, rows) in enumerate(columns):
                x = GAP + column * (width + GAP)
                for place, picture in enumerate(rows[label]):
                    down = y + LABEL_HEIGHT + place * (height + GAP)
                    sheet.paste(picture, (x, down))
        return np.asarray(sheet)

    def save(self, path, title=None):
        """Saves the sheet as a PNG file, whole or not at all.

        Args:
            path: String or path of the file; its folder must exist.
            title: String, the first line, or `None`. Defaults to `None`.
        """
        write_whole(path, to_png(self.draw(title)))

    def _small(self, picture):
        image = Image.fromarray(np.asarray(picture, "uint8"))
        if image.width <= self.tile_width:
            return image
        height = max(1, image.height * self.tile_width // image.width)
        return image.resize((self.tile_width, height), Image.Resampling.LANCZOS)


def difference_image(frame, other, valid=None, gain=4.0):
    """Draws how two frames differ: black where they do not.

    Args:
        frame: Uint8 array `(height, width, 3)`, RGB in `[0, 255]`.
        other: Uint8 array of the same shape: the next frame, moved back
            along the flow if the camera moves.
        valid: Boolean array `(height, width)`, or `None` for all. The rest is
            grey. Defaults to `None`.
        gain: Float > 0. How many times the difference is shown. Defaults to
            `4.0`.

    Returns:
        Uint8 array of the shape of `frame`.

    Example:

    >>> frame = np.full((2, 2, 3), 100, "uint8")
    >>> keras_comic.video.difference_image(frame, frame + 10)[0, 0].tolist()
    [40, 40, 40]
    """
    frame, other = np.asarray(frame), np.asarray(other)
    if frame.shape != other.shape:
        raise ValueError(
            "Both frames must have the same shape. "
            f"Received: frame.shape={frame.shape}, other.shape={other.shape}"
        )
    difference = np.abs(frame.astype("float32") - other)
    picture = np.clip(np.rint(gain * difference), 0, 255).astype("uint8")
    if valid is not None:
        picture[~np.asarray(valid, bool)] = UNKNOWN
    return picture
