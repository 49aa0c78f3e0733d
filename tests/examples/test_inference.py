import importlib.util
import json
import sys

import numpy as np
import pytest

from tests.test_case import ROOT
from tests.test_case import TestCase
from tests.test_case import requires_tensorflow

FOLDER = ROOT / "examples" / "benchmarks"


@requires_tensorflow
class InferenceTest(TestCase):
    def setUp(self):
        # Where Python looks when a benchmark is run as a script.
        sys.path.insert(0, str(FOLDER))
        self.addCleanup(sys.path.remove, str(FOLDER))
        spec = importlib.util.spec_from_file_location(
            "examples.benchmarks.inference", FOLDER / "inference.py"
        )
        self.script = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.script)

    def cost(self, name, width, height):
        network, style_dim = self.script.make_network(name)
        graph = self.script.compile_network(network, style_dim, width, height)
        return self.script.multiply_adds(graph) / 1e9

    def test_yardstick(self):
        # AnimeGANv2's generator: 2.144 M, 26.28 and 831.7 GMAC.
        network, style_dim = self.script.make_network("yardstick")
        self.assertEqual(network.count_params(), 2_143_552)
        self.assertEqual(style_dim, 0)
        self.assertAllClose(self.cost("yardstick", 256, 256), 26.28, atol=0.01)
        self.assertAllClose(self.cost("yardstick", 1920, 1080), 831.7, atol=0.2)
        photos = np.random.uniform(-1.0, 1.0, (1, 32, 40, 3))
        outputs = network(photos.astype("float32"))
        self.assertShape(outputs, (1, 32, 40, 3))
        self.assertFinite(outputs)

    def test_cost_of_the_generators(self):
        self.assertAllClose(self.cost("classic", 1920, 1080), 1000.9, atol=0.2)
        # By hand: 44,633 for each pixel, and the dense layers; the limit
        # is 100.
        dense = 96 * 2 * (8 * 80 + 2 * 40 + 16) / 1e9
        self.assertAllClose(
            self.cost("light", 1920, 1080),
            44_633 * 1920 * 1080 / 1e9 + dense,
            atol=1e-6,
        )

    def test_turns(self):
        calls = []
        runs = {name: lambda name=name: calls.append(name) for name in "abc"}
        seconds = self.script.take_turns(runs, 4)
        # One round to warm up; then each begins in turn.
        self.assertEqual("".join(calls), "abc" + "abc" + "bca" + "cab" + "abc")
        for values in seconds.values():
            self.assertEqual(len(values), 4)
        self.assertEqual(self.script.median_ratio([2, 4, 9], [1, 4, 3]), 2)

    def test_sizes(self):
        self.assertEqual(self.script.size_of("512"), (512, 512))
        self.assertEqual(self.script.size_of("1920x1080"), (1920, 1080))
        for text in ("30", "100x64", "32x32x32"):
            with self.assertRaisesRegex(Exception, f"received '{text}'"):
                self.script.size_of(text)

    @pytest.mark.slow
    def test_memory(self):
        # A photo in float32 and the comic, at the very least.
        found = self.script.memory_in_own_process("light", 512, 512, 1)
        self.assertGreater(found, 2 * 512 * 512 * 3 * 4)
        self.assertLess(found, 2**30)

    def test_rows(self):
        path = self.temporary_folder() / "inference.json"
        self.script.set_threads = lambda threads: None
        self.script.PEER_SIZE = (64, 64)
        arguments = ["--sizes", "32", "64x40", "--repeats", "1"]
        arguments += ["--no-memory", "--json", str(path)]
        arguments += ["--peer-folder", str(path.parent)]
        self.script.main(arguments)
        rows = json.loads(path.read_text())
        for row in rows:
            self.assertEqual(
                list(row), ["name", "value", "unit", "peer", "conditions"]
            )
            self.assertGreater(row["value"], 0.0)
        found = {(row["name"], row["unit"]) for row in rows}
        for title in ("light", "classic"):
            for size in ("32x32", "64x40"):
                title_at_size = f"AdaINGenerator.{title}, {size}"
                self.assertIn((title_at_size, "s"), found)
                self.assertIn((title_at_size, "GMAC"), found)
                self.assertIn(
                    (f"AnimeGANv2-shaped / {title_at_size}", "ratio"), found
                )
        names = {row["name"] for row in rows}
        for row in rows:
            self.assertIn(row["peer"], names | {None})
