"""Keeps a photo's colours under a comic's lightness."""

import numpy as np
from keras import ops

from keras_comic.layers import lab_to_rgb
from keras_comic.layers import rgb_to_lab
from keras_comic.layers import to_float
from keras_comic.layers import to_pixels

# Shares of the photo's lightness, tried in this order, each for so many rounds.
LIGHTNESS_SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
ROUNDS = 8
# The means of a and b are near enough at once, or after all rounds.
TOLERANCE = 0.5
LAST_TOLERANCE = 1.0


def keep_photo_color(comics, photos):
    """Gives comics the colours of their photos.

    Each pixel gets the photo's a and b of CIELAB and the comic's lightness.
    Colours that RGB does not have are clipped, which takes chroma away: the
    rest is shifted, round by round, until the means of a and b are the
    photo's. Where eight rounds do not suffice (white has no colour), the
    lightness moves towards the photo's.

    Args:
        comics: Float32 `(batch, height, width, 3)`, RGB in `[0, 255]`.
        photos: Float32 of the same shape, RGB in `[0, 255]`.

    Returns:
        Float32 of the same shape, RGB in `[0, 255]`.
    """
    lightness = rgb_to_lab(to_float(comics))[..., :1]
    photo_lab = rgb_to_lab(to_float(photos))
    photo_lightness, chroma = photo_lab[..., :1], photo_lab[..., 1:]
    wanted = ops.mean(chroma, axis=(1, 2), keepdims=True)
    shares = ops.convert_to_tensor(np.array(LIGHTNESS_SHARES, "float32"))
    num_rounds = ROUNDS * len(LIGHTNESS_SHARES)

    def goes_on(index, done, shift, colored):
        return ops.logical_and(index < num_rounds, ops.any(~done))

    def correct(index, done, shift, colored):
        share = ops.take(shares, index // ROUNDS)
        shift = ops.where(index % ROUNDS == 0, ops.zeros_like(shift), shift)
        mixed = lightness + share * (photo_lightness - lightness)
        rgb = lab_to_rgb(ops.concatenate([mixed, chroma + shift], axis=-1))
        means = ops.mean(rgb_to_lab(rgb)[..., 1:], axis=(1, 2), keepdims=True)
        missing = wanted - means
        error = ops.max(ops.abs(missing), axis=(1, 2, 3))
        tolerance = ops.where(
            index % ROUNDS == ROUNDS - 1, LAST_TOLERANCE, TOLERANCE
        )
        colored = ops.where(done[:, None, None, None], colored, rgb)
        done = ops.logical_or(done, error <= tolerance)
        return index + 1, done, shift + missing, colored

    start = (
        ops.convert_to_tensor(0, dtype="int32"),
        ops.zeros(ops.shape(comics)[:1], dtype="bool"),
        ops.zeros_like(wanted),
        to_float(photos),
    )
    colored = ops.while_loop(goes_on, correct, start)[-1]
    return to_pixels(colored)
