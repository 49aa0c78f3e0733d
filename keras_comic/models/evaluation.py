"""Measures a preset on photos and comics, and shows what was measured."""

import itertools
import json
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np

from keras_comic import presets
from keras_comic.data import list_images
from keras_comic.data.contact_sheet import save_contact_sheet
from keras_comic.data.paths import write_whole
from keras_comic.models.evaluation_meter import DRAWN
from keras_comic.models.evaluation_meter import STYLIZED
from keras_comic.models.evaluation_meter import TITLES
from keras_comic.models.evaluation_meter import UNTOUCHED
from keras_comic.models.evaluation_meter import Meter
from keras_comic.models.evaluation_meter import Squares
from keras_comic.models.features.evaluation_network import (
    load_evaluation_network,
)
from keras_comic.models.generator import Generator
from keras_comic.models.image_files import plan_outputs
from keras_comic.models.image_files import write_image

TABLE_FILE = "metrics.md"
JSON_FILE = "metrics.json"
SHEET_FILE = "contact_sheet.png"
PICTURES_FOLDER = "stylized"
BATCH_SIZE = 8
# Pairs, and comics, on the contact sheet.
NUM_SHOWN = 24
# The heading of the pairs there.
PAIRS = "photos, and each stylised"


class Evaluation(NamedTuple):
    """What `evaluate_preset` measured and wrote."""

    measurements: list
    not_measured: list
    failures: list
    files: list


def evaluate_preset(
    preset,
    photos,
    comics,
    output,
    style=None,
    features="imagenet",
    squares=(256, 1),
    progress=None,
):
    """Measures how a preset turns photos into comics.

    Every picture is cropped to a square and resized (Pillow, bicubic), the
    photos are stylised, and three sets are compared: the stylised photos, the
    photos as they were, and the comics. A number of the untouched photos says
    what doing nothing would give, one of the comics what to aim at.

    Written are `metrics.md` (a table, with the protocol of each number),
    `metrics.json`, `stylized/` (the stylised photos) and `contact_sheet.png`
    (photos beside what became of them, and comics). A file that cannot be read
    is left out and counted.

    FID and its kin need many pictures: with tens, they tell apart what is
    plainly different, and no more. All numbers are of the network that is
    named in them.

    Args:
        preset: A built-in name, a folder or a handle, see `from_preset`; or a
            generator.
        photos: String or path of a folder of photos.
        comics: String or path of a folder of comics, the style's.
        output: String or path of the folder to write.
        style: As in `Generator.stylize`. Defaults to `None`, the first named
            style.
        features: As in `load_evaluation_network`: `"imagenet"`, or a file of
            weights of SqueezeNet, VGG or the Inception of 2015. Defaults to
            `"imagenet"`.
        squares: Pair of integers: the side of the squares, at least 32
            pixels, and how many are taken from each picture: 1 takes the one
            in the middle, more are taken at random places, with sides from
            half of the picture's short side to all of it, the same in every
            run. Defaults to `(256, 1)`.
        progress: Callable or `None`. Called with the number of pictures done
            and the number of all. Defaults to `None`.

    Returns:
        Named tuple `Evaluation`: `measurements`, pairs of what was measured
        (`"stylized"`, `"photos"`, `"comics"`) and a `MetricResult`;
        `not_measured`, `(metric, of, reason)`; `failures`, `(path, reason)`;
        and `files`, what was written.

    Raises:
        FileNotFoundError: If a folder or the file of weights does not exist.
        ValueError: If an argument is out of its range, or no photo or no comic
            can be read.
        OSError: If ImageNet's weights cannot be fetched.

    Example:

    >>> import os
    >>> from PIL import Image
    >>> for folder in ("photos", "comics"):
    ...     os.makedirs(folder)
    ...     for number in range(4):
    ...         noise = np.random.randint(256, size=(40, 40, 3))
    ...         name = f"{folder}/{number}.png"
    ...         Image.fromarray(noise.astype("uint8")).save(name)
    >>> generator = keras_comic.AdaINGenerator.light((4, 8, 4, 4), 1, 8)
    >>> _ = generator.add_style("noise", noise.astype("uint8"))
    >>> evaluation = keras_comic.models.evaluate_preset(
    ...     generator, "photos", "comics", "out", squares=(32, 1),
    ...     features=keras_comic.models.FeatureNetwork((1, 1), (4, 4)))
    >>> evaluation.measurements[0].result.metric
    'FrechetDistance'
    """
    size, crops = squares
    for argument, value, least in (("size", size, 32), ("crops", crops, 1)):
        if not value >= least:
            raise ValueError(
                f"`{argument}` must be an integer >= {least}. "
                f"Received: {argument}={value}"
            )
    output = Path(output)
    targets = plan_outputs(photos, output / PICTURES_FOLDER)
    drawings = [
        path
        for path in list_images(comics)
        if output.resolve() not in path.resolve().parents
    ]
    network = load_evaluation_network(features)
    generator = preset
    if not isinstance(preset, Generator):
        generator = Generator.from_preset(preset)
    # A wrong style is an error before the work begins.
    generator.conditions(style)
    squares = Squares(size, crops, len(targets) + len(drawings), progress)
    drawn = [square for _, _, square in squares.read(drawings)]
    if not drawn:
        raise ValueError(
            "None of the comics can be read. "
            f"Received: comics={str(comics)!r}, {squares.failures[-1][1]}"
        )
    meter = Meter(network, squares.protocol, drawn, BATCH_SIZE)
    shown = {PAIRS: [], "comics": []}
    named = dict(targets)
    entries = squares.read(list(named))
    while batch := list(itertools.islice(entries, BATCH_SIZE)):
        _stylize(generator, style, batch, named, crops, meter, shown)
    if not shown[PAIRS]:
        raise ValueError(
            "None of the photos can be read. "
            f"Received: photos={str(photos)!r}, {squares.failures[-1][1]}"
        )
    shown["comics"] = [
        (f"comic {number}", square)
        for number, square in enumerate(drawn[:NUM_SHOWN], start=1)
    ]
    measurements, not_measured = meter.report()
    facts = _facts(preset, generator, style, photos, comics)
    names = (TABLE_FILE, JSON_FILE, PICTURES_FOLDER, SHEET_FILE)
    files = [output / name for name in names]
    evaluation = Evaluation(measurements, not_measured, squares.failures, files)
    write_whole(output / TABLE_FILE, metrics_table(evaluation, facts))
    write_whole(output / JSON_FILE, _as_json(evaluation, facts))
    save_contact_sheet(
        output / SHEET_FILE, shown, max_per_group=None, title=facts["preset"]
    )
    return evaluation


def metrics_table(evaluation, facts):
    """The numbers as Markdown, each with its protocol."""
    values, protocols = {}, {}
    for of, result in evaluation.measurements:
        value = f"{result.value:.5g}"
        if result.spread is not None:
            value += f" ± {result.spread:.2g}"
        values.setdefault(result.metric, {})[of] = value
        protocols.setdefault(result.metric, {}).setdefault(
            result.protocol_text, []
        ).append(of)
    lines = [f"# Evaluation of {facts['preset']}", ""]
    lines += [f"- {name}: {fact}" for name, fact in facts.items()]
    lines += [
        "",
        "`photos` are untouched: what doing nothing gives. Numbers are of the "
        "protocols below, and comparable only with numbers of the same.",
        "",
        f"| metric | better | {STYLIZED} | {UNTOUCHED} | {DRAWN} |",
        "| --- | --- | ---: | ---: | ---: |",
    ]
    for metric, found in values.items():
        title, better = TITLES[metric]
        cells = [found.get(of, "") for of in (STYLIZED, UNTOUCHED, DRAWN)]
        lines.append(f"| {title} | {better} | {' | '.join(cells)} |")
    lines += ["", "## Protocols", ""]
    for metric, texts in protocols.items():
        for text, of in texts.items():
            lines.append(f"- {TITLES[metric][0]} of {', '.join(of)}: {text}")
    missing = evaluation.not_measured
    for title, entries in (
        (
            "Not measured",
            [f"{name} of {of}: {why}" for name, of, why in missing],
        ),
        ("Left out", [f"{path}: {why}" for path, why in evaluation.failures]),
    ):
        if entries:
            lines += ["", f"## {title}: {len(entries)}", ""]
            lines += [f"- {entry}" for entry in entries]
    return "\n".join(lines) + "\n"


def _stylize(generator, style, batch, named, crops, meter, shown):
    """Stylises a batch, writes it, measures it, and keeps some to show."""
    squares = np.stack([square for _, _, square in batch])
    made = generator.stylize(squares, style)
    meter.add(squares, made)
    for (path, number, square), comic in zip(batch, made):
        target = named[path]
        if crops > 1:
            target = target.with_name(
                f"{target.stem}.{number + 1}{target.suffix}"
            )
        write_image(target, comic)
        pairs = shown[PAIRS]
        if len(pairs) < 2 * NUM_SHOWN:
            pairs += [(path.name, square), (target.name, comic)]


def _facts(preset, generator, style, photos, comics):
    facts = {"preset": type(generator).__name__}
    if not isinstance(preset, Generator):
        facts["preset"] = str(preset)
        folder = presets.preset_folder(preset)
        metadata = json.loads(
            (folder / presets.METADATA_FILE).read_text(encoding="utf-8")
        )
        facts["weights sha256"] = metadata["weights"]["sha256"]
    if generator.takes_style:
        style = generator.style_names[0] if style is None else style
        facts["style"] = style if isinstance(style, str) else "of the caller"
    return {
        **facts,
        "photos": str(photos),
        "comics": str(comics),
        "Keras": f"{keras.__version__}, {keras.config.backend()}",
    }


def _as_json(evaluation, facts):
    entries = {
        **facts,
        "measurements": [
            {"of": of, "metric": result.metric, **result.to_dict()}
            for of, result in evaluation.measurements
        ],
        "not_measured": [
            dict(zip(("metric", "of", "reason"), entry))
            for entry in evaluation.not_measured
        ],
        "left_out": [
            {"file": str(path), "reason": reason}
            for path, reason in evaluation.failures
        ],
    }
    return json.dumps(entries, indent=2, ensure_ascii=False) + "\n"
