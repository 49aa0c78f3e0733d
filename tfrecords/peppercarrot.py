"""Builds records of the panels of Pepper&Carrot.

    python tfrecords/peppercarrot.py FOLDER [OUTPUT]

FOLDER holds the pages without text, as the site has them:
`<episode>/hi-res/gfx-only/gfx_Pepper-and-Carrot_by-David-Revoy_E01P01.jpg`
and so on, from `https://www.peppercarrot.com/0_sources/`; 1 to 5 MB each. An
episode or two will do. OUTPUT is `tfrecords/peppercarrot` if it is not given.

Licence: CC BY 4.0. Name the author wherever you show what comes of it: David
Revoy, www.peppercarrot.com.
"""

import json
import sys
from pathlib import Path

from keras_comic.comic import find_panels
from keras_comic.data import CleaningRules
from keras_comic.data import ImageRecordMaker
from keras_comic.data import ShardLayout
from keras_comic.data import list_images
from keras_comic.data import write_records

LICENSE = "CC BY 4.0, David Revoy, www.peppercarrot.com"
SITE = "https://www.peppercarrot.com/0_sources"


def build(folder, output):
    """Writes the records, says what came out, gives the number of failures."""
    folder, output = Path(folder), Path(output)
    # What lies under `lang` has text, what lies under `low-res` is small.
    pages = sorted(folder.glob("*/hi-res/gfx-only"))
    if not pages:
        raise FileNotFoundError(
            "The folder must hold pages of Pepper&Carrot as in `<episode>/"
            f"hi-res/gfx-only/gfx_*.jpg`. Received: folder={folder}"
        )
    output.mkdir(parents=True, exist_ok=True)
    manifest = output / "sources.jsonl"
    with open(manifest, "w", encoding="utf-8") as file:
        for episode in pages:
            for path in list_images(episode):
                row = {
                    "file": str(path.resolve()),
                    "label": "peppercarrot",
                    "source": f"{SITE}/{path.relative_to(folder).as_posix()}",
                    "license": LICENSE,
                }
                file.write(json.dumps(row) + "\n")
    maker = ImageRecordMaker(
        "comics",
        image_size=512,
        rules=CleaningRules(),
        panel_finder=find_panels,
    )
    written = write_records(
        pages, output, maker, ShardLayout(eval_fraction=0.05), manifest
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
    sys.exit(bool(build(sys.argv[1], [*sys.argv, here / "peppercarrot"][2])))
