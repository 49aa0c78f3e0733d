import threading
import time

import numpy as np

from keras_comic.serving.batcher import Batcher
from keras_comic.serving.errors import ServingError
from tests.test_case import TestCase


class _Model:
    """Doubles `x`, and remembers the batches; may be held up."""

    def __init__(self):
        self.batches = []
        self.may_run = threading.Event()
        self.num_running = 0
        self._lock = threading.Lock()

    def __call__(self, signature, inputs):
        with self._lock:
            self.num_running += 1
        self.may_run.wait(10)
        with self._lock:
            self.num_running -= 1
            self.batches.append((signature, inputs["x"].shape))
        if np.isnan(inputs["x"]).any():
            raise ServingError("INVALID_ARGUMENT", "NaN")
        if signature == "sum":
            return {"y": inputs["x"].sum()}
        return {"y": 2 * inputs["x"]}


def _x(*values):
    return {"x": np.array(values, "float32")}


class BatcherTest(TestCase):
    # A batch of this weight runs alone: so one batch runs at a time.
    def make(self, weigh=lambda inputs: 2**40, max_requests=99):
        model = _Model()
        batcher = Batcher(model, weigh, max_requests)
        self.addCleanup(batcher.close, 5)
        self.addCleanup(model.may_run.set)
        return model, batcher

    def weigh_little(self, inputs):
        return 2**18 * inputs["x"].shape[0]

    def hold(self, model, batcher, count=1):
        """Keeps the threads busy, so that what comes next waits."""
        results = [batcher.submit(f"first {n}", _x(0)) for n in range(count)]
        end = time.monotonic() + 5
        while model.num_running < count and time.monotonic() < end:
            time.sleep(0.001)
        self.assertEqual(model.num_running, count)
        return results

    def finish(self, model, results):
        model.may_run.set()
        return [result.result(5)["y"] for result in results]

    def test_batch_equals_singles(self):
        model, batcher = self.make(self.weigh_little)
        first = self.hold(model, batcher, 2)
        inputs = [{"x": np.full((1, 2, 3), k)} for k in range(4)]
        results = [batcher.submit("double", i) for i in inputs]
        for output, single in zip(self.finish(model, results), inputs):
            self.assertAllEqual(output, 2 * single["x"])
        self.assertEqual([r.batch_size for r in results], [4] * 4)
        first[0].result(5)
        self.assertEqual(first[0].batch_size, 1)
        self.assertIn(("double", (4, 2, 3)), model.batches)

    def test_signatures_and_shapes_stay_apart(self):
        model, batcher = self.make(lambda inputs: 0)
        self.hold(model, batcher, 2)
        results = [
            batcher.submit("a", {"x": np.zeros((1, 2))}),
            batcher.submit("a", {"x": np.zeros((1, 3))}),
            batcher.submit("b", {"x": np.zeros((1, 2))}),
            batcher.submit("a", {"x": np.zeros((2, 2))}),
        ]
        self.finish(model, results)
        batches = [batch for batch in model.batches if batch[0] in "ab"]
        self.assertCountEqual(
            batches, [("a", (3, 2)), ("a", (1, 3)), ("b", (1, 2))]
        )

    def test_sizes(self):
        model, batcher = self.make(lambda inputs: 0)
        self.finish(model, [batcher.submit("a", _x(1))])
        model.may_run.clear()
        self.hold(model, batcher, 2)
        results = [batcher.submit("a", _x(k)) for k in range(20)]
        results.append(batcher.submit("b", _x(*range(64))))
        self.finish(model, results)
        sizes = [rows for name, (rows,) in model.batches if name in "ab"]
        self.assertCountEqual(sizes, [1, 16, 4, 64])
        with self.assertRaisesRegex(ServingError, "Batch size 65 is larger"):
            batcher.submit("a", _x(*range(65)))

    def test_small_batches_run_side_by_side(self):
        model, batcher = self.make(self.weigh_little)
        results = self.hold(model, batcher, 2)
        # They are joined up to 1 MiB.
        results += [batcher.submit("a", _x(k)) for k in range(5)]
        self.finish(model, results)
        sizes = [rows for name, (rows,) in model.batches if name == "a"]
        self.assertCountEqual(sizes, [4, 1])

    def test_large_batches_run_alone(self):
        model, batcher = self.make()
        results = self.hold(model, batcher)
        results += [batcher.submit(name, _x(0)) for name in "ab"]
        time.sleep(0.1)
        self.assertEqual(model.num_running, 1)
        self.finish(model, results)
        self.assertEqual(len(model.batches), 3)

    def test_one_at_fault(self):
        model, batcher = self.make(lambda inputs: 0)
        self.hold(model, batcher, 2)
        fine, wrong = (batcher.submit("a", _x(v)) for v in (1, np.nan))
        self.assertAllEqual(self.finish(model, [fine]), [[2]])
        with self.assertRaisesRegex(ServingError, "NaN"):
            wrong.result(5)

    def test_outputs_without_rows(self):
        model, batcher = self.make(lambda inputs: 0)
        self.hold(model, batcher, 2)
        results = [batcher.submit("sum", _x(k, 1)) for k in range(2)]
        self.assertAllEqual(self.finish(model, results), [1, 2])

    def test_full(self):
        model, batcher = self.make(max_requests=2)
        results = [*self.hold(model, batcher), batcher.submit("a", _x(1))]
        with self.assertRaisesRegex(ServingError, "full: 2 requests") as raised:
            batcher.submit("a", _x(1))
        self.assertEqual(raised.exception.http_status, 429)
        self.finish(model, results)
        self.finish(model, [batcher.submit("a", _x(1))])
        with self.assertRaisesRegex(ValueError, "max_queue=0"):
            Batcher(model, self.weigh_little, 0)

    def test_deadline_and_cancellation(self):
        model, batcher = self.make()
        self.hold(model, batcher)
        late = batcher.submit("late", _x(1), time.monotonic() - 1)
        gone = batcher.submit("gone", _x(1))
        gone.cancel()
        self.finish(model, [batcher.submit("a", _x(1))])
        with self.assertRaisesRegex(ServingError, "deadline passed"):
            late.result(5)
        self.assertEqual([name for name, _ in model.batches], ["first 0", "a"])

    def test_close(self):
        model, batcher = self.make()
        (running,) = self.hold(model, batcher)
        waiting = batcher.submit("a", _x(1))
        batcher.close(0.1)
        with self.assertRaisesRegex(ServingError, "has stopped"):
            waiting.result(5)
        with self.assertRaisesRegex(ServingError, "shutting down"):
            batcher.submit("a", _x(1))
        self.assertAllEqual(self.finish(model, [running]), [[0]])
