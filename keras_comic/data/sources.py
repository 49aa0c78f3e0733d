"""Lists the files that records are made from."""

import collections
import csv
import glob
import hashlib
import json
import os
from pathlib import Path

from keras_comic.data.image_folders import image_label
from keras_comic.data.image_folders import labelled_entries
from keras_comic.data.image_folders import walk_files
from keras_comic.data.media import is_media
from keras_comic.data.media import is_video
from keras_comic.data.paths import is_url
from keras_comic.data.paths import path_of
from keras_comic.data.paths import reached

MANIFEST_SUFFIXES = (".csv", ".json", ".jsonl")

# One file, or one pair of files, that records are made from. `path` and
# `comic` (of a pair, else `None`) are paths, the rest strings.
Source = collections.namedtuple(
    "Source",
    "path name label split source license comic",
    defaults=("", "", None),
)


def list_sources(sources, kind, split="train", manifest=None, list_url=None):
    """Lists what records are made from, in the order that they will have."""
    listed = [
        source if label is None else source._replace(label=label)
        for label, entry in labelled_entries(sources, "sources")
        for source in _list_entry(str(entry), kind, split, list_url)
    ]
    if manifest is None:
        return listed
    rows = {
        os.path.realpath(row["file"]): row for row in read_manifest(manifest)
    }
    paths = [os.path.realpath(str(source.path)) for source in listed]
    if rows and rows.keys().isdisjoint(paths):
        raise ValueError(
            "The manifest tells of none of the sources; its column file must "
            "hold paths below its own folder. "
            f"Received: manifest={manifest}, which begins with "
            f"{next(iter(rows))}"
        )
    return [
        _complete(source, rows.get(path))
        for source, path in zip(listed, paths, strict=True)
    ]


def list_url(url, kind, split):
    """Lists the sources at a URL, as `list_sources` does those of a folder."""
    if kind == "pairs":
        raise ValueError(
            f"Pairs must lie on a file system that is mounted. Received: {url}"
        )
    parts = url.rstrip("/").split("/")
    magic = [
        number for number, part in enumerate(parts) if glob.has_magic(part)
    ]
    folder = path_of("/".join(parts[: magic[0]] if magic else parts))
    with reached(folder):
        if magic:
            pattern = "/".join([folder.path, *parts[magic[0] :]])
            files = folder.fs.glob(pattern)
        else:
            files = folder.fs.find(folder.path)
    if files == [folder.path]:
        folder = folder.parent
    start = len(folder.path.rstrip("/")) + 1
    paths = sorted((folder / file[start:] for file in files), key=_parts)
    return _to_sources(paths, folder, kind, split)


def choose_split(source, eval_fraction):
    """Moves a part of the sources of the split `train` into `eval`."""
    if source.split != "train" or not eval_fraction:
        return source.split
    name = f"{source.label}/{source.name}".encode("utf-8", "surrogateescape")
    number = int.from_bytes(hashlib.sha256(name).digest()[:8], "big")
    return "eval" if number < eval_fraction * 2**64 else "train"


def _parts(path):
    return path.parts


def _list_entry(entry, kind, split, list_url):
    if is_url(entry):
        if list_url is None:
            raise ValueError(
                "Files at URLs are read by `write_records_with_beam`; here "
                f"they must lie on a file system. Received: {entry}"
            )
        return list_url(entry, kind, split)
    path = Path(entry)
    if path.is_dir() and kind == "pairs":
        return _list_pairs(path, split)
    if path.is_dir():
        return _to_sources(_walk(path), path, kind, split)
    if path.is_file():
        if path.suffix.lower() in MANIFEST_SUFFIXES:
            return _list_manifest(path, kind, split)
        return _to_sources([path], path.parent, kind, split)
    if glob.has_magic(entry):
        return _list_pattern(entry, kind, split)
    raise FileNotFoundError(
        f"There is no such file or folder. Received: {entry}"
    )


def _list_pattern(pattern, kind, split):
    # Names are relative to the part of the pattern before the first wildcard.
    parts = Path(pattern).parts
    first = next(i for i, part in enumerate(parts) if glob.has_magic(part))
    paths = []
    for path in map(Path, glob.glob(pattern, recursive=True)):
        paths += _walk(path) if path.is_dir() else [path]
    paths = sorted(filter(_is_wanted, set(paths)))
    if not paths:
        raise ValueError(
            f"No image or video fits this pattern. Received: {pattern}"
        )
    return _to_sources(paths, Path(*parts[:first]), kind, split)


def _to_sources(paths, folder, kind, split):
    """Makes sources of the files of a folder that are wanted of a kind."""
    if kind == "pairs":
        raise ValueError(
            "Pairs are made from folders that hold the folders `photos` and "
            "`comics`, or from a manifest with the columns file and comic. "
            f"Received: {folder}"
        )
    paths = [
        path
        for path in paths
        if _is_wanted(path)
        and not any(
            part.startswith(".") for part in path.relative_to(folder).parts
        )
    ]
    if kind == "clips":
        # Videos, and the folders that hold two images or more.
        videos = set(filter(is_video, paths))
        counts = collections.Counter(
            path.parent for path in paths if path not in videos
        )
        folders = [inner for inner, count in counts.items() if count > 1]
        if is_url(folder):
            folders = []
        paths = sorted([*videos, *folders])
    if not paths:
        wanted = "video" if kind == "clips" else "image or video"
        raise ValueError(f"There is no {wanted} here. Received: {folder}")
    return [
        Source(
            path,
            "/".join(path.relative_to(folder).parts),
            image_label(path, folder, split),
            split,
        )
        for path in paths
    ]


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
        name = os.path.relpath(path, manifest.parent).replace(os.sep, "/")
        if name.startswith("../"):
            label = Path(os.path.abspath(path)).parent.name
        else:
            label = image_label(
                os.path.abspath(path), os.path.abspath(manifest.parent), split
            )
        source = _complete(Source(path, name, label, split), row)
        if kind == "pairs" and source.comic is None:
            raise ValueError(
                "A manifest of pairs must have the column comic. "
                f"Received: {row} in {manifest}"
            )
        sources.append(source)
    if not sources:
        raise ValueError(f"The manifest is empty. Received: {manifest}")
    return sources


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


def _walk(folder):
    """Lists the images and videos below a folder, but not those of records."""
    paths = walk_files(folder)
    records = {path.parent for path in paths if path.suffix == ".tfrecord"}
    records.discard(folder)
    return [
        path
        for path in paths
        if _is_wanted(path) and records.isdisjoint(path.parents)
    ]


def _is_wanted(path):
    return is_media(path) and not path.name.startswith(".")


def _complete(source, row):
    if row is None:
        return source
    known = {name: row[name] for name in source._fields if name in row}
    return source._replace(**known)


def read_manifest(manifest):
    """Reads a table (CSV, JSON or JSONL) that tells of files."""
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
        if column in ("file", "comic") and not is_url(value):
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
