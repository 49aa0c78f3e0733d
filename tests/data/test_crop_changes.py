import numpy as np
import pytest

from keras_comic.data import crop_arrays
from tests.test_case import TestCase
from tests.test_case import noise
from tests.test_case import photos

tf = pytest.importorskip("tensorflow")

from keras_comic.data.crop_changes import change_colors  # noqa: E402
from keras_comic.data.crop_changes import color_changes  # noqa: E402
from keras_comic.data.crop_changes import cut_out  # noqa: E402
from keras_comic.data.crop_changes import cutout_boxes  # noqa: E402
from keras_comic.data.crop_changes import finish_images  # noqa: E402
from keras_comic.data.crop_changes import mirror_some  # noqa: E402
from tests.data.in_graph import both_ways  # noqa: E402

LUMA = np.float32([0.299, 0.587, 0.114])


class ColorsTest(TestCase):
    def changed(self, image, jitter, **values):
        # Random numbers in the middle change nothing.
        numbers = np.full((1, crop_arrays.NUM_UNIFORMS), 0.5, "float32")
        for name, value in values.items():
            numbers[0, getattr(crop_arrays, name)] = value
        found = both_ways(
            lambda i, u: change_colors(i, color_changes(u, jitter)),
            np.float32(image)[None],
            numbers,
        )
        self.assertAllClose(found[0], found[1], atol=1e-6)
        return found[0][0]

    def test_by_hand(self):
        image = photos(5, 7, 3)
        signed = image / 127.5 - 1
        grey = (image @ LUMA / 127.5 - 1)[..., None]
        for jitter, values, expected in (
            (0.7, {}, signed),
            (0.0, {"HUE": 0.0, "CONTRAST": 0.9}, signed),
            # 0.75 of the way up: 1 + 0.4 / 2.
            (0.4, {"BRIGHTNESS": 0.75}, image / 255 * 1.2 * 2 - 1),
            (0.4, {"CONTRAST": 0.0}, signed * 0.6),
            (0.4, {"CONTRAST": 1.0}, signed * 1.4),
            (1.0, {"SATURATION": 0.0}, np.repeat(grey, 3, axis=-1)),
            (0.5, {"SATURATION": 0.0}, (grey + signed) / 2),
        ):
            found = self.changed(image, jitter, **values)
            self.assertAllClose(found, np.clip(expected, -1, 1), atol=1e-3)

    def test_hue(self):
        red = np.full((2, 2, 3), (200, 80, 80), "uint8")
        # The axes of colour of YIQ: what turns is the angle between them.
        axes = np.float32([[0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])
        angles = []
        for value in (0.0, 0.5, 1.0):
            found = (self.changed(red, 0.5, HUE=value)[0, 0] + 1) / 2
            self.assertAllClose(found @ LUMA, red[0, 0] / 255 @ LUMA, atol=1e-3)
            angles.append(np.rad2deg(np.arctan2(*(axes @ found)[::-1])))
        self.assertAllClose(np.diff(angles), [18.0, 18.0], atol=0.1)


class CutOutTest(TestCase):
    def test_boxes(self):
        numbers = np.random.default_rng(0).random((500, 9)).astype("float32")
        for boxes in both_ways(lambda u: cutout_boxes(u, 0.25, 16), numbers):
            top, left, bottom, right = boxes.T
            self.assertAllEqual(bottom - top, np.full(500, 4))
            self.assertAllEqual(right - left, np.full(500, 4))
            self.assertEqual(set(top), set(range(13)))
            self.assertEqual(set(left), set(range(13)))

    def test_square_becomes_grey(self):
        images = noise(2, 9, 8, 3)
        boxes = np.int32([[1, 2, 4, 5], [0, 0, 9, 8]])
        expected = images.copy()
        expected[0, 1:4, 2:5] = 0
        expected[1] = 0
        for found in both_ways(cut_out, images, boxes):
            self.assertAllEqual(found, expected)


class FinishImagesTest(TestCase):
    def test_floats(self):
        images = np.arange(256, dtype="uint8").reshape(1, 16, 16, 1)
        images = np.repeat(images, 3, axis=-1)
        for found in both_ways(finish_images, images):
            self.assertDType(found, "float32")
            self.assertAllClose(found, images / 127.5 - 1, atol=1e-6)
            self.assertEqual((found.min(), found.max()), (-1.0, 1.0))

    def test_everything(self):
        """Each picture, and each frame of a clip, has its own changes."""
        mirrored = np.array([True, False, True])
        numbers = np.random.default_rng(0).random((3, 9)).astype("float32")
        for shape in ((3, 6, 6, 3), (3, 2, 6, 6, 3)):
            images = photos(*shape)
            colors = color_changes(numbers, 0.5)
            boxes = cutout_boxes(numbers, 0.5, 6)
            flipped = images.copy()
            flipped[::2] = flipped[::2, ..., ::-1, :]
            for found in both_ways(mirror_some, images, mirrored):
                self.assertAllEqual(found, flipped)
            expected = np.stack(
                [
                    change_colors(tf.constant(item[None]), colors[i : i + 1])[0]
                    for i, item in enumerate(flipped.astype("float32"))
                ]
            )
            for item, box in zip(expected, boxes.numpy()):
                item[..., box[0] : box[2], box[1] : box[3], :] = 0
            for found in both_ways(
                finish_images, images, mirrored, colors.numpy(), boxes.numpy()
            ):
                self.assertAllClose(found, expected, atol=1e-5)
