from typer.testing import CliRunner

import keras_comic
from keras_comic.cli.main import app
from tests.test_case import TestCase

COMMANDS = (
    "stylize",
    "presets",
    "add-style",
    "train",
    "tfrecords",
    "evaluate",
)


class MainTest(TestCase):
    def test_version(self):
        result = CliRunner().invoke(app, ["--version"])
        self.assertEqual(result.exit_code, 0)
        self.assertEqual(result.output, f"{keras_comic.__version__}\n")

    def test_help_lists_the_commands(self):
        result = CliRunner().invoke(app, ["--help"])
        self.assertEqual(result.exit_code, 0)
        for command in COMMANDS:
            self.assertIn(command, result.output)

    def test_every_command_has_help(self):
        for command in COMMANDS:
            result = CliRunner().invoke(app, [command, "--help"])
            self.assertEqual(result.exit_code, 0, command)
            self.assertIn("Usage", result.output)

    def test_unknown_command(self):
        result = CliRunner().invoke(app, ["paint"])
        self.assertEqual(result.exit_code, 2)
        self.assertIn("paint", result.output)
