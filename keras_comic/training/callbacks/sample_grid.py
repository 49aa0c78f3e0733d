"""Pictures of how the training goes."""

import os
from pathlib import Path

import numpy as np
from PIL import Image

from keras_comic.training.callbacks.step_callback import StepCallback

# Of a sheet, pixels: the strip above a row for its label, and the gap between
# pictures.
STRIP = 20
GAP = 8


class SampleGrid(StepCallback):
    """Writes a sheet of photos in styles, every so many training steps.

    Photos lie across, styles down, as the averaged generator of a `GAN` draws
    them, in files `step-0000500.png`, `step-0001000.png` and so on; the last
    step has one too. Steps are those of `gan.step_counter`, so that a resumed
    run keeps the rhythm. A sheet is written beside its name and renamed.

    Args:
        folder: Path of the folder for the sheets; made if needed.
        photos: List of uint8 pictures `(height, width, 3)`, RGB in
            `[0, 255]`; of each the largest square in its middle is shown.
        styles: Dict of label to such a picture, or to anything else that
            `stylize` takes as `style`.
        every: Integer > 0. Training steps between two sheets. Defaults to
            `500`.
        image_size: Integer >= 32. Side of the photos on the sheet, and for the
            generator, pixels. Defaults to `192`.

    Raises:
        ValueError: If there is no photo or no style, a photo is not a uint8
            picture, or a number is out of its range.

    Example:

    >>> noise = np.random.randint(256, size=(32, 32, 3)).astype("uint8")
    >>> samples = keras_comic.training.SampleGrid(
    ...     "samples", [noise], {"ink": noise}, image_size=32
    ... )
    >>> generator = keras_comic.AdaINGenerator.light((4, 8, 4, 4), 1, 8)
    >>> samples.draw(generator).shape
    (128, 88, 3)
    """

    def __init__(self, folder, photos, styles, every=500, image_size=192):
        if not len(photos) or not styles:
            raise ValueError(
                "`photos` and `styles` must each hold at least one picture. "
                f"Received: {len(photos)} photos, {len(styles)} styles"
            )
        if image_size < 32:
            raise ValueError(
                "`image_size` must be at least 32 pixels. "
                f"Received: image_size={image_size}"
            )
        super().__init__(every)
        self.folder = Path(folder)
        self.photos = np.stack([_square(p, image_size) for p in photos])
        self.styles = dict(styles)
        self.image_size = image_size

    def on_steps(self, step, logs):
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"step-{step:07d}.png"
        partial = self.folder / f".partial.{path.name}"
        sheet = Image.fromarray(self.draw(self.model.ema_generator))
        sheet.save(partial, "PNG")
        os.replace(partial, path)

    def draw(self, generator):
        """Draws the sheet.

        Args:
            generator: `Generator`.

        Returns:
            uint8 array `(height, width, 3)`, RGB in `[0, 255]`: the photos in
            the first row; under it one row for each style, its picture (if it
            is one) first, then the comics.
        """
        rows = [[None, *self.photos]]
        for style in self.styles.values():
            is_picture = getattr(style, "ndim", 0) == 3
            picture = _square(style, self.image_size) if is_picture else None
            rows.append([picture, *generator.stylize(self.photos, style)])
        return self._compose(rows)

    def _compose(self, rows):
        side = self.image_size
        corners = {
            (i, j): (
                GAP + i * (STRIP + side + GAP) + STRIP,
                GAP + j * (side + GAP),
            )
            for i, row in enumerate(rows)
            for j in range(len(row))
        }
        top, left = corners[len(rows) - 1, len(rows[0]) - 1]
        texts = [
            (*corners[i, 0], label)
            for i, label in enumerate(self.styles, start=1)
        ]
        sheet = _write_texts(top + side + GAP, left + side + GAP, texts)
        for (i, j), (top, left) in corners.items():
            if rows[i][j] is not None:
                sheet[top : top + side, left : left + side] = rows[i][j]
        return sheet


def _square(picture, side):
    """The largest square in the middle of a picture, resized."""
    shape, dtype = np.shape(picture), getattr(picture, "dtype", None)
    if len(shape) != 3 or shape[-1] != 3 or dtype != "uint8":
        raise ValueError(
            "A picture must be uint8 of shape (height, width, 3). "
            f"Received: shape={shape}, dtype={dtype}"
        )
    height, width = picture.shape[:2]
    short = min(height, width)
    top, left = (height - short) // 2, (width - short) // 2
    image = Image.fromarray(picture[top : top + short, left : left + short])
    return np.array(image.resize((side, side), Image.Resampling.BICUBIC))


def _write_texts(height, width, texts):
    """A white picture with texts, each a little above and right of a place."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    dpi = 100
    figure = Figure((width / dpi, height / dpi), dpi)
    canvas = FigureCanvasAgg(figure)
    for top, left, text in texts:
        figure.text(
            left / width,
            1.0 - (top - 4) / height,
            text,
            size=8,
            family="monospace",
            parse_math=False,
        )
    canvas.draw()
    return np.array(canvas.buffer_rgba())[..., :3].copy()
