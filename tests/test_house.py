"""The rules of the house, checked by reading every module.

Which room may import which, where TensorFlow may be imported, that every
module has its tests, that public names are listed and documented and do not
vanish, and that the examples in docstrings run. The list of public names is
written anew by

    python tests/test_house.py > tests/public_names.txt
"""

import ast
import configparser
import doctest
import functools
import importlib
import inspect
import os
import pathlib
import re
import subprocess
import sys
import tempfile

from absl.testing import parameterized

ROOT = pathlib.Path(__file__).resolve().parents[1]
PUBLIC_NAMES = ROOT / "tests" / "public_names.txt"

BLOCKS = {"layers", "losses", "metrics", "data"}
TRAINING = BLOCKS | {"presets", "training"}
MODELS = TRAINING | {"models", "provenance"}
OUTPUTS = MODELS | {"video", "comic", "export"}
# Room: the other rooms it may import.
ROOMS = {
    "layers": set(),
    "losses": {"layers"},
    "metrics": {"layers"},
    "data": set(),
    "compat": {"layers"},
    "downloads": set(),
    "registration": set(),
    "provenance": set(),
    "presets": BLOCKS | {"downloads"},
    "training": BLOCKS,
    "models": TRAINING | {"provenance"},
    "video": MODELS,
    "comic": MODELS,
    "export": MODELS,
    "serving": OUTPUTS | {"downloads"},
    "cli": OUTPUTS | {"serving"},
}
ROOMS_WITH_TENSORFLOW = {"data", "training", "video", "export", "serving"}
ROOMS_WITH_LAYERS = {"layers", "losses", "metrics", "models", "training"}
# On PyTorch every layer is a `torch.nn.Module`, whose methods hide attributes
# of these names.
TORCH_NAMES = set(
    "apply bfloat16 buffers children compile cpu cuda double eval float "
    "forward half modules parameters share_memory state_dict to train type "
    "zero_grad".split()
)
# Imported when something asks for it, never by `import keras_comic`, nor with
# the modules whose classes Keras is to know.
HEAVY = (
    "apache_beam av cv2 fsspec google_crc32c gradio grpc httpx imagehash loky "
    "matplotlib onnx orjson rich s3fs scipy scenedetect skimage starlette "
    "tensorflow_serving typer uvicorn".split()
)
# Nor by `import keras_comic` alone.
HEAVIER = "PIL h5py jax keras numpy tensorflow torch".split()


def read_modules(folder):
    """Dict of dotted name to path, of the Python files in a folder."""
    modules = {}
    for path in sorted((ROOT / folder).glob("**/*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        if parts[-1] == "__init__":
            parts = parts[:-1]
        modules[".".join(parts)] = path
    return modules


MODULES = read_modules("keras_comic")
PACKAGES = [n for n, path in MODULES.items() if path.name == "__init__.py"]
SCRIPTS = {**read_modules("examples"), **read_modules("tfrecords")}


@functools.cache
def tree_of(path):
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def imports_of(path):
    """Pairs `(module, name)`; the name is `None` in `import module`."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, None
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            for alias in node.names:
                yield module, alias.name


def own_imports_of(path):
    """Modules of keras_comic that a file imports, by their full names."""
    for module, name in imports_of(path):
        if f"{module}.{name}" in MODULES:
            yield f"{module}.{name}"
        elif module.split(".")[0] == "keras_comic":
            yield module


def room_of(module):
    return module.split(".")[1] if "." in module else None


def listed_names(package):
    """What `__all__` of a package holds."""
    for node in tree_of(MODULES[package]).body:
        if isinstance(node, ast.Assign) and any(
            isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets
        ):
            return ast.literal_eval(node.value)
    return []


def public_names():
    return sorted(
        f"{package}.{name}"
        for package in PACKAGES
        for name in listed_names(package)
    )


def public_objects():
    """Public names, each object once: the longest of its names."""
    origins = {}
    for name in sorted(public_names(), key=lambda n: (-n.count("."), n)):
        origins.setdefault(_origin(*name.rpartition(".")[::2]), name)
    return sorted(origins.values())


def _origin(package, name):
    if f"{package}.{name}" in MODULES:
        return f"{package}.{name}"
    for module, imported in imports_of(MODULES[package]):
        if imported == name and module in MODULES:
            if module in PACKAGES and name in listed_names(module):
                return _origin(module, name)
            return f"{module}.{name}"
    return f"{package}.{name}"


def find_public(name):
    if name in MODULES:
        return importlib.import_module(name)
    package, _, name = name.rpartition(".")
    return getattr(importlib.import_module(package), name)


def named(names):
    return parameterized.named_parameters(
        *((name.replace(".", "_"), name) for name in names)
    )


class ImportsTest(parameterized.TestCase):
    @named(m for m in MODULES if MODULES[m].name != "__init__.py")
    def test_rooms(self, module):
        room = room_of(module)
        self.assertIn(room, ROOMS, "A new room: give it a place in `ROOMS`.")
        for imported in own_imports_of(MODULES[module]):
            self.assertNotEqual(
                imported,
                "keras_comic",
                f"{module} must import from the module that defines a name, "
                "not from `keras_comic/__init__.py`.",
            )
            self.assertIn(
                room_of(imported),
                ROOMS[room] | {room},
                f"{module} imports {imported}, which is not below it.",
            )

    @named(m for m in MODULES if m.startswith("keras_comic.models."))
    def test_families(self, module):
        def family(name):
            parts = name.split(".")
            folder = ".".join(parts[:3])
            return folder if folder in PACKAGES else None

        for imported in own_imports_of(MODULES[module]):
            if imported.startswith("keras_comic.models."):
                self.assertIn(
                    family(imported),
                    {None, family(module)},
                    f"{module} imports {imported} of another family.",
                )

    @named(MODULES)
    def test_what_is_imported(self, module):
        for imported, name in imports_of(MODULES[module]):
            self.assertNotEqual(name, "*", f"Star import of {imported}.")
            self.assertNotStartsWith(imported, ".", "A relative import.")
            self.assertNotStartsWith(f"{imported}.", "keras.src.")
            if f"{imported}.".startswith("tensorflow."):
                self.assertIn(room_of(module), ROOMS_WITH_TENSORFLOW)

    @named(MODULES)
    def test_what_is_called(self, module):
        for node in ast.walk(tree_of(MODULES[module])):
            self.assertNotIsInstance(node, ast.Assert)
            if isinstance(node, ast.Attribute) and node.attr == "GradientTape":
                self.assertEqual(
                    module, "keras_comic.training.steps.tensorflow"
                )
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                if not module.startswith("keras_comic.cli."):
                    self.assertNotEqual(node.func.id, "print")

    @named(m for m in MODULES if room_of(m) in ROOMS_WITH_LAYERS)
    def test_attributes_exist_on_torch(self, module):
        for node in ast.walk(tree_of(MODULES[module])):
            if isinstance(node, ast.Attribute) and isinstance(
                node.ctx, ast.Store
            ):
                self.assertNotIn(node.attr, TORCH_NAMES)

    @named(SCRIPTS)
    def test_scripts_use_public_names(self, script):
        for imported, name in imports_of(SCRIPTS[script]):
            if imported.split(".")[0] == "keras_comic":
                self.assertIn(imported, PACKAGES)
                if name is not None and f"{imported}.{name}" not in PACKAGES:
                    self.assertIn(f"{imported}.{name}", public_names())

    @parameterized.named_parameters(
        ("alone", "import sys", HEAVY + HEAVIER),
        ("after_keras", "import sys, keras", HEAVY),
    )
    def test_import_is_light(self, before, heavy):
        program = (
            f"{before}; before = set(sys.modules); import keras_comic; "
            f"print(*sorted({set(heavy)} & (set(sys.modules) - before)))"
        )
        done = subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            check=True,
            cwd=ROOT,
            text=True,
        )
        self.assertEqual(done.stdout.split(), [])


class FilesTest(parameterized.TestCase):
    @named(m for m in MODULES if MODULES[m].name != "__init__.py")
    def test_every_module_has_tests(self, module):
        folder = ROOT.joinpath("tests", *module.split(".")[1:-1])
        path = folder / f"test_{module.split('.')[-1]}.py"
        self.assertTrue(path.is_file(), f"{path.relative_to(ROOT)} is missing.")
        self.assertTrue((folder / "__init__.py").is_file(), folder)
        tests = [
            node.name
            for node in ast.walk(tree_of(path))
            if isinstance(node, ast.FunctionDef)
            and node.name.startswith("test_")
        ]
        self.assertNotEmpty(tests, f"{path.relative_to(ROOT)} has no test.")

    def test_every_package_is_installed(self):
        settings = configparser.ConfigParser(interpolation=None)
        settings.read(ROOT / "setup.cfg")
        installed = settings["options"]["packages"].split()
        self.assertCountEqual(installed, [*PACKAGES, "keras_comic.zoo"])

    def test_zoo_is_data(self):
        paths = (ROOT / "zoo").glob("**/*.py")
        code = [str(path.relative_to(ROOT)) for path in paths]
        self.assertEqual(code, [os.path.join("zoo", "__init__.py")])


class PublicNamesTest(parameterized.TestCase):
    def test_no_name_vanishes(self):
        announced = PUBLIC_NAMES.read_text(encoding="utf-8").split()
        self.assertEqual(
            announced,
            public_names(),
            "Public names have changed. If that is meant, say so in "
            "CHANGELOG.md and run "
            "`python tests/test_house.py > tests/public_names.txt`.",
        )

    @named(PACKAGES)
    def test_imported_names_are_listed(self, package):
        names = listed_names(package)
        self.assertEqual(len(names), len(set(names)))
        for module, name in imports_of(MODULES[package]):
            # What `__init__.py` itself works with is not of the package.
            if room_of(module) == "registration":
                continue
            if module.split(".")[0] == "keras_comic":
                self.assertIn(name, names)

    @named(public_names())
    def test_names_exist(self, name):
        self.assertIsNotNone(find_public(name))


class DocstringsTest(parameterized.TestCase):
    @named(MODULES)
    def test_modules_have_docstrings(self, module):
        self.assertTrue(ast.get_docstring(tree_of(MODULES[module])), module)

    @named(public_objects())
    def test_arguments(self, name):
        found = find_public(name)
        if inspect.isclass(found):
            self._check_class(found)
        elif inspect.isfunction(found):
            self.assertTrue(found.__doc__, f"{name} has no docstring.")
            self._check(found, name, "Args", found.__doc__)

    def _check_class(self, cls):
        self.assertTrue(cls.__dict__.get("__doc__"), f"{cls} has no docstring.")
        for method in ("__init__", "build", "call"):
            if method in vars(cls):
                self.assertIsNone(vars(cls)[method].__doc__, (cls, method))
        if cls.__init__ is not object.__init__:
            self._check(cls.__init__, cls.__name__, "Args", cls.__doc__)
        if "call" in vars(cls) or "Call arguments" in sections(cls.__doc__):
            call = f"{cls.__name__}.call"
            self._check(cls.call, call, "Call arguments", cls.__doc__)
        for method, member in vars(cls).items():
            if method.startswith("_") or method in ("build", "call"):
                continue
            if isinstance(member, (classmethod, staticmethod)):
                member = member.__func__
            if not isinstance(member, property) and not callable(member):
                continue
            full_name = f"{cls.__name__}.{method}"
            if not _overrides_foreign(cls, method):
                self.assertTrue(
                    inspect.getdoc(getattr(cls, method)),
                    f"{full_name} has no docstring.",
                )
            if inspect.isfunction(member) and member.__doc__:
                self._check(member, full_name, "Args", member.__doc__)

    def _check(self, function, name, section, docstring):
        documented = sections(docstring).get(section, [])
        self.assertEqual(
            documented,
            arguments_of(function),
            f"{name}: what the docstring's `{section}` lists (first) is not "
            "what the signature takes (second).",
        )

    @named(public_objects())
    def test_examples(self, name):
        import keras
        import numpy as np

        import keras_comic

        found = find_public(name)
        if not inspect.isclass(found) and not inspect.isfunction(found):
            return
        names = {"np": np, "keras": keras, "keras_comic": keras_comic}
        runner = doctest.DocTestRunner(
            optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
        )
        output = []
        start = os.getcwd()
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            try:
                for test in doctest.DocTestFinder().find(
                    found, name, globs=names
                ):
                    keras.utils.set_random_seed(0)
                    runner.run(test, out=output.append)
            finally:
                os.chdir(start)
        self.assertEqual(runner.failures, 0, "".join(output))


def _overrides_foreign(cls, method):
    """Whether Keras, or another foreign base class, has the method too."""
    import keras

    return hasattr(keras.Model, method) or any(
        method in vars(base) and base.__module__.split(".")[0] != "keras_comic"
        for base in cls.__mro__
    )


def sections(docstring):
    """Dict of a docstring's section titles to the names listed in each."""
    found, title = {}, None
    for line in inspect.cleandoc(docstring or "").splitlines():
        if re.fullmatch(r"[A-Z][A-Za-z ]*:", line):
            title = line[:-1]
            found[title] = []
        elif title and (entry := re.match(r" {4}(\*{0,2}\w+):", line)):
            found[title].append(entry[1])
        elif title and line and not line.startswith(" "):
            title = None
    return found


def arguments_of(function):
    stars = {
        inspect.Parameter.VAR_POSITIONAL: "*",
        inspect.Parameter.VAR_KEYWORD: "**",
    }
    parameters = inspect.signature(function).parameters.values()
    return [
        stars.get(p.kind, "") + p.name
        for p in parameters
        if p.name not in ("self", "cls")
    ]


if __name__ == "__main__":
    print("\n".join(public_names()))
