import importlib.util
import json
import pathlib
import sys

import numpy as np
from PIL import Image

from keras_comic.metrics import style_distance
from keras_comic.models import AdaINGenerator
from keras_comic.models import FeatureNetwork
from keras_comic.models import load_evaluation_network
from keras_comic.video import FrameStylizer
from keras_comic.video import VideoStrip
from keras_comic.video import moving_photo
from tests.cli.test_evaluate import save_vgg
from tests.data.videos import save_video
from tests.test_case import ROOT
from tests.test_case import TestCase
from tests.test_case import photos
from tests.test_case import requires_tensorflow

FOLDER = ROOT / "examples" / "benchmarks"


class Flicker(FrameStylizer):
    """A negative that is darker in every other frame."""

    needs_first_pass = True

    def __init__(self):
        self.reset()

    def prepare(self, frames):
        self.prepared = len(list(frames))

    def stylize(self, frame, starts_scene=False):
        self.count += 1
        return (255 - frame) // (1 + self.count % 2)

    def reset(self):
        self.count = 0


class Negative(FrameStylizer):
    last_share = 0.25

    def stylize(self, frame, starts_scene=False):
        return 255 - frame


@requires_tensorflow
class VideoConsistencyTest(TestCase):
    def setUp(self):
        # Where Python looks when a benchmark is run as a script.
        sys.path.insert(0, str(FOLDER))
        self.addCleanup(sys.path.remove, str(FOLDER))
        spec = importlib.util.spec_from_file_location(
            "examples.benchmarks.video_consistency",
            FOLDER / "video_consistency.py",
        )
        self.script = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.script)

    def clip(self, num_frames=4):
        photo = photos(8, 10, 3).repeat(12, 0).repeat(12, 1)
        motion = moving_photo(photo, "pan", num_frames, (48, 64))
        return self.script.Clip.moving("clip", motion)

    def judge(self):
        """Two drawings, seen by a tiny VGG."""
        folder = self.temporary_folder()
        save_vgg(folder / "vgg.npz", FeatureNetwork((1, 1, 1), (2, 3, 4)))
        drawings = []
        for seed in range(2):
            drawings.append(folder / f"{seed}.png")
            Image.fromarray(photos(40, 48, 3, seed=seed)).save(drawings[-1])
        return self.script.StyleJudge(folder / "vgg.npz", drawings)

    def test_style(self):
        judge = self.judge()
        drawings = [photos(40, 48, 3, seed=seed) for seed in range(2)]
        looks = [judge.look(drawing) for drawing in drawings]
        expected = float(style_distance(*looks)[0]) / 2
        # To itself it is 0, to the other one as far as that one to it.
        self.assertAllClose(judge.loss(drawings), expected, rtol=1e-4)

    def test_columns(self):
        clip = self.clip()
        stylizers = {"none": Flicker(), "flow": Negative()}
        outputs, costs = self.script.stylize(stylizers, clip)
        self.assertEqual(stylizers["none"].prepared, 4)
        self.assertAllEqual(outputs[2]["flow"], 255 - clip.frames[2])
        network = load_evaluation_network(FeatureNetwork((1, 1), (2, 3)))
        judge = self.judge()
        found = self.script.measure(clip, outputs, network, judge, VideoStrip())
        none, flow, source = (
            self.script.columns_of(level, found, costs)
            for level in ("none", "flow", "source")
        )
        for title in ("known", "DIS", "Farneback"):
            self.assertGreater(none[title], 10 * flow[title])
        self.assertAllClose(flow["known"], source["known"], rtol=1e-3)
        self.assertIsNone(none["known 10"])
        self.assertEqual(none["sharpness x"], 1.0)
        self.assertGreater(flow["sharpness x"], 1.0)
        self.assertEqual(flow["share"], 0.25)
        self.assertGreater(flow["frames/s"], 0.0)
        self.assertIsNone(source["frames/s"])
        self.assertGreater(none["tLPIPS"], flow["tLPIPS"])
        expected = judge.loss([outputs[0]["flow"]])
        expected /= judge.loss([outputs[0]["none"]])
        self.assertAllClose(flow["style x"], expected)
        self.assertNotAllClose(flow["style x"], 1.0)
        text = self.script.table({"clip": {"none": none, "flow": flow}})
        self.assertEqual(len(text.splitlines()), 4)
        self.assertIn("| clip | flow | ", text)

    def test_clips(self):
        clips = list(self.script.photograph_clips(3, (48, 80)))
        self.assertEqual([len(c.frames) for c in clips], [3, 3, 3, 3, 2])
        for clip in clips:
            self.assertEqual(clip.starts[:2], [True, False])
            flow, valid = clip.motion.flow(0, 1)
            self.assertShape(flow, (*clip.frames[0].shape[:2], 2))
            self.assertGreater(valid.mean(), 0.5)
        path = self.temporary_folder() / "clip.mov"
        save_video(path, np.stack(clips[0].frames))
        clip = self.script.Clip.read(path, 2)
        self.assertAllEqual(clip.frames, clips[0].frames[:2])
        self.assertIsNone(clip.motion)

    def test_rows_and_files(self):
        folder = self.temporary_folder()
        generator = AdaINGenerator.light((4, 8, 4, 4), 1, 8)
        generator.add_style("ink", photos(32, 32, 3))
        generator.save_to_preset(folder / "preset")
        save_video(folder / "clip.mov", np.stack(self.clip(3).frames))
        arguments = ["--preset", str(folder / "preset"), "--frames", "3"]
        arguments += ["--no-photographs", "--size", "64x48"]
        arguments += ["--videos", str(folder / "clip.mov"), "--no-memory"]
        arguments += ["--json", str(folder / "rows.json")]
        arguments += ["--strips", str(folder / "strips")]
        self.script.main(arguments)
        rows = json.loads((folder / "rows.json").read_text())
        names = {row["name"] for row in rows}
        for row in rows:
            self.assertEqual(
                list(row), ["name", "value", "unit", "peer", "conditions"]
            )
            self.assertIn(row["peer"], names | {None})
        for level in ("none", "statistics", "difference", "flow"):
            for title in ("DIS", "Farneback", "frames/s", "share"):
                self.assertIn(f"clip: {level}, {title}", names)
        self.assertTrue((folder / "strips" / "clip.png").is_file())

    def test_sizes(self):
        self.assertEqual(self.script.size_of("480x272"), (272, 480))
        for text in ("16x64", "480x16"):
            with self.assertRaisesRegex(Exception, f"received '{text}'"):
                self.script.size_of(text)

    def test_judges(self):
        arguments = self.script.parse([])
        self.assertEqual(self.script.load_judges(arguments), (None, None))
        self.assertIsNone(arguments.data)
        arguments = self.script.parse(["--data", "x"])
        self.assertEqual(arguments.data, pathlib.Path("x"))
