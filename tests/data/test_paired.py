import pytest

from tests.test_case import photos

pytest.importorskip("tensorflow")

from keras_comic.data.augmentation import Augmentation  # noqa: E402
from keras_comic.data.paired import paired_dataset  # noqa: E402
from tests.data.batches import DatasetTestCase  # noqa: E402
from tests.data.batches import levels  # noqa: E402
from tests.data.batches import take  # noqa: E402
from tests.data.small_records import pair_record  # noqa: E402


class PairedDatasetTest(DatasetTestCase):
    def make(self, **arguments):
        pairs = [photos(24, 32, 3, seed=i) for i in range(5)]
        records = self.write(
            "pairs", [pair_record(photo, 255 - photo) for photo in pairs]
        )
        return paired_dataset(records, 16, 3, **arguments)

    def test_form(self):
        dataset = self.make()
        self.assertEqual(set(dataset.element_spec), {"photos", "comics"})
        for spec in dataset.element_spec.values():
            self.assertEqual(spec.shape, (3, 16, 16, 3))

    def test_belong_together(self):
        augmentation = Augmentation(rotation=20.0, scale=(0.8, 1.2))
        for batch in take(self.make(augmentation=augmentation), 4):
            both = levels(batch["photos"]) + levels(batch["comics"])
            self.assertLessEqual(abs(both - 255).max(), 1)

    def test_start_step_skips(self):
        batches = take(self.make(), 6)
        self.assertSameBatches(take(self.make(start_step=4), 2), batches[4:])
        parts = take(self.make(shard=(2, 3)), 6)
        self.assertSameBatches(
            parts, [{k: v[2:] for k, v in batch.items()} for batch in batches]
        )
        self.assertNotAllClose(
            take(self.make(seed=1), 1)[0]["photos"], batches[0]["photos"]
        )
