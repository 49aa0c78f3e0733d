"""Images per second of the datasets of records, beside bare decoding.

    python examples/benchmarks/input_pipeline.py --json input_pipeline.json

In one run, on two cores, from records of 320 x 320 JPEG pictures: reading
without decoding; the limit, `tf.io.decode_jpeg` in a bare loop on each core
(threads that call it, threads that run a graph of it, or processes: the best
of them counts); `photo_dataset` with random crops and mirroring; the same with
colour jitter, rotation and scale on every picture. Beside them a dataset that
parses and decodes and does nothing else, and Keras's
`image_dataset_from_directory`. They take turns, so that noise of the machine
hits all alike; a ratio is the median of the rounds' ratios.

Where the time goes is told in microseconds of CPU time for an image, and
memory is what a process of its own holds while it reads.

The pictures are parts of scikit-image's samples, made anew; `--data` names a
folder of others.
"""

import argparse
import io
import itertools
import json
import multiprocessing
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import threading
import time

from benchmark import cpu_count
from benchmark import parser
from benchmark import report
from benchmark import row

# Heavy libraries are imported after this process is bound to its cores.
SIZE = 320
QUALITY = 90
BATCH_SIZE = 16
CROPS = (192, 128, 256)
SAMPLES = (
    "astronaut",
    "chelsea",
    "coffee",
    "hubble_deep_field",
    "immunohistochemistry",
    "retina",
    "rocket",
)
BLOCK = 64
BARE = (
    "decode_jpeg, threads that call it",
    "decode_jpeg, threads that run a graph",
    "decode_jpeg, processes",
)
READ = "reading, RecordIndex, random order"
STREAM = "reading, TFRecordDataset, in order"
PLAIN = "map that parses and decodes"
KERAS = "image_dataset_from_directory, {size}x{size}"
WHOLE = "photo_dataset, whole pictures, {size}x{size}"
CROP = "photo_dataset, crop {size}, mirrored"
AUGMENTED = "photo_dataset, crop {size}, colours, rotation, scale"
COLORS = {"color_jitter": 0.2}
TURNS = {"rotation": 10.0, "zoom": (0.8, 1.25)}
AIMS = {CROP: 0.85, AUGMENTED: 0.25}


def make_pictures(count, folder=None):
    """JPEG files of 320 x 320 pixels, as bytes.

    Args:
        count: Integer.
        folder: Path of pictures to take them from, or `None`.
    """
    import numpy as np
    from PIL import Image

    if folder is None:
        from skimage import data

        sources = [Image.fromarray(getattr(data, name)()) for name in SAMPLES]
    else:
        import keras_comic

        sources = keras_comic.data.list_images(folder)
    random = np.random.default_rng(0)
    pictures = []
    for number in range(count):
        source = sources[number % len(sources)]
        if folder is not None:
            source = Image.fromarray(keras_comic.data.read_image(source))
        # A square part, shrunk or as it is.
        width, height = source.size
        side = random.uniform(min(SIZE, width, height), min(width, height))
        left = random.uniform(0, width - side)
        top = random.uniform(0, height - side)
        picture = source.convert("RGB").resize(
            (SIZE, SIZE),
            Image.Resampling.LANCZOS,
            box=(left, top, left + side, top + side),
        )
        file = io.BytesIO()
        picture.transpose(number % 7).save(file, "JPEG", quality=QUALITY)
        pictures.append(file.getvalue())
    return pictures


def write_pictures(pictures, folder):
    """Writes files and records; returns the folders of both."""
    import keras_comic

    files = folder / "files"
    files.mkdir()
    for number, picture in enumerate(pictures):
        (files / f"{number:06d}.jpg").write_bytes(picture)
    records = folder / "records"
    keras_comic.data.write_records(files, records, "photos", num_shards=4)
    return files, records


# Batches that are taken before a dataset is measured: what it has made while
# others were.
WARM_UP = 40
# Batches that the datasets beside ours make ahead; ours decide for themselves.
NUM_AHEAD = 4


class Batches:
    """Takes batches of a dataset; what was made beforehand does not count."""

    def __init__(self, dataset):
        self.iterator = iter(dataset)

    def __call__(self, count):
        for _ in range(WARM_UP):
            next(self.iterator)
        return measure(
            lambda: [next(self.iterator) for _ in range(count // BATCH_SIZE)],
            count // BATCH_SIZE * BATCH_SIZE,
        )


def measure(function, count):
    """Images per second, and microseconds of CPU time for each."""
    wall, cpu = time.perf_counter(), time.process_time()
    function()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return count / wall, cpu / count * 1e6


def in_threads(work, count, cores):
    """Measures `work(count)` in one thread for each core."""

    def run():
        threads = [
            threading.Thread(target=work, args=(count // cores,))
            for _ in range(cores)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    return measure(run, count // cores * cores)


def call_decoder(pictures):
    """A function that decodes so many pictures by calling the decoder."""
    import tensorflow as tf

    tensors = [tf.constant(picture) for picture in pictures]

    def work(count):
        for picture in itertools.islice(itertools.cycle(tensors), count):
            tf.io.decode_jpeg(picture)

    return work


def run_graph(pictures):
    """A function that decodes so many pictures in one graph."""
    import tensorflow as tf

    tensors = tf.constant(pictures)

    @tf.function(autograph=False, input_signature=[tf.TensorSpec([], "int32")])
    def decode(count):
        def step(number, total):
            image = tf.io.decode_jpeg(tensors[number % len(pictures)])
            # What is not used is not decoded.
            return number + 1, total + tf.shape(image)[0]

        return tf.while_loop(
            lambda number, total: number < count,
            step,
            [tf.constant(0), tf.constant(0)],
            parallel_iterations=1,
        )[1]

    return lambda count: decode(tf.constant(count))


def decode_on_demand(folder, place, cores, ends):
    """Decodes in a process of its own, each time that it is told to."""
    work = call_decoder(read_files(folder)[place::cores])
    ends.send("ready")
    while count := ends.recv():
        work(count)
        ends.send(time.process_time())


class Processes:
    """Processes that decode, one for each core."""

    def __init__(self, folder, cores):
        context = multiprocessing.get_context("spawn")
        self.ends, self.processes = [], []
        for place in range(cores):
            here, there = context.Pipe()
            process = context.Process(
                target=decode_on_demand,
                args=(folder, place, cores, there),
                daemon=True,
            )
            process.start()
            self.ends.append(here)
            self.processes.append(process)
        for end in self.ends:
            end.recv()

    def _tell(self, count):
        for end in self.ends:
            end.send(count)
        return sum(end.recv() for end in self.ends)

    def __call__(self, count):
        before = self._tell(1)
        start = time.perf_counter()
        after = self._tell(count // len(self.ends))
        wall = time.perf_counter() - start
        return count / wall, (after - before) / count * 1e6

    def close(self):
        for end in self.ends:
            end.send(0)
        for process in self.processes:
            process.join()


def read_files(folder):
    return [path.read_bytes() for path in sorted(folder.glob("*.jpg"))]


def read_in_random_order(records):
    """A function that reads so many records, in blocks."""
    import numpy as np

    import keras_comic

    index = keras_comic.data.RecordIndex(records)
    random = np.random.default_rng(0)

    def work(count):
        for first in range(0, count, BLOCK):
            size = min(BLOCK, count - first)
            index.read(random.integers(0, len(index), size))

    return work


def photo_dataset(records, size, zoom=(1.0, 1.0), **augmentation):
    from keras_comic import data

    crops = data.Crops(size, zoom, **augmentation)
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
    return dataset.batch(BATCH_SIZE).prefetch(NUM_AHEAD)


def keras_dataset(files, size):
    import keras

    dataset = keras.utils.image_dataset_from_directory(
        files,
        labels=None,
        batch_size=BATCH_SIZE,
        image_size=(size, size),
        verbose=False,
    )
    return dataset.repeat().prefetch(NUM_AHEAD)


def stream_dataset(records):
    import tensorflow as tf

    paths = sorted(str(path) for path in records.glob("*.tfrecord"))
    dataset = tf.data.TFRecordDataset(paths, num_parallel_reads=2).repeat()
    return dataset.batch(BATCH_SIZE).prefetch(NUM_AHEAD)


def make_runs(pictures, files, records, processes, cores):
    """What is measured: functions from a number of images to their speed."""
    calling, graph = call_decoder(pictures), run_graph(pictures)
    reading = read_in_random_order(records)
    runs = {
        READ: lambda count: in_threads(reading, count, cores),
        STREAM: Batches(stream_dataset(records)),
        BARE[0]: lambda count: in_threads(calling, count, cores),
        BARE[1]: lambda count: in_threads(graph, count, cores),
        BARE[2]: processes,
        PLAIN: Batches(plain_dataset(records)),
    }
    for size in CROPS:
        title = CROP.format(size=size)
        runs[title] = Batches(photo_dataset(records, size))
    size = CROPS[0]
    runs[AUGMENTED.format(size=size)] = Batches(
        photo_dataset(records, size, **COLORS, **TURNS)
    )
    runs[KERAS.format(size=size)] = Batches(keras_dataset(files, size))
    whole = (size / SIZE,) * 2
    runs[WHOLE.format(size=size)] = Batches(
        photo_dataset(records, size, zoom=whole)
    )
    return runs


def take_turns(runs, count, repeats):
    """What each run gives in each round, after a round to warm up."""
    found = {name: [] for name in runs}
    names = list(runs)
    for turn in range(-1, repeats):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            result = runs[name](count)
            if turn >= 0:
                found[name].append(result)
    return found


def rate_rows(found, conditions):
    """Rows of images per second, and of their ratios to the limit."""
    rates = {name: [rate for rate, _ in found[name]] for name in found}
    limits = [max(some) for some in zip(*(rates[name] for name in BARE))]
    limit = "bare decoding, the best"
    rows = [
        row(name, statistics.median(values), "images/s", limit, conditions)
        for name, values in rates.items()
    ]
    rows.insert(
        2, row(limit, statistics.median(limits), "images/s", None, conditions)
    )
    sized = {
        **{CROP.format(size=size): AIMS[CROP] for size in CROPS[:1]},
        AUGMENTED.format(size=CROPS[0]): AIMS[AUGMENTED],
    }
    for name in found:
        if name in (READ, STREAM, *BARE):
            continue
        ratio = statistics.median(
            rate / most for rate, most in zip(rates[name], limits)
        )
        aim = f"aim: at least {sized[name]}; " if name in sized else ""
        rows.append(
            row(f"{name} / limit", ratio, "ratio", limit, aim + conditions)
        )
    peer = KERAS.format(size=CROPS[0])
    for title, aim in ((CROP, "aim: at least 1.5; "), (WHOLE, "")):
        name = title.format(size=CROPS[0])
        ratio = statistics.median(
            ours / theirs for ours, theirs in zip(rates[name], rates[peer])
        )
        rows.append(
            row(f"{name} / {peer}", ratio, "ratio", peer, aim + conditions)
        )
    return rows


def stage_rows(pictures, records, count, repeats):
    """Rows of CPU time for an image, stage by stage, at the first size."""
    import numpy as np
    import tensorflow as tf

    import keras_comic

    size = CROPS[0]
    random = np.random.default_rng(0)
    places = random.integers(0, SIZE - size + 1, (len(pictures), 2))
    windows = [tf.constant([*place, size, size], "int32") for place in places]
    tensors = [tf.constant(picture) for picture in pictures]
    pairs = list(zip(tensors, windows))
    index = keras_comic.data.RecordIndex(records)
    data = index.read(range(len(index)))

    def cycled(items):
        return itertools.islice(itertools.cycle(items), count)

    def parse():
        for record in cycled(data):
            tf.train.Example.FromString(record)

    def crop():
        for picture, window in cycled(pairs):
            tf.image.decode_and_crop_jpeg(picture, window, channels=3)

    def batches(**augmentation):
        return Batches(photo_dataset(records, size, **augmentation))

    reading = read_in_random_order(records)
    decoding = call_decoder(pictures)
    runs = {
        "read": lambda count: measure(lambda: reading(count), count),
        "parse": lambda count: measure(parse, count),
        "crop": lambda count: measure(crop, count),
        "decode": lambda count: measure(lambda: decoding(count), count),
        "pipeline": batches(),
        "colours": batches(**COLORS),
        "turned": batches(**TURNS),
        "augmented": batches(**COLORS, **TURNS),
    }
    found = take_turns(runs, count, repeats)
    cpu = {
        name: statistics.median(time for _, time in found[name])
        for name in found
    }
    known = cpu["read"] + cpu["parse"] + cpu["crop"]
    stages = {
        "decoding the whole picture": cpu["decode"],
        f"pipeline, crop {size}": cpu["pipeline"],
        "of it, reading and checksums": cpu["read"],
        "of it, parsing": cpu["parse"],
        "of it, decoding the crop": cpu["crop"],
        "of it, order, tf.data, mirroring, floats": cpu["pipeline"] - known,
        "colour jitter, on top": cpu["colours"] - cpu["pipeline"],
        "rotation and scale, on top": cpu["turned"] - cpu["pipeline"],
        f"pipeline, crop {size}, with all of these": cpu["augmented"],
    }
    conditions = "CPU time for an image"
    return [
        row(f"stage: {name}", value, "us", None, conditions)
        for name, value in stages.items()
    ]


def resident_bytes():
    """Bytes of memory that this process holds."""
    pages = pathlib.Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def measure_memory(records, count):
    """Bytes held after a tenth, half and all of so many records, each new."""
    import keras_comic

    once = keras_comic.data.RecordIndex(records)
    times = -(-count // len(once))
    index = keras_comic.data.RecordIndex([records] * times)
    iterator = iter(photo_dataset(index, CROPS[0], **COLORS, **TURNS))
    batches, held = count // BATCH_SIZE, []
    marks = (batches // 10, batches // 2, batches)
    for number in range(1, batches + 1):
        next(iterator)
        if number in marks:
            held.append(resident_bytes())
    return held


def memory_rows(records, count, cores):
    """Rows of memory, measured in a process of its own."""
    if not pathlib.Path("/proc/self/statm").is_file():
        return []
    command = [sys.executable, __file__, "--cores", str(cores)]
    command += ["--measure-memory", str(records), str(count)]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }
    done = subprocess.run(
        command, capture_output=True, env=environment, text=True
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr}")
    held = json.loads(done.stdout.splitlines()[-1])
    title = AUGMENTED.format(size=CROPS[0])
    rows = [
        row(f"memory after {part} records", value / 2**20, "MiB", None, title)
        for part, value in zip((count // 10, count // 2, count), held)
    ]
    growth = held[2] / held[1]
    aim = "aim: flat, at most 1.02"
    rows.append(row("memory, end / middle", growth, "ratio", None, aim))
    return rows


def bind_to_cores(count):
    """Keeps this process, and those that it starts, on so many cores."""
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))[:count]
        os.sched_setaffinity(0, cores)
    return min(cpu_count(), count)


def parse(arguments=None):
    options = parser(__doc__)
    options.add_argument(
        "--pictures",
        type=int,
        default=2000,
        help="different pictures (default: %(default)s)",
    )
    options.add_argument(
        "--images",
        type=int,
        default=4000,
        help="images for each measurement (default: %(default)s)",
    )
    options.add_argument(
        "--records",
        type=int,
        default=20_000,
        help="records to measure memory over (default: %(default)s)",
    )
    options.add_argument(
        "--data", type=pathlib.Path, help="a folder of other pictures"
    )
    options.add_argument(
        "--cores", type=int, default=2, help="default: %(default)s"
    )
    options.add_argument("--measure-memory", nargs=2, help=argparse.SUPPRESS)
    return options.parse_args(arguments)


def main(arguments=None):
    arguments = parse(arguments)
    # TensorFlow reads them when it is imported.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
    cores = bind_to_cores(arguments.cores)
    if arguments.measure_memory:
        records, count = arguments.measure_memory
        print(json.dumps(measure_memory(pathlib.Path(records), int(count))))
        return
    with tempfile.TemporaryDirectory() as folder:
        pictures = make_pictures(arguments.pictures, arguments.data)
        files, records = write_pictures(pictures, pathlib.Path(folder))
        kib = sum(map(len, pictures)) / len(pictures) / 2**10
        conditions = (
            f"{SIZE}x{SIZE} JPEG of {kib:.0f} KiB, {cores} cores, "
            f"batch {BATCH_SIZE}, {arguments.repeats} rounds of "
            f"{arguments.images} images"
        )
        processes = Processes(files, cores)
        runs = make_runs(pictures, files, records, processes, cores)
        found = take_turns(runs, arguments.images, arguments.repeats)
        processes.close()
        rows = rate_rows(found, conditions)
        del runs
        rows += stage_rows(
            pictures, records, arguments.images // 2, arguments.repeats
        )
        rows += memory_rows(records, arguments.records, cores)
    report("Input pipeline", rows, arguments.json)


if __name__ == "__main__":
    main()
