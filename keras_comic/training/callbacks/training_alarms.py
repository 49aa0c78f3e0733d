"""Alarms for the ways in which adversarial training goes wrong."""

import logging
from pathlib import Path

import keras
import numpy as np

from keras_comic.layers.color_spaces import rgb_to_lab
from keras_comic.metrics.diversity import Diversity
from keras_comic.training.callbacks.run_table import RunTable
from keras_comic.training.callbacks.step_callback import StepCallback

LOGGER = logging.getLogger(__name__)
TABLE_FILE = "alarms.csv"
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
# Cells of the built-in features, along each side of a picture, and what makes
# the differences of neighbouring pixels weigh about as much as the colours.
NUM_CELLS = 8
GRADIENT_SCALE = 4.0


class TrainingAlarms(StepCallback):
    """Measures how a training fails, and warns in the log when it does.

    Every so many steps the generator in training is called on the same inputs,
    and its pictures are compared with real comics:

    - `diversity`: mean distance of all pairs of generated pictures, by colours
      and differences of neighbouring pixels in 8 by 8 cells, divided by that
      of the comics. `collapse` rings below 0.4.
      With 16 pictures, five styles of the preset `adain_storybook` have 0.72
      to 1.02, and two drawings, repeated, 0.42 to 0.71.
    - `color_shift`: distance of the mean chroma (a and b of CIE Lab) from that
      of the comics. `color_cast` rings above 12. The same styles have 1.7 to
      3.9; red times 1.15 and blue times 0.85 moves drawings by 11 to 17.
    - `discriminator_accuracy`: the part of the discriminator's logits that the
      best threshold between comics and generated pictures sorts right; the
      mean of the last 5 measurements. `discriminator_wins` rings above 0.98.
    - `skipped_share`: the part of the steps since the last measurement that
      were skipped. `skipped_steps` rings above 0.1.

    An alarm is a warning in the log of `keras_comic` when it begins to ring,
    and again only after it was silent. `alarms.csv` gets a row for each
    measurement; a resumed run goes on with it. A number that is not finite, or
    not there, is an empty cell and rings nothing.

    A family whose discriminator takes more than pictures, or whose generator
    gives more than pictures, overrides `judge` or `generate`.

    Args:
        folder: Path of the folder for `alarms.csv`; made if needed.
        inputs: Inputs of the generator: a float32 array `(count, ...)`, or a
            dict of them, of at least 2 samples; 16 or more tell more.
        comics: Float32 `(count, height, width, 3)`, RGB in `[-1, 1]`, at least
            2 real comics; 16 or more tell more.
        every: Integer > 0. Training steps between two measurements. Defaults
            to `200`.
        thresholds: Dict of alarm to float, or to `None` for an alarm that
            never rings; alarms left out keep their threshold. Or `None`.
            Defaults to `None`.
    """

    def __init__(self, folder, inputs, comics, every=200, thresholds=None):
        counts = {
            "inputs": {len(v) for v in keras.tree.flatten(inputs)},
            "comics": {len(comics)},
        }
        for name, sizes in counts.items():
            if len(sizes) != 1 or min(sizes) < 2:
                raise ValueError(
                    f"`{name}` must have at least 2 samples, the same number "
                    f"in each array. Received: {sorted(sizes)}"
                )
        unknown = sorted(set(thresholds or {}) - set(ALARMS))
        if unknown:
            raise ValueError(
                f"`thresholds` may name {sorted(ALARMS)}. "
                f"Received: thresholds={thresholds}"
            )
        super().__init__(every)
        self.inputs = inputs
        self.comics = np.asarray(comics, "float32")
        self.thresholds = {name: alarm[1] for name, alarm in ALARMS.items()}
        self.thresholds.update(thresholds or {})
        self.table = RunTable(Path(folder) / TABLE_FILE)
        self.ringing = []
        self._comics_diversity = _diversity(self.comics)
        self._comics_chroma = _mean_chroma(self.comics)
        self._skipped = self._measured = 0

    def generate(self, gan):
        """Draws the fixed inputs by the generator in training.

        Args:
            gan: The `GAN`.

        Returns:
            Float32 `(count, height, width, 3)`, RGB in `[-1, 1]`.
        """
        generator = getattr(gan, gan.averaged_names[0])
        return _array(generator(self.inputs, training=False))

    def judge(self, gan, images):
        """Asks the discriminator.

        Args:
            gan: The `GAN`.
            images: Float32 `(count, height, width, 3)`, RGB in `[-1, 1]`.

        Returns:
            Float32 logits `(count, ...)`, or `None` where the GAN has no
            network of the name `discriminator`.
        """
        if "discriminator" not in gan.network_names:
            return None
        return _array(gan.discriminator(images, training=False))

    def measure(self, gan):
        """Measures the generator at this point of the training.

        Args:
            gan: The `GAN`.

        Returns:
            Dict of `diversity`, `color_shift` and `discriminator_accuracy`
            (of this moment alone) to float; numbers that are not finite are
            left out.
        """
        fakes = self.generate(gan)
        if not np.isfinite(fakes).all():
            return {}
        shift = _mean_chroma(fakes) - self._comics_chroma
        numbers = {
            "diversity": _diversity(fakes) / max(self._comics_diversity, 1e-12),
            "color_shift": np.linalg.norm(shift),
        }
        logits = [self.judge(gan, images) for images in (self.comics, fakes)]
        if logits[0] is not None:
            numbers["discriminator_accuracy"] = best_accuracy(*logits)
        return {k: float(v) for k, v in numbers.items() if np.isfinite(v)}

    def on_train_begin(self, logs=None):
        super().on_train_begin(logs)
        self.table.resume(self._step)
        last = {"step": self._step, "alarms": ""}
        last["skipped_steps"] = self.read("skipped_steps")
        last.update(self.table.rows[-1] if self.table.rows else {})
        self.ringing = last["alarms"].split()
        self._skipped = int(last["skipped_steps"])
        self._measured = int(last["step"])

    def on_steps(self, step, logs):
        skipped = self.read("skipped_steps")
        share = (skipped - self._skipped) / max(step - self._measured, 1)
        self._skipped, self._measured = skipped, step
        row = {"step": step, **self.measure(self.model)}
        row |= {"skipped_steps": skipped, "skipped_share": share}
        ringing = self._ring(step, self.numbers(row))
        self.table.add({**row, "alarms": " ".join(ringing)}, ["alarms"])

    def numbers(self, row=None):
        """Returns the numbers that the alarms go by.

        Args:
            row: Dict, a measurement that is not in the table yet. Defaults to
                `None`, the last one of the table.

        Returns:
            Dict of name to float; `discriminator_accuracy` is the mean over
            the last 5 measurements, and missing before there are so many.
        """
        rows = [*self.table.rows, *([] if row is None else [row])]
        numbers = {}
        for name, *_ in ALARMS.values():
            count = WINDOW if name == "discriminator_accuracy" else 1
            values = [row.get(name) for row in rows[-count:]]
            if len(values) == count and not {None, ""}.intersection(values):
                numbers[name] = float(np.mean([float(v) for v in values]))
        return numbers

    def _ring(self, step, numbers):
        before, self.ringing = self.ringing, []
        for alarm, (name, _, warning) in ALARMS.items():
            threshold = self.thresholds[alarm]
            if threshold is None or name not in numbers:
                continue
            number, below = numbers[name], alarm == "collapse"
            if number < threshold if below else number > threshold:
                self.ringing.append(alarm)
                if alarm not in before:
                    text = f"Step %d: {warning}"
                    LOGGER.warning(text, step, number, threshold)
        return self.ringing


def cell_features(images):
    """Returns mean colours and gradients of 8 by 8 cells."""
    images = np.asarray(images, "float64")
    if min(images.shape[1:3]) < NUM_CELLS:
        raise ValueError(
            f"Pictures must have sides of at least {NUM_CELLS} pixels. "
            f"Received: shape={images.shape}"
        )
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
    return _array(rgb_to_lab(images))[..., 1:].mean(
        axis=(0, 1, 2), dtype="float64"
    )
