"""Building TFRecords: from any sources to shards, interrupted or not."""

import collections
import hashlib
import os
import re
from pathlib import Path
from pathlib import PurePosixPath

from keras_comic.data.build_folder import digest_of
from keras_comic.data.build_folder import discard_build
from keras_comic.data.build_folder import install_build
from keras_comic.data.build_folder import key_of
from keras_comic.data.build_folder import load_build
from keras_comic.data.build_folder import local_folder
from keras_comic.data.build_folder import only_build
from keras_comic.data.build_folder import prepare_build
from keras_comic.data.build_folder import remove_build
from keras_comic.data.build_folder import remove_remains
from keras_comic.data.chunks import chunk_paths
from keras_comic.data.chunks import load_chunk
from keras_comic.data.chunks import make_chunks
from keras_comic.data.chunks import split_into_chunks
from keras_comic.data.chunks import write_json
from keras_comic.data.clip_record_maker import ClipRecordMaker
from keras_comic.data.framing import FRAME_BYTES
from keras_comic.data.image_record_maker import ImageRecordMaker
from keras_comic.data.pair_record_maker import PairRecordMaker
from keras_comic.data.paths import is_url
from keras_comic.data.paths import whole_file
from keras_comic.data.record_maker import RecordMaker
from keras_comic.data.record_maker import summarize
from keras_comic.data.record_plan import plan_shards
from keras_comic.data.record_plan import shard_names
from keras_comic.data.shard_layout import ShardLayout
from keras_comic.data.sources import choose_split
from keras_comic.data.sources import list_sources
from keras_comic.data.tfrecord import KINDS
from keras_comic.data.tfrecord import SCHEMA_VERSION
from keras_comic.data.tfrecord import check_kind

MANIFEST_VERSION = 1


def write_records(
    sources,
    output,
    maker,
    layout=None,
    manifest=None,
    num_workers=None,
    progress=None,
):
    """Writes images, pages, videos or pairs into TFRecord shards.

    A file that cannot be read is left out and reported. The same sources
    give the same bytes, whatever the number of processes. What is made is
    kept in a hidden folder of `output` until all is done: after an
    interruption, even a kill, the same call goes on where it stopped. Shards
    (`<split>-00003-of-00016.tfrecord`) are written there and moved to their
    names whole; those of the same split that lay in `output` before are
    replaced. Beside them lies `<split>.manifest.json`, with every shard's
    checksum, the counts, and what was left out and why. A call whose shards
    are there already, from the same sources, makes nothing.

    Args:
        sources: String, path, or a list of them, or a dict of labels to
            them: folders, patterns such as `"books/*/plates/*.jpg"`, images,
            videos, or manifests: tables (`.csv`, `.json`, `.jsonl`) with the
            column `file` and any of `source`, `license`, `label`, `split`,
            `comic`. The label of a record is what `image_label` says.
        output: String or path. The folder for the shards; it is created.
        maker: An `ImageRecordMaker`, `PairRecordMaker` or `ClipRecordMaker`,
            or `"photos"`, `"comics"`, `"pairs"` or `"clips"`.
        layout: `ShardLayout` or `None`: into which splits and shards the
            records go. Defaults to `None`: all into `train`, in shards of
            128 MiB.
        manifest: String, path or `None`. A manifest that tells the source,
            licence, label or split of files found otherwise. Defaults to
            `None`.
        num_workers: Integer or `None`. Processes. Defaults to `None`: one for
            each CPU core, where there is enough to do.
        progress: Callable or `None`. Called with the number of sources done
            and the number of all, as they are done. Defaults to `None`.

    Returns:
        `WrittenRecords`, a named tuple: `shards`, the list of paths written;
        `counts`, a dict of the number of records of each label; `drops`, a
        list of `(path, rule, reason)` of what was left out;
        `conversions`, a dict of counts of what was done to pictures. Its
        `failures` is a list of `(path, reason)` of what could not be read.

    Raises:
        FileNotFoundError: If a source or the manifest does not exist.
        ValueError: If an argument is not as above, there is no image, or
            none is left.

    Example:

    >>> import os
    >>> from PIL import Image
    >>> os.mkdir("ink")
    >>> noise = np.random.randint(256, size=(32, 32, 3)).astype("uint8")
    >>> Image.fromarray(noise).save("ink/noise.png")
    >>> written = keras_comic.data.write_records("ink", "records", "comics")
    >>> written.counts
    {'ink': 1}
    >>> written.shards[0].name
    'train-00000-of-00001.tfrecord'
    """
    check_workers(num_workers)

    def make(maker, chunks, work):
        make_chunks(maker, chunks, work, num_workers, progress)

    return build_records(sources, Path(output), maker, layout, manifest, make)


def build_records(
    sources, output, maker, layout, manifest, make, list_url=None
):
    """Builds records; `make(maker, chunks, work)` makes missing chunks."""
    maker, layout = make_maker(maker), layout or ShardLayout()
    listed = list_all(sources, maker.kind, layout, manifest, list_url)
    listed = _leave_out_records(listed, output)
    key = key_of(maker, listed)
    build_key = digest_of([key, layout.num_shards, layout.shard_bytes])
    work = output / f".{layout.split}.build"
    done = load_build(output, layout.split, listed, build_key)
    if done is not None:
        remove_remains(work, key)
        return done

    output.mkdir(parents=True, exist_ok=True)
    with only_build(work):
        prepare_build(work, key)
        chunks = split_into_chunks(listed)
        make(maker, chunks, work)
        with local_folder(work) as folder:
            results = [load_chunk(folder, n) for n in range(len(chunks))]
            try:
                splits, drops = _write_build(
                    maker, results, folder, layout, build_key
                )
            except NothingLeftError:
                discard_build(work)
                raise
        written = install_build(work, output, splits, drops)
        remove_build(work)
    return written


class NothingLeftError(ValueError):
    """Not one record could be made of the sources."""


def make_maker(maker):
    """Makes the maker of a kind, where only the kind is given."""
    if isinstance(maker, RecordMaker):
        return maker
    if not isinstance(maker, str):
        raise TypeError(
            "`maker` must be a record maker or one of "
            f"{', '.join(KINDS)}. Received: maker={maker}"
        )
    check_kind(maker)
    if maker == "pairs":
        return PairRecordMaker()
    return ClipRecordMaker() if maker == "clips" else ImageRecordMaker(maker)


def check_workers(num_workers):
    """Raises an error if a number of processes is not positive."""
    if num_workers is not None and not num_workers > 0:
        raise ValueError(
            "`num_workers` must be a positive integer or None. "
            f"Received: num_workers={num_workers}"
        )


def list_all(sources, kind, layout, manifest, list_url=None):
    """Lists the sources of a build, each with the split it goes to."""
    listed = [
        source._replace(split=choose_split(source, layout.eval_fraction))
        for source in list_sources(
            sources, kind, layout.split, manifest, list_url
        )
    ]
    for name in {source.split for source in listed}:
        if not re.fullmatch(r"\w+", name):
            raise ValueError(
                "The manifest's `split` must be a word of letters, digits "
                f"and `_`. Received: split={name}"
            )
    return listed


def _leave_out_records(listed, output):
    """Leaves out pictures of the folder of the records, as of a preview."""
    if is_url(output):
        return listed
    output, others = Path(os.path.abspath(output)), []
    for source in listed:
        parents = Path(os.path.abspath(source.path)).parents
        depth = len(PurePosixPath(source.name).parts)
        if output not in parents or parents[depth - 1] not in output.parents:
            others.append(source)
    if not others:
        raise ValueError(
            f"There are only pictures of records. Received: output={output}"
        )
    return others


def _write_build(maker, results, folder, layout, build_key):
    """Plans the shards, writes them and describes them."""
    facts = [fact for result in results for fact in result.facts]
    drops = [drop for result in results for drop in result.drops]
    plan = plan_shards(facts, maker.rules, layout)
    drops = [*drops, *plan.drops]
    if not plan.shards:
        if not drops:
            raise NothingLeftError("The sources hold no picture.")
        raise NothingLeftError(
            f"None of the {len(drops)} images could be used. The first, "
            f"{drops[0].path}: {drops[0].rule}: {drops[0].reason}"
        )
    common = {
        "build_key": build_key,
        "splits": sorted(plan.shards),
        "conversions": count_conversions(results),
        "drops": [[str(part) for part in drop] for drop in drops],
    }
    places = _record_places(results, folder)
    for split, shards in plan.shards.items():
        entries, split_facts = [], []
        for name, numbers in zip(shard_names(split, len(shards)), shards):
            shard_facts = [facts[number] for number in numbers]
            size, sha256 = _write_shard(
                folder / name, [places[number] for number in numbers]
            )
            entries.append(
                {
                    "name": name,
                    "bytes": size,
                    "sha256": sha256,
                    "records": len(shard_facts),
                    "lengths": [fact["length"] for fact in shard_facts],
                    "labels": [fact["label"] for fact in shard_facts],
                }
            )
            split_facts.extend(shard_facts)
        content = _make_manifest(maker, split, entries, split_facts)
        write_json(folder / f"{split}.manifest.json", {**content, **common})
    return sorted(plan.shards), drops


def _record_places(results, folder):
    """Returns each record's chunk file, its start and its length, framed."""
    places = []
    for number, result in enumerate(results):
        path, start = chunk_paths(folder, number)[0], 0
        for fact in result.facts:
            length = fact["length"] + FRAME_BYTES
            places.append((path, start, length))
            start += length
    return places


def _write_shard(path, places):
    """Joins records of the chunks, each with its checksums, into a shard."""
    digest, size = hashlib.sha256(), 0
    with whole_file(path) as part, open(part, "wb") as shard:
        for chunk_path, start, length in places:
            with open(chunk_path, "rb") as chunk:
                chunk.seek(start)
                framed = chunk.read(length)
            if len(framed) != length:
                raise OSError(
                    "A file of the build is broken; delete the folder and "
                    f"build again. Received: {chunk_path}"
                )
            shard.write(framed)
            digest.update(framed)
            size += length
        shard.flush()
        os.fsync(shard.fileno())
    return size, digest.hexdigest()


def count_conversions(results):
    """Adds up what was done to the pictures of chunks."""
    conversions = collections.Counter()
    for result in results:
        conversions.update(result.conversions)
    return dict(sorted(conversions.items()))


def _make_manifest(maker, split, entries, facts):
    """Describes the shards and records of a split."""
    labels = sorted({fact["label"] for fact in facts})
    places = {label: place for place, label in enumerate(labels)}

    def count(key):
        counts = collections.Counter(fact[key] for fact in facts)
        return dict(sorted(counts.items()))

    return {
        "format_version": MANIFEST_VERSION,
        "schema_version": SCHEMA_VERSION,
        "kind": maker.kind,
        "split": split,
        "labels": labels,
        "counts": count("label"),
        "licenses": count("license"),
        "maker": maker.get_config(),
        "statistics": summarize(facts),
        "shards": [
            {**entry, "labels": [places[label] for label in entry["labels"]]}
            for entry in entries
        ],
    }
