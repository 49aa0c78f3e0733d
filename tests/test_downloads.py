import hashlib
import http.server
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
from absl.testing import parameterized

from keras_comic import downloads
from keras_comic.downloads import cache_folder
from keras_comic.downloads import fetch
from tests.test_case import TestCase

CONTENT = np.random.default_rng(0).bytes(700_001)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
OTHER = bytes(len(CONTENT))


class Server(http.server.ThreadingHTTPServer):
    """A web server on this machine, whose answers a test chooses.

    Each request takes the next of `answers`, and the last again and again: a
    dict with `status` (an error), `limit` (bytes after which the connection
    breaks), `ranges` (whether parts are sent), `content`, `length` (whether
    it is said), `shift` (an error of the part's place), `delay` (seconds) or
    `headers`.
    """

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers = [{}]
        # What was asked for: first bytes.
        self.starts = []
        # A little wait for the end of the test instead of half a second.
        serve = threading.Thread(
            target=self.serve_forever, args=(0.01,), daemon=True
        )
        serve.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/weights.h5"

    def close(self):
        self.shutdown()
        self.server_close()

    def handle_error(self, request, client_address):
        """Clients that go away are part of the tests."""


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(asked[1]) if asked else 0
        server.starts.append(start)
        answer = server.answers[0]
        if len(server.answers) > 1:
            del server.answers[0]
        if "status" in answer:
            self.send_response(answer["status"])
            for name, value in answer.get("headers", {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        content = answer.get("content", CONTENT)
        total = len(content)
        if start and answer.get("ranges", True):
            if start >= total:
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{total}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            start += answer.get("shift", 0)
            content = content[start:]
            self.send_response(206)
            self.send_header(
                "Content-Range", f"bytes {start}-{total - 1}/{total}"
            )
        else:
            self.send_response(200)
        if answer.get("length", True):
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        time.sleep(answer.get("delay", 0.0))
        self.wfile.write(content[: answer.get("limit")])

    def log_message(self, *args):
        """Nothing: tests are silent."""


class FetchTest(TestCase, parameterized.TestCase):
    def setUp(self):
        self.server = Server()
        self.addCleanup(self.server.close)
        self.folder = self.temporary_folder()
        self.path = self.folder / "cache" / "weights.h5"
        self.part = self.path.with_name("weights.h5.part")
        delay = downloads.FIRST_DELAY
        downloads.FIRST_DELAY = 0.01
        self.addCleanup(setattr, downloads, "FIRST_DELAY", delay)

    def fetch(self, url=None, sha256=SHA256, num_bytes=None, **kwargs):
        return fetch(
            url or self.server.url, sha256, self.path, num_bytes, **kwargs
        )

    def assertFetched(self, **kwargs):
        path = self.fetch(**kwargs)
        self.assertEqual(path, self.path)
        self.assertEqual(path.read_bytes(), CONTENT)
        self.assertEqual(os.listdir(path.parent), ["weights.h5"])

    def leave(self, content):
        """What an earlier call has left behind."""
        self.part.parent.mkdir(exist_ok=True)
        self.part.write_bytes(content)

    @parameterized.parameters(None, len(CONTENT))
    def test_whole(self, num_bytes):
        self.assertFetched(num_bytes=num_bytes)
        self.assertEqual(self.server.starts, [0])
        # Not again; nor with the checksum in capitals.
        self.assertFetched(sha256=SHA256.upper())
        self.assertEqual(self.server.starts, [0])

    def test_damaged_file_is_fetched_again(self):
        self.assertFetched()
        self.path.write_bytes(CONTENT[:-1])
        self.assertFetched()
        self.assertEqual(self.server.starts, [0, 0])

    @parameterized.parameters(None, len(CONTENT))
    def test_connection_breaks(self, num_bytes):
        self.server.answers = [{"limit": 300_000}, {"limit": 200_000}, {}]
        self.assertFetched(num_bytes=num_bytes)
        self.assertEqual(self.server.starts, [0, 300_000, 500_000])

    def test_connection_breaks_at_once(self):
        self.server.answers = [{"limit": 0}, {}]
        self.assertFetched()
        self.assertEqual(self.server.starts, [0, 0])

    def test_length_is_not_said(self):
        self.server.answers = [{"length": False, "limit": 300_000}, {}]
        self.assertFetched(num_bytes=len(CONTENT))
        self.assertEqual(self.server.starts, [0, 300_000])

    def test_continued_by_the_next_call(self):
        self.server.answers = [{"limit": 300_000}]
        with self.assertRaisesRegex(
            OSError,
            "'http.*/weights.h5' could not be fetched: the connection was "
            "closed after 300000 of 700001 bytes. Check the address and the "
            "connection. 300000 of 700001 bytes have arrived; the next call "
            "goes on from there. Without a connection, bring the file here by "
            "other means, as '.*weights.h5'.",
        ):
            self.fetch(num_retries=0, num_bytes=len(CONTENT))
        self.assertFalse(self.path.exists())
        self.assertEqual(self.part.read_bytes(), CONTENT[:300_000])
        self.server.answers = [{}]
        self.assertFetched()
        self.assertEqual(self.server.starts, [0, 300_000])

    def test_killed_process(self):
        # The first 300,000 bytes, and then it hangs.
        self.server.answers = [{"limit": 300_000}, {"delay": 60.0}]
        # The module alone, which is quick to start.
        program = (
            "import runpy, sys;"
            "runpy.run_path(sys.argv[1])['fetch'](*sys.argv[2:])"
        )
        process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                program,
                downloads.__file__,
                self.server.url,
                SHA256,
                str(self.path),
            ]
        )
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        deadline = time.monotonic() + 60.0
        while len(self.server.starts) < 2 and time.monotonic() < deadline:
            time.sleep(0.02)
        process.kill()
        process.wait()
        self.assertEqual(self.part.read_bytes(), CONTENT[:300_000])
        self.server.answers = [{}]
        self.assertFetched()
        self.assertEqual(self.server.starts, [0, 300_000, 300_000])

    @parameterized.parameters(None, len(CONTENT))
    def test_all_was_there_already(self, num_bytes):
        self.leave(CONTENT)
        self.assertFetched(num_bytes=num_bytes)
        asked = [] if num_bytes else [len(CONTENT)]
        self.assertEqual(self.server.starts, asked)

    @parameterized.parameters(None, len(CONTENT))
    def test_more_was_there(self, num_bytes):
        self.leave(CONTENT + b"?")
        self.assertFetched(num_bytes=num_bytes)

    @parameterized.parameters(None, len(CONTENT))
    def test_part_of_another_file(self, num_bytes):
        for size in (1000, len(CONTENT)):
            self.leave(OTHER[:size])
            self.assertFetched(num_bytes=num_bytes)
            self.path.unlink()

    def test_server_without_ranges(self):
        self.server.answers = [{"limit": 300_000}, {"ranges": False}]
        self.assertFetched()
        self.assertEqual(self.server.starts, [0, 300_000])

    def test_server_with_wrong_ranges(self):
        self.server.answers = [{"limit": 300_000}, {"shift": 5}, {}]
        self.assertFetched()
        self.assertEqual(self.server.starts, [0, 300_000, 0])

    @parameterized.parameters(None, len(CONTENT))
    def test_wrong_checksum(self, num_bytes):
        self.server.answers = [{"content": OTHER}]
        found = hashlib.sha256(OTHER).hexdigest()
        with self.assertRaisesRegex(
            ValueError,
            "The checksum of 'http.*/weights.h5' does not agree: .* Expected: "
            f"sha256={SHA256}. Received: sha256={found}",
        ):
            self.fetch(num_bytes=num_bytes)
        self.assertEqual(self.server.starts, [0])
        self.assertEqual(os.listdir(self.path.parent), [])

    def test_wrong_size(self):
        for content, length, received in (
            (CONTENT + b"?", True, "700002"),
            (CONTENT[:-1], True, "700000"),
            (CONTENT + b"?", False, "more than 700001"),
        ):
            self.server.answers = [{"content": content, "length": length}]
            with self.assertRaisesRegex(
                ValueError,
                "The size of 'http.*' does not agree: .* Expected: 700001 "
                f"bytes. Received: {received} bytes",
            ):
                self.fetch(num_bytes=len(CONTENT))
            self.assertEqual(os.listdir(self.path.parent), [])

    @parameterized.parameters(404, 403, 410)
    def test_refused_for_good(self, status):
        self.server.answers = [{"status": status}, {}]
        with self.assertRaisesRegex(
            OSError, f"could not be fetched: HTTP status {status}, "
        ):
            self.fetch()
        self.assertEqual(self.server.starts, [0])
        self.assertEqual(os.listdir(self.path.parent), [])

    @parameterized.parameters(408, 429, 500, 503)
    def test_refused_for_now(self, status):
        self.server.answers = [{"status": status}, {"status": status}, {}]
        self.assertFetched()
        self.assertEqual(self.server.starts, [0, 0, 0])

    def test_retry_after(self):
        headers = {"Retry-After": "1"}
        self.server.answers = [{"status": 429, "headers": headers}, {}]
        start = time.monotonic()
        self.assertFetched()
        self.assertGreaterEqual(time.monotonic() - start, 1.0)

    def test_retries_are_bounded(self):
        self.server.answers = [{"status": 503}]
        with self.assertRaisesRegex(OSError, "HTTP status 503"):
            self.fetch(num_retries=3)
        self.assertEqual(self.server.starts, [0] * 4)

    def test_silent_server(self):
        self.server.answers = [{"delay": 5.0}, {}]
        self.assertFetched(timeout=0.2)
        self.assertEqual(self.server.starts, [0, 0])

    def test_no_server(self):
        url = self.server.url
        self.server.close()
        with self.assertRaisesRegex(
            OSError, f"'{url}' could not be fetched: ConnectionRefusedError: "
        ):
            self.fetch(url, num_retries=1)
        self.assertEqual(os.listdir(self.path.parent), [])

    def test_no_such_host(self):
        # A name that by its standard is nobody's, and no repetitions.
        start = time.monotonic()
        downloads.FIRST_DELAY = 30.0
        with self.assertRaisesRegex(
            OSError, "'https://nowhere.invalid/w.h5' could not be fetched: "
        ):
            self.fetch("https://nowhere.invalid/w.h5")
        self.assertLess(time.monotonic() - start, 30.0)

    def test_file_address(self):
        published = self.folder / "published.h5"
        with self.assertRaisesRegex(OSError, "FileNotFoundError"):
            self.fetch(published.as_uri())
        published.write_bytes(CONTENT)
        self.leave(CONTENT[:1000])
        self.assertFetched(url=published.as_uri())

    def test_progress(self):
        self.server.answers = [{"limit": 300_000}, {}]
        seen = []
        self.assertFetched(progress=lambda *counts: seen.append(counts))
        arrived = [count for count, _ in seen]
        self.assertEqual({total for _, total in seen}, {len(CONTENT)})
        self.assertEqual(arrived, sorted(arrived))
        self.assertIn(300_000, arrived)
        self.assertEqual(arrived[-1], len(CONTENT))
        self.server.answers = [{"length": False}]
        seen.clear()
        self.path.unlink()
        self.assertFetched(progress=lambda *counts: seen.append(counts))
        self.assertEqual(seen[-1], (len(CONTENT), None))

    def test_interrupted_by_the_user(self):
        def interrupt(arrived, total):
            if arrived > 400_000:
                raise KeyboardInterrupt

        with self.assertRaises(KeyboardInterrupt):
            self.fetch(progress=interrupt)
        kept = self.part.read_bytes()
        self.assertGreater(len(kept), 400_000)
        self.assertEqual(kept, CONTENT[: len(kept)])
        self.assertFalse(self.path.exists())
        self.assertFetched()
        self.assertEqual(self.server.starts, [0, len(kept)])

    def test_several_at_once(self):
        self.server.answers = [{"delay": 0.2}]
        paths = []
        threads = [
            threading.Thread(target=lambda: paths.append(self.fetch()))
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(paths, [self.path] * 4)
        self.assertFetched()
        # One fetched it, and the others waited.
        self.assertEqual(self.server.starts, [0])

    def test_arguments(self):
        with self.assertRaisesRegex(
            ValueError,
            r"`url` must be an address of one of \['https', 'http', 'file'\]. "
            "Received: url='ftp://a/b'",
        ):
            self.fetch("ftp://a/b")
        for sha256 in (SHA256[:-1], "g" * 64, None):
            with self.assertRaisesRegex(
                ValueError,
                "`sha256` must be 64 hexadecimal digits. "
                f"Received: sha256={sha256!r}",
            ):
                self.fetch(sha256=sha256)


class CacheFolderTest(TestCase):
    def setUp(self):
        for name in ("KERAS_COMIC_HOME", "KERAS_HOME"):
            value = os.environ.pop(name, None)
            if value is not None:
                self.addCleanup(os.environ.__setitem__, name, value)
            else:
                self.addCleanup(os.environ.pop, name, None)

    def test_folder(self):
        home = Path.home()
        self.assertEqual(cache_folder(), home / ".keras" / "keras_comic")
        os.environ["KERAS_HOME"] = "/somewhere/keras"
        self.assertEqual(cache_folder(), Path("/somewhere/keras/keras_comic"))
        os.environ["KERAS_COMIC_HOME"] = "~/comics"
        self.assertEqual(cache_folder(), home / "comics")
