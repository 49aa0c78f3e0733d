"""TensorFlow Serving's `models.config` and `monitoring.config`."""

import dataclasses
import re
from pathlib import Path

from keras_comic.export import text_protobufs

METRICS_PATH = "/monitoring/prometheus/metrics"
# What the REST API's addresses can hold.
NAME = re.compile(r"[^/:\s]+")
LABEL = re.compile(r"[^/:\s]+")

COMMENT = """\
The models that TensorFlow Serving loads: the file of the flag
--model_config_file=THIS. With --model_config_file_poll_wait_seconds=60
changes are taken up while it runs."""
COMMENT_LABELS = """
A label may point at a version that is not loaded yet only with
--allow_version_labels_for_unavailable_models=true."""
COMMENT_MONITORING = """\
Metrics for Prometheus: the file of the flag
--monitoring_config_file=THIS, served at --rest_api_port."""


@dataclasses.dataclass(frozen=True)
class ModelConfig:
    """A model that a server loads, and which of its versions.

    Args:
        name: String. The model's name in requests, without `/` and `:`.
        base_path: String. The folder that holds a folder for each version, an
            absolute path or an object store's URL, as the server sees it.
        latest: Positive integer. The newest versions, as many, are served.
            Defaults to `1`.
        versions: Sequence of integers >= 0: these versions are served in
            place of the newest; or `"all"`. Defaults to `()`.
        labels: Dict of a label, such as `"stable"`, to the version that it
            stands for. Defaults to `None`, for none.

    Raises:
        TypeError: If a version is no integer.
        ValueError: If a value is wrong, a version is named twice, or a label
            stands for a version that is not among `versions`.

    Example:

    >>> from keras_comic.export.model_config import ModelConfig
    >>> config = ModelConfig(
    ...     "comic", "/models/comic", versions=[3, 4], labels={"stable": 3})
    >>> config.versions
    (3, 4)
    """

    name: str
    base_path: str
    latest: int = 1
    versions: tuple | str = ()
    labels: dict | None = None

    def __post_init__(self):
        object.__setattr__(self, "base_path", str(self.base_path))
        object.__setattr__(self, "labels", dict(self.labels or {}))
        if self.versions != "all":
            object.__setattr__(self, "versions", tuple(self.versions))
        if not isinstance(self.name, str) or not NAME.fullmatch(self.name):
            raise ValueError(
                "`name` must be a word without `/` and `:`. "
                f"Received: name={self.name!r}"
            )
        if not re.match(r"/|[A-Za-z]:[\\/]|[a-z0-9]+://", self.base_path):
            raise ValueError(
                "`base_path` must be an absolute path, as the server sees it. "
                f"Received: base_path={self.base_path!r}"
            )
        _check_integer("latest", self.latest, 1)
        if self.versions == "all":
            return self._check_labels()
        for version in self.versions:
            _check_integer("versions", version, 0)
        if len(set(self.versions)) != len(self.versions):
            raise ValueError(
                "`versions` must differ. "
                f"Received: versions={list(self.versions)}"
            )
        if self.versions and self.latest != 1:
            raise ValueError(
                "`latest` has no effect where `versions` are given. "
                f"Received: latest={self.latest}, "
                f"versions={list(self.versions)}"
            )
        return self._check_labels()

    def __hash__(self):
        labels = tuple(sorted(self.labels.items()))
        return hash(
            (self.name, self.base_path, self.latest, self.versions, labels)
        )

    def _check_labels(self):
        for label, version in self.labels.items():
            if not isinstance(label, str) or not LABEL.fullmatch(label):
                raise ValueError(
                    "`labels` must be words without `/` and `:`. "
                    f"Received: {label!r}"
                )
            _check_integer("labels", version, 0)
            if (
                self.versions
                and self.versions != "all"
                and version not in self.versions
            ):
                raise ValueError(
                    f"The label {label!r} must stand for one of `versions`. "
                    f"Received: labels={self.labels}, "
                    f"versions={list(self.versions)}"
                )


def write_model_config(path, models):
    """Writes `models.config`, in protobuf's text format.

    The file is written beside its name and renamed, since servers read it
    anew while they run.

    Args:
        path: String or path.
        models: Sequence of `ModelConfig`, whose names differ.

    Returns:
        Path of the file.

    Raises:
        ImportError: If tensorflow-serving-api is not installed.
        ValueError: If there is no model, or two have one name or one folder.

    Example:

    >>> from keras_comic.export.model_config import ModelConfig
    >>> from keras_comic.export.model_config import read_model_config
    >>> from keras_comic.export.model_config import write_model_config
    >>> path = write_model_config(
    ...     "models.config", [ModelConfig("comic", "/models/comic")])
    >>> read_model_config(path)[0].name
    'comic'

    Reference:
        - [TensorFlow Serving Configuration](
          https://www.tensorflow.org/tfx/serving/serving_config).
    """
    models = list(models)
    _check_models(models)
    message = _model_server_config()
    for model in models:
        config = message.model_config_list.config.add(
            name=model.name,
            base_path=model.base_path,
            model_platform="tensorflow",
        )
        policy = config.model_version_policy
        if model.versions == "all":
            policy.all.SetInParent()
        elif model.versions:
            policy.specific.versions.extend(model.versions)
        else:
            policy.latest.num_versions = model.latest
        config.version_labels.update(model.labels)
    labelled = any(model.labels for model in models)
    comment = COMMENT + (COMMENT_LABELS if labelled else "")
    text_protobufs.write_message(path, message, comment)
    return Path(path)


def read_model_config(path):
    """Reads a `models.config`.

    Args:
        path: String or path. A ModelServerConfig in protobuf's text format.

    Returns:
        List of `ModelConfig`.

    Raises:
        FileNotFoundError: If there is no such file.
        ImportError: If tensorflow-serving-api is not installed.
        ValueError: If a field is unknown, or a value wrong, or the file asks
            for a model that is no SavedModel, or for logs of requests; names
            the file, and the line where one is at fault.

    Example:

    >>> from keras_comic.export.model_config import read_model_config
    >>> with open("models.config", "w") as file:
    ...     _ = file.write(
    ...         "model_config_list { config { name: 'comic' "
    ...         "base_path: '/models/comic' model_platform: 'tensorflow' } }")
    >>> read_model_config("models.config")[0].latest
    1
    """
    message = text_protobufs.read_message(path, _model_server_config())
    if message.WhichOneof("config") == "custom_model_config":
        raise ValueError(
            f"'{path}': only `model_config_list` is read. "
            "Received: custom_model_config"
        )
    models = []
    try:
        for config in message.model_config_list.config:
            platform = config.model_platform
            if not platform and config.model_type == 1:  # The older field.
                platform = "tensorflow"
            if platform != "tensorflow":
                raise ValueError(
                    '`model_platform` must be "tensorflow". '
                    f"Received: model_platform={platform!r}"
                )
            if config.HasField("logging_config"):
                raise ValueError(
                    "Requests are not logged here. Received: logging_config"
                )
            policy = config.model_version_policy
            kind = policy.WhichOneof("policy_choice")
            versions = ()
            if kind == "all":
                versions = "all"
            elif kind == "specific":
                versions = tuple(policy.specific.versions)
                if not versions:
                    raise ValueError(
                        "`specific` must hold versions. Received: none"
                    )
            # Without a number TensorFlow Serving serves one version.
            latest = policy.latest.num_versions or 1
            labels = dict(config.version_labels)
            models.append(
                ModelConfig(
                    config.name, config.base_path, latest, versions, labels
                )
            )
        _check_models(models)
    except (TypeError, ValueError) as error:
        raise ValueError(f"'{path}': {error}") from error
    return models


def write_monitoring_config(path, metrics_path=METRICS_PATH):
    """Writes `monitoring.config`: metrics for Prometheus, and where.

    Args:
        path: String or path.
        metrics_path: String. The path of the metrics at the REST port.

    Returns:
        Path of the file.

    Raises:
        ValueError: If `metrics_path` does not begin with `/`.

    Example:

    >>> from keras_comic.export.model_config import read_monitoring_config
    >>> from keras_comic.export.model_config import write_monitoring_config
    >>> path = write_monitoring_config("monitoring.config")
    >>> read_monitoring_config(path)
    '/monitoring/prometheus/metrics'
    """
    _check_metrics_path(metrics_path)
    message = text_protobufs.new_message("MonitoringConfig")
    message.prometheus_config.enable = True
    message.prometheus_config.path = metrics_path
    text_protobufs.write_message(path, message, COMMENT_MONITORING)
    return Path(path)


def read_monitoring_config(path):
    """Reads a `monitoring.config`.

    Args:
        path: String or path. A MonitoringConfig in protobuf's text format.

    Returns:
        String, the path of the metrics at the REST port; `None` where they
        are off.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If a field is unknown or a value wrong; names the file,
            and the line where one is at fault.

    Example:

    >>> from keras_comic.export.model_config import read_monitoring_config
    >>> with open("monitoring.config", "w") as file:
    ...     _ = file.write("prometheus_config { enable: true }")
    >>> read_monitoring_config("monitoring.config")
    '/monitoring/prometheus/metrics'
    """
    message = text_protobufs.read_message(
        path, text_protobufs.new_message("MonitoringConfig")
    )
    if not message.prometheus_config.enable:
        return None
    metrics_path = message.prometheus_config.path or METRICS_PATH
    try:
        _check_metrics_path(metrics_path)
    except ValueError as error:
        raise ValueError(f"'{path}': {error}") from error
    return metrics_path


def _check_models(models):
    if not models:
        raise ValueError("There must be a model. Received: models=[]")
    for what in ("name", "base_path"):
        values = [getattr(model, what) for model in models]
        if len(set(values)) != len(values):
            raise ValueError(
                f"Models must differ in `{what}`. Received: {values}"
            )


def _check_metrics_path(metrics_path):
    if not re.fullmatch(r"/[^\s?#]+", metrics_path):
        raise ValueError(
            "`metrics_path` must begin with `/`, without spaces. "
            f"Received: metrics_path={metrics_path!r}"
        )


def _check_integer(name, value, lowest):
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"`{name}` must be an integer. Received: {value!r}")
    if value < lowest:
        kind = "positive" if lowest else "non-negative"
        raise ValueError(f"`{name}` must be {kind}. Received: {value}")


def _model_server_config():
    try:
        from tensorflow_serving.config import model_server_config_pb2
    except ImportError as error:
        raise ImportError(
            "`models.config` needs tensorflow-serving-api. Install it with "
            "`pip install 'keras-comic[serving]'`."
        ) from error
    return model_server_config_pb2.ModelServerConfig()
