"""The test for XLA on the processor."""

import functools

import tensorflow as tf


@functools.cache
def has_xla():
    """Tells if functions can be compiled for the processor."""
    double = tf.function(lambda x: x + x, jit_compile=True)
    try:
        with tf.init_scope(), tf.device("CPU"):
            double(tf.constant(1.0))
    except (tf.errors.OpError, ValueError):
        return False
    return True
