import os

import numpy as np
from PIL import Image

from keras_comic.data.contact_sheet import COLUMNS
from keras_comic.data.contact_sheet import GAP
from keras_comic.data.contact_sheet import HEADING
from keras_comic.data.contact_sheet import SIZE
from keras_comic.data.contact_sheet import WIDTH
from keras_comic.data.contact_sheet import save_contact_sheet
from tests.test_case import TestCase
from tests.test_case import photos

TOP = HEADING + 2 * GAP


class ContactSheetTest(TestCase):
    def setUp(self):
        super().setUp()
        self.path = self.temporary_folder() / "sheet.png"

    def draw(self, groups, **arguments):
        save_contact_sheet(self.path, groups, **arguments)
        self.assertEqual(os.listdir(self.path.parent), ["sheet.png"])
        with Image.open(self.path) as sheet:
            return np.asarray(sheet)

    def tile(self, sheet, number, top=TOP):
        left = GAP + number * (SIZE + GAP)
        return sheet[top : top + SIZE, left : left + SIZE]

    def test_pictures_and_groups(self):
        pictures = [photos(SIZE, SIZE, 3, seed=seed) for seed in range(9)]
        entries = [(str(n), picture) for n, picture in enumerate(pictures)]
        one = self.draw({"a": entries[:1]})
        self.assertEqual(one.shape[1], WIDTH)
        self.assertAllEqual(self.tile(one, 0), pictures[0])
        # Its label lies beneath.
        self.assertLess(one[TOP + SIZE :, GAP : GAP + SIZE].min(), 100)
        row = len(one) - TOP
        both = self.draw({"a": entries, "b": entries[:1]})
        self.assertEqual(len(both), 2 * TOP + 3 * row)
        for number in range(COLUMNS):
            self.assertAllEqual(self.tile(both, number), pictures[number])
        self.assertAllEqual(self.tile(both, 0, TOP + row), pictures[8])
        self.assertAllEqual(self.tile(both, 0, 2 * TOP + 2 * row), pictures[0])
        few = self.draw({"a": entries, "b": entries[:1]}, max_per_group=8)
        self.assertEqual(len(few), 2 * TOP + 2 * row)
        self.assertGreater(len(self.draw({}, title="all")), TOP)

    def test_headings_count_where_some_may_be_left_out(self):
        image = photos(SIZE, SIZE, 3)
        entries = [("frame 0", image), ("frame 1", image)]

        def heading(**arguments):
            return self.draw({"source": entries}, **arguments)[:TOP]

        name, counted, cut = (
            (heading(**arguments) < 128).any((0, 2)).nonzero()[0].max()
            for arguments in ({}, {"max_per_group": 2}, {"max_per_group": 1})
        )
        # "source", "source: 2" and "source: 2 (1 of them not shown)".
        self.assertLess(name, counted)
        self.assertLess(counted + 50, cut)

    def test_thumbnails(self):
        pictures = {
            "wide": (np.full((80, 320, 3), 10, "uint8"), 40 * 160),
            "tiny": (np.full((3, 5, 3), 20, "uint8"), 96 * 160),
            "large": (np.full((900, 300, 3), 30, "uint8"), 160 * 53),
            "unreadable": (None, None),
        }
        entries = [(name, picture) for name, (picture, _) in pictures.items()]
        sheet = self.draw({"a": entries})
        for number, (picture, area) in enumerate(pictures.values()):
            tile = self.tile(sheet, number)
            if picture is None:
                self.assertLess(tile.min(), 100)
                continue
            inside = (tile == picture[0, 0]).all(-1)
            self.assertEqual(inside.sum(), area)
            # In the middle of a grey tile, which shows where white ones end.
            rows, columns = np.nonzero(inside)
            self.assertAllClose(rows.mean(), 79.5, atol=0.5)
            self.assertAllClose(columns.mean(), 79.5, atol=0.5)
            self.assertEqual(set(np.unique(tile[~inside])), {232})

    def test_any_label(self):
        # Warnings are errors here.
        image = photos(32, 32, 3)
        labels = ("漢字 \udcff", "$x^2$", "a\nb\x07", "😀", "", "long " * 99)
        for label in labels:
            self.draw({label: [(label, image)]}, title=label)

    def test_an_error_leaves_the_old_sheet(self):
        self.draw({"a": [("x", photos(32, 32, 3))]})
        content = self.path.read_bytes()
        with self.assertRaisesRegex(ValueError, "must be uint8 of shape"):
            self.draw({"a": [("x", photos(32, 32))]})
        self.assertEqual(self.path.read_bytes(), content)
