"""Photos and comics that do not belong together, for training."""

import tensorflow as tf

from keras_comic.data.comic_stream import ComicStream
from keras_comic.data.cropper import Cropper
from keras_comic.data.picture_stream import PictureStream
from keras_comic.data.sample_pipeline import make_batches

PREFIXES = ("photos", "comics")


def unpaired_dataset(
    photo_records,
    comic_records,
    image_size=128,
    batch_size=4,
    seed=0,
    start_step=0,
    zoom=(0.6, 1.0),
    variants=(),
    white_fraction=0.75,
    paper_fraction=0.4,
    num_parallel_calls=tf.data.AUTOTUNE,
    augmentation=None,
    shard=(0, 1),
    avoid_text=True,
):
    """Endless batches of photos and of comics, with what losses need of them.

    For CartoonGAN, AnimeGAN and their like. The crops are those of
    `style_transfer_dataset`: every photo once before any comes again, comics
    evenly over labels, none of them nearly blank. A variant has the crop of
    its picture and all that is done to it; where a record stores it, it is
    read, and else it is made of the crop, which costs time: see
    `make_variant`.

    Batch `k` depends on the arguments and on `k` alone, so that
    `start_step=N` goes on exactly where a run stopped after `N` batches.

    Args:
        photo_records: Records of photos, as in `read_records`, or a
            `RecordIndex`.
        comic_records: Records of comics, as in `read_records`, or a
            `RecordIndex`.
        image_size: Integer > 0. Side of the crops, pixels. Defaults to `128`.
        batch_size: Integer > 0. Defaults to `4`.
        seed: Integer. Defaults to `0`.
        start_step: Integer >= 0. Number of batches to leave out at the
            start. Defaults to `0`.
        zoom: Pair of floats > 0. The range of the factor by which a crop is
            scaled from the file to `image_size`. Defaults to `(0.6, 1.0)`.
        variants: Sequence of strings such as `"comics/edge_smoothed"` or
            `"photos/superpixels"`: `photos` or `comics`, and a variant of
            `make_variant`. Defaults to `()`.
        white_fraction: Float in `[0, 1]`. The part of a comic's crop that may
            be white. Defaults to `0.75`.
        paper_fraction: Float in `[0, 1]`. The part of a comic's crop that may
            be empty light paper. Defaults to `0.4`.
        num_parallel_calls: Integer. Samples that are made at a time.
            Defaults to `tf.data.AUTOTUNE`.
        augmentation: `Augmentation` or `None`. What else is done to pictures
            at random. Defaults to `None`, with which half of them are
            mirrored.
        shard: Pair of integers: which worker this is, from 0, and how many
            there are. Each gets its part of every batch. Defaults to
            `(0, 1)`.
        avoid_text: Boolean. Whether areas of text, where the records have
            them, count as empty tinted paper. Defaults to `True`.

    Returns:
        `tf.data.Dataset`, endless, of dicts with the keys `"photos"`,
        `"comics"` and those in `variants`: float32 `(batch, image_size,
        image_size, 3)`, RGB in `[-1, 1]`.

    Raises:
        FileNotFoundError: If there are no such records.
        ValueError: If an argument is out of its range, or the records are
            not as in `RecordIndex`.

    Example:

    >>> import os
    >>> from PIL import Image
    >>> os.mkdir("ink")
    >>> noise = np.random.randint(256, size=(32, 32, 3)).astype("uint8")
    >>> Image.fromarray(noise).save("ink/noise.png")
    >>> written = keras_comic.data.write_records("ink", "records", "comics")
    >>> dataset = keras_comic.data.unpaired_dataset(
    ...     "records", "records", 16, variants=["comics/grayscale"]
    ... )
    >>> sorted(next(iter(dataset)))
    ['comics', 'comics/grayscale', 'photos']

    Reference:
        - [Chen et al., 2018](https://doi.org/10.1109/CVPR.2018.00986),
          section 3.2.1, for the comics with smoothed edges.
    """
    chosen = {prefix: [] for prefix in PREFIXES}
    for name in variants:
        prefix, _, variant = name.partition("/")
        if prefix not in chosen or not variant:
            raise ValueError(
                '`variants` must be like "comics/edge_smoothed" or '
                f'"photos/superpixels". Received: variants={variants}'
            )
        chosen[prefix].append(variant)
    cropper = Cropper(image_size, zoom, augmentation)
    streams = [
        PictureStream(photo_records, seed, "photos", cropper, chosen["photos"]),
        ComicStream(
            comic_records,
            seed,
            "comics",
            cropper,
            chosen["comics"],
            (white_fraction, paper_fraction),
            avoid_text,
        ),
    ]
    return make_batches(
        streams, batch_size, start_step, shard, num_parallel_calls
    )
