"""Stylising photos by the million, as an Apache Beam pipeline."""

import collections
import json
import os

from keras_comic.data.beam import make_options
from keras_comic.data.paths import is_url
from keras_comic.data.paths import path_of
from keras_comic.models.image_files import read_style

BulkStylized = collections.namedtuple(
    "BulkStylized", ["written", "skipped", "failed", "failures"]
)


def stylize_with_beam(
    sources,
    output,
    saved_model,
    style=None,
    strength=1.0,
    keep_color=False,
    max_side=None,
    overwrite=False,
    batch_size=8,
    options=None,
):
    """Turns image files into comics, on one machine or on many.

    An Apache Beam pipeline over the SavedModel that `save_served_model` has
    written. It lists the photos, names their comics as `stylize_files` does
    (PNG files; sub-folders are kept), leaves out those that are there
    already, and reads, stylises and writes the others; on one machine, only
    their names are all held in memory. Each comic is written beside its final
    name and renamed: what is there is whole, a run that was interrupted has
    lost nothing, and the same call goes on with it. One run at a time may
    write to `output`.

    A file that cannot be stylised does not stop the others: `failures.jsonl`
    in `output` has a line for each, a JSON object of `photo`, `comic` and
    `reason`, and `report.json` how many there were.

    Workers on other machines need this package with Beam and TensorFlow in
    the same versions as here, and see the same files: `sources`, `output` and
    `saved_model` lie on a file system that all of them mount at the same
    absolute path, or are URLs of a file system that Beam knows, such as
    `gs://bucket/photos` (with `apache-beam[gcp]`) or `s3://bucket/photos`
    (`apache-beam[aws]`).

    Args:
        sources: String or path of an image file or of a folder of them, or
            its URL; or a list of such, of which each folder becomes a
            sub-folder of `output`. Images in `output` are not taken.
        output: String or path. The folder for the comics, or its URL.
        saved_model: String or path of the SavedModel's folder, such as
            `models/comic/1`, or its URL.
        style: The name of one of the SavedModel's styles, a mix of them as a
            dict or list of pairs of name and weight, the path of an image
            file, or one uint8 image `(height, width, 3)`. Defaults to `None`,
            the first style.
        strength: Float in `[0, 1]`, see `Generator.stylize`. Defaults to
            `1.0`.
        keep_color: Boolean, see `Generator.stylize`. Defaults to `False`.
        max_side: Integer > 0 or `None`. Photos with a longer side than this
            are shrunk to it, pixels. Defaults to `None`, which resizes
            nothing.
        overwrite: Boolean. Whether a comic that is there already is made
            anew. Defaults to `False`.
        batch_size: Integer > 0. As many photos at most go through the model
            together. Defaults to `8`.
        options: List of strings, such as `["--runner=DataflowRunner", ...]`,
            or `apache_beam.options.pipeline_options.PipelineOptions`. Defaults
            to `None`. Without `--runner`, it is this process that works: the
            direct runner's `FnApiRunner`; with
            `"--direct_running_mode=multi_processing"` and
            `"--direct_num_workers=2"`, it shares the work among processes.

    Returns:
        Named tuple `BulkStylized`: `written`, `skipped` and `failed`, the
        numbers of comics written and found there, and of photos that failed;
        `failures`, the path of their table as a string.

    Raises:
        FileNotFoundError: If a source, the style image or the SavedModel does
            not exist.
        ImportError: If Apache Beam is not installed.
        RuntimeError: If the pipeline fails.
        ValueError: If an argument is not as above, or there is no image.

    Example:

    >>> import os
    >>> from PIL import Image
    >>> generator = keras_comic.AdaINGenerator.light((4, 8, 4, 4), 1, 8)
    >>> noise = np.random.randint(256, size=(32, 32, 3)).astype("uint8")
    >>> vector = generator.add_style("ink", noise)
    >>> folder = keras_comic.export.save_served_model(
    ...     generator, "models/comic/1", warmup_sizes=()
    ... )
    >>> os.mkdir("photos")
    >>> Image.fromarray(noise).save("photos/noise.jpg")
    >>> keras_comic.serving.stylize_with_beam("photos", "comics", folder)
    BulkStylized(written=1, skipped=0, failed=0, failures='.../failures.jsonl')
    >>> sorted(os.listdir("comics"))
    ['failures.jsonl', 'noise.png', 'report.json']

    Reference:
        - [Apache Beam, RunInference](
          https://beam.apache.org/documentation/ml/about-ml/).
    """
    options = make_options(options, "`keras_comic.models.stylize_files`")
    # These modules import Beam.
    import apache_beam as beam

    from keras_comic.serving import beam_transforms as steps
    from keras_comic.serving.comic_model_handler import ComicModelHandler
    from keras_comic.serving.comic_model_handler import read_description

    sources, output = check_folders(sources, output)
    saved_model = _absolute(saved_model)
    names = read_description(saved_model)["style_names"]
    handler = ComicModelHandler(
        saved_model,
        None if style is None else read_style(style, names),
        strength,
        keep_color,
        max_side,
        batch_size,
    )
    with beam.Pipeline(options=options) as pipeline:
        listed = pipeline | steps.ListPhotos(sources, output, overwrite)
        made = listed[steps.PHOTOS] | steps.StylizePhotos(handler, output)
        failures = (listed[steps.FAILURES], made[steps.FAILURES])
        outcomes = {
            steps.WRITTEN: made[steps.WRITTEN],
            steps.SKIPPED: listed[steps.SKIPPED],
            steps.FAILURES: failures | "All failures" >> beam.Flatten(),
        }
        _ = outcomes | steps.WriteReport(output)
    folder = steps.path_of(output)
    with (folder / steps.REPORT_FILE).open("rb") as file:
        report = json.load(file)
    if not any(report.values()):
        raise ValueError(
            "The sources hold no image besides those in `output`. "
            f"Received: sources={sources}, output={output}"
        )
    return BulkStylized(**report, failures=str(folder / steps.FAILURES_FILE))


def check_folders(sources, output):
    """Makes the paths absolute, and checks that comics replace no photos."""
    if isinstance(sources, (str, os.PathLike)):
        sources = [sources]
    sources = [_absolute(source) for source in sources]
    output = _absolute(output)
    if not sources:
        raise ValueError("`sources` must name a file. Received: sources=[]")
    names = [source.rpartition("/")[2] for source in sources]
    if len(set(names)) < len(names):
        raise ValueError(
            "Each of `sources` must have another name, which its comics are "
            f"found by. Received: sources={sources}"
        )
    for source in sources:
        exists = path_of(source).exists if is_url(source) else None
        if not (exists() if exists else os.path.exists(source)):
            raise FileNotFoundError(
                f"There is no such file or folder. Received: {source}"
            )
        if f"{source}/".startswith(f"{output}/"):
            raise ValueError(
                "`output` must be another folder than that of the photos, and "
                f"not one above it. Received: output={output}"
            )
    return sources, output


def _absolute(path):
    path = os.fspath(path)
    return path.rstrip("/") if is_url(path) else os.path.abspath(path)
