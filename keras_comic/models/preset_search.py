"""A search for the options of a training that suit its pictures."""

import json
import math
import shutil
from typing import NamedTuple

from keras_comic.models.preset_training import PresetTraining
from keras_comic.models.preset_training import changes_of

JOURNAL_FILE = "optuna.log"
# Trials at random before those that are chosen.
NUM_RANDOM = 5


class Search(NamedTuple):
    """Options found: of the best trial, its objective, and all trials."""

    options: dict
    value: float
    trials: list


def search_options(preset_training, num_trials, steps=500, progress=None):
    """Trains for a short time with many options, and tells which were best.

    The recipe's `search_space` says what is tried; what the training was given
    stays. Optuna's sampler (TPE) chooses, its journal is in
    `<output>.search/`, and the same call goes on where it stopped.

    Args:
        preset_training: `PresetTraining` with a validation set (`validate`).
        num_trials: Integer > 0.
        steps: Integer > 0. Training steps of each trial. Defaults to `500`.
        progress: Callable or `None`. Called with each trial's dict when it is
            done. Defaults to `None`.

    Returns:
        A `Search`; the training's options are set to the best.

    Raises:
        ImportError: If Optuna is not installed.
        ValueError: If a number is not positive, there is no validation set,
            nothing is left to search, the folder holds another search, or no
            objective was finite.
    """
    for name, value in (("num_trials", num_trials), ("steps", steps)):
        if value < 1:
            raise ValueError(
                f"`{name}` must be a positive integer. Received: {name}={value}"
            )
    if preset_training.validation is None:
        raise ValueError(
            "A search needs pictures to validate on: call `validate` first."
        )
    optuna = _import_optuna()
    space = _space_of(preset_training)
    folder = preset_training.output.with_name(
        preset_training.output.name + ".search"
    )
    study = _open_study(optuna, preset_training, folder, space, steps)
    states = optuna.trial.TrialState
    while True:
        # A trial that was stopped goes on from its checkpoint.
        trial = next(iter(study.get_trials(states=(states.RUNNING,))), None)
        if trial is None:
            if len(study.get_trials()) >= num_trials:
                break
            # A search that was stopped asks for what one that was not would.
            study.sampler = optuna.samplers.TPESampler(
                n_startup_trials=NUM_RANDOM,
                seed=preset_training.options["seed"] + len(study.get_trials()),
            )
            real = optuna.distributions.FloatDistribution
            trial = study.ask(
                {name: real(*b, log=True) for name, b in space.items()}
            )
        value = _run_trial(preset_training, folder, trial, steps)
        finite = math.isfinite(value)
        study.tell(
            trial.number,
            value if finite else None,
            state=states.COMPLETE if finite else states.FAIL,
        )
        if progress is not None:
            progress(_facts(study.get_trials()[trial.number]))
    try:
        best = study.best_trial
    except ValueError as error:
        raise ValueError(
            "The objective of no trial is a finite number; look at the data. "
            f"Received: {num_trials} trials in {str(folder)!r}"
        ) from error
    options = _options_of(preset_training, best.params)
    preset_training.options.update(options)
    trials = [_facts(trial) for trial in study.get_trials()]
    preset_training.searched = {"steps": steps, "trials": trials}
    return Search(options, best.value, trials)


def _space_of(preset_training):
    given = preset_training.given
    fixed = {*given, *given.get("loss_weights", {})}
    space = {
        name: bounds
        for name, bounds in preset_training.recipe.search_space.items()
        if name not in fixed
    }
    if not space:
        raise ValueError(
            "One of these must be left to search: "
            f"{list(preset_training.recipe.search_space)}. "
            f"Received: options={given}"
        )
    return space


def _open_study(optuna, preset_training, folder, space, steps):
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    folder.mkdir(parents=True, exist_ok=True)
    storage = optuna.storages.JournalStorage(
        optuna.storages.journal.JournalFileBackend(str(folder / JOURNAL_FILE))
    )
    study = optuna.create_study(
        storage=storage, study_name="search", load_if_exists=True
    )
    settings = {
        "family": preset_training.family,
        "objective": preset_training.validation.objective,
        "steps": steps,
        "space": space,
        "options": {k: str(v) for k, v in preset_training.given.items()},
        "start": str(preset_training.start),
        **preset_training.data.describe(),
    }
    settings = json.loads(json.dumps(settings))
    stored = study.user_attrs.get("settings")
    if stored is None:
        study.set_user_attr("settings", settings)
        study.enqueue_trial(preset_training.recipe.search_defaults(space))
    elif changes := changes_of(stored, settings):
        raise ValueError(
            f"{str(folder)!r} holds another search: remove it, or write to "
            f"another folder. Received: {changes}"
        )
    return study


def _run_trial(preset_training, folder, trial, steps):
    """Returns the objective of a short training."""
    output = folder / f"trial-{trial.number:03d}"
    data, options = preset_training.data, dict(preset_training.given)
    options.update(_options_of(preset_training, trial.params))
    short = PresetTraining(
        preset_training.family,
        output,
        data.drawings,
        data.photos,
        preset_training.start,
        steps,
        options,
    )
    model = short.run(records=folder / "records")
    value = float(preset_training.validation.evaluate(model))
    # Its checkpoint is no longer needed.
    shutil.rmtree(short.work, ignore_errors=True)
    return value


def _options_of(preset_training, values):
    """Returns a trial's values as options: the others are loss weights."""
    weights = dict(preset_training.given.get("loss_weights", {}))
    options = {"loss_weights": weights}
    for name, value in values.items():
        if name in preset_training.recipe.options:
            options[name] = value
        else:
            weights[name] = value
    return options


def _facts(trial):
    return {
        "number": trial.number,
        "state": trial.state.name.lower(),
        "value": trial.value,
        **trial.params,
    }


def _import_optuna():
    try:
        import optuna
    except ImportError as error:
        raise ImportError(
            "The search for options needs Optuna: "
            "`pip install keras-comic[search]`."
        ) from error
    return optuna
