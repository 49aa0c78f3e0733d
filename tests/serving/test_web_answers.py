import html
import threading
import time
from pathlib import Path

import gradio
from PIL import Image

from keras_comic.serving.content_review import ContentReview
from keras_comic.serving.web_answers import WebAnswers
from keras_comic.serving.web_media import MediaLimits
from keras_comic.serving.web_stylizer import WebStylizer
from tests.serving.test_web_stylizer import tiny_painter
from tests.test_case import TestCase
from tests.test_case import photos
from tests.tiny_families import TinyComic

CHOICE = ("painter", "0:0", "", 50, 100, False)


class WebAnswersTest(TestCase):
    """The answers of the page, without a browser."""

    @classmethod
    def setUpClass(cls):
        cls.generators = {
            "painter": tiny_painter(),
            "comic": TinyComic(),
            "other": tiny_painter(),
        }
        cls.answers = WebAnswers(gradio, WebStylizer(cls.generators))

    def setUp(self):
        self.folder = self.temporary_folder()
        self.answers.stylizer = WebStylizer(self.generators)
        self.photo = self.folder / "photo.png"
        Image.fromarray(photos(40, 60, 3)).save(self.photo)

    def answer(self, path, settings=CHOICE):
        """The stages that are shown while a comic is made, and the files."""
        path = None if path is None else str(path)
        shown = []
        for values in self.answers.make(path, settings, "session"):
            if isinstance(values[2], gradio.DownloadButton):
                file = values[2].value
                shown.append((html.unescape(values[0]), file and file["path"]))
        return shown

    def test_photo(self):
        first, last = self.answer(self.photo)
        self.assertIn("kc-working", first[0])
        self.assertIsNone(first[1])
        self.assertIn("kc-compare", last[0])
        self.assertIn("<b>Light</b>", last[0])
        self.assertRegex(last[1], "photo-light.png$")
        # Nothing is left behind, of files and of sessions.
        folders = [p for p in Path(self.answers.folder).iterdir() if p.is_dir()]
        self.assertEqual(folders, [])
        self.assertEqual(self.answers.stops, {})

    def test_settings(self):
        settings = ("other", "2:1", "2:0", 25, 60, True)
        stage, _ = self.answer(self.photo, settings)[-1]
        self.assertIn("Dark ink 75 %, Light 25 %", stage)
        self.assertIn("strength 60 %", stage)
        self.assertIn("the photo's colours", stage)
        # A preset without styles takes none, whatever was chosen before.
        settings = ("comic", "0:1", "0:0", 50, 100, False)
        stage, download = self.answer(self.photo, settings)[-1]
        self.assertIn("<b>Comic</b>", stage)
        self.assertRegex(download, "photo-comic.png$")

    def test_errors(self):
        notes = self.folder / "notes.txt"
        notes.write_text("Dear all")
        for path, settings, message in (
            (notes, CHOICE, "notes.txt is neither a picture nor a video"),
            (None, CHOICE, "Choose a photo or a short video first"),
            (self.photo, ("none", *CHOICE[1:]), "no such preset"),
            (self.photo, ("painter", "0:-1", *CHOICE[2:]), "not one of those"),
            (self.photo, ("painter", None, *CHOICE[2:]), "not one of those"),
            (self.photo, ("other", *CHOICE[1:]), "not one of those"),
            (self.photo, (*CHOICE[:4], 300, False), "`strength` must be"),
        ):
            stage, download = self.answer(path, settings)[-1]
            self.assertIn('role="alert"', stage)
            self.assertIn(message, stage)
            self.assertNotIn(str(self.folder), stage)
            self.assertIsNone(download)

    def test_bug_is_no_end(self):
        def fail(*arguments, **options):
            raise ZeroDivisionError("secret")

        self.answers.stylizer.make = fail
        name = "keras_comic.serving.web_answers"
        with self.assertLogs(name, "ERROR") as logs:
            stage, _ = self.answer(self.photo)[-1]
        self.assertIn("the server's log says more", stage)
        self.assertNotIn("secret", stage)
        self.assertIn("secret", "".join(logs.output))

    def test_content_review(self):
        review = ContentReview(lambda images: [False] * len(images))
        self.answers.stylizer.content_review = review
        stage, download = self.answer(self.photo)[-1]
        self.assertIn("This comic is not shown", stage)
        self.assertIn("withheld by the content review", stage)
        self.assertIsNone(download)

    def test_look(self):
        self.answers.stylizer = WebStylizer(
            self.generators, MediaLimits(max_upload_mb=0.01)
        )
        large = self.folder / "large.jpg"
        large.write_bytes(bytes(20_000))
        for path, message in (
            (str(self.photo), "60 × 40 pixels"),
            (None, "An example"),
            (str(large), "large.jpg has 0.0 MB, and this page takes"),
        ):
            self.assertIn(message, self.answers.look(path)[0])

    def wait(self, path, choice, folder, progress):
        """Takes the place of a long video."""
        for done in range(1, 1000):
            progress(done, 1000)
            time.sleep(0.01)

    def test_stop(self):
        self.answers.stylizer.make = self.wait
        steps = self.answers.make(str(self.photo), CHOICE, "session")
        next(steps)
        self.assertRegex(next(steps)[0], r"Drawing frame \d+ of 1000")
        stopper = threading.Timer(0.1, self.answers.stop, ["session"])
        stopper.start()
        self.assertIn("<b>Stopped</b>", list(steps)[-1][0])
        stopper.join()
        # Nothing is being made now.
        self.answers.stop("session")

    def test_visitor_leaves(self):
        self.answers.stylizer.make = self.wait
        steps = self.answers.make(str(self.photo), CHOICE, "session")
        next(steps)
        next(steps)
        start = time.monotonic()
        steps.close()
        self.assertLess(time.monotonic() - start, 5)
        self.assertEqual(self.answers.stops, {})

    def test_presets(self):
        style, second, mix, credit = self.answers.change_preset("other")
        self.assertEqual(style.choices, [("Light", "2:0"), ("Dark ink", "2:1")])
        self.assertEqual((style.value, style.visible), ("2:0", True))
        self.assertEqual(second.choices[0], ("No second", ""))
        self.assertTrue(mix.visible)
        self.assertIn("kc-credit", credit)
        style, _, mix, credit = self.answers.change_preset("comic")
        self.assertFalse(style.visible or mix.visible)
        self.assertEqual(credit, "")
