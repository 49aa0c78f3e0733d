import ast
import inspect
import os
import subprocess
import sys
import textwrap

import pytest
from absl.testing import parameterized
from typer.testing import CliRunner

import keras_comic
from keras_comic.cli import tfrecords
from keras_comic.cli.main import app
from tests.test_case import ROOT
from tests.test_case import TestCase

COMMANDS = {info.name: info.callback for info in app.registered_commands}
COMMANDS |= {
    f"tfrecords {info.callback.__name__}": info.callback
    for info in tfrecords.app.registered_commands
}
# It works with what needs neither Keras nor TensorFlow.
WITHOUT_KERAS = {"inspect"}
# TensorFlow's notes are hidden where these are not set.
HIDING = ("TF_CPP_MIN_LOG_LEVEL", "TF_ENABLE_ONEDNN_OPTS")


def run(*arguments):
    """Runs the command as from a shell; stdout and stderr as strings."""
    environment = {k: v for k, v in os.environ.items() if k not in HIDING}
    program = "from keras_comic.cli.main import app; app()"
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", program, *arguments],
        capture_output=True,
        check=True,
        cwd=ROOT,
        env=environment,
        text=True,
    )
    lines = done.stderr.splitlines()
    imported = [line for line in lines if line.startswith("import time:")]
    told = [line for line in lines if not line.startswith("import time:")]
    names = {line.rpartition("|")[2].strip() for line in imported}
    return done.stdout, told, names


class MainTest(TestCase, parameterized.TestCase):
    def test_version(self):
        result = CliRunner().invoke(app, ["--version"])
        self.assertEqual(result.exit_code, 0)
        self.assertEqual(result.output, f"{keras_comic.__version__}\n")

    def test_help_lists_the_commands(self):
        result = CliRunner().invoke(app, ["--help"])
        self.assertEqual(result.exit_code, 0)
        for command in COMMANDS:
            self.assertIn(command.split()[0], result.output)

    @parameterized.named_parameters(
        *((name.replace(" ", "_"), name) for name in COMMANDS)
    )
    def test_every_command_has_help(self, command):
        result = CliRunner().invoke(app, [*command.split(), "--help"])
        self.assertEqual(result.exit_code, 0, command)
        self.assertIn("Usage", result.output)

    def test_unknown_command(self):
        result = CliRunner().invoke(app, ["paint"])
        self.assertEqual(result.exit_code, 2)
        self.assertIn("paint", result.output)

    @parameterized.named_parameters(
        ("help", "Usage", ["--help"]),
        ("help_of_a_command", "Usage", ["train", "--help"]),
        ("version", keras_comic.__version__, ["--version"]),
        ("inspect", "demo.jpg: ", ["inspect", "examples/pictures/demo.jpg"]),
    )
    def test_starts_without_keras(self, printed, arguments):
        stdout, told, modules = run(*arguments)
        self.assertIn(printed, stdout)
        self.assertEqual(told, [])
        self.assertNoCommonElements(modules, {"keras", "tensorflow"})

    @pytest.mark.slow
    def test_tells_nothing_of_its_own_working(self):
        stdout, told, _ = run("presets", "--verify")
        self.assertIn("adain_storybook: verified", stdout)
        self.assertEqual(told, [])

    @parameterized.named_parameters(
        *((n.replace(" ", "_"), n) for n in COMMANDS if n not in WITHOUT_KERAS)
    )
    def test_notes_are_hidden(self, command):
        """`import_models` comes before all that imports Keras."""
        source = inspect.getsource(COMMANDS[command])
        tree = ast.parse(textwrap.dedent(source))
        calls = [
            node.lineno
            for node in ast.walk(tree)
            if isinstance(node, ast.Call)
            and getattr(node.func, "id", None) == "import_models"
        ]
        imports = [
            node.lineno
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom)
            and node.module.split(".")[0] == "keras_comic"
        ]
        self.assertLen(calls, 1)
        self.assertNotEmpty(imports)
        self.assertLess(calls[0], min(imports))
