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
    goes on where the other was interrupted. Duplicates are left out, and
    shards joined, where this is called. Workers need this package in the same
    versions as here, and see the same files: `sources` and `output` lie on a
    file system that every one of them mounts at the same absolute path, or are
    URLs such as `gs://bucket/books`. A manifest is a local file.

    Args:
        sources: As in `write_records`, and URLs of folders, files, or
            patterns.
        output: String or path. The folder for the shards, or its URL.
        maker: As in `write_records`.
        layout: As in `write_records`. Defaults to `None`.
        manifest: String, path or `None`. Defaults to `None`.
        options: List of strings, such as `["--runner=DataflowRunner", ...]`,
            or Beam's `PipelineOptions`. Defaults to `None`. Without
            `--runner`, this process does the work, with all records in memory.

    Returns:
        `WrittenRecords`, as `write_records` gives it.

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
