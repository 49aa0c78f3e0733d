"""Builds the records of the `storybook` set: photographs and five illustrators.

    python tfrecords/storybook.py DATA [OUTPUT]

DATA is the folder that holds `photos/train`, `drawings/<illustrator>/train`,
`clips` and `MANIFEST.csv`; OUTPUT is `tfrecords/storybook` if it is not given.
"""

import sys
from pathlib import Path

from keras_comic.data import CleaningRules
from keras_comic.data import ClipRecordMaker
from keras_comic.data import ImageRecordMaker
from keras_comic.data import write_records


def build(data, output):
    """Writes the sets, says what came out, gives the number of failures."""
    data, output = Path(data), Path(output)
    rules = CleaningRules()
    manifest = data / "MANIFEST.csv"
    sets = {
        "photos": (
            [data / "photos" / "train"],
            ImageRecordMaker("photos", rules=rules),
            manifest,
        ),
        "comics": (
            sorted(data.glob("drawings/*/train")),
            ImageRecordMaker("comics", rules=rules),
            manifest,
        ),
        # Whose licences stand in ATTRIBUTION.md.
        "clips": (
            [data / "clips"],
            ClipRecordMaker(num_frames=8, image_size=192, flow=True),
            None,
        ),
    }
    failures = []
    for kind, (sources, maker, manifest) in sets.items():
        written = write_records(
            sources, output / kind, maker, manifest=manifest
        )
        for label, count in sorted(written.counts.items()):
            print(f"{kind}: {label}, {count} records")
        for path, rule, reason in written.drops:
            print(f"left out: {path}: {rule}: {reason}")
        failures.extend(written.failures)
    return len(failures)


if __name__ == "__main__":
    if not 2 <= len(sys.argv) <= 3:
        sys.exit(__doc__)
    here = Path(__file__).parent
    sys.exit(bool(build(sys.argv[1], [*sys.argv, here / "storybook"][2])))
