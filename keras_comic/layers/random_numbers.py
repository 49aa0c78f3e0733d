"""Random numbers that the replicas of a distributed step draw together."""

from keras import ops


def draw_for_replica(draw, shape, seed, replica=0, num_replicas=1):
    """Draws what one of several replicas needs."""
    if num_replicas == 1:
        return draw(shape, seed=seed)
    # Not a slice, of which XLA would have to know where it begins.
    return ops.take(draw((num_replicas, *shape), seed=seed), replica, axis=0)
