import importlib.util
import json
import sys

import numpy as np
import pytest

from tests.test_case import BACKEND
from tests.test_case import ROOT
from tests.test_case import TestCase
from tests.test_case import requires_tensorflow
from tests.video.runners import small_runner

FOLDER = ROOT / "examples" / "benchmarks"


class VideoPeersTest(TestCase):
    def setUp(self):
        super().setUp()
        # Where Python looks when a benchmark is run as a script.
        sys.path.insert(0, str(FOLDER))
        self.addCleanup(sys.path.remove, str(FOLDER))
        spec = importlib.util.spec_from_file_location(
            "examples.benchmarks.video_peers", FOLDER / "video_peers.py"
        )
        self.script = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.script)

    @pytest.mark.skipif(BACKEND != "torch", reason="PyTorch is not installed")
    def test_network(self):
        network = self.script.make_network()
        count = sum(p.numel() for p in network.parameters())
        # AnimeGANv2's generator.
        self.assertEqual(count, 2_143_552)
        run = self.script.make_peer_run("torch", 1, 32, 40)
        comics = run(np.zeros((1, 32, 40, 3), "uint8"))
        self.assertShape(comics, (1, 32, 40, 3))
        self.assertDType(comics, "uint8")

    @requires_tensorflow
    def test_rows(self):
        folder = self.temporary_folder()
        path = folder / "rows.json"
        arguments = ["--clip", str(folder / "none.mp4"), "--max-frames", "3"]
        arguments += ["--size", "64x48", "--json", str(path)]
        self.script.main(arguments, small_runner())
        rows = json.loads(path.read_text())
        names = {row["name"] for row in rows}
        self.assertIn("difference engine, still scene, 64x48", names)
        for row in rows:
            self.assertGreater(row["value"], 0.0)
            self.assertIn(row["peer"], names | {None})

    def test_an_interpreter_without_peers(self):
        path = self.temporary_folder() / "frames.npy"
        np.save(path, np.zeros((1, 32, 32, 3), "uint8"))
        bare = self.script.Peer(sys.executable, "onnx", path, 1)
        self.addCleanup(bare.close)
        needed = ("onnxruntime", "torch")
        if any(importlib.util.find_spec(name) is None for name in needed):
            self.assertIsNotNone(bare.missing)
        else:
            self.assertGreater(bare.seconds(0), 0.0)
