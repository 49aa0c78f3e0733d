"""Gives a preset another named style."""

import collections
import json
from pathlib import Path

from keras_comic import presets
from keras_comic.data import list_images
from keras_comic.data import read_image
from keras_comic.data import resize_short_side

# Facts of the metadata that are written anew with the files.
WRITTEN_FACTS = (
    "format_version",
    "class",
    "parameter_count",
    "weights",
    "versions",
    "golden",
)

AddedStyle = collections.namedtuple(
    "AddedStyle", ["folder", "count", "failures"]
)


def add_style_to_preset(
    preset,
    name,
    pictures,
    output=None,
    source=None,
    licence=None,
    short_side=256,
):
    """Adds the average style of some drawings to a preset, under a name.

    Nothing is trained: the preset's style encoder describes the drawings, and
    `styles.json` keeps the average. The metadata keeps its entries; checksum,
    versions and golden numbers are written anew. A style that has this name
    already is replaced.

    Args:
        preset: As in `keras_comic.from_preset`.
        name: String, the name `stylize` will know it by.
        pictures: String or path of an image file or of a folder of them, or a
            list of such.
        output: String or path of the preset folder to write, or `None`: the
            folder `preset` itself. Defaults to `None`.
        source: String or `None`. Who drew them, where they are from. Defaults
            to `None`.
        licence: String or `None`. Defaults to `None`.
        short_side: Integer > 0 or `None`. Drawings with a longer short side
            than this are shrunk to it, pixels; `None` resizes nothing.
            Defaults to `256`, as the styles of a trained preset.

    Returns:
        Named tuple `AddedStyle`: `folder`, the preset's path; `count`, the
        number of drawings in the average; `failures`, a list of
        `(path, reason)` for those that could not be read.

    Raises:
        FileNotFoundError: If a picture, or a file of the preset, does not
            exist.
        ValueError: If the preset is not a folder and `output` is not given,
            or no picture can be read.

    Example:

    >>> from PIL import Image
    >>> noise = np.random.randint(256, size=(32, 32, 3)).astype("uint8")
    >>> Image.fromarray(noise).save("noise.png")
    >>> keras_comic.AdaINGenerator.light().save_to_preset("ink")
    >>> keras_comic.models.add_style_to_preset("ink", "noise", "noise.png")[1]
    1
    >>> keras_comic.from_preset("ink").style_names
    ['noise']
    """
    folder = presets.preset_folder(preset)
    if output is None:
        if folder != Path(preset):
            raise ValueError(
                "`output` must name a folder, since the preset is not one of "
                f"yours. Received: preset={str(preset)!r}, output=None"
            )
        output = folder
    if isinstance(pictures, (str, Path)):
        pictures = [pictures]
    paths = [path for entry in pictures for path in _list_pictures(entry)]
    generator = presets.from_preset(preset)

    images, failures = [], []
    for path in paths:
        try:
            image = read_image(path)
        except (OSError, ValueError) as error:
            failures.append((path, str(error)))
            continue
        if short_side is not None and min(image.shape[:2]) > short_side:
            image = resize_short_side(image, short_side)
        images.append(image)
    if not images:
        raise ValueError(
            f"None of the {len(paths)} pictures could be read. "
            + " ".join(f"{path}: {reason}" for path, reason in failures[:1])
        )
    generator.add_style(name, images, source, licence)

    path = folder / presets.METADATA_FILE
    metadata = json.loads(path.read_text(encoding="utf-8"))
    for fact in WRITTEN_FACTS:
        metadata.pop(fact, None)
    presets.save_to_preset(generator, output, metadata)
    return AddedStyle(Path(output), len(images), failures)


def _list_pictures(entry):
    entry = Path(entry)
    if entry.is_dir():
        return list_images(entry)
    if not entry.exists():
        raise FileNotFoundError(
            f"There is no such file or folder. Received: {entry}"
        )
    return [entry]
