"""Images per second of the datasets of records, beside bare decoding.

    python examples/benchmarks/input_pipeline.py --json input_pipeline.json

In one run, from records of 320 x 320 JPEG pictures, in turns: the limit,
`tf.io.decode_jpeg` in a bare loop in a thread for each core; the pictures'
dataset with random crops and mirroring; the same with a scale of its own for
every picture; a dataset that parses and decodes and does nothing else; and
Keras's `image_dataset_from_directory`. A ratio is the median of the
rounds' ratios. Memory is what a process of its own holds while it reads.

The pictures are parts of scikit-image's samples.
"""

import argparse
import io
import itertools
import json
import os
import pathlib
import statistics
import tempfile
import threading
import time

from benchmark import cpu_count
from benchmark import in_own_process
from benchmark import median_ratio
from benchmark import parser
from benchmark import report
from benchmark import row
from benchmark import take_turns

SIZE, CROP = 320, 192
BATCH_SIZE = 16
# Batches that a dataset may have made while others were measured.
MADE_AHEAD = 40
SAMPLES = ("astronaut", "chelsea", "coffee", "rocket", "hubble_deep_field")
LIMIT = "decode_jpeg, bare"
PLAIN = "map that parses and decodes"
KERAS = "image_dataset_from_directory"
CROPPED = "our crops, mirrored"
AUGMENTED = "our crops, mirrored, scaled"
AUGMENTATION = {"zoom": (0.8, 1.25)}
AIMS = {CROPPED: "aim: at least 0.85"}


def make_pictures(count):
    """JPEG files of 320 x 320 pixels, as bytes."""
    import numpy as np
    from PIL import Image
    from skimage import data

    sources = [Image.fromarray(getattr(data, name)()) for name in SAMPLES]
    random = np.random.default_rng(0)
    pictures = []
    for number in range(count):
        source = sources[number % len(sources)]
        width, height = source.size
        side = random.uniform(min(SIZE, width, height), min(width, height))
        left = random.uniform(0, width - side)
        top = random.uniform(0, height - side)
        box = (left, top, left + side, top + side)
        picture = source.convert("RGB").resize((SIZE, SIZE), box=box)
        file = io.BytesIO()
        picture.transpose(number % 7).save(file, "JPEG", quality=90)
        pictures.append(file.getvalue())
    return pictures


def write_pictures(pictures, folder):
    """Writes files and records; returns the folders of both."""
    import keras_comic

    files, records = folder / "files", folder / "records"
    files.mkdir()
    for number, picture in enumerate(pictures):
        (files / f"{number:06d}.jpg").write_bytes(picture)
    layout = keras_comic.data.ShardLayout(num_shards=4)
    keras_comic.data.write_records(files, records, "photos", layout)
    return files, records


def our_dataset(records, **augmentation):
    from keras_comic import data

    crops = data.Crops(CROP, **{"zoom": (1.0, 1.0), **augmentation})
    return data.picture_dataset(records, crops, BATCH_SIZE)


def plain_dataset(records):
    """Parses and decodes, and nothing else."""
    import tensorflow as tf

    dataset = tf.data.Dataset.list_files(f"{records}/*.tfrecord").repeat()
    dataset = dataset.interleave(
        tf.data.TFRecordDataset, num_parallel_calls=tf.data.AUTOTUNE
    )
    features = {"image/encoded": tf.io.FixedLenFeature([], "string")}

    def decode(record):
        parsed = tf.io.parse_single_example(record, features)
        return tf.io.decode_jpeg(parsed["image/encoded"], channels=3)

    dataset = dataset.map(decode, num_parallel_calls=tf.data.AUTOTUNE)
    return dataset.batch(BATCH_SIZE).prefetch(4)


def keras_dataset(files):
    import keras

    dataset = keras.utils.image_dataset_from_directory(
        files,
        labels=None,
        batch_size=BATCH_SIZE,
        image_size=(CROP, CROP),
        verbose=False,
    )
    return dataset.repeat().prefetch(4)


def taking(dataset, count):
    """A function that takes so many images and gives the seconds."""
    iterator = iter(dataset)

    def run():
        for _ in range(MADE_AHEAD):
            next(iterator)
        start = time.perf_counter()
        for _ in range(count // BATCH_SIZE):
            next(iterator)
        return time.perf_counter() - start

    return run


def decoding(pictures, count, cores):
    """A function that decodes so many pictures, in a thread for each core."""
    import tensorflow as tf

    tensors = [tf.constant(picture) for picture in pictures]

    def work():
        for picture in itertools.islice(
            itertools.cycle(tensors), count // cores
        ):
            tf.io.decode_jpeg(picture)

    def run():
        threads = [threading.Thread(target=work) for _ in range(cores)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    return run


def measure_memory(records, count):
    """Bytes held after half and all of so many records."""
    pages = pathlib.Path("/proc/self/statm")
    iterator = iter(our_dataset(records, **AUGMENTATION))
    held = []
    for _ in range(2):
        for _ in range(count // BATCH_SIZE // 2):
            next(iterator)
        size = int(pages.read_text().split()[1])
        held.append(size * os.sysconf("SC_PAGE_SIZE"))
    return held


def main(arguments=None):
    options = parser(__doc__)
    options.add_argument("--pictures", type=int, default=1000)
    options.add_argument(
        "--images", type=int, default=4000, help="of each measurement"
    )
    options.add_argument("--measure-memory", nargs=2, help=argparse.SUPPRESS)
    arguments = options.parse_args(arguments)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if arguments.measure_memory:
        records, count = arguments.measure_memory
        print(json.dumps(measure_memory(pathlib.Path(records), int(count))))
        return
    images, cores = arguments.images, cpu_count()
    with tempfile.TemporaryDirectory() as folder:
        pictures = make_pictures(arguments.pictures)
        files, records = write_pictures(pictures, pathlib.Path(folder))
        runs = {
            LIMIT: decoding(pictures, images, cores),
            PLAIN: taking(plain_dataset(records), images),
            CROPPED: taking(our_dataset(records), images),
            AUGMENTED: taking(our_dataset(records, **AUGMENTATION), images),
            KERAS: taking(keras_dataset(files), images),
        }
        seconds = take_turns(runs, arguments.repeats)
        del runs
        held = in_own_process(__file__, "--measure-memory", records, 4 * images)
    rows = []
    for name, found in seconds.items():
        rate = images / statistics.median(found)
        peer = None if name == LIMIT else LIMIT
        rows.append(row(name, rate, "images/s", peer, f"{cores} cores"))
        if name != LIMIT:
            ratio = median_ratio(seconds[LIMIT], found)
            aim = AIMS.get(name, "")
            rows.append(row(f"{name} / limit", ratio, "ratio", LIMIT, aim))
    ratio = median_ratio(seconds[KERAS], seconds[CROPPED])
    aim = "aim: at least 1.5"
    rows.append(row(f"{CROPPED} / {KERAS}", ratio, "ratio", KERAS, aim))
    growth = held[1] / held[0]
    aim = "aim: flat, at most 1.02"
    rows.append(row("memory, end / middle", growth, "ratio", None, aim))
    report("Input pipeline", rows, arguments.json)


if __name__ == "__main__":
    main()
