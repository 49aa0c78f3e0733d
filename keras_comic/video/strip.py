"""A few frames of a video beside their changes, on one sheet."""

import numpy as np
from PIL import Image

from keras_comic.data.contact_sheet import COLUMNS
from keras_comic.data.contact_sheet import SIZE
from keras_comic.data.contact_sheet import save_contact_sheet

# The colour of unknown pixels in a picture of differences.
UNKNOWN = (90, 90, 90)
# How many times a difference is shown.
GAIN = 4.0


class VideoStrip:
    """Gathers frames of a video for a contact sheet, evenly over its length.

    Each version of the video has eight of its frames, and below them pictures
    of how each differs from the next frame. `VideoMeter` adds them as they
    come; of a video of any length no more than sixteen are held.

    """

    def __init__(self):
        self._spacing = 1
        self._count = 0
        self._columns = []

    def wants_next(self):
        """Returns `False` if the next frame is not shown: rows may be empty."""
        return self._count % self._spacing == 0

    def add(self, rows):
        """Adds the next frame of each version.

        Args:
            rows: Dict of the row's label to a pair of uint8 arrays `(height,
                width, 3)`, RGB in `[0, 255]`: the frame, and a picture of its
                difference to the next one. All frames have the same labels.
        """
        if self.wants_next() and len(self._columns) == 2 * COLUMNS:
            self._columns = self._columns[::2]
            self._spacing *= 2
        # The count may not be a multiple of the wider spacing.
        if self.wants_next():
            small = {n: list(map(_shrink, pair)) for n, pair in rows.items()}
            self._columns.append((self._count, small))
        self._count += 1

    def save(self, path, title=None):
        """Saves the sheet as a PNG file, whole or not at all.

        Args:
            path: String or path of the file; its folder must exist.
            title: String, the first line, or `None`. Defaults to `None`.
        """
        if not self._columns:
            raise ValueError("There is nothing to draw before `add`.")
        num_shown = min(COLUMNS, len(self._columns))
        places = np.linspace(0, len(self._columns) - 1, num_shown).round()
        columns = [self._columns[int(place)] for place in places]
        groups = {}
        for label in columns[0][1]:
            for k, name in enumerate((label, f"{label}, change")):
                groups[name] = [
                    (f"frame {number}", rows[label][k])
                    for number, rows in columns
                ]
        save_contact_sheet(path, groups, title)


def _shrink(picture):
    image = Image.fromarray(picture)
    image.thumbnail((SIZE, SIZE), Image.Resampling.LANCZOS)
    return np.asarray(image)


def difference_image(frame, other, valid):
    """Draws how two uint8 frames differ: black where they do not."""
    difference = np.abs(frame.astype("float32") - other)
    picture = np.clip(np.rint(GAIN * difference), 0, 255).astype("uint8")
    picture[~valid] = UNKNOWN
    return picture
