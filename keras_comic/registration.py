"""Modules that are imported as soon as a library is."""

import contextlib
import importlib
import importlib.util
import sys
import threading
import warnings


class ImportWith:
    """Imports modules of a package once a library has been imported."""

    def __init__(self, library, package, modules):
        self.library = library
        self.package = package
        self.modules = modules
        self._lock = threading.Lock()
        self._finding = threading.local()
        self._num_under_way = 0
        self._is_done = False
        if library not in sys.modules:
            sys.meta_path.insert(0, self)
        self._import_modules()

    def find_spec(self, name, path=None, target=None):
        """As of any finder on `sys.meta_path`."""
        is_own = name == self.library or name.startswith(f"{self.package}.")
        if not is_own or target is not None or self._is_finding():
            return None
        self._finding.now = True
        try:
            spec = importlib.util.find_spec(name)
        finally:
            self._finding.now = False
        if hasattr(getattr(spec, "loader", None), "exec_module"):
            spec.loader = _Loader(spec.loader, self._importing)
        return spec

    def _is_finding(self):
        return getattr(self._finding, "now", False)

    @contextlib.contextmanager
    def _importing(self):
        with self._lock:
            self._num_under_way += 1
        try:
            yield
        finally:
            with self._lock:
                self._num_under_way -= 1
        self._import_modules()

    def _import_modules(self):
        with self._lock:
            if self._num_under_way or self._is_done:
                return
            if self.library not in sys.modules:
                return
            with contextlib.suppress(ValueError):
                sys.meta_path.remove(self)
        try:
            for module in self.modules:
                importlib.import_module(f"{self.package}.{module}")
        except ImportError as error:
            # No reason for `import keras` to fail.
            warnings.warn(
                f"{self.library} does not know the classes of "
                f"{self.package}.{module}: {error}",
                stacklevel=2,
            )
        else:
            self._is_done = True


class _Loader:
    """Loads a module as its own loader does, in a context."""

    def __init__(self, loader, context):
        self._loader = loader
        self._context = context

    def __getattr__(self, name):
        return getattr(self._loader, name)

    def exec_module(self, module):
        # From here on the module is like any other.
        module.__spec__.loader = module.__loader__ = self._loader
        with self._context():
            self._loader.exec_module(module)
