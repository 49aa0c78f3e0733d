import numpy as np
import pytest
from PIL import Image

pytest.importorskip("tensorflow")

from keras_comic.data.build import write_records  # noqa: E402
from keras_comic.data.cleaning import CleaningRules  # noqa: E402
from keras_comic.data.image_record_maker import ImageRecordMaker  # noqa: E402
from keras_comic.data.preview import preview_records  # noqa: E402
from tests.data.pages import draw_scene  # noqa: E402
from tests.test_case import TestCase  # noqa: E402
from tests.test_case import photos  # noqa: E402

RULES = CleaningRules(min_side=32, min_sharpness=None)


def tinted(channel, seed=0, height=64, width=64):
    """A busy picture in one of red, green and blue."""
    image = np.zeros((height, width, 3), "uint8")
    gray = draw_scene(height, width, seed=seed).mean(-1)
    image[..., channel] = 100 + gray * 0.6
    return image


def areas(sheet):
    """How many pixels of a sheet are red, green and blue."""
    sheet = sheet.astype(int)
    return [
        int((sheet[..., channel] > 60 + sheet[..., others].max(-1)).sum())
        for channel, others in ((0, [1, 2]), (1, [0, 2]), (2, [0, 1]))
    ]


class PreviewTest(TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.temporary_folder()
        self.images = self.folder / "images"
        self.images.mkdir()
        self.sheet = self.folder / "sheet.png"

    def save(self, **images):
        for name, image in images.items():
            Image.fromarray(image).save(self.images / f"{name}.png")

    def preview(self, maker=None, **arguments):
        found = preview_records(
            self.images,
            maker or ImageRecordMaker("comics", rules=RULES),
            self.sheet,
            **arguments,
        )
        with Image.open(self.sheet) as sheet:
            return found, np.asarray(sheet.convert("RGB"))

    def test_the_same_as_a_build(self):
        self.save(
            a=draw_scene(64, 80, seed=1),
            b=draw_scene(64, 80, seed=1),
            c=draw_scene(48, 48, seed=2),
            flat=np.full((64, 64, 3), 90, "uint8"),
            small=photos(16, 16, 3),
        )
        (self.images / "letter.png").write_text("A letter.")
        maker = ImageRecordMaker("comics", 32, RULES)
        seen = []
        found, _ = self.preview(
            maker, progress=lambda *numbers: seen.append(numbers)
        )
        self.assertEqual(seen[-1], (6, 6))
        files = {path.name for path in self.folder.rglob("*")}
        self.assertEqual(len(files), 6 + 2)
        written = write_records(self.images, self.folder / "records", maker)
        self.assertEqual(found.shards, [])
        self.assertEqual(found.counts, written.counts)
        self.assertEqual(found.drops, written.drops)
        self.assertEqual(found.conversions, written.conversions)
        self.assertEqual(
            [drop.rule for drop in found.drops],
            ["blank", "not an image", "too small", "duplicate"],
        )

    def test_duplicates_lie_beside_what_they_repeat(self):
        near = tinted(1, seed=1)
        near[:2, :2, 1] += 20
        self.save(a=tinted(0), b=tinted(0), c=tinted(1, seed=1), d=near)
        found, sheet = self.preview()
        self.assertEqual(
            [drop.rule for drop in found.drops], ["duplicate", "near duplicate"]
        )
        red, green, blue = areas(sheet)
        self.assertGreater(red, 2 * 64 * 64 * 0.8)
        self.assertLess(red, 3 * 64 * 64)
        self.assertGreater(green, 2 * 64 * 64 * 0.8)
        self.assertEqual(blue, 0)

    def test_errors(self):
        for arguments, message in (
            ({"maker": "drawings"}, "Received: kind=drawings"),
            ({"num_workers": 0}, "Received: num_workers=0"),
        ):
            self.save(a=photos(16, 16, 3))
            with self.assertRaisesRegex(ValueError, message):
                self.preview(**arguments)
        with self.assertRaisesRegex(FileNotFoundError, "Received: missing"):
            preview_records("missing", "comics", None)
