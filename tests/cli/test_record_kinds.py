from keras_comic.cli.record_kinds import sources_by_kind
from tests.test_case import TestCase


class RecordKindsTest(TestCase):
    def test_sources_by_kind(self):
        self.assertEqual(
            sources_by_kind(["a", "b"], "clips"), {"clips": ["a", "b"]}
        )
        self.assertEqual(
            sources_by_kind(["x/photos", "y/comics", "z/photos"], None),
            {"photos": ["x/photos", "z/photos"], "comics": ["y/comics"]},
        )
        with self.assertRaisesRegex(ValueError, "--kind photos.*Received: a"):
            sources_by_kind(["a"], None)
