from keras_comic.serving.web_page import make_page
from tests.serving.test_web_stylizer import tiny_painter
from tests.test_case import TestCase
from tests.tiny_families import TinyComic


class WebLayoutTest(TestCase):
    def make(self, **generators):
        """Returns the components of a page by their names."""
        page = make_page(generators)
        self.addCleanup(page.close)
        return {c.elem_id: c for c in page.blocks.values() if c.elem_id}

    def test_styles(self):
        parts = self.make(painter=tiny_painter())
        # One preset needs no choosing.
        self.assertFalse(parts["kc-preset"].visible)
        choices = [("Light", "0:0"), ("Dark ink", "0:1")]
        self.assertEqual(parts["kc-style"].choices, choices)
        self.assertEqual(parts["kc-style"].value, "0:0")
        self.assertTrue(parts["kc-mix"].visible)
        self.assertFalse(parts["kc-stop"].visible)

    def test_without_styles(self):
        parts = self.make(comic=TinyComic())
        for name in ("kc-look", "kc-preset", "kc-style", "kc-mix"):
            self.assertFalse(parts[name].visible)

    def test_several(self):
        parts = self.make(comic=TinyComic(), painter=tiny_painter())
        choices = [("Comic", "comic"), ("Painter", "painter")]
        self.assertEqual(parts["kc-preset"].choices, choices)
        self.assertTrue(parts["kc-preset"].visible)
        self.assertFalse(parts["kc-style"].visible)
