"""`keras-comic train`."""

import contextlib
import enum
import os
import shlex
import warnings
from pathlib import Path
from typing import Annotated

import typer

from keras_comic.cli.backend import import_models
from keras_comic.cli.errors import FAILURE_EXIT_CODE
from keras_comic.cli.errors import report_error
from keras_comic.cli.errors import report_failures
from keras_comic.cli.errors import reported_errors

# Key of what was typed after `keras-comic`, in the context's `meta`.
ARGUMENTS = "keras_comic.arguments"
# How a warning of a file that could not be read begins.
LEFT_OUT = "Left out "
INTERRUPTED_EXIT_CODE = 130
# Pictures of each kind that the alarms look at.
NUM_WATCHED = 16
# The sample grid: photos across, and their short side in pixels.
NUM_SAMPLES = 4
SAMPLE_SIZE = 256


class Objective(enum.StrEnum):
    """What a validation set measures."""

    KID = "kid"
    STYLE_LOSS = "style-loss"


def train(
    context: typer.Context,
    drawings: Annotated[
        list[str],
        typer.Argument(
            metavar="DRAWINGS...",
            help="A folder of drawings, whose sub-folders each become a named "
            "style; or NAME=FOLDER for each style.",
            show_default=False,
        ),
    ],
    photos: Annotated[
        list[Path],
        typer.Option(
            help="A folder of photos; may be given several times.",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            help="The preset folder to write.",
            show_default=False,
        ),
    ],
    preset: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="PRESET",
            help="A preset to start from; by default, training begins anew.",
            show_default=False,
        ),
    ] = None,
    features: Annotated[
        str,
        typer.Option(
            metavar="FILE",
            help="VGG-19 weights (.npz) that the losses look through, or "
            "imagenet, which fetches Keras's.",
        ),
    ] = "imagenet",
    steps: Annotated[int, typer.Option(min=1, help="Training steps.")] = 10000,
    image_size: Annotated[
        int | None,
        typer.Option(
            min=32,
            help="Side of the crops, pixels. By default, what the recipe says, "
            "as for those below.",
            show_default=False,
        ),
    ] = None,
    batch_size: Annotated[
        int | None,
        typer.Option(min=1, help="Crops in a step.", show_default=False),
    ] = None,
    learning_rate: Annotated[
        float | None,
        typer.Option(help="Of the generator, at its peak.", show_default=False),
    ] = None,
    loss_weight: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TERM=WEIGHT",
            help="Weight of a loss term, such as style=1e-4; may be given "
            "several times.",
            show_default=False,
        ),
    ] = None,
    consistency: Annotated[
        str | None,
        typer.Option(
            metavar="MOTION",
            help="Also train for video, which needs no video: the comic of a "
            "moved photo is to be the moved comic. noise, shift, affine or "
            "flow; --loss-weight consistency=... and coherence=... weigh it.",
            show_default=False,
        ),
    ] = None,
    precision: Annotated[
        str | None,
        typer.Option(
            help="float32, mixed_bfloat16 or mixed_float16.",
            show_default=False,
        ),
    ] = None,
    feature_precision: Annotated[
        str | None,
        typer.Option(
            help="The same for the network that the losses look through.",
            show_default=False,
        ),
    ] = None,
    steps_per_epoch: Annotated[
        int | None,
        typer.Option(
            min=1, help="Steps between two checkpoints.", show_default=False
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(help="Of all random numbers.", show_default=False),
    ] = None,
    sample_every: Annotated[
        int,
        typer.Option(min=1, help="Steps between two sample grids."),
    ] = 500,
    validation_photos: Annotated[
        list[Path] | None,
        typer.Option(
            help="A folder of photos that are not trained on; may be given "
            "several times. With --validation-drawings, the preset gets the "
            "weights that were best on them.",
            show_default=False,
        ),
    ] = None,
    validation_drawings: Annotated[
        list[Path] | None,
        typer.Option(
            help="A folder of drawings that are not trained on; may be given "
            "several times.",
            show_default=False,
        ),
    ] = None,
    objective: Annotated[
        Objective,
        typer.Option(
            help="What is best: the smallest kernel distance (KID) or style "
            "loss, on the features of the losses' network."
        ),
    ] = Objective.KID,
    evaluate_every: Annotated[
        int,
        typer.Option(min=1, help="Steps between two evaluations."),
    ] = 1000,
    search: Annotated[
        int,
        typer.Option(
            min=0,
            metavar="N",
            help="Search for the learning rate and the weights of the losses "
            "by N short trainings first, and train with the best; those given "
            "here stay. Needs Optuna and both validation folders.",
        ),
    ] = 0,
    search_steps: Annotated[
        int,
        typer.Option(min=1, help="Training steps of each of them."),
    ] = 500,
    alarms: Annotated[
        bool,
        typer.Option(
            help="Warn of a collapse, of cast colours, and when the "
            "discriminator wins."
        ),
    ] = True,
    roll_back: Annotated[
        bool,
        typer.Option(
            help="Go back to the last good state, with lower learning rates, "
            "when steps keep failing."
        ),
    ] = True,
    tensorboard: Annotated[
        bool,
        typer.Option(
            "--tensorboard", help="Write event files for TensorBoard, too."
        ),
    ] = False,
    licence: Annotated[
        str | None,
        typer.Option(
            help="The preset's licence, for its metadata.", show_default=False
        ),
    ] = None,
    training_data: Annotated[
        str | None,
        typer.Option(
            help="What it was trained on and under which licence, for its "
            "metadata.",
            show_default=False,
        ),
    ] = None,
):
    """Train a preset on drawings and photos of your own."""
    options = {
        "image_size": image_size,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "consistency": consistency,
        "precision": precision,
        "feature_precision": feature_precision,
        "steps_per_epoch": steps_per_epoch,
        "seed": seed,
    }
    metadata = {
        "licence": licence,
        "training_data": training_data,
        "recipe": shlex.join(["keras-comic", *context.meta[ARGUMENTS]]),
    }
    with reported_errors():
        drawings = parse_drawings(drawings)
        if loss_weight:
            options["loss_weights"] = parse_loss_weights(loss_weight)
        _check_output(output)

        import_models()
        from keras_comic.models.adain.preset_search import search_style_preset
        from keras_comic.models.adain.train_preset import train_style_preset
        from keras_comic.training import TrainingTime

        work = _work_folder(output)
        validation = _read_validation(
            validation_photos,
            validation_drawings,
            options["image_size"],
            features,
            objective,
        )
        if search and validation is None:
            raise ValueError(
                "A search needs --validation-photos and --validation-drawings. "
                f"Received: --search {search}"
            )
        watched = _read_watched(
            validation_photos or photos,
            validation_drawings or drawings,
            options["image_size"],
        )
        callbacks = _make_callbacks(
            work,
            _read_samples(photos, drawings),
            sample_every,
            watched if alarms else None,
            validation,
            evaluate_every,
            roll_back,
            tensorboard,
        )
        training_time = TrainingTime(work)
        if training_time.seconds:
            typer.echo(f"Going on with the run in {work}", err=True)
        try:
            with _left_out_files() as left_out:
                if search:
                    found = search_style_preset(
                        drawings,
                        photos,
                        output.with_name(output.name + ".search"),
                        validation,
                        num_trials=search,
                        steps=search_steps,
                        preset=preset,
                        feature_network=features,
                        options=_given(options),
                        progress=_tell_trial,
                    )
                    options.update(found.options)
                    typer.echo(
                        f"Best of {len(found.trials)} trials: "
                        f"{_as_arguments(found.options)}",
                        err=True,
                    )
                generator = train_style_preset(
                    drawings,
                    photos,
                    output,
                    preset=preset,
                    feature_network=features,
                    steps=steps,
                    options=_given(options),
                    callbacks=[training_time, *callbacks],
                    metadata=_given(metadata),
                )
        except KeyboardInterrupt:
            typer.echo(
                "Stopped; the same command goes on from the last checkpoint.",
                err=True,
            )
            raise typer.Exit(INTERRUPTED_EXIT_CODE) from None
        # The time is known only now.
        metadata["training"] = _describe_run(steps, training_time.seconds)
        generator.save_to_preset(output, _given(metadata))
    names = ", ".join(generator.style_names)
    typer.echo(f"Wrote {output}, with the styles {names}")
    if left_out:
        report_error(f"{len(left_out)} files could not be read:")
        report_failures(left_out)
        raise typer.Exit(FAILURE_EXIT_CODE)


def parse_drawings(texts):
    """The drawings as `train_style_preset` takes them."""
    if len(texts) == 1 and ("=" not in texts[0] or Path(texts[0]).is_dir()):
        return Path(texts[0])
    folders = {}
    for text in texts:
        name, equals, folder = text.partition("=")
        if not (name and equals and folder):
            raise ValueError(
                "DRAWINGS must be one folder, or NAME=FOLDER for each style. "
                f"Received: {shlex.join(texts)}"
            )
        if name in folders:
            raise ValueError(
                "Each style must have a name of its own. "
                f"Received: {shlex.join(texts)}"
            )
        folders[name] = Path(folder)
    return folders


def parse_loss_weights(texts):
    """Dict of loss term to weight."""
    weights = {}
    for text in texts:
        term, _, weight = text.partition("=")
        try:
            weights[term] = float(weight)
        except ValueError:
            raise ValueError(
                "A loss weight must be TERM=NUMBER, such as style=1e-4. "
                f"Received: --loss-weight {text}"
            ) from None
    return weights


def _given(options):
    return {k: v for k, v in options.items() if v is not None}


def _read_watched(photos, drawings, image_size):
    """Squares of photos and drawings that the alarms look at."""
    from keras_comic.models.adain.train_preset import DEFAULT_OPTIONS
    from keras_comic.models.adain.validation_set import read_squares

    size = image_size or DEFAULT_OPTIONS["image_size"]
    return [
        read_squares(folders, size, NUM_WATCHED)
        for folders in (photos, drawings)
    ]


def _read_validation(photos, drawings, image_size, features, objective):
    """The validation set, or `None` where there are no folders of it."""
    from keras_comic.models.adain.train_preset import DEFAULT_OPTIONS
    from keras_comic.models.adain.validation_set import ValidationSet
    from keras_comic.models.adain.validation_set import read_squares

    if not photos and not drawings:
        return None
    if not (photos and drawings):
        raise ValueError(
            "--validation-photos and --validation-drawings belong together. "
            f"Received: {len(photos or ())} and {len(drawings or ())} folders"
        )
    size = image_size or DEFAULT_OPTIONS["image_size"]
    return ValidationSet(
        read_squares(photos, size),
        read_squares(drawings, size),
        features,
        objective.value.replace("-", "_"),
    )


def _make_callbacks(
    work,
    samples,
    sample_every,
    watched,
    validation,
    evaluate_every,
    roll_back,
    tensorboard,
):
    """What looks after the run, in the order in which they are called."""
    import numpy as np

    from keras_comic import training
    from keras_comic.models.adain.validation_set import pair

    grid = training.SampleGrid(work / "samples", *samples, sample_every)
    callbacks = [grid, training.LossPlot(work), training.TrainingProgress()]
    alarms = None
    if watched is not None and min(map(len, watched)) > 1:
        photos, drawings = watched
        alarms = training.TrainingAlarms(
            work, pair(photos, drawings), np.stack(drawings)
        )
        callbacks.append(alarms)
    if validation is not None:
        callbacks.append(
            training.BestCheckpoint(work, validation.evaluate, evaluate_every)
        )
    if tensorboard:
        callbacks.append(
            training.TensorBoard(
                work / "events", pictures={"samples": grid.draw}, alarms=alarms
            )
        )
    if roll_back:
        callbacks.append(training.RollBack())
    return callbacks


def _tell_trial(trials):
    trial = trials[-1]
    value = trial.get("objective")
    typer.echo(
        f"Trial {trial['number']}: {trial['state']}"
        + ("" if value is None else f", objective {value:.5g}"),
        err=True,
    )


def _as_arguments(options):
    """Options as they are typed."""
    words = []
    for name, value in options.items():
        if name == "loss_weights":
            for term, weight in value.items():
                words += ["--loss-weight", f"{term}={weight:.6g}"]
        else:
            text = f"{value:.6g}" if isinstance(value, float) else str(value)
            words += [f"--{name.replace('_', '-')}", text]
    return shlex.join(words)


@contextlib.contextmanager
def _left_out_files():
    """Yields a list that gets what the training warns of leaving out."""
    left_out = []

    def show(message, *others):
        path, _, reason = str(message).removeprefix(LEFT_OUT).partition(": ")
        if not str(message).startswith(LEFT_OUT):
            show_others(message, *others)
        elif (path, reason) not in left_out:
            left_out.append((path, reason))

    with warnings.catch_warnings():
        warnings.filterwarnings("always", message=LEFT_OUT)
        show_others, warnings.showwarning = warnings.showwarning, show
        yield left_out


def _describe_run(steps, seconds):
    import keras

    return {
        "steps": steps,
        "seconds": round(seconds),
        "devices": keras.distribution.list_devices(),
        "cpu_cores": os.cpu_count(),
    }


def _work_folder(output):
    return output.with_name(output.name + ".training")


def _check_output(output):
    if output.is_dir() and any(output.iterdir()):
        if not _work_folder(output).is_dir():
            raise ValueError(
                "The folder holds files, and no run to go on with; write to "
                f"another one. Received: {output}"
            )


def _read_samples(photos, drawings):
    """Photos, and a drawing of each style by name, for the sample grid."""
    from keras_comic.data import list_images
    from keras_comic.data import read_image
    from keras_comic.data import resize_short_side
    from keras_comic.models.adain.train_preset import labelled_drawings

    def read(paths, count):
        pictures = []
        for path in paths:
            try:
                picture = read_image(path)
            except (OSError, ValueError):
                continue  # Who writes the records reports it.
            pictures.append(resize_short_side(picture, SAMPLE_SIZE))
            if len(pictures) == count:
                break
        return pictures

    photo_paths = [path for folder in photos for path in list_images(folder)]
    styles = {
        name: pictures[0]
        for name, paths in labelled_drawings(drawings).items()
        if (pictures := read(paths, 1))
    }
    return read(photo_paths, NUM_SAMPLES), styles
