import hashlib

import numpy as np
import pytest
from PIL import Image

from keras_comic.data.images import read_image
from tests.data.pictures import save_noise
from tests.test_case import ROOT
from tests.test_case import SHARED
from tests.test_case import TestCase
from tests.test_case import photos
from tests.test_case import shared

tf = pytest.importorskip("tensorflow")

from keras_comic.data import tfrecord  # noqa: E402
from keras_comic.data.tfrecord import FEATURES  # noqa: E402
from keras_comic.data.tfrecord import describe_schema  # noqa: E402
from keras_comic.data.tfrecord import list_shards  # noqa: E402
from keras_comic.data.tfrecord import read_records  # noqa: E402
from keras_comic.data.tfrecord import write_records  # noqa: E402


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


class RecordsTest(TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.temporary_folder()
        self.output = self.folder / "records"
        self.images = self.folder / "images"

    def write(self, folders=None, output=None, kind="photos", **arguments):
        return write_records(
            self.images if folders is None else folders,
            self.output if output is None else output,
            kind,
            **arguments,
        )

    def read(self, records=None):
        return [
            {key: value.numpy() for key, value in record.items()}
            for record in read_records(self.output if not records else records)
        ]

    def decode(self, record):
        return tf.io.decode_image(record["image/encoded"], channels=3).numpy()


class WriteTest(RecordsTest):
    def test_every_feature(self):
        save_noise(self.images, "ink/1/a.png")
        (self.folder / "list.csv").write_text(
            "file,width,height,source,licence\n"
            'images/ink/1/a.png,32,24,"A book, 1915",CC0\n'
        )
        written = self.write(
            kind="comics", split="eval", manifest=self.folder / "list.csv"
        )
        shard = self.output / "eval-00000-of-00001.tfrecord"
        self.assertEqual(written.shards, [shard])
        self.assertEqual(written.counts, {"ink": 1})
        self.assertEqual(written.failures, [])
        encoded = (self.images / "ink/1/a.png").read_bytes()
        self.assertEqual(
            self.read(),
            [
                {
                    "image/encoded": encoded,
                    "image/format": b"png",
                    "image/height": 24,
                    "image/width": 32,
                    "image/filename": b"ink/1/a.png",
                    "image/sha256": hashlib.sha256(encoded)
                    .hexdigest()
                    .encode(),
                    "image/license": b"CC0",
                    "image/source": b"A book, 1915",
                    "image/kind": b"comics",
                    "image/split": b"eval",
                    "image/label": b"ink",
                    "schema/version": 1,
                }
            ],
        )

    def test_the_writer_goes_by_the_schema(self):
        save_noise(self.images, "a.png")
        self.write()
        record = next(iter(tf.data.TFRecordDataset(list_shards(self.output))))
        example = tf.train.Example.FromString(record.numpy())
        self.assertEqual(set(example.features.feature), set(FEATURES))

    def test_american_manifest_and_unlisted_files(self):
        save_noise(self.images, "a.png", "b.png")
        manifest = self.images / "list.csv"
        manifest.write_text("license,source,file\nMIT,me,b.png\n")
        self.write(manifest=manifest)
        self.assertEqual(
            [(r["image/license"], r["image/source"]) for r in self.read()],
            [(b"", b""), (b"MIT", b"me")],
        )

    def test_own_bytes_are_kept(self):
        save_noise(self.images, "a.jpg", "b.png")
        Image.fromarray(photos(8, 9)).save(self.images / "grey.jpg")
        Image.fromarray(photos(8, 9, 3)).quantize(9).save(
            self.images / "palette.png"
        )
        Image.fromarray(photos(8, 9, 3)).save(
            self.images / "progressive.jpg", progressive=True
        )
        self.write()
        records = self.read()
        self.assertEqual(len(records), 5)
        for record in records:
            path = self.images / record["image/filename"].decode()
            self.assertEqual(record["image/encoded"], path.read_bytes())
            self.assertShape(self.decode(record), read_image(path).shape)

    def test_other_files_are_encoded_anew(self):
        self.images.mkdir()
        exif = Image.Exif()
        exif[0x0112] = 6
        pixels = photos(24, 33, 3)
        smooth = Image.fromarray(pixels[::8, ::8]).resize((33, 24))
        smooth.save(self.images / "turned.jpg", exif=exif, quality=95)
        smooth.convert("CMYK").save(self.images / "cmyk.jpg", quality=95)
        Image.fromarray(photos(9, 7, 4)).save(self.images / "alpha.png")
        Image.fromarray(photos(9, 7).astype("uint16") * 257).save(
            self.images / "deep.png"
        )
        Image.fromarray(pixels).save(self.images / "a.bmp")
        Image.fromarray(pixels).save(self.images / "a.webp")
        Image.fromarray(pixels).save(self.images / "a.tif")
        self.write()
        records = self.read()
        self.assertEqual(len(records), 7)
        for record in records:
            name = record["image/filename"].decode()
            expected = read_image(self.images / name)
            jpeg = name.endswith(".jpg")
            kind = b"jpeg" if jpeg else b"png"
            self.assertEqual(record["image/format"], kind)
            image = self.decode(record)
            self.assertShape(
                image, (record["image/height"], record["image/width"], 3)
            )
            self.assertAllClose(
                image.astype(int), expected, atol=16 if jpeg else 0, rtol=0
            )

    def test_resizing(self):
        save_noise(self.images, "a.png", height=40, width=61)
        save_noise(self.images, "b.jpg", height=61, width=40)
        save_noise(self.images, "small.png", height=15, width=18)
        self.write(image_size=16)
        shapes = {
            record["image/filename"].decode(): self.decode(record).shape
            for record in self.read()
        }
        expected = {
            "a.png": (16, 24, 3),
            "b.jpg": (24, 16, 3),
            "small.png": (15, 18, 3),
        }
        self.assertEqual(shapes, expected)
        small = self.read()[2]["image/encoded"]
        self.assertEqual(small, (self.images / "small.png").read_bytes())

    def test_labels(self):
        save_noise(self.images, "ink/train/a.png", "wash/train/a.png")
        ink, wash = self.images / "ink/train", self.images / "wash/train"
        written = self.write([ink, str(wash)])
        self.assertEqual(written.counts, {"ink": 1, "wash": 1})
        self.assertEqual(self.write(self.images).counts, written.counts)
        self.assertEqual(self.write(str(ink)).counts, {"ink": 1})
        written = self.write({"pen": ink, "brush": wash})
        self.assertEqual(written.counts, {"pen": 1, "brush": 1})

    def test_broken_files(self):
        save_noise(self.images, "a.jpg", "b.jpg", "c.png", "d.jpg")
        broken = self.images / "b.jpg"
        broken.write_bytes(broken.read_bytes()[:300])
        (self.images / "c.png").write_text("No picture, but a letter.")
        written = self.write()
        self.assertEqual(written.counts, {"images": 2})
        self.assertEqual(
            [path.name for path, _ in written.failures], ["b.jpg", "c.png"]
        )
        self.assertRegex(written.failures[0][1], "broken.*[Tt]runcated")
        self.assertRegex(written.failures[1][1], "not an image")
        names = [record["image/filename"] for record in self.read()]
        self.assertEqual(names, [b"a.jpg", b"d.jpg"])

    def test_only_broken_files(self):
        self.images.mkdir()
        (self.images / "c.png").write_text("No picture, but a letter.")
        with self.assertRaisesRegex(
            ValueError, r"None of the 1 images .*c\.png.*not an image"
        ):
            self.write()
        self.assertEqual(contents(self.output), {})

    def test_same_bytes_again(self):
        save_noise(self.images, *(f"{i}/{j}.png" for i in "ab" for j in "123"))
        Image.fromarray(photos(40, 30, 4)).save(self.images / "a" / "x.png")
        self.write(num_shards=2, image_size=20)
        again = self.folder / "again"
        self.write(output=again, num_shards=2, image_size=20)
        self.assertEqual(contents(self.output), contents(again))
        self.assertEqual(len(contents(again)), 2)

    def test_num_shards(self):
        save_noise(self.images, *(f"{i}.png" for i in range(7)))
        written = self.write(num_shards=3)
        names = [path.name for path in written.shards]
        self.assertEqual(
            names, [f"train-0000{i}-of-00003.tfrecord" for i in range(3)]
        )
        sizes = [len(self.read(shard)) for shard in written.shards]
        self.assertEqual(sizes, [3, 2, 2])
        names = [record["image/filename"].decode() for record in self.read()]
        self.assertEqual(names, [f"{i}.png" for i in range(7)])

    def test_shards_by_size(self):
        save_noise(self.images, *(f"{i}.png" for i in range(5)))
        limit = tfrecord.SHARD_BYTES
        self.addCleanup(setattr, tfrecord, "SHARD_BYTES", limit)
        tfrecord.SHARD_BYTES = 6000
        written = self.write()
        sizes = [len(self.read(shard)) for shard in written.shards]
        self.assertEqual(sizes, [2, 2, 1])

    def test_earlier_shards_of_the_split_are_replaced(self):
        save_noise(self.images, *(f"{i}.png" for i in range(4)))
        self.write(num_shards=4)
        self.write(split="eval")
        (self.output / "train-notes.txt").write_text("Mine.")
        written = self.write(num_shards=2)
        self.assertEqual(
            set(contents(self.output)),
            {path.name for path in written.shards}
            | {"eval-00000-of-00001.tfrecord", "train-notes.txt"},
        )

    def test_an_interrupted_build_leaves_the_earlier_one(self):
        save_noise(self.images, "a.png", "b.png")
        self.write()
        before = contents(self.output)

        def interrupt(done, total):
            raise KeyboardInterrupt

        with self.assertRaises(KeyboardInterrupt):
            self.write(image_size=8, progress=interrupt)
        self.assertEqual(contents(self.output), before)

    def test_progress(self):
        save_noise(self.images, "a.png", "b.png")
        (self.images / "c.png").write_text("No picture.")
        seen = []
        self.write(progress=lambda *numbers: seen.append(numbers))
        self.assertEqual(seen, [(1, 3), (2, 3), (3, 3)])

    def test_errors(self):
        save_noise(self.images, "a.png")
        with self.assertRaisesRegex(
            ValueError, "one of photos, comics. Received: kind=drawing"
        ):
            self.write(kind="drawing")
        with self.assertRaisesRegex(ValueError, "Received: split=a/b"):
            self.write(split="a/b")
        with self.assertRaisesRegex(ValueError, "Received: image_size=0"):
            self.write(image_size=0)
        with self.assertRaisesRegex(ValueError, "Received: num_shards=-1"):
            self.write(num_shards=-1)
        with self.assertRaisesRegex(
            ValueError, "number of images, 1. Received: num_shards=2"
        ):
            self.write(num_shards=2)
        with self.assertRaisesRegex(FileNotFoundError, "no such folder"):
            self.write(self.folder / "missing")
        with self.assertRaisesRegex(FileNotFoundError, "manifest=.*missing"):
            self.write(manifest=self.folder / "missing.csv")
        (self.folder / "list.csv").write_text("name,source\n")
        with self.assertRaisesRegex(ValueError, "columns name, source in"):
            self.write(manifest=self.folder / "list.csv")

    @shared
    def test_shared_drawings(self):
        folder = SHARED / "data" / "drawings" / "volland" / "eval"
        written = self.write(
            folder, split="eval", manifest=SHARED / "data" / "MANIFEST.csv"
        )
        self.assertEqual(written.counts, {"volland": 12})
        for record in self.read():
            self.assertIn(b"Public domain", record["image/license"])
            path = folder / record["image/filename"].decode()
            self.assertEqual(record["image/encoded"], path.read_bytes())


class ReadTest(RecordsTest):
    def test_folder_file_pattern_and_list(self):
        save_noise(self.images, "a.png", "b.png")
        first, second = self.write(num_shards=2).shards
        for records in (
            str(self.output),
            self.output / "train-*.tfrecord",
            [first, second],
            [str(self.output / "train-*-of-00002.tfrecord")],
        ):
            names = [r["image/filename"] for r in self.read(records)]
            self.assertEqual(names, [b"a.png", b"b.png"])
        self.assertEqual(self.read(second)[0]["image/filename"], b"b.png")

    def test_in_a_map(self):
        save_noise(self.images, "a.png")
        self.write()
        images = read_records(self.output).map(
            lambda record: tf.io.decode_image(record["image/encoded"])
        )
        expected = read_image(self.images / "a.png")
        self.assertAllEqual(next(iter(images)), expected)

    def test_a_shard_whose_images_were_broken(self):
        save_noise(self.images, "a.png", "b.png")
        (self.images / "b.png").write_text("No picture.")
        self.write(num_shards=2)
        self.assertEqual(len(self.read()), 1)

    def test_missing(self):
        with self.assertRaisesRegex(
            FileNotFoundError, "no TFRecord shards.*Received: .*records"
        ):
            read_records(self.output)

    def test_another_version(self):
        save_noise(self.images, "a.png")
        for version, advice in (
            (2, "install a newer"),
            (0, "build the records"),
        ):
            self.addCleanup(setattr, tfrecord, "SCHEMA_VERSION", 1)
            tfrecord.SCHEMA_VERSION = version
            self.write()
            tfrecord.SCHEMA_VERSION = 1
            with self.assertRaisesRegex(
                ValueError, f"{advice}.*Received: version {version} in .*train"
            ):
                read_records(self.output)

    def test_foreign_files(self):
        path = self.folder / "foreign.tfrecord"
        example = tf.train.Example()
        example.features.feature["image"].bytes_list.value.append(b"1")
        for content in (example.SerializeToString(), b"\xff\xff no example"):
            with tf.io.TFRecordWriter(str(path)) as writer:
                writer.write(content)
            with self.assertRaisesRegex(
                ValueError, "not a shard written by keras_comic.*foreign"
            ):
                read_records(path)
        path.write_text("No records, but a letter of some length.")
        with self.assertRaisesRegex(ValueError, "not a shard.*foreign"):
            read_records(path)


class SchemaTest(TestCase):
    def test_page(self):
        page = (ROOT / "tfrecords" / "README.md").read_text(encoding="utf-8")
        self.assertIn(describe_schema(), page)

    def test_table_has_every_feature(self):
        rows = describe_schema().splitlines()[2:]
        self.assertEqual(len(rows), len(FEATURES))
        for row, key in zip(rows, FEATURES, strict=True):
            dtype = FEATURES[key].dtype.name
            self.assertTrue(row.startswith(f"| `{key}` | {dtype} | "), row)
            self.assertGreater(len(np.array(row).item()), 30)
