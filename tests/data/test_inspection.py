import numpy as np
import pytest
from absl.testing import parameterized
from PIL import Image

tf = pytest.importorskip("tensorflow")

from keras_comic.data.build import write_records  # noqa: E402
from keras_comic.data.clip_record_maker import ClipRecordMaker  # noqa: E402
from keras_comic.data.framing import frame_record  # noqa: E402
from keras_comic.data.framing import scan_records  # noqa: E402
from keras_comic.data.image_record_maker import ImageRecordMaker  # noqa: E402
from keras_comic.data.inspection import SHEET_FILE  # noqa: E402
from keras_comic.data.inspection import inspect_records  # noqa: E402
from keras_comic.data.inspection import parse_record  # noqa: E402
from keras_comic.data.shard_layout import ShardLayout  # noqa: E402
from keras_comic.data.tfrecord import serialize_record  # noqa: E402
from tests.data.pictures import save_flat  # noqa: E402
from tests.data.pictures import save_noise  # noqa: E402
from tests.data.videos import save_video  # noqa: E402
from tests.data.videos import scene  # noqa: E402
from tests.test_case import TestCase  # noqa: E402


class InspectionTest(parameterized.TestCase, TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.temporary_folder()
        self.images = self.folder / "images"
        self.output = self.folder / "records"

    def write(self, maker="photos", sources=None, **arguments):
        """Builds, and gives the first shard."""
        sources = self.images if sources is None else sources
        return write_records(sources, self.output, maker, **arguments).shards[0]

    def inspect(self, records=None, **arguments):
        records = self.output if records is None else records
        return inspect_records(records, **arguments)

    def problems(self, verify=True, records=None):
        """What is wrong; it all lies in the one shard."""
        found = self.inspect(records, verify=verify).problems
        self.assertLessEqual(len({path for path, _ in found}), 1)
        return [reason for _, reason in found]

    def records_of(self, shard):
        with open(shard, "rb") as file:
            return [data for _, data in scan_records(file)]

    def rewrite(self, shard, **changes):
        """Changes values of the second record; its checksums agree."""
        records = self.records_of(shard)
        kind, values = parse_record(records[1])
        changes = {
            name.replace("__", "/"): value for name, value in changes.items()
        }
        records[1] = serialize_record(kind, {**values, **changes})
        shard.write_bytes(b"".join(map(frame_record, records)))


class InspectTest(InspectionTest):
    def test_counts(self):
        save_noise(self.images, "ink/a.png", "ink/b.jpg", "wash/c.png")
        save_noise(self.images, "ink/d.png", height=40, width=30, first_seed=9)
        (self.folder / "list.csv").write_text(
            "file,license,split\n"
            "images/ink/a.png,CC0,train\nimages/ink/b.jpg,CC0,eval\n"
        )
        self.write("comics", manifest=self.folder / "list.csv")
        seen = []
        found = self.inspect(progress=lambda *numbers: seen.append(numbers))
        self.assertEqual(seen, [(1, 2), (2, 2)])
        self.assertEqual(
            found._replace(bytes=0, statistics={}),
            (
                "comics",
                2,
                4,
                0,
                {"eval": 1, "train": 3},
                {"ink": 3, "wash": 1},
                {"": 2, "CC0": 2},
                {"jpeg": 1, "png": 3},
                {},
                [],
            ),
        )
        shards = list(self.output.glob("*.tfrecord"))
        size = sum(shard.stat().st_size for shard in shards)
        self.assertEqual(found.bytes, size)
        self.assertEqual(
            found.statistics["height"],
            {"min": 24.0, "median": 24.0, "mean": 28.0, "max": 40.0},
        )
        measures = ["height", "width", "bytes"]
        self.assertEqual(list(found.statistics), measures)
        one = self.inspect(self.output / "eval-*")
        self.assertEqual((one.records, one.labels), (1, {"ink": 1}))

    def test_pictures(self):
        colors = {f"red/{i}.png": (250, 0, 0) for i in range(3)}
        save_flat(self.images, {**colors, "blue/a.png": (0, 0, 250)}, 32)
        self.write()
        folder = self.folder / "new" / "inspection"
        found = self.inspect(output=folder)
        self.assertEqual(found.problems, [])
        self.assertEqual([path.name for path in folder.iterdir()], [SHEET_FILE])
        with Image.open(folder / SHEET_FILE) as sheet:
            sheet = np.asarray(sheet.convert("RGB")).astype(int)
        red, _, blue = (
            int((sheet[..., i] > 150 + sheet[..., (i + 1) % 3]).sum())
            for i in range(3)
        )
        self.assertGreater(blue, 32 * 32 // 2)
        self.assertGreater(red, 2.5 * blue)


class VerifyTest(InspectionTest):
    def setUp(self):
        super().setUp()
        save_noise(self.images, "a.png", "b.png", "c.png", height=8, width=9)

    def makers(self):
        save_noise(self.images, "pairs/photos/1.png", "pairs/comics/1.jpg")
        save_video(self.images / "walk.mov", scene(6, seed=0))
        return {
            "photos": ImageRecordMaker("photos", variants=["blurred"]),
            "pairs": "pairs",
            "clips": ClipRecordMaker(3, flow=True),
        }

    @parameterized.parameters("photos", "pairs", "clips")
    def test_nothing_is_wrong(self, kind):
        maker = self.makers()[kind]
        source = {"pairs": "pairs", "clips": "walk.mov", "photos": ""}[kind]
        self.write(maker, self.images / source)
        found = self.inspect(output=self.folder / "inspection", verify=True)
        self.assertEqual((found.kind, found.problems), (kind, []))
        self.assertEqual(found.records, {"pairs": 1, "clips": 2}.get(kind, 6))
        self.assertTrue((self.folder / "inspection" / SHEET_FILE).exists())

    def test_cut_off(self):
        shard = self.write()
        content = shard.read_bytes()
        last = len(content) - len(self.records_of(shard)[-1]) - 16
        for size in (len(content) - 1, last + 20, last + 5):
            shard.write_bytes(content[:size])
            for verify in (False, True):
                found = self.inspect(verify=verify)
                self.assertEqual(found.records, 2)
                self.assertRegex(
                    found.problems[0][1], f"ends within .* byte {last}$"
                )
        # Without a record, but none is broken.
        shard.write_bytes(content[:last])
        self.assertEqual(self.problems(verify=False), [])
        (problem,) = self.problems()
        self.assertIn("SHA-256", problem)

    def test_an_image_that_was_changed(self):
        shard = self.write()
        other = (self.images / "a.png").read_bytes()
        self.rewrite(shard, image__encoded=other)
        self.assertEqual(self.problems(verify=False), [])
        first, second = self.problems()
        self.assertRegex(
            first, r"the record at byte \d+, b\.png: the SHA-256 of the image"
        )
        self.assertIn("train.manifest.json", second)
        # Also without a manifest.
        (self.output / "train.manifest.json").unlink()
        self.assertEqual(self.problems(), [first])

    @parameterized.parameters(
        ({"clip__times": [0.0]}, "not as many times as frames"),
        ({"clip__flow": [b"?", b"?"]}, "the flow cannot be decoded"),
        ({"image__sha256": "0"}, "SHA-256 of the clip is another"),
        ({"image__width": 3}, "the frame has 64x48 pixels, not 3x48"),
    )
    def test_clips(self, changes, problem):
        maker = self.makers()["clips"]
        shard = self.write(maker, self.images / "walk.mov")
        self.rewrite(shard, **changes)
        self.assertTrue(any(problem in found for found in self.problems()))

    def test_a_split_that_is_gone(self):
        self.write()
        self.write(layout=ShardLayout("eval", num_shards=3))
        for shard in self.output.glob("eval-*"):
            shard.unlink()
        self.assertEqual(self.inspect().problems, [])
        found = self.inspect(verify=True)
        self.assertEqual(
            found.problems,
            [
                (
                    str(self.output / "eval.manifest.json"),
                    f"it lists eval-0000{i}-of-00003.tfrecord, which is not "
                    "there",
                )
                for i in range(3)
            ],
        )
