"""Tables that tell the source, licence and label of files."""

import csv
import json
from pathlib import Path

from keras_comic.data.paths import is_url


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
