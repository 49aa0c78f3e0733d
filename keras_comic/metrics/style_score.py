"""Distances of a picture from a drawing's style and from the photo.

The definitions that every preset's card reports. They read no files: the
cards' protocol crops each picture to the square in its middle and resizes that
to 256 pixels (Pillow, bicubic) before it comes here.
"""

import keras
from keras import ops

from keras_comic.layers import channel_moments
from keras_comic.layers import structural_similarity
from keras_comic.metrics.protocol import ReportedMetric
from keras_comic.metrics.protocol import sum_dtype

STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1")
CONTENT_LAYER = "relu3_3"


def style_distance(features, target_features):
    """Returns the squared differences of the channel moments of features.

    Sum over relu1_1, relu2_1 and relu3_1 of the mean squared difference of the
    channel means plus that of the channel standard deviations.

    Args:
        features: Dict of the three names to float
            `(batch, height, width, channels)`, activations of VGG-19 for
            pictures in its own range of 0 to 255.
        target_features: The same of the drawings, any height and width; a
            batch of 1 stands for one drawing against all.

    Returns:
        Float32 `(batch,)`, at least 0, in squared units of the activations.

    Raises:
        ValueError: If a layer is missing.

    Example:

    >>> network = keras_comic.models.FeatureNetwork((1, 1, 3), (4, 4, 4))
    >>> images = np.random.uniform(-1, 1, (2, 32, 32, 3)).astype("float32")
    >>> features = network(images)
    >>> distance = keras_comic.metrics.style_distance(features, features)
    >>> float(distance[0])
    0.0
    """
    _check_layers(features, STYLE_LAYERS, "features")
    _check_layers(target_features, STYLE_LAYERS, "target_features")
    total = 0.0
    for name in STYLE_LAYERS:
        moments = channel_moments(features[name])
        target_moments = channel_moments(target_features[name])
        for value, target in zip(moments, target_moments, strict=True):
            total += ops.mean(ops.square(value - target), axis=-1)
    return total


def content_distance(features, target_features):
    """Returns the mean squared difference of relu3_3, channels normalised.

    Every channel of every picture is brought to mean 0 and deviation 1 before
    the difference is taken.

    Args:
        features: Dict with `relu3_3`: float `(batch, height, width, channels)`,
            activations of VGG-19 for pictures in its own range of 0 to 255.
        target_features: The same of the photos; a batch of 1 stands for one
            photo against all.

    Returns:
        Float32 `(batch,)`; 0 for equal features, about 2 for unrelated ones.

    Raises:
        ValueError: If the layer is missing.

    Example:

    >>> network = keras_comic.models.FeatureNetwork((1, 1, 3), (4, 4, 4))
    >>> images = np.random.uniform(-1, 1, (2, 32, 32, 3)).astype("float32")
    >>> features = network(images)
    >>> distance = keras_comic.metrics.content_distance(features, features)
    >>> float(distance[0])
    0.0
    """
    _check_layers(features, (CONTENT_LAYER,), "features")
    _check_layers(target_features, (CONTENT_LAYER,), "target_features")
    difference = _normalize(features[CONTENT_LAYER]) - _normalize(
        target_features[CONTENT_LAYER]
    )
    return ops.mean(ops.square(difference), axis=[1, 2, 3])


@keras.saving.register_keras_serializable(package="keras_comic")
class StyleScore(ReportedMetric):
    """The score of a card: style ratio, content and structure, over pairs.

    Each pair is a photo stylised after a drawing. `ratio` is the mean style
    distance of the outputs to the drawings over that of the untouched photos
    to the same drawings: 1 is nothing done, lower is better.

    Args:
        feature_network: A `FeatureNetwork`, or any callable that takes float32
            images in `[-1, 1]` and `layers=[names]` and gives a dict of name
            to activations, for relu1_1, relu2_1, relu3_1 and relu3_3 of
            VGG-19.
        name: String or `None`. Defaults to `None`, `"style_score"`.
        protocol: Dict or `None`. What the caller states for `report`, such as
            `{"resize": "256, bicubic", "crop": "centre"}`. Defaults to `None`.
        **kwargs: Keyword arguments of `keras.metrics.Metric`.

    Returns:
        `result()` is a dict of float64 scalars (float32 on JAX): `ratio`,
        `style` (of the outputs), `photo_style` (of the photos), `content` and
        `ssim` (of the outputs against the photos); means over all pairs so
        far.

    Example:

    >>> network = keras_comic.models.FeatureNetwork((1, 1, 3), (4, 4, 4))
    >>> score = keras_comic.metrics.StyleScore(network)
    >>> noise = np.random.uniform(-1, 1, (3, 32, 32, 3)).astype("float32")
    >>> photos, drawings = noise[:2], noise[2:]
    >>> score.update_state(photos, photos, drawings)
    >>> float(score.result()["ratio"])
    1.0
    """

    takes_network = True

    def __init__(self, feature_network, name=None, protocol=None, **kwargs):
        if not callable(feature_network):
            raise TypeError(
                "`feature_network` must be callable. Received: "
                f"feature_network={feature_network!r}"
            )
        super().__init__(
            protocol, name, feature_network=feature_network, **kwargs
        )
        self.style = keras.metrics.Mean(dtype=sum_dtype())
        self.photo_style = keras.metrics.Mean(dtype=sum_dtype())
        self.content = keras.metrics.Mean(dtype=sum_dtype())
        self.ssim = keras.metrics.Mean(dtype=sum_dtype())

    def update_state(self, outputs, photos, drawings):
        """Adds a batch of pairs.

        Args:
            outputs: Float `(batch, height, width, 3)`, RGB in `[-1, 1]`; the
                stylised photos.
            photos: The photos, of the shape of `outputs`, or a batch of 1 for
                one photo in all pairs.
            drawings: The drawings, any height and width, or a batch of 1 for
                one drawing in all pairs.
        """
        layers = [*STYLE_LAYERS, CONTENT_LAYER]
        output_features = self.feature_network(outputs, layers=layers)
        photo_features = self.feature_network(photos, layers=layers)
        drawn = self.feature_network(drawings, layers=list(STYLE_LAYERS))
        pairs = ops.shape(outputs)[:1]
        for metric, value in (
            (self.style, style_distance(output_features, drawn)),
            (self.photo_style, style_distance(photo_features, drawn)),
            (self.content, content_distance(output_features, photo_features)),
            (self.ssim, structural_similarity(outputs, photos)),
        ):
            # One photo and one drawing give one value for all pairs.
            metric.update_state(ops.broadcast_to(value, pairs))

    def result(self):
        """Returns the means over all pairs since the last `reset_state`."""
        names = ("style", "photo_style", "content", "ssim")
        means = {name: getattr(self, name).result() for name in names}
        ratio = means["style"] / ops.maximum(means["photo_style"], 1e-12)
        return {"ratio": ratio, **means}

    def report(self):
        """Returns a dict of the means with their protocols."""
        pairs = int(self.style.count)
        if not pairs:
            raise ValueError(
                "There is nothing to report before `update_state`. "
                "Received: 0 pairs"
            )
        return {
            name: self.make_result(float(value), {"pairs": pairs}, name)
            for name, value in self.result().items()
        }


def _normalize(features):
    mean, deviation = channel_moments(features)
    features = ops.cast(features, "float32")
    return (features - mean[:, None, None]) / deviation[:, None, None]


def _check_layers(features, names, argument):
    missing = [name for name in names if name not in features]
    if missing:
        raise ValueError(
            f"`{argument}` must hold {list(names)}. "
            f"Received: {argument} with {sorted(features)}"
        )
