import os

import numpy as np
from PIL import Image

from keras_comic.data import contact_sheet
from keras_comic.data.contact_sheet import draw_contact_sheet
from keras_comic.data.contact_sheet import save_contact_sheet
from tests.data.pages import draw_scene
from tests.test_case import TestCase
from tests.test_case import photos

GAP = contact_sheet.GAP
LINE = contact_sheet.LINE
LABELS = contact_sheet.LABEL_LINES * LINE["label"] + GAP
HEADING = LINE["heading"] + GAP
TITLE = LINE["title"] + GAP


def draw(groups, columns=2, size=32, title=None, most=None):
    return draw_contact_sheet(groups, columns, size, title, most)


class ContactSheetTest(TestCase):
    def test_every_picture_is_where_it_should_be(self):
        pictures = [photos(32, 32, 3, seed=seed) for seed in range(4)]
        groups = {
            "first": [(str(n), pictures[n]) for n in range(3)],
            "second": [("3", pictures[3])],
        }
        sheet = draw(groups, title="all")
        self.assertDType(sheet, "uint8")
        row = 32 + LABELS
        height = 2 * GAP + TITLE + 2 * HEADING + 3 * row
        self.assertShape(sheet, (height, GAP + 2 * (32 + GAP), 3))
        first = GAP + TITLE + HEADING
        second = first + 2 * row + HEADING
        places = [
            (first, GAP),
            (first, 2 * GAP + 32),
            (first + row, GAP),
            (second, GAP),
        ]
        for picture, (top, left) in zip(pictures, places, strict=True):
            found = sheet[top : top + 32, left : left + 32]
            self.assertAllEqual(found, picture)
            # Its label lies beneath.
            label = sheet[top + 32 : top + 32 + LABELS, left : left + 32]
            self.assertLess(label.min(), 100)
        # No fourth picture in the first group, no second one in the second.
        for top in (first + row, second):
            rest = sheet[top : top + row, 2 * GAP + 32 :]
            self.assertEqual(rest.min(), 255)
        # Title and headings.
        for top in (GAP, GAP + TITLE, second - HEADING):
            self.assertLess(sheet[top : top + 20].min(), 100)

    def test_thumbnails(self):
        groups = {
            "a": [
                ("wide", np.full((40, 160, 3), 10, "uint8")),
                ("tiny", np.full((3, 5, 3), 20, "uint8")),
                ("large", np.full((900, 300, 3), 30, "uint8")),
                ("white", np.full((64, 20, 3), 255, "uint8")),
            ]
        }
        sheet = draw(groups, 4, 64)
        row = sheet[GAP + HEADING : GAP + HEADING + 64]
        tiles = [row[:, GAP + n * 72 : GAP + n * 72 + 64] for n in range(4)]
        for tile, level, shape in zip(
            tiles, (10, 20, 30, 255), ((16, 64), (36, 60), (64, 21), (64, 20))
        ):
            inside = (tile == level).all(-1)
            self.assertEqual(inside.sum(), shape[0] * shape[1])
            # In the middle of a grey tile, which shows where white ones end.
            rows, columns = np.nonzero(inside)
            self.assertAllClose(rows.mean(), 31.5, atol=0.5)
            self.assertAllClose(columns.mean(), 31.5, atol=0.5)
            self.assertEqual(set(np.unique(tile[~inside])), {232})

    def test_a_file_that_cannot_be_read(self):
        sheet = draw({"a": [("b.jpg", None)]}, 1, 128)
        tile = sheet[GAP + HEADING :][:128, GAP : GAP + 128]
        self.assertLess(tile[50:78].min(), 100)
        self.assertEqual(set(np.unique(tile[58:70, :16])) & {232}, {232})
        # Other tiles of this size are not drawn over.
        again = draw({"a": [("b.jpg", None), ("c.jpg", None)]}, 2, 128)
        tiles = again[GAP + HEADING :][:128]
        self.assertAllEqual(tiles[:, GAP : GAP + 128], tile)
        self.assertAllEqual(tiles[:, 136 + GAP : 136 + GAP + 128], tile)

    def test_large_groups(self):
        image = photos(32, 32, 3)
        groups = {"a": [(str(n), image) for n in range(5)], "b": []}
        whole, cut = draw(groups), draw(groups, most=2)
        self.assertEqual(len(whole) - len(cut), 2 * (32 + LABELS))
        self.assertEqual(
            contact_sheet._heading("a", range(5), range(2)),
            "a: 5 (3 of them not shown)",
        )
        self.assertEqual(contact_sheet._heading("a", [1], [1]), "a: 1")

    def test_nothing_to_show(self):
        sheet = draw({})
        self.assertEqual(len(sheet), 2 * GAP + HEADING)
        self.assertLess(sheet.min(), 100)

    def test_many_rows(self):
        # More than Matplotlib draws at once.
        image = photos(32, 32, 3)
        count = 4 + contact_sheet.MAX_STRIPS_HEIGHT // LABELS
        entries = [("x", image)] * count
        sheet = draw({"a": entries}, 1)
        self.assertEqual(len(sheet), 2 * GAP + HEADING + count * (32 + LABELS))
        for number in (0, count - 1):
            top = GAP + HEADING + number * (32 + LABELS)
            self.assertAllEqual(sheet[top : top + 32, GAP:-GAP], image)
            self.assertLess(sheet[top + 32 : top + 32 + LABELS].min(), 100)


class LabelsTest(TestCase):
    def test_lines(self):
        fit = contact_sheet._fit
        self.assertEqual(fit("a b", 5, 3), "a b")
        self.assertEqual(fit("one two three", 7, 3), "one two\nthree")
        self.assertEqual(fit("abcdefgh", 3, 3), "abc\ndef\ngh")
        long = fit("abcdefghijklmnopqrstuvwxyz", 4, 3)
        self.assertEqual(long, "abcd\n\N{HORIZONTAL ELLIPSIS}tuv\nwxyz")
        self.assertEqual(fit("", 4, 3), "")

    def test_letters_that_the_font_has_not(self):
        fit = contact_sheet._fit
        self.assertEqual(fit("füße, файл, αρχείο", 40, 1), "füße, файл, αρχείο")
        square = contact_sheet.MISSING
        self.assertEqual(fit("漢字.jpg", 40, 1), f"{square * 2}.jpg")
        self.assertEqual(fit("a\nb\tc", 40, 1), "a b c")
        # A byte of a file's name that is no UTF-8, and a control character.
        self.assertEqual(fit("a\udcff\x07", 40, 1), f"a{square * 2}")

    def test_no_warning_and_no_formula(self):
        # Warnings are errors here.
        image = photos(32, 32, 3)
        for label in ("漢字 \udcff", "$x^2$", "$\\frac{", "😀", "ا ب", ""):
            draw({label: [(label, image)]}, title=label)


class FilesTest(TestCase):
    def test_save(self):
        path = self.temporary_folder() / "sheet.png"
        groups = {"a": [("x", draw_scene(40, 50)), ("y", None)]}
        self.assertIsNone(save_contact_sheet(path, groups, 2, 64, "title"))
        with Image.open(path) as sheet:
            self.assertEqual(sheet.format, "PNG")
            expected = draw(groups, 2, 64, "title", 48)
            self.assertAllEqual(np.asarray(sheet), expected)
        self.assertEqual(os.listdir(path.parent), ["sheet.png"])
        content = path.read_bytes()
        save_contact_sheet(str(path), groups, 2, 64, "title")
        self.assertEqual(path.read_bytes(), content)

    def test_an_error_leaves_the_old_sheet(self):
        path = self.temporary_folder() / "sheet.png"
        save_contact_sheet(path, {"a": [("x", photos(32, 32, 3))]})
        content = path.read_bytes()
        with self.assertRaisesRegex(ValueError, "must be uint8 of shape"):
            save_contact_sheet(path, {"a": [("x", photos(32, 32))]})
        self.assertEqual(path.read_bytes(), content)
        self.assertEqual(os.listdir(path.parent), ["sheet.png"])

    def test_errors(self):
        for arguments, message in (
            ({"columns": 0}, "`columns` must be .* >= 1. Received: columns=0"),
            ({"thumbnail_size": 31}, "`thumbnail_size` must be .* >= 32"),
            ({"max_per_group": 0}, "`max_per_group` must be .* >= 1"),
        ):
            with self.assertRaisesRegex(ValueError, message):
                save_contact_sheet("sheet.png", {}, **arguments)
