import time
from pathlib import Path
from unittest import mock

import httpx
import pytest

from keras_comic.serving import web_layout
from keras_comic.serving.content_review import ContentReview
from keras_comic.serving.web_gradio import import_gradio
from keras_comic.serving.web_gradio import in_event_loop
from keras_comic.serving.web_page import make_page
from keras_comic.serving.web_page import serve_page
from keras_comic.serving.web_stylizer import WebStylizer
from keras_comic.serving.web_work import MAX_WAITING
from tests.serving.test_web_stylizer import tiny_generator
from tests.test_case import TestCase


class WebLayoutTest(TestCase):
    def make(self, presets, content_review=None):
        return in_event_loop(
            web_layout.WebLayout,
            import_gradio(),
            WebStylizer(presets, None, content_review),
            self.temporary_folder(),
        )

    def test_components(self):
        review = ContentReview(lambda images: [True] * len(images))
        layout = self.make({"tiny": tiny_generator()}, review)
        self.assertIs(layout.blocks.content_review, review)
        # One preset needs no choosing.
        self.assertFalse(layout.preset.visible)
        self.assertEqual(
            layout.style.choices, [("Light", "0:0"), ("Dark ink", "0:1")]
        )
        self.assertEqual(layout.style.value, "0:0")
        self.assertEqual(layout.second.value, "")
        self.assertFalse(layout.stop.visible)
        # A picture on each style and each example.
        self.assertEqual(len(layout.answers.rules), 2 + len(layout.examples))

    def test_presets_are_chosen(self):
        generator = tiny_generator()
        layout = self.make({"tiny": generator, "other": generator})
        self.assertTrue(layout.preset.visible)
        self.assertEqual(
            layout.preset.choices, [("Tiny", "tiny"), ("Other", "other")]
        )

    def test_queue_is_bounded(self):
        blocks = self.make({"tiny": tiny_generator()}).blocks
        self.assertEqual(blocks._queue.max_size, MAX_WAITING)
        self.assertEqual(blocks._queue.default_concurrency_limit, 1)
        self.assertEqual(
            blocks.delete_cache,
            (web_layout.CLEANING_INTERVAL, web_layout.LONGEST_AGE),
        )


class CleaningTest(TestCase):
    @pytest.mark.slow
    def test_uploads_go_after_a_while(self):
        self.enterContext(mock.patch.object(web_layout, "CLEANING_INTERVAL", 1))
        self.enterContext(mock.patch.object(web_layout, "LONGEST_AGE", 4))
        page = make_page(
            {"tiny": tiny_generator()}, cache_folder=self.temporary_folder()
        )
        self.addCleanup(page.close)
        url = serve_page(page, port=0, wait=False)
        response = httpx.post(
            f"{url}/gradio_api/upload", files={"files": ("a.png", b"a")}
        )
        path = Path(response.json()[0])
        self.assertTrue(path.exists())
        end = time.monotonic() + 60
        while path.exists() and time.monotonic() < end:
            time.sleep(0.5)
        self.assertFalse(path.exists())
