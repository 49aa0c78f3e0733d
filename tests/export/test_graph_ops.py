import io

import tensorflow as tf
from PIL import Image

from keras_comic.export.graph_ops import check
from keras_comic.export.graph_ops import write_png_files
from keras_comic.provenance.metadata import Provenance
from keras_comic.provenance.metadata import png_chunk
from tests.test_case import TestCase
from tests.test_case import photos


class GraphOpsTest(TestCase):
    def test_png_files(self):
        pictures = photos(2, 32, 40, 3)
        plain = write_png_files(tf.constant(pictures), b"").numpy()
        note = png_chunk(Provenance("ink", "7"))
        noted = write_png_files(tf.constant(pictures), note).numpy()
        for picture, files in zip(pictures, zip(plain, noted), strict=True):
            for file in files:
                with Image.open(io.BytesIO(file)) as image:
                    self.assertAllEqual(image, picture)
            self.assertEqual(len(files[1]) - len(files[0]), len(note))

    def test_check(self):
        check(tf.constant(True), "`side` must be even. Received: side", [4])
        with self.assertRaisesRegex(
            tf.errors.InvalidArgumentError, r"side must be even.*\[3"
        ):
            check(tf.constant(False), "side must be even. Received: side", [3])
