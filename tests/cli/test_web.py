import signal
import subprocess
import sys

import httpx
import pytest
from typer.testing import CliRunner

from keras_comic.cli.web import web
from tests.serving.small_saved_model import small_saved_model
from tests.test_case import ROOT
from tests.test_case import TestCase

PROGRAM = """
import signal
import typer
from keras_comic.cli.web import web
# As in a terminal; what a shell runs in the background ignores Ctrl+C.
signal.signal(signal.SIGINT, signal.default_int_handler)
typer.run(web)
"""


def invoke(*arguments):
    import typer

    app = typer.Typer()
    app.command()(web)
    return CliRunner().invoke(app, [str(a) for a in arguments])


class WebTest(TestCase):
    def test_errors(self):
        result = invoke("no_such_preset", "--port", 0)
        self.assertEqual(result.exit_code, 2)
        self.assertIn("no_such_preset", result.output)
        for arguments in (
            ("--max-side", 31),
            ("--port", 70000),
            ("--max-seconds", 0),
        ):
            self.assertEqual(invoke(*arguments).exit_code, 2)

    def test_content_review(self):
        result = invoke("--host", "0.0.0.0")
        self.assertEqual(result.exit_code, 2)
        self.assertIn("must have a content classifier", result.output)
        result = invoke("--content-classifier", "no_such_module:function")
        self.assertEqual(result.exit_code, 2)
        self.assertIn("no_such_module", result.output)
        result = invoke(
            "--content-classifier", "builtins:all", "--without-content-review"
        )
        self.assertIn("exclude each other", result.output)

    @pytest.mark.slow
    def test_serves_until_interrupted(self):
        folder = self.temporary_folder()
        generator, _ = small_saved_model()
        generator.save_to_preset(folder / "tiny")
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, folder / "tiny", "--port", "0"]
            + ["--max-seconds", "3"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        try:
            line = process.stdout.readline()
            self.assertRegex(line, r"^Open http://127\.0\.0\.1:\d+ in a brow")
            url = line.split()[1]
            self.assertIn("3 seconds", httpx.get(f"{url}/config").text)
        finally:
            process.send_signal(signal.SIGINT)
            try:
                _, errors = process.communicate(timeout=60)
            finally:
                process.kill()
        self.assertNotIn("Traceback", errors)
