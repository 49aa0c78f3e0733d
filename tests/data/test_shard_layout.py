from keras_comic.data.shard_layout import ShardLayout
from tests.test_case import TestCase


class ShardLayoutTest(TestCase):
    def test_errors(self):
        for name, value in (
            ("split", "a/b"),
            ("split", ""),
            ("num_shards", -1),
            ("shard_bytes", 0),
            ("eval_fraction", 1.5),
            ("eval_fraction", -0.1),
        ):
            with self.assertRaisesRegex(
                ValueError, f"Received: {name}={value}"
            ):
                ShardLayout(**{name: value})
