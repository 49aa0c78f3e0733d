import io
import sys

import numpy as np
from PIL import Image

from keras_comic.training.callbacks.tensor_board import TensorBoard
from keras_comic.training.callbacks.training_alarms import TrainingAlarms
from tests.test_case import Batches
from tests.test_case import TestCase
from tests.test_case import noise
from tests.test_case import photos
from tests.test_case import requires_tensorflow
from tests.training.small_gan import make_small_gan
from tests.training.small_gan import small_batch


@requires_tensorflow
class TensorBoardTest(TestCase):
    def setUp(self):
        self.folder = self.temporary_folder() / "new" / "events"

    def make_gan(self):
        gan = make_small_gan()
        # A few steps are done before they would be compiled.
        gan.compile(run_eagerly=True)
        return gan

    def fit(self, gan, callbacks, steps=7):
        return gan.fit(
            Batches(small_batch(), steps),
            callbacks=callbacks,
            shuffle=False,
            verbose=0,
        ).history

    def events(self):
        """Reads all events, file after file."""
        import tensorflow as tf

        paths = sorted(self.folder.iterdir())
        return [
            tf.compat.v1.Event.FromString(record.numpy())
            for path in paths
            for record in tf.data.TFRecordDataset(str(path))
        ]

    def curves(self):
        """Dict of tag to dict of step to value."""
        import tensorflow as tf

        found = {}
        for event in self.events():
            for value in event.summary.value:
                points = found.setdefault(value.tag, {})
                points[event.step] = tf.make_ndarray(value.tensor)
        return found

    def plugins(self):
        values = [v for event in self.events() for v in event.summary.value]
        return {v.metadata.plugin_data.plugin_name for v in values}

    def test_scalars(self):
        gan = self.make_gan()
        history = self.fit(gan, [TensorBoard(self.folder, 3)])
        curves = self.curves()
        for term, values in history.items():
            points = curves[f"losses/{term}"]
            self.assertEqual(list(points), [3, 6, 7])
            self.assertAllClose(points[7], values[-1])
            self.assertEqual(points[7].dtype, "float32")
        for network in ("generator", "discriminator"):
            self.assertAllClose(curves[f"learning_rates/{network}"][6], 2e-4)
        self.assertEqual(curves["steps/skipped"][7], 0.0)
        self.assertEqual(len(curves), len(history) + 3)
        self.assertEqual(self.plugins(), {"scalars"})

    def test_pictures(self):
        picture = photos(9, 14, 3)
        drawn = []

        def draw(generator):
            drawn.append(generator)
            return picture

        gan = self.make_gan()
        self.fit(gan, [TensorBoard(self.folder, 1, {"samples": draw})])
        # The last step is drawn too.
        self.assertEqual(drawn, [gan.ema_generator] * 2)
        points = self.curves()["samples"]
        self.assertEqual(list(points), [5, 7])
        width, height, file = points[5]
        self.assertEqual((int(width), int(height)), (14, 9))
        with Image.open(io.BytesIO(file)) as image:
            self.assertAllEqual(np.asarray(image), picture)
        self.assertEqual(self.plugins(), {"scalars", "images"})

    def test_alarms(self):
        images = noise(4, 16, 16, 3)
        alarms = TrainingAlarms(self.folder.parent, images, images, every=3)
        board = TensorBoard(self.folder, 2, alarms=alarms)
        with self.assertLogs("keras_comic", "WARNING"):
            self.fit(self.make_gan(), [alarms, board], 6)
        points = self.curves()["alarms/diversity"]
        # Those of step 3 are there at step 4.
        self.assertEqual(list(points), [4, 6])
        self.assertAllClose(points[6], alarms.numbers["diversity"])


class WithoutTensorFlowTest(TestCase):
    def test_message(self):
        before = sys.modules.get("tensorflow")
        # What Python takes for a module that cannot be imported.
        sys.modules["tensorflow"] = None
        try:
            with self.assertRaisesRegex(
                ImportError, "by TensorFlow, which is not installed; `LossPlot`"
            ):
                TensorBoard("events")
        finally:
            if before is None:
                del sys.modules["tensorflow"]
            else:
                sys.modules["tensorflow"] = before
