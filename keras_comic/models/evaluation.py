"""Measures a preset on photos and comics, and shows what was measured."""

import json
import os
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
from PIL import Image

from keras_comic import metrics
from keras_comic import presets
from keras_comic.data import list_images
from keras_comic.data import read_image
from keras_comic.data.contact_sheet import save_contact_sheet
from keras_comic.layers import to_float
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
# Pairs, and comics, on the contact sheet.
NUM_SHOWN = 24
# The short side of a random crop, as a part of that of the picture.
SMALLEST_CROP = 0.5
# The heading of the pairs there.
PAIRS = "photos, and each stylised"
STYLIZED, UNTOUCHED, DRAWN = "stylized", "photos", "comics"
# Metric: how it is written, and what is better.
TITLES = {
    "FrechetDistance": ("Frechet distance (FID)", "lower"),
    "KernelDistance": ("Kernel distance (KID)", "lower"),
    "PrecisionRecall.precision": ("Precision", "higher"),
    "PrecisionRecall.recall": ("Recall", "higher"),
    "ArtFID": ("ArtFID", "lower"),
    "StyleLoss": ("Style loss", "lower"),
    "PerceptualDistance": ("Perceptual distance", "lower"),
    "StructuralSimilarity": ("Structural similarity (SSIM)", "higher"),
    "EdgePreservation": ("Edge preservation", "higher"),
    "ColorDistance": ("Colour distance (CIEDE2000)", ""),
    "Diversity": ("Diversity", "higher"),
    "InceptionScore": ("Inception Score", "higher"),
}


class Measurement(NamedTuple):
    """A number, of what it is, and its protocol."""

    of: str
    result: object


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
    size=256,
    crops=1,
    batch_size=8,
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
        size: Integer >= 32. Side of the squares, pixels. Defaults to `256`.
        crops: Integer > 0. Squares from each picture: 1 takes the one in the
            middle, more are taken at random places, with sides from half of
            the picture's short side to all of it, the same in every run.
            Defaults to `1`.
        batch_size: Integer > 0. Squares at once. Defaults to `8`.
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
    ...     generator, "photos", "comics", "out", size=32,
    ...     features=keras_comic.models.FeatureNetwork((1, 1), (4, 4)))
    >>> evaluation.measurements[0].result.metric
    'FrechetDistance'
    """
    for argument, value, least in (
        ("size", size, 32),
        ("crops", crops, 1),
        ("batch_size", batch_size, 1),
    ):
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
    generator = (
        preset if isinstance(preset, Generator) else presets.from_preset(preset)
    )
    # A wrong style is an error before the work begins.
    generator.style_vector(style)
    squares = _Squares(size, crops, len(targets) + len(drawings), progress)
    drawn = [square for _, _, square in squares.read(drawings)]
    if not drawn:
        raise ValueError(
            "None of the comics can be read. "
            f"Received: comics={str(comics)!r}, {squares.failures[-1][1]}"
        )
    meter = _Meter(network, squares.protocol, drawn, batch_size)
    shown = {PAIRS: [], "comics": []}
    named = dict(targets)
    batch = []
    for entry in squares.read(list(named)):
        batch.append(entry)
        if len(batch) == batch_size:
            _stylize(generator, style, batch, named, crops, meter, shown)
            batch = []
    if batch:
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
    evaluation = Evaluation(
        measurements,
        not_measured,
        squares.failures,
        [
            output / name
            for name in (TABLE_FILE, JSON_FILE, PICTURES_FOLDER, SHEET_FILE)
        ],
    )
    _write(output / TABLE_FILE, metrics_table(evaluation, facts))
    _write(output / JSON_FILE, _as_json(evaluation, facts))
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
    for title, entries in (
        (
            "Not measured",
            [
                f"{metric} of {of}: {reason}"
                for metric, of, reason in evaluation.not_measured
            ],
        ),
        (
            "Left out",
            [f"{path}: {reason}" for path, reason in evaluation.failures],
        ),
    ):
        if entries:
            lines += ["", f"## {title}: {len(entries)}", ""]
            lines += [f"- {entry}" for entry in entries]
    return "\n".join(lines) + "\n"


class _Squares:
    """Reads pictures as squares of one size, and counts what it cannot."""

    def __init__(self, size, crops, total, progress):
        self.size = size
        self.crops = crops
        self.total = total
        self.progress = progress
        self.done = 0
        self.failures = []
        crop = "square in the middle"
        if crops > 1:
            crop = (
                f"{crops} random squares of {SMALLEST_CROP:g} to 1 of the "
                "short side"
            )
        self.protocol = {
            "resize": f"{size}x{size} bicubic (Pillow)",
            "crop": crop,
        }

    def read(self, paths):
        """Yields path, number of the crop, and uint8 square."""
        for position, path in enumerate(paths):
            try:
                picture = read_image(path)
            except (OSError, ValueError) as error:
                self.failures.append((path, str(error)))
            else:
                for number, box in enumerate(self._boxes(picture, position)):
                    square = Image.fromarray(picture).resize(
                        (self.size, self.size), Image.Resampling.BICUBIC, box
                    )
                    yield path, number, np.asarray(square)
            self.done += 1
            if self.progress is not None:
                self.progress(self.done, self.total)

    def _boxes(self, picture, position):
        """Corners of the squares: left, top, right, bottom."""
        height, width = picture.shape[:2]
        short = min(height, width)
        if self.crops == 1:
            left, top = (width - short) // 2, (height - short) // 2
            return [(left, top, left + short, top + short)]
        generator = np.random.default_rng((0, position))
        boxes = []
        for _ in range(self.crops):
            side = round(short * generator.uniform(SMALLEST_CROP, 1.0))
            left = int(generator.integers(width - side + 1))
            top = int(generator.integers(height - side + 1))
            boxes.append((left, top, left + side, top + side))
        return boxes


class _Meter:
    """Feeds batches of squares to the metrics, one pass of the network each."""

    def __init__(self, network, protocol, drawn, batch_size):
        self.network = network
        self.drawn = drawn
        seen = {**protocol, **metrics.network_facts(network.network)}
        content, style = network.content_layers, network.style_layers
        of_features = {**seen, "layer": network.feature_layer}
        self.of_sets = {
            (metric.name, of): metric
            for of in (STYLIZED, UNTOUCHED)
            for metric in (
                metrics.FrechetDistance(protocol=of_features),
                metrics.KernelDistance(protocol=of_features),
                metrics.PrecisionRecall(protocol=of_features),
            )
        }
        self.diversity = {
            of: metrics.Diversity(protocol=of_features)
            for of in (STYLIZED, UNTOUCHED, DRAWN)
        }
        self.scores = {}
        if network.logits_layer is not None:
            self.scores = {
                of: metrics.InceptionScore(
                    protocol={**seen, "layer": network.logits_layer}
                )
                for of in (STYLIZED, UNTOUCHED, DRAWN)
            }
        self.style = {
            of: metrics.StyleLoss(layers=style, protocol=seen)
            for of in (STYLIZED, UNTOUCHED)
        }
        # Of the untouched photos it is 0, which their ArtFID needs.
        self.content = {
            of: metrics.PerceptualDistance(layers=content, protocol=seen)
            for of in (STYLIZED, UNTOUCHED)
        }
        self.pairs = [
            metrics.StructuralSimilarity(protocol),
            metrics.EdgePreservation(protocol),
            metrics.ColorDistance(protocol),
        ]
        self.position = 0
        for start in range(0, len(drawn), batch_size):
            found = self._look(
                np.stack(drawn[start : start + batch_size]), set()
            )
            self._add_to_sets(DRAWN, found)

    def add(self, photos, fake_comics):
        """Adds uint8 photos and what became of them."""
        style, content = self.network.style_layers, self.network.content_layers
        layers = {*style, *content}
        found = {
            STYLIZED: self._look(fake_comics, layers),
            UNTOUCHED: self._look(photos, layers),
        }
        # Each in turn, as often as it takes.
        partners = self._look(
            np.stack(
                [
                    self.drawn[(self.position + i) % len(self.drawn)]
                    for i in range(len(photos))
                ]
            ),
            style,
            with_features=False,
        )
        self.position += len(photos)
        for of, features in found.items():
            self._add_to_sets(of, features)
            self.style[of].update_state(partners, features)
            self.content[of].update_state(found[UNTOUCHED], features)
        for metric in self.pairs:
            metric.update_state(_as_inputs(photos), _as_inputs(fake_comics))

    def report(self):
        """All measurements, and what could not be measured."""
        measured, missing = [], []

        def add(of, metric):
            try:
                found = metric.report()
            except ValueError as error:
                missing.append((type(metric).__name__, of, str(error)))
                return
            found = found.values() if isinstance(found, dict) else [found]
            measured.extend(Measurement(of, result) for result in found)

        for (_, of), metric in self.of_sets.items():
            add(of, metric)
        for of, metric in self.content.items():
            distance = self.of_sets["frechet_distance", of]
            add(of, metrics.ArtFID(metric, distance))
        for of, metric in self.style.items():
            add(of, metric)
        for metric in (self.content[STYLIZED], *self.pairs):
            add(STYLIZED, metric)
        for found in (self.diversity, self.scores):
            for of, metric in found.items():
                add(of, metric)
        # Metric by metric.
        order = list(TITLES)
        measured.sort(key=lambda m: order.index(m.result.metric))
        return measured, missing

    def _look(self, pictures, layers, with_features=True):
        names = sorted(layers)
        if with_features:
            names.append(self.network.feature_layer)
            if self.network.logits_layer is not None:
                names.append(self.network.logits_layer)
        return self.network.network(
            _as_inputs(pictures), layers=sorted(set(names))
        )

    def _add_to_sets(self, of, found):
        features = found[self.network.feature_layer]
        if of == DRAWN:
            for metric in self.of_sets.values():
                metric.update_state(comics=features)
        else:
            for (_, measured), metric in self.of_sets.items():
                if measured == of:
                    metric.update_state(fake_comics=features)
        self.diversity[of].update_state(features)
        if self.scores:
            self.scores[of].update_state(found[self.network.logits_layer])


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


def _as_inputs(pictures):
    inputs = to_float(pictures)
    return keras.ops.convert_to_tensor(inputs)


def _facts(preset, generator, style, photos, comics):
    facts = {"preset": type(generator).__name__}
    if not isinstance(preset, Generator):
        facts["preset"] = str(preset)
        folder = presets.preset_folder(preset)
        metadata = json.loads(
            (folder / presets.METADATA_FILE).read_text(encoding="utf-8")
        )
        facts["weights sha256"] = metadata["weights"]["sha256"]
    if style is None:
        style = generator.style_names[0]
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
            {"metric": metric, "of": of, "reason": reason}
            for metric, of, reason in evaluation.not_measured
        ],
        "left_out": [
            {"file": str(path), "reason": reason}
            for path, reason in evaluation.failures
        ],
    }
    return json.dumps(entries, indent=2, ensure_ascii=False) + "\n"


def _write(path, text):
    partial = path.with_name(f".partial.{path.name}")
    try:
        partial.write_text(text, encoding="utf-8")
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
