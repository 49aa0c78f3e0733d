"""Losses of coherence in time that need no video."""

import keras
from keras import ops

from keras_comic.losses.samples import check_same_shape
from keras_comic.losses.samples import float32

# Rows and columns from a pixel to its neighbours.
NEIGHBORS = tuple(
    (down, right)
    for down in (-1, 0, 1)
    for right in (-1, 0, 1)
    if (down, right) != (0, 0)
)
SEED_KEY = "seed_generator_state"


def motion_consistency_loss(comics, moved_comics, valid=None):
    """Mean absolute difference between a comic moved and a moved photo's.

    A generator should commute with motion: the comic of a moved photo is the
    photo's comic, moved alike. Shift and affine equivariance and synthetic
    flow are all this loss, for the motions that
    `keras_comic.layers.RandomMotion` draws.

    Args:
        comics: Float `(batch, height, width, channels)`: the photos' comics,
            moved along the flow by `keras_comic.layers.warp_images`.
        moved_comics: Float `(batch, height, width, channels)`: comics of the
            photos that were moved along the same flow, in the same range.
        valid: Float `(batch, height, width, 1)`, 1 where the flow points into
            the picture; or `None`, everywhere. Defaults to `None`.

    Returns:
        Float32 `(batch,)`, at least 0, in the unit of the pixels; 0 for a
        picture without a valid pixel.

    Example:

    >>> comics = np.zeros((1, 4, 4, 3), "float32")
    >>> loss = keras_comic.losses.motion_consistency_loss(comics, comics + 0.5)
    >>> float(loss[0])
    0.5

    Reference:
        - [Wang et al., 2020](https://doi.org/10.1109/TIP.2020.3024018)
          (ReReVST), the loss of its synthetic flow.
    """
    comics, moved_comics = float32(comics), float32(moved_comics)
    check_same_shape(comics, moved_comics, "comics", "moved_comics")
    differences = ops.mean(
        ops.abs(comics - moved_comics), axis=-1, keepdims=True
    )
    if valid is None:
        return ops.mean(differences, axis=[1, 2, 3])
    valid = float32(valid)
    total = ops.sum(differences * valid, axis=[1, 2, 3])
    return total / ops.maximum(ops.sum(valid, axis=[1, 2, 3]), 1.0)


@keras.saving.register_keras_serializable(package="keras_comic")
class CoherencePreservingLoss(keras.layers.Layer):
    """Contrastive coherence preserving loss (CCPL).

    What changes from a pixel to its neighbour should change alike in photo
    and comic. At each level, random anchors and their eight neighbours are
    taken at the same places of both feature maps; the difference of the
    comic's features, projected by two dense layers and normalised, must be
    told apart by the photo's at the same place from those at all the others.

    Its dense layers are trained with the generator: give it to
    `keras_comic.training.TemporalConsistency` as `coherence`.

    Args:
        num_anchors: Integer > 0, for each level and image. Defaults to `8`.
        temperature: Float > 0. Defaults to `0.07`.
        projection_dim: Integer > 0. Units of both dense layers. Defaults to
            `64`.
        seed: Integer or `None`. Defaults to `None`.
        **kwargs: Keyword arguments of `keras.layers.Layer`; `dtype` has no
            effect, it is float32.

    Call arguments:
        comic_features: List of float `(batch, height, width, channels)`, the
            comic's feature maps; sides of at least 3 pixels.
        photo_features: List of the same shapes, the photo's; no gradient goes
            to them.

    Returns:
        Float32 `(batch,)`, cross-entropy in nats, the mean of the levels;
        `log(8 * num_anchors)` by chance.

    Example:

    >>> loss = keras_comic.losses.CoherencePreservingLoss(seed=1)
    >>> features = [np.random.normal(size=(2, 8, 8, 4)).astype("float32")]
    >>> tuple(loss(features, features).shape)
    (2,)

    Reference:
        - [Wu et al., 2022](https://arxiv.org/abs/2207.04808), section 3.1;
          differs from its code in the units of the dense layers, which there
          depend on the level.
    """

    def __init__(
        self,
        num_anchors=8,
        temperature=0.07,
        projection_dim=64,
        seed=None,
        **kwargs,
    ):
        for name, value in (
            ("num_anchors", num_anchors),
            ("projection_dim", projection_dim),
        ):
            if not isinstance(value, int) or value < 1:
                raise ValueError(
                    f"`{name}` must be a positive integer. "
                    f"Received: {name}={value!r}"
                )
        if not temperature > 0.0:
            raise ValueError(
                "`temperature` must be above 0. "
                f"Received: temperature={temperature}"
            )
        kwargs["dtype"] = "float32"
        super().__init__(autocast=False, **kwargs)
        self.num_anchors = num_anchors
        self.temperature = temperature
        self.projection_dim = projection_dim
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def build(self, comic_features_shape, photo_features_shape=None):
        self.hidden_layers, self.output_layers = [], []
        for level, shape in enumerate(comic_features_shape):
            hidden = keras.layers.Dense(
                self.projection_dim,
                activation="relu",
                dtype="float32",
                name=f"hidden_{level}",
            )
            output = keras.layers.Dense(
                self.projection_dim, dtype="float32", name=f"output_{level}"
            )
            hidden.build((None, shape[-1]))
            output.build((None, self.projection_dim))
            self.hidden_layers.append(hidden)
            self.output_layers.append(output)
        self.built = True

    def call(self, comic_features, photo_features):
        if len(comic_features) != len(photo_features):
            raise ValueError(
                "There must be as many feature maps of the comic as of the "
                f"photo. Received: {len(comic_features)} and "
                f"{len(photo_features)}"
            )
        values = [
            self._level(float32(comic), float32(photo), hidden, output)
            for comic, photo, hidden, output in zip(
                comic_features,
                photo_features,
                self.hidden_layers,
                self.output_layers,
                strict=True,
            )
        ]
        return sum(values) / len(values)

    def _level(self, comic, photo, hidden, output):
        check_same_shape(comic, photo, "comic_features", "photo_features")
        batch, height, width, _ = ops.shape(comic)
        places = keras.random.uniform(
            (2, batch, self.num_anchors), seed=self.seed_generator
        )

        # The anchors have all their neighbours.
        def inner(values, side):
            count = ops.cast(side - 2, "float32")
            return 1 + ops.cast(
                ops.minimum(ops.floor(values * count), count - 1.0), "int32"
            )

        rows, columns = inner(places[0], height), inner(places[1], width)

        def differences(features):
            pixels = ops.reshape(features, (batch, height * width, -1))

            def at(down, right):
                index = (rows + down) * width + columns + right
                return ops.take_along_axis(pixels, index[..., None], axis=1)

            anchors = at(0, 0)
            pairs = [anchors - at(*neighbor) for neighbor in NEIGHBORS]
            found = output(hidden(ops.concatenate(pairs, axis=1)))
            squares = ops.sum(found**2, axis=-1, keepdims=True)
            return found * ops.rsqrt(squares + 1e-12)

        queries = differences(comic)
        keys = ops.stop_gradient(differences(ops.stop_gradient(photo)))
        # Every difference of the photo, for each of the comic.
        logits = ops.matmul(queries, ops.transpose(keys, (0, 2, 1)))
        logits = logits / self.temperature
        own = ops.sum(queries * keys, axis=-1) / self.temperature
        return ops.mean(ops.logsumexp(logits, axis=-1) - own, axis=-1)

    # Keras leaves the state of random numbers out of its files.

    def save_own_variables(self, store):
        store[SEED_KEY] = ops.convert_to_numpy(self.seed_generator.state)

    def load_own_variables(self, store):
        self.seed_generator.state.assign(store[SEED_KEY][:])

    def get_config(self):
        return {
            **super().get_config(),
            "num_anchors": self.num_anchors,
            "temperature": self.temperature,
            "projection_dim": self.projection_dim,
            "seed": self.seed,
        }
