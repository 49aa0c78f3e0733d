"""Losses on pixels."""

from keras import ops

from keras_comic.layers import structural_similarity
from keras_comic.losses.samples import check_same_shape
from keras_comic.losses.samples import float32
from keras_comic.losses.samples import sample_mean

# Of red, green and blue (ITU-R BT.601).
LUMINANCE_WEIGHTS = (0.299, 0.587, 0.114)


def total_variation_loss(images):
    """Mean absolute difference of neighbouring pixels.

    `mean(|dy|) + mean(|dx|)`. The absolute value, unlike the square, leaves a
    sharp edge as cheap as a soft one, which is what flat colour and clean
    lines want.

    Args:
        images: Float `(batch, height, width, channels)`, any range; sides of
            at least 2 pixels.

    Returns:
        Float32 `(batch,)`, at least 0, in the unit of the pixels.

    Reference:
        - [Rudin, Osher and Fatemi, 1992](
          https://doi.org/10.1016/0167-2789%2892%2990242-F), in its
          anisotropic form.
    """
    images = ops.cast(images, "float32")
    vertical = ops.abs(images[:, 1:] - images[:, :-1])
    horizontal = ops.abs(images[:, :, 1:] - images[:, :, :-1])
    return ops.mean(vertical, axis=[1, 2, 3]) + ops.mean(
        horizontal, axis=[1, 2, 3]
    )


def structure_loss(images, targets):
    """One minus the structural similarity of luminance.

    Keeps the drawing of the photo (where lines and masses are) and leaves the
    hue free. See `keras_comic.layers.structural_similarity`.

    Args:
        images: Float `(batch, height, width, 3)`, RGB in `[-1, 1]`; sides of
            at least 11 pixels.
        targets: Float `(batch, height, width, 3)`, RGB in `[-1, 1]`.

    Returns:
        Float32 `(batch,)` in `[0, 2]`; 0 for equal luminance.

    Reference:
        - [Wang et al., 2004](https://doi.org/10.1109/TIP.2003.819861).
    """
    return 1.0 - structural_similarity(images, targets)


def edge_aware_smoothness_loss(images, guides, edge_weight=10.0):
    """Total variation where the guide is flat.

    `mean(|dy images| * exp(-edge_weight * |dy guides|))` and the same for dx:
    flat regions of the photo stay flat in the comic, its edges may become
    lines.

    Args:
        images: Float `(batch, height, width, channels)`, any range; sides of
            at least 2 pixels.
        guides: Float `(batch, height, width, channels)`, RGB in `[-1, 1]`;
            the photos.
        edge_weight: Float >= 0. How fast an edge of the guide frees the
            image. Defaults to `10.0`.

    Returns:
        Float32 `(batch,)`, at least 0, in the unit of the pixels.

    Reference:
        - [Godard et al., 2017](https://arxiv.org/abs/1609.03677), equation 3,
          of images instead of disparities.
    """
    images, guides = ops.cast(images, "float32"), ops.cast(guides, "float32")
    total = 0.0
    for after, before in (
        ((slice(None), slice(1, None)), (slice(None), slice(None, -1))),
        (
            (slice(None), slice(None), slice(1, None)),
            (slice(None), slice(None), slice(None, -1)),
        ),
    ):
        edges = ops.mean(
            ops.abs(guides[after] - guides[before]), axis=-1, keepdims=True
        )
        steps = ops.abs(images[after] - images[before])
        total += ops.mean(steps * ops.exp(-edge_weight * edges), axis=[1, 2, 3])
    return total


def tone_loss(images, targets, size=8, epsilon=1e-2):
    """Difference of the coarse light and dark, whatever the contrast.

    Luminance is averaged over cells and normalised to mean 0 and deviation 1
    within each image, then the mean squared difference is taken. What is dark
    in the photo stays darker than the rest of the comic: large dark shapes do
    not bleach from within, and edges grow no halo.

    Args:
        images: Float `(batch, height, width, 3)`, RGB in `[-1, 1]`; sides of
            at least `size` pixels.
        targets: Float `(batch, height, width, 3)`, RGB in `[-1, 1]`; the
            photos.
        size: Integer > 0. Side of the cells, pixels. Defaults to `8`.
        epsilon: Float > 0. Added to the variance of the cells, so that the
            noise of a blank photo is not enlarged. Defaults to `1e-2`.

    Returns:
        Float32 `(batch,)`, at least 0; about 2 for unrelated images.
    """
    weights = ops.convert_to_tensor(LUMINANCE_WEIGHTS, dtype="float32")

    def normalised_cells(pictures):
        pictures = ops.cast(pictures, "float32")
        luminance = ops.sum(pictures * weights, axis=-1, keepdims=True)
        cells = ops.average_pool(
            luminance, size, size, "valid", "channels_last"
        )
        mean, variance = ops.moments(cells, axes=[1, 2], keepdims=True)
        return (cells - mean) / ops.sqrt(variance + epsilon)

    difference = normalised_cells(images) - normalised_cells(targets)
    return ops.mean(ops.square(difference), axis=[1, 2, 3])


def edge_loss(images, targets):
    """Difference of the strength of edges, whichever side of one is dark.

    `mean(|strength(images) - strength(targets)|)`, where the strength is the
    length of the gradient of luminance by Sobel's two kernels over 8, at the
    pixels that have eight neighbours. Draws lines where the photo (or a line
    drawing of it) has edges, and none elsewhere.

    Args:
        images: Float `(batch, height, width, 3)`, RGB in `[-1, 1]`; sides of
            at least 3 pixels.
        targets: Float, of the shape of `images`.

    Returns:
        Float32 `(batch,)`, at least 0, in luminance per pixel.
    """
    check_same_shape(images, targets, "images", "targets")
    difference = _edge_strength(images) - _edge_strength(targets)
    return sample_mean(ops.abs(difference))


def _edge_strength(images):
    weights = ops.convert_to_tensor(LUMINANCE_WEIGHTS, dtype="float32")
    pixels = ops.sum(float32(images) * weights, axis=-1)
    # A smoothed row or column, then the difference two pixels apart.
    down = pixels[:, :-2] + 2.0 * pixels[:, 1:-1] + pixels[:, 2:]
    across = pixels[..., :-2] + 2.0 * pixels[..., 1:-1] + pixels[..., 2:]
    horizontal = (down[..., 2:] - down[..., :-2]) / 8.0
    vertical = (across[:, 2:] - across[:, :-2]) / 8.0
    # The derivative of a root has no value at 0.
    return ops.sqrt(ops.square(horizontal) + ops.square(vertical) + 1e-12)
