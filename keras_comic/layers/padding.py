"""Padding to the stride of a network, and back."""

from keras import ops


def pad_to_multiple(images, multiple):
    """Pads height and width by reflection up to a multiple.

    Args:
        images: Float `(batch, height, width, channels)`, any range; sides of
            at least `2 * multiple` pixels.
        multiple: Integer > 0, pixels.

    Returns:
        Float `(batch, padded_height, padded_width, channels)`, the input in
        the middle, and the box `(top, left, height, width)` of the input in
        it, for `crop_to_box`.

    Example:

    >>> images = np.zeros((1, 33, 32, 3), "float32")
    >>> padded, box = keras_comic.layers.pad_to_multiple(images, 4)
    >>> tuple(padded.shape)
    (1, 36, 32, 3)
    """
    height, width = ops.shape(images)[1:3]
    extra_height, extra_width = -height % multiple, -width % multiple
    top, left = extra_height // 2, extra_width // 2
    box = (top, left, height, width)
    static = all(isinstance(n, int) for n in (extra_height, extra_width))
    if static and not (extra_height or extra_width):
        return images, box
    borders = [
        [0, 0],
        [top, extra_height - top],
        [left, extra_width - left],
        [0, 0],
    ]
    return ops.pad(images, borders, mode="reflect"), box


def crop_to_box(images, box):
    """The inverse of `pad_to_multiple`.

    Args:
        images: Float `(batch, padded_height, padded_width, channels)`.
        box: `(top, left, height, width)` from `pad_to_multiple`, pixels.

    Returns:
        Float `(batch, height, width, channels)`.

    Example:

    >>> images = np.zeros((1, 33, 32, 3), "float32")
    >>> padded, box = keras_comic.layers.pad_to_multiple(images, 4)
    >>> tuple(keras_comic.layers.crop_to_box(padded, box).shape)
    (1, 33, 32, 3)
    """
    top, left, height, width = box
    if isinstance(height, int) and tuple(images.shape[1:3]) == (height, width):
        # A slice would fix the size in the graph, which a runtime may resize.
        return images
    return images[:, top : top + height, left : left + width, :]
