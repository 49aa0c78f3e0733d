import subprocess
import sys

from tests.test_case import ROOT
from tests.test_case import TestCase

START = """
import os, sys
from keras_comic.cli import backend
"""


def run(program):
    return subprocess.run(
        [sys.executable, "-c", START + program],
        capture_output=True,
        check=True,
        cwd=ROOT,
        text=True,
    )


class ImportModelsTest(TestCase):
    def test_notes_are_hidden_only_during_the_import(self):
        done = run(
            "backend.import_models()\n"
            "assert 'keras_comic.models' in sys.modules\n"
            "os.write(2, b'after')\n"
        )
        self.assertEqual(done.stderr, "after")

    def test_notes_of_a_failed_import_are_shown(self):
        done = run(
            "import importlib\n"
            "def fail(name):\n"
            "    os.write(2, b'notes of ' + name.encode())\n"
            "    raise ImportError('no Keras')\n"
            "importlib.import_module = fail\n"
            "try:\n"
            "    backend.import_models()\n"
            "except ImportError as error:\n"
            "    os.write(2, f', {error}'.encode())\n"
        )
        self.assertEqual(done.stderr, "notes of keras_comic.models, no Keras")

    def test_commands_are_light_to_import(self):
        done = run(
            "from keras_comic.cli import main\n"
            "heavy = {'keras', 'matplotlib', 'numpy', 'PIL', 'tensorflow'}\n"
            "print(*sorted(heavy & set(sys.modules)))\n"
        )
        self.assertEqual(done.stdout.split(), [])
        self.assertEqual(done.stderr, "")
