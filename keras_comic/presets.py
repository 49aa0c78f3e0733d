"""Presets: folders that hold a trained generator.

`config.json`, `metadata.json`, `styles.json`,
`README.md` and `generator.weights.h5`; see DESIGN, "Presets". Built-in ones
are packaged as `keras_comic/zoo/<name>/`, which is `zoo/<name>/` in the
repository.
"""

import hashlib
import importlib
import json
import os
import sys
from pathlib import Path

import keras
import numpy as np

from keras_comic import downloads

FORMAT_VERSION = 1
DEFAULT_PRESET = "adain_storybook"
CONFIG_FILE = "config.json"
METADATA_FILE = "metadata.json"
STYLES_FILE = "styles.json"
# The kind of model that has named styles; format 1 knew no other.
STYLE_KIND = "style_generator"
WEIGHTS_FILE = "generator.weights.h5"
MAX_NAME_LENGTH = 256
GOLDEN_TOLERANCE = 1e-3


def list_presets():
    """The built-in presets.

    Returns:
        Dict of name to the preset's metadata, sorted by name.

    Example:

    >>> "adain_storybook" in keras_comic.list_presets()
    True
    """
    found = {}
    for folder in sorted(_zoo_folder().glob(f"*/{METADATA_FILE}")):
        found[folder.parent.name] = _read_json(folder.parent, METADATA_FILE)
    return found


def from_preset(preset, progress=None):
    """Loads a generator from a preset.

    Weights that are not in the preset's folder are fetched from the `url` in
    its metadata, into the folder `KERAS_COMIC_HOME` (by default `keras_comic`
    in the folder of Keras, `~/.keras`): continued if interrupted, checked, and
    fetched once.

    Args:
        preset: A built-in name (see `list_presets`), a folder, or a handle:
            `hf://user/repository` or
            `kaggle://user/model/framework/variation`.
        progress: Function or `None`. Called while weights are fetched, with
            the number of bytes that have arrived and the number in all.
            Defaults to `None`.

    Returns:
        A generator, built, with its weights and named styles. Its
        `preset_name` and `preset_version` say what its comics' provenance
        says: the name, the handle, or the folder's name without the folders
        above; and the metadata's `version`, or else the first 16 digits of
        the weights' checksum.

    Raises:
        ValueError: If the name is unknown (the names are listed), the format
            is of a later version, the class is unknown, or the weights'
            checksum does not agree.
        FileNotFoundError: If a file of the preset is missing.
        OSError: If a handle or the weights' address cannot be reached.

    Example:

    >>> generator = keras_comic.from_preset("adain_storybook")
    >>> photo = np.random.randint(0, 256, (32, 32, 3), dtype="uint8")
    >>> generator.stylize(photo, style=generator.style_names[0]).shape
    (32, 32, 3)
    """
    folder = preset_folder(preset)
    metadata = _read_json(folder, METADATA_FILE)
    version = metadata.get("format_version")
    if not isinstance(version, int) or version > FORMAT_VERSION:
        raise ValueError(
            f"Preset {str(preset)!r} is of a format that this version of "
            f"keras_comic does not know; a newer keras_comic may. Expected a "
            f"format of at most {FORMAT_VERSION}. "
            f"Received: format_version={version!r}"
        )
    config = _read_json(folder, CONFIG_FILE)
    name = config.get("registered_name")
    if keras.saving.get_registered_object(name) is None:
        raise ValueError(
            f"Preset {str(preset)!r} holds a class that is not known here; "
            "another version of keras_comic, or the package that defines it, "
            f"may know it. Received: class {name!r} in {CONFIG_FILE}"
        )
    if metadata.get("kind", STYLE_KIND) == STYLE_KIND:
        config["config"]["styles"] = _read_json(folder, STYLES_FILE)
    weights = _verified_weights(folder, metadata, progress)
    generator = keras.saving.deserialize_keras_object(config)
    generator.load_weights(weights)
    generator.preset_name = _public_name(preset, folder)
    generator.preset_version = _version(metadata)
    return generator


def save_to_preset(generator, folder, metadata=None):
    """Writes a generator as a preset folder.

    Files are written beside their final names and renamed. A `README.md` that
    is already there is kept. A preset computes in float32, whatever precision
    the generator was trained in.

    Args:
        generator: A generator, built.
        folder: Path of the folder; made if it does not exist.
        metadata: Dict or `None`. Entries for `metadata.json`: `licence`,
            `training_data`, `recipe`, `results`, ... The format's version,
            class, parameter count, checksum, sizes, package versions and
            golden numbers are filled in; of `weights`, only a `url` is taken.
            Defaults to `None`.

    Raises:
        ValueError: If the generator is not built.
    """
    if not generator.built:
        raise ValueError(
            "The generator must be built before it is saved: call it once. "
            f"Received: built={generator.built}"
        )
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    generator = _in_float32(generator)
    config = keras.saving.serialize_keras_object(generator)
    styles = config["config"].pop("styles", None)
    # Keras looks only at names that end like this.
    partial = folder / f".partial.{WEIGHTS_FILE}"
    generator.save_weights(partial)
    os.replace(partial, folder / WEIGHTS_FILE)
    _write_json(folder, CONFIG_FILE, config)
    if styles is not None:
        _write_json(folder, STYLES_FILE, styles)
    metadata = dict(metadata or {})
    url = (metadata.get("weights") or {}).get("url")
    written = {
        "format_version": FORMAT_VERSION,
        "class": type(generator).__name__,
        "kind": generator.kind,
        "parameter_count": generator.count_params(),
        "weights": {
            "file": WEIGHTS_FILE,
            "sha256": _sha256(folder / WEIGHTS_FILE),
            "bytes": (folder / WEIGHTS_FILE).stat().st_size,
            "url": url,
        },
        "versions": {
            "keras": keras.__version__,
            "backend": keras.backend.backend(),
            "python": ".".join(map(str, sys.version_info[:3])),
        },
    }
    facts = {
        **written,
        **{name: v for name, v in metadata.items() if name not in written},
        "golden": golden_numbers(generator),
    }
    _write_json(folder, METADATA_FILE, facts)
    card = folder / "README.md"
    if not card.exists():
        card.write_text(_card(folder.name, facts, styles), encoding="utf-8")


def golden_numbers(model):
    """Returns what a model makes of its example, at some positions."""
    outputs = keras.ops.convert_to_numpy(model.example_output())
    return {
        "style": next(iter(getattr(model, "style_names", ())), None),
        "values": [
            round(float(v), 6) for v in outputs[0, 4::12, 4::12].ravel()
        ],
        "tolerance": GOLDEN_TOLERANCE,
    }


def verify_preset(preset):
    """Loads a preset and compares its outputs with the stored ones.

    Args:
        preset: As in `from_preset`.

    Returns:
        Float: the largest difference from the golden numbers, on `[-1, 1]`.

    Raises:
        ValueError: If the difference is above the stored tolerance, or the
            checksum does not agree.
        FileNotFoundError: If a file of the preset is missing.

    Example:

    >>> keras_comic.verify_preset("adain_storybook") <= 1e-3
    True
    """
    folder = preset_folder(preset)
    golden = _entry(folder, _read_json(folder, METADATA_FILE), "golden")
    found = golden_numbers(from_preset(preset))
    if found["style"] != golden["style"]:
        raise ValueError(
            f"The golden numbers of preset {str(preset)!r} are of style "
            f"{golden['style']!r}. Received: first style {found['style']!r}"
        )
    difference = np.abs(np.subtract(found["values"], golden["values"])).max()
    if not difference <= golden["tolerance"]:
        raise ValueError(
            f"Preset {str(preset)!r} does not give its golden numbers: the "
            f"largest difference must be at most {golden['tolerance']}. "
            f"Received: {difference:.6f}"
        )
    return float(difference)


def presets_table():
    """The built-in presets as a Markdown table: `zoo/README.md`."""
    lines = [
        "# The zoo",
        "",
        "One folder for each preset; this table is what "
        "`keras-comic presets --markdown` prints.",
        "",
        "| preset | class | parameters | styles | results | licence |",
        "| --- | --- | ---: | --- | --- | --- |",
    ]
    for name, facts in list_presets().items():
        styles = _styles(preset_folder(name))
        results = ", ".join(
            f"{key} {value:g}"
            for key, value in facts.get("results", {}).items()
            if isinstance(value, (int, float))
        )
        lines.append(
            f"| [`{name}`]({name}/README.md) | `{facts['class']}` | "
            f"{facts['parameter_count']:,} | {', '.join(styles)} | "
            f"{results} | {facts.get('licence', 'not stated')} |"
        )
    return "\n".join(lines) + "\n"


def preset_folder(preset):
    """The local folder of a preset, fetched if its handle is remote."""
    handle = str(preset)
    for scheme, fetch in (("hf://", _fetch_hf), ("kaggle://", _fetch_kaggle)):
        if handle.startswith(scheme):
            return fetch(handle.removeprefix(scheme))
    built_in = _zoo_folder() / handle
    if handle == built_in.name and (built_in / METADATA_FILE).is_file():
        return built_in
    if handle and Path(handle).is_dir():
        return Path(handle)
    raise ValueError(
        "`preset` must be a built-in name, a folder that exists, or a handle "
        "`hf://user/repository` or `kaggle://user/model/framework/variation`. "
        f"Built-in names: {list(list_presets())}. "
        f"Received: preset={handle!r}"
    )


def _public_name(preset, folder):
    """What a preset is called where others read it."""
    name = str(preset) if "://" in str(preset) else _name(folder)
    name = "".join(c if c.isprintable() else "_" for c in name)
    return name[:MAX_NAME_LENGTH].strip() or None


def _version(metadata):
    version = metadata.get("version", metadata["weights"]["sha256"][:16])
    return str(version)


def _zoo_folder():
    packaged = Path(__file__).parent / "zoo"
    if packaged.is_dir():
        return packaged
    return Path(__file__).parents[1] / "zoo"


def _styles(folder):
    """Returns the named styles of a preset; those of some kinds have none."""
    is_there = (folder / STYLES_FILE).is_file()
    return _read_json(folder, STYLES_FILE) if is_there else {}


def _read_json(folder, name):
    path = Path(folder) / name
    if not path.is_file():
        raise FileNotFoundError(
            f"Preset {_name(folder)!r} has no file {name!r}. "
            f"Received: folder={str(folder)!r}"
        )
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(
            f"File {name!r} of preset {_name(folder)!r} is not JSON: "
            f"{error}. Received: folder={str(folder)!r}"
        ) from error
    if not isinstance(value, dict):
        raise ValueError(
            f"File {name!r} of preset {_name(folder)!r} must hold a JSON "
            f"object. Received: {type(value).__name__}"
        )
    return value


def _entry(folder, metadata, name):
    if name not in metadata:
        raise ValueError(
            f"File {METADATA_FILE!r} of preset {_name(folder)!r} must hold an "
            f"entry {name!r}. Received: {sorted(metadata)}"
        )
    return metadata[name]


def _name(folder):
    return Path(folder).resolve().name


def _write_json(folder, name, value):
    partial = folder / f".partial.{name}"
    text = json.dumps(value, indent=1, ensure_ascii=False)
    partial.write_text(text + "\n", encoding="utf-8")
    os.replace(partial, folder / name)


def _sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _in_float32(generator):
    """The generator, or its float32 twin if it has a mixed precision."""
    config = keras.saving.serialize_keras_object(generator)
    if not _set_float32(config):
        return generator
    twin = keras.saving.deserialize_keras_object(config)
    twin.set_weights(generator.get_weights())
    return twin


def _set_float32(config):
    """Makes all dtype policies of a config float32; whether any was not."""
    if isinstance(config, list):
        return any([_set_float32(entry) for entry in config])
    if not isinstance(config, dict):
        return False
    if config.get("class_name") == "DTypePolicy":
        changed = config["config"]["name"] != "float32"
        config["config"]["name"] = "float32"
        return changed
    return any([_set_float32(entry) for entry in config.values()])


def _verified_weights(folder, metadata, progress):
    facts = _entry(folder, metadata, "weights")
    path = folder / facts["file"]
    if not path.is_file():
        if facts.get("url"):
            return _fetch_weights(folder, facts, progress)
        raise FileNotFoundError(
            f"Preset {_name(folder)!r} has no file {facts['file']!r}. "
            f"Received: folder={str(folder)!r}"
        )
    found = _sha256(path)
    if found != facts["sha256"]:
        raise ValueError(
            f"The checksum of {str(path)!r} does not agree with the metadata "
            f"of preset {_name(folder)!r}: the file is damaged or not the one "
            f"that was published. Expected: sha256={facts['sha256']}. "
            f"Received: sha256={found}"
        )
    return path


def _fetch_weights(folder, facts, progress):
    name = f"{facts['sha256'][:16]}.weights.h5"
    try:
        return downloads.fetch(
            facts["url"],
            facts["sha256"],
            downloads.cache_folder() / name,
            num_bytes=facts.get("bytes"),
            progress=progress,
        )
    except (OSError, ValueError) as error:
        kind = ValueError if isinstance(error, ValueError) else OSError
        raise kind(
            f"The weights of preset {_name(folder)!r} could not be fetched: "
            f"{error} Received: url={facts['url']!r}"
        ) from error


def _fetch_hf(repository):
    hub = _hub_library("huggingface_hub", f"hf://{repository}")
    try:
        return Path(hub.snapshot_download(repository))
    except Exception as error:
        raise OSError(_unreachable(f"hf://{repository}", error)) from error


def _fetch_kaggle(handle):
    hub = _hub_library("kagglehub", f"kaggle://{handle}")
    try:
        return Path(hub.model_download(handle))
    except Exception as error:
        raise OSError(_unreachable(f"kaggle://{handle}", error)) from error


def _hub_library(name, handle):
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(
            f"Preset handles like {handle!r} need the package `{name}`: "
            f"`pip install {name}`."
        ) from error


def _unreachable(handle, error):
    return (
        f"Preset {handle!r} could not be fetched. Check the name and the "
        "connection; a preset that was fetched before, or a folder, works "
        f"offline. Reason: {type(error).__name__}: {error}"
    )


def _card(name, facts, styles):
    lines = [
        f"# {name}",
        "",
        f"A `{facts['class']}` of {facts['parameter_count']:,} parameters.",
        "",
        f"- licence: {facts.get('licence', 'not stated')}",
        f"- trained on: {facts.get('training_data', 'not stated')}",
        f"- recipe: `{facts.get('recipe', 'not stated')}`",
        f"- styles: {', '.join(styles or ()) or 'none'}",
        "",
    ]
    return "\n".join(lines)
