import io
import itertools

import numpy as np
import pytest
from absl.testing import parameterized
from PIL import Image

tf = pytest.importorskip("tensorflow")

from keras_comic.data.clip_record_maker import ClipRecordMaker  # noqa: E402
from keras_comic.data.optical_flow import decode_flow  # noqa: E402
from keras_comic.data.optical_flow import optical_flow  # noqa: E402
from keras_comic.data.record_maker import sha256_of  # noqa: E402
from keras_comic.data.sources import Source  # noqa: E402
from keras_comic.data.tfrecord import record_features  # noqa: E402
from tests.data.record_makers import make_records  # noqa: E402
from tests.data.videos import save_video  # noqa: E402
from tests.data.videos import scene  # noqa: E402
from tests.test_case import TestCase  # noqa: E402

PARSED = record_features("clips")
RATE = 8


def decode(encoded):
    return np.asarray(Image.open(io.BytesIO(encoded)).convert("RGB"))


class ClipRecordMakerTest(parameterized.TestCase, TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.temporary_folder()

    def save(self, *scenes):
        """A video of scenes, and all its frames."""
        frames = np.concatenate(scenes)
        save_video(self.folder / "walk.mov", frames, rate=RATE)
        return frames

    def make(self, name="walk.mov", **arguments):
        source = Source(
            self.folder / name, name, "ink", "train", "A film", "CC0"
        )
        return make_records(ClipRecordMaker(**arguments), source)

    def parse(self, made):
        return [
            {key: value.numpy() for key, value in parsed.items()}
            for parsed in (
                tf.io.parse_single_example(record.data, PARSED)
                for record in made.records
            )
        ]

    def frames_of(self, record):
        return np.stack([decode(frame) for frame in record["clip/encoded"]])

    def test_every_feature(self):
        frames = self.save(scene(4, seed=0))
        made = self.make(num_frames=3)
        (record,) = self.parse(made)
        encoded = list(record.pop("clip/encoded"))
        self.assertAllEqual(
            record.pop("clip/times"), np.arange(3, dtype="float32") / RATE
        )
        self.assertAllEqual(record.pop("clip/flow"), [])
        self.assertEqual(
            record,
            {
                "schema/version": 2,
                "image/kind": b"clips",
                "image/split": b"train",
                "image/label": b"ink",
                "image/filename": b"walk.mov",
                "image/source": b"A film",
                "image/license": b"CC0",
                "image/sha256": sha256_of(*encoded).encode(),
                "image/format": b"jpeg",
                "image/height": 48,
                "image/width": 64,
            },
        )
        self.assertAllClose(
            np.stack([decode(frame) for frame in encoded]).astype(int),
            frames[:3].astype(int),
            atol=12,
        )
        self.assertEqual((made.drops, made.conversions), ([], {}))

    def test_step_and_stride(self):
        frames = self.save(scene(9, seed=0)).astype(int)
        made = self.make(num_frames=2, step=3, stride=2)
        records = self.parse(made)
        self.assertEqual(
            [(record["clip/times"] * RATE).tolist() for record in records],
            [[0.0, 3.0], [2.0, 5.0], [4.0, 7.0]],
        )
        for start, record in zip((0, 2, 4), records, strict=True):
            self.assertAllClose(
                self.frames_of(record).astype(int),
                frames[[start, start + 3]],
                atol=12,
            )
        hashes = {record.facts["sha256"] for record in made.records}
        self.assertEqual(len(hashes), 3)
        self.assertIsNone(made.records[0].facts["hash"])

    def test_no_clip_crosses_a_cut(self):
        self.save(scene(7, seed=0), scene(9, seed=5))
        records = self.parse(self.make(num_frames=4))
        starts = [record["clip/times"][0] * RATE for record in records]
        self.assertEqual(starts, [0.0, 7.0, 11.0])

    def test_flow_is_of_the_frames_that_are_stored(self):
        self.save(scene(4, seed=0))
        (record,) = self.parse(self.make(num_frames=4, flow=True))
        frames = self.frames_of(record)
        self.assertEqual(len(record["clip/flow"]), 3)
        for pair, encoded in zip(
            itertools.pairwise(frames), record["clip/flow"], strict=True
        ):
            flow, valid = decode_flow(encoded)
            self.assertShape(flow, (48, 64, 2))
            self.assertAllClose(flow, optical_flow(*pair), atol=1 / 128)
            # The scene drifts to the left by a pixel a frame.
            middle = flow.numpy()[8:-8, 8:-8]
            self.assertAllClose(
                np.median(middle, axis=(0, 1)), [-1.0, 0.0], atol=0.2
            )
            self.assertGreater(valid.numpy().mean(), 0.5)

    def test_a_folder_of_frames(self):
        (self.folder / "walk").mkdir()
        frames = scene(5, seed=0)
        for number, frame in enumerate(frames):
            path = self.folder / "walk" / f"{number:03}.png"
            Image.fromarray(frame).save(path)
        records = self.parse(self.make("walk", num_frames=2))
        self.assertEqual(len(records), 2)
        self.assertEqual(records[1]["image/filename"], b"walk")
        self.assertAllClose(
            self.frames_of(records[1]).astype(int),
            frames[2:4].astype(int),
            atol=12,
        )

    def test_too_short(self):
        self.save(scene(4, seed=0))
        self.assertEqual(self.make(num_frames=4).drops, [])
        made = self.make(num_frames=3, step=2)
        self.assertEqual(made.records, [])
        self.assertEqual(
            made.drops,
            [
                (
                    str(self.folder / "walk.mov"),
                    "too short",
                    "no scene of it is as long as a clip, 5 frames",
                )
            ],
        )
