"""A search for the options of a training that suit drawings and photos."""

import json
import math
import os
import shutil
from pathlib import Path
from typing import NamedTuple

from keras_comic.models.adain.style_transfer_gan import StyleTransferGAN
from keras_comic.models.adain.train_preset import DEFAULT_OPTIONS
from keras_comic.models.adain.train_preset import describe_data
from keras_comic.models.adain.train_preset import train_style_preset

JSON_FILE = "search.json"
TABLE_FILE = "search.md"
# What is searched, on logarithmic scales: an option of the training, or the
# weight of a loss term.
SPACE = {
    "learning_rate": (2e-4, 4e-3),
    "style": (3e-5, 1e-3),
    "structure": (0.05, 1.0),
    "adversarial": (0.02, 1.0),
}
# Trials at random before those that are chosen.
NUM_RANDOM = 5
RUNNING, DONE, FAILED = "running", "done", "failed"


class Search(NamedTuple):
    """What `search_style_preset` has found."""

    options: dict
    value: float
    trials: list


def search_style_preset(
    drawings,
    photos,
    folder,
    validation,
    num_trials=10,
    steps=500,
    preset=None,
    feature_network="imagenet",
    options=None,
    progress=None,
):
    """Trains for a short time with many options, and tells which were best."""
    for name, value in (("num_trials", num_trials), ("steps", steps)):
        if value < 1:
            raise ValueError(
                f"`{name}` must be a positive integer. Received: {name}={value}"
            )
    folder, fixed = Path(folder), dict(options or {})
    space = _space_without(fixed)
    settings = {
        "objective": validation.objective,
        "steps": steps,
        "space": space,
        "options": fixed,
        "start": None if preset is None else str(preset),
        **describe_data(drawings, photos),
    }
    settings = json.loads(json.dumps(settings))
    trials = _read_trials(folder / JSON_FILE, settings)
    seed = fixed.get("seed", DEFAULT_OPTIONS["seed"])

    def note():
        _write(folder, settings, trials)
        if progress is not None:
            progress(trials)

    while True:
        if not trials or trials[-1]["state"] != RUNNING:
            if len(trials) >= num_trials:
                break
            values = _next_values(space, trials, seed)
            number = len(trials)
            trials.append({"number": number, "state": RUNNING, **values})
        trial = trials[-1]
        note()
        output = folder / f"trial-{trial['number']:03d}"
        generator = train_style_preset(
            drawings,
            photos,
            output,
            preset=preset,
            feature_network=feature_network,
            steps=steps,
            options=_options_of(trial, space, fixed),
            records=folder / "records",
        )
        result = validation.evaluate(generator)
        finite = math.isfinite(float(result))
        trial["state"] = DONE if finite else FAILED
        trial["objective"] = float(result) if finite else None
        trial["protocol"] = getattr(result, "protocol", None)
        note()
        # Its checkpoint is no longer needed.
        shutil.rmtree(
            output.with_name(output.name + ".training"), ignore_errors=True
        )
    best = _best(trials)
    if best is None:
        raise ValueError(
            "The objective of no trial is a finite number; look at the data. "
            f"Received: {len(trials)} trials in {str(folder)!r}"
        )
    return Search(_options_of(best, space, fixed), best["objective"], trials)


def search_table(trials, space, objective):
    """The trials as a Markdown table."""
    best = _best(trials)
    lines = [
        f"| trial | {' | '.join(space)} | {objective} | |",
        f"| ---: |{' ---: |' * (len(space) + 1)} --- |",
    ]
    for trial in trials:
        values = " | ".join(f"{trial[name]:.4g}" for name in space)
        value = trial.get("objective")
        value = "" if value is None else f"{value:.5g}"
        mark = "best" if trial is best else trial["state"]
        mark = "" if mark == DONE else mark
        lines.append(f"| {trial['number']} | {values} | {value} | {mark} |")
    return "\n".join(lines) + "\n"


def _space_without(fixed):
    weights = fixed.get("loss_weights", {})
    space = {
        name: bounds
        for name, bounds in SPACE.items()
        if name not in fixed and name not in weights
    }
    if not space:
        raise ValueError(
            f"`options` must leave one of {list(SPACE)} to search. "
            f"Received: options={fixed}"
        )
    return space


def _options_of(trial, space, fixed):
    """A trial's values as options of a training."""
    options = {**fixed, "loss_weights": dict(fixed.get("loss_weights", {}))}
    for name in space:
        if name in DEFAULT_OPTIONS:
            options[name] = trial[name]
        else:
            options["loss_weights"][name] = trial[name]
    return options


def _next_values(space, trials, seed):
    if not trials:
        defaults = {**DEFAULT_OPTIONS, **StyleTransferGAN.default_loss_weights}
        return {name: defaults[name] for name in space}
    optuna = _import_optuna()
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        # Made anew from what is known, so that a search that was stopped goes
        # on as one that was not.
        study = optuna.create_study(
            sampler=optuna.samplers.TPESampler(
                n_startup_trials=NUM_RANDOM, seed=seed + len(trials)
            )
        )
        distributions = {
            name: optuna.distributions.FloatDistribution(*bounds, log=True)
            for name, bounds in space.items()
        }
        states = optuna.trial.TrialState
        for trial in trials:
            done = trial["state"] == DONE
            study.add_trial(
                optuna.trial.create_trial(
                    params={name: trial[name] for name in space},
                    distributions=distributions,
                    value=trial["objective"] if done else None,
                    state=states.COMPLETE if done else states.FAIL,
                )
            )
        return dict(study.ask(distributions).params)
    finally:
        optuna.logging.set_verbosity(verbosity)


def _best(trials):
    done = [trial for trial in trials if trial["state"] == DONE]
    return min(done, key=lambda trial: trial["objective"], default=None)


def _read_trials(path, settings):
    if not path.is_file():
        return []
    found = json.loads(path.read_text(encoding="utf-8"))
    if found["settings"] != settings:
        changed = sorted(
            name
            for name in {*settings, *found["settings"]}
            if settings.get(name) != found["settings"].get(name)
        )
        raise ValueError(
            f"{str(path.parent)!r} holds another search: remove it, or write "
            "to another folder. Received: "
            + ", ".join(
                f"{name}={settings.get(name)!r} "
                f"(was {found['settings'].get(name)!r})"
                for name in changed
            )
        )
    return found["trials"]


def _write(folder, settings, trials):
    folder.mkdir(parents=True, exist_ok=True)
    contents = {"settings": settings, "trials": trials}
    table = search_table(trials, settings["space"], settings["objective"])
    for name, text in (
        (JSON_FILE, json.dumps(contents, indent=1) + "\n"),
        (TABLE_FILE, table),
    ):
        partial = folder / f".partial.{name}"
        partial.write_text(text, encoding="utf-8")
        os.replace(partial, folder / name)


def _import_optuna():
    try:
        import optuna
    except ImportError as error:
        raise ImportError(
            "The search for options needs Optuna: "
            "`pip install keras-comic[search]`."
        ) from error
    return optuna
