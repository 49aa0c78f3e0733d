"""Collects requests of one kind, and runs them as one batch."""

import collections
import concurrent.futures
import itertools
import os
import threading
import time

import numpy as np

from keras_comic.export.batching import BatchingParameters
from keras_comic.serving.errors import ServingError
from keras_comic.serving.errors import as_serving_error

# Without a delay: a request that is alone is run at once, and batches gather
# while others run, which keeps the cores busy.
DEFAULT_BATCHING = BatchingParameters(
    max_batch_size=64,
    batch_timeout_micros=0,
    max_enqueued_batches=64,
    num_batch_threads=2,
    enable_large_batch_splitting=True,
    max_execution_batch_size=16,
)
# By default, requests are joined up to half of this, and batches of more than
# this together do not run side by side, for the memory: a few small pictures
# leave a part of the cores idle, large ones fill them.
DEFAULT_BYTES_BESIDE = 2**21
DEFAULT_MAX_REQUESTS = 256
DEFAULT_MAX_BYTES = 2**28


class Prediction(concurrent.futures.Future):
    """A result that is to come, with the size of the batch it came in."""

    def __init__(self):
        super().__init__()
        self.batch_size = None


class Batcher:
    """A bounded queue of requests, and threads that run them in batches."""

    def __init__(
        self,
        run,
        parameters=None,
        max_requests=DEFAULT_MAX_REQUESTS,
        max_bytes=DEFAULT_MAX_BYTES,
        name="batcher",
        weigh=None,
    ):
        self._run = run
        self._weigh = weigh or _sum_of_bytes
        self._set_parameters(parameters)
        self.max_requests = _positive("max_requests", max_requests)
        self.max_bytes = _positive("max_bytes", max_bytes)
        # Groups of tasks that can be joined, by their keys.
        self._groups = {}
        self._changed = threading.Condition()
        self._waiting_rows = 0
        self._held_requests = 0
        self._held_bytes = 0
        self._running_weight = 0
        self._closing = False
        self.observers = []
        self._threads = [
            threading.Thread(
                target=self._work, name=f"{name}-{number}", daemon=True
            )
            for number in range(self.num_threads)
        ]
        for thread in self._threads:
            thread.start()

    def _set_parameters(self, parameters):
        self.max_bytes_beside = None
        if parameters is None:
            parameters = DEFAULT_BATCHING
            self.max_bytes_beside = DEFAULT_BYTES_BESIDE
        if parameters.pad_variable_length_inputs:
            raise ValueError(
                "Images cannot be padded to a common size: it would change "
                "the statistics that their styles are made of. Received: "
                "pad_variable_length_inputs=True"
            )
        self.max_request_rows = parameters.max_batch_size
        self.max_batch_size = parameters.execution_batch_size
        self.batch_timeout = parameters.batch_timeout_micros / 1e6
        self.max_waiting_rows = (
            parameters.max_enqueued_batches * self.max_batch_size
        )
        self.num_threads = parameters.num_batch_threads or os.cpu_count()
        self.allowed_batch_sizes = parameters.allowed_batch_sizes

    @property
    def held_requests(self):
        """Integer. Requests that wait or run; large ones count as several."""
        return self._held_requests

    @property
    def held_bytes(self):
        """Integer. Bytes of inputs that wait or run."""
        return self._held_bytes

    def submit(self, signature, inputs, deadline=None):
        """Takes a request, or refuses it at once."""
        rows = common_rows(inputs)
        if rows is not None and rows > self.max_request_rows:
            raise ServingError(
                "INVALID_ARGUMENT",
                f"Batch size {rows} is larger than the largest batch size "
                f"{self.max_request_rows}",
            )
        if rows is None or rows <= self.max_batch_size:
            parts = [inputs]
        else:
            parts = [
                {n: a[i : i + self.max_batch_size] for n, a in inputs.items()}
                for i in range(0, rows, self.max_batch_size)
            ]
        tasks = [_Task(signature, part, deadline) for part in parts]
        if self.max_bytes_beside is not None:
            for task in tasks:
                task.weight = self._weigh(task.inputs)
        num_bytes = sum(task.num_bytes for task in tasks)
        result = _join(tasks)
        with self._changed:
            self._check_room(rows or 1, num_bytes)
            self._held_requests += len(tasks)
            self._held_bytes += num_bytes
            self._waiting_rows += rows or 1
            for task in tasks:
                group = self._groups.setdefault(task.key, collections.deque())
                group.append(task)
            self._changed.notify_all()
        return result

    def _check_room(self, rows, num_bytes):
        if self._closing:
            raise ServingError("UNAVAILABLE", "The model is being unloaded.")
        if num_bytes > self.max_bytes:
            raise ServingError(
                "INVALID_ARGUMENT",
                f"The inputs have {num_bytes} bytes, of at most "
                f"{self.max_bytes}.",
            )
        if (
            self._held_requests >= self.max_requests
            or self._held_bytes + num_bytes > self.max_bytes
            or (
                self._waiting_rows
                and self._waiting_rows + rows > self.max_waiting_rows
            )
        ):
            raise ServingError(
                "RESOURCE_EXHAUSTED",
                "The queue of the model is full: "
                f"{self._held_requests} requests of {self._held_bytes} bytes.",
            )

    def _release(self, tasks):
        # What was cancelled counts until it has left the queue.
        with self._changed:
            self._held_requests -= len(tasks)
            self._held_bytes -= sum(task.num_bytes for task in tasks)
            self._changed.notify_all()

    def close(self, grace=None):
        """Takes no more requests, and ends the threads."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
            if grace is None:
                return
            self._changed.wait_for(lambda: not self._held_requests, grace)
            left = [t for group in self._groups.values() for t in group]
            self._groups.clear()
            self._waiting_rows = 0
            self._changed.notify_all()
        for task in left:
            if task.future.set_running_or_notify_cancel():
                task.future.set_exception(
                    ServingError("UNAVAILABLE", "The server is shutting down.")
                )
        self._release(left)

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

    def _next_tasks(self):
        with self._changed:
            while True:
                key, wait = self._ripe_group()
                if key is not None:
                    count = self._batch_length(key)
                    if self._may_begin(key, count):
                        return self._take(key, count)
                    # No other goes before it: it would wait for ever.
                elif wait is None and self._closing:
                    return None
                self._changed.wait(wait)

    def _ripe_group(self):
        """The key of the group to run next, or the seconds until there is."""
        now = time.monotonic()
        best, wait = None, None
        for key, group in self._groups.items():
            left = group[0].arrival + self.batch_timeout - now
            full = (
                self._closing
                or key[-1] is not None
                or len(group) >= self.max_batch_size
                or sum(task.rows for task in group) >= self.max_batch_size
            )
            if full or left <= 0:
                if best is None or group[0].arrival < best[1]:
                    best = key, group[0].arrival
            elif wait is None or left < wait:
                wait = left
        return (best[0], None) if best else (None, wait)

    def _batch_length(self, key):
        """How many of a group's requests are the next batch."""
        rows, weight, limit = 0, 0, float("inf")
        if self.max_bytes_beside is not None:
            limit = self.max_bytes_beside // 2
        for count, task in enumerate(self._groups[key]):
            rows, weight = rows + task.rows, weight + task.weight
            is_full = rows > self.max_batch_size or weight > limit
            if count and (key[-1] is not None or is_full):
                return count
        return len(self._groups[key])

    def _may_begin(self, key, count):
        """Whether a batch may run beside what runs."""
        if self.max_bytes_beside is None or not self._running_weight:
            return True
        batch = itertools.islice(self._groups[key], count)
        weight = sum(task.weight for task in batch)
        return self._running_weight + weight <= self.max_bytes_beside

    def _take(self, key, count):
        group = self._groups[key]
        tasks = [group.popleft() for _ in range(count)]
        if not group:
            del self._groups[key]
        self._waiting_rows -= sum(task.rows for task in tasks)
        self._running_weight += sum(task.weight for task in tasks)
        return tasks

    def _run_tasks(self, tasks):
        now = time.monotonic()
        running = []
        for task in tasks:
            if not task.future.set_running_or_notify_cancel():
                continue
            if task.deadline is not None and now > task.deadline:
                task.future.set_exception(
                    ServingError(
                        "DEADLINE_EXCEEDED",
                        "The deadline passed while the request was waiting.",
                    )
                )
                continue
            running.append(task)
        if not running:
            return
        try:
            results = self._run_batch(running)
        except Exception as error:
            if len(running) == 1:
                running[0].future.set_exception(as_serving_error(error))
                return
            for task in running:
                self._run_alone(task)
            return
        for task, outputs in zip(running, results):
            task.future.set_result(outputs)

    def _run_alone(self, task):
        try:
            (outputs,) = self._run_batch([task])
        except Exception as error:
            task.future.set_exception(as_serving_error(error))
        else:
            task.future.set_result(outputs)

    def _run_batch(self, tasks):
        """The outputs of each task, run as one batch."""
        rows = sum(task.rows for task in tasks)
        for task in tasks:
            task.future.batch_size = rows
        inputs = tasks[0].inputs
        if tasks[0].key[-1] is None:
            inputs = {
                name: self._padded([t.inputs[name] for t in tasks], rows)
                for name in inputs
            }
        start = time.monotonic()
        outputs = self._run(tasks[0].signature, inputs)
        seconds = time.monotonic() - start
        for observer in self.observers:
            observer(rows, seconds, [start - task.arrival for task in tasks])
        if tasks[0].key[-1] is not None:
            return [outputs]
        return _split(outputs, [task.rows for task in tasks])

    def _padded(self, arrays, rows):
        """Concatenates arrays and repeats the first row up to a size."""
        size = next((s for s in self.allowed_batch_sizes if s >= rows), rows)
        arrays = arrays + [arrays[0][:1]] * (size - rows)
        return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)


class _Task:
    """A request, or as much of it as fits into one batch."""

    __slots__ = (
        "arrival",
        "deadline",
        "future",
        "inputs",
        "key",
        "num_bytes",
        "rows",
        "signature",
        "weight",
    )

    def __init__(self, signature, inputs, deadline):
        rows = common_rows(inputs)
        self.signature = signature
        self.inputs = inputs
        self.deadline = deadline
        self.future = Prediction()
        self.rows = rows or 1
        self.num_bytes = _sum_of_bytes(inputs)
        self.weight = 0
        shapes = tuple(
            (name, array.shape[1:]) for name, array in sorted(inputs.items())
        )
        # The last is not `None` where there are no rows to join.
        self.key = (signature, shapes, None if rows else id(self))
        self.arrival = time.monotonic()


def common_rows(inputs):
    """The first dimension that all arrays have."""
    rows = {a.shape[0] if a.ndim else None for a in inputs.values()}
    return rows.pop() if len(rows) == 1 else None


def num_bytes(array):
    """Bytes of an array, with its strings."""
    if array.dtype == object:
        return array.nbytes + sum(map(len, array.ravel()))
    return array.nbytes


def _sum_of_bytes(inputs):
    return sum(num_bytes(array) for array in inputs.values())


def _positive(name, value):
    if value < 1:
        raise ValueError(
            f"`{name}` must be a positive integer. Received: {name}={value}"
        )
    return int(value)


def _split(outputs, rows):
    """Dicts of the rows of each request; rows that filled up are left out."""
    total = sum(rows)
    for name, array in outputs.items():
        if array.ndim == 0 or array.shape[0] < total:
            raise ServingError(
                "FAILED_PRECONDITION",
                f"The output {name} has not one row for each of its batch, "
                "which cannot be shared out among requests: serve this model "
                f"with max_batch_size=1. Received: shape={array.shape}",
            )
    results, start = [], 0
    for count in rows:
        results.append(
            {n: a[start : start + count] for n, a in outputs.items()}
        )
        start += count
    return results


def _join(tasks):
    """The future of all parts of a request."""
    if len(tasks) == 1:
        return tasks[0].future
    whole = Prediction()
    lock = threading.Lock()
    left = len(tasks)

    def part_is_done(_):
        nonlocal left
        with lock:
            left -= 1
            if left:
                return
        if not whole.set_running_or_notify_cancel():
            return
        parts = [task.future for task in tasks]
        if any(p.cancelled() for p in parts):
            whole.set_exception(ServingError("CANCELLED", "Cancelled."))
            return
        errors = [p.exception() for p in parts if p.exception()]
        if errors:
            whole.set_exception(errors[0])
            return
        whole.batch_size = max(p.batch_size for p in parts)
        results = [p.result() for p in parts]
        whole.set_result(
            {n: np.concatenate([r[n] for r in results]) for n in results[0]}
        )

    def whole_is_done(_):
        if whole.cancelled():
            for task in tasks:
                task.future.cancel()

    for task in tasks:
        task.future.add_done_callback(part_is_done)
    whole.add_done_callback(whole_is_done)
    return whole
