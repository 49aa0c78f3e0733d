import numpy as np
import pytest
from PIL import Image

from keras_comic.data.photo_folder import PhotoFolder
from tests.data.pictures import save_noise
from tests.test_case import photos

tf = pytest.importorskip("tensorflow")

from keras_comic.data.augmentation import Augmentation  # noqa: E402
from keras_comic.data.pipelines import comic_dataset  # noqa: E402
from keras_comic.data.pipelines import photo_dataset  # noqa: E402
from keras_comic.data.pipelines import style_transfer_dataset  # noqa: E402
from keras_comic.data.record_index import RecordIndex  # noqa: E402
from tests.data.batches import DatasetTestCase  # noqa: E402
from tests.data.batches import levels  # noqa: E402
from tests.data.batches import take  # noqa: E402
from tests.data.small_records import picture_record  # noqa: E402


class PhotoDatasetTest(DatasetTestCase):
    def test_form(self):
        records = self.write_noise("photos", height=25, width=37)
        for size in (16, 31, 40):
            dataset = photo_dataset(records, image_size=size, batch_size=3)
            self.assertEqual(dataset.element_spec.shape, (3, size, size, 3))
            images = next(iter(dataset)).numpy()
            self.assertDType(images, "float32")
            self.assertLessEqual(abs(images).max(), 1.0)
            self.assertGreater(images.std(), 0.1)

    def test_each_photo_once_in_a_round(self):
        records = self.write_flat("photos", {"ink": range(10)})
        seen = []
        for images in photo_dataset(records, 4, batch_size=5).take(6):
            seen.extend(levels(images.numpy())[:, 0, 0, 0].tolist())
        rounds = [seen[:10], seen[10:20], seen[20:]]
        for numbers in rounds:
            self.assertEqual(sorted(numbers), list(range(10)))
        self.assertEqual(len({tuple(numbers) for numbers in rounds}), 3)

    def test_crops_are_those_of_the_folder(self):
        names = [f"{i}.png" for i in range(4)]
        folder = save_noise(self.folder / "files", *names)
        records = self.write(
            "photos",
            [picture_record(np.asarray(Image.open(folder / n))) for n in names],
        )
        found = take(photo_dataset(records, 16, 8, zoom=(1.0, 1.0)), 1)[0]
        files = PhotoFolder(folder, zoom=(1.0, 1.0))
        for number, image in enumerate(found):
            self.assertAllClose(files.crop(number, 16, 0), image, atol=1e-6)


class ComicDatasetTest(DatasetTestCase):
    def test_form(self):
        records = self.write_noise("comics", kind="comics")
        for size in (16, 31):
            dataset = comic_dataset(records, image_size=size, batch_size=3)
            self.assertEqual(dataset.element_spec.shape, (3, size, size, 3))
            images = next(iter(dataset)).numpy()
            self.assertLessEqual(abs(images).max(), 1.0)

    def test_evenly_over_labels(self):
        records = self.write_flat("comics", {"a": range(9), "b": [99]})
        for images in comic_dataset(records, 4, batch_size=2).take(9):
            found = levels(images.numpy())[:, 0, 0, 0]
            self.assertEqual(sorted(found > 50), [False, True])


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

    def make(self, **arguments):
        arguments = {"image_size": 16, "batch_size": 3, **arguments}
        return style_transfer_dataset(self.photos, self.drawings, **arguments)

    def test_form(self):
        dataset = self.make(image_size=17)
        self.assertEqual(set(dataset.element_spec), {"photos", "style_images"})
        for spec in dataset.element_spec.values():
            self.assertEqual(spec.shape, (3, 17, 17, 3))
            self.assertEqual(spec.dtype, tf.float32)
        for images in take(dataset, 1)[0].values():
            self.assertLessEqual(abs(images).max(), 1.0)

    def test_start_step_skips(self):
        augmentation = Augmentation(
            rotation=10, scale=(0.8, 1.2), color_jitter=0.2, cutout=0.2
        )
        for arguments in (
            {},
            {"identity_fraction": 0.4, "augmentation": augmentation},
        ):
            batches = take(self.make(**arguments), 12)
            later = take(self.make(start_step=7, **arguments), 5)
            self.assertSameBatches(later, batches[7:])

    def test_parallel_calls_change_nothing(self):
        alone = take(self.make(num_parallel_calls=1), 10)
        for calls in (7, tf.data.AUTOTUNE):
            self.assertSameBatches(
                take(self.make(num_parallel_calls=calls), 10), alone
            )

    def test_batch_size_does_not_change_the_samples(self):
        whole = take(self.make(batch_size=6), 1)[0]
        halves = take(self.make(), 2)
        for key, images in whole.items():
            self.assertAllEqual(
                images, np.concatenate([half[key] for half in halves])
            )

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

    def test_crops_of_an_image_differ(self):
        batches = take(self.make(zoom=(0.7, 2.0)), 40)
        for key in ("photos", "style_images"):
            images = np.concatenate([batch[key] for batch in batches])
            self.assertGreater(len({i.tobytes() for i in images}), 110)

    def test_photos_and_drawings_alone(self):
        batches = take(self.make(), 2)
        alone = take(photo_dataset(self.photos, 16, batch_size=3), 2)
        self.assertSameBatches([batch["photos"] for batch in batches], alone)
        alone = take(comic_dataset(self.drawings, 16, batch_size=3), 2)
        self.assertSameBatches(
            [batch["style_images"] for batch in batches], alone
        )

    def test_identity(self):
        batch = take(self.make(identity_fraction=1.0), 1)[0]
        self.assertAllEqual(batch["photos"], batch["style_images"])
        pairs = take(self.make(identity_fraction=0.25, batch_size=100), 1)[0]
        same = np.all(pairs["photos"] == pairs["style_images"], (1, 2, 3))
        self.assertTrue(0.15 < same.mean() < 0.35, same.mean())
        plain = take(self.make(batch_size=100), 1)[0]["style_images"]
        self.assertAllEqual(pairs["style_images"][~same], plain[~same])

    def test_corrupt_records_are_left_out(self):
        index = RecordIndex(self.photos, max_corrupt=1)
        with open(index.shards[0], "r+b") as file:
            file.seek(index.offsets[2] + 70)
            file.write(b"\xff\0\xff")
        dataset = photo_dataset(index, 16, batch_size=5)
        with self.assertWarnsRegex(UserWarning, "its checksum is wrong"):
            batches = take(dataset, 4)
        self.assertEqual(len(index.corrupt), 1)
        # The same, now that it is known.
        self.assertSameBatches(take(dataset, 4), batches)
        with open(index.shards[0], "r+b") as file:
            file.seek(index.offsets[3] + 70)
            file.write(b"\xff\0\xff")
        with self.assertRaisesRegex(
            tf.errors.InvalidArgumentError, "More than 1 cannot be read"
        ):
            take(photo_dataset(index, 16, batch_size=5), 4)

    def test_errors(self):
        with self.assertRaisesRegex(ValueError, "Received: image_size=0"):
            self.make(image_size=0)
        with self.assertRaisesRegex(ValueError, "Received: batch_size=0"):
            self.make(batch_size=0)
        with self.assertRaisesRegex(ValueError, "Received: start_step=-1"):
            self.make(start_step=-1)
        with self.assertRaisesRegex(ValueError, "`zoom` must be a pair"):
            self.make(zoom=(1.0, 0.5))
        with self.assertRaisesRegex(ValueError, "`shard` must be a pair"):
            self.make(shard=(3, 3))
        with self.assertRaisesRegex(TypeError, "must be an `Augmentation`"):
            self.make(augmentation="flip")
        for name in ("white", "paper", "identity"):
            with self.assertRaisesRegex(
                ValueError, rf"`{name}_fraction` must lie in \[0, 1\]"
            ):
                self.make(**{f"{name}_fraction": 1.5})
        with self.assertRaisesRegex(FileNotFoundError, "no TFRecord shards"):
            style_transfer_dataset(self.photos, self.folder / "missing")
