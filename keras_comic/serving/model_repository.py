"""Models by name, their versions, and which of them answers."""

import logging
import threading
import weakref
from collections.abc import Mapping
from pathlib import Path

from keras_comic.export.model_config import ModelConfig
from keras_comic.export.versions import list_versions
from keras_comic.serving.batcher import DEFAULT_MAX_BYTES
from keras_comic.serving.batcher import DEFAULT_MAX_REQUESTS
from keras_comic.serving.errors import ServingError
from keras_comic.serving.errors import as_serving_error
from keras_comic.serving.servable import GRAPH_FILE
from keras_comic.serving.servable import Servable

LOGGER = logging.getLogger("keras_comic.serving")

# The states of TensorFlow Serving.
START, LOADING, AVAILABLE, UNLOADING, END = (
    "START",
    "LOADING",
    "AVAILABLE",
    "UNLOADING",
    "END",
)


class ModelRepository:
    """Loads models, watches for new versions, and finds who answers.

    A folder with numbered versions is looked at again and again. A version
    that is new is loaded while the old one answers; then the old one finishes
    what it has accepted, and is unloaded. A new version that cannot be loaded
    is reported, and the old one stays.

    Args:
        models: Dict of name to folder; or sequence of `ModelConfig`, with
            which versions are served, and labels.
        batching: `BatchingParameters`. Defaults to `None`, for the defaults
            of `Batcher`.
        max_queue: Integer. Most requests that wait or run, of each version.
            Defaults to `256`.
        max_queue_bytes: Integer. Most bytes of inputs that wait or run, of
            each version. Defaults to 256 MiB.
        poll_seconds: Float, seconds between two looks for new versions, or
            `None` for one look only. Defaults to `1.0`.
    Raises:
        ValueError: If there is no model, or no version of a model can be
            served.
    Example:

    >>> import tensorflow as tf
    >>> module = tf.Module()
    >>> module.invert = tf.function(
    ...     lambda images: {"comics": 255 - images},
    ...     [tf.TensorSpec((None, None, None, 3), tf.uint8, name="images")],
    ... )
    >>> tf.saved_model.save(
    ...     module, "models/comic/1", {"serving_default": module.invert}
    ... )
    >>> repository = keras_comic.serving.ModelRepository(
    ...     {"comic": "models/comic"}
    ... )
    >>> repository.status("comic")
    [(1, 'AVAILABLE', None)]
    >>> repository.find("comic").signatures["serving_default"].outputs.keys()
    dict_keys(['comics'])
    >>> repository.close()
    """

    def __init__(
        self,
        models,
        batching=None,
        max_queue=DEFAULT_MAX_REQUESTS,
        max_queue_bytes=DEFAULT_MAX_BYTES,
        poll_seconds=1.0,
    ):
        if not models:
            raise ValueError(
                "`models` must name at least one model. Received: models={}"
            )
        self._settings = {
            "batching": batching,
            "max_queue": max_queue,
            "max_queue_bytes": max_queue_bytes,
        }
        self._lock = threading.RLock()
        # One look at a time.
        self._look = threading.Lock()
        self._observers = []
        self._closing = threading.Event()
        self._models = {
            config.name: _Model(config) for config in _as_configs(models)
        }
        try:
            self.refresh()
            for model in self._models.values():
                _check_is_served(model)
        except BaseException:
            self.close(0)
            raise
        self._thread = None
        if poll_seconds is not None:
            self._thread = threading.Thread(
                target=_poll,
                args=(weakref.ref(self), self._closing, poll_seconds),
                name="model-repository",
                daemon=True,
            )
            self._thread.start()

    @property
    def names(self):
        """List of strings, the models."""
        return list(self._models)

    @property
    def is_ready(self):
        """Boolean. Whether every model has a version that answers."""
        with self._lock:
            return not self._closing.is_set() and all(
                model.available() for model in self._models.values()
            )

    def observe(self, observer):
        """Has a function called with every version that is loaded.

        Args:
            observer: Function of a `Servable`; it is called at once with each
                that is loaded already.
        """
        with self._lock:
            self._observers.append(observer)
            loaded = self.servables()
        for servable in loaded:
            observer(servable)

    def servables(self):
        """List of every `Servable` that answers."""
        with self._lock:
            return [
                version.servable
                for model in self._models.values()
                for version in model.available()
            ]

    def find(self, name, version=None, label=None):
        """Finds who answers a request.

        Whoever holds the servable keeps it loaded.

        Args:
            name: String.
            version: Integer. Defaults to `None`, for the newest.
            label: String, instead of a version. Defaults to `None`.
        Returns:
            A `Servable`.
        Raises:
            ServingError: `NOT_FOUND` if there is no such model or version,
                `INVALID_ARGUMENT` if there is no such label or both a version
                and a label are given.
        """
        version = self._version_of(name, version, label)
        with self._lock:
            model = self._models.get(name)
            found = model.available() if model else []
            if version is not None:
                found = [v for v in found if v.number == version]
            if not found:
                asked = (
                    f"Latest({name})"
                    if version is None
                    else f"Specific({name}, {version})"
                )
                raise ServingError(
                    "NOT_FOUND", f"Servable not found for request: {asked}"
                )
            return max(found, key=lambda v: v.number).servable

    def status(self, name, version=None, label=None):
        """How the versions of a model are.

        Args:
            name: String.
            version: Integer. Defaults to `None`, for all.
            label: String, instead of a version. Defaults to `None`.
        Returns:
            List of `(version, state, error)`, newest first: an integer, one
            of `"START"`, `"LOADING"`, `"AVAILABLE"`, `"UNLOADING"`, `"END"`,
            and a `ServingError` or `None`.
        Raises:
            ServingError: `NOT_FOUND` if there is no such model or version,
                `INVALID_ARGUMENT` if there is no such label.
        """
        version = self._version_of(name, version, label)
        with self._lock:
            model = self._models.get(name)
            versions = list(model.versions.values()) if model else []
            if not versions:
                raise ServingError(
                    "NOT_FOUND", f"Could not find any versions of model {name}"
                )
            if version is not None:
                versions = [v for v in versions if v.number == version]
                if not versions:
                    raise ServingError(
                        "NOT_FOUND",
                        f"Could not find version {version} of model {name}",
                    )
            versions.sort(key=lambda v: v.number, reverse=True)
            return [(v.number, v.state, v.error) for v in versions]

    def _version_of(self, name, version, label):
        if label is None:
            return version
        if version is not None:
            raise ServingError(
                "INVALID_ARGUMENT",
                f"Both model version ({version}) and model version label "
                f"({label}) cannot be supplied.",
            )
        model = self._models.get(name)
        if model is None or label not in model.config.labels:
            raise ServingError(
                "INVALID_ARGUMENT",
                f"Unrecognized servable version label: {label}",
            )
        return model.config.labels[label]

    def refresh(self):
        """Looks for new versions now, and loads them."""
        with self._look:
            for model in self._models.values():
                try:
                    folders = model.wanted_folders()
                except (OSError, ValueError) as error:
                    _log("error", "versions cannot be listed", model, error)
                    continue
                for number, folder in sorted(folders.items()):
                    self._load_if_new(model, number, folder)
                self._unload_old(model, folders)

    def _load_if_new(self, model, number, folder):
        stamp = _stamp(folder)
        with self._lock:
            version = model.versions.get(number)
            if version is not None and (
                version.state in (LOADING, AVAILABLE)
                or (version.error is not None and version.stamp == stamp)
            ):
                return
            version = _Version(number, LOADING, stamp=stamp)
            model.versions[number] = version
        try:
            servable = Servable(model.name, number, folder, **self._settings)
        except Exception as error:
            if not isinstance(error, ServingError):
                code = "NOT_FOUND" if isinstance(error, OSError) else "INTERNAL"
                error = ServingError(code, str(error))
            with self._lock:
                version.state = END
                version.error = as_serving_error(error)
            _log("error", "version cannot be loaded", model, error, number)
            return
        with self._lock:
            if self._closing.is_set():
                version.state = END
                servable.close()
                return
            version.state = AVAILABLE
            version.servable = servable
            observers = list(self._observers)
        for observer in observers:
            observer(servable)
        _log("info", "version is available", model, version=number)

    def _unload_old(self, model, wanted):
        with self._lock:
            available = model.available()
            # Nobody leaves before somebody else answers.
            if not any(v.number in wanted for v in available):
                return
            old = [v for v in available if v.number not in wanted]
            for version in old:
                self._unload(version)
        for version in old:
            _log("info", "version is unloaded", model, version=version.number)

    def _unload(self, version):
        version.state = UNLOADING
        weakref.finalize(version.servable, _end, version).atexit = False
        version.servable = None

    def close(self, grace=None):
        """Ends all models.

        Args:
            grace: Float, seconds that accepted requests are given. Defaults
                to `None`, for as long as they take, without waiting here.
        """
        self._closing.set()
        with self._lock:
            servables = self.servables()
            for model in self._models.values():
                for version in model.available():
                    self._unload(version)
        threads = [
            threading.Thread(target=servable.close, args=(grace,))
            for servable in servables
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


class _Model:
    """A model and what became of its versions."""

    def __init__(self, config):
        self.name = config.name
        self.folder = Path(config.base_path)
        self.config = config
        self.versions = {}

    def available(self):
        return [v for v in self.versions.values() if v.state == AVAILABLE]

    def wanted_folders(self):
        """Dict of version to folder, of those that are to be served."""
        if (self.folder / GRAPH_FILE).is_file():
            name = self.folder.name
            return {int(name) if name.isdecimal() else 1: self.folder}
        folders = list_versions(self.folder)
        if self.config.versions == "all":
            return folders
        wanted = self.config.versions or sorted(folders)[-self.config.latest :]
        return {n: path for n, path in folders.items() if n in wanted}


class _Version:
    """A version and its state."""

    def __init__(self, number, state, stamp):
        self.number = number
        self.state = state
        self.stamp = stamp
        self.servable = None
        self.error = None


def _end(version):
    version.state = END


def _as_configs(models):
    if not isinstance(models, Mapping):
        return list(models)
    return [
        ModelConfig(name, Path(folder).absolute())
        for name, folder in models.items()
    ]


def _check_is_served(model):
    if model.available():
        return
    reasons = [
        f"version {v.number}: {v.error}" for v in model.versions.values()
    ]
    raise ValueError(
        f"No version of the model {model.name!r} can be served: the folder "
        f"must hold a SavedModel ({GRAPH_FILE}), or numbered folders that do"
        f"{'; ' if reasons else ''}{'; '.join(reasons)}. Received: "
        f"folder={str(model.folder)!r}"
    )


def _stamp(folder):
    """What changes when a version is written anew."""
    stamps = []
    for name in (GRAPH_FILE, "variables/variables.index"):
        try:
            found = (folder / name).stat()
        except OSError:
            stamps.append(None)
        else:
            stamps.append((found.st_mtime_ns, found.st_size))
    return stamps


def _poll(reference, closing, seconds):
    while not closing.wait(seconds):
        repository = reference()
        if repository is None:
            return
        try:
            repository.refresh()
        except Exception:
            LOGGER.exception("the look for new versions failed")
        del repository


def _log(level, message, model, error=None, version=None):
    fields = {"model": model.name}
    if version is not None:
        fields["version"] = version
    if error is not None:
        fields["error"] = str(error)
    getattr(LOGGER, level)(message, extra={"fields": fields})
