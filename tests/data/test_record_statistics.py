import collections

import numpy as np
from PIL import Image

from keras_comic.data.record_statistics import MAX_BARS
from keras_comic.data.record_statistics import _printable
from keras_comic.data.record_statistics import save_statistics_page
from keras_comic.data.record_statistics import summarize
from tests.test_case import TestCase

Dropped = collections.namedtuple("Dropped", "rule")


def facts_of(count, **facts):
    return [
        {
            "height": 24 + number,
            "width": 32,
            "bytes": 1000 * number,
            "brightness": number / count,
            "saturation": 0.25,
            "label": f"label {number % 3}",
            "license": "CC0" if number % 2 else "",
            **facts,
        }
        for number in range(count)
    ]


class SummaryTest(TestCase):
    def test_numbers(self):
        facts = [{"height": 1}, {"height": 2, "width": 7}, {"height": 9}]
        self.assertEqual(
            summarize(facts),
            {
                "height": {"min": 1.0, "median": 2.0, "mean": 4.0, "max": 9.0},
                "width": {"min": 7.0, "median": 7.0, "mean": 7.0, "max": 7.0},
            },
        )
        self.assertEqual(summarize([]), {})

    def test_all_measures(self):
        summary = summarize(facts_of(10))
        self.assertEqual(
            list(summary),
            ["height", "width", "bytes", "brightness", "saturation"],
        )
        self.assertEqual(summary["brightness"]["median"], 0.45)


class PageTest(TestCase):
    def setUp(self):
        super().setUp()
        self.path = self.temporary_folder() / "page.png"

    def draw(self, *arguments):
        save_statistics_page(self.path, *arguments)
        self.assertEqual(list(self.path.parent.iterdir()), [self.path])
        with Image.open(self.path) as image:
            self.assertEqual(image.format, "PNG")
            return np.asarray(image.convert("RGB"))

    def columns(self, page):
        """How many columns of pixels of each of 3 x 3 parts have some blue."""
        blue = (page == (31, 119, 180)).all(-1)
        return [
            int(part.any(0).sum())
            for row in np.array_split(blue, 3)
            for part in np.array_split(row, 3, axis=1)
        ]

    def test_every_part_is_drawn(self):
        page = self.draw(facts_of(30), [Dropped("blank")] * 3)
        self.assertShape(page, (960, 960, 3))
        self.assertGreater(min(self.columns(page)), 3)
        *rest, left_out = self.columns(self.draw(facts_of(30)))
        self.assertGreater(min(rest), 3)
        self.assertEqual(left_out, 0)

    def test_wider_where_values_differ(self):
        alike = self.columns(self.draw(facts_of(9, brightness=0.5)))[3]
        differ = self.columns(self.draw(facts_of(9)))[3]
        self.assertLess(alike, differ)

    def test_same_bytes_again(self):
        self.draw(facts_of(7), [Dropped("blank")])
        first = self.path.read_bytes()
        self.draw(facts_of(7), [Dropped("blank")])
        self.assertEqual(self.path.read_bytes(), first)

    def test_any_name_can_be_written(self):
        # None of these may warn of a missing letter or fail as a formula.
        names = ["墨", "$x_{$", "a\nb", "\udce9", "é" * 300, "", "_", "%s\\"]
        facts = [{**facts_of(1)[0], "label": name} for name in names]
        self.draw(facts, [Dropped(name) for name in names])

    def test_letters_of_the_font_stay(self):
        self.assertEqual(_printable("Café Ёж"), "Café Ёж")
        self.assertEqual(_printable("墨 a\nb"), "? a?b")
        self.assertEqual(_printable("\udce9"), "?")
        self.assertEqual(_printable("é" * 40), "é" * 31 + "~")

    def test_many_names(self):
        names = [f"label {number}" for number in range(10 * MAX_BARS)]
        facts = [{**facts_of(1)[0], "label": name} for name in names]
        self.draw(facts)

    def test_few_records(self):
        self.draw(facts_of(1))
        self.draw([])
        fact = facts_of(1)[0]
        del fact["brightness"], fact["saturation"]
        self.draw([fact])
