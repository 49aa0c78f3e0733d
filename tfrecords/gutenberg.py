"""Builds records of illustrated books of Project Gutenberg.

    python tfrecords/gutenberg.py FOLDER [OUTPUT]

FOLDER holds the unpacked HTML editions, one folder `<number>-h` (or
`pg<number>-h`) each, with their pictures; any of the books below will do.
They are on the pages `https://www.gutenberg.org/ebooks/<number>` ("Download
HTML (zip)"), 5 to 60 MB each. Download them by hand or from a mirror: the
site asks robots to stay away (https://www.gutenberg.org/policy/robot_access.html).
OUTPUT is `tfrecords/gutenberg` if it is not given.

Licence: public domain in the USA. Elsewhere that depends on the year in which
the artist died. "Project Gutenberg" is a trademark: its licence concerns the
texts with their header, not the pictures alone.
"""  # noqa: E501

import json
import sys
from pathlib import Path

from keras_comic.data import CleaningRules
from keras_comic.data import ImageRecordMaker
from keras_comic.data import ShardLayout
from keras_comic.data import list_images
from keras_comic.data import write_records

# Number: the label, and what the pictures are.
BOOKS = {
    10607: ("wright", "The Real Mother Goose, Blanche Fisher Wright, 1916"),
    24623: ("richardson", "Mother Goose, Frederick Richardson, Volland, 1915"),
    32094: ("neill", "The Patchwork Girl of Oz, John R. Neill, 1913"),
    41667: ("neill", "The Emerald City of Oz, John R. Neill, 1910"),
    43936: ("denslow", "The Wonderful Wizard of Oz, W. W. Denslow, 1900"),
    52176: ("neill", "Tik-Tok of Oz, John R. Neill, 1914"),
}
LICENSE = "Public domain in the USA"


def build(folder, output):
    """Writes the records, says what came out, gives the number of failures."""
    folder, output = Path(folder), Path(output)
    books = {
        book: number
        for number in BOOKS
        for book in (folder / f"{number}-h", folder / f"pg{number}-h")
        if book.is_dir()
    }
    if not books:
        raise FileNotFoundError(
            "The folder must hold unpacked books of Project Gutenberg, such "
            f"as `43936-h`. Received: folder={folder}"
        )
    output.mkdir(parents=True, exist_ok=True)
    manifest = output / "sources.jsonl"
    with open(manifest, "w", encoding="utf-8") as file:
        for book, number in books.items():
            label, title = BOOKS[number]
            source = f"{title}, https://www.gutenberg.org/ebooks/{number}"
            for path in list_images(book):
                row = {
                    "file": str(path.resolve()),
                    "label": label,
                    "source": source,
                    "license": LICENSE,
                }
                file.write(json.dumps(row) + "\n")
    # Ornaments and initials are smaller than illustrations.
    maker = ImageRecordMaker(
        "comics",
        image_size=512,
        rules=CleaningRules(min_side=200),
    )
    written = write_records(
        list(books), output, maker, ShardLayout(eval_fraction=0.05), manifest
    )
    for label, count in sorted(written.counts.items()):
        print(f"{label}, {count} records")
    for path, rule, reason in written.drops:
        print(f"left out: {path}: {rule}: {reason}")
    return len(written.failures)


if __name__ == "__main__":
    if not 2 <= len(sys.argv) <= 3:
        sys.exit(__doc__)
    here = Path(__file__).parent
    sys.exit(bool(build(sys.argv[1], [*sys.argv, here / "gutenberg"][2])))
