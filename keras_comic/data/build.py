"""Building TFRecords: from any sources to shards, interrupted or not."""

import collections
import contextlib
import hashlib
import importlib.metadata
import json
import os
import re
import shutil
from pathlib import Path
from pathlib import PurePosixPath

from keras_comic.data.chunks import chunk_paths
from keras_comic.data.chunks import load_chunk
from keras_comic.data.chunks import make_chunks
from keras_comic.data.chunks import split_into_chunks
from keras_comic.data.chunks import write_json
from keras_comic.data.clip_record_maker import ClipRecordMaker
from keras_comic.data.image_record_maker import ImageRecordMaker
from keras_comic.data.pair_record_maker import PairRecordMaker
from keras_comic.data.record_maker import FAILURES
from keras_comic.data.record_maker import Drop
from keras_comic.data.record_maker import RecordMaker
from keras_comic.data.record_plan import FRAME_BYTES
from keras_comic.data.record_plan import plan_shards
from keras_comic.data.record_plan import shard_names
from keras_comic.data.record_statistics import save_statistics_page
from keras_comic.data.record_statistics import summarize
from keras_comic.data.sources import choose_split
from keras_comic.data.sources import list_sources
from keras_comic.data.tfrecord import INSTALLING
from keras_comic.data.tfrecord import KINDS
from keras_comic.data.tfrecord import SCHEMA_VERSION
from keras_comic.data.tfrecord import check_kind

SHARD_BYTES = 128 * 2**20
MANIFEST_VERSION = 1
KEY_FILE = "key.txt"
MAX_OPEN_FILES = 64
# Packages whose versions may change the records.
_PACKAGES = (
    "av",
    "imagehash",
    "keras-comic",
    "numpy",
    "opencv-python-headless",
    "pillow",
    "scenedetect-headless",
    "scikit-image",
    "scipy",
)


class WrittenRecords(
    collections.namedtuple("WrittenRecords", "shards counts drops conversions")
):
    """What `write_records` gives back."""

    @property
    def failures(self):
        """List of `(path, reason)` of the files that could not be read."""
        return [(d.path, d.reason) for d in self.drops if d.rule in FAILURES]


def write_records(
    sources,
    output,
    maker,
    split="train",
    eval_fraction=0.0,
    num_shards=None,
    shard_bytes=SHARD_BYTES,
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
    replaced. Beside them lie `<split>.manifest.json`, with every shard's
    checksum, the counts and what was left out and why, and
    `<split>.statistics.png`. A call whose shards are there already, from the
    same sources, makes nothing.

    Args:
        sources: String, path, or a list of them, or a dict of labels to
            them: folders (searched with their sub-folders), patterns such as
            `"books/*/plates/*.jpg"`, images, videos, or manifests (`.csv`,
            `.json`, `.jsonl`; see `read_manifest`). The label of a record is
            what `image_label` says.
        output: String or path. The folder for the shards; it is created.
        maker: What the records are: an `ImageRecordMaker`, `PairRecordMaker`
            or `ClipRecordMaker`, or the name of a kind, `"photos"`,
            `"comics"`, `"pairs"` or `"clips"`, for one with its defaults.
        split: String of letters, digits and `_`. Defaults to `"train"`.
        eval_fraction: Float in `[0, 1]`. The part of the sources, chosen by
            their names, that goes into the split `eval` instead of `train`.
            Defaults to `0.0`.
        num_shards: Integer or `None`. Defaults to `None`: by size.
        shard_bytes: Integer. The size that a shard is filled up to, bytes.
            Defaults to 128 MiB.
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
        list of `(path, rule, reason, thumbnail)` of what was left out;
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
    maker = make_maker(maker)
    check_split(split)
    check_positive(
        num_shards=num_shards, shard_bytes=shard_bytes, num_workers=num_workers
    )
    output = Path(output)
    listed = list_all(sources, maker.kind, split, eval_fraction, manifest)
    listed = _leave_out_records(listed, output)
    key = key_of(maker, listed)
    build_key = digest_of([key, num_shards, shard_bytes])
    work = output / f".{split}.build"
    done = load_build(output, split, listed, build_key)
    if done is not None:
        _remove_remains(work, key)
        return done

    output.mkdir(parents=True, exist_ok=True)
    with only_build(work):
        _prepare(work, key)
        chunks = split_into_chunks(listed)
        make_chunks(maker, chunks, work, num_workers, progress)
        results = [load_chunk(work, number) for number in range(len(chunks))]
        try:
            splits, drops = write_build(
                maker,
                results,
                work,
                num_shards,
                shard_bytes,
                build_key,
                _shard_writer(results, work),
            )
        except NothingLeftError:
            discard_build(work)
            raise
        written = install_build(work, output, splits, drops)
        _remove_build(work)
    return written


class NothingLeftError(ValueError):
    """Not one record could be made of what was given."""


def make_maker(maker):
    """The maker of a kind, where only the kind is given."""
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
    if maker == "clips":
        return ClipRecordMaker()
    return ImageRecordMaker(maker)


def check_split(split):
    """Checks a split's name."""
    if not re.fullmatch(r"\w+", str(split)):
        raise ValueError(
            "`split` must be a word of letters, digits and `_`. "
            f"Received: split={split}"
        )


def check_positive(**values):
    """Checks integers."""
    for name, value in values.items():
        if value is not None and not value > 0:
            raise ValueError(
                f"`{name}` must be a positive integer. Received: {name}={value}"
            )


def list_all(sources, kind, split, eval_fraction, manifest, list_url=None):
    """Lists the sources of a build, each with the split it goes to."""
    if not 0 <= eval_fraction <= 1:
        raise ValueError(
            "`eval_fraction` must lie in [0, 1]. "
            f"Received: eval_fraction={eval_fraction}"
        )
    listed = [
        source._replace(split=choose_split(source, eval_fraction))
        for source in list_sources(sources, kind, split, manifest, list_url)
    ]
    for name in {source.split for source in listed}:
        check_split(name)
    return listed


def _leave_out_records(listed, output):
    """Leaves out pictures of the folder of the records, as of a preview."""
    output, kept = Path(os.path.abspath(output)), []
    for source in listed:
        parents = Path(os.path.abspath(source.path)).parents
        depth = len(PurePosixPath(source.name).parts)
        if output not in parents or parents[depth - 1] not in output.parents:
            kept.append(source)
    if not kept:
        raise ValueError(
            f"There are only pictures of records. Received: output={output}"
        )
    return kept


def write_build(
    maker, results, folder, num_shards, shard_bytes, build_key, write_shard
):
    """Plans the shards, has them written, and describes them."""
    facts = [fact for result in results for fact in result.facts]
    drops = [drop for result in results for drop in result.drops]
    plan = plan_shards(facts, maker.rules, num_shards, shard_bytes)
    drops = [*drops, *plan.drops]
    if not plan.shards:
        if not drops:
            raise NothingLeftError("The sources hold no picture.")
        raise NothingLeftError(
            f"None of the {len(drops)} images could be used. The first, "
            f"{drops[0].path}: {drops[0].rule}: {drops[0].reason}"
        )
    conversions = collections.Counter()
    for result in results:
        conversions.update(result.conversions)
    common = {
        "build_key": build_key,
        "splits": sorted(plan.shards),
        "conversions": dict(sorted(conversions.items())),
        "drops": [[str(part) for part in drop[:3]] for drop in drops],
    }
    for split, shards in plan.shards.items():
        entries, kept = [], []
        names = shard_names(split, len(shards))
        for place, (name, numbers) in enumerate(zip(names, shards)):
            known = [facts[number] for number in numbers]
            size, sha256 = write_shard(split, place, name, known, numbers)
            entries.append(
                {
                    "name": name,
                    "bytes": size,
                    "sha256": sha256,
                    "records": len(known),
                    "lengths": [fact["length"] for fact in known],
                    "labels": [fact["label"] for fact in known],
                }
            )
            kept.extend(known)
        save_statistics_page(folder / f"{split}.statistics.png", kept, drops)
        content = {**make_manifest(maker, split, entries, kept), **common}
        write_json(folder / f"{split}.manifest.json", content)
    return sorted(plan.shards), drops


def _shard_writer(results, work):
    """What joins records of the chunks into shards."""
    places = _places(results, work)

    def write_shard(split, place, name, known, numbers):
        return _join_records(work / name, [places[n] for n in numbers])

    return write_shard


def _places(results, work):
    """For each record, the chunk's file and where in it the record is."""
    places = []
    for number, result in enumerate(results):
        path, start = chunk_paths(work, number)[0], 0
        for fact in result.facts:
            length = fact["length"] + FRAME_BYTES
            places.append((path, start, length))
            start += length
    return places


def _join_records(path, places):
    """Joins records of the chunks, each with its checksums, into a shard."""
    digest, size = hashlib.sha256(), 0
    part = path.with_suffix(".part")
    with open(part, "wb") as shard, contextlib.ExitStack() as opened:
        chunks = collections.OrderedDict()
        for chunk, start, length in places:
            if chunk not in chunks:
                if len(chunks) == MAX_OPEN_FILES:
                    chunks.popitem(last=False)[1].close()
                chunks[chunk] = opened.enter_context(open(chunk, "rb"))
            chunks[chunk].seek(start)
            framed = chunks[chunk].read(length)
            if len(framed) != length:
                raise OSError(
                    "A file of the build is broken; delete the folder and "
                    f"build again. Received: {chunk}"
                )
            shard.write(framed)
            digest.update(framed)
            size += length
        shard.flush()
        os.fsync(shard.fileno())
    os.replace(part, path)
    return size, digest.hexdigest()


def install_build(work, output, splits, drops):
    """Moves what is finished to its place, and removes what it replaces."""
    # From here on until the folder is gone, the shards are not one set.
    (work / INSTALLING).touch()
    shards, counts = [], collections.Counter()
    for split in splits:
        (output / f"{split}.manifest.json").unlink(missing_ok=True)
        manifest = work / f"{split}.manifest.json"
        content = json.loads(manifest.read_text(encoding="ascii"))
        names = [entry["name"] for entry in content["shards"]]
        for old in sorted(output.iterdir()):
            if _is_shard(old.name, split) and old.name not in names:
                old.unlink()
        for name in names:
            (work / name).replace(output / name)
            shards.append(output / name)
        page = content["statistics_page"]
        (work / page).replace(output / page)
        manifest.replace(output / manifest.name)
        counts.update(content["counts"])
    return WrittenRecords(shards, dict(counts), drops, content["conversions"])


def _is_shard(name, split):
    return re.fullmatch(rf"{split}-\d{{5}}-of-\d{{5}}\.tfrecord", name)


def make_manifest(maker, split, entries, kept):
    """What a split's manifest says of its shards and records."""
    labels = sorted({fact["label"] for fact in kept})
    places = {label: place for place, label in enumerate(labels)}
    return {
        "format_version": MANIFEST_VERSION,
        "schema_version": SCHEMA_VERSION,
        "kind": maker.kind,
        "split": split,
        "labels": labels,
        "counts": dict(
            sorted(collections.Counter(f["label"] for f in kept).items())
        ),
        "licenses": dict(
            sorted(collections.Counter(f["license"] for f in kept).items())
        ),
        "maker": maker.get_config(),
        "statistics": summarize(kept),
        "statistics_page": f"{split}.statistics.png",
        "shards": [
            {**entry, "labels": [places[label] for label in entry["labels"]]}
            for entry in entries
        ],
    }


def discard_build(work):
    """Removes a build that is not finished."""
    marked = False
    for path in list(work.iterdir()):
        if path.name == INSTALLING:
            marked = True
        else:
            path.unlink()
    if not marked:
        work.rmdir()


def _remove_build(work):
    """Removes the folder of a finished build."""
    (work / INSTALLING).unlink(missing_ok=True)
    (work / KEY_FILE).unlink(missing_ok=True)
    shutil.rmtree(work)


def _remove_remains(work, key):
    """Removes what is left where `_remove_build` was interrupted."""
    # Another build may be at work.
    if work.is_dir() or _lock_of(work).exists():
        with contextlib.suppress(ValueError), only_build(work):
            if work.is_dir() and _read_key(work) in (None, key):
                _remove_build(work)


def _read_key(work):
    note = work / KEY_FILE
    return note.read_text(encoding="ascii") if note.is_file() else None


def _prepare(work, key):
    """Makes the folder of a build, empty unless it is of the same build."""
    note = work / KEY_FILE
    if work.is_dir():
        if _read_key(work) != key:
            discard_build(work)
        else:
            for part in work.glob("*.part"):
                part.unlink(missing_ok=True)
    if not note.is_file():
        work.mkdir(exist_ok=True)
        part = note.with_suffix(".part")
        part.write_text(key, encoding="ascii")
        os.replace(part, note)


def _lock_of(work):
    return work.with_name(f"{work.name}.lock")


@contextlib.contextmanager
def only_build(work):
    """Keeps a second build out of the same folder."""
    try:
        import fcntl
    except ImportError:  # Not on Windows.
        yield
        return
    path = _lock_of(work)
    with contextlib.ExitStack() as stack:
        lock = stack.enter_context(open(path, "w"))
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Who had it before may have removed it meanwhile.
            alone = os.path.samestat(os.fstat(lock.fileno()), os.stat(path))
        except OSError:
            alone = False
        if not alone:
            raise ValueError(
                "Another build is writing the same records. "
                f"Received: output={work.parent}"
            )
        stack.callback(path.unlink, missing_ok=True)
        yield


def load_build(output, split, listed, build_key):
    """What an earlier, finished build of the same records gave."""
    # A split that all was left out of has no manifest.
    candidates = sorted({split, *(source.split for source in listed)})
    manifests = [_load_manifest(output, name, build_key) for name in candidates]
    first = next((found for found in manifests if found is not None), None)
    if first is None or (output / f".{split}.build" / INSTALLING).exists():
        return None
    shards, counts = [], collections.Counter()
    for name in first["splits"]:
        manifest = _load_manifest(output, name, build_key)
        if manifest is None:
            return None
        for entry in manifest["shards"]:
            path = output / entry["name"]
            if not path.is_file() or path.stat().st_size != entry["bytes"]:
                return None
            shards.append(path)
        counts.update(manifest["counts"])
    drops = [Drop(*drop, None) for drop in first["drops"]]
    return WrittenRecords(shards, dict(counts), drops, first["conversions"])


def _load_manifest(output, split, build_key):
    """The manifest of a split, or `None` if it is none of that build."""
    try:
        text = (output / f"{split}.manifest.json").read_text(encoding="ascii")
        manifest = json.loads(text)
        return manifest if manifest["build_key"] == build_key else None
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def key_of(maker, listed):
    """Tells apart builds that do not make the same records."""
    files = []
    for source in listed:
        paths = [source.path, *filter(None, [source.comic])]
        if source.path.is_dir():
            paths = sorted(source.path.iterdir())
        stats = [(str(path), *_stat(path)) for path in paths]
        files.append([*map(str, source[1:6]), stats])
    versions = []
    for name in _PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions.append([name, importlib.metadata.version(name)])
    return digest_of([SCHEMA_VERSION, maker.get_config(), versions, files])


def _stat(path):
    try:
        stat = path.stat()
    except OSError:
        return None, None
    return stat.st_size, stat.st_mtime_ns


def digest_of(content):
    """SHA-256 of what JSON can hold."""
    return hashlib.sha256(json.dumps(content).encode("ascii")).hexdigest()
