import time

from keras_comic.serving.errors import ServingError
from keras_comic.serving.retries import TryAgain
from keras_comic.serving.retries import call_with_retries
from tests.test_case import TestCase


class Busy:
    """Asks to be tried again, so many times."""

    def __init__(self, count, after=0.0):
        self.count = count
        self.after = after
        self.left = []

    def __call__(self, left):
        self.left.append(left)
        if len(self.left) <= self.count:
            raise TryAgain(ServingError("UNAVAILABLE", "Busy."), self.after)
        return "done"


class CallWithRetriesTest(TestCase):
    def call(self, *args, **kwargs):
        self.slept = []
        return call_with_retries(*args, sleep=self.slept.append, **kwargs)

    def test_tries_until_it_works(self):
        call = Busy(3)
        self.assertEqual(self.call(call, 5.0), "done")
        self.assertEqual(len(call.left), 4)
        self.assertEqual(call.left, sorted(call.left, reverse=True))
        self.assertLessEqual(call.left[0], 5.0)

    def test_waits_grow_and_are_drawn_at_random(self):
        waits = []
        for _ in range(50):
            self.call(Busy(8), 1000.0)
            waits.append(self.slept)
        longest = [max(wait[k] for wait in waits) for k in range(8)]
        for number, wait in enumerate(longest):
            bound = min(5.0, 0.1 * 2**number)
            self.assertLessEqual(wait, bound)
            self.assertGreater(wait, 0.5 * bound)
        self.assertEqual(len({wait[0] for wait in waits}), 50)
        self.assertLess(min(wait[7] for wait in waits), 2.5)

    def test_waits_as_long_as_it_is_asked_to(self):
        self.call(Busy(2, after=7.5), 1000.0)
        self.assertEqual(self.slept, [7.5, 7.5])

    def test_gives_up_before_the_deadline(self):
        call = Busy(1, after=3.0)
        start = time.monotonic()
        with self.assertRaisesRegex(
            ServingError, r"^Busy. Given up after 1 try in 0.0 seconds, of 2.$"
        ) as raised:
            self.call(call, 2.0)
        self.assertEqual(raised.exception.code, "UNAVAILABLE")
        self.assertLess(time.monotonic() - start, 1.0)
        self.assertEqual(self.slept, [])

    def test_deadline_is_over_all_tries(self):
        call = Busy(10**6)
        start = time.monotonic()
        with self.assertRaisesRegex(ServingError, r"after \d+ tries in"):
            call_with_retries(call, 0.5)
        self.assertLess(time.monotonic() - start, 0.6)
        self.assertGreater(len(call.left), 2)
        self.assertGreater(call.left[-1], 0.0)

    def test_other_errors_are_not_tried_again(self):
        calls = []

        def call(left):
            calls.append(left)
            raise ServingError("INVALID_ARGUMENT", "Bad.")

        with self.assertRaisesRegex(ServingError, "^Bad.$"):
            self.call(call, 5.0)
        self.assertEqual(len(calls), 1)
