import numpy as np

from tests.test_case import Batches
from tests.test_case import TestCase
from tests.training.small_gan import make_small_gan
from tests.training.small_gan import small_batch

LOG = "keras_comic.training.callbacks.skip_warning"


class SkipWarningTest(TestCase):
    def test_warns_once_in_a_fit(self):
        gan = make_small_gan()
        gan.compile()
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
