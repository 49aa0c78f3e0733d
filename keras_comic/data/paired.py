"""Photos with their comics, for training."""

import tensorflow as tf

from keras_comic.data.cropper import Cropper
from keras_comic.data.pair_stream import PairStream
from keras_comic.data.sample_pipeline import make_batches


def paired_dataset(
    records,
    image_size=128,
    batch_size=4,
    seed=0,
    start_step=0,
    zoom=(0.6, 1.0),
    num_parallel_calls=tf.data.AUTOTUNE,
    augmentation=None,
    shard=(0, 1),
):
    """Endless batches of photos with their comics, cropped alike.

    Every pair comes once before any comes again. Crops are square, at a
    random place, `image_size / zoom` pixels wide in the file, at most its
    short side. What is done to a photo (the crop, the mirroring, the
    augmentation with its colours) is done to its comic too.

    Batch `k` depends on the arguments and on `k` alone, so that
    `start_step=N` goes on exactly where a run stopped after `N` batches.

    Args:
        records: Records of pairs, as in `read_records`, or a `RecordIndex`.
        image_size: Integer > 0. Side of the crops, pixels. Defaults to `128`.
        batch_size: Integer > 0. Defaults to `4`.
        seed: Integer. Defaults to `0`.
        start_step: Integer >= 0. Number of batches to leave out at the
            start. Defaults to `0`.
        zoom: Pair of floats > 0. The range of the factor by which a crop is
            scaled from the file to `image_size`. Defaults to `(0.6, 1.0)`.
        num_parallel_calls: Integer. Samples that are made at a time.
            Defaults to `tf.data.AUTOTUNE`.
        augmentation: `Augmentation` or `None`. What else is done to pictures
            at random. Defaults to `None`, with which half of them are
            mirrored.
        shard: Pair of integers: which worker this is, from 0, and how many
            there are. Each gets its part of every batch. Defaults to
            `(0, 1)`.

    Returns:
        `tf.data.Dataset`, endless, of dicts with the keys `"photos"` and
        `"comics"`: float32 `(batch, image_size, image_size, 3)`, RGB in
        `[-1, 1]`.

    Raises:
        FileNotFoundError: If there are no such records.
        ValueError: If an argument is out of its range, or the records are
            not as in `RecordIndex`, or not of pairs.

    Example:

    >>> import os
    >>> from PIL import Image
    >>> noise = np.random.randint(256, size=(48, 32, 3)).astype("uint8")
    >>> for name in ("photos", "comics"):
    ...     os.makedirs(f"pairs/{name}")
    ...     Image.fromarray(noise).save(f"pairs/{name}/1.png")
    >>> written = keras_comic.data.write_records("pairs", "records", "pairs")
    >>> batch = next(iter(keras_comic.data.paired_dataset("records", 16)))
    >>> bool(np.all(batch["photos"] == batch["comics"]))
    True
    """
    stream = PairStream(
        records, seed, "pairs", Cropper(image_size, zoom, augmentation)
    )
    return make_batches(
        [stream], batch_size, start_step, shard, num_parallel_calls
    )
