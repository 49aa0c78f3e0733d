import contextlib
import io
import os
from unittest import mock

from keras_comic.cli.progress import progress_bar
from tests.test_case import TestCase


class Terminal(io.StringIO):
    def isatty(self):
        return True


class ProgressBarTest(TestCase):
    def bar(self, stream):
        with contextlib.redirect_stderr(stream):
            with progress_bar("Stylising") as progress:
                progress(0, 3)
                progress(3, 3)
        return stream.getvalue()

    def test_terminal(self):
        with mock.patch.dict(os.environ, {"TERM": "xterm"}):
            text = self.bar(Terminal())
        self.assertIn("Stylising", text)
        self.assertIn("3/3", text)

    def test_file(self):
        self.assertEqual(self.bar(io.StringIO()), "")
