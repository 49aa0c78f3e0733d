import keras
import numpy as np

from keras_comic.training.callbacks.step_callback import RunTable
from keras_comic.training.callbacks.step_callback import StepCallback
from tests.test_case import Batches
from tests.test_case import TestCase
from tests.training.small_gan import make_small_gan
from tests.training.small_gan import small_batch

LOG = "keras_comic.training.callbacks.step_callback"


class Record(StepCallback):
    """Keeps what it is called with, and whether variables can be read."""

    def __init__(self, every):
        super().__init__(every)
        self.calls = []

    def on_steps(self, step, logs):
        counter = self.model.step_counter
        self.calls.append(
            (step, int(keras.ops.convert_to_numpy(counter.value)), sorted(logs))
        )


class StepCallbackTest(TestCase):
    def run_fits(self, every, fits, **kwargs):
        gan = make_small_gan()
        # A few steps are done before they would be compiled.
        kwargs = kwargs or {"run_eagerly": True}
        gan.compile(loss_weights={"adversarial": 0.0}, **kwargs)
        callback = Record(every)
        for steps, epochs, initial_epoch in fits:
            gan.fit(
                Batches(small_batch(), steps),
                epochs=epochs,
                initial_epoch=initial_epoch,
                callbacks=[callback],
                shuffle=False,
                verbose=0,
            )
        for step, counter, logs in callback.calls:
            # The variables are those of this very step.
            self.assertEqual(counter, step)
            self.assertEqual(logs, ["generator_loss", "pixels"])
        return [step for step, _, _ in callback.calls]

    def test_rhythm_within_and_over_epochs(self):
        self.assertEqual(self.run_fits(2, [(3, 3, 0)]), [2, 4, 6, 8, 9])
        self.assertEqual(self.run_fits(4, [(2, 4, 0)]), [4, 8])

    def test_a_later_fit_keeps_the_rhythm(self):
        fits = [(3, 1, 0), (3, 2, 1), (3, 2, 2)]
        self.assertEqual(self.run_fits(4, fits), [3, 4, 6])

    def test_several_steps_at_once(self):
        self.assertEqual(
            self.run_fits(2, [(5, 1, 0)], steps_per_execution=3), [3, 5]
        )

    def test_errors(self):
        with self.assertRaisesRegex(
            ValueError, "must be a positive integer. Received: every=0"
        ):
            StepCallback(0)


class RunTableTest(TestCase):
    def setUp(self):
        self.path = self.temporary_folder() / "run" / "table.csv"

    def lines(self):
        return self.path.read_text(encoding="utf-8").splitlines()

    def test_rows(self):
        table = RunTable(self.path)
        table.add({"step": 2, "pixels": 1 / 3, "note": "a, b"}, last=["note"])
        # A column that comes later, before the last one.
        table.add({"step": 4, "penalty": 2.0, "note": ""}, last=["note"])
        self.assertEqual(
            self.lines(),
            [
                "step,pixels,penalty,note",
                '2,0.3333333,,"a, b"',
                "4,,2,",
            ],
        )

    def test_resumed(self):
        table = RunTable(self.path)
        table.resume(0)
        self.assertEqual(table.rows, [])
        for step in (2, 4, 6):
            table.add({"step": step})
        again = RunTable(self.path)
        again.resume(4)
        self.assertEqual(again.rows, [{"step": "2"}, {"step": "4"}])
        again.add({"step": 5})
        self.assertEqual(self.lines(), ["step", "2", "4", "5"])


class SkipWarningTest(TestCase):
    def test_warns_once_in_a_fit(self):
        gan = make_small_gan()
        gan.compile(run_eagerly=True)
        good = small_batch()
        broken = {**good, "photos": good["photos"] * np.nan}

        def fit(batch, steps, epochs):
            gan.fit(Batches(batch, steps), epochs=epochs, verbose=0)

        with self.assertNoLogs(LOG):
            fit(good, 2, epochs=1)
        with self.assertLogs(LOG, "WARNING") as logged:
            fit(broken, 2, epochs=3)
        (message,) = logged.output
        self.assertIn("2 training steps up to epoch 1 were skipped", message)
        # The six of the fit before are not counted again.
        with self.assertNoLogs(LOG):
            fit(good, 1, epochs=1)
        with self.assertLogs(LOG, "WARNING") as logged:
            fit(broken, 1, epochs=1)
        (message,) = logged.output
        self.assertIn("1 training steps up to epoch 1 were skipped", message)
        self.assertEqual(int(self.numpy(gan.skipped_steps)), 7)
