import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from keras_comic.serving.web_media import MediaLimits
from keras_comic.serving.web_page import make_page
from keras_comic.serving.web_page import serve_page
from tests.serving.test_web_stylizer import tiny_painter
from tests.test_case import ROOT
from tests.test_case import TestCase
from tests.tiny_families import TinyComic


class ServePageTest(TestCase):
    @classmethod
    def setUpClass(cls):
        presets = {"painter": tiny_painter(), "comic": TinyComic()}
        cls.page = make_page(presets, MediaLimits(max_upload_mb=0.05))
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
        policy = response.headers["content-security-policy"]
        self.assertIn("default-src 'self'", policy)

    def test_settings(self):
        config = json.loads(httpx.get(f"{self.url}/config").text)
        self.assertFalse(config["analytics_enabled"])
        self.assertIsNone(config.get("share_url"))
        for path in ("/docs", "/openapi.json"):
            response = httpx.get(self.url + path)
            self.assertEqual(response.status_code, 404)

    def test_loopback_alone(self):
        address = httpx.URL(self.url)
        self.assertEqual(address.host, "127.0.0.1")
        # Another of the computer's own addresses is not listened at.
        with self.assertRaises(OSError):
            socket.create_connection(("127.0.0.2", address.port), 1).close()
        with self.assertRaisesRegex(ValueError, "must have a content class"):
            serve_page(self.page, "0.0.0.0", port=0, wait=False)
        with self.assertRaisesRegex(OSError, f"taken.*port={address.port}"):
            serve_page(self.page, port=address.port, wait=False)

    def test_uploads(self):
        for size, status in ((200_000, 413), (10_000, 200)):
            response = httpx.post(
                f"{self.url}/gradio_api/upload",
                files={"files": ("a.png", bytes(size))},
            )
            self.assertEqual(response.status_code, status)
        # No other user of the computer can read them.
        (path,) = response.json()
        folder = Path(os.environ["GRADIO_TEMP_DIR"])
        self.assertIn(folder, Path(path).parents)
        self.assertEqual(folder.stat().st_mode & 0o077, 0)

    def test_files_of_the_server_are_not_given(self):
        for path in ("/etc/passwd", ROOT / "setup.cfg"):
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

    @pytest.mark.slow
    def test_server_calls_nobody(self):
        # In a process of its own, since an audit hook cannot be taken away.
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
from tests.tiny_families import TinyComic
from keras_comic.serving.web_page import make_page
from keras_comic.serving.web_page import serve_page
page = make_page({"comic": TinyComic()})
url = serve_page(page, port=0, wait=False)
httpx.get(url)
time.sleep(2)
page.close()
hosts = [c[0] if isinstance(c, tuple) else c for c in called]
print({h.decode() if isinstance(h, bytes) else h for h in hosts})
"""
        done = subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            cwd=ROOT,
        )
        self.assertEqual(done.returncode, 0, done.stderr[-2000:])
        self.assertIn(
            done.stdout.strip(),
            ("{'127.0.0.1'}", "set()", "{None, '127.0.0.1'}"),
        )
