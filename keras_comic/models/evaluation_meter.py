"""Measures what a generator makes of photos, batch by batch."""

from typing import NamedTuple

import keras
import numpy as np
from PIL import Image

from keras_comic import metrics
from keras_comic.data import read_image
from keras_comic.layers import to_float

# The short side of a random crop, as a part of that of the picture.
SMALLEST_CROP = 0.5
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


class Squares:
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


class Meter:
    """Feeds batches of squares to the metrics, one pass of the network each."""

    def __init__(self, network, protocol, drawn, batch_size):
        self.network = network
        self.drawn = drawn
        seen = {**protocol, **metrics.network_facts(network.network)}
        features = {**seen, "layer": network.feature_layer}
        logits = {**seen, "layer": network.logits_layer}
        kinds = (STYLIZED, UNTOUCHED)

        def each(kinds, metric, **arguments):
            return {of: metric(**arguments) for of in kinds}

        self.frechet = each(kinds, metrics.FrechetDistance, protocol=features)
        self.to_comics = [
            self.frechet,
            each(kinds, metrics.KernelDistance, protocol=features),
            each(kinds, metrics.PrecisionRecall, protocol=features),
        ]
        self.diversity = each(
            (*kinds, DRAWN), metrics.Diversity, protocol=features
        )
        self.scores = {}
        if network.logits_layer is not None:
            self.scores = each(
                (*kinds, DRAWN), metrics.InceptionScore, protocol=logits
            )
        self.style = each(
            kinds, metrics.StyleLoss, layers=network.style_layers, protocol=seen
        )
        # Of the untouched photos it is 0, which their ArtFID needs.
        self.content = each(
            kinds,
            metrics.PerceptualDistance,
            layers=network.content_layers,
            protocol=seen,
        )
        self.pairs = [
            metrics.StructuralSimilarity(protocol),
            metrics.EdgePreservation(protocol),
            metrics.ColorDistance(protocol),
        ]
        self.position = 0
        for start in range(0, len(drawn), batch_size):
            batch = np.stack(drawn[start : start + batch_size])
            self._add_to_sets(DRAWN, self._look(batch, ()))

    def add(self, photos, fake_comics):
        """Adds uint8 photos and what became of them."""
        style = self.network.style_layers
        layers = (*style, *self.network.content_layers)
        found = {
            STYLIZED: self._look(fake_comics, layers),
            UNTOUCHED: self._look(photos, layers),
        }
        # Each in turn, as often as it takes.
        places = range(self.position, self.position + len(photos))
        drawn = np.stack([self.drawn[i % len(self.drawn)] for i in places])
        self.position += len(photos)
        partners = self.network.network(_as_inputs(drawn), layers=list(style))
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

        for group in (
            *self.to_comics,
            {
                of: metrics.ArtFID(metric, self.frechet[of])
                for of, metric in self.content.items()
            },
            self.style,
            self.diversity,
            self.scores,
        ):
            for of, metric in group.items():
                add(of, metric)
        for metric in (self.content[STYLIZED], *self.pairs):
            add(STYLIZED, metric)
        # Metric by metric.
        order = list(TITLES)
        measured.sort(key=lambda m: order.index(m.result.metric))
        return measured, missing

    def _look(self, pictures, layers):
        names = {*layers, self.network.feature_layer, self.network.logits_layer}
        names = sorted(names - {None})
        return self.network.network(_as_inputs(pictures), layers=names)

    def _add_to_sets(self, of, found):
        features = found[self.network.feature_layer]
        for group in self.to_comics:
            if of == DRAWN:
                for metric in group.values():
                    metric.update_state(comics=features)
            else:
                group[of].update_state(fake_comics=features)
        self.diversity[of].update_state(features)
        if self.scores:
            self.scores[of].update_state(found[self.network.logits_layer])


def _as_inputs(pictures):
    inputs = to_float(pictures)
    return keras.ops.convert_to_tensor(inputs)
