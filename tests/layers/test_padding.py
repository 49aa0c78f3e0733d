import numpy as np

from keras_comic.layers import crop_to_box
from keras_comic.layers import pad_to_multiple
from tests.test_case import TestCase
from tests.test_case import noise
from tests.test_case import requires_tensorflow


class PaddingTest(TestCase):
    def test_reflection_does_not_repeat_the_border(self):
        row = np.float32([1, 2, 3, 4, 5]).reshape(1, 1, 5, 1)
        images = np.repeat(row, 4, axis=1)
        padded, box = pad_to_multiple(images, 4)
        self.assertEqual(box, (0, 1, 4, 5))
        self.assertAllEqual(padded[0, 0, :, 0], [2, 1, 2, 3, 4, 5, 4, 3])

    def test_every_size_comes_back(self):
        for height in range(8, 17):
            for width in (8, 11, 13):
                images = noise(1, height, width, 3)
                padded, box = pad_to_multiple(images, 4)
                self.assertShape(
                    padded, (1, -(-height // 4) * 4, -(-width // 4) * 4, 3)
                )
                self.assertAllEqual(crop_to_box(padded, box), images)

    def test_a_multiple_is_left_alone(self):
        images = noise(1, 8, 12, 3)
        padded, box = pad_to_multiple(images, 4)
        self.assertIs(padded, images)
        self.assertEqual(box, (0, 0, 8, 12))

    @requires_tensorflow
    def test_sizes_known_only_at_run_time(self):
        import tensorflow as tf

        @tf.function(
            input_signature=[tf.TensorSpec((None, None, None, 3))],
            autograph=False,
        )
        def there_and_back(images):
            padded, box = pad_to_multiple(images, 8)
            return padded, crop_to_box(padded, box)

        for height, width in ((17, 23), (16, 24)):
            images = noise(1, height, width, 3)
            padded, cropped = there_and_back(images)
            self.assertShape(padded, (1, -(-height // 8) * 8, 24, 3))
            self.assertAllEqual(cropped, images)
            self.assertAllEqual(padded, pad_to_multiple(images, 8)[0])
