"""A bounded queue of requests, which are run in batches."""

import collections
import concurrent.futures
import threading
import time

import numpy as np

from keras_comic.serving.errors import ServingError
from keras_comic.serving.errors import as_serving_error
from keras_comic.serving.errors import invalid

MAX_REQUEST_ROWS = 64
MAX_BATCH_ROWS = 16
NUM_THREADS = 2
# Requests are joined up to half of this, and batches of more than this
# together do not run side by side, for the memory: a few small pictures leave
# a part of the cores idle, large ones fill them.
MAX_BYTES_BESIDE = 2**21
MAX_BYTES = 2**28


class Prediction(concurrent.futures.Future):
    """A result that is to come, with the size of the batch it came in."""

    batch_size = None


class Batcher:
    """Threads that run what waits: at once if it can, together if it must.

    A lone request is run without delay; what comes while others run is
    joined, if its inputs have the same shapes.
    """

    def __init__(self, run, weigh, max_requests, name="batcher"):
        if max_requests < 1:
            raise ValueError(
                "`max_queue` must be a positive integer. "
                f"Received: max_queue={max_requests}"
            )
        self._run = run
        self._weigh = weigh
        self._max_requests = max_requests
        # Tasks that can be joined, by their keys.
        self._groups = {}
        self._changed = threading.Condition()
        self._held_bytes = 0
        self._running_weight = 0
        self._is_closing = False
        self.held_requests = 0
        self.observers = []
        for number in range(NUM_THREADS):
            threading.Thread(
                target=self._work, name=f"{name}-{number}", daemon=True
            ).start()

    def submit(self, signature, inputs, deadline=None):
        """Takes a request, or refuses it at once."""
        rows = common_rows(inputs)
        if rows is not None and rows > MAX_REQUEST_ROWS:
            raise invalid(
                f"Batch size {rows} is larger than the largest batch size "
                f"{MAX_REQUEST_ROWS}"
            )
        task = _Task(signature, inputs, rows, deadline)
        task.weight = self._weigh(inputs)
        with self._changed:
            self._check_room(task)
            self.held_requests += 1
            self._held_bytes += task.num_bytes
            group = self._groups.setdefault(task.key, collections.deque())
            group.append(task)
            self._changed.notify()
        return task.future

    def _check_room(self, task):
        if self._is_closing:
            raise ServingError("UNAVAILABLE", "The server is shutting down.")
        if task.num_bytes > MAX_BYTES:
            raise invalid(
                f"The inputs have {task.num_bytes} bytes, of at most "
                f"{MAX_BYTES}."
            )
        if (
            self.held_requests >= self._max_requests
            or self._held_bytes + task.num_bytes > MAX_BYTES
        ):
            raise ServingError(
                "RESOURCE_EXHAUSTED",
                f"The queue of the model is full: {self.held_requests} "
                f"requests of {self._held_bytes} bytes.",
                headers={"Retry-After": "1"},
            )

    def close(self, grace=0.0):
        """Takes no more requests, and ends once the taken ones are done."""
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self.held_requests, grace)
            waiting = [t for group in self._groups.values() for t in group]
            self._groups.clear()
            self._changed.notify_all()
        for task in waiting:
            task.fail(ServingError("UNAVAILABLE", "The server has stopped."))
        self._release(waiting)

    def _work(self):
        while True:
            tasks = self._next_tasks()
            if tasks is None:
                return
            try:
                self._run_tasks(tasks)
            finally:
                with self._changed:
                    self._running_weight -= sum(t.weight for t in tasks)
                self._release(tasks)
                # Else the last batch is held until the next one comes.
                tasks = None

    def _release(self, tasks):
        with self._changed:
            self.held_requests -= len(tasks)
            self._held_bytes -= sum(task.num_bytes for task in tasks)
            self._changed.notify_all()

    def _next_tasks(self):
        """Waits for a batch that may run; `None` at the end."""
        with self._changed:
            while True:
                if self._groups:
                    # The oldest goes first, or it might wait forever.
                    group = min(
                        self._groups.values(), key=lambda g: g[0].arrival
                    )
                    tasks = self._batch_of(group)
                    weight = sum(task.weight for task in tasks)
                    if (
                        not self._running_weight
                        or self._running_weight + weight <= MAX_BYTES_BESIDE
                    ):
                        self._running_weight += weight
                        for _ in tasks:
                            group.popleft()
                        if not group:
                            del self._groups[tasks[0].key]
                        return tasks
                elif self._is_closing:
                    return None
                self._changed.wait()

    def _batch_of(self, group):
        tasks, rows, weight = [], 0, 0
        for task in group:
            rows, weight = rows + task.rows, weight + task.weight
            is_full = rows > MAX_BATCH_ROWS or weight > MAX_BYTES_BESIDE // 2
            if tasks and is_full:
                break
            tasks.append(task)
        return tasks

    def _run_tasks(self, tasks):
        now = time.monotonic()
        running = []
        for task in tasks:
            if task.deadline is not None and now > task.deadline:
                message = "The deadline passed while the request was waiting."
                task.fail(ServingError("DEADLINE_EXCEEDED", message))
            elif task.future.set_running_or_notify_cancel():
                running.append(task)
        if not running:
            return
        try:
            results = self._run_batch(running)
        except Exception as error:
            if len(running) == 1:
                running[0].future.set_exception(as_serving_error(error))
                return
            # One of them is at fault: the others get their results.
            for task in running:
                try:
                    (result,) = self._run_batch([task])
                except Exception as own_error:
                    task.future.set_exception(as_serving_error(own_error))
                else:
                    task.future.set_result(result)
            return
        for task, result in zip(running, results):
            task.future.set_result(result)

    def _run_batch(self, tasks):
        rows = sum(task.rows for task in tasks)
        inputs = tasks[0].inputs
        if len(tasks) > 1:
            inputs = {
                name: np.concatenate([task.inputs[name] for task in tasks])
                for name in inputs
            }
        start = time.monotonic()
        outputs = self._run(tasks[0].signature, inputs)
        for observe in self.observers:
            observe(rows, time.monotonic() - start)
        for task in tasks:
            task.future.batch_size = rows
        if len(tasks) == 1:
            return [outputs]
        for name, array in outputs.items():
            if not array.ndim or array.shape[0] != rows:
                # `_run_tasks` then runs them one by one.
                raise invalid(f"The output {name} has not one row for each.")
        ends = np.cumsum([task.rows for task in tasks])
        return [
            {n: a[end - task.rows : end] for n, a in outputs.items()}
            for task, end in zip(tasks, ends)
        ]


class _Task:
    """A request that waits."""

    def __init__(self, signature, inputs, rows, deadline):
        self.signature = signature
        self.inputs = inputs
        self.rows = rows or 1
        self.deadline = deadline
        self.future = Prediction()
        self.num_bytes = sum(num_bytes(array) for array in inputs.values())
        self.weight = 0
        self.arrival = time.monotonic()
        shapes = tuple(
            (name, array.shape[1:]) for name, array in sorted(inputs.items())
        )
        # Without rows there is nothing to join.
        self.key = (signature, shapes, None if rows else id(self))

    def fail(self, error):
        if self.future.set_running_or_notify_cancel():
            self.future.set_exception(error)


def common_rows(inputs):
    """Returns the first dimension that all arrays have, or `None`."""
    rows = {a.shape[0] if a.ndim else None for a in inputs.values()}
    return rows.pop() if len(rows) == 1 else None


def num_bytes(array):
    """Counts the bytes of an array, with its strings."""
    if array.dtype == object:
        return array.nbytes + sum(map(len, array.ravel()))
    return array.nbytes
