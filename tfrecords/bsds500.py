"""Builds records of the photos of the Berkeley Segmentation Dataset, BSDS500.

    python tfrecords/bsds500.py FOLDER [OUTPUT]

FOLDER is `BSR`, unpacked from `BSR_bsds500.tgz` (70 MB,
http://www.eecs.berkeley.edu/Research/Projects/CS/vision/grouping/BSR/BSR_bsds500.tgz;
where it does not answer, web.archive.org has it). The images lie in
`BSDS500/data/images`: `train` (200) and `val` (100) become the split `train`,
`test` (200) becomes `eval`. OUTPUT is `tfrecords/bsds500` if it is not given.

Licence: non-commercial research and educational purposes only.
"""  # noqa: E501

import json
import sys
from pathlib import Path

from keras_comic.data import CleaningRules
from keras_comic.data import ImageRecordMaker
from keras_comic.data import list_images
from keras_comic.data import write_records

LICENSE = "Non-commercial research and educational purposes only"
SITE = "https://www2.eecs.berkeley.edu/Research/Projects/CS/vision/bsds/"
SPLITS = {"train": "train", "val": "train", "test": "eval"}


def build(folder, output):
    """Writes the records, says what came out, gives the number of failures."""
    folder, output = Path(folder), Path(output)
    parts = [folder / "BSDS500" / "data" / "images" / name for name in SPLITS]
    if not all(part.is_dir() for part in parts):
        raise FileNotFoundError(
            "The folder must be the unpacked `BSR`, which holds `BSDS500/data/"
            f"images` with `train`, `val` and `test`. Received: folder={folder}"
        )
    output.mkdir(parents=True, exist_ok=True)
    manifest = output / "sources.jsonl"
    with open(manifest, "w", encoding="utf-8") as file:
        for part in parts:
            for path in list_images(part):
                row = {
                    "file": str(path.resolve()),
                    "label": "bsds500",
                    "split": SPLITS[part.name],
                    "source": SITE,
                    "license": LICENSE,
                }
                file.write(json.dumps(row) + "\n")
    maker = ImageRecordMaker("photos", rules=CleaningRules())
    written = write_records(parts, output, maker, manifest=manifest)
    for label, count in sorted(written.counts.items()):
        print(f"{label}, {count} records")
    for path, rule, reason in written.drops:
        print(f"left out: {path}: {rule}: {reason}")
    return len(written.failures)


if __name__ == "__main__":
    if not 2 <= len(sys.argv) <= 3:
        sys.exit(__doc__)
    here = Path(__file__).parent
    sys.exit(bool(build(sys.argv[1], [*sys.argv, here / "bsds500"][2])))
