import dataclasses
import threading
import time

import numpy as np
from absl.testing import parameterized

from keras_comic.export.batching import BatchingParameters
from keras_comic.serving.batcher import DEFAULT_BATCHING
from keras_comic.serving.batcher import Batcher
from keras_comic.serving.batcher import common_rows
from keras_comic.serving.batcher import num_bytes
from keras_comic.serving.errors import ServingError
from tests.test_case import TestCase


class _Model:
    """Doubles `x`, and remembers the batches; may be held up."""

    def __init__(self):
        self.batches = []
        self.may_run = threading.Event()
        self.may_run.set()
        self.is_running = threading.Event()
        self.num_running = 0
        self._lock = threading.Lock()

    def __call__(self, signature, inputs):
        with self._lock:
            self.num_running += 1
        self.is_running.set()
        self.may_run.wait(10)
        with self._lock:
            self.num_running -= 1
        x = inputs["x"]
        self.batches.append((signature, x.shape))
        if x.dtype == "float32" and np.isnan(x).any():
            raise ServingError("INVALID_ARGUMENT", "NaN")
        return {"y": 2 * x}


def _batching(**parameters):
    return BatchingParameters(**{"num_batch_threads": 1, **parameters})


ONE_AT_A_TIME = dataclasses.replace(DEFAULT_BATCHING, num_batch_threads=1)


def _x(*values):
    return {"x": np.array(values, "float32")}


class BatcherTest(TestCase, parameterized.TestCase):
    def make(self, **arguments):
        model = _Model()
        arguments = {"parameters": ONE_AT_A_TIME, **arguments}
        batcher = Batcher(model, **arguments)
        self.addCleanup(batcher.close, 5)
        self.addCleanup(model.may_run.set)
        return model, batcher

    def hold(self, model, batcher, **inputs):
        """Keeps the thread busy, so that what comes next waits."""
        model.may_run.clear()
        first = batcher.submit("first", inputs or _x(0))
        self.assertTrue(model.is_running.wait(5))
        return first

    def test_batch_equals_singles(self):
        model, batcher = self.make()
        first = self.hold(model, batcher)
        values = np.random.default_rng(0).uniform(size=(9, 2, 3))
        inputs = [{"x": values[i : i + 3]} for i in range(0, 9, 3)]
        results = [batcher.submit("double", i) for i in inputs]
        model.may_run.set()
        for result, single in zip(results, inputs):
            self.assertAllEqual(result.result(5)["y"], 2 * single["x"])
            self.assertEqual(result.batch_size, 9)
        self.assertEqual(first.batch_size, 1)
        self.assertEqual(model.batches[1:], [("double", (9, 2, 3))])

    def test_signatures_and_shapes_stay_apart(self):
        model, batcher = self.make()
        self.hold(model, batcher)
        results = [
            batcher.submit("a", {"x": np.zeros((1, 2))}),
            batcher.submit("a", {"x": np.zeros((1, 3))}),
            batcher.submit("b", {"x": np.zeros((1, 2))}),
            batcher.submit("a", {"x": np.zeros((2, 2))}),
        ]
        model.may_run.set()
        for result in results:
            result.result(5)
        self.assertCountEqual(
            model.batches[1:], [("a", (3, 2)), ("a", (1, 3)), ("b", (1, 2))]
        )

    def test_largest_batch(self):
        model, batcher = self.make(parameters=_batching(max_batch_size=4))
        self.hold(model, batcher)
        results = [batcher.submit("a", _x(i, i, i)) for i in range(3)]
        model.may_run.set()
        for result in results:
            result.result(5)
        self.assertEqual([b[1] for b in model.batches[1:]], [(3,)] * 3)
        with self.assertRaisesRegex(ServingError, "Batch size 5 is larger"):
            batcher.submit("a", _x(*range(5)))

    def test_large_requests_are_split(self):
        model, batcher = self.make(
            parameters=_batching(
                max_batch_size=9,
                max_execution_batch_size=4,
                enable_large_batch_splitting=True,
            )
        )
        result = batcher.submit("a", _x(*range(9)))
        self.assertAllEqual(result.result(5)["y"], 2.0 * np.arange(9))
        self.assertCountEqual([b[1] for b in model.batches], [(4,), (4,), (1,)])
        self.assertEqual(result.batch_size, 4)
        result = batcher.submit("a", _x(*range(8), np.nan))
        with self.assertRaisesRegex(ServingError, "NaN"):
            result.result(5)
        self.assertEqual(batcher.held_bytes, 0)

    def test_delay(self):
        model, batcher = self.make(
            parameters=_batching(batch_timeout_micros=10_000_000)
        )
        results = [batcher.submit("a", _x(i)) for i in range(2)]
        time.sleep(0.05)
        self.assertEmpty(model.batches)
        # What is full does not wait.
        _, batcher = self.make(
            parameters=_batching(
                batch_timeout_micros=10_000_000, max_batch_size=2
            )
        )
        results = [batcher.submit("a", _x(i)) for i in range(2)]
        self.assertEqual(results[0].result(5)["y"], [0])
        self.assertEqual(results[1].batch_size, 2)

    def test_what_waits_for_the_delay_is_run(self):
        _, batcher = self.make(
            parameters=_batching(batch_timeout_micros=50_000)
        )
        start = time.monotonic()
        batcher.submit("a", _x(1)).result(5)
        self.assertGreaterEqual(time.monotonic() - start, 0.045)

    def test_by_default_a_lone_request_does_not_wait(self):
        model, batcher = self.make()
        self.assertEqual(batcher.batch_timeout, 0.0)
        self.assertEqual(batcher.submit("a", _x(1)).result(5)["y"], [2])
        # What comes while a batch is run is the next one.
        self.hold(model, batcher)
        results = [batcher.submit("a", _x(i)) for i in range(20)]
        model.may_run.set()
        for result in results:
            result.result(5)
        sizes = [shape for _, (shape,) in model.batches]
        self.assertEqual(sizes, [1, 1, 16, 4])

    def test_by_default_small_batches_run_side_by_side(self):
        side = 512  # 0.75 MiB: two of them are less than 2 MiB, three more.
        model, batcher = self.make(parameters=None)

        def image(number, batch=1):
            shape = (batch, side, side, 3 + number)
            return {"x": np.zeros(shape, "uint8")}

        model.may_run.clear()
        results = [batcher.submit("a", image(number)) for number in range(2)]
        self.assertRunning(model, 2)
        for number in range(2, 4):
            results.append(batcher.submit("a", image(number)))
        model.may_run.set()
        for result in results:
            result.result(5)
        model.may_run.clear()
        # The second would fit beside the first, but came after a large one.
        results = [batcher.submit("a", image(0))]
        self.assertRunning(model, 1)
        results.append(batcher.submit("a", image(0, batch=2)))
        results.append(batcher.submit("b", image(0)))
        time.sleep(0.1)
        self.assertEqual(model.num_running, 1)
        model.may_run.set()
        for result in results:
            result.result(5)
        self.assertEqual(
            [shape[0] for _, shape in model.batches[-3:]], [1, 2, 1]
        )
        self.assertEqual(batcher.held_requests, 0)

    def test_by_default_large_requests_are_not_joined(self):
        model, batcher = self.make(parameters=None)
        for side, rows, expected in (
            (512, 1, [1, 1, 1, 1]),
            (256, 1, [4]),
            (256, 2, [4, 4]),
            (16, 2, [8]),
        ):
            first = self.hold(model, batcher, x=np.zeros((1, 2**19), "uint8"))
            second = batcher.submit("second", {"x": np.zeros((1, 2**20))})
            model.batches.clear()
            images = np.zeros((rows, side, side, 3), "uint8")
            results = [batcher.submit("a", {"x": images}) for _ in range(4)]
            model.may_run.set()
            for result in (first, second, *results):
                result.result(5)
            found = [s[0] for name, s in model.batches if name == "a"]
            self.assertEqual(found, expected)

    def test_what_weighs_too_much_runs_alone(self):
        model, batcher = self.make(parameters=None, weigh=lambda _: 2**40)
        model.may_run.clear()
        results = [batcher.submit(name, _x(0)) for name in "abc"]
        self.assertRunning(model, 1)
        time.sleep(0.1)
        self.assertEqual(model.num_running, 1)
        batcher.close()
        model.may_run.set()
        for result in results:
            result.result(5)

    def test_parameters_are_obeyed_whatever_batches_weigh(self):
        model, batcher = self.make(
            parameters=_batching(num_batch_threads=3),
            weigh=lambda _: 2**40,
        )
        model.may_run.clear()
        results = [batcher.submit(name, _x(0)) for name in "abc"]
        self.assertRunning(model, 3)
        model.may_run.set()
        for result in results:
            result.result(5)

    def assertRunning(self, model, count):
        deadline = time.monotonic() + 5
        while model.num_running < count and time.monotonic() < deadline:
            time.sleep(0.01)
        self.assertEqual(model.num_running, count)

    def test_allowed_sizes(self):
        model, batcher = self.make(
            parameters=_batching(max_batch_size=8, allowed_batch_sizes=[2, 8])
        )
        for count, size in ((1, 2), (2, 2), (3, 8), (8, 8)):
            result = batcher.submit("a", _x(*range(count)))
            self.assertAllEqual(result.result(5)["y"], 2.0 * np.arange(count))
            self.assertEqual(model.batches[-1][1], (size,))
            self.assertEqual(result.batch_size, count)

    def test_a_bad_request_fails_alone(self):
        model, batcher = self.make()
        self.hold(model, batcher)
        results = [batcher.submit("a", _x(v)) for v in (1, np.nan, 3)]
        model.may_run.set()
        self.assertEqual(results[0].result(5)["y"], [2])
        with self.assertRaisesRegex(ServingError, "NaN"):
            results[1].result(5)
        self.assertEqual(results[2].result(5)["y"], [6])
        self.assertEqual(
            [b[1] for b in model.batches[1:]], [(3,), (1,), (1,), (1,)]
        )

    def test_queue_is_bounded_by_requests(self):
        model, batcher = self.make(max_requests=3)
        results = [self.hold(model, batcher)]
        results += [batcher.submit("a", _x(i)) for i in range(2)]
        with self.assertRaisesRegex(ServingError, "queue .* is full: 3 req"):
            batcher.submit("a", _x(1))
        model.may_run.set()
        for result in results:
            result.result(5)
        batcher.submit("a", _x(1)).result(5)

    def test_queue_is_bounded_by_bytes(self):
        model, batcher = self.make(max_bytes=1000)
        first = self.hold(model, batcher, x=np.zeros((1, 100), "float32"))
        with self.assertRaises(ServingError) as raised:
            batcher.submit("a", {"x": np.zeros((2, 100), "float32")})
        self.assertEqual(raised.exception.code, "RESOURCE_EXHAUSTED")
        # Which would not fit into an empty queue either.
        with self.assertRaises(ServingError) as raised:
            batcher.submit("a", {"x": np.zeros((3, 100), "float32")})
        self.assertEqual(raised.exception.code, "INVALID_ARGUMENT")
        model.may_run.set()
        first.result(5)

    def test_queue_is_bounded_by_batches(self):
        model, batcher = self.make(
            parameters=_batching(max_batch_size=2, max_enqueued_batches=2)
        )
        self.hold(model, batcher)
        for i in range(4):
            batcher.submit("a", _x(i))
        with self.assertRaisesRegex(ServingError, "is full"):
            batcher.submit("a", _x(1))

    def test_what_is_done_is_given_back(self):
        model, batcher = self.make()
        results = [batcher.submit("a", _x(i, np.nan)) for i in range(5)]
        for result in results:
            self.assertIsNotNone(result.exception(5))
        batcher.close(5)
        self.assertEqual(batcher.held_requests, 0)
        self.assertEqual(batcher.held_bytes, 0)

    def test_deadline(self):
        model, batcher = self.make()
        self.hold(model, batcher)
        late = batcher.submit("a", _x(1), deadline=time.monotonic() + 0.01)
        timely = batcher.submit("a", _x(2), deadline=time.monotonic() + 60)
        time.sleep(0.05)
        model.may_run.set()
        self.assertEqual(timely.result(5)["y"], [4])
        with self.assertRaises(ServingError) as raised:
            late.result(5)
        self.assertEqual(raised.exception.code, "DEADLINE_EXCEEDED")
        self.assertEqual(model.batches[1:], [("a", (1,))])

    def test_cancelled_requests_are_not_run(self):
        model, batcher = self.make()
        self.hold(model, batcher)
        dropped = batcher.submit("a", _x(1))
        kept = batcher.submit("a", _x(2))
        self.assertTrue(dropped.cancel())
        # It takes memory as long as it is there.
        self.assertEqual(batcher.held_requests, 3)
        model.may_run.set()
        self.assertEqual(kept.result(5)["y"], [4])
        self.assertEqual(model.batches[1:], [("a", (1,))])

    def test_close_finishes_what_was_taken(self):
        model, batcher = self.make()
        results = [self.hold(model, batcher)]
        results += [batcher.submit("a", _x(i)) for i in range(20)]
        threading.Timer(0.05, model.may_run.set).start()
        batcher.close(5)
        for result in results:
            self.assertTrue(result.done())
            self.assertIsNone(result.exception())
        with self.assertRaises(ServingError) as raised:
            batcher.submit("a", _x(1))
        self.assertEqual(raised.exception.code, "UNAVAILABLE")

    def test_close_after_the_grace(self):
        model, batcher = self.make()
        self.hold(model, batcher)
        left = batcher.submit("a", _x(1))
        batcher.close(0.02)
        self.assertEqual(left.exception(0).code, "UNAVAILABLE")

    def test_inputs_without_common_rows_run_alone(self):
        model, batcher = self.make()
        results = [
            batcher.submit("a", {"x": np.float32(i), "n": np.zeros(2)})
            for i in range(3)
        ]
        for i, result in enumerate(results):
            self.assertEqual(result.result(5)["y"], 2 * i)

    def test_strings(self):
        model, batcher = self.make()
        batcher._run = lambda _, inputs: {"y": inputs["x"][:, 0]}
        values = np.array([[b"a\x00", b"bc"]], object)
        self.assertEqual(num_bytes(values), 4 + values.nbytes)
        result = batcher.submit("a", {"x": values}).result(5)
        self.assertEqual(result["y"].tolist(), [b"a\x00"])

    def test_outputs_that_cannot_be_shared_out(self):
        _, batcher = self.make()
        batcher._run = lambda *_: {"y": np.float32(1)}
        result = batcher.submit("a", _x(1))
        with self.assertRaisesRegex(ServingError, "max_batch_size=1"):
            result.result(5)

    def test_many_threads(self):
        model, batcher = self.make(
            parameters=_batching(num_batch_threads=3, max_batch_size=8)
        )
        wrong = []

        def ask(number):
            for i in range(50):
                value = 100 * number + i
                result = batcher.submit("a", _x(value, value)).result(10)
                if result["y"].tolist() != [2 * value] * 2:
                    wrong.append(value)

        threads = [threading.Thread(target=ask, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        self.assertEmpty(wrong)
        self.assertEqual(sum(b[1][0] for b in model.batches), 800)

    def test_observers(self):
        model, batcher = self.make()
        seen = []
        batcher.observers.append(lambda *what: seen.append(what))
        batcher.submit("a", _x(1, 2)).result(5)
        ((rows, seconds, waited),) = seen
        self.assertEqual(rows, 2)
        self.assertGreaterEqual(seconds, 0)
        self.assertLen(waited, 1)

    @parameterized.parameters(
        ({"max_requests": 0}, "`max_requests` must be a positive"),
        ({"max_bytes": 0}, "`max_bytes` must be a positive"),
        (
            {"parameters": _batching(pad_variable_length_inputs=True)},
            "would change the statistics",
        ),
    )
    def test_errors(self, arguments, message):
        with self.assertRaisesRegex(ValueError, message):
            Batcher(_Model(), **arguments)

    def test_common_rows(self):
        ones = np.ones((2, 3))
        self.assertEqual(common_rows({"a": ones, "b": ones[:, 0]}), 2)
        self.assertIsNone(common_rows({"a": ones, "b": ones[0]}))
        self.assertIsNone(common_rows({"a": np.float32(1)}))
