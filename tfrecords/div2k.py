"""Builds records of the photos of DIV2K.

    python tfrecords/div2k.py FOLDER [OUTPUT]

FOLDER holds `DIV2K_train_HR` (800 photos of 2K) and `DIV2K_valid_HR` (100),
unpacked from (see https://data.vision.ee.ethz.ch/cvl/DIV2K/)

    http://data.vision.ee.ethz.ch/cvl/DIV2K/DIV2K_train_HR.zip    3.5 GB
    http://data.vision.ee.ethz.ch/cvl/DIV2K/DIV2K_valid_HR.zip    0.4 GB

`DIV2K_valid_HR` becomes the split `eval`; either may be missing. OUTPUT is
`tfrecords/div2k` if it is not given. The photos are PNG and stay lossless.

Licence: academic research only. The images were collected from the Internet;
their copyright belongs to their owners.
"""

import json
import sys
from pathlib import Path

from keras_comic.data import CleaningRules
from keras_comic.data import ImageRecordMaker
from keras_comic.data import list_images
from keras_comic.data import write_records

LICENSE = "Academic research only; copyright of the original owners"
SITE = "https://data.vision.ee.ethz.ch/cvl/DIV2K/"
SPLITS = {"DIV2K_train_HR": "train", "DIV2K_valid_HR": "eval"}


def build(folder, output):
    """Writes the records, says what came out, gives the number of failures."""
    folder, output = Path(folder), Path(output)
    parts = [folder / name for name in SPLITS if (folder / name).is_dir()]
    if not parts:
        raise FileNotFoundError(
            "The folder must hold `DIV2K_train_HR` or `DIV2K_valid_HR`. "
            f"Received: folder={folder}"
        )
    output.mkdir(parents=True, exist_ok=True)
    manifest = output / "sources.jsonl"
    with open(manifest, "w", encoding="utf-8") as file:
        for part in parts:
            for path in list_images(part):
                row = {
                    "file": str(path.resolve()),
                    "label": "div2k",
                    "split": SPLITS[part.name],
                    "source": SITE,
                    "license": LICENSE,
                }
                file.write(json.dumps(row) + "\n")
    maker = ImageRecordMaker("photos", image_size=512, rules=CleaningRules())
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
    sys.exit(bool(build(sys.argv[1], [*sys.argv, here / "div2k"][2])))
