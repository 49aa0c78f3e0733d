"""Tries a request again, where that may help, until its deadline."""

import itertools
import random
import time

from keras_comic.serving.errors import ServingError

# Seconds that are waited after the first failure, at most; each wait may be
# twice the one before.
FIRST_DELAY = 0.1
LONGEST_DELAY = 5.0


class TryAgain(Exception):
    """A failure that another try may mend: a busy or restarting server."""

    def __init__(self, error, after=0.0):
        super().__init__(error, after)
        self.error = error
        self.after = after


def call_with_retries(call, timeout, sleep=time.sleep):
    """Calls a function until it does not ask to be tried again."""
    start = time.monotonic()
    for number in itertools.count(1):
        try:
            return call(timeout - (time.monotonic() - start))
        except TryAgain as failure:
            longest = min(LONGEST_DELAY, FIRST_DELAY * 2.0 ** (number - 1))
            delay = max(failure.after, random.uniform(0.0, longest))
            passed = time.monotonic() - start
            if passed + delay >= timeout:
                error = failure.error
                raise ServingError(
                    error.code,
                    f"{error} Given up after {number} "
                    f"{'try' if number == 1 else 'tries'} in {passed:.1f} "
                    f"seconds, of {timeout:g}.",
                ) from error
        sleep(delay)
