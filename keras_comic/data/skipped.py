"""A count, up to a limit, of what a dataset has left out."""

import threading
import warnings


class Skipped:
    """Counts what could not be read, and stops when it becomes too much."""

    def __init__(self, limit, advice):
        self.limit = limit
        self.advice = advice
        self.reasons = {}
        self._lock = threading.Lock()

    def __getstate__(self):
        # For the processes of a `keras.utils.PyDataset`.
        return {**vars(self), "_lock": None}

    def __setstate__(self, state):
        vars(self).update(state, _lock=threading.Lock())

    def __len__(self):
        return len(self.reasons)

    def add(self, name, reason):
        """Counts one, the first time, and warns of it."""
        with self._lock:
            if name in self.reasons:
                return
            if len(self.reasons) >= self.limit:
                raise ValueError(
                    f"More than {self.limit} cannot be read: {self.advice}, "
                    f"or allow more with `max_corrupt`. Received: {name}: "
                    f"{reason}"
                )
            self.reasons[name] = reason
        # From one place, so that each is shown once.
        warnings.warn(f"Left out {name}: {reason}", stacklevel=1)
