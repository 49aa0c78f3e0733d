"""What records are built from: folders, patterns, files and manifests."""

import collections
import csv
import glob
import hashlib
import json
import os
from pathlib import Path

from keras_comic.data.image_folders import image_label
from keras_comic.data.image_formats import SUFFIXES
from keras_comic.data.video_frames import VIDEO_SUFFIXES

MANIFEST_SUFFIXES = (".csv", ".json", ".jsonl")

# One file, or one pair of files, that records are made from. `path` and
# `comic` (of a pair, else `None`) are `Path`s, the rest strings.
Source = collections.namedtuple(
    "Source",
    "path name label split source license comic",
    defaults=("", "", None),
)


def list_sources(sources, kind, split="train", manifest=None, list_url=None):
    """Lists what records are made from, in the order that they will have."""
    if isinstance(sources, dict):
        entries = [(str(label), entry) for label, entry in sources.items()]
    elif isinstance(sources, (list, tuple)):
        entries = [(None, entry) for entry in sources]
    else:
        entries = [(None, sources)]
    if not entries:
        raise ValueError(
            f"`sources` must name a folder. Received: sources={sources}"
        )
    found = [
        source if label is None else source._replace(label=label)
        for label, entry in entries
        for source in _list_entry(os.fspath(entry), kind, split, list_url)
    ]
    if manifest is None:
        return found
    rows = {_key(row["file"]): row for row in read_manifest(manifest)}
    if rows and rows.keys().isdisjoint(_key(source.path) for source in found):
        raise ValueError(
            "The manifest tells of none of the sources; its column file must "
            "hold paths below its own folder. "
            f"Received: manifest={manifest}, which begins with "
            f"{next(iter(rows))}"
        )
    return [_complete(source, rows.get(_key(source.path))) for source in found]


def read_manifest(manifest):
    """Reads what is known of files.

    Args:
        manifest: String or path of a table: `.csv`, `.json` (a list of
            objects) or `.jsonl` (an object a line), in UTF-8. Its column
            `file` is a path below the table's folder, or a URL; others may be
            `source`, `license` (or `licence`), `label`, `split` and, for
            pairs, `comic`, a path as well. Further columns are left alone.

    Returns:
        List of dicts of strings with the columns above; `file` and `comic`
        are `Path`s (or strings, where they are URLs), and `license` is
        spelled so.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not such a table.

    Example:

    >>> with open("list.csv", "w") as file:
    ...     written = file.write("file,licence\\nink/a.png,CC0\\n")
    >>> keras_comic.data.read_manifest("list.csv")[0]["license"]
    'CC0'
    """
    manifest = Path(manifest)
    if not manifest.is_file():
        raise FileNotFoundError(
            f"There is no such file. Received: manifest={manifest}"
        )
    try:
        with open(manifest, newline="", encoding="utf-8-sig") as file:
            if manifest.suffix == ".jsonl":
                rows = [json.loads(line) for line in file if line.strip()]
            elif manifest.suffix == ".json":
                rows = json.load(file)
            else:
                table = csv.DictReader(file)
                rows = list(table)
                _check_columns(table.fieldnames or [], manifest)
    except (UnicodeDecodeError, csv.Error, json.JSONDecodeError) as error:
        raise ValueError(
            f"The manifest cannot be read: {error}. "
            f"Received: manifest={manifest}"
        ) from error
    if not isinstance(rows, list):
        rows = [rows]
    return [_clean_row(row, manifest) for row in rows]


def _clean_row(row, manifest):
    if not isinstance(row, dict):
        raise ValueError(
            "A JSON manifest must be a list of objects. "
            f"Received: {str(row)[:80]} in {manifest}"
        )
    _check_columns(row, manifest)
    if "licence" in row:
        row["license"] = row.pop("licence")
    columns = ("file", "comic", "source", "license", "label", "split")
    cleaned = {}
    for column in columns:
        value = row.get(column)
        if value is None or value == "":
            continue
        value = str(value)
        _check_text(value, manifest)
        if column in ("file", "comic") and "://" not in value:
            value = manifest.parent / value
        cleaned[column] = value
    if "file" not in cleaned:
        raise ValueError(
            "Every row of a manifest must name a file. "
            f"Received: {row} in {manifest}"
        )
    return cleaned


def _check_columns(columns, manifest):
    if "file" not in columns:
        raise ValueError(
            "A manifest must have the column file, and may have source, "
            "license (or licence), label, split and comic. "
            f"Received: columns {', '.join(map(str, columns))} in {manifest}"
        )


def _check_text(value, manifest):
    try:
        value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        # JSON can hold one half of a pair of surrogates.
        raise ValueError(
            f"A manifest must hold Unicode: {error}. "
            f"Received: {value!a} in {manifest}"
        ) from error


def choose_split(source, eval_fraction):
    """Moves a part of the sources of the split `train` into `eval`."""
    if source.split != "train" or not eval_fraction:
        return source.split
    name = f"{source.label}/{source.name}".encode("utf-8", "surrogateescape")
    number = int.from_bytes(hashlib.sha256(name).digest()[:8], "big")
    return "eval" if number < eval_fraction * 2**64 else "train"


def is_video(path):
    """Whether a file is a video, by its suffix."""
    return os.path.splitext(path)[1].lower() in VIDEO_SUFFIXES


def _list_entry(entry, kind, split, list_url):
    if "://" in entry:
        if list_url is None:
            raise ValueError(
                "Files at URLs are read by `write_records_with_beam`; here "
                f"they must lie on a file system. Received: {entry}"
            )
        return list_url(entry, kind, split)
    path = Path(entry)
    if path.is_dir():
        return _list_folder(path, kind, split)
    if path.is_file():
        if path.suffix.lower() in MANIFEST_SUFFIXES:
            return _list_manifest(path, kind, split)
        return _list_files([path], path.parent, kind, split)
    if glob.has_magic(entry):
        return _list_pattern(entry, kind, split)
    raise FileNotFoundError(
        f"There is no such file or folder. Received: {entry}"
    )


def _list_folder(folder, kind, split):
    if kind == "pairs":
        return _list_pairs(folder, split)
    files = _walk(folder)
    if kind == "clips":
        files = _clips_of(files)
    return _list_files(files, folder, kind, split)


def _list_pattern(pattern, kind, split):
    # Names are relative to the part of the pattern before the first wildcard.
    parts = Path(pattern).parts
    first = next(i for i, part in enumerate(parts) if glob.has_magic(part))
    folder = Path(*parts[:first])
    found = sorted(map(Path, glob.glob(pattern, recursive=True)))
    files = [path for path in found if path.is_file() and _is_wanted(path)]
    for inner in found:
        if inner.is_dir():
            files.extend(_walk(inner))
    files = sorted(dict.fromkeys(files))
    if kind == "clips":
        files = _clips_of(files)
    if not files:
        raise ValueError(
            f"No image or video fits this pattern. Received: {pattern}"
        )
    return _list_files(files, folder, kind, split)


def _list_files(files, folder, kind, split):
    if kind == "pairs":
        raise ValueError(
            "Pairs are made from folders that hold the folders `photos` and "
            "`comics`, or from a manifest with the columns file and comic. "
            f"Received: {folder}"
        )
    sources = [
        Source(
            path,
            path.relative_to(folder).as_posix(),
            image_label(path, folder, split),
            split,
        )
        for path in files
        if kind != "clips" or path.is_dir() or is_video(path)
    ]
    if not sources:
        wanted = "video" if kind == "clips" else "image or video"
        raise ValueError(f"There is no {wanted} here. Received: {folder}")
    return sources


def _list_manifest(manifest, kind, split):
    sources = []
    for row in read_manifest(manifest):
        path = row["file"]
        for value in (path, row.get("comic")):
            if isinstance(value, str):
                raise ValueError(
                    "Files at URLs must be given as sources; a manifest can "
                    f"only tell of them. Received: {value} in {manifest}"
                )
        source = Source(
            path,
            os.path.relpath(path, manifest.parent).replace(os.sep, "/"),
            _manifest_label(path, manifest.parent, split),
            split,
        )
        source = _complete(source, row)
        if kind == "pairs" and source.comic is None:
            raise ValueError(
                "A manifest of pairs must have the column comic. "
                f"Received: {row} in {manifest}"
            )
        sources.append(source)
    if not sources:
        raise ValueError(f"The manifest is empty. Received: {manifest}")
    return sources


def _manifest_label(path, folder, split):
    path = Path(os.path.abspath(path))
    try:
        return image_label(path, os.path.abspath(folder), split)
    except ValueError:
        # It lies elsewhere.
        return path.parent.name


def _list_pairs(folder, split):
    photos, comics = folder / "photos", folder / "comics"
    if not photos.is_dir() or not comics.is_dir():
        raise ValueError(
            "A folder of pairs must hold the folders `photos` and `comics`, "
            f"with files of the same names. Received: {folder}"
        )
    partners, sources, lonely = {}, [], []
    for path in _walk(comics):
        name = path.relative_to(comics).with_suffix("")
        if partners.setdefault(name, path) is not path:
            lonely.append(path)
    for path in _walk(photos):
        name = path.relative_to(photos)
        comic = partners.pop(name.with_suffix(""), None)
        if comic is None:
            lonely.append(path)
            continue
        label = image_label(path, photos, split)
        if len(name.parts) == 1:
            label = Path(os.path.abspath(folder)).name
        sources.append(
            Source(path, f"photos/{name.as_posix()}", label, split, comic=comic)
        )
    lonely.extend(partners.values())
    if lonely:
        raise ValueError(
            f"{len(lonely)} files of a folder of pairs have no partner of the "
            f"same name, {lonely[0]} among them. Received: {folder}"
        )
    if not sources:
        raise ValueError(f"There is no image here. Received: {folder}")
    return sources


def _clips_of(files):
    """Videos, and the folders that hold two images or more."""
    videos = [path for path in files if is_video(path)]
    counts = collections.Counter(
        path.parent for path in files if not is_video(path)
    )
    folders = [folder for folder, count in counts.items() if count > 1]
    return sorted([*videos, *folders])


def _walk(folder):
    paths = []
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        if Path(parent) != folder and any(
            name.endswith(".tfrecord") for name in files
        ):
            # Records, and what was drawn of them.
            folders.clear()
            continue
        found = (Path(parent, name) for name in files)
        paths.extend(path for path in found if _is_wanted(path))
    return sorted(paths, key=lambda path: path.relative_to(folder).parts)


def _is_wanted(path):
    suffix = path.suffix.lower()
    return (
        not path.name.startswith(".")
        and (suffix in SUFFIXES or suffix in VIDEO_SUFFIXES)
        and not _is_statistics_page(path)
    )


def _is_statistics_page(path):
    split, _, rest = path.name.partition(".")
    return rest == "statistics.png" and os.path.exists(
        path.with_name(f"{split}.manifest.json")
    )


def _complete(source, row):
    if row is None:
        return source
    known = {name: row[name] for name in source._fields if name in row}
    return source._replace(**known)


def _key(path):
    return os.path.realpath(path)
