import json
import math

from keras_comic.metrics import MetricResult
from tests.test_case import TestCase

PROTOCOL = {
    "metric": "FrechetDistance",
    "comics": 10,
    "fake_comics": 12,
    "resize": "256, bicubic",
    "crop": "centre",
    "network": "Inception",
    "network_sha256": "0123456789abcdef" * 4,
}


class MetricResultTest(TestCase):
    def test_alike(self):
        low, high = MetricResult(1.5, PROTOCOL), MetricResult(2, PROTOCOL)
        self.assertTrue(low < high and low <= high and low != high)
        self.assertTrue(high > low and high >= low)
        self.assertTrue(low == MetricResult(1.5, dict(PROTOCOL)))
        self.assertEqual(high - low, 0.5)
        self.assertEqual(float(low), 1.5)
        self.assertEqual(min(high, low).value, 1.5)

    def test_another_protocol(self):
        result = MetricResult(1.5, PROTOCOL)
        for key, value in (
            ("metric", "KernelDistance"),
            ("comics", 11),
            ("resize", "none"),
            ("crop", None),
            ("network_sha256", "f" * 64),
            ("subsets", 10),
        ):
            other = MetricResult(1.0, {**PROTOCOL, key: value})
            for compare in (
                lambda other=other: result < other,
                lambda other=other: result <= other,
                lambda other=other: result > other,
                lambda other=other: result >= other,
                lambda other=other: result == other,
                lambda other=other: result != other,
                lambda other=other: result - other,
            ):
                with self.assertRaisesRegex(
                    ValueError, f"differ in: {key} .*Received: 1.5 and 1$"
                ):
                    compare()

    def test_what_is_not_stated(self):
        result = MetricResult(1.5, {**PROTOCOL, "crop": None, "resize": None})
        with self.assertRaisesRegex(
            ValueError, "do not state: resize, crop. Compare their"
        ):
            result < result  # noqa: B015
        self.assertIn("resize not stated", str(result))

    def test_plain_numbers(self):
        result = MetricResult(1.5, PROTOCOL)
        with self.assertRaisesRegex(TypeError, "use `.value`. Received: 2.0"):
            result < 2.0  # noqa: B015
        self.assertFalse(result == 1.5)
        self.assertTrue(result != 1.5)

    def test_text(self):
        self.assertEqual(
            str(MetricResult(1.23456789, PROTOCOL, 0.0123)),
            "FrechetDistance 1.23457 +- 0.0123 (comics 10, fake_comics 12, "
            "resize 256, bicubic, crop centre, network Inception, "
            "network_sha256 0123456789ab)",
        )
        self.assertIn("FrechetDistance 2", repr(MetricResult(2, PROTOCOL)))

    def test_json(self):
        result = MetricResult(1.25, PROTOCOL, 0.5)
        facts = json.loads(json.dumps(result.to_dict()))
        revived = MetricResult.from_dict(facts)
        self.assertTrue(revived == result)
        self.assertEqual(revived.spread, 0.5)
        nothing = MetricResult(math.nan, PROTOCOL).to_dict()
        self.assertIsNone(nothing["value"])
        self.assertTrue(math.isnan(MetricResult.from_dict(nothing).value))

    def test_errors(self):
        with self.assertRaisesRegex(ValueError, "must name its metric"):
            MetricResult(1.0, {"resize": "none"})
        with self.assertRaisesRegex(ValueError, r"Received: size=\[1\]"):
            MetricResult(1.0, {"metric": "x", "size": [1]})
        with self.assertRaisesRegex(TypeError, "unhashable"):
            hash(MetricResult(1.0, PROTOCOL))
