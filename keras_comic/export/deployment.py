"""What an unmodified TensorFlow Serving needs beside the models."""

import hashlib
import json
import os
import re
import tempfile
from pathlib import Path

from keras_comic.export.batching import make_batching_parameters
from keras_comic.export.batching import write_batching_parameters
from keras_comic.export.deployment_templates import fill_templates
from keras_comic.export.model_config import METRICS_PATH
from keras_comic.export.model_config import ModelConfig
from keras_comic.export.model_config import write_model_config
from keras_comic.export.model_config import write_monitoring_config
from keras_comic.export.versions import list_versions
from keras_comic.export.warmup import read_warmup_records

# TensorFlow's version in it must not be older than that of the exporting
# TensorFlow: 2.21 is the first whose graphs read WebP.
SERVING_IMAGE = "tensorflow/serving:2.21.0"
MODELS_FOLDER = "models"
# What was written, so that changes of the user's are known.
CHECKSUMS_FILE = ".deployment.json"
# Peak of the light network's memory for a pixel in work, measured from 570 to
# 630 for the signatures at 512 and 1,024 pixels, and what the server takes
# without any.
BYTES_PER_PIXEL = 700
SERVER_MIB = 1024
# Where a model does not tell its limit.
MAX_PIXELS = 2**22


def write_deployment(
    folder,
    models=None,
    batching=None,
    image="comic-serving:1",
    serving_image=SERVING_IMAGE,
    replicas=(2, 8),
    memory_mib=None,
    overwrite=False,
):
    """Writes the files that serve exported models with TensorFlow Serving.

    `folder` holds `models/NAME/VERSION`, as `save_served_model` writes them.
    Beside them come:

    - `config/`: `models.config`, `batching_parameters.txt` and
      `monitoring.config`, the server's configuration;
    - `Dockerfile`, an image with them and the models;
    - `compose.yaml` and `prometheus.yml`, a server on this machine, with
      Prometheus if wanted;
    - `kubernetes/`: the Deployment with its probes, the Service, the
      autoscaler and the disruption budget.

    Each says in a comment what it is for. Files that were changed since they
    were written are not touched: nothing is written, and the error names
    them.

    Args:
        folder: String or path. The folder that holds `models`.
        models: Sequence of `ModelConfig` whose `base_path` is
            `/models/NAME`, or `None` for the newest version of each model in
            `models`. The probes ask for the first.
        batching: `BatchingParameters`, or `None` for those of
            `make_batching_parameters`, which allow images of any sizes.
        image: String. Name and tag of the image that the Dockerfile makes;
            the Kubernetes objects are named after it.
        serving_image: String. The published image of TensorFlow Serving that
            is run, with its version as the tag.
        replicas: Pair of positive integers. The servers that Kubernetes runs,
            at least and at most.
        memory_mib: Positive integer, MiB that a server may take, or `None`
            for what the batching parameters and the models' `max_pixels` come
            to for a light generator.
        overwrite: Boolean. Whether changed files are written anew.

    Returns:
        List of the paths of the files.

    Raises:
        FileExistsError: If a file was changed, or is not of this function,
            and `overwrite` is `False`.
        FileNotFoundError: If there is no version of a model.
        ImportError: If tensorflow-serving-api is not installed.
        ValueError: If a value is wrong, a model was exported by a newer
            TensorFlow than that of `serving_image`, or one of its warm-up
            records is larger than the largest batch.

    Example:

    >>> from keras_comic.export.deployment import write_deployment
    >>> from keras_comic.export.versions import new_version
    >>> with new_version("models/comic") as version:
    ...     _ = (version / "saved_model.pb").write_bytes(b"")
    >>> for path in write_deployment("."):
    ...     print(path)
    config/models.config
    config/batching_parameters.txt
    config/monitoring.config
    Dockerfile
    .dockerignore
    compose.yaml
    prometheus.yml
    kubernetes/deployment.yaml
    kubernetes/service.yaml
    kubernetes/autoscaler.yaml
    kubernetes/disruption_budget.yaml

    Reference:
        - [TensorFlow Serving with Docker](
          https://www.tensorflow.org/tfx/serving/docker) and [configuration](
          https://www.tensorflow.org/tfx/serving/serving_config).
    """
    folder = Path(folder)
    if models is None:
        models = _find_models(folder)
    else:
        models = list(models)
    if batching is None:
        batching = make_batching_parameters()
    _check_replicas(replicas)
    folders = _version_folders(folder, models)
    for version in folders:
        _check_tensorflow(version, serving_image)
        _check_warmup(version, batching)
    if memory_mib is None:
        memory_mib = _memory_mib(batching, folders)
    flags = _server_flags(models, batching)
    check = _health_check(models[0].name)
    values = {
        "image": _checked_image("image", image),
        "serving_image": _checked_image("serving_image", serving_image),
        "name": _name_of(image),
        "model": models[0].name,
        "metrics_path": METRICS_PATH,
        "health_check": json.dumps(check),
        "health_check_of_compose": json.dumps(["CMD", *check]),
        "flags_of_dockerfile": ", \\\n".join(f'    "{f}"' for f in flags),
        "flags_of_compose": "\n".join(f"      - {flag}" for flag in flags),
        "min_replicas": str(replicas[0]),
        "max_replicas": str(replicas[1]),
        "memory_mib": str(memory_mib),
    }
    files = _configuration_files(models, batching)
    files.update(fill_templates(values))
    return _write(folder, files, overwrite)


def _find_models(folder):
    base = folder / MODELS_FOLDER
    names = [
        path.name
        for path in (sorted(base.iterdir()) if base.is_dir() else [])
        if path.is_dir() and list_versions(path)
    ]
    if not names:
        raise FileNotFoundError(
            f"There must be a model in '{base}', in a folder such as "
            "comic/1: export one first. Received: none"
        )
    return [ModelConfig(name, f"/{MODELS_FOLDER}/{name}") for name in names]


def _version_folders(folder, models):
    """The folders of the versions that are served."""
    found = []
    for model in models:
        base = Path(f"/{MODELS_FOLDER}") / model.name
        if model.base_path.rstrip("/") != base.as_posix():
            raise ValueError(
                "`base_path` must be where the image holds the model. Received:"
                f" base_path={model.base_path!r}, expected '{base.as_posix()}'"
            )
        versions = list_versions(folder / MODELS_FOLDER / model.name)
        wanted = model.versions or list(versions)[-model.latest :]
        if wanted == "all":
            wanted = versions
        missing = [number for number in wanted if number not in versions]
        if missing or not versions:
            raise FileNotFoundError(
                f"Versions of {model.name!r} are missing in "
                f"'{folder / MODELS_FOLDER}'. Received: {missing or 'none'}"
            )
        found += [versions[number] for number in wanted]
    return found


def _check_tensorflow(version, serving_image):
    """Compares the versions of TensorFlow, where both are known."""
    from tensorflow.core.protobuf import saved_model_pb2

    served = re.search(r":(\d+)\.(\d+)[^/]*$", serving_image)
    path = version / "saved_model.pb"
    if not served or not path.is_file():
        return
    message = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    for graph in message.meta_graphs:
        written = graph.meta_info_def.tensorflow_version
        exported = re.match(r"(\d+)\.(\d+)", written)
        if exported and _numbers(exported) > _numbers(served):
            raise ValueError(
                "`serving_image` must have no older TensorFlow than the one "
                f"that exported '{version}', which is {written}. "
                f"Received: serving_image={serving_image!r}"
            )


def _check_warmup(version, batching):
    """A server does not load a version whose warm-up records it refuses."""
    for signature_name, inputs in read_warmup_records(version):
        size = max(value.shape[0] for value in inputs.values())
        if size > batching.max_batch_size:
            raise ValueError(
                "`batching` must take the warm-up records of "
                f"'{version}', of which one asks {signature_name} for {size} "
                "images. "
                f"Received: max_batch_size={batching.max_batch_size}"
            )


def _numbers(match):
    return tuple(map(int, match.groups()))


def _memory_mib(batching, folders):
    """Bounds the memory of a server: images in work, and waiting ones."""
    max_pixels = 0
    for version in folders:
        path = version / "assets.extra" / "keras_comic.json"
        description = {}
        if path.is_file():
            description = json.loads(path.read_text(encoding="utf-8"))
        max_pixels = max(max_pixels, description.get("max_pixels", MAX_PIXELS))
    size = batching.execution_batch_size
    in_work = _num_threads(batching) * size * max_pixels * BYTES_PER_PIXEL
    waiting = batching.max_enqueued_batches * size * max_pixels * 3
    mib = SERVER_MIB + (in_work + waiting) // 2**20
    return -(-mib // 512) * 512


def _num_threads(batching):
    return batching.num_batch_threads or os.cpu_count()


def _server_flags(models, batching):
    # A thread for each request that may wait or be in work, and some to tell
    # the others that the queue is full, and the probes that all is well. The
    # defaults, four for a CPU, would be taken up before the queue is.
    batches = batching.max_enqueued_batches + _num_threads(batching)
    threads = batches * batching.execution_batch_size + 16
    flags = [
        "--port=8500",
        f"--grpc_max_threads={threads}",
        "--rest_api_port=8501",
        f"--rest_api_num_threads={threads}",
        "--rest_api_timeout_in_ms=60000",
        "--model_config_file=/config/models.config",
        "--model_config_file_poll_wait_seconds=60",
        "--file_system_poll_wait_seconds=10",
        "--enable_batching=true",
        "--batching_parameters_file=/config/batching_parameters.txt",
        "--monitoring_config_file=/config/monitoring.config",
    ]
    if any(model.labels for model in models):
        flags.append("--allow_version_labels_for_unavailable_models=true")
    return flags


def _health_check(model):
    """Asks for the model's status with what the image has: bash and grep."""
    request = f"GET /v1/models/{model} HTTP/1.0\\r\\n\\r\\n"
    return [
        "bash",
        "-c",
        f"exec 3<>/dev/tcp/127.0.0.1/8501 && printf '{request}' >&3 "
        "&& grep -q '\"AVAILABLE\"' <&3",
    ]


def _checked_image(argument, image):
    if not re.fullmatch(r"[\w.-]+(:\d+)?(/[\w.-]+)*(:[\w.-]+)?", image):
        raise ValueError(
            f"`{argument}` must be an image's name, such as name:1. "
            f"Received: {argument}={image!r}"
        )
    return image


def _name_of(image):
    """The last part of an image's name, as Kubernetes takes it."""
    name = image.rpartition("/")[2].partition(":")[0]
    name = re.sub(r"[^a-z0-9-]+", "-", name.lower()).strip("-")[:63]
    if not re.match(r"[a-z]", name):
        raise ValueError(
            "The last part of `image` must begin with a letter. "
            f"Received: image={image!r}"
        )
    return name.rstrip("-")


def _check_replicas(replicas):
    if (
        len(replicas) != 2
        or any(not isinstance(n, int) or n < 1 for n in replicas)
        or replicas[0] > replicas[1]
    ):
        raise ValueError(
            "`replicas` must be two positive integers, the smaller first. "
            f"Received: replicas={replicas}"
        )


def _configuration_files(models, batching):
    """The texts of the files that protobufs write."""
    with tempfile.TemporaryDirectory() as temporary:
        temporary = Path(temporary)
        paths = [
            write_model_config(temporary / "models.config", models),
            write_batching_parameters(
                temporary / "batching_parameters.txt", batching
            ),
            write_monitoring_config(temporary / "monitoring.config"),
        ]
        return {
            f"config/{path.name}": path.read_text(encoding="utf-8")
            for path in paths
        }


def _write(folder, files, overwrite):
    """Writes the files, or none of them."""
    checksums_path = folder / CHECKSUMS_FILE
    known = {}
    if checksums_path.is_file():
        known = json.loads(checksums_path.read_text(encoding="utf-8"))
    changed = []
    for name, text in files.items():
        path = folder / name
        if path.is_file():
            found = _checksum(path.read_bytes())
            if found not in (known.get(name), _checksum(text.encode())):
                changed.append(str(path))
    if changed and not overwrite:
        raise FileExistsError(
            "Files were changed since they were written, or are others; "
            "nothing was written. Take `overwrite=True` to replace them. "
            f"Received: {', '.join(changed)}"
        )
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        _replace(path, text)
        known[name] = _checksum(text.encode())
    _replace(checksums_path, json.dumps(known, indent=1) + "\n")
    return [folder / name for name in files]


def _replace(path, text):
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(text, encoding="utf-8", newline="\n")
    os.replace(partial, path)


def _checksum(contents):
    return hashlib.sha256(contents).hexdigest()
