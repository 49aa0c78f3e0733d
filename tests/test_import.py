"""What `import keras_comic` promises, in fresh processes."""

import ast
import os
import pickle
import subprocess
import sys

import keras
import pytest

import keras_comic
from tests.test_case import ROOT
from tests.test_case import TestCase
from tests.test_case import photos

NAMES = "sorted(keras.saving.get_custom_objects())"


def run(program, **variables):
    """What a program prints on stdout."""
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
        names = {}
        exec("from keras_comic import *", names)
        self.assertEqual(set(keras_comic.__all__) - set(names), set())
        self.assertIs(names["GAN"], keras_comic.training.GAN)

    def test_unknown_name(self):
        with self.assertRaisesRegex(AttributeError, "no attribute 'Painter'"):
            _ = keras_comic.Painter
        self.assertFalse(hasattr(keras_comic, "LAYERS"))

    def test_editors_see_what_is_listed(self):
        tree = ast.parse((ROOT / "keras_comic" / "__init__.py").read_text())
        checked = next(n for n in tree.body if isinstance(n, ast.If))
        found = {node.names[0].name: node.module for node in checked.body}
        self.assertCountEqual(found, keras_comic.__all__)
        for name, module in found.items():
            if module != "keras_comic":
                self.assertEqual(
                    f"keras_comic.{keras_comic._LAZY[name]}", module
                )

    def test_version_is_read_without_an_import(self):
        tree = ast.parse((ROOT / "keras_comic" / "__init__.py").read_text())
        values = [
            ast.literal_eval(node.value)
            for node in tree.body
            if isinstance(node, ast.Assign)
            and getattr(node.targets[0], "id", None) == "__version__"
        ]
        self.assertEqual(values, [keras_comic.__version__])

    def test_names_need_no_keras(self):
        program = (
            "import sys, threading\n"
            "def show():\n"
            "    import keras_comic\n"
            "    print(keras_comic.__version__, *dir(keras_comic))\n"
            "thread = threading.Thread(target=show)\n"
            "thread.start()\n"
            "thread.join()\n"
            "print(*sorted({'keras', 'numpy'} & set(sys.modules)))\n"
        )
        shown = run(program).split()
        self.assertEqual(shown[0], keras_comic.__version__)
        self.assertEqual(set(keras_comic.__all__) - set(shown), set())
        self.assertNotIn("keras", shown)
        self.assertNotIn("numpy", shown)

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
    """Each process imports Keras."""

    def setUp(self):
        super().setUp()
        self.folder = self.temporary_folder()
        self.generator = keras_comic.AdaINGenerator.light((4, 8, 4, 4), 1, 8)
        self.generator.add_style("ink", photos(32, 32, 3))
        path = self.folder / "generator.keras"
        self.generator.save(path)
        self.load = (
            f"generator = keras.saving.load_model({str(path)!r})\n"
            "print(type(generator).__module__, list(generator.style_names))\n"
        )
        self.loaded = "keras_comic.models.adain.adain_generator ['ink']"

    def registered(self):
        """What `import keras_comic` has always registered."""
        return {
            name
            for name, value in keras.saving.get_custom_objects().items()
            if value.__module__.startswith("keras_comic.")
        }

    def check_registered(self, imports):
        printed = run(f"{imports}\n{self.load}print(*{NAMES}, sep='|')\n")
        loaded, names = printed.split("\n")
        self.assertEqual(loaded, self.loaded)
        self.assertEqual(self.registered() - set(names.split("|")), set())

    def test_keras_last(self):
        self.check_registered("import keras_comic\nimport keras")

    def test_one_module(self):
        self.check_registered(
            "from keras_comic.layers import AdaIN\nimport keras"
        )

    def test_threads(self):
        self.check_registered(
            "import importlib, threading\n"
            "names = ['keras_comic.layers', 'keras', 'keras_comic.models',\n"
            "         'keras_comic.presets', 'keras_comic.data']\n"
            "threads = [threading.Thread(target=importlib.import_module,\n"
            "           args=[name]) for name in names]\n"
            "for thread in threads:\n"
            "    thread.start()\n"
            "for thread in threads:\n"
            "    thread.join()\n"
            "import keras"
        )

    def test_tensorflow_first(self):
        pytest.importorskip("tensorflow")
        self.check_registered(
            "import keras_comic\nimport tensorflow\nimport keras"
        )

    def test_configs_pickles_and_presets(self):
        config = keras.saving.serialize_keras_object(keras_comic.layers.AdaIN())
        schedule = pickle.dumps(keras_comic.training.LinearDecay(1e-3, 2, 4))
        self.generator.save_to_preset(self.folder / "preset")
        program = (
            "import pickle\n"
            f"schedule = pickle.loads({schedule!r})\n"
            "print(type(schedule).__name__)\n"
            "import keras_comic\n"
            "print(len(keras_comic.list_presets()) > 0)\n"
            f"folder = {str(self.folder / 'preset')!r}\n"
            "print(list(keras_comic.from_preset(folder).style_names))\n"
            "import keras\n"
            f"layer = keras.saving.deserialize_keras_object({config!r})\n"
            "print(type(layer) is keras_comic.layers.AdaIN)\n"
            f"print(keras_comic.presets.verify_preset(folder) < 1e-3)\n"
        )
        self.assertEqual(
            run(program).split("\n"),
            ["LinearDecay", "True", "['ink']", "True", "True"],
        )
