"""Tests of `import keras_comic`, in fresh processes."""

import ast
import os
import subprocess
import sys

import keras
import pytest

import keras_comic
from tests.source import ROOT
from tests.test_case import TestCase
from tests.test_case import photos


def run(program, **variables):
    """Returns what a program prints on stdout."""
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **variables},
        text=True,
    )
    if done.returncode:
        raise AssertionError(done.stderr)
    return done.stdout.strip()


class NamesTest(TestCase):
    def test_all_names(self):
        for name in keras_comic.__all__:
            self.assertIn(name, dir(keras_comic))
            self.assertIsNotNone(getattr(keras_comic, name))

    def test_classes_are_found_by_their_names(self):
        self.assertIs(keras_comic.GAN, keras_comic.training.GAN)
        self.assertIs(keras_comic.Generator, keras_comic.models.Generator)

    def test_unknown_name(self):
        for name in ("Painter", "painter", "_painter"):
            with self.assertRaisesRegex(AttributeError, f"attribute '{name}'"):
                getattr(keras_comic, name)

    def test_editors_see_what_is_listed(self):
        tree = ast.parse((ROOT / "keras_comic" / "__init__.py").read_text())
        checked = next(n for n in tree.body if isinstance(n, ast.If))
        names = [node.names[0].name for node in checked.body]
        self.assertEqual(sorted(names), sorted(keras_comic.__all__))

    def test_names_need_no_keras(self):
        program = (
            "import sys, keras_comic\n"
            "print(keras_comic.__version__, *dir(keras_comic))\n"
            "print(*sorted({'keras', 'numpy'} & set(sys.modules)))\n"
            "keras_comic.list_presets()\n"
            "keras_comic.presets.presets_table()\n"
            "print(*{'keras'} & set(sys.modules))\n"
        )
        shown = run(program).split()
        self.assertEqual(shown[0], keras_comic.__version__)
        self.assertEqual(set(keras_comic.__all__) - set(shown), set())
        self.assertNotIn("keras", shown)

    def test_backend_is_read_when_keras_is_needed(self):
        program = (
            "import os\n"
            "import keras_comic\n"
            "os.environ['KERAS_BACKEND'] = 'abacus'\n"
            "try:\n"
            "    keras_comic.layers\n"
            "except ValueError as error:\n"
            "    print(error)\n"
        )
        self.assertIn("abacus", run(program))


@pytest.mark.slow
class RegisteredTest(TestCase):
    def test_keras_knows_the_classes_after_importing_the_models(self):
        generator = keras_comic.AdaINGenerator.light((4, 8, 4, 4), 1, 8)
        generator.add_style("ink", photos(32, 32, 3))
        path = self.temporary_folder() / "generator.keras"
        generator.save(path)
        program = (
            "import keras\n"
            "import keras_comic.models\n"
            f"generator = keras.saving.load_model({str(path)!r})\n"
            "print(*generator.style_names)\n"
        )
        self.assertEqual(run(program), "ink")
        names = run(
            "import keras, keras_comic.models, keras_comic.training\n"
            "print(*keras.saving.get_custom_objects(), sep='|')"
        )
        known = {
            name
            for name, value in keras.saving.get_custom_objects().items()
            if value.__module__.startswith("keras_comic.")
            and not value.__module__.startswith("keras_comic.compat")
        }
        self.assertEqual(known - set(names.split("|")), set())
