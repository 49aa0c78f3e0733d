import io

from rich.console import Console

from keras_comic.training import TrainingProgress
from tests.test_case import Batches
from tests.test_case import TestCase
from tests.training.small_gan import make_small_gan
from tests.training.small_gan import small_batch


class TrainingProgressTest(TestCase):
    def run_fit(self, seconds=0.0, **console):
        output = io.StringIO()
        console = Console(file=output, width=70, **console)
        gan = make_small_gan()
        gan.compile(loss_weights={"adversarial": 0.0}, run_eagerly=True)
        gan.fit(
            Batches(small_batch(), 3),
            epochs=4,
            initial_epoch=2,
            callbacks=[TrainingProgress(console, seconds)],
            shuffle=False,
            verbose=0,
        )
        return output.getvalue()

    def test_plain_lines(self):
        lines = self.run_fit().splitlines()
        # Each step once, of the whole run, no line broken.
        for step, line in enumerate(lines, start=7):
            self.assertTrue(line.startswith(f"step {step}/12"), line)
            self.assertRegex(line, r", generator_loss [\d.]+, pixels [\d.]+$")
        self.assertEqual(len(lines), 6)
        # The first one compiles, and has no rate.
        self.assertNotIn("steps/s", lines[0])
        for line in lines[1:]:
            self.assertRegex(line, r", \d\S* steps/s, \d+:\d\d:\d\d left, ")
        self.assertIn(" 0:00:00 left", lines[-1])

    def test_a_line_every_so_many_seconds_and_at_the_end(self):
        lines = self.run_fit(seconds=3600.0).splitlines()
        self.assertEqual(len(lines), 1)
        self.assertRegex(lines[0], "^step 12/12, ")

    def test_on_a_terminal(self):
        self.assertRegex(
            self.run_fit(force_terminal=True),
            "step 12/12, .* 0:00:00 left, .*pixels",
        )

    def test_a_dataset_of_unknown_length(self):
        progress = TrainingProgress(Console(file=io.StringIO()))
        progress.set_params({"epochs": 2, "steps": None})
        progress.on_train_begin()
        for epoch in range(2):
            progress.on_epoch_begin(epoch)
            for batch in range(3):
                progress.on_train_batch_end(batch, {"pixels": 0.25})
        self.assertRegex(
            progress.describe(), r"^step 6, \S+ steps/s, pixels 0.25$"
        )
