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
    def test_terminal(self):
        stream = Terminal()
        with (
            mock.patch.dict(os.environ, {"TERM": "xterm"}),
            contextlib.redirect_stderr(stream),
            progress_bar("Stylising") as progress,
        ):
            progress(0, 3)
            progress(3, 3)
        self.assertIn("Stylising", stream.getvalue())
        self.assertIn("3/3", stream.getvalue())

    def test_file(self):
        stream = io.StringIO()
        with contextlib.redirect_stderr(stream):
            with progress_bar("Stylising") as progress:
                self.assertIsNone(progress)
        self.assertEqual(stream.getvalue(), "")
