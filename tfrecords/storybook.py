"""Builds the records of the `storybook` set: photographs and five illustrators.

    python tfrecords/storybook.py DATA [OUTPUT]

DATA is the folder that holds `photos/train`, `drawings/<illustrator>/train`
and `MANIFEST.csv`; OUTPUT is `tfrecords/storybook` if it is not given.
1,730 photographs and 708 drawings become two shards of 50 and 30 MB.
"""

import sys
from pathlib import Path

from keras_comic.data import write_records


def build(data, output):
    """Writes the two sets and says what came out."""
    data, output = Path(data), Path(output)
    sets = {
        "photos": [data / "photos" / "train"],
        "comics": sorted(data.glob("drawings/*/train")),
    }
    failures = []
    for kind, folders in sets.items():
        manifest = data / "MANIFEST.csv"
        written = write_records(folders, output / kind, kind, manifest=manifest)
        for label, count in sorted(written.counts.items()):
            print(f"{kind}: {label}, {count} images")
        failures.extend(written.failures)
    for path, reason in failures:
        print(f"left out: {path}: {reason}")
    return len(failures)


if __name__ == "__main__":
    if not 2 <= len(sys.argv) <= 3:
        sys.exit(__doc__)
    here = Path(__file__).parent
    sys.exit(bool(build(sys.argv[1], [*sys.argv, here / "storybook"][2])))
