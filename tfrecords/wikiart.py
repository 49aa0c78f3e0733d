"""Builds records of the paintings of WikiArt, as styles.

    python tfrecords/wikiart.py FOLDER [OUTPUT]

FOLDER is `wikiart`, unpacked from the archive of ArtGAN (25.4 GB, some 81,000
paintings; the link is on
https://github.com/cs-chan/ArtGAN/tree/master/WikiArt%20Dataset): 27 folders of
styles, `Impressionism/claude-monet_....jpg` and so on, which become the
labels. OUTPUT is `tfrecords/wikiart` if it is not given.

Licence: non-commercial research only, and the terms of use of WikiArt.org.
Many of the paintings are under copyright. Publish no weights trained on them
without asking whose they are.
"""

import json
import sys
from pathlib import Path

from keras_comic.data import CleaningRules
from keras_comic.data import ImageRecordMaker
from keras_comic.data import ShardLayout
from keras_comic.data import list_images
from keras_comic.data import write_records

LICENSE = "Non-commercial research only; terms of use of WikiArt.org"
# Two of the styles, by which the archive is recognised.
EXPECTED = ("Impressionism", "Ukiyo_e")


def build(folder, output):
    """Writes the records, says what came out, gives the number of failures."""
    folder, output = Path(folder), Path(output)
    if not any((folder / style).is_dir() for style in EXPECTED):
        raise FileNotFoundError(
            "The folder must hold the folders of styles of WikiArt, such as "
            f"`Impressionism`. Received: folder={folder}"
        )
    output.mkdir(parents=True, exist_ok=True)
    manifest = output / "sources.jsonl"
    with open(manifest, "w", encoding="utf-8") as file:
        for path in list_images(folder):
            row = {
                "file": str(path.resolve()),
                "label": path.parent.name,
                "source": "WikiArt.org",
                "license": LICENSE,
            }
            file.write(json.dumps(row) + "\n")
    # A painting may be soft, and may have text in it.
    rules = CleaningRules(min_sharpness=None)
    maker = ImageRecordMaker("comics", image_size=512, rules=rules)
    written = write_records(
        folder, output, maker, ShardLayout(eval_fraction=0.05), manifest
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
    sys.exit(bool(build(sys.argv[1], [*sys.argv, here / "wikiart"][2])))
