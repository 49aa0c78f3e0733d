"""Tests of `keras_comic.data.contact_sheet`."""

import os

import numpy as np
from PIL import Image

from keras_comic.data.contact_sheet import GAP
from keras_comic.data.contact_sheet import LABEL_LINES
from keras_comic.data.contact_sheet import LINES
from keras_comic.data.contact_sheet import save_contact_sheet
from tests.test_case import TestCase
from tests.test_case import photos

LABELS = LABEL_LINES * LINES["label"] + GAP
HEADING = LINES["heading"] + GAP
TITLE = LINES["title"] + GAP


class ContactSheetTest(TestCase):
    def setUp(self):
        super().setUp()
        self.path = self.temporary_folder() / "sheet.png"

    def draw(self, groups, columns=2, size=32, title=None, most=None):
        save_contact_sheet(self.path, groups, columns, size, title, most)
        self.assertEqual(os.listdir(self.path.parent), ["sheet.png"])
        with Image.open(self.path) as sheet:
            return np.asarray(sheet)

    def test_every_picture_is_where_it_should_be(self):
        pictures = [photos(32, 32, 3, seed=seed) for seed in range(4)]
        groups = {
            "first": [(str(n), pictures[n]) for n in range(3)],
            "second": [("3", pictures[3])],
        }
        sheet = self.draw(groups, title="all")
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
            tile = sheet[top : top + 32, left : left + 32]
            self.assertAllEqual(tile, picture)
            # Its label lies beneath.
            label = sheet[top + 32 : top + 32 + LABELS, left : left + 32]
            self.assertLess(label.min(), 100)
        # No fourth picture in the first group, no second one in the second.
        for top in (first + row, second):
            rest = sheet[top : top + row, 2 * GAP + 32 :]
            self.assertEqual(rest.min(), 255)
        # Title and headings.
        for top in (GAP, GAP + TITLE, second - HEADING):
            self.assertLess(sheet[top : top + 24].min(), 100)

    def test_thumbnails(self):
        pictures = {
            "wide": (np.full((40, 160, 3), 10, "uint8"), 16 * 64),
            "tiny": (np.full((3, 5, 3), 20, "uint8"), 36 * 60),
            "large": (np.full((900, 300, 3), 30, "uint8"), 64 * 21),
            "unreadable": (None, None),
        }
        entries = [(name, picture) for name, (picture, _) in pictures.items()]
        sheet = self.draw({"a": entries}, 4, 64)
        row = sheet[GAP + HEADING : GAP + HEADING + 64]
        for number, (picture, area) in enumerate(pictures.values()):
            tile = row[:, GAP + number * 72 : GAP + number * 72 + 64]
            if picture is None:
                self.assertLess(tile.min(), 100)
                continue
            inside = (tile == picture[0, 0]).all(-1)
            self.assertEqual(inside.sum(), area)
            # In the middle of a grey tile, which shows where white ones end.
            rows, columns = np.nonzero(inside)
            self.assertAllClose(rows.mean(), 31.5, atol=0.5)
            self.assertAllClose(columns.mean(), 31.5, atol=0.5)
            self.assertEqual(set(np.unique(tile[~inside])), {232})

    def test_any_label(self):
        # Warnings are errors here.
        image = photos(32, 32, 3)
        labels = ("漢字 \udcff", "$x^2$", "a\nb\x07", "😀", "", "long " * 99)
        for label in labels:
            self.draw({label: [(label, image)]}, title=label)

    def test_an_error_leaves_the_old_sheet(self):
        before = self.draw({"a": [("x", photos(32, 32, 3))]})
        content = self.path.read_bytes()
        with self.assertRaisesRegex(ValueError, "must be uint8 of shape"):
            self.draw({"a": [("x", photos(32, 32))]})
        self.assertEqual(self.path.read_bytes(), content)
        self.assertAllEqual(
            self.draw({"a": [("x", photos(32, 32, 3))]}), before
        )

    def test_errors(self):
        for arguments, message in (
            ({"columns": 0}, "`columns` must be .* >= 1. Received: columns=0"),
            ({"thumbnail_size": 31}, "`thumbnail_size` must be .* >= 32"),
            ({"max_per_group": 0}, "`max_per_group` must be .* >= 1"),
        ):
            with self.assertRaisesRegex(ValueError, message):
                save_contact_sheet(self.path, {}, **arguments)
