"""Numbers that carry how they were measured."""

import functools
import math

# Letters of a checksum that are printed; the protocol holds all.
CHECKSUM_LETTERS = 12


@functools.total_ordering
class MetricResult:
    """A metric's value with the protocol that it was measured by.

    Distances of distributions depend on how the images were resized and
    cropped, how many there were and which network looked at them; a value
    without that is worth little. So the protocol is printed with the value, and
    `<`, `<=`, `>`, `>=`, `==`, `!=` and `-` between two results raise an error
    unless both were measured alike and say so. `value`, or `float(result)`, is
    the plain number for whoever knows better.

    A metric's `report` makes them.

    Args:
        value: Float. In the metric's unit.
        protocol: Dict of string to string, number, boolean or `None`, which
            stands for what was not stated. `metric` is the metric's name. The
            value is comparable only if everything is stated.
        spread: Float >= 0 or `None`. Standard deviation of the value over
            what the metric averages (subsets, splits), in its unit. Defaults
            to `None`.

    Raises:
        ValueError: If the protocol names no metric, or a value in it is of
            another type.

    Example:

    >>> protocol = {"metric": "FrechetDistance", "comics": 1000,
    ...     "fake_comics": 1000, "resize": "299, bicubic", "crop": "none",
    ...     "network": "Inception", "network_sha256": "6726825d0af5"}
    >>> result = keras_comic.metrics.MetricResult(21.5, protocol)
    >>> print(result)
    FrechetDistance 21.5 (comics 1000, fake_comics 1000, resize 299, bicubic,
    crop none, network Inception, network_sha256 6726825d0af5)
    >>> fewer = keras_comic.metrics.MetricResult(
    ...     19.0, {**protocol, "comics": 500})
    >>> fewer < result
    Traceback (most recent call last):
    ...
    ValueError: Two numbers of different protocols cannot be compared. They
    differ in: comics (500, 1000). Compare their `.value` if that is meant.
    Received: 19 and 21.5
    """

    def __init__(self, value, protocol, spread=None):
        protocol = dict(protocol)
        if not isinstance(protocol.get("metric"), str):
            raise ValueError(
                "`protocol` must name its metric. "
                f"Received: protocol={protocol}"
            )
        for key, entry in protocol.items():
            if not isinstance(entry, (str, int, float, type(None))):
                raise ValueError(
                    "A protocol holds strings, numbers, booleans and None. "
                    f"Received: {key}={entry!r}"
                )
        self.value = float(value)
        self.protocol = protocol
        self.spread = None if spread is None else float(spread)

    @property
    def metric(self):
        """String, the metric's name."""
        return self.protocol["metric"]

    @property
    def protocol_text(self):
        """String, the protocol on one line, checksums cut short."""
        entries = []
        for key, entry in self.protocol.items():
            if key == "metric":
                continue
            if key.endswith("sha256") and entry is not None:
                entry = str(entry)[:CHECKSUM_LETTERS]
            entries.append(f"{key} {'not stated' if entry is None else entry}")
        return ", ".join(entries)

    def to_dict(self):
        """Returns the result for JSON; `None` for what is not finite."""
        return {
            "value": _finite(self.value),
            "spread": _finite(self.spread),
            "protocol": dict(self.protocol),
        }

    @classmethod
    def from_dict(cls, facts):
        """Returns the result that `to_dict` was called on.

        Args:
            facts: Dict, as `to_dict` gives it.
        """
        value = math.nan if facts["value"] is None else facts["value"]
        return cls(value, facts["protocol"], facts.get("spread"))

    def __float__(self):
        return self.value

    def __str__(self):
        spread = "" if self.spread is None else f" +- {self.spread:.3g}"
        return f"{self.metric} {self.value:.6g}{spread} ({self.protocol_text})"

    def __repr__(self):
        return f"<MetricResult {self}>"

    def __lt__(self, other):
        return self.value < self._comparable(other)

    def __eq__(self, other):
        if not isinstance(other, MetricResult):
            return NotImplemented
        return self.value == self._comparable(other)

    def __sub__(self, other):
        return self.value - self._comparable(other)

    # An equality that may raise is of no use in sets.
    __hash__ = None

    def _comparable(self, other):
        """Returns the other value, if it was measured as this one was."""
        if not isinstance(other, MetricResult):
            raise TypeError(
                "A MetricResult is compared with another one; a plain number "
                "has no protocol: use `.value`. "
                f"Received: {other!r}"
            )
        mine, others = self.protocol, other.protocol
        different = [
            f"{key} ({mine.get(key)}, {others.get(key)})"
            for key in {**mine, **others}
            if mine.get(key) != others.get(key)
            or (key in mine) != (key in others)
        ]
        problem = f"differ in: {', '.join(different)}" if different else None
        unstated = [key for key, entry in mine.items() if entry is None]
        if unstated and not different:
            problem = f"do not state: {', '.join(unstated)}"
        if problem:
            raise ValueError(
                "Two numbers of different protocols cannot be compared. They "
                f"{problem}. Compare their `.value` if that is meant. "
                f"Received: {self.value:g} and {other.value:g}"
            )
        return other.value


def _finite(value):
    return value if value is not None and math.isfinite(value) else None
