import numpy as np
import pytest

from keras_comic.data import crops
from tests.test_case import TestCase
from tests.test_case import noise
from tests.test_case import photos

tf = pytest.importorskip("tensorflow")

from keras_comic.data.augmentation import Augmentation  # noqa: E402
from keras_comic.data.augmentation import change_colors  # noqa: E402
from keras_comic.data.augmentation import check_augmentation  # noqa: E402
from keras_comic.data.augmentation import color_changes  # noqa: E402
from keras_comic.data.augmentation import cut_out  # noqa: E402
from keras_comic.data.augmentation import cutout_boxes  # noqa: E402
from keras_comic.data.augmentation import finish_images  # noqa: E402
from keras_comic.data.augmentation import mirror_some  # noqa: E402
from tests.data.in_graph import both_ways  # noqa: E402


def uniforms(**values):
    """Random numbers that change nothing, but for those named."""
    numbers = np.full((1, crops.NUM_UNIFORMS), 0.5, "float32")
    for name, value in values.items():
        numbers[0, getattr(crops, name)] = value
    return numbers


class AugmentationTest(TestCase):
    def test_config(self):
        augmentation = Augmentation(False, 5, (0.5, 2), 0.25, 0.5)
        config = augmentation.get_config()
        self.assertEqual(
            config,
            {
                "flip": False,
                "rotation": 5.0,
                "scale": (0.5, 2.0),
                "color_jitter": 0.25,
                "cutout": 0.5,
            },
        )
        self.assertEqual(Augmentation(**config).get_config(), config)
        self.assertEqual(
            repr(augmentation),
            "Augmentation(flip=False, rotation=5.0, scale=(0.5, 2.0), "
            "color_jitter=0.25, cutout=0.5)",
        )

    def test_errors(self):
        for name, value, limit in (
            ("rotation", -1, 45),
            ("rotation", 46, 45),
            ("color_jitter", 1.5, 1),
            ("cutout", -0.1, 1),
        ):
            with self.assertRaisesRegex(
                ValueError,
                rf"`{name}` must lie in \[0, {limit}\]. "
                f"Received: {name}={value}",
            ):
                Augmentation(**{name: value})
        for scale in ((0, 1), (1, 0.5), (1,)):
            with self.assertRaisesRegex(ValueError, "`scale` must be a pair"):
                Augmentation(scale=scale)
        self.assertTrue(check_augmentation(None).flip)
        with self.assertRaisesRegex(TypeError, "Received: augmentation=0.5"):
            check_augmentation(0.5)


class ColorsTest(TestCase):
    def changed(self, image, jitter, **values):
        found = both_ways(
            lambda i, u: change_colors(i, color_changes(u, jitter)),
            np.float32(image)[None],
            uniforms(**values),
        )
        self.assertAllClose(found[0], found[1], atol=1e-6)
        return found[0][0]

    def test_nothing_changes_in_the_middle(self):
        image = photos(5, 7, 3)
        expected = image / 127.5 - 1.0
        self.assertAllClose(self.changed(image, 0.7), expected, atol=1e-5)
        self.assertAllClose(
            self.changed(image, 0.0, HUE=0.0, CONTRAST=0.9), expected, atol=1e-5
        )

    def test_brightness(self):
        image = photos(5, 7, 3)
        # 0.75 of the way up: 1 + 0.4 / 2.
        expected = np.minimum(image / 255 * 1.2, 1.0) * 2 - 1
        found = self.changed(image, 0.4, BRIGHTNESS=0.75)
        self.assertAllClose(found, expected, atol=1e-5)

    def test_contrast(self):
        image = photos(5, 7, 3)
        expected = (image / 127.5 - 1) * 0.6
        found = self.changed(image, 0.4, CONTRAST=0.0)
        self.assertAllClose(found, expected, atol=1e-5)
        found = self.changed(image, 0.4, CONTRAST=1.0)
        self.assertAllClose(
            found, np.clip((image / 127.5 - 1) * 1.4, -1, 1), atol=1e-5
        )

    def test_saturation(self):
        image = photos(5, 7, 3)
        grey = image @ np.float32([0.299, 0.587, 0.114]) / 127.5 - 1
        found = self.changed(image, 1.0, SATURATION=0.0)
        self.assertAllClose(found, np.stack([grey] * 3, axis=-1), atol=1e-3)
        found = self.changed(image, 0.5, SATURATION=0.0)
        expected = (grey[..., None] + image / 127.5 - 1) / 2
        self.assertAllClose(found, expected, atol=1e-3)

    def test_hue(self):
        red = np.full((2, 2, 3), (200, 80, 80), "uint8")
        # The axes of colour of YIQ: what turns is the angle between them.
        axes = np.float32([[0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])
        luma = np.float32([0.299, 0.587, 0.114])
        angles = []
        for value in (0.0, 0.5, 1.0):
            found = (self.changed(red, 0.5, HUE=value)[0, 0] + 1) / 2
            self.assertAllClose(found @ luma, red[0, 0] / 255 @ luma, atol=1e-3)
            angles.append(np.rad2deg(np.arctan2(*(axes @ found)[::-1])))
        self.assertAllClose(np.diff(angles), [18.0, 18.0], atol=0.1)

    def test_grey_stays_grey(self):
        grey = np.repeat(photos(6, 6)[..., None], 3, axis=-1)
        found = self.changed(
            grey, 0.8, HUE=0.9, SATURATION=0.1, CONTRAST=0.2, BRIGHTNESS=0.7
        )
        self.assertAllClose(found, np.repeat(found[..., :1], 3, -1), atol=1e-3)

    def test_each_picture_has_its_own_change(self):
        numbers = np.random.default_rng(0).random((3, 9)).astype("float32")
        images = photos(3, 4, 5, 3).astype("float32")
        for found in both_ways(
            lambda i, u: change_colors(i, color_changes(u, 0.5)),
            images,
            numbers,
        ):
            for i in range(3):
                alone = change_colors(
                    tf.constant(images[i : i + 1]),
                    color_changes(numbers[i : i + 1], 0.5),
                )
                self.assertAllClose(found[i], alone[0], atol=1e-5)
        # The frames of a clip have the same.
        clips = np.stack([images, images], axis=1)
        found = change_colors(tf.constant(clips), color_changes(numbers, 0.5))
        self.assertAllClose(found[:, 0], found[:, 1])


class CutOutTest(TestCase):
    def test_boxes(self):
        numbers = np.random.default_rng(0).random((500, 9)).astype("float32")
        for boxes in both_ways(lambda u: cutout_boxes(u, 0.25, 16), numbers):
            self.assertDType(boxes, "int32")
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
        clips = np.stack([images] * 3, axis=1)
        for found in both_ways(cut_out, clips, boxes):
            self.assertAllEqual(found, np.stack([expected] * 3, axis=1))


class FinishImagesTest(TestCase):
    def test_mirror(self):
        images = photos(3, 5, 4, 3)
        mirrored = np.array([True, False, True])
        expected = images.copy()
        expected[::2] = expected[::2, :, ::-1]
        for found in both_ways(mirror_some, images, mirrored):
            self.assertAllEqual(found, expected)
        clips = np.stack([images] * 2, axis=1)
        for found in both_ways(mirror_some, clips, mirrored):
            self.assertAllEqual(found, np.stack([expected] * 2, axis=1))

    def test_floats(self):
        images = np.arange(256, dtype="uint8").reshape(1, 16, 16, 1)
        images = np.repeat(images, 3, axis=-1)
        for found in both_ways(finish_images, images):
            self.assertDType(found, "float32")
            self.assertAllClose(found, images / 127.5 - 1, atol=1e-6)
            self.assertEqual((found.min(), found.max()), (-1.0, 1.0))

    def test_everything(self):
        for shape in ((3, 6, 6, 3), (3, 2, 6, 6, 3)):
            images = photos(*shape)
            mirrored = np.array([True, False, True])
            numbers = np.random.default_rng(0).random((3, 9)).astype("float32")
            colors = color_changes(numbers, 0.5).numpy()
            boxes = cutout_boxes(numbers, 0.5, 6).numpy()
            expected = mirror_some(tf.constant(images), tf.constant(mirrored))
            expected = change_colors(
                tf.cast(expected, "float32"), tf.constant(colors)
            )
            expected = cut_out(expected, tf.constant(boxes))
            for found in both_ways(
                finish_images, images, mirrored, colors, boxes
            ):
                self.assertAllClose(found, expected, atol=1e-5)
