"""Runs every benchmark in small: each writes rows; no time is tested."""

import importlib.util
import json
import pathlib
import sys

import pytest

from tests.source import ROOT
from tests.test_case import TestCase
from tests.test_case import requires_tensorflow

FOLDER = ROOT / "examples" / "benchmarks"
# Arguments that make a benchmark small; those that take more than a few
# seconds all the same are slow tests.
SMALL = {
    "inference": "--sizes 32 --no-memory --peer-folder none",
}
SLOW = {
    "before_after": "--parts inference",
    "import_time": "",
    "difference_engine": "--only still --still-frames 3 --still-size 64x64",
    "input_pipeline": "--pictures 16 --images 64",
    "portable_models": "--sizes 64 --threads 1",
    "record_building": "--images 2",
    "training_step": "--image-size 32 --filters 2 --steps 2 --no-memory",
    "video_levels": "--frames 4 --size 64 64",
    "video_memory": "--frames 20 --size 64 64",
    "watermark": "--pictures 2 --unmarked 2 --preset none",
}
# What is measured on pictures of the shared data only.
WITH_DATA = {"comic_look", "style_score"}
# These have tests of their own; `benchmark` and `server_process` are shared.
APART = {"beam_stylize", "serving_load", "serving_warm_up"}
SHARED_MODULES = {"benchmark", "server_process"}


@requires_tensorflow
class BenchmarksTest(TestCase):
    def setUp(self):
        # Where Python looks when a benchmark is run as a script.
        sys.path.insert(0, str(FOLDER))
        self.addCleanup(sys.path.remove, str(FOLDER))

    def load(self, name):
        spec = importlib.util.spec_from_file_location(
            f"examples.benchmarks.{name}", FOLDER / f"{name}.py"
        )
        script = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(script)
        if hasattr(script, "set_threads"):
            # TensorFlow has begun already.
            script.set_threads = lambda threads: None
        return script

    def check(self, name, arguments):
        path = self.temporary_folder() / "rows.json"
        self.load(name).main(
            [*arguments.split(), "--repeats", "1", "--json", str(path)]
        )
        rows = json.loads(path.read_text())
        self.assertGreater(len(rows), 1)
        for row in rows:
            self.assertEqual(
                list(row), ["name", "value", "unit", "peer", "conditions"]
            )
        return rows

    def test_all_are_listed(self):
        names = {path.stem for path in FOLDER.glob("*.py")} - SHARED_MODULES
        self.assertEqual(names, {*SMALL, *SLOW, *WITH_DATA, *APART})

    def test_small(self):
        for name, arguments in SMALL.items():
            with self.subTest(name=name):
                self.check(name, arguments)

    @pytest.mark.slow
    def test_slow(self):
        for name, arguments in SLOW.items():
            with self.subTest(name=name):
                self.check(name, arguments)

    def test_multiply_adds(self):
        script = self.load("inference")

        def cost(name, width, height):
            network, style_dim = script.make_network(name)
            graph = script.compile_network(network, style_dim, width, height)
            return script.multiply_adds(graph) / 1e9

        # AnimeGANv2's generator, as published: 2.144 M, 26.28, 831.7 GMAC.
        network, _ = script.make_network("yardstick")
        self.assertEqual(network.count_params(), 2_143_552)
        self.assertAllClose(cost("yardstick", 256, 256), 26.28, atol=0.01)
        self.assertAllClose(cost("yardstick", 1920, 1080), 831.7, atol=0.2)
        self.assertAllClose(cost("classic", 1920, 1080), 1000.9, atol=0.2)
        # By hand: 44,633 for each pixel, and the dense layers.
        dense = 96 * 2 * (8 * 80 + 2 * 40 + 16) / 1e9
        by_hand = 44_633 * 1920 * 1080 / 1e9 + dense
        self.assertAllClose(cost("light", 1920, 1080), by_hand, atol=1e-6)

    def test_turns(self):
        benchmark = self.load("benchmark")
        calls = []
        runs = {name: lambda name=name: calls.append(name) for name in "abc"}
        seconds = benchmark.take_turns(runs, 4)
        # One round to warm up; then each begins in turn.
        self.assertEqual("".join(calls), "abc" + "abc" + "bca" + "cab" + "abc")
        self.assertEqual({len(found) for found in seconds.values()}, {4})
        self.assertEqual(benchmark.median_ratio([2, 4, 9], [1, 4, 3]), 2)

    def test_own_process(self):
        benchmark = self.load("benchmark")
        path = pathlib.Path(self.temporary_folder()) / "script.py"
        path.write_text("import sys\nprint('noise')\nprint(sys.argv[1])\n")
        self.assertEqual(benchmark.in_own_process(path, 3), 3)
        path.write_text("raise ValueError('no')")
        with self.assertRaisesRegex(RuntimeError, "ValueError: no"):
            benchmark.in_own_process(path)
