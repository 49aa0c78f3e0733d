"""The way from pixels to a comic, written once.

`stylize`, the SavedModel, the portable files and the video runner all draw by
these functions, on every Keras backend.
"""

import numbers

from keras import ops

from keras_comic.layers import crop_to_box
from keras_comic.layers import pad_to_multiple
from keras_comic.layers import to_float
from keras_comic.layers import to_pixels
from keras_comic.models.photo_color import keep_photo_color


def draw_comics(
    generator,
    images,
    conditions,
    strength=1.0,
    mask=None,
    keep_color=False,
    photo_conditions=None,
    rounded=True,
):
    """Draws comics of uint8 photos `(batch, height, width, 3)`.

    In this order: range conversion, weakening of the conditions, padding,
    network, cropping, blending by strength, colour keeping, mask, rounding.

    `conditions` are arrays of `batch` rows or of one; `strength` is a float in
    `[0, 1]` or one for each photo, `mask` float32 `(batch or 1, height, width,
    1)` in `[0, 1]`, `keep_color` a boolean or one for each photo.
    `photo_conditions` are the photos' own, where they are known. Without
    `rounded`, comics are float32 in `[0, 255]`. A network that gives pictures
    of another size is a `ValueError`.
    """
    pixels = ops.cast(images, "float32")
    photos = to_float(pixels)
    share = None
    if not isinstance(strength, numbers.Real) or strength < 1.0:
        strength = ops.broadcast_to(
            ops.cast(strength, "float32"), ops.shape(images)[:1]
        )
        conditions, share = _weakened(
            generator, photos, conditions, strength, photo_conditions
        )
    comics = to_pixels(run_network(generator, photos, conditions))
    if share is not None:
        comics = _blend(comics, pixels, share[:, None, None, None])
    if not isinstance(keep_color, bool):
        comics = ops.cond(
            ops.any(keep_color),
            lambda: ops.where(
                keep_color[:, None, None, None],
                keep_photo_color(comics, pixels),
                comics,
            ),
            lambda: comics,
        )
    elif keep_color:
        comics = keep_photo_color(comics, pixels)
    if mask is not None:
        comics = _blend(comics, pixels, ops.cast(mask, "float32"))
    if rounded:
        comics = ops.cast(ops.round(comics), "uint8")
    return comics


def run_network(generator, photos, conditions):
    """Calls a generator on float32 photos of any size, RGB in `[-1, 1]`."""
    rows = ops.shape(photos)[0]
    padded, box = pad_to_multiple(photos, generator.stride)
    inputs = {"photos": padded, **_to_rows(conditions, rows)}
    comics = generator(inputs, training=False)
    expected, received = (tuple(x.shape) for x in (padded, comics))
    if len(received) != 4 or any(
        a is not None and b is not None and a != b
        for a, b in zip(expected[1:], received[1:])
    ):
        raise ValueError(
            f"`{type(generator).__name__}` must give a picture of the size of "
            f"the photo, {expected}, for sides divisible by its stride, "
            f"{generator.stride}. Received: a picture of shape {received}"
        )
    return crop_to_box(ops.cast(comics, "float32"), box)


def _weakened(generator, photos, conditions, strength, photo_conditions):
    """Returns conditions of a strength, and the comic's share of the blend."""

    def weaken():
        own = photo_conditions
        if own is None:
            own = generator.photo_conditions(photos)
        return generator.weaken(conditions, own, strength)

    if not conditions:
        return weaken()
    # A whole batch at full strength is not encoded for nothing.
    full = _to_rows(conditions, ops.shape(photos)[0])
    return ops.cond(
        ops.any(strength < 1.0),
        weaken,
        lambda: (full, ops.ones_like(strength)),
    )


def _to_rows(conditions, rows):
    return {
        name: ops.broadcast_to(
            ops.convert_to_tensor(value), (rows, *value.shape[1:])
        )
        for name, value in conditions.items()
    }


def _blend(comics, photos, share):
    # Where the share is 1 the comic stays as it is, to the last bit.
    return ops.where(
        share < 1.0, share * comics + (1.0 - share) * photos, comics
    )
