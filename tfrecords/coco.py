"""Builds records of the photos of COCO 2017.

    python tfrecords/coco.py FOLDER [OUTPUT]

FOLDER holds `train2017` (118,287 images), `val2017` (5,000) and `annotations`,
unpacked from (see https://cocodataset.org/#download)

    http://images.cocodataset.org/zips/train2017.zip                    18 GB
    http://images.cocodataset.org/zips/val2017.zip                       1 GB
    http://images.cocodataset.org/annotations/annotations_trainval2017.zip

`val2017` becomes the split `eval`; either may be missing. OUTPUT is
`tfrecords/coco` if it is not given.

Licence: the consortium does not own the images. They are of Flickr: its terms
of use and the licence that each photographer has chosen hold, some of which
forbid commercial use or changes. That licence is read from the annotations
(themselves CC BY 4.0) and stands in each record.
"""

import json
import sys
from pathlib import Path

from keras_comic.data import CleaningRules
from keras_comic.data import ImageRecordMaker
from keras_comic.data import write_records

SPLITS = {"train2017": "train", "val2017": "eval"}


def build(folder, output):
    """Writes the records, says what came out, gives the number of failures."""
    folder, output = Path(folder), Path(output)
    parts = [folder / name for name in SPLITS if (folder / name).is_dir()]
    tables = [folder / f"annotations/captions_{p.name}.json" for p in parts]
    if not parts or not all(table.is_file() for table in tables):
        raise FileNotFoundError(
            "The folder must hold `train2017` or `val2017` of COCO, and "
            "`annotations/captions_train2017.json` or that of `val2017`, for "
            f"the licences. Received: folder={folder}"
        )
    output.mkdir(parents=True, exist_ok=True)
    manifest = output / "sources.jsonl"
    with open(manifest, "w", encoding="utf-8") as file:
        for part, table in zip(parts, tables):
            facts = json.loads(table.read_text(encoding="utf-8"))
            licenses = {
                entry["id"]: f"{entry['name']}, {entry['url']}"
                for entry in facts["licenses"]
            }
            for image in facts["images"]:
                row = {
                    "file": str((part / image["file_name"]).resolve()),
                    "label": "coco",
                    "split": SPLITS[part.name],
                    "source": image["flickr_url"],
                    "license": licenses[image["license"]],
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
    sys.exit(bool(build(sys.argv[1], [*sys.argv, here / "coco"][2])))
