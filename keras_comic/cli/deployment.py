"""`keras-comic deployment`."""

from pathlib import Path
from typing import Annotated

import typer

from keras_comic.cli.backend import import_models
from keras_comic.cli.errors import reported_errors


def deployment(
    folder: Annotated[
        Path,
        typer.Argument(
            help="The folder that holds models/NAME/VERSION, as "
            "`keras-comic export` writes them.",
        ),
    ] = Path("."),
    one_size: Annotated[
        bool,
        typer.Option(
            "--one-size",
            help="All clients send images of one size: gather their requests "
            "into batches.",
        ),
    ] = False,
    max_batch_size: Annotated[
        int, typer.Option(min=1, help="Images of a request, at most.")
    ] = 8,
    image: Annotated[
        str,
        typer.Option(
            metavar="NAME:TAG", help="The image that the Dockerfile makes."
        ),
    ] = "comic-serving:1",
    replicas: Annotated[
        tuple[int, int],
        typer.Option(
            metavar="LEAST MOST", help="Servers that Kubernetes runs."
        ),
    ] = (2, 8),
    memory_mib: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="MiB of memory of a server, at most. By default, what the "
            "batches and the largest picture of the models come to.",
            show_default=False,
        ),
    ] = None,
    overwrite: Annotated[
        bool,
        typer.Option("--overwrite", help="Write files anew that were changed."),
    ] = False,
):
    """Write what TensorFlow Serving needs beside exported models."""
    with reported_errors():
        import_models()
        from keras_comic.export.batching import make_batching_parameters
        from keras_comic.export.deployment import write_deployment

        paths = write_deployment(
            folder,
            batching=make_batching_parameters(not one_size, max_batch_size),
            image=image,
            replicas=replicas,
            memory_mib=memory_mib,
            overwrite=overwrite,
        )
    for path in paths:
        typer.echo(path)
