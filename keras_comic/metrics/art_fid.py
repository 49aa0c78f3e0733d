"""ArtFID: style and content in one number."""

import keras
import numpy as np

from keras_comic.metrics.frechet_distance import FrechetDistance
from keras_comic.metrics.perceptual_distance import PerceptualDistance
from keras_comic.metrics.result import MetricResult


@keras.saving.register_keras_serializable(package="keras_comic")
class ArtFID(keras.metrics.Metric):
    """ArtFID: how much style was taken on, and how much content was kept.

    `(1 + content) (1 + style)`: the mean perceptual distance of the fake
    comics from the photos, and the Frechet distance of the fake comics from
    the comics. Lower is better. The paper found that it ranks stylisations as
    people do. Its published numbers take LPIPS and an Inception that was
    trained on art: with other networks, compare only with numbers of the same
    networks.

    It updates the two metrics that it is given, which report their own
    numbers too. They work as `FrechetDistance` does, on the host.

    Args:
        content_distance: A `PerceptualDistance`.
        style_distance: A `FrechetDistance`.
        name: String. Defaults to `"art_fid"`.
        **kwargs: Keyword arguments of `keras.metrics.Metric`.

    Returns:
        `result()` is a float64, at least 1; NaN with fewer than 2 images on a
        side.

    Raises:
        TypeError: If one of the two is another metric.

    Example:

    >>> metric = keras_comic.metrics.ArtFID(
    ...     keras_comic.metrics.PerceptualDistance(),
    ...     keras_comic.metrics.FrechetDistance())
    >>> maps = np.random.uniform(size=(3, 4, 4, 5)).astype("float32")
    >>> metric.content_distance.update_state([maps], [maps])
    >>> metric.style_distance.update_state(maps[:, 0, 0], maps[:, 1, 1])
    >>> style = metric.style_distance.result()
    >>> abs(float(metric.result()) - (1.0 + float(style))) < 1e-6
    True

    Reference:
        - [Wright and Ommer, 2022](https://arxiv.org/abs/2207.12280); differs
          from it in the networks, which are the caller's.
    """

    def __init__(
        self, content_distance, style_distance, name="art_fid", **kwargs
    ):
        for argument, metric, expected in (
            ("content_distance", content_distance, PerceptualDistance),
            ("style_distance", style_distance, FrechetDistance),
        ):
            if not isinstance(metric, expected):
                raise TypeError(
                    f"`{argument}` must be a {expected.__name__}. "
                    f"Received: {argument}={metric!r}"
                )
        super().__init__(name=name, **kwargs)
        self.content_distance = content_distance
        self.style_distance = style_distance

    def update_state(self, photos=None, comics=None, fake_comics=None):
        """Adds batches of images; each may have another count.

        Args:
            photos: Float `(batch, height, width, 3)`, RGB in `[-1, 1]`, of
                which `fake_comics` were made; or `None`. Defaults to `None`.
            comics: Float `(batch, height, width, 3)`, RGB in `[-1, 1]`, or
                `None`. Defaults to `None`.
            fake_comics: Float, of the shape of `photos`, or `None`. Defaults
                to `None`.
        """
        if (photos is None) != (fake_comics is None):
            raise ValueError(
                "`photos` and `fake_comics` belong together. Received: only "
                f"{'fake_comics' if photos is None else 'photos'}"
            )
        if photos is not None:
            self.content_distance.update_state(photos, fake_comics)
        self.style_distance.update_state(comics, fake_comics)

    def result(self):
        """Returns the product of all images so far; NaN while they are few."""
        content = float(
            keras.ops.convert_to_numpy(self.content_distance.result())
        )
        style = self.style_distance.result()
        return np.float64((1.0 + content) * (1.0 + style))

    def report(self):
        """Returns the product with the protocols of both."""
        content = self.content_distance.report()
        style = self.style_distance.report()
        return MetricResult(
            (1.0 + content.value) * (1.0 + style.value),
            _joined(content.protocol, style.protocol),
        )

    def reset_state(self):
        """Forgets all images."""
        self.content_distance.reset_state()
        self.style_distance.reset_state()

    def get_config(self):
        serialize = keras.saving.serialize_keras_object
        return {
            **super().get_config(),
            "content_distance": serialize(self.content_distance),
            "style_distance": serialize(self.style_distance),
        }

    @classmethod
    def from_config(cls, config):
        deserialize = keras.saving.deserialize_keras_object
        return cls(
            deserialize(config["content_distance"]),
            deserialize(config["style_distance"]),
            name=config["name"],
            dtype=config["dtype"],
        )


def _joined(content, style):
    """Returns one protocol of two; what is equal stands once."""
    joined = {"metric": "ArtFID"}
    for key in {**content, **style}:
        if key == "metric":
            continue
        if key in content and key in style and content[key] == style[key]:
            joined[key] = content[key]
            continue
        for part, protocol in (("content", content), ("style", style)):
            if key in protocol:
                joined[f"{part}_{key}"] = protocol[key]
    return joined
