"""Reads the house: modules, imports, public names."""

import ast
import functools
import pathlib

from absl.testing import parameterized

ROOT = pathlib.Path(__file__).resolve().parents[1]


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


def named(names):
    return parameterized.named_parameters(
        *((name.replace(".", "_"), name) for name in names)
    )
