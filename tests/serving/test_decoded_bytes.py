import io

import numpy as np
from absl.testing import parameterized
from PIL import Image

from keras_comic.serving.decoded_bytes import HEAD_BYTES
from keras_comic.serving.decoded_bytes import UNKNOWN_BYTES
from keras_comic.serving.decoded_bytes import decoded_bytes
from tests.test_case import TestCase
from tests.test_case import photos


def encoded(height, width, image_format, **options):
    file = io.BytesIO()
    image = Image.fromarray(photos(height, width, 3))
    image.save(file, image_format, **options)
    return file.getvalue()


def strings(*contents):
    array = np.empty(len(contents), object)
    array[:] = contents
    return array


class DecodedBytesTest(TestCase, parameterized.TestCase):
    @parameterized.parameters("PNG", "JPEG", "WEBP")
    def test_files(self, image_format):
        files = [encoded(20, 30, image_format), encoded(33, 41, image_format)]
        self.assertEqual(
            decoded_bytes({"image_bytes": strings(*files)}),
            3 * (20 * 30 + 33 * 41),
        )

    def test_arrays(self):
        inputs = {
            "images": np.zeros((2, 3, 4, 3), "uint8"),
            "strength": np.ones(2, "float32"),
        }
        self.assertEqual(decoded_bytes(inputs), 72 + 8)
        self.assertEqual(decoded_bytes({}), 0)

    def test_what_does_not_say_it(self):
        exif = Image.Exif()
        exif[0x010E] = "a" * 2 * HEAD_BYTES
        late = encoded(20, 30, "JPEG", exif=exif)
        for contents in (b"", b"no picture", b"\xff\xd8\xff", late):
            weight = decoded_bytes({"image_bytes": strings(contents)})
            self.assertEqual(weight, UNKNOWN_BYTES, contents[:10])
