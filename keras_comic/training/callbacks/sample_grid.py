"""Pictures of how the training goes."""

from pathlib import Path

import numpy as np
from PIL import Image
from PIL import ImageOps

from keras_comic.data.paths import whole_file
from keras_comic.training.callbacks.step_callback import StepCallback

# Pixels between two pictures, and above a row for its label.
GAP = 8
STRIP = 20


class SampleGrid(StepCallback):
    """Writes a sheet of pictures by the averaged generator during training.

    Photos lie across; under them lies one row of comics, or, for a generator
    that takes a style, one row for each style. A generator of random codes
    draws as many pictures as there are photos and styles, always of the same
    codes. The files are `step-0000500.png`, `step-0001000.png` and so on; the
    last step has one too.

    Args:
        folder: Path of the folder for the sheets; made if needed.
        photos: List of uint8 pictures `(height, width, 3)`, RGB in
            `[0, 255]`; of each the largest square in its middle is shown.
        styles: Dict of label to such a picture, or to anything else that
            `stylize` takes as `style`. Defaults to `None`, one row without a
            style.
        every: Integer > 0. Training steps between two sheets. Defaults to
            `500`.
        image_size: Integer >= 32. Side of the photos on the sheet, and for the
            generator, pixels. Defaults to `192`.
    """

    def __init__(self, folder, photos, styles=None, every=500, image_size=192):
        if not len(photos):
            raise ValueError(
                "`photos` must hold at least one picture. Received: 0 photos"
            )
        if image_size < 32:
            raise ValueError(
                "`image_size` must be at least 32 pixels. "
                f"Received: image_size={image_size}"
            )
        super().__init__(every)
        self.folder = Path(folder)
        self.photos = np.stack([_square(p, image_size) for p in photos])
        self.styles = dict(styles or {"": None})
        self.image_size = image_size

    def on_steps(self, step, logs):
        sheet = Image.fromarray(self.draw(self.model.averaged_generator))
        with whole_file(self.folder / f"step-{step:07d}.png") as path:
            sheet.save(path, "PNG")

    def draw(self, generator):
        """Draws the sheet.

        Args:
            generator: `Generator`, `StyleGenerator` or `LatentGenerator`.

        Returns:
            uint8 array `(height, width, 3)`, RGB in `[0, 255]`: the photos in
            the first row; under it one row for each style, its picture (if it
            is one) first, then the comics.
        """
        size, count = self.image_size, len(self.photos)
        if generator.kind == "latent_generator":
            pictures = generator.generate(count * len(self.styles), seed=0)
            pictures = [_square(np.asarray(p), size) for p in pictures]
            starts = range(0, len(pictures), count)
            rows = [("", [None, *pictures[i : i + count]]) for i in starts]
            return _compose(rows, size)
        rows = [("", [None, *self.photos])]
        styles = self.styles if generator.takes_style else {"": None}
        for label, style in styles.items():
            is_picture = getattr(style, "ndim", 0) == 3
            picture = _square(style, size) if is_picture else None
            comics = generator.stylize(self.photos, style)
            rows.append((label, [picture, *comics]))
        return _compose(rows, size)


def _square(picture, side):
    """Cuts the largest square from the middle, and resizes it."""
    shape, dtype = np.shape(picture), getattr(picture, "dtype", None)
    if len(shape) != 3 or shape[-1] != 3 or dtype != "uint8":
        raise ValueError(
            "A picture must be uint8 of shape (height, width, 3). "
            f"Received: shape={shape}, dtype={dtype}"
        )
    image = ImageOps.fit(Image.fromarray(picture), (side, side))
    return np.array(image)


def _compose(rows, side):
    """Lays out rows of pictures, each with its label above them."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    height = GAP + len(rows) * (STRIP + side + GAP)
    width = GAP + len(rows[0][1]) * (side + GAP)
    tops = range(GAP + STRIP, height, STRIP + side + GAP)
    # Matplotlib's font has the letters of most languages.
    figure = Figure((width / 100, height / 100), 100)
    canvas = FigureCanvasAgg(figure)
    for top, (label, _) in zip(tops, rows):
        x, y = GAP / width, 1.0 - (top - 4) / height
        figure.text(x, y, label, size=8, family="monospace", parse_math=False)
    canvas.draw()
    sheet = np.array(canvas.buffer_rgba())[..., :3]
    for top, (_, pictures) in zip(tops, rows):
        for column, picture in enumerate(pictures):
            left = GAP + column * (side + GAP)
            if picture is not None:
                sheet[top : top + side, left : left + side] = picture
    return sheet
