import importlib.util
import json
import sys

import numpy as np
import pytest

from tests.serving.small_saved_model import small_saved_model
from tests.test_case import ROOT
from tests.test_case import TestCase
from tests.test_case import requires_tensorflow

FOLDER = ROOT / "examples" / "benchmarks"


@requires_tensorflow
class ServingWireTest(TestCase):
    def setUp(self):
        # Where Python looks when a benchmark is run as a script.
        sys.path.insert(0, str(FOLDER))
        self.addCleanup(sys.path.remove, str(FOLDER))
        spec = importlib.util.spec_from_file_location(
            "examples.benchmarks.serving_wire", FOLDER / "serving_wire.py"
        )
        self.script = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.script)

    def test_photo(self):
        small, large = map(self.script.make_photo, (64, 600))
        self.assertShape(small, (64, 64, 3))
        self.assertShape(large, (600, 600, 3))
        self.assertAllEqual(large[512:, :512], large[424:512, :512][::-1])

    def test_forms(self):
        photo = self.script.make_photo(40)
        forms = self.script.make_forms()
        forms += self.script.make_forms_with_styles(2)
        self.assertEqual(len({form.title for form in forms}), len(forms))
        for form in forms:
            with self.subTest(form.title):
                sent = photo
                if form.file:
                    sent = self.script.write_file(photo, form.file)
                batch = form.parse(form.encode(sent))
                if form.file:
                    self.assertEqual(batch.tolist(), [sent])
                    answer = form.answer(np.array([sent], object))
                    self.assertEqual(form.read(answer), sent)
                else:
                    self.assertDType(batch, "uint8")
                    self.assertAllEqual(batch, photo[np.newaxis])
                    answer = form.answer(photo[np.newaxis])
                    self.assertAllEqual(form.read(answer), photo)

    def test_lists_of_other_sizes(self):
        form = self.script.JsonIntegers("orjson")
        body = b'{"instances":[[[[1,2,3],[1,2]]]]}'
        with self.assertRaisesRegex(ValueError, "not of equal sizes"):
            form.parse(body)

    def run_script(self, *arguments):
        path = self.temporary_folder() / "serving_wire.json"
        _, folder = small_saved_model()
        self.script.main(
            ["--sizes", "48", "--repeats", "2", "--model", str(folder)]
            + ["--json", str(path), *arguments]
        )
        return json.loads(path.read_text())

    def check(self, rows):
        names = {row["name"] for row in rows}
        for row in rows:
            self.assertIn(row["peer"], names | {None})
            self.assertGreaterEqual(row["value"], 0.0)
        return {(row["name"], row["unit"]): row["value"] for row in rows}

    def test_rows(self):
        found = self.check(self.run_script("--no-server"))
        plain = self.script.make_forms()
        styled = self.script.make_forms_with_styles(2)
        for form in (*plain, *styled):
            base = "JSON integers, orjson"
            if form in styled:
                base += ", style weights"
            label = f"{form.title}, 48x48"
            for way in ("request", "response"):
                self.assertGreater(found[f"{label}: {way}", "MB"], 0.0)
            for step in (*self.script.STEPS, *self.script.TOTALS):
                self.assertIn((f"{label}: {step}", "ms"), found)
            if form.title != base:
                name = f"{base} / {label}: request"
                ratio = found[name, "ratio"]
                self.assertAllClose(
                    ratio,
                    found[f"{base}, 48x48: request", "MB"]
                    / found[f"{label}: request", "MB"],
                )
        # By hand: 3 bytes a pixel, and the names around them.
        sent = 1e6 * found["gRPC, pixels, 48x48: request", "MB"]
        self.assertGreater(sent, 48 * 48 * 3)
        self.assertLess(sent, 48 * 48 * 3 + 100)

    @pytest.mark.slow
    def test_rows_with_a_server(self):
        found = self.check(self.run_script())
        for title in ("JSON integers, orjson", "b64, PNG", "gRPC, JPEG"):
            name = f"{title}, 48x48: round trip"
            self.assertGreater(found[name, "ms"], 0.0)
        name = "JSON integers, orjson / b64, JPEG, 48x48: round trip"
        self.assertGreater(found[name, "ratio"], 0.0)
        name = "b64, PNG, style weights, 48x48: round trip"
        self.assertGreater(found[name, "ms"], 0.0)
