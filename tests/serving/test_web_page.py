import html
import io
import json
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from unittest import mock

import httpx
import numpy as np
import pytest
from PIL import Image

from keras_comic.data import read_image
from keras_comic.serving import web_page
from keras_comic.serving.content_review import ContentReview
from keras_comic.serving.web_media import MediaLimits
from keras_comic.serving.web_page import make_page
from keras_comic.serving.web_page import serve_page
from tests.serving.test_web_stylizer import tiny_generator
from tests.test_case import ROOT
from tests.test_case import TestCase
from tests.test_case import photos


class PageTest(TestCase):
    """What happens on the page, without a browser."""

    @classmethod
    def setUpClass(cls):
        cls.generators = {"tiny": tiny_generator(), "other": tiny_generator()}
        cls.page = web_page._in_event_loop(
            web_page._Page,
            web_page.import_gradio(),
            web_page.WebStylizer(cls.generators),
            cls.enterClassContext(_folder()),
        )

    def setUp(self):
        self.folder = self.temporary_folder()
        self.page.stylizer = web_page.WebStylizer(self.generators)
        self.photo = self.folder / "photo.png"
        Image.fromarray(photos(40, 60, 3)).save(self.photo)

    def run_page(self, path, style="0:0", second="", *others, session="s"):
        """Everything that is shown while a comic is made."""
        others = others or (50, 100, False)
        path = None if path is None else str(path)
        shown = []
        for values in self.page._make(path, style, second, *others, session):
            download = values[2]
            if isinstance(download, self.page.gradio.DownloadButton):
                file = download.value
                shown.append((values[0], file and file["path"]))
        return shown

    def test_photo(self):
        first, last = self.run_page(self.photo)
        self.assertIn("kc-working", first[0])
        self.assertIsNone(first[1])
        self.assertIn("kc-compare", last[0])
        self.assertIn("<b>Light</b>", last[0])
        self.assertRegex(last[1], "photo-light.png$")
        # Nothing is left behind, of files and of sessions.
        kept = [p for p in Path(self.page.folder).iterdir() if p.is_dir()]
        self.assertEqual(kept, [])
        self.assertEqual(self.page.stops, {})

    def test_choices(self):
        _, (stage, _) = self.run_page(self.photo, "1:1", "1:0", 25, 60, True)
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
            stage, download = self.run_page(*arguments)[-1]
            self.assertIn('role="alert"', stage)
            self.assertIn(message, html.unescape(stage))
            self.assertNotIn(str(self.folder), stage)
            self.assertIsNone(download)

    def test_bug_is_no_end(self):
        def fail(*arguments, **options):
            raise ZeroDivisionError("secret")

        self.page.stylizer.make = fail
        with self.assertLogs("keras_comic.serving.web_page", "ERROR") as logs:
            stage, _ = self.run_page(self.photo)[-1]
        self.assertIn("the server&#x27;s log says more", stage)
        self.assertNotIn("secret", stage)
        self.assertIn("secret", "".join(logs.output))

    def test_content_review(self):
        review = ContentReview(lambda images: [False] * len(images))
        self.page.stylizer.content_review = review
        stage, download = self.run_page(self.photo)[-1]
        self.assertIn("This comic is not shown", stage)
        self.assertIn("withheld by the content review", stage)
        self.assertIsNone(download)

    def test_look(self):
        stage, _, _ = self.page._look(str(self.photo))
        self.assertIn("photo.png", stage)
        self.assertIn("60 × 40 pixels", stage)
        stage, _, _ = self.page._look(None)
        self.assertIn("An example", stage)
        empty = self.folder / "none.jpg"
        empty.touch()
        stage, _, _ = self.page._look(str(empty))
        self.assertIn("none.jpg is empty", stage)

    def test_large_file(self):
        self.page.stylizer = web_page.WebStylizer(
            self.generators, MediaLimits(max_upload_mb=0.001)
        )
        stage, _ = self.run_page(self.photo)[-1]
        self.assertIn("photo.png has 0.0 MB, and this page takes", stage)

    def test_stop(self):
        started = threading.Event()

        def make(path, choice, folder, progress):
            for done in range(1, 1000):
                started.set()
                progress(done, 1000)
                time.sleep(0.01)

        self.page.stylizer.make = make
        stopper = threading.Thread(
            target=lambda: started.wait() and self.page._stop("s")
        )
        stopper.start()
        stage, _ = self.run_page(self.photo)[-1]
        stopper.join()
        self.assertIn("<b>Stopped</b>", stage)
        # Nothing is being made now.
        self.page._stop("s")

    def test_visitor_leaves(self):
        told = []

        def make(path, choice, folder, progress):
            for done in range(1, 1000):
                told.append(done)
                progress(done, 1000)
                time.sleep(0.01)

        self.page.stylizer.make = make
        steps = self.page._make(str(self.photo), "0:0", "", 50, 100, False, "s")
        next(steps)
        stage = next(steps)[0]
        self.assertRegex(stage, r"Drawing frame \d+ of 1000")
        steps.close()
        self.assertLess(len(told), 999)
        self.assertEqual(self.page.stops, {})

    def test_presets(self):
        style, second, credit = self.page._change_preset("other")
        self.assertEqual(style.choices, [("Light", "1:0"), ("Dark ink", "1:1")])
        self.assertEqual(style.value, "1:0")
        self.assertEqual(second.choices[0], ("No second", ""))
        self.assertIn("kc-credit", credit)
        style, _, _ = self.page._change_preset("unknown")
        self.assertEqual(style.value, "0:0")

    def test_example(self):
        for name in ("astronaut", "coffee", "chelsea"):
            path = self.page._example(name)
            self.assertGreater(read_image(path).shape[1], 400)


class ServePageTest(TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = cls.enterClassContext(_folder())
        cls.page = make_page(
            {"tiny": tiny_generator()},
            MediaLimits(max_upload_mb=0.05),
            cache_folder=cls.folder,
        )
        cls.url = serve_page(cls.page, port=0, wait=False)
        cls.addClassCleanup(cls.page.close)

    def test_page(self):
        response = httpx.get(self.url)
        self.assertEqual(response.status_code, 200)
        head = response.text.split("window.gradio_config")[0]
        self.assertNotRegex(head, "https?://")
        # In the whole page, no script, style or font of another server.
        self.assertNotRegex(
            response.text,
            r"fonts\.(googleapis|gstatic)|cdnjs|<script[^>]*src=.http"
            r"|@import|og:image|twitter:",
        )
        self.assertIn(
            "default-src 'self'", response.headers["content-security-policy"]
        )

    def test_settings(self):
        text = httpx.get(f"{self.url}/config").text
        config = json.loads(text)
        self.assertFalse(config["analytics_enabled"])
        self.assertIsNone(config.get("share_url"))
        self.assertEqual(config["footer_links"], [])
        self.assertNotIn("fonts.googleapis", text)
        for path in ("/docs", "/redoc", "/openapi.json"):
            response = httpx.get(self.url + path)
            self.assertEqual(response.status_code, 404)

    def test_loopback_alone(self):
        address = httpx.URL(self.url)
        self.assertEqual(address.host, "127.0.0.1")
        # Another of the computer's own addresses is not listened at.
        with self.assertRaises(OSError):
            socket.create_connection(("127.0.0.2", address.port), 1).close()

    def test_queue_is_bounded(self):
        config = httpx.get(f"{self.url}/config").json()
        self.assertTrue(config["enable_queue"])
        self.assertEqual(self.page._queue.max_size, web_page.MAX_WAITING)
        self.assertEqual(self.page._queue.default_concurrency_limit, 1)
        self.assertEqual(
            self.page.delete_cache,
            (web_page.CLEANING_INTERVAL, web_page.LONGEST_AGE),
        )

    def test_large_upload(self):
        for size, status in ((200_000, 413), (10_000, 200)):
            response = httpx.post(
                f"{self.url}/gradio_api/upload",
                files={"files": ("a.png", bytes(size))},
            )
            self.assertEqual(response.status_code, status)
        # No other user of the computer can read what was uploaded.
        (path,) = response.json()
        folder = Path(os.environ["GRADIO_TEMP_DIR"])
        self.assertIn(folder, Path(path).parents)
        self.assertEqual(folder.stat().st_mode & 0o077, 0)

    def test_files_of_the_server_are_not_given(self):
        secret = self.folder / "secret.txt"
        secret.write_text("secret")
        for path in (secret, "/etc/passwd", ROOT / "setup.cfg"):
            response = httpx.get(f"{self.url}/gradio_api/file={path}")
            self.assertIn(response.status_code, (403, 404))

    def test_files_are_not_named_by_urls(self):
        file = {
            "path": "http://elsewhere.org/a.png",
            "meta": {"_type": "gradio.FileData"},
        }
        response = httpx.post(
            f"{self.url}/gradio_api/queue/join",
            json={"data": [file], "fn_index": 0, "session_hash": "a"},
        )
        self.assertEqual(response.status_code, 400)

    def test_others_are_let_in_on_request_only(self):
        with self.assertRaisesRegex(ValueError, "must have a content class"):
            serve_page(self.page, "0.0.0.0", port=0, wait=False)

    def test_taken_port(self):
        port = httpx.URL(self.url).port
        with self.assertRaisesRegex(OSError, f"taken.*port={port}"):
            serve_page(self.page, port=port, wait=False)


class CleaningTest(TestCase):
    @pytest.mark.slow
    def test_uploads_go_after_a_while(self):
        self.enterContext(mock.patch.object(web_page, "CLEANING_INTERVAL", 1))
        self.enterContext(mock.patch.object(web_page, "LONGEST_AGE", 4))
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


class NoForeignConnectionTest(TestCase):
    @pytest.mark.slow
    def test_server_calls_nobody(self):
        # In a process of its own, since what listens cannot be taken away.
        program = """
import sys
called = []
def listen(event, arguments):
    if event == "socket.connect":
        called.append(arguments[1])
    if event == "socket.getaddrinfo":
        called.append(arguments[0])
sys.addaudithook(listen)
import time
import httpx
from tests.serving.test_web_stylizer import tiny_generator
from keras_comic.serving.web_page import make_page
from keras_comic.serving.web_page import serve_page
page = make_page({"tiny": tiny_generator()}, cache_folder=sys.argv[1])
url = serve_page(page, port=0, wait=False)
httpx.get(url)
time.sleep(2)
page.close()
hosts = [c[0] if isinstance(c, tuple) else c for c in called]
print({h.decode() if isinstance(h, bytes) else h for h in hosts})
"""
        done = subprocess.run(
            [sys.executable, "-c", program, self.temporary_folder()],
            capture_output=True,
            text=True,
            cwd=ROOT,
        )
        self.assertEqual(done.returncode, 0, done.stderr[-2000:])
        self.assertIn(
            done.stdout.strip(),
            ("{'127.0.0.1'}", "set()", "{None, '127.0.0.1'}"),
        )


class IconTest(TestCase):
    def test_icon(self):
        path = self.temporary_folder() / "icon.png"
        web_page._draw_icon(path)
        icon = np.asarray(Image.open(io.BytesIO(path.read_bytes())))
        self.assertEqual(icon.shape, (128, 128, 4))
        self.assertEqual(icon[0, 0, 3], 0)
        self.assertEqual(icon[30, 64].tolist(), [255, 210, 63, 255])


def _folder():
    import contextlib
    import tempfile

    @contextlib.contextmanager
    def folder():
        with tempfile.TemporaryDirectory() as path:
            yield Path(path)

    return folder()
