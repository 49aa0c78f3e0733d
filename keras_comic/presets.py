"""Presets: folders with a trained model; `zoo/` holds the built-in ones."""

import hashlib
import importlib
import json
import os
import platform
import re
import shutil
from pathlib import Path

# Keras and NumPy are imported where they are needed: a list needs neither.
DEFAULT_PRESET = "adain_storybook"
FORMAT_VERSION = 1
CONFIG_FILE = "config.json"
METADATA_FILE = "metadata.json"
STYLES_FILE = "styles.json"
WEIGHTS_FILE = "generator.weights.h5"
PRESET_FILES = (CONFIG_FILE, METADATA_FILE, STYLES_FILE, WEIGHTS_FILE)
# Scheme of a handle: the package that fetches it, and its function.
HUBS = {
    "hf": ("huggingface_hub", "snapshot_download"),
    "kaggle": ("kagglehub", "model_download"),
}
# On the card of a preset for which nobody has written one.
CARD_FACTS = (
    "about",
    "kind",
    "class",
    "parameter_count",
    "styles",
    "licence",
    "recipe",
)
GOLDEN_TOLERANCE = 1e-3


def list_presets():
    """Returns the built-in presets, a dict of name to metadata."""
    paths = sorted(_zoo_folder().glob(f"*/{METADATA_FILE}"))
    return {p.parent.name: _read_json(p.parent, METADATA_FILE) for p in paths}


def preset_facts(preset):
    """Returns a preset's metadata, and `styles`, a list of names."""
    folder = preset_folder(preset)
    takes_styles = (folder / STYLES_FILE).is_file()
    styles = _read_json(folder, STYLES_FILE) if takes_styles else ()
    return {**_read_json(folder, METADATA_FILE), "styles": [*styles]}


def from_preset(preset):
    """Loads a model from a preset.

    Weights that are not in the preset's folder are fetched once, by
    `keras.utils.get_file`, from the `url` in its metadata.

    Args:
        preset: A built-in name (see `list_presets`), a folder, or a handle
            `hf://user/repository` or `kaggle://user/model/framework/variation`.

    Returns:
        A model of one of the four kinds, built. Its `preset_name` is the name,
        the handle, or the folder's name, its `preset_version` the metadata's
        `version`, or else the first 16 digits of the weights' checksum.

    Raises:
        ValueError: If the name, the format or the class is unknown, or the
            weights' checksum does not agree.
        FileNotFoundError: If a file of the preset is missing.
        ImportError: If a handle needs a package that is not installed.
        OSError: If a handle or the weights' address cannot be reached.

    Example:

    >>> generator = keras_comic.from_preset("adain_storybook")
    >>> photo = np.random.randint(0, 256, (32, 32, 3), dtype="uint8")
    >>> generator.stylize(photo, style=generator.style_names[0]).shape
    (32, 32, 3)
    """
    import keras

    folder = preset_folder(preset)
    metadata = _read_json(folder, METADATA_FILE, ["format_version", "weights"])
    version = metadata["format_version"]
    if not isinstance(version, int) or version > FORMAT_VERSION:
        raise ValueError(
            f"Preset {str(preset)!r} must be of a format that this keras_comic "
            f"knows, at most {FORMAT_VERSION}; a newer one may know it. "
            f"Received: format_version={version!r}"
        )
    config = _read_json(folder, CONFIG_FILE)
    # Keras knows the classes of the zoo once they are imported.
    importlib.import_module("keras_comic.models")
    name = config.get("registered_name")
    kind = getattr(keras.saving.get_registered_object(name), "kind", None)
    if kind is None:
        raise ValueError(
            f"Preset {str(preset)!r} must hold a model of one of the four "
            "kinds, of a class that is known here: import its module "
            "(`keras-comic --import MODULE`), or install a newer keras_comic. "
            f"Received: class {name!r} in {CONFIG_FILE}"
        )
    if kind == "style_generator":
        config["config"]["styles"] = _read_json(folder, STYLES_FILE)
    weights = _verified_weights(folder, metadata["weights"])
    model = keras.saving.deserialize_keras_object(config)
    model.load_weights(weights)
    model.preset_name = public_name(preset)
    version = metadata.get("version") or metadata["weights"]["sha256"][:16]
    model.preset_version = str(version)
    return model


def save_to_preset(model, folder, metadata=None):
    """Writes a model as a preset folder, whole or not at all.

    Other files that are in the folder are kept, a `README.md` among them. A
    preset computes in float32, whatever precision the model was trained in.

    Args:
        model: A model of one of the four kinds, built.
        folder: Path of the folder; made if it does not exist.
        metadata: Dict or `None`. Entries for `metadata.json`: `licence`,
            `training_data`, `recipe`, `results`, ... What can be read off the
            model is filled in; of `weights`, only a `url` is taken. Defaults
            to `None`.

    Raises:
        ValueError: If the model is not built.
    """
    if not model.built:
        raise ValueError(
            "`model` must be built before it is saved: call it once. "
            f"Received: built={model.built}"
        )
    folder = Path(folder).resolve()
    staged = folder.with_name(f".{folder.name}.{os.getpid()}.partial")
    shutil.rmtree(staged, ignore_errors=True)
    staged.mkdir(parents=True)
    try:
        _write_preset(_in_float32(model), staged, folder, metadata or {})
        _take_place(staged, folder)
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def golden_numbers(model):
    """Returns what a model makes of its example, at some positions."""
    import keras

    outputs = keras.ops.convert_to_numpy(model.example_output())
    values = outputs[0, ..., 4::12, 4::12, :].ravel()
    return {
        "style": next(iter(getattr(model, "style_names", ())), None),
        "values": [round(float(value), 6) for value in values],
        "tolerance": GOLDEN_TOLERANCE,
    }


def verify_preset(preset):
    """Loads a preset and compares its outputs with the stored ones.

    Args:
        preset: As in `from_preset`.

    Returns:
        Float: the largest difference from the golden numbers, on `[-1, 1]`.

    Raises:
        ValueError: If the difference is above the stored tolerance.
    """
    import numpy as np

    folder = preset_folder(preset)
    golden = _read_json(folder, METADATA_FILE, ["golden"])["golden"]
    received = golden_numbers(from_preset(preset))
    difference = np.abs(np.subtract(received["values"], golden["values"])).max()
    # Not `>`, which is false of a NaN.
    if not difference <= golden["tolerance"]:
        raise ValueError(
            f"Preset {str(preset)!r} does not give its golden numbers: the "
            f"largest difference must be at most {golden['tolerance']}. "
            f"Received: {difference:.6f}"
        )
    return float(difference)


def presets_table():
    """Returns the built-in presets as a Markdown table: `zoo/README.md`."""
    lines = [
        "# The zoo\n",
        "A folder for each preset; `keras-comic presets --markdown` prints "
        "this table.\n",
        "| preset | kind | class | parameters | styles | licence |",
        "| --- | --- | --- | ---: | --- | --- |",
    ]
    for name in list_presets():
        facts = preset_facts(name)
        cells = (
            f"[`{name}`]({name}/README.md)",
            facts["kind"],
            f"`{facts['class']}`",
            f"{facts['parameter_count']:,}",
            ", ".join(facts["styles"]),
            facts["licence"],
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def preset_folder(preset):
    """Returns the local folder of a preset, fetched if its handle is remote."""
    handle = str(preset)
    scheme, separator, _ = handle.partition("://")
    if separator and scheme in HUBS:
        return _fetch_folder(handle, *HUBS[scheme])
    built_in = _zoo_folder() / handle
    if handle == built_in.name and (built_in / METADATA_FILE).is_file():
        return built_in
    if handle and Path(handle).is_dir():
        return Path(handle)
    raise ValueError(
        "`preset` must be a built-in name, a folder that exists, or a handle "
        "`hf://user/repository` or `kaggle://user/model/framework/variation`. "
        f"Built-in names: {[*list_presets()]}. Received: preset={handle!r}"
    )


def public_name(preset):
    """Returns the name that others read, without the folders above it."""
    name = str(preset) if "://" in str(preset) else _name(preset)
    name = "".join(c if c.isprintable() else "_" for c in name)
    return name[:256].strip() or None


def _zoo_folder():
    packaged = Path(__file__).parent / "zoo"
    return packaged if packaged.is_dir() else Path(__file__).parents[1] / "zoo"


def _fetch_folder(handle, package, function):
    try:
        fetch = getattr(importlib.import_module(package), function)
        return Path(fetch(handle.partition("://")[2]))
    except ImportError as error:
        raise ImportError(
            f"Preset handles like {handle!r} need the package `{package}`: "
            f"`pip install {package}`."
        ) from error
    except Exception as error:
        raise OSError(
            f"Preset {handle!r} could not be fetched. Check the name and the "
            "connection; a folder, or a preset that was fetched before, works "
            f"offline. Reason: {type(error).__name__}: {error}"
        ) from error


def _read_json(folder, name, needed=()):
    path = _file(folder, name)
    where = f"File {name!r} of preset {_name(folder)!r}"
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{where} is not JSON: {error}") from error
    if not isinstance(value, dict) or not {*needed} <= {*value}:
        raise ValueError(
            f"{where} must hold a JSON object with the entries {list(needed)}. "
            f"Received: {sorted(value) if isinstance(value, dict) else value}"
        )
    return value


def _file(folder, name):
    path = Path(folder) / name
    if not path.is_file():
        raise FileNotFoundError(
            f"File {name!r} of preset {_name(folder)!r} is missing. "
            f"Received: folder={str(folder)!r}"
        )
    return path


def _name(folder):
    return Path(folder).resolve().name


def _verified_weights(folder, facts):
    """Returns the path of the weights, fetched and checked."""
    checksum = str(facts["sha256"])
    path = folder / facts["file"]
    if facts.get("url") and not path.is_file():
        path = _fetch_weights(path, facts["url"], checksum)
    path = _file(path.parent, path.name)
    received = _sha256(path)
    if received != checksum:
        raise ValueError(
            f"The checksum of {str(path)!r} must be the one in the preset's "
            f"metadata: the file is damaged, or another one. Expected: "
            f"sha256={checksum}. Received: sha256={received}"
        )
    return path


def _fetch_weights(path, url, checksum):
    import keras

    try:
        fetched = keras.utils.get_file(
            f"{checksum[:16]}.weights.h5",
            url,
            file_hash=checksum,
            cache_subdir="keras_comic",
            cache_dir=os.environ.get("KERAS_HOME"),
        )
    # Keras raises a bare `Exception` where there is no connection.
    except Exception as error:
        kind = ValueError if isinstance(error, ValueError) else OSError
        raise kind(
            f"The weights of preset {_name(path.parent)!r} could not be "
            f"fetched: {error}. Without a connection, bring them as "
            f"{str(path)!r}. Received: url={url!r}"
        ) from error
    return Path(fetched)


def _sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _write_preset(model, staged, folder, metadata):
    """Writes all files, with those of the folder that are to be kept."""
    import keras

    config = keras.saving.serialize_keras_object(model)
    objects = {CONFIG_FILE: config}
    if model.kind == "style_generator":
        objects[STYLES_FILE] = config["config"].pop("styles", {})
    weights = staged / WEIGHTS_FILE
    model.save_weights(weights)
    written = {
        "format_version": FORMAT_VERSION,
        "kind": model.kind,
        "class": type(model).__name__,
        "parameter_count": model.count_params(),
        "weights": {
            "file": WEIGHTS_FILE,
            "sha256": _sha256(weights),
            "bytes": weights.stat().st_size,
            "url": (metadata.get("weights") or {}).get("url"),
        },
        "versions": {
            "keras": keras.__version__,
            "backend": keras.backend.backend(),
            "python": platform.python_version(),
        },
        "golden": golden_numbers(model),
    }
    objects[METADATA_FILE] = {**written, **metadata, **written}
    for name, value in objects.items():
        text = json.dumps(value, indent=1, ensure_ascii=False)
        (staged / name).write_text(text + "\n", encoding="utf-8")
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.name not in PRESET_FILES:
            copy = shutil.copytree if path.is_dir() else shutil.copy2
            copy(path, staged / path.name)
    card = staged / "README.md"
    if not card.exists():
        facts = preset_facts(staged)
        lines = [f"# {folder.name}\n"]
        for name in CARD_FACTS:
            lines.append(f"- {name}: {facts.get(name, 'not stated')}")
        card.write_text("\n".join([*lines, ""]), encoding="utf-8")


def _take_place(staged, folder):
    """Renames a finished folder to its name, in place of the one there."""
    if os.path.ismount(folder):  # Its files can be replaced, it cannot.
        shutil.copytree(staged, folder, dirs_exist_ok=True)
        return
    former = staged.with_suffix(".former")
    if folder.is_dir():
        folder.rename(former)
    staged.rename(folder)
    shutil.rmtree(former, ignore_errors=True)


def _in_float32(model):
    """Returns the model, or its float32 twin if it has a mixed precision."""
    import keras

    config = json.dumps(keras.saving.serialize_keras_object(model))
    policy = r'("DTypePolicy", "config": {"name": ")\w+'
    float32_config = re.sub(policy, r"\1float32", config)
    if float32_config == config:
        return model
    twin = keras.saving.deserialize_keras_object(json.loads(float32_config))
    twin.set_weights(model.get_weights())
    return twin
