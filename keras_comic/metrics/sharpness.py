"""The sharpness of pictures."""

import keras
from keras import ops

from keras_comic.metrics.features import check_images
from keras_comic.metrics.sample_mean import SampleMean


@keras.saving.register_keras_serializable(package="keras_comic")
class Sharpness(SampleMean):
    """Mean gradient energy of images.

    The mean over pixels and channels of the squared differences to the next
    pixel to the right, plus the same of those to the next one below, with RGB
    in `[0, 1]`. Blur lowers it; so a stylisation that is stiller than another
    one of the same style, and as sharp, is not merely blurred.

    Args:
        protocol: Dict or `None`, see `StructuralSimilarity`. Defaults to
            `None`.
        name: String or `None`. Defaults to `None`, `"sharpness"`.
        **kwargs: Keyword arguments of `keras.metrics.Metric`.

    Returns:
        `result()` is a float64 scalar (float32 on JAX), in `[0, 2]`; NaN
        without images.

    Raises:
        ValueError: If `protocol` is no such dict.

    Example:

    >>> sharpness = keras_comic.metrics.Sharpness()
    >>> comics = -np.ones((1, 4, 5, 3), "float32")
    >>> comics[:, :, 2:] = 1.0  # one edge, from black to white
    >>> sharpness.update_state(comics)
    >>> float(sharpness.result())  # one of four steps to the right
    0.25
    """

    def update_state(self, fake_comics, sample_weight=None):
        """Adds a batch of images.

        Args:
            fake_comics: Float `(batch, height, width, 3)`, RGB in `[-1, 1]`,
                sides of at least 2 pixels.
            sample_weight: Float `(batch,)` or `None`. What each image counts.
                Defaults to `None`, 1.
        """
        super().update_state(None, fake_comics, sample_weight)

    def sample_values(self, photos, fake_comics):
        check_images(fake_comics, "fake_comics")
        sides = [side for side in fake_comics.shape[1:3] if side is not None]
        if any(side < 2 for side in sides):
            raise ValueError(
                "Images must have sides of at least 2 pixels. "
                f"Received: fake_comics.shape={tuple(fake_comics.shape)}"
            )
        images = ops.convert_to_tensor(fake_comics)
        images = 0.5 * ops.cast(images, "float32")
        across = ops.square(images[:, :, 1:] - images[:, :, :-1])
        down = ops.square(images[:, 1:] - images[:, :-1])
        return ops.mean(across, axis=[1, 2, 3]) + ops.mean(down, axis=[1, 2, 3])

    def counts(self, count):
        return {"images": count}
