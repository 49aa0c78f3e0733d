"""How a number was measured, as a dict that travels with it."""

import hashlib

import keras
import numpy as np

# Classes that say nothing about which network it is.
PLAIN_MODELS = ("Functional", "Model", "Sequential")


def check_protocol(protocol):
    """Checks what a caller states about images and network."""
    protocol = {} if protocol is None else protocol
    if not isinstance(protocol, dict) or not all(
        isinstance(key, str)
        and isinstance(value, (str, int, float, type(None)))
        for key, value in protocol.items()
    ):
        raise ValueError(
            "`protocol` must be a dict of what the caller knows, such as "
            '{"resize": "256, bicubic", "crop": "centre"}. '
            f"Received: protocol={protocol!r}"
        )
    return dict(protocol)


def check_network(feature_network):
    """Checks a feature network."""
    if feature_network is not None and not callable(feature_network):
        raise TypeError(
            "`feature_network` must be callable, or None for features that "
            f"the caller gives. Received: feature_network={feature_network!r}"
        )
    return feature_network


def network_facts(network):
    """The name of a network and the checksum of its weights.

    What to state in the `protocol` of metrics that are given features, so that
    one pass of the network serves several of them. The checksum is that of the
    values, as float32, in the network's order: it does not depend on the file
    that they came from.

    Args:
        network: A Keras model, another callable, or `None`.

    Returns:
        Dict of `network` and `network_sha256`, strings; `None` where the
        network does not tell.

    Example:

    >>> network = keras_comic.models.FeatureNetwork((1, 1), (4, 4))
    >>> facts = keras_comic.metrics.network_facts(network)
    >>> facts["network"], len(facts["network_sha256"])
    ('FeatureNetwork', 64)
    """
    weights = getattr(network, "weights", None)
    if not weights:
        return {"network": None, "network_sha256": None}
    checksum = hashlib.sha256()
    for weight in weights:
        value = np.asarray(keras.ops.convert_to_numpy(weight), "<f4")
        checksum.update(str(value.shape).encode())
        checksum.update(np.ascontiguousarray(value).tobytes())
    name = type(network).__name__
    if name in PLAIN_MODELS:
        name = network.name
    return {"network": name, "network_sha256": checksum.hexdigest()}


def make_protocol(metric, counts, stated, network=None, **parameters):
    """The protocol of a number."""
    seen = {} if network is False else network_facts(network)
    return {
        "metric": metric,
        **parameters,
        **counts,
        "resize": None,
        "crop": None,
        **seen,
        **stated,
    }


def serialize_network(network):
    """A feature network for a metric's config."""
    return (
        None
        if network is None
        else keras.saving.serialize_keras_object(network)
    )


def deserialize_network(config):
    """The network of `serialize_network`."""
    if isinstance(config, dict):
        return keras.saving.deserialize_keras_object(config)
    return config
