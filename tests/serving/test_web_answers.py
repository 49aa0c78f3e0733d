import html
import tempfile
import threading
import time
from pathlib import Path
from unittest import mock

from PIL import Image

from keras_comic.data import read_image
from keras_comic.serving.content_review import ContentReview
from keras_comic.serving.web_answers import WebAnswers
from keras_comic.serving.web_gradio import import_gradio
from keras_comic.serving.web_gradio import in_event_loop
from keras_comic.serving.web_media import MediaLimits
from keras_comic.serving.web_stylizer import WebStylizer
from keras_comic.video import write_frames
from tests.serving.test_web_stylizer import tiny_generator
from tests.test_case import TestCase
from tests.test_case import photos


class WebAnswersTest(TestCase):
    """What happens on the page, without a browser."""

    @classmethod
    def setUpClass(cls):
        cls.generators = {"tiny": tiny_generator(), "other": tiny_generator()}
        cls.answers = in_event_loop(
            WebAnswers,
            import_gradio(),
            WebStylizer(cls.generators),
            cls.enterClassContext(tempfile.TemporaryDirectory()),
        )

    def setUp(self):
        self.folder = self.temporary_folder()
        self.answers.stylizer = WebStylizer(self.generators)
        self.photo = self.folder / "photo.png"
        Image.fromarray(photos(40, 60, 3)).save(self.photo)

    def answer(self, path, style="0:0", second="", *others, session="s"):
        """Everything that is shown while a comic is made."""
        others = others or (50, 100, False)
        path = None if path is None else str(path)
        shown = []
        for values in self.answers.make(path, style, second, *others, session):
            download = values[2]
            if isinstance(download, self.answers.gradio.DownloadButton):
                file = download.value
                shown.append((values[0], file and file["path"]))
        return shown

    def test_photo(self):
        first, last = self.answer(self.photo)
        self.assertIn("kc-working", first[0])
        self.assertIsNone(first[1])
        self.assertIn("kc-compare", last[0])
        self.assertIn("<b>Light</b>", last[0])
        self.assertRegex(last[1], "photo-light.png$")
        # Nothing is left behind, of files and of sessions.
        kept = [p for p in Path(self.answers.folder).iterdir() if p.is_dir()]
        self.assertEqual(kept, [])
        self.assertEqual(self.answers.stops, {})

    def test_choices(self):
        _, (stage, _) = self.answer(self.photo, "1:1", "1:0", 25, 60, True)
        said = html.unescape(stage)
        self.assertIn("Dark ink 75 %, Light 25 %", said)
        self.assertIn("strength 60 %", said)
        self.assertIn("the photo's colours", said)

    def test_errors(self):
        notes = self.folder / "notes.txt"
        notes.write_text("Dear all")
        for arguments, message in (
            ((notes,), "notes.txt is neither a picture nor a video"),
            ((None,), "Choose a photo or a short video first"),
            ((self.photo, "7:0"), "The style is not one of those on the page"),
            ((self.photo, "0:-1"), "The style is not one of those"),
            ((self.photo, None), "The style is not one of those"),
            ((self.photo, "0:0", "1:0"), "Both styles must be of one preset"),
            ((self.photo, "0:0", "", 50, 300, False), "`strength` must be"),
        ):
            stage, download = self.answer(*arguments)[-1]
            self.assertIn('role="alert"', stage)
            self.assertIn(message, html.unescape(stage))
            self.assertNotIn(str(self.folder), stage)
            self.assertIsNone(download)

    def test_bug_is_no_end(self):
        def fail(*arguments, **options):
            raise ZeroDivisionError("secret")

        self.answers.stylizer.make = fail
        with self.assertLogs(
            "keras_comic.serving.web_answers", "ERROR"
        ) as logs:
            stage, _ = self.answer(self.photo)[-1]
        self.assertIn("the server&#x27;s log says more", stage)
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
        stage, _, _ = self.answers.look(str(self.photo))
        self.assertIn("photo.png", stage)
        self.assertIn("60 × 40 pixels", stage)
        stage, _, _ = self.answers.look(None)
        self.assertIn("An example", stage)
        empty = self.folder / "none.jpg"
        empty.touch()
        stage, _, _ = self.answers.look(str(empty))
        self.assertIn("none.jpg is empty", stage)

    def test_large_file(self):
        self.answers.stylizer = WebStylizer(
            self.generators, MediaLimits(max_upload_mb=0.001)
        )
        stage, _ = self.answer(self.photo)[-1]
        self.assertIn("photo.png has 0.0 MB, and this page takes", stage)

    def test_stop(self):
        started = threading.Event()

        def make(path, choice, folder, progress):
            for done in range(1, 1000):
                started.set()
                progress(done, 1000)
                time.sleep(0.01)

        self.answers.stylizer.make = make
        stopper = threading.Thread(
            target=lambda: started.wait() and self.answers.stop("s")
        )
        stopper.start()
        stage, _ = self.answer(self.photo)[-1]
        stopper.join()
        self.assertIn("<b>Stopped</b>", stage)
        # Nothing is being made now.
        self.answers.stop("s")

    def test_visitor_leaves(self):
        told = []

        def make(path, choice, folder, progress):
            for done in range(1, 1000):
                told.append(done)
                progress(done, 1000)
                time.sleep(0.01)

        self.answers.stylizer.make = make
        steps = self.answers.make(
            str(self.photo), "0:0", "", 50, 100, False, "s"
        )
        next(steps)
        stage = next(steps)[0]
        self.assertRegex(stage, r"Drawing frame \d+ of 1000")
        steps.close()
        self.assertLess(len(told), 999)
        self.assertEqual(self.answers.stops, {})

    def test_presets(self):
        style, second, credit = self.answers.change_preset("other")
        self.assertEqual(style.choices, [("Light", "1:0"), ("Dark ink", "1:1")])
        self.assertEqual(style.value, "1:0")
        self.assertEqual(second.choices[0], ("No second", ""))
        self.assertIn("kc-credit", credit)
        style, _, _ = self.answers.change_preset("unknown")
        self.assertEqual(style.value, "0:0")

    def test_example(self):
        for name in ("astronaut", "coffee", "chelsea"):
            path = self.answers.example(name)
            self.assertGreater(read_image(path).shape[1], 400)

    def test_one_after_the_other(self):
        drawing, go = threading.Event(), threading.Event()
        make = self.answers.stylizer.make

        def wait(*arguments):
            drawing.set()
            go.wait(60)
            return make(*arguments)

        self.answers.stylizer.make = wait
        first = threading.Thread(target=self.answer, args=(self.photo,))
        first.start()
        drawing.wait(60)
        steps = [
            self.answers.make(str(self.photo), "0:0", "", 50, 100, False, name)
            for name in ("second", "third")
        ]
        stage, _, _, run, stop = next(steps[0])
        self.assertIn("Waiting: 1 before you", stage)
        self.assertIn('role="status"', stage)
        self.assertFalse(run.visible)
        self.assertTrue(stop.visible)
        self.assertIn("Waiting: 2 before you", next(steps[1])[0])
        # Whoever waits can stop as well, and then the others are nearer.
        self.answers.stop("second")
        stage, _, _, run, stop = next(steps[0])
        self.assertIn("<b>Stopped</b>", stage)
        self.assertTrue(run.visible)
        self.assertFalse(stop.visible)
        self.assertEqual(list(steps[0]), [])
        self.assertIn("Waiting: 1 before you", next(steps[1])[0])
        go.set()
        first.join()
        self.assertIn("Drawing", next(steps[1])[0])
        self.assertIn("kc-compare", list(steps[1])[-1][0])
        self.assertEqual(self.answers.stops, {})

    def test_busy(self):
        turns = self.answers.turns
        self.enterContext(mock.patch.object(turns, "max_waiting", 0))
        ticket = turns.enter()
        stage, download = self.answer(self.photo)[-1]
        turns.leave(ticket)
        self.assertIn("The page is busy", stage)
        self.assertIn("Try again in a minute", stage)
        self.assertIsNone(download)

    def test_video_is_refused_at_once(self):
        clip = self.folder / "clip.mp4"
        write_frames(photos(6, 32, 48, 3), clip, frame_rate=6)
        review = ContentReview(lambda images: [False] * len(images))
        self.answers.stylizer.content_review = review
        shown = self.answer(clip)
        self.assertIn("Looking through the video", shown[0][0])
        self.assertIn("withheld by the content review", shown[-1][0])
        self.assertIsNone(shown[-1][1])
