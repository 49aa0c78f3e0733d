import importlib.util
import os
import sys
from unittest import mock

import numpy as np
from PIL import Image
from skimage import data

from tests.test_case import ROOT
from tests.test_case import TestCase


def photo(name):
    image = Image.fromarray(getattr(data, name)())
    return np.asarray(image.resize((160, 120)))


def set_blocked(folder):
    return mock.patch.dict(os.environ, BLOCKED_PICTURES=str(folder))


class ContentReviewTest(TestCase):
    def setUp(self):
        spec = importlib.util.spec_from_file_location(
            "examples.content_review", ROOT / "examples" / "content_review.py"
        )
        self.example = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.example)

    def test_withholds_what_is_near_to_blocked_pictures(self):
        folder = self.temporary_folder()
        Image.fromarray(photo("coffee")).save(folder / "blocked.png")
        self.enterContext(set_blocked(folder))
        coffee, cat = photo("coffee"), photo("chelsea")
        like_a_comic = coffee // 64 * 64 + 30
        for image, allowed in (
            (coffee, False),
            (coffee[:, ::-1], False),
            (like_a_comic, False),
            (cat, True),
        ):
            found = self.example.review(np.stack([image, cat]))
            self.assertEqual(found, [allowed, True])

    def test_stops_without_a_list(self):
        self.enterContext(set_blocked(""))
        with self.assertRaisesRegex(ValueError, "Set BLOCKED_PICTURES"):
            self.example.review(photo("coffee")[None])

    def test_keras_comic_finds_it(self):
        from keras_comic.serving.content_review import load_classifier

        sys.path.insert(0, str(ROOT / "examples"))
        self.addCleanup(sys.path.remove, str(ROOT / "examples"))
        self.addCleanup(sys.modules.pop, "content_review", None)
        classifier = load_classifier("content_review:review")
        self.assertEqual(classifier.__name__, "review")
