"""Building TFRecords as an Apache Beam pipeline, on one machine or many."""

import collections
import functools
import hashlib
import json
import operator
import shutil
import tempfile
import uuid
from pathlib import Path

from keras_comic.data.build import SHARD_BYTES
from keras_comic.data.build import check_positive
from keras_comic.data.build import check_split
from keras_comic.data.build import digest_of
from keras_comic.data.build import discard_build
from keras_comic.data.build import install_build
from keras_comic.data.build import key_of
from keras_comic.data.build import list_all
from keras_comic.data.build import load_build
from keras_comic.data.build import make_maker
from keras_comic.data.build import only_build
from keras_comic.data.build import write_build
from keras_comic.data.chunks import ChunkResult
from keras_comic.data.chunks import result_from_json
from keras_comic.data.chunks import result_to_json
from keras_comic.data.framing import frame_record
from keras_comic.data.paths import is_url
from keras_comic.data.record_plan import FRAME_BYTES
from keras_comic.data.record_plan import plan_shards
from keras_comic.data.remote_path import RemotePath
from keras_comic.data.remote_path import list_url
from keras_comic.data.remote_path import local_copy
from keras_comic.data.tfrecord import INSTALLING

# Beam's own choice would first fetch a program, Prism, from the network.
_RUNNER = "FnApiRunner"
_REPORT = "report.jsonl"
# What the pipeline's first step gives.
_RECORD = "record"
_OUTCOME = "outcome"


def write_records_with_beam(
    sources,
    output,
    maker,
    split="train",
    eval_fraction=0.0,
    num_shards=None,
    shard_bytes=SHARD_BYTES,
    manifest=None,
    options=None,
):
    """Writes the shards of `write_records` as an Apache Beam pipeline.

    The same arguments give the same files, shards and manifests, byte for
    byte, so that either builder finds the other's work done. What is to be
    read is listed where this is called, and what is made is moved to its
    place there too; workers make the records, leave out duplicates, bring the
    records of each shard together and write it. So a worker must have memory
    for a shard, and for what is known of all records, about 1 kB each. An
    interrupted build starts anew: within a run, the runner repeats what fails.
    A file that ends the process which reads it ends the pipeline;
    `write_records` leaves it out.

    Workers on other machines need this package and what it needs in the same
    versions as here, and see the same files:
    `sources` and `output` either lie on a file system that every one of them
    mounts at the same absolute path, or are URLs of a file system that Beam
    knows, such as `gs://bucket/books` (with `apache-beam[gcp]`) or `s3://...`
    (`apache-beam[aws]`). Of files at URLs, photos, comics and clips of videos
    can be made; each is copied to the worker that reads it. A manifest is a
    local file, and may tell of URLs.

    Args:
        sources: As in `write_records`, and URLs of folders, files, or
            patterns, in which `**` stands for any characters.
        output: String or path. The folder for the shards, or its URL.
        maker: As in `write_records`.
        split: String of letters, digits and `_`. Defaults to `"train"`.
        eval_fraction: Float in `[0, 1]`. Defaults to `0.0`.
        num_shards: Integer or `None`. Defaults to `None`: by size.
        shard_bytes: Integer. The size that a shard is filled up to, bytes.
            Defaults to 128 MiB.
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

    Example:

    >>> import os
    >>> from PIL import Image
    >>> os.mkdir("ink")
    >>> noise = np.random.randint(256, size=(32, 32, 3)).astype("uint8")
    >>> Image.fromarray(noise).save("ink/noise.png")
    >>> written = keras_comic.data.write_records_with_beam(
    ...     "ink", "records", "comics"
    ... )
    >>> written.counts
    {'ink': 1}
    """
    options = make_options(options, "use `write_records`")
    maker = make_maker(maker)
    check_split(split)
    check_positive(num_shards=num_shards, shard_bytes=shard_bytes)
    listed = list_all(
        sources, maker.kind, split, eval_fraction, manifest, list_url
    )
    output = RemotePath(output) if is_url(output) else Path(output)
    build_key = digest_of([key_of(maker, listed), num_shards, shard_bytes])
    done = load_build(output, split, listed, build_key)
    if done is not None:
        return done

    output.mkdir(parents=True, exist_ok=True)
    work = output / f".{split}.build"
    build = functools.partial(
        _build, maker, listed, num_shards, shard_bytes, build_key, options
    )
    if isinstance(output, RemotePath):
        return build(work)
    with only_build(work):
        return build(work)


def _build(maker, listed, num_shards, shard_bytes, build_key, options, work):
    # Nothing is kept of an earlier build that was interrupted.
    work.mkdir(exist_ok=True)
    discard_build(work)
    work.mkdir(exist_ok=True)
    try:
        results, shards = _run_pipeline(
            maker, listed, num_shards, shard_bytes, options, work
        )

        def write_shard(split, place, name, known, numbers):
            # The pipeline has written it already, by the same plan.
            part, size, sha256 = shards.get(
                _shard_key(split, place), ("", 0, "")
            )
            if size != sum(fact["length"] + FRAME_BYTES for fact in known):
                raise RuntimeError(
                    "The workers have other versions of the packages than "
                    f"this process. Received: {name}"
                )
            (work / part).replace(work / name)
            return size, sha256

        with tempfile.TemporaryDirectory() as folder:
            splits, drops = write_build(
                maker,
                results,
                Path(folder),
                num_shards,
                shard_bytes,
                build_key,
                write_shard,
            )
            for path in sorted(Path(folder).iterdir()):
                _copy(path, work / path.name)
    except BaseException:
        discard_build(work)
        raise
    written = install_build(work, work.parent, splits, drops)
    (work / INSTALLING).unlink()
    discard_build(work)
    return written


def _run_pipeline(maker, listed, num_shards, shard_bytes, options, work):
    """Makes the records and writes the shards, under temporary names."""
    import apache_beam as beam

    # Workers may be elsewhere.
    folder = work if isinstance(work, RemotePath) else work.absolute()
    with beam.Pipeline(options=options) as pipeline:
        made = (
            pipeline
            | "List" >> beam.Create(list(enumerate(listed)))
            | "Share" >> beam.Reshuffle()
            | "Make"
            >> beam.FlatMap(_make_records, maker).with_outputs(
                _OUTCOME, main=_RECORD
            )
        )
        one = pipeline | "One" >> beam.Create([None])
        plan = one | "Plan" >> beam.Map(
            _plan,
            beam.pvalue.AsIter(made[_OUTCOME] | "Facts" >> beam.Map(_facts_of)),
            maker.rules,
            num_shards,
            shard_bytes,
        )
        shards = (
            made[_RECORD]
            | "Assign" >> beam.FlatMap(_assign, beam.pvalue.AsSingleton(plan))
            | "Gather" >> beam.GroupByKey()
            | "Write" >> beam.Map(_write_shard, folder)
        )
        lines = (made[_OUTCOME], shards) | "Join" >> beam.Flatten()
        _ = one | "Report" >> beam.Map(
            _write_report, beam.pvalue.AsIter(lines), folder
        )
    return _read_report(work)


def _make_records(numbered, maker):
    """The records of a source and, last, what is known of them."""
    from apache_beam.pvalue import TaggedOutput

    number, source = numbered
    facts, drops, conversions = [], [], collections.Counter()
    with local_copy(source) as local:
        for place, record in enumerate(
            maker.iterate(local, drops, conversions)
        ):
            known = {"length": len(record.data), "place": place}
            facts.append({**record.facts, **known, "path": str(source.path)})
            yield (number, place), record.data
        drops = [
            drop._replace(
                path=drop.path.replace(str(local.path), str(source.path)),
                reason=drop.reason.replace(str(local.path), str(source.path)),
            )
            for drop in drops
        ]
    result = ChunkResult(facts, drops, dict(conversions))
    line = json.dumps([number, result_to_json(result)])
    yield TaggedOutput(_OUTCOME, line)


def _facts_of(line):
    # In ASCII: Beam refuses names of files that are not Unicode.
    number, result = json.loads(line)
    return json.dumps([number, result["facts"]])


def _plan(_, lines, rules, num_shards, shard_bytes):
    """Dict of numbers of source and record to a shard and the place in it."""
    numbered = sorted(map(json.loads, lines), key=operator.itemgetter(0))
    known = [(number, fact) for number, facts in numbered for fact in facts]
    facts = [fact for _, fact in known]
    try:
        plan = plan_shards(facts, rules, num_shards, shard_bytes)
    except ValueError:
        # It is planned again where it can be said.
        return {}
    places = {}
    for split, shards in plan.shards.items():
        for shard, numbers in enumerate(shards):
            for place, number in enumerate(numbers):
                source, fact = known[number]
                where = _shard_key(split, shard), place
                places[source, fact["place"]] = where
    return places


def _assign(record, places):
    """A record with its shard and its place; nothing if it is left out."""
    numbers, data = record
    if numbers in places:
        shard, place = places[numbers]
        yield shard, (place, data)


def _write_shard(gathered, folder):
    """Writes a shard under a name of its own: it may be tried repeatedly."""
    shard, records = gathered
    digest, size = hashlib.sha256(), 0
    name = f"{shard}.{uuid.uuid4().hex}.part"
    with (folder / name).open("wb") as file:
        for _, data in sorted(records, key=operator.itemgetter(0)):
            framed = frame_record(data)
            file.write(framed)
            digest.update(framed)
            size += len(framed)
    return json.dumps([shard, [name, size, digest.hexdigest()]])


def _write_report(_, lines, folder):
    part = folder / f"{uuid.uuid4().hex}.part"
    with part.open("wb") as file:
        for line in lines:
            file.write(line.encode("ascii") + b"\n")
    part.replace(folder / _REPORT)


def _read_report(work):
    results, shards = {}, {}
    with (work / _REPORT).open("rb") as file:
        for line in file:
            key, content = json.loads(line)
            if isinstance(key, str):
                shards[key] = content
            else:
                results[key] = result_from_json(content)
    return [results[number] for number in sorted(results)], shards


def _shard_key(split, place):
    return f"{split}-{place:05d}"


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


def _copy(path, target):
    if isinstance(target, RemotePath):
        target.upload(path)
    else:
        shutil.copyfile(path, target)
