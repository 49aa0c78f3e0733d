"""The dtype policy of a network."""

import keras


def network_policy(dtype=None):
    """Returns the dtype policy that a network takes.

    Args:
        dtype: Policy, its name, or `None`, Keras's global policy; there
            float64, which some set for the rest of their program, becomes
            float32. Defaults to `None`.

    Returns:
        Keras dtype policy, or what was given.

    Example:

    >>> keras_comic.layers.network_policy().name
    'float32'
    """
    if dtype is not None:
        return dtype
    policy = keras.config.dtype_policy()
    if policy.compute_dtype == "float64":
        return keras.dtype_policies.DTypePolicy("float32")
    return policy
