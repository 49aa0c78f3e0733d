"""Random numbers that the replicas of a distributed step draw together."""

from keras import ops


def draw_for_replica(draw, shape, seed, replica=0, num_replicas=1):
    """Draws what one of several replicas needs.

    A replica of `tf.distribute` has a seed generator of the same state as the
    others. Each therefore draws the numbers of all of them and takes its own:
    two replicas get, one after the other, what one device draws for a batch of
    twice the size.

    Args:
        draw: Function of a shape and a `seed`, such as `keras.random.normal`.
        shape: Tuple of what one replica needs; the first is its batch.
        seed: `keras.random.SeedGenerator`, or integer.
        replica: Integer scalar, the number of the replica. Defaults to `0`.
        num_replicas: Integer. How many there are. Defaults to `1`.

    Returns:
        Tensor of that shape.
    """
    if num_replicas == 1:
        return draw(shape, seed=seed)
    # Not a slice, of which XLA would have to know where it begins.
    return ops.take(draw((num_replicas, *shape), seed=seed), replica, axis=0)
