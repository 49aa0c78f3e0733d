import numpy as np
import pytest

from tests.test_case import TestCase
from tests.test_case import photos

tf = pytest.importorskip("tensorflow")

from keras_comic.data.augmentation import Augmentation  # noqa: E402
from keras_comic.data.cropper import Cropper  # noqa: E402


class CropperTest(TestCase):
    def plan(self, cropper, num_tries=1, parts=()):
        count = cropper.num_uniforms(num_tries)
        uniforms = np.random.default_rng(0).random((5, count))
        sizes = np.tile(np.int32([40, 50]), (5, 1))
        return cropper.plan(
            tf.constant(sizes), tf.constant(uniforms, "float32"), parts
        )

    def test_only_what_is_needed_is_planned(self):
        crops, changes = self.plan(Cropper(16, (1.0, 1.0), None))
        self.assertEqual(set(crops), {"window"})
        self.assertEqual(set(changes), {"mirrored"})
        augmentation = Augmentation(
            rotation=5, scale=(0.4, 1), color_jitter=0.2, cutout=0.2
        )
        crops, changes = self.plan(Cropper(16, (1.0, 1.0), augmentation))
        self.assertEqual(set(crops), {"matrix", "ratio", "window"})
        # What turns a crop mirrors it.
        self.assertEqual(set(changes), {"colors", "cutouts"})
        cropper = Cropper(16, (1.0, 1.0), Augmentation(flip=False))
        crops, changes = self.plan(cropper, 3, ["box"])
        self.assertEqual(set(crops), {"box", "window"})
        self.assertEqual(crops["box"].shape, (5, 3, 3))
        self.assertEqual(changes, {})

    def test_fit(self):
        image = photos(20, 21, 3)
        crop = {"matrix": tf.constant([-1.0, 0, 19, 0, 1, 4])}
        turning = Cropper(16, (1.0, 1.0), Augmentation(rotation=5))
        expected = image[4:20, 4:20][:, ::-1]
        self.assertAllEqual(turning.fit(tf.constant(image), crop), expected)
        image = photos(24, 24, 3)
        plain = Cropper(12, (0.5, 0.5), None)
        expected = image.reshape(12, 2, 12, 2, 3).mean((1, 3))
        self.assertAllClose(
            tf.cast(plain.fit(tf.constant(image), {}), "float32"),
            expected,
            atol=0.51,
            rtol=0,
        )

    def test_finish(self):
        images = photos(2, 8, 8, 3)
        cropper = Cropper(8, (1.0, 1.0), None)
        changes = {"mirrored": tf.constant([False, True])}
        found = cropper.finish(tf.constant(images), changes)
        self.assertAllClose(found[0], images[0] / 127.5 - 1, atol=1e-6)
        self.assertAllClose(found[1], images[1, :, ::-1] / 127.5 - 1, atol=1e-6)

    def test_errors(self):
        with self.assertRaisesRegex(ValueError, "Received: image_size=0"):
            Cropper(0, (1.0, 1.0), None)
        with self.assertRaisesRegex(TypeError, "Received: augmentation=True"):
            Cropper(8, (1.0, 1.0), True)
