import pathlib

import typer
from typer.testing import CliRunner

from keras_comic.cli.errors import report_failures
from keras_comic.cli.errors import reported_errors
from tests.test_case import TestCase


def run(function):
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(function)
    return CliRunner().invoke(app)


class ErrorsTest(TestCase):
    def test_errors_become_a_line(self):
        for error in (ValueError, FileNotFoundError, ImportError):

            def fail(error=error):
                with reported_errors():
                    raise error("`style` must be [one of] ...")

            result = run(lambda: fail())
            self.assertEqual(result.exit_code, 2)
            self.assertEqual(
                result.output, "Error: `style` must be [one of] ...\n"
            )

    def test_bugs_keep_their_traceback(self):
        def fail():
            with reported_errors():
                raise KeyError("a bug")

        result = run(fail)
        self.assertEqual(result.exit_code, 1)
        self.assertIsInstance(result.exception, KeyError)

    def test_failures(self):
        failures = [(pathlib.Path("a.jpg"), "broken"), ("b.jpg", "too small")]
        result = run(lambda: report_failures(failures, "{} left out:"))
        self.assertEqual(
            result.output,
            "Error: 2 left out:\n  a.jpg: broken\n  b.jpg: too small\n",
        )
        self.assertEqual(result.exit_code, 1)

    def test_arguments_are_named_as_options(self):
        def fail(keep_color: bool = False):
            with reported_errors():
                raise ValueError(
                    "`keep_color` must be ..., not `mask`; `keep_color=True`."
                )

        self.assertEqual(
            run(fail).output,
            "Error: --keep-color must be ..., not `mask`; --keep-color.\n",
        )
