"""Building TFRecords as an Apache Beam pipeline, on one machine or many."""

import contextlib
import json
import tempfile
from pathlib import Path

from keras_comic.data.build import build_records
from keras_comic.data.build_folder import copy_file
from keras_comic.data.chunks import chunk_paths
from keras_comic.data.chunks import make_chunk
from keras_comic.data.paths import is_url
from keras_comic.data.paths import local_file
from keras_comic.data.paths import path_of
from keras_comic.data.sources import list_url

# Beam's own choice would first fetch a program, Prism, from the network.
_RUNNER = "FnApiRunner"


def write_records_with_beam(
    sources, output, maker, layout=None, manifest=None, options=None
):
    """Writes the shards of `write_records` as an Apache Beam pipeline.

    The same arguments give the same files, byte for byte, and either builder
    goes on where the other was interrupted. Workers read, clean and encode
    the sources; what they make lies in the hidden folder of the build until
    all is done. Duplicates are left out, and shards joined, where this is
    called: with an output at a URL, in a temporary folder with room for all
    records. A file that ends the process which reads it ends the pipeline;
    `write_records` leaves it out.

    Workers on other machines need this package and what it needs in the same
    versions as here, and see the same files: `sources` and `output` either
    lie on a file system that every one of them mounts at the same absolute
    path, or are URLs such as `gs://bucket/books`. Of files at URLs, photos,
    comics and clips of videos can be made; each is copied to the worker that
    reads it. A manifest is a local file, and may tell of URLs.

    Args:
        sources: As in `write_records`, and URLs of folders, files, or
            patterns.
        output: String or path. The folder for the shards, or its URL.
        maker: As in `write_records`.
        layout: As in `write_records`. Defaults to `None`.
        manifest: String, path or `None`. Defaults to `None`.
        options: List of strings, such as `["--runner=DataflowRunner", ...]`,
            or `apache_beam.options.pipeline_options.PipelineOptions`. Defaults
            to `None`. Without `--runner`, it is this process that works: the
            direct runner's `FnApiRunner`, which holds all records in memory;
            with `"--direct_running_mode=multi_processing"` and
            `"--direct_num_workers=2"`, it shares the work among processes.

    Returns:
        `WrittenRecords`, as `write_records` gives it; where `output` is a URL,
        its shards are paths of URLs: `str` gives them.

    Raises:
        FileNotFoundError: If a source or the manifest does not exist.
        ImportError: If Apache Beam is not installed.
        RuntimeError: If the pipeline fails.
        ValueError: If an argument is not as above, there is no image, or
            none is left.
    """
    options = make_options(options, "use `write_records`")
    output = path_of(output)

    def make(maker, chunks, work):
        import apache_beam as beam

        # Workers may be elsewhere.
        folder = work if is_url(work) else work.absolute()
        waiting = [
            (number, chunk)
            for number, chunk in enumerate(chunks)
            if not chunk_paths(folder, number)[1].exists()
        ]
        with beam.Pipeline(options=options) as pipeline:
            _ = (
                pipeline
                | "List" >> beam.Create(waiting)
                | "Share" >> beam.Reshuffle()
                | "Make" >> beam.Map(_make_chunk, maker, folder)
            )

    return build_records(
        sources, output, maker, layout, manifest, make, list_url
    )


def _make_chunk(numbered, maker, folder):
    """Makes the files of a chunk, also of sources and in folders at URLs."""
    number, sources = numbered
    paths = chunk_paths(folder, number)
    if not any(is_url(path) for path in (folder, *(s.path for s in sources))):
        make_chunk(maker, sources, paths[0])
        return
    with contextlib.ExitStack() as stack:
        here = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        copies = [
            source._replace(path=stack.enter_context(local_file(source.path)))
            for source in sources
        ]
        records, note = chunk_paths(here, number)
        make_chunk(maker, copies, records)
        text = note.read_text(encoding="ascii")
        for source, copy in zip(sources, copies):
            if copy.path is not source.path:
                old, new = (
                    json.dumps(str(item.path))[1:-1] for item in (copy, source)
                )
                text = text.replace(old, new)
        note.write_text(text, encoding="ascii")
        # The note comes last: it says that the chunk is done.
        for local, path in zip((records, note), paths):
            copy_file(local, path)


def make_options(options, instead):
    """Options of a pipeline; without a runner, those of this process's own."""
    try:
        from apache_beam.io.filesystems import FileSystems
        from apache_beam.options.pipeline_options import PipelineOptions
        from apache_beam.options.pipeline_options import StandardOptions
    except ImportError as error:
        raise ImportError(
            "Apache Beam is not installed: "
            f"`pip install 'keras-comic[beam]'`, or {instead}."
        ) from error
    if not isinstance(options, PipelineOptions):
        # Without a list, Beam would read this program's own arguments.
        options = PipelineOptions(list(options or []))
    standard = options.view_as(StandardOptions)
    if standard.runner is None:
        standard.runner = _RUNNER
    FileSystems.set_options(options)
    return options
