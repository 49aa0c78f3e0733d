"""Public names are listed, documented, do not vanish, and their examples run.

The list of public names is written anew by

    python -m tests.test_public_names > tests/public_names.txt
"""

import ast
import doctest
import importlib
import inspect
import os
import re
import tempfile

from absl.testing import parameterized

from tests.source import MODULES
from tests.source import PACKAGES
from tests.source import ROOT
from tests.source import imports_of
from tests.source import listed_names
from tests.source import named
from tests.source import public_names
from tests.source import public_objects
from tests.source import tree_of

PUBLIC_NAMES = ROOT / "tests" / "public_names.txt"


def find_public(name):
    if name in MODULES:
        return importlib.import_module(name)
    package, _, name = name.rpartition(".")
    return getattr(importlib.import_module(package), name)


class PublicNamesTest(parameterized.TestCase):
    def test_no_name_vanishes(self):
        """New names need no line there; a release writes the list anew."""
        announced = PUBLIC_NAMES.read_text(encoding="utf-8").split()
        self.assertEqual(
            sorted(set(announced) - set(public_names())),
            [],
            "Public names are gone. If that is meant, say so in CHANGELOG.md "
            "and run "
            "`python -m tests.test_public_names > tests/public_names.txt`.",
        )

    @named(PACKAGES)
    def test_imported_names_are_listed(self, package):
        names = listed_names(package)
        self.assertEqual(len(names), len(set(names)))
        for module, name in imports_of(MODULES[package]):
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
        if getattr(cls.__init__, "__module__", "").startswith("keras_comic"):
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
