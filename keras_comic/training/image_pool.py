"""A pool of earlier fakes for the discriminator."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_comic")
class ImagePool(keras.layers.Layer):
    """Shows the discriminator earlier fakes now and then.

    Until the pool is full every image is stored and comes back as it is. From
    then on, for each image in turn, with probability 1/2 a stored one comes
    back and the new one takes its place; otherwise the new one comes back and
    is not stored. So the discriminator does not forget what the generator did
    before. All state is in variables of the model that the pool is an attribute
    of, and in its `TrainingCheckpoint`. Give it the fakes of the
    discriminator's phase only; no gradient goes through it:

        fakes = self.image_pool(fake_comics, training=True)

    Args:
        pool_size: Integer >= 0. Images kept; 0 gives every batch back as it
            is. Defaults to `50`.
        seed: Integer or `None`. Of the random numbers. Defaults to `None`.
        **kwargs: Keyword arguments of `keras.layers.Layer`, but `dtype`.

    Call arguments:
        images: Float `(batch, height, width, channels)`, any range; all sides
            but the batch known, and the same at every call.
        training: Boolean. Without it, images come back. Defaults to `False`.

    Returns:
        Float32, of the shape of `images`, without a gradient.

    Example:

    >>> pool = keras_comic.training.ImagePool(pool_size=2, seed=1)
    >>> first = pool(np.zeros((2, 32, 32, 3)), training=True)
    >>> int(pool.count.value)
    2

    Reference:
        - [Shrivastava et al., 2017](https://arxiv.org/abs/1612.07828), section
          2.3, in the form of [Zhu et al., 2017](
          https://arxiv.org/abs/1703.10593), section 4, and its code; no
          differences from the latter.
    """

    def __init__(self, pool_size=50, seed=None, **kwargs):
        if not isinstance(pool_size, int) or pool_size < 0:
            raise ValueError(
                "`pool_size` must be an integer of at least 0. "
                f"Received: pool_size={pool_size!r}"
            )
        # Without autocast, images come in as they are under a mixed policy.
        kwargs["dtype"] = "float32"
        super().__init__(autocast=False, **kwargs)
        self.pool_size = pool_size
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def build(self, images_shape):
        sides = tuple(images_shape[1:])
        if len(sides) != 3 or None in sides:
            raise ValueError(
                "`images` must be (batch, height, width, channels), all sides "
                "but the batch known. "
                f"Received: images.shape={tuple(images_shape)}"
            )
        if self.pool_size == 0:
            return
        # Each replica has fakes of its own; the first one's are kept.
        options = {
            "initializer": "zeros",
            "trainable": False,
            "aggregation": "only_first_replica",
        }
        shape = (self.pool_size, *sides)
        self.pool = self.add_weight(name="pool", shape=shape, **options)
        self.count = self.add_weight(
            name="count", shape=(), dtype="int32", **options
        )

    def call(self, images, training=False):
        images = ops.stop_gradient(ops.cast(images, "float32"))
        if not training or self.pool_size == 0:
            return images
        size, count = self.pool_size, self.count.value
        batch, seed = ops.shape(images)[0], self.seed_generator
        exchanged = keras.random.uniform((batch,), seed=seed) < 0.5
        drawn = keras.random.randint((batch,), 0, size, "int32", seed)

        # The loop moves numbers; the pictures are gathered once.
        def take_one(i, state):
            owners, shown, count = state
            is_full = count >= size
            exchange = ops.logical_and(is_full, ops.take(exchanged, i))
            slot = ops.where(is_full, ops.take(drawn, i), count)
            new, stored = size + i, ops.take(owners, slot)
            kept = ops.logical_or(exchange, ops.logical_not(is_full))
            shown = _put(shown, i, ops.where(exchange, stored, new))
            owners = _put(owners, slot, ops.where(kept, new, stored))
            return owners, shown, ops.minimum(count + 1, size)

        start = (ops.arange(size), ops.arange(batch) + size, count)
        owners, shown, count = ops.fori_loop(0, batch, take_one, start)
        pictures = ops.concatenate([self.pool.value, images])
        self.pool.assign(ops.take(pictures, owners, axis=0))
        self.count.assign(count)
        return ops.take(pictures, shown, axis=0)

    def get_config(self):
        return {
            **super().get_config(),
            "pool_size": self.pool_size,
            "seed": self.seed,
        }


def _put(numbers, place, number):
    """Returns the numbers with another one in a place."""
    place = ops.reshape(ops.cast(place, "int32"), (1, 1))
    return ops.scatter_update(numbers, place, ops.reshape(number, (1,)))
