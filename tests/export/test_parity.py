import math

import numpy as np

from keras_comic.export.parity import measure_parity
from keras_comic.export.parity import parity_table
from tests.export.small_generator import make_generator
from tests.export.small_generator import saved_model
from tests.test_case import TestCase
from tests.test_case import photos


class ParityTest(TestCase):
    def test_rows(self):
        generator = make_generator()
        first = saved_model("ink.onnx", "float32")
        second = saved_model("ink.tflite", "float16")
        pictures = [photos(32, 40, 3), photos(33, 47, 3, seed=1)]
        rows = measure_parity(generator, [first, second], pictures, repeats=2)
        self.assertEqual(
            [(row.runtime, row.dtype) for row in rows],
            [
                ("TensorFlow", "float32"),
                ("ONNX Runtime", "float32"),
                ("LiteRT", "float16"),
            ],
        )
        for row, path in zip(rows[1:], (first, second), strict=True):
            self.assertEqual(row.num_bytes, path.stat().st_size)
        for row, bound in zip(rows, (0.0, 1e-5, 2e-2), strict=True):
            self.assertEqual(row.num_photos, 2)
            self.assertLessEqual(row.max_difference, bound)
            self.assertLess(row.max_error, max(bound, 1e-5))
            self.assertGreater(row.max_error, 0.0)
            self.assertGreaterEqual(row.psnr, row.lowest_psnr)
            self.assertGreater(row.seconds, 0.0)
            self.assertGreater(row.speed_ratio, 0.0)
        self.assertEqual(rows[0].speed_ratio, 1.0)
        self.assertEqual(rows[0].psnr, math.inf)
        self.assertGreater(rows[1].psnr, rows[2].psnr)
        table = parity_table(rows).splitlines()
        self.assertEqual(len(table), 5)
        self.assertIn("| TensorFlow | float32 |", table[2])
        self.assertEqual({line.count("|") for line in table}, {10})

    def test_without_styles_and_times(self):
        generator = make_generator(num_styles=0)
        path = saved_model("ink.onnx", "float32")
        batch = photos(2, 32, 32, 3)
        _, row = measure_parity(generator, [path], batch, repeats=0)
        self.assertLess(row.max_difference, 1e-5)
        self.assertTrue(np.isnan(row.seconds))

    def test_what_is_measured(self):
        # A model of another generator is far away.
        path = saved_model("ink.onnx", "float32")
        generator = make_generator()
        generator.set_weights([1.1 * w for w in generator.get_weights()])
        picture = photos(32, 32, 3)
        _, row = measure_parity(generator, [path], [picture], repeats=0)
        style = generator.style_vector()
        inputs = {"photos": picture[None] / np.float32(127.5) - 1}
        inputs["style"] = self.numpy(style)
        differences = self.numpy(generator(inputs)) - make_generator()(inputs)
        self.assertAllClose(
            row.max_difference, np.abs(differences).max(), atol=1e-4
        )
        expected = 10 * np.log10(4 / np.mean(np.square(differences)))
        self.assertAllClose(row.psnr, expected, atol=1e-2)

    def test_errors(self):
        generator = make_generator()
        with self.assertRaisesRegex(ValueError, r"photos=\[\]"):
            measure_parity(generator, [], [])
        with self.assertRaisesRegex(ValueError, "num_threads=0"):
            measure_parity(generator, [], [photos(32, 32, 3)], num_threads=0)
        with self.assertRaisesRegex(FileNotFoundError, "no such model"):
            measure_parity(generator, ["a.onnx"], [photos(32, 32, 3)])
