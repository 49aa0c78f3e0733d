import importlib.util
import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
from keras import ops

from keras_comic.data.crops import Crops
from keras_comic.data.folder import FolderPairs
from keras_comic.data.images import read_image
from tests.data.pictures import save_noise
from tests.test_case import ROOT
from tests.test_case import TestCase


class Recorder(keras.Model):
    """Learns nothing and adds up what it is given."""

    def __init__(self):
        super().__init__()
        self.total = keras.metrics.Sum(name="total")
        self.weight = self.add_weight(shape=(), initializer="zeros")

    def call(self, inputs):
        return self.weight * ops.mean(inputs["photos"])

    def compute_loss(self, x=None, *args, **kwargs):
        self.total.update_state(
            ops.sum(x["photos"]) + ops.sum(x["photos"] ** 2)
        )
        return self(x)


class FolderPairsTest(TestCase):
    def setUp(self):
        super().setUp()
        folder = self.temporary_folder()
        names = [f"{i}.png" for i in range(5)]
        self.photos = save_noise(folder / "photos", *names)
        names = ["ink/1.png", "ink/2.jpg", "wash/1.png"]
        self.drawings = save_noise(folder / "drawings", *names, first_seed=9)

    def make(self, crops=None, **arguments):
        arguments = {"batch_size": 3, **arguments}
        crops = Crops(16) if crops is None else crops
        return FolderPairs(self.photos, self.drawings, crops, **arguments)

    def assertSameBatch(self, actual, expected):
        self.assertEqual(set(actual), set(expected))
        for key in expected:
            self.assertAllEqual(actual[key], expected[key])

    def test_form(self):
        for size in (16, 17, 40):
            batch = self.make(Crops(size))[0]
            self.assertEqual(set(batch), {"photos", "style_images"})
            for images in batch.values():
                self.assertShape(images, (3, size, size, 3))
                self.assertDType(images, "float32")
                self.assertLessEqual(abs(images).max(), 1.0)

    def test_start_step_skips(self):
        pairs = self.make(identity_fraction=0.3)
        later = self.make(identity_fraction=0.3, start_step=5)
        for index in (0, 3):
            self.assertSameBatch(later[index], pairs[index + 5])
        self.assertNotAllClose(later[0]["photos"], pairs[0]["photos"])

    def test_identity(self):
        batch = self.make(identity_fraction=1.0)[0]
        self.assertAllEqual(batch["photos"], batch["style_images"])
        pairs = self.make(identity_fraction=0.25, batch_size=100)[0]
        same = np.all(pairs["photos"] == pairs["style_images"], (1, 2, 3))
        self.assertTrue(0.15 < same.mean() < 0.35, same.mean())
        # The other samples are those of a run without.
        plain = self.make(batch_size=100)[0]["style_images"]
        self.assertAllEqual(pairs["style_images"][~same], plain[~same])

    def test_fit_takes_the_batches_in_order(self):
        totals = []
        for workers in (1, 3):
            model = Recorder()
            model.compile("sgd")
            model(self.make()[0])
            history = model.fit(
                self.make(workers=workers),
                steps_per_epoch=2,
                epochs=3,
                shuffle=False,
                verbose=0,
            )
            totals.append(history.history["total"])
        batches = [self.make()[i]["photos"] for i in range(6)]
        sums = np.array([np.sum(b) + np.sum(b**2) for b in batches])
        expected = sums.reshape(3, 2).sum(axis=1)
        self.assertAllClose(totals[0], expected, rtol=1e-4)
        self.assertAllClose(totals[1], expected, rtol=1e-4)

    def test_each_once_and_evenly_over_labels(self):
        crops = Crops(4, (1.0, 1.0))
        pairs = FolderPairs(self.photos, self.drawings, crops, 10)
        files = {path: read_image(path) for path in self.photos.iterdir()}
        sources = [
            path
            for photo in pairs[0]["photos"]
            for path, image in files.items()
            if _is_part(photo, image) or _is_part(photo[:, ::-1], image)
        ]
        self.assertEqual(sorted(sources), sorted([*files] * 2))
        wash = read_image(self.drawings / "wash" / "1.png")
        for first, second in pairs[0]["style_images"].reshape(5, 2, 4, 4, 3):
            parts = [
                _is_part(image, wash) or _is_part(image[:, ::-1], wash)
                for image in (first, second)
            ]
            self.assertEqual(sorted(parts), [False, True])

    def test_broken_files(self):
        (self.photos / "5.png").write_text("A letter.")
        pairs = self.make(batch_size=6)
        with self.assertWarnsRegex(UserWarning, "Left out .*5.png"):
            self.assertShape(pairs[0]["photos"], (6, 16, 16, 3))
        (self.drawings / "wash" / "1.png").write_text("A letter.")
        with self.assertWarns(UserWarning):
            with self.assertRaisesRegex(ValueError, "No file of a label can"):
                self.make()[0]

    def test_errors(self):
        with self.assertRaisesRegex(ValueError, "Received: batch_size=0"):
            self.make(batch_size=0)
        with self.assertRaisesRegex(ValueError, "Received: start_step=-3"):
            self.make(start_step=-3)
        with self.assertRaisesRegex(ValueError, "`identity_fraction` must lie"):
            self.make(identity_fraction=2)
        with self.assertRaisesRegex(FileNotFoundError, "no such folder"):
            FolderPairs(pathlib.Path("missing"), self.drawings)


def _is_part(crop, image):
    """Tells if a crop was cut out of an image as it is."""
    levels = np.round((crop + 1) * 127.5).astype("uint8")
    windows = np.lib.stride_tricks.sliding_window_view(
        image, levels.shape[:2], (0, 1)
    )
    return (windows == levels.transpose(2, 0, 1)).all((2, 3, 4)).any()


class ImportTest(TestCase):
    def test_needs_no_tensorflow(self):
        others = [n for n in ("jax", "torch") if importlib.util.find_spec(n)]
        if not others:
            self.skipTest("Keras has no other backend here.")
        (backend, *_) = others
        program = (
            "import sys, keras_comic.data.folder, keras_comic.data.images;"
            "print(*sys.modules)"
        )
        done = subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            check=True,
            cwd=ROOT,
            env={**os.environ, "KERAS_BACKEND": backend},
            text=True,
        )
        modules = done.stdout.split()
        self.assertIn("keras_comic.data.folder", modules)
        self.assertNotIn("tensorflow", modules)
        self.assertNotIn("keras_comic.data.tfrecord", modules)
        self.assertNotIn("keras_comic.data.datasets", modules)
