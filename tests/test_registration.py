"""With small packages of its own, in fresh processes: Keras takes seconds."""

import subprocess
import sys

from absl.testing import parameterized

from keras_comic.registration import ImportWith
from tests.test_case import TestCase

# `zoo` is the package, `engine` the library. `paint` and `frame` import each
# other's modules and the library, as ours do; `plain` needs no library.
FILES = {
    "engine/__init__.py": "import time\ntime.sleep(0.1)\nloaded = []\n",
    "engine/part.py": "",
    "zoo/__init__.py": (
        "from keras_comic.registration import ImportWith\n"
        "waiting = ImportWith('engine', 'zoo', ('paint', 'frame'))\n"
    ),
    "zoo/plain.py": "",
    "zoo/late.py": "import engine.part\nfrom zoo.frame import edge\n",
    "zoo/paint/__init__.py": (
        "from zoo.paint.colour import red\n"
        "import engine\n"
        "engine.loaded.append('paint')\n"
    ),
    "zoo/paint/colour.py": "import engine.part\nred = 1\n",
    "zoo/frame.py": (
        "import engine\n"
        "from zoo.paint.colour import red\n"
        "edge = red + 1\n"
        "engine.loaded.append('frame')\n"
    ),
}
BOTH = "print(*sorted(engine.loaded))"


class ImportWithTest(TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.temporary_folder()
        for name, text in FILES.items():
            self.write(name, text)

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def run_program(self, program, *options):
        """What it prints, on both streams."""
        program = f"import sys\nsys.path.insert(0, {str(self.folder)!r})\n" + (
            program.replace("; ", "\n")
        )
        done = subprocess.run(
            [sys.executable, *options, "-c", program],
            check=False,
            stderr=subprocess.STDOUT,
            stdout=subprocess.PIPE,
            text=True,
        )
        return done.stdout.strip()

    @parameterized.named_parameters(
        ("library_first", "import engine; import zoo"),
        ("library_last", "import zoo; import engine"),
        ("part_of_the_library", "import zoo; import engine.part"),
        ("first_module", "import zoo.paint; import engine"),
        ("second_module", "from zoo.frame import edge; import engine"),
        ("inner_module", "import zoo.paint.colour; import engine"),
        ("other_module", "import zoo; import zoo.late; import engine"),
        ("plain_module", "import zoo.plain; import engine; import zoo.late"),
    )
    def test_modules_are_imported_once(self, imports):
        finder = "print(zoo.waiting in sys.meta_path)"
        self.assertEqual(
            self.run_program(f"{imports}; import zoo; {BOTH}; {finder}"),
            "frame paint\nFalse",
        )

    def test_nothing_is_imported_without_the_library(self):
        program = (
            "import importlib.util; import zoo.plain; "
            "print(importlib.util.find_spec('engine').name); "
            "print(*(m for m in ('engine', 'zoo.paint') if m in sys.modules)); "
            f"import engine; {BOTH}"
        )
        self.assertEqual(self.run_program(program), "engine\n\nframe paint")

    def test_modules_are_like_others(self):
        program = (
            "import zoo; import engine; import zoo.plain; import inspect; "
            "import importlib; kind = type(sys.__spec__); "
            "loaders = [m.__loader__ for m in (zoo, engine, zoo.paint)]; "
            "print(*{type(loader).__name__ for loader in loaders}); "
            "print(engine.__spec__.loader is engine.__loader__); "
            "print(inspect.getsource(engine).split()[1]); "
            "print(importlib.reload(zoo.plain) is zoo.plain)"
        )
        self.assertEqual(
            self.run_program(program).split(),
            ["SourceFileLoader", "True", "time", "True"],
        )

    def test_reload_while_waiting(self):
        program = (
            "import zoo.plain; import importlib; "
            "print(importlib.reload(zoo.plain) is zoo.plain); "
            f"import engine; {BOTH}"
        )
        self.assertEqual(self.run_program(program), "True\nframe paint")

    def test_threads(self):
        program = (
            "import threading; import zoo; import importlib; names = "
            "['engine', 'zoo.frame', 'zoo.paint', 'zoo.late', 'engine']; "
            "threads = [threading.Thread(target=importlib.import_module, "
            "args=[name]) for name in names]; "
            "[thread.start() for thread in threads]; "
            "[thread.join() for thread in threads]; "
            f"import engine; {BOTH}"
        )
        for _ in range(3):
            self.assertEqual(self.run_program(program), "frame paint")

    def test_broken_module(self):
        self.write("zoo/frame.py", "import no_such_module\n")
        program = f"import zoo; import engine; {BOTH}"
        printed = self.run_program(program)
        self.assertIn(
            "UserWarning: engine does not know the classes of zoo.frame: No "
            "module named 'no_such_module'",
            printed,
        )
        self.assertEndsWith(printed, "\npaint")

    def test_missing_and_broken_library(self):
        (self.folder / "engine" / "__init__.py").write_text("1 / 0")
        caught = "try:\n    import engine\nexcept {}:\n    print('caught')\n"
        program = "import zoo\n" + caught.format("ZeroDivisionError")
        self.assertEqual(self.run_program(program + program), "caught\ncaught")
        (self.folder / "engine" / "__init__.py").unlink()
        (self.folder / "engine" / "part.py").unlink()
        (self.folder / "engine").rmdir()
        program = "import zoo\n" + caught.format("ImportError")
        self.assertEqual(self.run_program(program), "caught")

    def test_library_that_is_there(self):
        before = list(sys.meta_path)
        ImportWith("sys", "tests", ("test_case",))
        self.assertEqual(sys.meta_path, before)
