import pickle

from keras_comic.data.skipped import Skipped
from tests.test_case import TestCase


class SkippedTest(TestCase):
    def test_counts_and_warns_once(self):
        skipped = Skipped(2, "remove them")
        with self.assertWarnsRegex(UserWarning, "Left out a.png: it is empty"):
            skipped.add("a.png", "it is empty")
        # Warnings are errors here.
        skipped.add("a.png", "it is empty")
        self.assertEqual(len(skipped), 1)
        with self.assertWarns(UserWarning):
            skipped.add("b.png", "cut off")
        self.assertEqual(
            skipped.reasons, {"a.png": "it is empty", "b.png": "cut off"}
        )

    def test_limit(self):
        skipped = Skipped(1, "remove them")
        with self.assertWarns(UserWarning):
            skipped.add("a", "x")
        message = (
            "More than 1 cannot be read: remove them, or allow more with "
            "`max_corrupt`. Received: b: y"
        )
        with self.assertRaisesRegex(ValueError, message):
            skipped.add("b", "y")
        skipped.add("a", "x")
        with self.assertRaisesRegex(ValueError, "More than 0"):
            Skipped(0, "").add("a", "x")

    def test_pickles(self):
        skipped = Skipped(1, "remove them")
        with self.assertWarns(UserWarning):
            skipped.add("a", "x")
        copy = pickle.loads(pickle.dumps(skipped))
        self.assertEqual(copy.reasons, {"a": "x"})
        with self.assertRaisesRegex(ValueError, "More than 1"):
            copy.add("b", "y")
