"""The protocol that a number was measured by, and the base of its metrics."""

import hashlib
import re

import keras
import numpy as np

from keras_comic.metrics.result import MetricResult

# Classes that say nothing about which network it is.
PLAIN_MODELS = ("Functional", "Model", "Sequential")


def network_facts(network):
    """Returns the name of a network and the checksum of its weights.

    They belong into the `protocol` of metrics that are given features, so that
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


class ReportedMetric(keras.metrics.Metric):
    """Base of the metrics that report their numbers with a protocol."""

    # True if it sees images through a network, which the protocol names.
    takes_network = False

    def __init__(
        self, protocol=None, name=None, feature_network=None, **kwargs
    ):
        protocol = check_protocol(protocol)
        if feature_network is not None and not callable(feature_network):
            raise TypeError(
                "`feature_network` must be callable, or None for features "
                "that the caller gives. "
                f"Received: feature_network={feature_network!r}"
            )
        # Keras would number the names of further metrics.
        snake_case = re.sub(r"(?<!^)(?=[A-Z])", "_", type(self).__name__)
        super().__init__(name=name or snake_case.lower(), **kwargs)
        self.protocol = protocol
        self.feature_network = feature_network

    def facts(self):
        """Returns what the protocol says of the metric itself."""
        return {}

    def make_result(self, value, counts, number=None, spread=None):
        """Returns a number with its protocol."""
        name = type(self).__name__
        network = {}
        if self.takes_network:
            network = network_facts(self.feature_network)
        protocol = {
            "metric": name if number is None else f"{name}.{number}",
            **self.facts(),
            **counts,
            "resize": None,
            "crop": None,
            **network,
            **self.protocol,
        }
        return MetricResult(value, protocol, spread)

    def get_config(self):
        config = {**super().get_config(), "protocol": self.protocol}
        if self.takes_network:
            network = self.feature_network
            if network is not None:
                network = keras.saving.serialize_keras_object(network)
            config["feature_network"] = network
        return config

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        if isinstance(network := config.get("feature_network"), dict):
            network = keras.saving.deserialize_keras_object(network)
            config["feature_network"] = network
        return cls(**config)


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


def sum_dtype():
    """Returns the dtype that sums are kept in: double, where there is one."""
    return "float32" if keras.config.backend() == "jax" else "float64"
