"""What `keras-comic serve` is given, as models that a server can load."""

from pathlib import Path

from keras_comic.export.model_config import ModelConfig
from keras_comic.export.versions import list_versions
from keras_comic.serving.servable import GRAPH_FILE

DEFAULT_NAME = "comic"


def find_models(sources, folder):
    """Finds models by folder or preset; presets are exported."""
    if not sources:
        raise ValueError(
            "`sources` must hold at least one preset or folder. Received: "
            "sources=[]"
        )
    configs = {}
    for source in sources:
        name, path = _parse(str(source))
        is_folder = _is_saved_model(path)
        if name is None:
            name = _default_name(path, is_folder, len(sources))
        if name in configs:
            raise ValueError(
                "Models must differ in name; write NAME=SOURCE. Received: "
                f"{name!r} twice"
            )
        if not is_folder:
            path = _export(path, Path(folder, name, "1"))
        configs[name] = ModelConfig(name, Path(path).absolute())
    return list(configs.values())


def _parse(source):
    name, sign, path = source.partition("=")
    if sign and name and "/" not in name and not Path(source).exists():
        return name, path
    return None, source


def _is_saved_model(path):
    return (Path(path) / GRAPH_FILE).is_file() or any(
        (version / GRAPH_FILE).is_file()
        for version in list_versions(path).values()
    )


def _default_name(path, is_folder, count):
    if is_folder:
        folder = Path(path).resolve()
        if folder.name.isdecimal():
            folder = folder.parent
        return folder.name
    if count == 1:
        return DEFAULT_NAME
    return Path(path).name


def _export(preset, folder):
    if Path(preset).is_dir() and not (Path(preset) / "config.json").is_file():
        raise ValueError(
            f"The folder must hold a SavedModel ({GRAPH_FILE}), numbered "
            f"folders that do, or a preset. Received: {preset!r}"
        )
    # What a SavedModel does without.
    from keras_comic.export.saved_model import save_served_model

    save_served_model(preset, folder)
    return folder.parent
