import importlib.util
import json
import pathlib
import sys

import av
import numpy as np
import pytest

from tests.test_case import ROOT
from tests.test_case import TestCase
from tests.test_case import requires_tensorflow

FOLDER = ROOT / "examples" / "benchmarks"
has_statm = pytest.mark.skipif(
    not pathlib.Path("/proc/self/statm").is_file(),
    reason="memory is read from /proc",
)


@requires_tensorflow
class VideoMemoryTest(TestCase):
    def setUp(self):
        super().setUp()
        # Where Python looks when a benchmark is run as a script.
        sys.path.insert(0, str(FOLDER))
        self.addCleanup(sys.path.remove, str(FOLDER))
        spec = importlib.util.spec_from_file_location(
            "examples.benchmarks.video_memory", FOLDER / "video_memory.py"
        )
        self.script = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.script)
        self.folder = self.temporary_folder()

    def make_video(self, count):
        clip, video = self.folder / "clip.mp4", self.folder / "long.mp4"
        self.script.make_clip(clip, 64, 48, 20)
        self.script.repeat_clip(clip, video, count)
        return video

    def test_video(self):
        video = self.make_video(50)
        self.assertAllClose(self.script.durations(video), [2, 2], atol=0.05)
        with av.open(str(video)) as container:
            frames = list(container.decode(video=0))
        self.assertEqual(len(frames), 50)
        times = [float(frame.pts * frame.time_base) for frame in frames]
        self.assertAllClose(times, np.arange(50) / 25)
        images = [frame.to_ndarray(format="rgb24") for frame in frames]
        self.assertAllEqual(images[3], images[23])
        self.assertGreater(np.abs(images[3] - images[4].astype(int)).mean(), 1)

    @has_statm
    def test_memory_of_300_frames_is_flat(self):
        video = self.make_video(300)
        found = self.script.measure(
            video, self.folder / "comic.mp4", [100, 200, 300]
        )
        self.assertEqual(found["num_frames"], 300)
        held = found["held"]
        # Three frames of 64 x 48 pixels are nothing beside it.
        self.assertLess(held[2], 1.05 * held[1])
        self.assertAllClose(found["seconds"], [12, 12], atol=1 / 25)

    def test_rows(self):
        found = {
            "held": [2**30, 1.02 * 2**30],
            "rate": 30.0,
            "seconds": [80.0, 80.02],
        }
        rows = self.script.make_rows(found, [200, 2000], "1920x1080")
        values = {row["name"]: row["value"] for row in rows}
        self.assertAllClose(values["memory after 200 frames"], 1024.0)
        self.assertAllClose(values["memory, end / early"], 1.02)
        self.assertAllClose(values["sound - picture"], 0.5)

    def test_sizes(self):
        self.assertEqual(self.script.size_of("640x360"), (640, 360))
        for text in ("640", "16x64", "axb"):
            with self.assertRaisesRegex(Exception, f"received '{text}'"):
                self.script.size_of(text)

    @has_statm
    @pytest.mark.slow
    def test_report(self):
        path = self.folder / "rows.json"
        arguments = ["--size", "64x48", "--frames", "120", "--early", "40"]
        self.script.main([*arguments, "--json", str(path)])
        rows = json.loads(path.read_text())
        for row in rows:
            self.assertEqual(
                list(row), ["name", "value", "unit", "peer", "conditions"]
            )
        names = [row["name"] for row in rows]
        self.assertIn("memory after 120 frames", names)
        self.assertIn("speed", names)
