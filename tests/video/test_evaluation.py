import json

import numpy as np
from PIL import Image
from skimage import data

from keras_comic.models import FeatureNetwork
from keras_comic.video.evaluation import evaluate_video
from keras_comic.video.known_motion import moving_photo
from keras_comic.video.video_meter import VideoMeter
from tests.data.videos import save_video
from tests.test_case import TestCase

SIZE = (32, 48)


def save_folder(path, frames):
    """Frames as a folder of numbered images."""
    path.mkdir()
    for number, frame in enumerate(frames):
        Image.fromarray(frame).save(path / f"{number:04}.png")
    return path


def clip_and_comics(num_frames=5):
    """A video in known motion, and one that flickers."""
    clip = moving_photo(data.astronaut(), num_frames, SIZE)
    frames = np.stack(list(clip))
    levels = np.array([0, 20, -10, 5, 30, -20])[: len(frames)]
    comics = 255.0 - frames + levels[:, None, None, None]
    return frames, np.clip(comics, 0, 255).astype("uint8")


class EvaluateVideoTest(TestCase):
    def setUp(self):
        self.folder = self.temporary_folder()
        self.frames, self.comics = clip_and_comics()
        self.source = save_folder(self.folder / "source", self.frames)
        self.stylized = save_folder(self.folder / "stylized", self.comics)
        self.output = self.folder / "out"

    def evaluate(self, stylized=None, source=None, **options):
        return evaluate_video(
            source or self.source,
            stylized or self.stylized,
            self.output,
            **options,
        )

    def test_numbers_and_files(self):
        evaluation = self.evaluate(long_range=3)
        meter = VideoMeter(["dis"], [1, 3])
        for number, frame in enumerate(self.frames):
            meter.add(frame, {"stylized": self.comics[number]}, number == 0)
        expected, _ = meter.report()
        self.assertEqual(
            [(of, str(result)) for of, result in evaluation.measurements],
            [(of, str(result)) for of, result in expected],
        )
        self.assertEqual(evaluation.num_frames, 5)
        table, facts, strip = evaluation.files
        text = table.read_text()
        self.assertRegex(
            text,
            r"\| Warping error, DIS, medium \(OpenCV\), next frame \| lower "
            r"\| [\d.e-]+ \| [\d.e-]+ \|",
        )
        self.assertIn("3 frames apart", text)
        self.assertIn("pairs 4, resize none", text)
        self.assertIn("TemporalDistance of all: no network", text)
        facts = json.loads(facts.read_text())
        self.assertEqual(facts["frames"], 5)
        self.assertEqual(facts["size"], "48x32")
        first = facts["measurements"][0]
        self.assertEqual(first["of"], "stylized")
        self.assertEqual(first["metric"], "WarpingError")
        self.assertEqual(first["protocol"]["flow"], "DIS, medium (OpenCV)")
        with Image.open(strip) as image:
            self.assertGreater(image.width, 4 * 48)
        names = {path.name for path in self.output.iterdir()}
        self.assertEqual(names, {"metrics.md", "metrics.json", "strip.png"})

    def test_videos(self):
        # Without loss, of two containers.
        evaluation = self.evaluate(
            save_video(self.folder / "comics.mov", self.comics),
            save_video(self.folder / "source.mp4", self.frames),
        )
        expected = self.evaluate()
        self.assertEqual(
            [result.value for _, result in evaluation.measurements],
            [result.value for _, result in expected.measurements],
        )

    def test_features(self):
        seen = []
        evaluation = self.evaluate(
            flow="dis_fine",
            features=FeatureNetwork((1, 1), (2, 3)),
            long_range="to the first",
            progress=lambda *numbers: seen.append(numbers),
        )
        self.assertEqual(evaluation.not_measured, [])
        self.assertEqual(seen, [(n, 5) for n in range(1, 6)])
        text = (self.output / "metrics.md").read_text()
        for title in (
            "Warping error, DIS, fine (OpenCV), to the first",
            "Warped perceptual distance, DIS, fine (OpenCV), next frame",
            "Temporal distance (tLPIPS)",
        ):
            self.assertIn(title, text)
        self.assertIn("network FeatureNetwork", text)

    def test_lengths(self):
        longer = save_folder(
            self.folder / "longer", np.concatenate([self.comics] * 2)
        )
        with self.assertRaisesRegex(
            ValueError,
            "`max_frames`.*source of 5 frames, stylized of more",
        ):
            self.evaluate(longer)
        with self.assertRaisesRegex(ValueError, "stylized of 5 frames, source"):
            self.evaluate(self.source, longer)
        self.assertFalse(self.output.exists())
        evaluation = self.evaluate(longer, max_frames=3)
        self.assertEqual(evaluation.num_frames, 3)

    def test_sizes(self):
        padded = np.pad(self.comics, ((0, 0), (0, 0), (0, 16), (0, 0)))
        path = save_folder(self.folder / "padded", padded)
        with self.assertRaisesRegex(
            ValueError, "crop.*resize.*source of 48x32, stylized of 64x32"
        ):
            self.evaluate(path)

    def test_errors(self):
        one = save_folder(self.folder / "one", self.frames[:1])
        with self.assertRaisesRegex(ValueError, "at least two frames"):
            self.evaluate(one, one)
        with self.assertRaisesRegex(FileNotFoundError, "no_such_video"):
            self.evaluate(self.folder / "no_such_video.mp4")
        with self.assertRaisesRegex(ValueError, "dis_fine.*'raft'"):
            self.evaluate(flow="raft")
        with self.assertRaisesRegex(ValueError, "max_frames=1"):
            self.evaluate(max_frames=1)
        with self.assertRaisesRegex(ValueError, "distance=0"):
            self.evaluate(long_range=0)
        self.assertFalse(self.output.exists())
