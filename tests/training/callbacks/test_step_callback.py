import keras

from keras_comic.training.callbacks.step_callback import StepCallback
from tests.test_case import Batches
from tests.test_case import TestCase
from tests.training.small_gan import make_small_gan
from tests.training.small_gan import small_batch


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
