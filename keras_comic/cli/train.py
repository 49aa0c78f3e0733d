"""`keras-comic train`."""

import shlex

import typer

from keras_comic.cli import train_options as o
from keras_comic.cli.backend import import_models
from keras_comic.cli.errors import report_failures
from keras_comic.cli.errors import reported_errors
from keras_comic.cli.parsing import parse_drawings
from keras_comic.cli.parsing import parse_settings

# Key of the typed words after `keras-comic`, in the context's `meta`.
ARGUMENTS = "keras_comic.arguments"
INTERRUPTED_EXIT_CODE = 130


def train(
    context: typer.Context,
    output: o.Output,
    drawings: o.Drawings = None,
    photos: o.Photos = None,
    family: o.Family = None,
    preset: o.Start = None,
    drop_styles: o.DropStyles = False,
    features: o.Features = None,
    steps: o.Steps = 10000,
    image_size: o.ImageSize = None,
    batch_size: o.BatchSize = None,
    learning_rate: o.LearningRate = None,
    seed: o.Seed = None,
    loss_weight: o.LossWeights = None,
    settings: o.Settings = None,
    sample_every: o.SampleEvery = 500,
    validation_photos: o.ValidationPhotos = None,
    validation_drawings: o.ValidationDrawings = None,
    evaluate_every: o.EvaluateEvery = 1000,
    objective: o.BestBy = o.Objective.kid,
    search: o.Search = 0,
    search_steps: o.SearchSteps = 500,
    alarms: o.Alarms = True,
    roll_back: o.RollBack = True,
    tensorboard: o.Events = False,
    licence: o.Licence = None,
    training_data: o.Source = None,
):
    """Train a preset on drawings and photos of your own."""
    with reported_errors():
        options = {
            "image_size": image_size,
            "batch_size": batch_size,
            "learning_rate": learning_rate,
            "seed": seed,
            "features": features,
            "keep_styles": False if drop_styles else None,
            "loss_weights": parse_settings(loss_weight, "--loss-weight"),
            **parse_settings(settings, "--set"),
        }
        import_models()
        from keras_comic.data.paths import only_run
        from keras_comic.data.paths import work_name
        from keras_comic.models.preset_search import search_options
        from keras_comic.models.preset_training import PresetTraining
        from keras_comic.models.recipe import DEFAULT_FAMILY

        training = PresetTraining(
            family or DEFAULT_FAMILY,
            output,
            parse_drawings(drawings),
            photos,
            preset,
            steps,
            {k: v for k, v in options.items() if v not in (None, {})},
        )
        if validation_photos or validation_drawings or search:
            training.validate(
                parse_drawings([*map(str, validation_drawings or ())]),
                validation_photos,
                objective.value,
                evaluate_every,
            )
        training.watch(sample_every, alarms, roll_back, tensorboard)
        training.on_resume = lambda work: typer.echo(
            f"Going on with the run in {work}", err=True
        )
        output.parent.mkdir(parents=True, exist_ok=True)
        metadata = {
            "licence": licence,
            "training_data": training_data,
            "recipe": shlex.join(["keras-comic", *context.meta[ARGUMENTS]]),
        }
        try:
            with only_run(
                output.with_name(work_name(output.name, ".lock")),
                f"Another run is training this preset. Received: {output}",
            ):
                if search:
                    search_options(training, search, search_steps, _echo_trial)
                model = training.run(metadata=metadata)
        except KeyboardInterrupt:
            typer.echo(
                "Stopped; the same command goes on from the last checkpoint.",
                err=True,
            )
            raise typer.Exit(INTERRUPTED_EXIT_CODE) from None
    styles = ", ".join(getattr(model, "style_names", ()))
    typer.echo(f"Wrote {output}" + (styles and f", with the styles {styles}"))
    report_failures(
        training.data.failures.items(), "{} files could not be read:"
    )


def _echo_trial(trial):
    number, state = trial.pop("number"), trial.pop("state")
    numbers = (f"{k} {v:.5g}" for k, v in trial.items() if v is not None)
    typer.echo(f"Trial {number}: {state}, {', '.join(numbers)}", err=True)
