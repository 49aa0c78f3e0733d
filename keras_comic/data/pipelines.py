"""Datasets of crops, from TFRecords, for training.

How every dataset here works: the number of a sample says which record it
takes, by a permutation that is worked out for each place alone, and all its
random numbers. Blocks of samples are read at their places in the shards,
wherever these are; each sample is decoded (of a JPEG, no more than its crop),
cropped, turned and scaled by itself, and colours and floats are made of whole
batches. Sample number `n` (batch `n // batch_size`) depends on the seed and on
`n` alone. A dataset that starts at step 1000 therefore gives at once what a
run would get that has taken 1000 batches, the number of parallel calls changes
nothing, and the records may be more than memory holds.
"""

import tensorflow as tf

from keras_comic.data.choice_stream import ChoiceStream
from keras_comic.data.comic_stream import ComicStream
from keras_comic.data.cropper import Cropper
from keras_comic.data.crops import check_fraction
from keras_comic.data.picture_stream import PictureStream
from keras_comic.data.sample_pipeline import make_batches


def style_transfer_dataset(
    photo_records,
    drawing_records,
    image_size=128,
    batch_size=4,
    seed=0,
    start_step=0,
    zoom=(0.6, 1.0),
    white_fraction=0.75,
    paper_fraction=0.4,
    identity_fraction=0.0,
    num_parallel_calls=tf.data.AUTOTUNE,
    augmentation=None,
    shard=(0, 1),
    avoid_text=True,
):
    """Endless batches of photos and of drawings to give them the style of.

    Every photo comes once before any comes again. Drawings come from each
    label (illustrator) equally often, and within a label every drawing comes
    once before any comes again. Crops are square, at a random place,
    `image_size / zoom` pixels wide in the file, at most its short side, and
    half of them are mirrored; they shrink by area, and grow bicubically. A
    crop of a drawing that is nearly blank is drawn again, up to 8 times; then
    the least blank one is taken. Blank is what is white, and what is empty
    light paper, which counts twice where it is tinted: white pages teach a
    generator to bleach, empty text boxes to leave holes.

    Batch `k` depends on the arguments and on `k` alone, so that
    `start_step=N` goes on exactly where a run stopped after `N` batches.

    Args:
        photo_records: Records of photos, as in `read_records`, or a
            `RecordIndex`.
        drawing_records: Records of drawings, as in `read_records`, or a
            `RecordIndex`.
        image_size: Integer > 0. Side of the crops, pixels. Defaults to `128`.
        batch_size: Integer > 0. Defaults to `4`.
        seed: Integer. Defaults to `0`.
        start_step: Integer >= 0. Number of batches to leave out at the
            start. Defaults to `0`.
        zoom: Pair of floats > 0. The range of the factor by which a crop is
            scaled from the file to `image_size`. Defaults to `(0.6, 1.0)`.
        white_fraction: Float in `[0, 1]`. The part of a drawing's crop that
            may be white. Defaults to `0.75`.
        paper_fraction: Float in `[0, 1]`. The part of a drawing's crop that
            may be empty light paper. Defaults to `0.4`.
        identity_fraction: Float in `[0, 1]`. The part of the samples whose
            style image is the photo's own crop. Defaults to `0.0`.
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
        `tf.data.Dataset`, endless, of dicts with the keys `"photos"` and
        `"style_images"`: float32 `(batch, image_size, image_size, 3)`, RGB in
        `[-1, 1]`.

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
    >>> dataset = keras_comic.data.style_transfer_dataset(
    ...     "records", "records", image_size=16
    ... )
    >>> tuple(next(iter(dataset))["style_images"].shape)
    (4, 16, 16, 3)
    """
    check_fraction("identity_fraction", identity_fraction)
    cropper = Cropper(image_size, zoom, augmentation)
    streams = [
        PictureStream(photo_records, seed, "photos", cropper),
        ComicStream(
            drawing_records,
            seed,
            "comics",
            cropper,
            limits=(white_fraction, paper_fraction),
            avoid_text=avoid_text,
        ),
    ]
    if identity_fraction:
        streams.append(ChoiceStream(seed, "identity", identity_fraction))

    def combine(batch):
        photos, style_images = batch["photos"], batch["comics"]
        if identity_fraction:
            chosen = batch["identity"][:, None, None, None]
            style_images = tf.where(chosen, photos, style_images)
        return {"photos": photos, "style_images": style_images}

    return make_batches(
        streams, batch_size, start_step, shard, num_parallel_calls, combine
    )


def photo_dataset(
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
    """Endless batches of crops of photos.

    The photos of `style_transfer_dataset`, alone.

    Args:
        records: Records of photos, as in `read_records`, or a
            `RecordIndex`.
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
        `tf.data.Dataset`, endless, of float32 `(batch, image_size,
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
    >>> written = keras_comic.data.write_records("ink", "records", "photos")
    >>> dataset = keras_comic.data.photo_dataset("records", image_size=16)
    >>> tuple(next(iter(dataset)).shape)
    (4, 16, 16, 3)
    """
    cropper = Cropper(image_size, zoom, augmentation)
    return make_batches(
        [PictureStream(records, seed, "photos", cropper)],
        batch_size,
        start_step,
        shard,
        num_parallel_calls,
        lambda batch: batch["photos"],
    )


def comic_dataset(
    records,
    image_size=128,
    batch_size=4,
    seed=0,
    start_step=0,
    zoom=(0.6, 1.0),
    white_fraction=0.75,
    paper_fraction=0.4,
    num_parallel_calls=tf.data.AUTOTUNE,
    augmentation=None,
    shard=(0, 1),
    avoid_text=True,
):
    """Endless batches of crops of drawings.

    The drawings of `style_transfer_dataset`, alone.

    Args:
        records: Records of drawings, as in `read_records`, or a
            `RecordIndex`.
        image_size: Integer > 0. Side of the crops, pixels. Defaults to `128`.
        batch_size: Integer > 0. Defaults to `4`.
        seed: Integer. Defaults to `0`.
        start_step: Integer >= 0. Number of batches to leave out at the
            start. Defaults to `0`.
        zoom: Pair of floats > 0. The range of the factor by which a crop is
            scaled from the file to `image_size`. Defaults to `(0.6, 1.0)`.
        white_fraction: Float in `[0, 1]`. The part of a crop that may be
            white. Defaults to `0.75`.
        paper_fraction: Float in `[0, 1]`. The part of a crop that may be
            empty light paper. Defaults to `0.4`.
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
        `tf.data.Dataset`, endless, of float32 `(batch, image_size,
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
    >>> dataset = keras_comic.data.comic_dataset("records", image_size=16)
    >>> tuple(next(iter(dataset)).shape)
    (4, 16, 16, 3)
    """
    stream = ComicStream(
        records,
        seed,
        "comics",
        Cropper(image_size, zoom, augmentation),
        limits=(white_fraction, paper_fraction),
        avoid_text=avoid_text,
    )
    return make_batches(
        [stream],
        batch_size,
        start_step,
        shard,
        num_parallel_calls,
        lambda batch: batch["comics"],
    )
