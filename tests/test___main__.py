import subprocess
import sys

import keras_comic
from tests.test_case import ROOT
from tests.test_case import TestCase


def run(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "keras_comic", *arguments],
        capture_output=True,
        cwd=ROOT,
        text=True,
    )


class ModuleTest(TestCase):
    def test_version(self):
        done = run("--version")
        self.assertEqual(done.stdout, f"{keras_comic.__version__}\n")
        self.assertEqual(done.returncode, 0)

    def test_it_has_the_name_of_the_command(self):
        done = run("paint")
        self.assertIn("Usage: keras-comic ", done.stderr)
        self.assertEqual(done.returncode, 2)
