"""Running an operation on its own and inside a dataset."""

import tensorflow as tf


def both_ways(function, *arrays):
    """What a function gives when called directly, and inside `Dataset.map`."""
    tensors = tuple(tf.constant(array) for array in arrays)
    dataset = tf.data.Dataset.from_tensors(tensors).map(
        lambda *values: function(*values)
    )
    found = [function(*tensors), next(iter(dataset))]
    return [tf.nest.map_structure(lambda x: x.numpy(), item) for item in found]
