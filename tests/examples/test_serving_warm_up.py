import importlib.util
import json
import sys

import pytest

import keras_comic
from tests.test_case import ROOT
from tests.test_case import TestCase
from tests.test_case import photos
from tests.test_case import requires_tensorflow

pytest.importorskip("tensorflow_serving.apis.prediction_log_pb2")

FOLDER = ROOT / "examples" / "benchmarks"


@requires_tensorflow
class ServingWarmUpTest(TestCase):
    def setUp(self):
        super().setUp()
        # Where Python looks when a benchmark is run as a script.
        sys.path.insert(0, str(FOLDER))
        self.addCleanup(sys.path.remove, str(FOLDER))
        spec = importlib.util.spec_from_file_location(
            "examples.benchmarks.serving_warm_up",
            FOLDER / "serving_warm_up.py",
        )
        self.script = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.script)

    def tiny_preset(self):
        generator = keras_comic.AdaINGenerator.light((4, 8, 4, 4), 1, 8)
        generator.add_style("ink", photos(32, 32, 3))
        preset = self.temporary_folder() / "preset"
        keras_comic.save_to_preset(generator, preset)
        return preset

    @pytest.mark.slow
    def test_rows(self):
        path = self.temporary_folder() / "rows.json"
        arguments = ["--preset", str(self.tiny_preset()), "--size", "40"]
        arguments += ["--record-size", "32", "--repeats", "1"]
        self.script.main([*arguments, "--json", str(path)])
        rows = json.loads(path.read_text())
        names = {row["name"] for row in rows}
        self.assertEqual(len(rows), 12)
        self.assertEqual(len(names), 12)
        for row in rows:
            self.assertEqual(
                list(row), ["name", "value", "unit", "peer", "conditions"]
            )
            self.assertGreater(row["value"], 0.0)
            self.assertIn(row["peer"], names)
        self.assertEqual(
            [row["name"] for row in rows if row["unit"] == "ratio"],
            [
                "without / with records, local server",
                "without / with records, TensorFlow's session",
            ],
        )

    @pytest.mark.slow
    def test_folders(self):
        folders = self.script.export(
            str(self.tiny_preset()), self.temporary_folder(), 32
        )
        records = keras_comic.export.read_warmup_records(folders["with"])
        self.assertIn(self.script.SIGNATURE, [name for name, _ in records])
        self.assertEqual(
            keras_comic.export.read_warmup_records(folders["without"]), []
        )
        for folder in folders.values():
            self.assertTrue((folder / "saved_model.pb").is_file())

    def test_ratio_is_the_median_of_pairs(self):
        def runs(*first):
            return [{"first": f, "later": 1, "ready": 2} for f in first]

        rows = self.script.rows_of(
            "x", {"without": runs(8, 6, 30), "with": runs(2, 3, 10)}, "here"
        )
        values = {row["name"]: row["value"] for row in rows}
        self.assertEqual(values["without / with records, x"], 3)
        self.assertEqual(values["first request, x, without records"], 8)
        (conditions,) = [r["conditions"] for r in rows if r["unit"] == "ratio"]
        self.assertEqual(conditions, "median of 3 pairs, from 2 to 4; here")

    def test_sizes(self):
        self.assertEqual(self.script.size_of("64"), 64)
        for text in ("31", "x", "-64"):
            with self.assertRaisesRegex(Exception, f"received '{text}'"):
                self.script.size_of(text)

    def test_request_is_a_photograph(self):
        from PIL import Image

        path = self.temporary_folder() / "photo.jpg"
        path.write_bytes(self.script.photograph(48))
        with Image.open(path) as image:
            self.assertEqual((image.format, image.size), ("JPEG", (48, 48)))
