"""The training of a preset of any family.

A family says in its `Recipe` what is its own. Everything else is here: data,
checkpoint, best weights, the numbers that were really run, the preset.
"""

import json
import os
import time
from pathlib import Path

import keras
import numpy as np

from keras_comic import presets
from keras_comic import training
from keras_comic.data.paths import write_whole
from keras_comic.metrics import network_facts
from keras_comic.models.recipe import get_recipe
from keras_comic.models.training_data import TrainingData
from keras_comic.models.validation_set import ValidationSet
from keras_comic.models.validation_set import as_samples
from keras_comic.models.validation_set import draw_samples

RECIPE_FILE = "recipe.json"
# The largest number of validation pictures of each kind, and of those that
# the alarms look at.
MAX_VALIDATION, MAX_WATCHED = 64, 16
# The sample sheet: photos across, and their short side in pixels.
NUM_SAMPLES, SAMPLE_SIZE = 4, 256


class PresetTraining:
    """A training that ends in a preset.

    What it needs lies in `<output>.training/` beside the preset: records,
    checkpoint, and what is written to watch it. The same run again goes on
    where a killed one stopped, to the same numbers. Files that cannot be read
    are left out; `data.failures` names them.

    Args:
        family: String, see `get_recipe`.
        output: Path of the preset folder to write.
        drawings: Path of a folder, whose sub-folders are labels, or a dict of
            label to folder; or `None` for a family that takes photos alone.
            Defaults to `None`.
        photos: Path of a folder of photos, or a list of them; or `None` for
            a family that takes none. Defaults to `None`.
        start: Preset whose weights and styles to start from, or `None`.
            Defaults to `None`.
        steps: Integer > 0. Training steps, as many as are run. Defaults to
            `10000`.
        options: Dict or `None`: overrides of the recipe's options. Defaults
            to `None`.

    Raises:
        ValueError: If the family or an option is unknown, or a number is out
            of its range.
        FileNotFoundError: If a folder does not exist.
    """

    def __init__(
        self,
        family,
        output,
        drawings=None,
        photos=None,
        start=None,
        steps=10000,
        options=None,
    ):
        self.family = family
        self.recipe = get_recipe(family)
        unknown = sorted(set(options or {}) - set(self.recipe.options))
        if unknown:
            raise ValueError(
                f"`options` of the family {family!r} may hold "
                f"{sorted(self.recipe.options)}. Received: {unknown}"
            )
        for name, value in {"steps": steps, **(options or {})}.items():
            is_count = name in ("steps", "batch_size", "steps_per_epoch")
            if is_count and not value >= 1:
                raise ValueError(
                    f"`{name}` must be a positive integer. "
                    f"Received: {name}={value}"
                )
        self.given = dict(options or {})
        self.options = {**self.recipe.options, **self.given}
        self.output = Path(output)
        self.work = self.output.with_name(self.output.name + ".training")
        if self.output.is_dir() and any(self.output.iterdir()):
            if not self.work.is_dir():
                raise ValueError(
                    "The folder holds files, and no run to go on with; write "
                    f"to another one. Received: output={str(output)!r}"
                )
        self.data = TrainingData(self.recipe.data_kind, drawings, photos)
        self.start = start
        self.steps = steps
        self.observers = []
        # Called with the folder of a run that goes on.
        self.on_resume = None
        self.validation = None
        self.searched = None

    def validate(self, drawings, photos=None, objective="kid", every=1000):
        """Gives the preset the weights that are best on other pictures.

        Args:
            drawings: As in `PresetTraining`, not trained on.
            photos: As in `PresetTraining`, not trained on. Defaults to
                `None`.
            objective: `"kid"` or `"style_loss"`, see `ValidationSet`.
                Defaults to `"kid"`.
            every: Integer > 0. Steps between two evaluations. Defaults to
                `1000`.
        """
        held_out = TrainingData(self.data.kind, drawings, photos)
        squares = held_out.squares(self.options["image_size"], MAX_VALIDATION)
        self.validation = ValidationSet(
            *squares, self.options["features"], objective
        )
        evaluate = self.validation.evaluate
        self.observers.append(
            training.BestCheckpoint(self.work, evaluate, every)
        )

    def watch(
        self, sample_every=500, alarms=True, roll_back=True, tensorboard=False
    ):
        """Lets the run be looked at and looked after.

        Args:
            sample_every: Integer > 0. Steps between two sheets of samples.
                Defaults to `500`.
            alarms: Boolean. Warns when the training fails, see
                `TrainingAlarms`. Defaults to `True`.
            roll_back: Boolean. Goes back to the last good state when steps
                keep failing, see `RollBack`. Defaults to `True`.
            tensorboard: Boolean. Writes event files. Defaults to `False`.
        """
        grid = self._sample_grid(sample_every)
        watchers = [grid, training.LossPlot(self.work)]
        watchers.append(training.TrainingProgress())
        ringing = None
        squares = self.data.squares(self.options["image_size"], MAX_WATCHED)
        if alarms and len(squares[1]) > 1:
            comics = as_samples([], squares[1])["drawings"]
            ringing = _Alarms(self.work, as_samples(*squares), comics)
            watchers.append(ringing)
        if tensorboard:
            watchers.append(
                training.TensorBoard(
                    self.work / "events",
                    pictures={"samples": grid.draw},
                    alarms=ringing,
                )
            )
        if roll_back:
            watchers.append(training.RollBack())
        self.observers = [*watchers, *self.observers]

    def run(self, callbacks=(), metadata=None, records=None):
        """Trains, or goes on with a run, and writes the preset.

        Args:
            callbacks: Further Keras callbacks. Defaults to `()`.
            metadata: Dict or `None`. Entries for the preset's metadata.
                Defaults to `None`.
            records: Path of a folder for the records, which several runs of
                the same pictures may share; or `None` for the run's own.
                Defaults to `None`.

        Returns:
            The averaged generator.

        Raises:
            ValueError: If the folder holds a run of other options, pictures
                or weights.
        """
        keras.utils.set_random_seed(self.options["seed"])
        start = self.start
        if start is not None:
            start = presets.from_preset(start)
        # First, since it refuses options that make no sense.
        gan = self.recipe.make_gan(self.options, self.steps, start)
        self.work.mkdir(parents=True, exist_ok=True)
        self._check_same_run(start)
        checkpoint = training.TrainingCheckpoint(self.work)
        done = checkpoint.restore(gan)
        steps_per_epoch = self.options["steps_per_epoch"]
        epochs = -(-self.steps // steps_per_epoch)
        observers = [*self.observers, *callbacks]
        if done < epochs:
            gan.fit(
                self.data.batches(
                    self.work if records is None else records,
                    self.options,
                    done * steps_per_epoch,
                ),
                epochs=epochs,
                steps_per_epoch=steps_per_epoch,
                initial_epoch=done,
                callbacks=[_StopAt(self.steps), checkpoint, *observers],
                # A dataset has its own order.
                shuffle=False,
                verbose=0,
            )
        best = _restore_best(gan, observers)
        model = gan.ema_generator
        self.recipe.finish(model, self.data)
        facts = {
            "about": self.recipe.about,
            **{k: v for k, v in (metadata or {}).items() if v is not None},
            "training": self._facts(gan, checkpoint.seconds, best),
        }
        presets.save_to_preset(model, self.output, facts)
        return model

    def _sample_grid(self, every):
        def first(paths, count):
            pictures = self.data.read(paths, SAMPLE_SIZE)
            return [picture for picture, _ in zip(pictures, range(count))]

        styles = {
            name: pictures[0]
            for name, paths in self.data.labelled_drawings().items()
            if (pictures := first(paths, 1))
        }
        photos = first(self.data.photo_paths(), NUM_SAMPLES)
        photos = photos or list(styles.values())
        return training.SampleGrid(self.work / "samples", photos, styles, every)

    def _facts(self, gan, seconds, best):
        """Returns what was really run, for the metadata."""

        def count(counter):
            return int(keras.ops.convert_to_numpy(counter.value))

        options = dict(self.options)
        if isinstance(options["features"], keras.Model):
            options["features"] = type(options["features"]).__name__
        return {
            "family": self.family,
            "steps": count(gan.step_counter),
            "skipped_steps": count(gan.skipped_steps),
            "batch_size": self.options["batch_size"],
            "seconds": round(seconds),
            "pictures": self.data.describe(),
            "options": options,
            "start": None if self.start is None else str(self.start),
            "best": best,
            "search": self.searched,
            "left_out": len(self.data.failures),
            "devices": keras.distribution.list_devices(),
            "cpu_cores": os.cpu_count(),
            "date": time.strftime("%Y-%m-%d"),
        }

    def _check_same_run(self, start):
        """Refuses to go on with a run whose result would be another one."""
        groups = {
            "options": {
                "family": self.family,
                "steps": self.steps,
                **self.options,
                "features": _identity(self.options["features"]),
            },
            "pictures": self.data.describe(),
            "weights": {"start": _identity(start)},
        }
        path = self.work / RECIPE_FILE
        wanted = json.loads(json.dumps(groups))
        if not path.is_file():
            write_whole(path, json.dumps(wanted, indent=1) + "\n")
            return
        stored = json.loads(path.read_text(encoding="utf-8"))
        changes = {
            group: changes_of(stored.get(group, {}), facts)
            for group, facts in wanted.items()
        }
        if any(changes.values()):
            raise ValueError(
                f"{str(self.work)!r} holds a run of other "
                f"{' and '.join(g for g, text in changes.items() if text)}: "
                "remove it, or write to another folder. "
                f"Received: {', '.join(filter(None, changes.values()))}"
            )
        if self.on_resume is not None:
            self.on_resume(self.work)


def train_preset(family, output, drawings=None, photos=None, **kwargs):
    """Trains a preset of a family.

    Args:
        family: As in `PresetTraining`.
        output: As in `PresetTraining`.
        drawings: As in `PresetTraining`. Defaults to `None`.
        photos: As in `PresetTraining`. Defaults to `None`.
        **kwargs: Further arguments of `PresetTraining`.

    Returns:
        The averaged generator.
    """
    return PresetTraining(family, output, drawings, photos, **kwargs).run()


class _StopAt(keras.callbacks.Callback):
    """Ends the training at a step within an epoch."""

    def __init__(self, steps):
        super().__init__()
        self.steps = steps
        self._before = 0

    def on_epoch_begin(self, epoch, logs=None):
        counter = self.model.step_counter.value
        self._before = int(keras.ops.convert_to_numpy(counter))

    def on_train_batch_end(self, batch, logs=None):
        if self._before + batch + 1 >= self.steps:
            self.model.stop_training = True


class _Alarms(training.TrainingAlarms):
    """Alarms of a model of any kind."""

    def generate(self, gan):
        return np.asarray(
            keras.ops.convert_to_numpy(draw_samples(gan.generator, self.inputs))
        )


def changes_of(stored, wanted):
    """Describes how facts differ from those that are stored."""
    return ", ".join(
        f"{name}={wanted.get(name)!r} (was {stored.get(name)!r})"
        for name in {**wanted, **stored}
        if wanted.get(name) != stored.get(name)
    )


def _restore_best(gan, callbacks):
    for callback in callbacks:
        if isinstance(callback, training.BestCheckpoint):
            try:
                return callback.restore_best(gan)
            except FileNotFoundError:
                # No evaluation was finite: the last weights, then.
                return None
    return None


def _identity(value):
    """Returns what tells a network or a file from another."""
    if isinstance(value, keras.Model):
        return f"checksum {network_facts(value)['network_sha256'][:12]}"
    return None if value is None else str(value)
