import numpy as np
import pytest
from PIL import Image

pytest.importorskip("tensorflow")

from keras_comic.data.build import write_records  # noqa: E402
from keras_comic.data.cleaning import CleaningRules  # noqa: E402
from keras_comic.data.clip_record_maker import ClipRecordMaker  # noqa: E402
from keras_comic.data.image_record_maker import ImageRecordMaker  # noqa: E402
from keras_comic.data.pair_record_maker import PairRecordMaker  # noqa: E402
from keras_comic.data.preview import MAX_PER_RULE  # noqa: E402
from keras_comic.data.preview import preview_records  # noqa: E402
from tests.data.pages import draw_scene  # noqa: E402
from tests.data.pictures import save_noise  # noqa: E402
from tests.data.videos import save_video  # noqa: E402
from tests.data.videos import scene  # noqa: E402
from tests.test_case import TestCase  # noqa: E402
from tests.test_case import photos  # noqa: E402

RULES = CleaningRules(min_side=32, min_sharpness=None, max_text=None)


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

    def test_what_is_left_out_is_shown(self):
        self.save(
            kept=tinted(0), flat=np.full((64, 64, 3), (0, 0, 250), "uint8")
        )
        red, green, blue = areas(self.preview()[1])
        self.assertEqual((red, green), (0, 0))
        self.assertGreater(blue, 64 * 64 // 2)

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

    def test_duplicates_of_panels(self):
        def page(first, second):
            page = np.full((90, 170, 3), 255, "uint8")
            page[10:80, 10:80], page[10:80, 90:160] = first, second
            return page

        tiles = [tinted(c, c, 70, 70) for c in range(3)]
        self.save(a=page(tiles[0], tiles[1]), b=page(tiles[2], tiles[1]))
        maker = ImageRecordMaker("comics", rules=RULES, panels=True)
        found, sheet = self.preview(maker)
        (drop,) = found.drops
        self.assertEqual(drop.path, str(self.images / "b.png"))
        red, green, blue = areas(sheet)
        self.assertEqual((red, blue), (0, 0))
        self.assertGreater(green, 2 * 64 * 64 * 0.8)

    def test_other_kinds(self):
        noise = photos(48, 48, 3)
        for name in ("photos", "comics"):
            (self.images / name).mkdir()
            self.save(**{f"{name}/1": noise, f"{name}/2": noise})
        found, _ = self.preview(PairRecordMaker(rules=RULES))
        self.assertEqual([drop.rule for drop in found.drops], ["duplicate"])
        frames = np.concatenate([scene(2, seed=0)] * 2)
        frames[2:] = frames[:2]
        save_video(self.images / "a.mov", frames[:2])
        save_video(self.images / "b.mov", frames[2:])
        maker = ClipRecordMaker(2, rules=RULES)
        found = preview_records(self.images / "a.mov", maker, self.sheet)
        self.assertEqual((found.drops, found.counts), ([], {"images": 1}))
        found = preview_records(
            [self.images / "a.mov", self.images / "b.mov"], maker, self.sheet
        )
        self.assertEqual([drop.rule for drop in found.drops], ["duplicate"])

    def test_nothing_is_left_out(self):
        self.save(a=draw_scene(64, 80, seed=1))
        found, sheet = self.preview("comics", split="eval")
        self.assertEqual((found.counts, found.drops), ({"images": 1}, []))
        self.assertLess(sheet.shape[0], 100)

    def test_everything_is_left_out(self):
        save_noise(self.images, *(f"{i}.png" for i in range(MAX_PER_RULE + 2)))
        found, _ = self.preview()
        self.assertEqual((found.counts, len(found.drops)), ({}, 26))

    def test_without_a_sheet(self):
        self.save(a=photos(16, 16, 3))
        maker = ImageRecordMaker("comics", rules=RULES)
        found = preview_records(str(self.images), maker, None)
        self.assertEqual([drop.rule for drop in found.drops], ["too small"])
        self.assertEqual(list(self.folder.iterdir()), [self.images])

    def test_errors(self):
        for arguments, message in (
            ({"maker": "drawings"}, "Received: kind=drawings"),
            ({"split": "a/b"}, "Received: split=a/b"),
            ({"num_workers": 0}, "Received: num_workers=0"),
        ):
            self.save(a=photos(16, 16, 3))
            with self.assertRaisesRegex(ValueError, message):
                self.preview(**arguments)
        with self.assertRaisesRegex(FileNotFoundError, "Received: missing"):
            preview_records("missing", "comics", None)
