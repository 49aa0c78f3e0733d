"""How much a picture looks like a comic, in seven numbers."""

import numpy as np
from scipy import ndimage
from scipy import stats
from skimage.color import rgb2lab

# Areas of fewer pixels give no number.
LEAST_AREA = 500
# Gradients of lightness below these are smooth, and a coarse structure.
SMOOTH, COARSE = 0.6, 0.8
# Deviations of lightness in 5 by 5 pixels, of texture and of flat areas.
TEXTURE, FLAT = 2.5, 1.0
STEEPEST = 0.95
PAPER = 97.0
BLOCK = 16


def comic_look(photo, comic):
    """Measures how a comic of a photo looks, without any network.

    Lightness is CIELAB's, in `[0, 100]`; a gradient is the size of its Sobel
    gradient, divided by 8. Numbers are comparable for pictures whose short
    side is 384 pixels.

    - `invented`: gradient of the comic over that of the photo, where the photo
      is smooth. Above 1: strokes and blotches that the photo does not have.
    - `clutter`: the same where the photo has texture. Above 1: grass and fur
      inked to death; well below: left out, as an inker does.
    - `flat`: share of pixels in areas of one lightness.
    - `edge`: gradient of the steepest 5% of the pixels: how decided lines are.
    - `tone`: rank correlation of both, over blocks of 16 pixels: below 0.9,
      dark things have become light.
    - `fringe`: chroma beside lines that neither the photo nor the comic has
      nearby: coloured halos.
    - `paper`: share of pixels that were bleached to white.

    Args:
        photo: Uint8 array `(height, width, 3)`, RGB in `[0, 255]`.
        comic: Uint8 array of the same shape.

    Returns:
        Dict of name to float; NaN where the photo has no smooth area, or no
        texture, of 500 pixels, or a picture is of one tone.

    Raises:
        ValueError: If the arrays are not as above.

    Example:

    >>> photo = np.random.randint(256, size=(64, 64, 3)).astype("uint8")
    >>> look = keras_comic.metrics.comic_look(photo, photo)
    >>> look["tone"], look["paper"]
    (1.0, 0.0)
    """
    for name, image in (("photo", photo), ("comic", comic)):
        shape = np.shape(image)
        if len(shape) != 3 or shape[-1] != 3 or image.dtype != np.uint8:
            raise ValueError(
                f"`{name}` must be a uint8 array (height, width, 3). Received: "
                f"{getattr(image, 'dtype', type(image).__name__)} {shape}"
            )
    if photo.shape != comic.shape:
        raise ValueError(
            "`photo` and `comic` must have one shape. "
            f"Received: {photo.shape} and {comic.shape}"
        )
    before, after = (rgb2lab(p).astype("float32") for p in (photo, comic))
    light, drawn = before[..., 0], after[..., 0]
    slope, steep = _gradient(light), _gradient(drawn)
    blurred = _gradient(ndimage.gaussian_filter(light, 2))
    smooth = ndimage.minimum_filter(blurred < SMOOTH, 9)
    coarse = _gradient(ndimage.gaussian_filter(light, 4))
    texture = (_deviation(light) >= TEXTURE) & (coarse < COARSE)
    edge = steep >= np.quantile(steep, STEEPEST)
    chroma = np.hypot(after[..., 1], after[..., 2])
    near = ndimage.maximum_filter(np.hypot(before[..., 1], before[..., 2]), 11)
    for shift, axis in ((-4, 0), (4, 0), (-4, 1), (4, 1)):
        near = np.maximum(near, np.roll(chroma, shift, axis))
    tones, tone = (_blocks(light), _blocks(drawn)), np.nan
    if all(np.ptp(blocks) > 0 for blocks in tones):
        tone = stats.spearmanr(*tones).statistic
    look = {
        "invented": _ratio(steep, slope, smooth, 0.05),
        "clutter": _ratio(steep, slope, texture),
        "flat": (_deviation(drawn) < FLAT).mean(),
        "edge": steep[edge].mean(),
        "tone": tone,
        "fringe": np.maximum(chroma - near, 0.0)[edge].mean(),
        "paper": (drawn > PAPER).mean() - (light > PAPER).mean(),
    }
    return {name: float(value) for name, value in look.items()}


def mean_comic_look(looks):
    """Averages the numbers of `comic_look` over pictures.

    Args:
        looks: List of dicts, of `comic_look`.

    Returns:
        Dict of the means, NaN left out; and `invented_worst_tenth` and
        `tone_worst_tenth`, the numbers that a tenth of the pictures exceed, or
        fall below.

    Raises:
        ValueError: If the list is empty.
    """
    if not looks:
        raise ValueError("There is nothing to average. Received: looks=[]")
    means = {}
    for name in looks[0]:
        column = np.array([look[name] for look in looks])
        column = column[np.isfinite(column)]
        means[name] = float(column.mean()) if len(column) else np.nan
        share = {"invented": 0.9, "tone": 0.1}.get(name)
        if share is not None:
            worst = np.quantile(column, share) if len(column) else np.nan
            means[f"{name}_worst_tenth"] = float(worst)
    return means


def _gradient(light):
    return np.hypot(ndimage.sobel(light, 0), ndimage.sobel(light, 1)) / 8.0


def _deviation(light):
    mean = ndimage.uniform_filter(light, 5)
    square = ndimage.uniform_filter(np.square(light), 5)
    return np.sqrt(np.maximum(square - np.square(mean), 0.0))


def _ratio(steep, slope, area, least=0.0):
    if area.sum() < LEAST_AREA:
        return np.nan
    return steep[area].mean() / max(slope[area].mean(), least)


def _blocks(light):
    height, width = (side // BLOCK * BLOCK for side in light.shape)
    cut = light[:height, :width]
    cut = cut.reshape(height // BLOCK, BLOCK, width // BLOCK, BLOCK)
    return cut.mean((1, 3)).ravel()
