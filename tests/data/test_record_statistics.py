import collections

import numpy as np
from PIL import Image

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

    def test_same_bytes_again(self):
        self.draw(facts_of(7), [Dropped("blank")])
        first = self.path.read_bytes()
        self.draw(facts_of(7), [Dropped("blank")])
        self.assertEqual(self.path.read_bytes(), first)

    def test_any_name_can_be_written(self):
        names = ["$x$", "\u6f2b\u753b", "caf\udce9", "long " * 20]
        facts = [
            {**fact, "label": name, "license": name}
            for fact, name in zip(facts_of(40), names * 10)
        ]
        self.draw(facts, [Dropped(f"rule {i}") for i in range(20)])
