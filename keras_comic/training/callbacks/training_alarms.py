"""Alarms for the ways in which adversarial training goes wrong."""

import logging
from pathlib import Path

import keras
import numpy as np

from keras_comic.layers.color_spaces import rgb_to_lab
from keras_comic.metrics.diversity import Diversity
from keras_comic.training.callbacks.step_callback import StepCallback

LOGGER = logging.getLogger(__name__)
# Each alarm's number, its threshold (a collapse rings below it, the others
# above theirs), and its warning.
ALARMS = {
    "collapse": (
        "diversity",
        0.4,
        "The generator collapses: its pictures differ from each other %.3g "
        "times as much as the comics do, less than %g.",
    ),
    "color_cast": (
        "color_shift",
        12.0,
        "The colours are cast: the mean chroma of what is generated is %.3g "
        "(Lab units) away from that of the comics, more than %g.",
    ),
    "discriminator_wins": (
        "discriminator_accuracy",
        0.98,
        "The discriminator wins: its accuracy is %.4g, more than %g.",
    ),
    "skipped_steps": (
        "skipped_share",
        0.1,
        "Steps are not finite: a share of %.3g of those since the last look "
        "was skipped, more than %g.",
    ),
}
# Measurements that the discriminator must win, taken together.
WINDOW = 5
# Cells of the pictures' features, along each side, and what makes the
# differences of neighbouring pixels weigh about as much as the colours.
NUM_CELLS = 8
GRADIENT_SCALE = 4.0


class TrainingAlarms(StepCallback):
    """Measures how a training fails, and warns in the log when it does.

    Every so many steps the generator in training is called on the same inputs,
    and its pictures are compared with real comics:

    - `diversity`: mean distance of all pairs of generated pictures, by colours
      and differences of neighbouring pixels in 8 by 8 cells, divided by that
      of the comics. `collapse` rings below 0.4; five styles of a good preset
      have 0.72 to 1.02.
    - `color_shift`: distance of the mean chroma (a and b of CIE Lab) from that
      of the comics. `color_cast` rings above 12; the same styles have 1.7 to
      3.9.
    - `discriminator_accuracy`: the part of the discriminator's logits that the
      best threshold between comics and generated pictures sorts right.
      `discriminator_wins` rings when the mean of the last 5 is above 0.98.
    - `skipped_share`: the part of the steps since the last measurement that
      were skipped. `skipped_steps` rings above 0.1.

    An alarm is a warning in the log of `keras_comic` when it begins to ring,
    and again only after it was silent. `alarms.csv` gets a row for each
    measurement; a resumed run goes on with it. A number that is not finite, or
    not there, is an empty cell and rings nothing. `ringing` lists the alarms,
    and `numbers` what they go by.

    Args:
        folder: Path of the folder for `alarms.csv`; made if needed.
        inputs: Inputs of the generator: a float32 array `(count, ...)`, or a
            dict of them, of at least 2 samples; 16 or more tell more.
        comics: Float32 `(count, height, width, 3)`, RGB in `[-1, 1]`, at least
            2 real comics; 16 or more tell more.
        every: Integer > 0. Training steps between two measurements. Defaults
            to `200`.
    """

    def __init__(self, folder, inputs, comics, every=200):
        for name, arrays in (("inputs", inputs), ("comics", comics)):
            sizes = {len(v) for v in keras.tree.flatten(arrays)}
            if len(sizes) != 1 or min(sizes) < 2:
                raise ValueError(
                    f"`{name}` must have at least 2 samples, the same number "
                    f"in each array. Received: {sorted(sizes)}"
                )
        super().__init__(every, Path(folder) / "alarms.csv")
        self.inputs = inputs
        self.comics = np.asarray(comics, "float32")
        self.ringing = []
        self.numbers = {}
        self.measured = self._skipped = 0

    def generate(self, gan):
        """Draws the fixed inputs; to be overridden where it is done otherwise.

        Args:
            gan: The `GAN`, whose generator in training is asked.

        Returns:
            Float32 `(count, height, width, 3)`, RGB in `[-1, 1]`.
        """
        generator = getattr(gan, gan.averaged_names[0])
        return generator(self.inputs, training=False)

    def judge(self, gan, images):
        """Asks a discriminator of pictures; to be overridden for others.

        Args:
            gan: The `GAN`.
            images: Float32 `(count, height, width, 3)`, RGB in `[-1, 1]`.

        Returns:
            Float32 logits `(count, ...)`, or `None` where the GAN has no
            network of the name `discriminator`.
        """
        if "discriminator" not in gan.network_names:
            return None
        return gan.discriminator(images, training=False)

    def on_train_begin(self, logs=None):
        super().on_train_begin(logs)
        skipped = self.read("skipped_steps")
        last = {"step": self._step, "alarms": "", "skipped_steps": skipped}
        last.update(*self.table.rows[-1:])
        self.ringing = last["alarms"].split()
        self._skipped = int(last["skipped_steps"])
        self.measured = int(last["step"])

    def on_steps(self, step, logs):
        skipped = self.read("skipped_steps")
        share = (skipped - self._skipped) / max(step - self.measured, 1)
        self._skipped, self.measured = skipped, step
        row = {"step": step, **self._measure()}
        row |= {"skipped_steps": skipped, "skipped_share": share}
        self.numbers = _numbers_of([*self.table.rows, row])
        before, self.ringing = self.ringing, []
        for alarm, (name, threshold, warning) in ALARMS.items():
            number = self.numbers.get(name, threshold)
            sign = -1 if alarm == "collapse" else 1
            if sign * number <= sign * threshold:
                continue
            self.ringing.append(alarm)
            if alarm not in before:
                LOGGER.warning(f"Step %d: {warning}", step, number, threshold)
        self.table.add({**row, "alarms": " ".join(self.ringing)}, ["alarms"])

    def _measure(self):
        fakes = _array(self.generate(self.model))
        if not np.isfinite(fakes).all():
            return {}
        diversity = _diversity(fakes) / max(_diversity(self.comics), 1e-12)
        shift = _mean_chroma(fakes) - _mean_chroma(self.comics)
        numbers = {"diversity": diversity, "color_shift": np.linalg.norm(shift)}
        logits = [self.judge(self.model, p) for p in (self.comics, fakes)]
        if logits[0] is not None:
            accuracy = best_accuracy(*map(_array, logits))
            numbers["discriminator_accuracy"] = accuracy
        return {k: float(v) for k, v in numbers.items() if np.isfinite(v)}


def _numbers_of(rows):
    """Returns the numbers of the last row that are there."""
    numbers = {}
    for name, *_ in ALARMS.values():
        count = WINDOW if name == "discriminator_accuracy" else 1
        values = [row.get(name, "") for row in rows[-count:]]
        if len(values) == count and "" not in values:
            numbers[name] = float(np.mean([float(v) for v in values]))
    return numbers


def cell_features(images):
    """Returns mean colours and gradients of 8 by 8 cells."""
    images = np.asarray(images, "float64")
    gray = images.mean(-1, keepdims=True)
    down = np.abs(np.diff(gray, axis=1, append=gray[:, -1:]))
    right = np.abs(np.diff(gray, axis=2, append=gray[:, :, -1:]))
    values = np.concatenate(
        [images, GRADIENT_SCALE * down, GRADIENT_SCALE * right], axis=-1
    )
    cells = [
        cell.mean(axis=(1, 2))
        for row in np.array_split(values, NUM_CELLS, axis=1)
        for cell in np.array_split(row, NUM_CELLS, axis=2)
    ]
    return np.concatenate(cells, axis=-1)


def best_accuracy(real_logits, fake_logits):
    """Returns the accuracy of the best threshold."""
    real, fake = np.sort(np.ravel(real_logits)), np.sort(np.ravel(fake_logits))
    if not (np.isfinite(real).all() and np.isfinite(fake).all()):
        return float("nan")
    thresholds = np.concatenate([real, fake])
    above = 1.0 - np.searchsorted(real, thresholds, "right") / len(real)
    below = np.searchsorted(fake, thresholds, "right") / len(fake)
    return float((0.5 * (above + below)).max())


def _array(tensor):
    return keras.ops.convert_to_numpy(tensor).astype("float32")


def _diversity(images):
    metric = Diversity()
    metric.update_state(cell_features(images).astype("float32"))
    return float(metric.result())


def _mean_chroma(images):
    chroma = _array(rgb_to_lab(images))[..., 1:]
    return chroma.mean(axis=(0, 1, 2), dtype="float64")
