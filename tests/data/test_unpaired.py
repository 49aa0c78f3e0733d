import pytest

pytest.importorskip("tensorflow")

from keras_comic.data.augmentation import Augmentation  # noqa: E402
from keras_comic.data.pipelines import style_transfer_dataset  # noqa: E402
from keras_comic.data.unpaired import unpaired_dataset  # noqa: E402
from keras_comic.data.variants import make_variant  # noqa: E402
from tests.data.batches import DatasetTestCase  # noqa: E402
from tests.data.batches import levels  # noqa: E402
from tests.data.batches import take  # noqa: E402


class UnpairedDatasetTest(DatasetTestCase):
    def setUp(self):
        super().setUp()
        self.photos = self.write_noise("photos")
        self.comics = self.write_noise("comics", 3, kind="comics")

    def make(self, **arguments):
        arguments = {"image_size": 16, "batch_size": 3, **arguments}
        return unpaired_dataset(self.photos, self.comics, **arguments)

    def test_crops_are_those_of_style_transfer(self):
        expected = style_transfer_dataset(self.photos, self.comics, 16, 3)
        for found, batch in zip(take(self.make(), 3), take(expected, 3)):
            self.assertEqual(set(found), {"photos", "comics"})
            self.assertAllEqual(found["photos"], batch["photos"])
            self.assertAllEqual(found["comics"], batch["style_images"])

    def test_variants(self):
        names = ["comics/edge_smoothed", "comics/blurred", "photos/superpixels"]
        dataset = self.make(variants=names)
        self.assertEqual(
            set(dataset.element_spec), {"photos", "comics", *names}
        )
        for spec in dataset.element_spec.values():
            self.assertEqual(spec.shape, (3, 16, 16, 3))
        dataset = self.make(
            variants=names, augmentation=Augmentation(flip=False, rotation=9)
        )
        batch = take(dataset, 1)[0]
        for name in names:
            prefix, variant = name.split("/")
            for crop, image in zip(levels(batch[prefix]), levels(batch[name])):
                expected = make_variant(variant, crop.astype("uint8"))
                self.assertAllEqual(image, expected)

    def test_start_step_skips(self):
        arguments = {"variants": ["comics/grayscale"], "batch_size": 2}
        batches = take(self.make(**arguments), 6)
        later = take(self.make(start_step=4, **arguments), 2)
        self.assertSameBatches(later, batches[4:])
        parts = take(self.make(shard=(1, 2), **arguments), 6)
        self.assertSameBatches(
            parts, [{k: v[1:] for k, v in batch.items()} for batch in batches]
        )

    def test_errors(self):
        for name in ("edge_smoothed", "drawings/blurred", "photos/"):
            with self.assertRaisesRegex(ValueError, "`variants` must be like"):
                self.make(variants=[name])
        with self.assertRaisesRegex(ValueError, "must be one of edge_smoothed"):
            self.make(variants=["comics/no_such"])
