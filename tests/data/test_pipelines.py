import collections
import itertools

import numpy as np
import pytest
from PIL import Image

from keras_comic.data import crops
from tests.data.pictures import drawing_with_box
from tests.data.pictures import save_flat
from tests.data.pictures import save_noise
from tests.test_case import TestCase
from tests.test_case import photos

tf = pytest.importorskip("tensorflow")

from keras_comic.data import pipelines  # noqa: E402
from keras_comic.data.pipelines import comic_dataset  # noqa: E402
from keras_comic.data.pipelines import photo_dataset  # noqa: E402
from keras_comic.data.pipelines import style_transfer_dataset  # noqa: E402
from keras_comic.data.tfrecord import write_records  # noqa: E402

WHITE = (255, 255, 255)
CREAM = (246, 240, 227)


def both_ways(function, *arrays):
    """What a function gives when called directly, and inside `Dataset.map`."""
    tensors = [tf.constant(array) for array in arrays]
    dataset = tf.data.Dataset.from_tensors(tuple(tensors)).map(
        lambda *values: function(*values)
    )
    return function(*tensors).numpy(), next(iter(dataset)).numpy()


def take(dataset, count):
    return [
        {key: value.numpy() for key, value in batch.items()}
        for batch in itertools.islice(dataset, count)
    ]


def colors_of(images):
    return np.round((images[:, 0, 0, 0] + 1) * 127.5).astype(int).tolist()


class OpsTest(TestCase):
    """The ops give what those of `keras_comic.data.crops` give."""

    def test_crop_boxes(self):
        uniforms = np.random.default_rng(0).random((200, 3)).astype("float32")
        for shape in ((40, 51, 3), (8, 8, 3), (200, 31, 3)):
            expected = crops.crop_boxes(shape, uniforms, 32, (0.6, 1.0))
            for boxes in both_ways(
                lambda s, u: pipelines.crop_boxes(s, u, 32, (0.6, 1.0)),
                np.int32(shape),
                uniforms,
            ):
                self.assertDType(boxes, "int32")
                self.assertAllEqual(boxes, expected)

    def test_crop(self):
        image = np.asarray(
            Image.fromarray(photos(8, 9, 3)).resize((45, 41), Image.BILINEAR)
        )
        for size, mirror in itertools.product((16, 33, 50), (False, True)):
            box = np.int32([3, 5, 33])
            expected = crops.crop(image, box, mirror, size)
            for pixels in both_ways(
                lambda i, b, m, s=size: pipelines.crop(i, b, m, s),
                image,
                box,
                mirror,
            ):
                self.assertShape(pixels, (size, size, 3))
                self.assertDType(pixels, "float32")
                self.assertLessEqual(abs(pixels).max(), 1.0)
                # Pillow rounds to whole levels twice, once for each axis.
                self.assertAllClose(pixels, expected, atol=2 / 127.5, rtol=0)

    def test_blank_cells(self):
        for height, width in ((64, 64), (27, 30), (5, 70), (8, 7)):
            image = drawing_with_box(CREAM, (0, 0, 16, 24), height, width)
            image[:, 24:40] = WHITE
            expected = crops.blank_cells(image)
            for cells in both_ways(pipelines.blank_cells, image):
                self.assertAllClose(cells, expected, atol=1e-5)

    def test_least_blank(self):
        random = np.random.default_rng(0)
        choices = collections.Counter()
        for seed in range(20):
            color = WHITE if seed % 2 else CREAM
            image = drawing_with_box(color, (0, 0, 40, 64), 77, 66, seed)
            boxes = crops.crop_boxes(
                (77, 66), random.random((8, 3)), 24, (1, 1)
            )
            expected = crops.least_blank(image, boxes, 0.5, 0.3)
            choices[expected] += 1
            for chosen in both_ways(
                lambda i, b: pipelines.least_blank(i, b, 0.5, 0.3), image, boxes
            ):
                self.assertEqual(chosen, expected)
        self.assertGreater(len(choices), 2)

    def test_shuffled(self):
        for count in (1, 2, 7, 100):
            turns = set()
            for turn in range(5):
                numbers = np.arange(count)
                function = lambda n, t=turn, c=count: tf.map_fn(  # noqa: E731
                    lambda place: pipelines._shuffled(place, 5, t, c), n
                )
                direct, mapped = both_ways(function, numbers)
                self.assertAllEqual(direct, mapped)
                self.assertAllEqual(np.sort(direct), numbers)
                turns.add(tuple(direct))
            self.assertGreater(len(turns), {1: 0, 2: 1}.get(count, 4))


class DatasetsTest(TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.temporary_folder()

    def write(self, name, kind="comics", **arguments):
        records = self.folder / "records" / name
        write_records(self.folder / name, records, kind, **arguments)
        return records


class PhotoDatasetTest(DatasetsTest):
    def test_form(self):
        names = [f"{i}.{suffix}" for i in "12" for suffix in ("jpg", "png")]
        save_noise(self.folder / "photos", *names, height=25, width=37)
        records = self.write("photos", kind="photos")
        for size in (16, 31, 40):
            dataset = photo_dataset(records, image_size=size, batch_size=3)
            self.assertEqual(dataset.element_spec.shape, (3, size, size, 3))
            images = next(iter(dataset)).numpy()
            self.assertDType(images, "float32")
            self.assertLessEqual(abs(images).max(), 1.0)
            self.assertGreater(images.std(), 0.1)

    def test_grey_and_palette_files(self):
        folder = self.folder / "photos"
        folder.mkdir()
        Image.fromarray(photos(20, 20)).save(folder / "a.jpg")
        Image.fromarray(photos(20, 20)).save(folder / "b.png")
        Image.fromarray(photos(20, 20, 3)).quantize(9).save(folder / "c.png")
        records = self.write("photos", kind="photos")
        images = next(iter(photo_dataset(records, 16, batch_size=3)))
        self.assertShape(images, (3, 16, 16, 3))

    def test_each_photo_once_in_a_round(self):
        colors = {f"{i}.png": (i,) * 3 for i in range(10)}
        save_flat(self.folder / "photos", colors)
        records = self.write("photos", kind="photos", num_shards=3)
        seen = []
        for images in photo_dataset(records, 4, batch_size=5).take(6):
            seen.extend(colors_of(images.numpy()))
        rounds = [seen[:10], seen[10:20], seen[20:]]
        for numbers in rounds:
            self.assertEqual(sorted(numbers), list(range(10)))
        self.assertEqual(len({tuple(numbers) for numbers in rounds}), 3)


class ComicDatasetTest(DatasetsTest):
    def test_evenly_over_labels(self):
        colors = {f"much/{i}.png": (i,) * 3 for i in range(20)}
        colors |= {f"few/{i}.png": (i,) * 3 for i in range(100, 103)}
        colors |= {"one/1.png": (200,) * 3}
        save_flat(self.folder / "drawings", colors)
        dataset = comic_dataset(self.write("drawings"), 4, batch_size=3)
        seen = []
        for images in dataset.take(20):
            group = sorted(colors_of(images.numpy()))
            self.assertLess(group[0], 20)
            self.assertIn(group[1], (100, 101, 102))
            self.assertEqual(group[2], 200)
            seen.extend(group)
        self.assertEqual(sorted(c for c in seen if c < 20), list(range(20)))
        few = collections.Counter(c for c in seen if 100 <= c < 110)
        self.assertLessEqual(max(few.values()) - min(few.values()), 1)

    def test_blank_crops_are_drawn_again(self):
        for name, color in (("white", WHITE), ("cream", CREAM)):
            folder = self.folder / name
            folder.mkdir()
            image = drawing_with_box(color, (0, 0, 96, 64), 96, 96)
            Image.fromarray(image).save(folder / "a.png")
            records = self.write(name)

            def light(*fractions, records=records):
                dataset = comic_dataset(
                    records, 24, 50, 0, 0, (1.0, 1.0), *fractions
                )
                return (next(iter(dataset)).numpy().min(-1) > 0.7).mean()

            self.assertGreater(light(1.0, 1.0), 0.6)
            self.assertLess(light(), 0.35)

    def test_a_white_drawing_is_still_drawn(self):
        save_flat(self.folder / "drawings", {"a.png": WHITE})
        images = next(iter(comic_dataset(self.write("drawings"), 8)))
        self.assertAllClose(images, np.ones((4, 8, 8, 3)), atol=1e-5)


class StyleTransferDatasetTest(DatasetsTest):
    def setUp(self):
        super().setUp()
        names = [f"{i}.png" for i in range(5)]
        save_noise(self.folder / "photos", *names)
        self.photos = self.write("photos", kind="photos")
        names = ["ink/1.png", "ink/2.jpg", "wash/1.png"]
        save_noise(self.folder / "drawings", *names, first_seed=9)
        self.drawings = self.write("drawings")

    def make(self, **arguments):
        arguments = {"image_size": 16, "batch_size": 3, **arguments}
        return style_transfer_dataset(self.photos, self.drawings, **arguments)

    def assertSameBatches(self, actual, expected):
        for one, other in zip(actual, expected, strict=True):
            self.assertEqual(set(one), set(other))
            for key in one:
                self.assertAllEqual(one[key], other[key])

    def test_form(self):
        dataset = self.make(image_size=17)
        self.assertEqual(set(dataset.element_spec), {"photos", "style_images"})
        for spec in dataset.element_spec.values():
            self.assertEqual(spec.shape, (3, 17, 17, 3))
            self.assertEqual(spec.dtype, tf.float32)
        for images in take(dataset, 1)[0].values():
            self.assertLessEqual(abs(images).max(), 1.0)

    def test_start_step_skips(self):
        for identity_fraction in (0.0, 0.4):
            arguments = {"identity_fraction": identity_fraction}
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

    def test_seed(self):
        batches = take(self.make(), 4)
        self.assertSameBatches(take(self.make(), 4), batches)
        self.assertSameBatches(take(self.make(seed=0), 4), batches)
        others = take(self.make(seed=1), 4)
        for one, other in zip(batches, others, strict=True):
            for key in one:
                self.assertNotAllClose(one[key], other[key])
        # TensorFlow's global seed has no part in it.
        tf.random.set_seed(7)
        self.assertSameBatches(take(self.make(), 4), batches)

    def test_crops_of_an_image_differ(self):
        batches = take(self.make(zoom=(0.7, 2.0)), 40)
        for key in ("photos", "style_images"):
            images = np.concatenate([batch[key] for batch in batches])
            self.assertGreater(len({i.tobytes() for i in images}), 110)

    def test_photos_and_drawings_alone(self):
        batches = take(self.make(), 2)
        alone = photo_dataset(self.photos, 16, batch_size=3)
        for batch, images in zip(batches, alone):
            self.assertAllEqual(batch["photos"], images)
        alone = comic_dataset(self.drawings, 16, batch_size=3)
        for batch, images in zip(batches, alone):
            self.assertAllEqual(batch["style_images"], images)

    def test_identity(self):
        batch = take(self.make(identity_fraction=1.0), 1)[0]
        self.assertAllEqual(batch["photos"], batch["style_images"])
        pairs = take(self.make(identity_fraction=0.25, batch_size=100), 1)[0]
        same = np.all(pairs["photos"] == pairs["style_images"], (1, 2, 3))
        self.assertTrue(0.15 < same.mean() < 0.35, same.mean())
        plain = take(self.make(batch_size=100), 1)[0]["style_images"]
        self.assertAllEqual(pairs["style_images"][~same], plain[~same])

    def test_too_much_for_memory(self):
        limit = pipelines.MEMORY_LIMIT
        self.addCleanup(setattr, pipelines, "MEMORY_LIMIT", limit)
        pipelines.MEMORY_LIMIT = 1e-6
        with self.assertRaisesRegex(
            ValueError,
            r"at most 1e-06 GiB; .*`image_size`.*Received: .* GiB in",
        ):
            self.make()

    def test_errors(self):
        with self.assertRaisesRegex(ValueError, "Received: image_size=0"):
            self.make(image_size=0)
        with self.assertRaisesRegex(ValueError, "Received: batch_size=0"):
            self.make(batch_size=0)
        with self.assertRaisesRegex(ValueError, "Received: start_step=-1"):
            self.make(start_step=-1)
        with self.assertRaisesRegex(ValueError, "`zoom` must be a pair"):
            self.make(zoom=(1.0, 0.5))
        for name in ("white", "paper", "identity"):
            with self.assertRaisesRegex(
                ValueError, rf"`{name}_fraction` must lie in \[0, 1\]"
            ):
                self.make(**{f"{name}_fraction": 1.5})
        with self.assertRaisesRegex(FileNotFoundError, "no TFRecord shards"):
            style_transfer_dataset(self.photos, self.folder / "missing")
