"""Keeps a photo's colours under a comic's lightness."""

from keras import ops

from keras_comic.layers import lab_to_rgb
from keras_comic.layers import rgb_to_lab
from keras_comic.layers import to_float
from keras_comic.layers import to_pixels

# Halvings of the share of the photo's lightness, before it is interpolated.
ROUNDS = 4
# A colour that RGB has comes back from it with a and b as near as this.
TOLERANCE = 0.5


def keep_photo_color(comics, photos):
    """Gives comics the colours of their photos, RGB in `[0, 255]`.

    Each pixel, for itself, gets the photo's a and b of CIELAB and the comic's
    lightness. Where RGB has no such colour (white has none), the lightness
    moves towards the photo's, as little as it takes.
    """
    lightness = rgb_to_lab(to_float(comics))[..., :1]
    photo_lab = rgb_to_lab(to_float(photos))
    photo_lightness, chroma = photo_lab[..., :1], photo_lab[..., 1:]

    def color(share):
        mixed = lightness + share * (photo_lightness - lightness)
        return lab_to_rgb(ops.concatenate([mixed, chroma], axis=-1))

    def excess(share):
        back = rgb_to_lab(color(share))[..., 1:]
        missing = ops.max(ops.abs(back - chroma), axis=-1, keepdims=True)
        return missing - TOLERANCE

    none, all_of_it = ops.zeros_like(lightness), ops.ones_like(lightness)
    first = excess(none)
    low, low_excess = none, first
    high, high_excess = all_of_it, ops.full_like(lightness, -TOLERANCE)
    for _ in range(ROUNDS):
        middle = 0.5 * (low + high)
        found = excess(middle)
        is_enough = found <= 0.0
        low = ops.where(is_enough, low, middle)
        low_excess = ops.where(is_enough, low_excess, found)
        high = ops.where(is_enough, middle, high)
        high_excess = ops.where(is_enough, found, high_excess)
    # In between the excess is nearly a line.
    part = low_excess / ops.maximum(low_excess - high_excess, 1e-6)
    share = low + (high - low) * ops.clip(part, 0.0, 1.0)
    return to_pixels(color(ops.where(first <= 0.0, none, share)))
