"""The steps of stylising photos in bulk, as transforms of Apache Beam."""

import contextlib
import json
import os

try:
    import apache_beam as beam
    from apache_beam.metrics import Metrics
    from apache_beam.ml.inference.base import KeyedModelHandler
    from apache_beam.ml.inference.base import RunInference
    from apache_beam.pvalue import TaggedOutput
    from apache_beam.utils.retry import with_exponential_backoff
except ImportError as error:
    raise ImportError(
        "Apache Beam is not installed: `pip install 'keras-comic[beam]'`."
    ) from error

from keras_comic.data import paths
from keras_comic.data.image_folders import list_images
from keras_comic.data.image_formats import ImageError
from keras_comic.data.images import is_animated
from keras_comic.data.media import is_video
from keras_comic.data.paths import is_url
from keras_comic.data.sources import list_url
from keras_comic.models.image_files import MOVES

NAMESPACE = "keras_comic"
# Outputs of the transforms.
PHOTOS = "photos"
WRITTEN = "written"
SKIPPED = "skipped"
FAILURES = "failures"
FAILURES_FILE = "failures.jsonl"
REPORT_FILE = "report.json"
# Comics that are being written lie here.
COMIC_SUFFIX = ".png"
# A larger file is not read.
MAX_FILE_BYTES = 2**28


class ListPhotos(beam.PTransform):
    """Lists photos, and where the comic of each is to be written."""

    def __init__(self, sources, output, overwrite=False):
        super().__init__()
        self._sources = list(sources)
        self._output = output
        self._overwrite = overwrite

    def expand(self, pipeline):
        """Adds the steps."""
        below = len(self._sources) > 1
        named = (
            pipeline
            | "Sources" >> beam.Create(self._sources)
            | "List" >> beam.FlatMap(_list_photos, below, self._output)
            | "Stems" >> beam.GroupByKey()
            | "Name" >> beam.FlatMap(_name_comics)
        )
        outputs = [] if self._overwrite else [self._output]
        done = (
            pipeline
            | "Output" >> beam.Create(outputs, reshuffle=False)
            | "Done" >> beam.FlatMap(_list_comics)
        )
        chosen = (
            {"paths": named, "done": done}
            | "Join" >> beam.CoGroupByKey()
            | "Choose"
            >> beam.FlatMap(_choose, self._output).with_outputs(
                SKIPPED, FAILURES, main=PHOTOS
            )
        )
        return {name: chosen[name] for name in (PHOTOS, SKIPPED, FAILURES)}


class StylizePhotos(beam.PTransform):
    """Reads, stylises and writes photos.

    Photos are read as they are needed, and comics are written as they are
    made, each beside its final name, and renamed.

    Args:
        handler: `ComicModelHandler`.
        output: String. The folder, or its URL, that all comics lie below.

    Returns:
        Dict of `PCollection`: `written`, bytes, the paths of comics;
        `failures`, lines of JSON.

    Example:

    >>> import os
    >>> import apache_beam as beam
    >>> from PIL import Image
    >>> generator = keras_comic.AdaINGenerator.light((4, 8, 4, 4), 1, 8)
    >>> noise = np.random.randint(256, size=(32, 32, 3)).astype("uint8")
    >>> vector = generator.add_style("ink", noise)
    >>> folder = keras_comic.export.save_served_model(
    ...     generator, "models/comic/1", warmup_sizes=()
    ... )
    >>> Image.fromarray(noise).save("photo.jpg")
    >>> from keras_comic.serving.beam_transforms import StylizePhotos
    >>> from keras_comic.serving.comic_model_handler import ComicModelHandler
    >>> handler = ComicModelHandler(folder)
    >>> with beam.Pipeline("FnApiRunner") as pipeline:
    ...     photos = pipeline | beam.Create([(b"photo.jpg", b"out/comic.png")])
    ...     made = photos | StylizePhotos(handler, "out")
    >>> os.path.exists("out/comic.png")
    True

    Reference:
        - [Apache Beam, transforms](
          https://beam.apache.org/documentation/programming-guide/#transforms).
    """

    def __init__(self, handler, output):
        super().__init__()
        self._handler = handler
        self._output = output

    def expand(self, photos):
        """Adds the steps.

        Args:
            photos: `PCollection` of pairs of bytes, the paths of a photo and
                its comic.

        Returns:
            Dict of `PCollection`.
        """
        read = photos | "Read" >> beam.FlatMap(_read).with_outputs(
            FAILURES, main=PHOTOS
        )
        written = (
            read[PHOTOS]
            | "Stylize" >> RunInference(KeyedModelHandler(self._handler))
            | "Write"
            >> beam.FlatMap(_write, self._output).with_outputs(
                FAILURES, main=WRITTEN
            )
        )
        failures = (read[FAILURES], written[FAILURES])
        return {
            WRITTEN: written[WRITTEN],
            FAILURES: failures | "Failures" >> beam.Flatten(),
        }


class WriteReport(beam.PTransform):
    """Writes the table of failures, and how many photos became what."""

    def __init__(self, output):
        super().__init__()
        self._output = output

    def expand(self, outcomes):
        """Adds the steps."""
        counts = [
            beam.pvalue.AsSingleton(
                outcomes[name]
                | f"Count {name}" >> beam.combiners.Count.Globally()
            )
            for name in (WRITTEN, SKIPPED, FAILURES)
        ]
        failures = beam.pvalue.AsIter(outcomes[FAILURES])
        return (
            outcomes[WRITTEN].pipeline
            | "One" >> beam.Create([self._output], reshuffle=False)
            | "Report" >> beam.Map(_write_report, failures, *counts)
        )


def path_of(text):
    """A path that is opened as a `pathlib.Path` is."""
    return paths.path_of(os.fsdecode(text))


def _list_photos(source, below, output):
    """Yields names without suffix, each with the path and the suffix."""
    name = source.rstrip("/").rpartition("/")[2]
    prefix = f"{name}/" if below and not _is_file(source) else ""
    for path, name in _list_images(source):
        if not path.startswith(f"{output}/"):
            stem, suffix = os.path.splitext(prefix + name)
            # As bytes: Beam refuses names that are not Unicode.
            yield os.fsencode(stem), (os.fsencode(path), os.fsencode(suffix))


def _list_images(source):
    """Lists paths and names in a folder; none if there is no such."""
    try:
        if is_url(source):
            return [
                (str(found.path), found.name)
                for found in list_url(source, "photos", "train")
                if not is_video(found.path)
            ]
        if _is_file(source):
            return [(source, os.path.basename(source))]
        return [
            (str(path), path.relative_to(source).as_posix())
            for path in list_images(source)
        ]
    except (FileNotFoundError, ValueError):
        return []


def _is_file(source):
    return path_of(source).is_file()


def _name_comics(grouped):
    """Yields the names of comics, each with the photo's path."""
    stem, photos = grouped
    photos = sorted(set(photos))
    for path, suffix in photos:
        name = stem + suffix if len(photos) > 1 else stem
        yield name + os.fsencode(COMIC_SUFFIX), path


def _list_comics(output):
    for _, name in _list_images(output):
        if name.endswith(COMIC_SUFFIX):
            yield os.fsencode(name), b""


def _choose(joined, output):
    name, groups = joined
    paths = sorted(groups["paths"])
    if not paths:
        # The photo is no longer there.
        return
    target = os.fsencode(output) + b"/" + name
    for path in paths[1:]:
        reason = f"The comic of {os.fsdecode(paths[0])} has the same name."
        yield _failure(path, target, reason)
    if list(groups["done"]):
        Metrics.counter(NAMESPACE, "comics_skipped").inc()
        yield TaggedOutput(SKIPPED, target)
    else:
        yield paths[0], target


def _read(pair):
    """Yields the pair of a photo, with the photo's bytes."""
    path, _ = pair
    try:
        contents = _read_bytes(path)
        if len(contents) > MAX_FILE_BYTES:
            raise OSError(f"The file has more than {MAX_FILE_BYTES} bytes.")
        # Whoever decodes what is no image says what is wrong with it.
        with contextlib.suppress(ImageError):
            if is_animated(contents):
                raise OSError(MOVES)
    except OSError as error:
        yield _failure(*pair, " ".join(str(error).split()))
    else:
        Metrics.counter(NAMESPACE, "photos_read").inc()
        Metrics.distribution(NAMESPACE, "photo_bytes").update(len(contents))
        yield pair, contents


def _is_passing(error):
    """Returns `True` if the next try may go better."""
    lasting = (FileNotFoundError, PermissionError, IsADirectoryError)
    return isinstance(error, OSError) and not isinstance(error, lasting)


@with_exponential_backoff(
    num_retries=2, initial_delay_secs=1.0, retry_filter=_is_passing
)
def _read_bytes(path):
    with path_of(path).open("rb") as file:
        return file.read(MAX_FILE_BYTES + 1)


def _write(prediction, output):
    pair, (_, result, _) = prediction
    if result.error is not None:
        yield _failure(*pair, result.error)
        return
    _, target = pair
    paths.write_whole(path_of(target), result.comic_bytes)
    Metrics.counter(NAMESPACE, "comics_written").inc()
    yield target


def _failure(path, target, reason):
    """A line of the table."""
    Metrics.counter(NAMESPACE, "photos_failed").inc()
    row = {
        "photo": os.fsdecode(path),
        "comic": os.fsdecode(target),
        "reason": reason,
    }
    return TaggedOutput(FAILURES, json.dumps(row))


def _write_report(output, failures, *counts):
    folder = path_of(output)
    text = "".join(f"{line}\n" for line in sorted(failures))
    paths.write_whole(folder / FAILURES_FILE, text.encode("ascii"))
    report = dict(zip((WRITTEN, SKIPPED, "failed"), counts, strict=True))
    text = json.dumps(report) + "\n"
    paths.write_whole(folder / REPORT_FILE, text.encode("ascii"))
