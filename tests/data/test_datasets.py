import numpy as np
import pytest
from PIL import Image

from keras_comic.data.crops import Crops
from keras_comic.data.folder import FolderPairs
from tests.data.pictures import save_noise
from tests.test_case import photos

tf = pytest.importorskip("tensorflow")

from keras_comic.data.datasets import clip_dataset  # noqa: E402
from keras_comic.data.datasets import paired_dataset  # noqa: E402
from keras_comic.data.datasets import picture_dataset  # noqa: E402
from keras_comic.data.datasets import style_transfer_dataset  # noqa: E402
from keras_comic.data.datasets import unpaired_dataset  # noqa: E402
from keras_comic.data.record_index import RecordIndex  # noqa: E402
from keras_comic.data.variants import make_variant  # noqa: E402
from tests.data.batches import DatasetTestCase  # noqa: E402
from tests.data.batches import levels  # noqa: E402
from tests.data.batches import take  # noqa: E402
from tests.data.small_records import clip_record  # noqa: E402
from tests.data.small_records import pair_record  # noqa: E402
from tests.data.small_records import picture_record  # noqa: E402


class PictureDatasetTest(DatasetTestCase):
    def test_each_photo_once_in_a_round(self):
        records = self.write_flat("photos", {"ink": range(10)})
        seen = []
        for images in picture_dataset(records, Crops(4), batch_size=5).take(6):
            seen.extend(levels(images.numpy())[:, 0, 0, 0].tolist())
        rounds = [seen[:10], seen[10:20], seen[20:]]
        for numbers in rounds:
            self.assertEqual(sorted(numbers), list(range(10)))
        self.assertEqual(len({tuple(numbers) for numbers in rounds}), 3)

    def test_comics_come_evenly_over_labels(self):
        records = self.write_flat(
            "comics", {"a": range(9), "b": [99]}, kind="comics"
        )
        for images in picture_dataset(records, Crops(4), batch_size=2).take(9):
            found = levels(images.numpy())[:, 0, 0, 0]
            self.assertEqual(sorted(found > 50), [False, True])

    def test_crops_are_those_of_the_folder(self):
        names = [f"{i}.png" for i in range(4)]
        folder = save_noise(self.folder / "files", *names)
        records = self.write(
            "photos",
            [picture_record(np.asarray(Image.open(folder / n))) for n in names],
        )
        found = take(picture_dataset(records, Crops(16, (1.0, 1.0)), 8), 1)[0]
        pairs = FolderPairs(folder, folder, Crops(16, (1.0, 1.0)), 8)
        self.assertAllClose(pairs[0]["photos"], found, atol=1e-6)

    def test_corrupt_records_are_left_out(self):
        records = self.write_noise("photos")
        index = RecordIndex(records, max_corrupt=1)

        def damage(number):
            with open(index.shards[0], "r+b") as file:
                file.seek(index.offsets[number] + 70)
                file.write(b"\xff\0\xff")

        damage(2)
        dataset = picture_dataset(index, Crops(16), batch_size=5)
        with self.assertWarnsRegex(UserWarning, "its checksum is wrong"):
            batches = take(dataset, 4)
        self.assertEqual(len(index.corrupt), 1)
        # The same, now that it is known.
        self.assertSameBatches(take(dataset, 4), batches)
        damage(3)
        with self.assertRaisesRegex(
            tf.errors.InvalidArgumentError, "More than 1 cannot be read"
        ):
            take(picture_dataset(index, Crops(16), batch_size=5), 4)


class StyleTransferDatasetTest(DatasetTestCase):
    def setUp(self):
        super().setUp()
        self.photos = self.write_noise("photos")
        self.drawings = self.write(
            "drawings",
            [
                picture_record(photos(24, 32, 3, seed=10 + i), label, "comics")
                for i, label in enumerate(["ink", "ink", "wash"])
            ],
        )

    def make(self, crops=None, **arguments):
        arguments = {"batch_size": 3, **arguments}
        crops = Crops(16) if crops is None else crops
        return style_transfer_dataset(
            self.photos, self.drawings, crops, **arguments
        )

    def test_start_step_skips(self):
        crops = Crops(16, (0.5, 1.2))
        for arguments in ({}, {"identity_fraction": 0.4, "crops": crops}):
            batches = take(self.make(**arguments), 12)
            later = take(self.make(start_step=7, **arguments), 5)
            self.assertSameBatches(later, batches[7:])

    def test_shards(self):
        whole = take(self.make(batch_size=4, start_step=3), 5)
        parts = [
            take(self.make(batch_size=4, start_step=3, shard=(i, 2)), 5)
            for i in range(2)
        ]
        joined = [
            {key: np.concatenate([a[key], b[key]]) for key in a}
            for a, b in zip(*parts)
        ]
        self.assertSameBatches(joined, whole)

    def test_seed(self):
        batches = take(self.make(), 4)
        others = take(self.make(seed=1), 4)
        for one, other in zip(batches, others, strict=True):
            for key in one:
                self.assertNotAllClose(one[key], other[key])
        # The seed is 0, and TensorFlow's global seed has no part in it.
        tf.random.set_seed(7)
        self.assertSameBatches(take(self.make(seed=0), 4), batches)

    def test_photos_and_drawings_alone(self):
        batches = take(self.make(), 2)
        alone = take(picture_dataset(self.photos, Crops(16), 3), 2)
        self.assertSameBatches([batch["photos"] for batch in batches], alone)
        unpaired = unpaired_dataset(self.photos, self.drawings, Crops(16), 3)
        for one, other in zip(take(unpaired, 2), batches):
            self.assertEqual(set(one), {"photos", "comics"})
            self.assertAllEqual(one["photos"], other["photos"])
            self.assertAllEqual(one["comics"], other["style_images"])

    def test_identity(self):
        batch = take(self.make(identity_fraction=1.0), 1)[0]
        self.assertAllEqual(batch["photos"], batch["style_images"])
        pairs = take(self.make(identity_fraction=0.25, batch_size=100), 1)[0]
        same = np.all(pairs["photos"] == pairs["style_images"], (1, 2, 3))
        self.assertTrue(0.15 < same.mean() < 0.35, same.mean())
        plain = take(self.make(batch_size=100), 1)[0]["style_images"]
        self.assertAllEqual(pairs["style_images"][~same], plain[~same])

    def test_errors(self):
        with self.assertRaisesRegex(ValueError, "Received: identity_fraction"):
            self.make(identity_fraction=1.5)
        with self.assertRaisesRegex(FileNotFoundError, "no TFRecord shards"):
            style_transfer_dataset(self.photos, self.folder / "missing")
        with self.assertRaisesRegex(ValueError, "must hold pairs. Received"):
            paired_dataset(self.photos)


class UnpairedDatasetTest(DatasetTestCase):
    def make(self, variants, crops=None, **arguments):
        photo_records = self.write_noise("photos")
        comics = self.write_noise("comics", 3, kind="comics")
        crops = Crops(16) if crops is None else crops
        return unpaired_dataset(
            photo_records, comics, crops, 2, variants=variants, **arguments
        )

    def test_variants(self):
        names = ["comics/edge_smoothed", "comics/blurred", "photos/superpixels"]
        dataset = self.make(names, Crops(16, flip=False))
        batch = take(dataset, 1)[0]
        self.assertEqual(set(batch), {"photos", "comics", *names})
        for name in names:
            kind, variant = name.split("/")
            for crop, image in zip(levels(batch[kind]), levels(batch[name])):
                expected = make_variant(variant, crop.astype("uint8"))
                self.assertAllEqual(image, expected)

    def test_start_step_skips(self):
        names = ["comics/grayscale"]
        batches = take(self.make(names), 6)
        later = take(self.make(names, start_step=4), 2)
        self.assertSameBatches(later, batches[4:])

    def test_errors(self):
        for name in ("edge_smoothed", "drawings/blurred", "photos/"):
            with self.assertRaisesRegex(ValueError, "`variants` must be like"):
                self.make([name])
        with self.assertRaisesRegex(ValueError, "must be one of edge_smoothed"):
            self.make(["comics/no_such"])


class PairedDatasetTest(DatasetTestCase):
    def test_start_step_skips(self):
        pairs = []
        for seed in range(3):
            photo = photos(24, 32, 3, seed=seed)
            pairs.append(pair_record(photo, 255 - photo))
        records = self.write("pairs", pairs)
        crops = Crops(16)
        batches = take(paired_dataset(records, crops, 2), 6)
        for batch in batches:
            both = levels(batch["photos"]) + levels(batch["comics"])
            self.assertLessEqual(abs(both - 255).max(), 1)
        later = take(paired_dataset(records, crops, 2, start_step=4), 2)
        self.assertSameBatches(later, batches[4:])


class ClipDatasetTest(DatasetTestCase):
    def test_form_and_start_step(self):
        pytest.importorskip("cv2")
        from keras_comic.data.optical_flow import encode_flow

        flow = encode_flow(np.zeros((24, 32, 2), "float32"))
        clips = [
            clip_record(
                list(photos(4, 24, 32, 3, seed=i)),
                [0.0, 1.0, 2.0, 3.0],
                [flow] * 3,
            )
            for i in range(3)
        ]
        records = self.write("clips", clips)

        def make(**arguments):
            return clip_dataset(
                records, 3, Crops(16), 2, flow=True, **arguments
            )

        batches = take(make(), 6)
        shapes = {key: value.shape for key, value in batches[0].items()}
        self.assertEqual(
            shapes,
            {
                "frames": (2, 3, 16, 16, 3),
                "times": (2, 3),
                "flow": (2, 2, 16, 16, 2),
                "valid": (2, 2, 16, 16),
            },
        )
        self.assertAllEqual(batches[0]["flow"], np.zeros((2, 2, 16, 16, 2)))
        self.assertTrue(batches[0]["valid"].all())
        self.assertSameBatches(take(make(start_step=4), 2), batches[4:])
        parts = take(make(shard=(1, 2)), 6)
        self.assertSameBatches(
            parts, [{k: v[1:] for k, v in batch.items()} for batch in batches]
        )
