import io

import numpy as np
import pytest
from absl.testing import parameterized
from PIL import Image

tf = pytest.importorskip("tensorflow")

from keras_comic.comic.panels import find_panels  # noqa: E402
from keras_comic.data.cleaning import CleaningRules  # noqa: E402
from keras_comic.data.image_record_maker import ImageRecordMaker  # noqa: E402
from keras_comic.data.images import read_image  # noqa: E402
from keras_comic.data.record_maker import sha256_of  # noqa: E402
from keras_comic.data.sources import Source  # noqa: E402
from keras_comic.data.tfrecord import VARIANTS  # noqa: E402
from keras_comic.data.tfrecord import record_features  # noqa: E402
from keras_comic.data.variants import make_variant  # noqa: E402
from tests.data.pages import draw_comic_page  # noqa: E402
from tests.data.pages import draw_scene  # noqa: E402
from tests.data.pages import overlap  # noqa: E402
from tests.data.record_makers import make_records  # noqa: E402
from tests.data.videos import save_video  # noqa: E402
from tests.data.videos import scene  # noqa: E402
from tests.test_case import SHARED  # noqa: E402
from tests.test_case import TestCase  # noqa: E402
from tests.test_case import photos  # noqa: E402
from tests.test_case import shared  # noqa: E402

PARSED = record_features("comics")
PANELS = [(10, 10, 60, 180), (80, 10, 70, 80), (80, 100, 70, 90)]


def decode(encoded):
    return tf.io.decode_image(encoded, channels=3).numpy()


class ImageRecordMakerTest(parameterized.TestCase, TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.temporary_folder()

    def save(self, image, name="a.png", **arguments):
        if isinstance(image, np.ndarray):
            image = Image.fromarray(image)
        image.save(self.folder / name, **arguments)
        return self.folder / name

    def make(self, name="a.png", **arguments):
        source = Source(
            self.folder / name, f"x/{name}", "ink", "train", "A book", "CC0"
        )
        return make_records(ImageRecordMaker("comics", **arguments), source)

    def parse(self, made):
        return [
            {key: value.numpy() for key, value in parsed.items()}
            for parsed in (
                tf.io.parse_single_example(record.data, PARSED)
                for record in made.records
            )
        ]

    def boxes(self, made):
        return [tuple(r["image/box"].tolist()) for r in self.parse(made)]


class PictureTest(ImageRecordMakerTest):
    def test_every_feature(self):
        encoded = self.save(photos(24, 32, 3)).read_bytes()
        made = self.make()
        (record,) = self.parse(made)
        for name in VARIANTS:
            self.assertShape(record.pop(f"variant/{name}"), (0,))
        self.assertAllEqual(record.pop("image/box"), [0, 0, 24, 32])
        self.assertEqual(
            record,
            {
                "schema/version": 2,
                "image/kind": b"comics",
                "image/split": b"train",
                "image/label": b"ink",
                "image/filename": b"x/a.png",
                "image/source": b"A book",
                "image/license": b"CC0",
                "image/sha256": sha256_of(encoded).encode(),
                "image/format": b"png",
                "image/height": 24,
                "image/width": 32,
                "image/encoded": encoded,
                "image/time": 0.0,
            },
        )
        self.assertEqual((made.drops, made.conversions), ([], {}))
        facts = made.records[0].facts
        self.assertEqual(facts["bytes"], len(made.records[0].data))
        self.assertEqual(facts["sha256"], sha256_of(encoded))

    def test_own_bytes_are_kept(self):
        pixels = photos(8, 9, 3)
        for path in (
            self.save(pixels, "a.jpg"),
            self.save(pixels, "b.png"),
            self.save(pixels[..., 0], "grey.jpg"),
            self.save(Image.fromarray(pixels).quantize(9), "palette.png"),
            self.save(pixels, "progressive.jpg", progressive=True),
        ):
            (record,) = self.parse(self.make(path.name))
            self.assertEqual(record["image/encoded"], path.read_bytes())
            self.assertEqual(
                record["image/format"] == b"png", path.suffix == ".png"
            )

    def test_other_files_are_encoded_anew(self):
        exif = Image.Exif()
        exif[0x0112] = 6
        pixels = photos(24, 33, 3)
        smooth = Image.fromarray(pixels[::8, ::8]).resize((33, 24))
        for path, conversions in (
            (self.save(smooth, "a.jpg", exif=exif), {"orientation": 1}),
            (self.save(smooth.convert("CMYK"), "cmyk.jpg"), {"cmyk": 1}),
            (self.save(photos(9, 7, 4), "alpha.png"), {"alpha": 1}),
            (
                self.save(photos(9, 7).astype("uint16") * 257, "deep.png"),
                {"16-bit": 1, "grey": 1},
            ),
            (self.save(pixels, "a.bmp"), {}),
            (self.save(smooth, "a.webp"), {}),
            (self.save(pixels, "a.tif"), {}),
        ):
            made = self.make(path.name)
            self.assertEqual(made.conversions, conversions)
            (record,) = self.parse(made)
            lossy = path.suffix in (".jpg", ".webp")
            self.assertEqual(
                record["image/format"], b"jpeg" if lossy else b"png"
            )
            image = decode(record["image/encoded"])
            self.assertShape(
                image, (record["image/height"], record["image/width"], 3)
            )
            self.assertAllClose(
                image.astype(int),
                read_image(path).astype(int),
                atol=16 if lossy else 0,
            )

    def test_resizing(self):
        self.save(photos(40, 61, 3))
        self.save(photos(61, 40, 3), "b.jpg")
        small = self.save(photos(15, 18, 3), "small.png")
        for name, shape in (("a.png", (16, 24, 3)), ("b.jpg", (24, 16, 3))):
            made = self.make(name, image_size=16)
            (record,) = self.parse(made)
            self.assertShape(decode(record["image/encoded"]), shape)
            self.assertEqual(made.conversions, {"resized": 1})
            # Where it lay in the source.
            self.assertAllEqual(
                record["image/box"],
                [0, 0, *read_image(self.folder / name).shape[:2]],
            )
        made = self.make("small.png", image_size=16)
        (record,) = self.parse(made)
        self.assertEqual(record["image/encoded"], small.read_bytes())
        self.assertEqual(made.conversions, {})

    def test_variants(self):
        image = draw_scene(40, 60)
        self.save(image)
        made = self.make(image_size=32, variants=VARIANTS[::-1])
        (record,) = self.parse(made)
        picture = decode(record["image/encoded"])
        self.assertShape(picture, (32, 48, 3))
        for name in VARIANTS:
            (encoded,) = record[f"variant/{name}"]
            self.assertTrue(encoded.startswith(b"\x89PNG"))
            self.assertAllEqual(decode(encoded), make_variant(name, picture))
        self.save(image, "a.jpg")
        made = self.make("a.jpg", variants=["grayscale"])
        (record,) = self.parse(made)
        (encoded,) = record["variant/grayscale"]
        self.assertTrue(encoded.startswith(b"\xff\xd8"))
        self.assertShape(record["variant/blurred"], (0,))

    def test_trimming(self):
        image = np.zeros((100, 120, 3), "uint8")
        image[20:80] = draw_scene(60, 120)
        path = self.save(image)
        rules = CleaningRules(min_side=8, min_sharpness=None)
        made = self.make(rules=rules)
        self.assertEqual(made.conversions, {"trimmed": 1})
        (record,) = self.parse(made)
        top, left, height, width = record["image/box"]
        self.assertAllClose(
            [top, left, height, width], [20, 0, 60, 120], atol=2
        )
        self.assertAllEqual(
            decode(record["image/encoded"]),
            image[top : top + height, left : left + width],
        )
        self.assertEqual(record["image/height"], height)
        rules = CleaningRules(min_side=8, min_sharpness=None, trim=False)
        for made in (self.make(rules=rules), self.make()):
            (record,) = self.parse(made)
            self.assertEqual(record["image/encoded"], path.read_bytes())
            self.assertEqual(made.conversions, {})

    def test_errors(self):
        for arguments, message in (
            ({"kind": "pairs"}, "one of photos, comics. Received: kind=pairs"),
            ({"image_size": 0}, "Received: image_size=0"),
            ({"variants": ["sharp"]}, r"grayscale.*variants=\['sharp'\]"),
            ({"frames": 0}, 'integer or "scenes". Received: frames=0'),
            ({"frames": "cuts"}, "Received: frames=cuts"),
        ):
            with self.assertRaisesRegex(ValueError, message):
                ImageRecordMaker(**{"kind": "photos", **arguments})


class PanelsTest(ImageRecordMakerTest):
    def setUp(self):
        super().setUp()
        self.page = draw_comic_page(160, 200, PANELS)
        self.save(self.page)

    def test_a_record_of_each(self):
        made = self.make(panel_finder=find_panels)
        self.assertEqual(made.conversions, {"panel of a page": 3})
        boxes = self.boxes(made)
        for found, expected in zip(boxes, PANELS, strict=True):
            self.assertGreater(overlap(found, expected), 0.9)
        for record, box in zip(self.parse(made), boxes, strict=True):
            top, left, height, width = box
            self.assertAllEqual(
                decode(record["image/encoded"]),
                self.page[top : top + height, left : left + width],
            )
        hashes = {record.facts["sha256"] for record in made.records}
        self.assertEqual(len(hashes), 3)

    @shared
    def test_shared_page(self):
        name = "ep22_gfx_Pepper-and-Carrot_by-David-Revoy_E22P08.jpg"
        path = SHARED / "data" / "pages" / name
        maker = ImageRecordMaker(
            "comics", 256, CleaningRules(), panel_finder=find_panels
        )
        made = make_records(maker, Source(path, path.name, "page", "train"))
        self.assertEqual(len(made.records), 6)
        for record in self.parse(made):
            height, width = record["image/height"], record["image/width"]
            self.assertLessEqual(min(height, width), 256)


class VideosTest(ImageRecordMakerTest):
    def setUp(self):
        super().setUp()
        self.frames = np.concatenate([scene(9, seed=0), scene(9, seed=5)])
        save_video(self.folder / "a.mov", self.frames, rate=8)

    def test_every_so_many_frames(self):
        made = self.make("a.mov", frames=5)
        records = self.parse(made)
        self.assertEqual(
            [r["image/time"] for r in records], [0, 5 / 8, 10 / 8, 15 / 8]
        )
        self.assertEqual(made.conversions, {"frame of a video": 4})
        for record, frame in zip(records, self.frames[::5], strict=True):
            self.assertEqual(record["image/format"], b"jpeg")
            self.assertEqual(record["image/filename"], b"x/a.mov")
            self.assertAllEqual(record["image/box"], [0, 0, 48, 64])
            image = Image.open(io.BytesIO(record["image/encoded"]))
            self.assertAllClose(
                np.asarray(image).astype(int), frame.astype(int), atol=12
            )

    def test_one_of_each_scene(self):
        made = self.make("a.mov", frames="scenes")
        times = [record["image/time"] * 8 for record in self.parse(made)]
        self.assertEqual(len(times), 2)
        self.assertLess(times[0], 9)
        self.assertGreaterEqual(times[1], 9)
