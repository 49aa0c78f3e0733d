import math

from keras_comic.export.parity import measure_parity
from tests.export.small_models import portable_path
from tests.export.small_models import small_model
from tests.test_case import TestCase
from tests.test_case import photos


class MeasureParityTest(TestCase):
    def test_rows(self):
        paths = [
            portable_path("painter", ".onnx"),
            portable_path("painter", ".tflite", "float16"),
        ]
        pictures = [photos(33, 47, 3), photos(40, 32, 3)]
        exact, half = measure_parity(
            small_model("painter"), paths, pictures, repeats=1
        )
        self.assertEqual(
            (exact["runtime"], exact["dtype"]), ("ONNX Runtime", "float32")
        )
        self.assertEqual(
            (half["runtime"], half["dtype"]), ("LiteRT", "float16")
        )
        self.assertLess(exact["max_difference"], 1e-4)
        self.assertLess(exact["max_difference"], half["max_difference"])
        self.assertGreater(half["lowest_psnr"], 30)
        self.assertGreaterEqual(half["psnr"], half["lowest_psnr"])
        for row, path in zip((exact, half), paths, strict=True):
            self.assertEqual(row["num_bytes"], path.stat().st_size)
            self.assertGreater(row["speed_ratio"], 0)

    def test_without_times(self):
        path = portable_path("comic", ".onnx")
        (row,) = measure_parity(
            small_model("comic"), [path], [photos(32, 32, 3)], repeats=0
        )
        self.assertTrue(math.isnan(row["seconds"]))
        self.assertTrue(math.isnan(row["speed_ratio"]))
