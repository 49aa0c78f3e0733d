"""Clips and drawings to give them the style of, for training."""

import math

import tensorflow as tf

from keras_comic.data.clip_stream import ClipStream
from keras_comic.data.comic_stream import ComicStream
from keras_comic.data.cropper import Cropper
from keras_comic.data.pipelines import style_transfer_dataset
from keras_comic.data.sample_pipeline import make_batches
from keras_comic.data.synthetic_clips import random_clips


def style_clip_dataset(
    clip_records,
    drawing_records,
    num_frames,
    image_size=128,
    batch_size=2,
    seed=0,
    start_step=0,
    zoom=(0.6, 1.0),
    num_parallel_calls=tf.data.AUTOTUNE,
    augmentation=None,
    shard=(0, 1),
):
    """Endless batches of clips with their flow, and of drawings.

    What `RecurrentStyleTransferGAN` is trained on. Clips as `clip_dataset`
    makes them, drawings as `style_transfer_dataset` does; batch `k` depends
    on the arguments and on `k` alone.

    Args:
        clip_records: Records of clips with optical flow, as in
            `read_records`, or a `RecordIndex`.
        drawing_records: Records of drawings, as in `read_records`, or a
            `RecordIndex`.
        num_frames: Integer > 1. Frames of a clip, at most those that the
            records hold.
        image_size: Integer > 0. Side of the crops, pixels. Defaults to `128`.
        batch_size: Integer > 0. Defaults to `2`.
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
        `tf.data.Dataset`, endless, of dicts with the keys `"clips"`, float32
        `(batch, num_frames, image_size, image_size, 3)`, RGB in `[-1, 1]`;
        `"flow"`, float32 `(batch, num_frames - 1, image_size, image_size,
        2)`, pixels, `x` (to the right), then `y` (down), from each frame to
        the next; `"valid"`, boolean `(batch, num_frames - 1, image_size,
        image_size)`; and `"style_images"`, float32 `(batch, image_size,
        image_size, 3)`, RGB in `[-1, 1]`.

    Raises:
        FileNotFoundError: If there are no such records.
        ValueError: If an argument is out of its range, or the records are
            not as in `RecordIndex`, or the clips have no flow.

    Example:

    >>> import os
    >>> from PIL import Image
    >>> os.mkdir("walk")
    >>> noise = np.random.randint(256, size=(32, 32, 3)).astype("uint8")
    >>> for number in range(3):
    ...     Image.fromarray(noise).save(f"walk/{number}.png")
    >>> data = keras_comic.data
    >>> maker = data.ClipRecordMaker(num_frames=3, flow=True)
    >>> written = data.write_records("walk", "clips", maker)
    >>> written = data.write_records("walk", "drawings", "comics")
    >>> dataset = data.style_clip_dataset("clips", "drawings", 3, 16)
    >>> sorted(next(iter(dataset)))
    ['clips', 'flow', 'style_images', 'valid']
    """
    cropper = Cropper(image_size, zoom, augmentation)
    streams = [
        ClipStream(clip_records, seed, "clips", cropper, num_frames, True),
        ComicStream(drawing_records, seed, "comics", cropper),
    ]

    def combine(batch):
        return _as_batch(batch, batch["comics"])

    return make_batches(
        streams, batch_size, start_step, shard, num_parallel_calls, combine
    )


def synthetic_style_clip_dataset(
    photo_records,
    drawing_records,
    num_frames,
    image_size=128,
    batch_size=2,
    seed=0,
    start_step=0,
    zoom=(0.6, 1.0),
    motion=(10.0, 4.0, 8.0),
    num_parallel_calls=tf.data.AUTOTUNE,
    shard=(0, 1),
):
    """Endless batches of clips made of photos, and of drawings.

    `style_clip_dataset` where there is no video: crops of photos move as in
    `random_clips`, and their flow is exact. The crops are larger than the
    clips by the motion, so that no frame shows what lies outside.

    Args:
        photo_records: Records of photos, as in `read_records`, or a
            `RecordIndex`.
        drawing_records: Records of drawings, as in `read_records`, or a
            `RecordIndex`.
        num_frames: Integer > 1. Frames of a clip.
        image_size: Integer > 0. Side of the clips, pixels. Defaults to `128`.
        batch_size: Integer > 0. Defaults to `2`.
        seed: Integer. Defaults to `0`.
        start_step: Integer >= 0. Number of batches to leave out at the
            start. Defaults to `0`.
        zoom: Pair of floats > 0. The range of the factor by which a crop is
            scaled from the file. Defaults to `(0.6, 1.0)`.
        motion: Three floats >= 0, pixels over the whole clip: `max_shift`,
            `max_affine` and `max_deformation` of `random_clips`. Defaults to
            `(10.0, 4.0, 8.0)`.
        num_parallel_calls: Integer. Samples that are made at a time.
            Defaults to `tf.data.AUTOTUNE`.
        shard: Pair of integers: which worker this is, from 0, and how many
            there are. Each gets its part of every batch. Defaults to
            `(0, 1)`.

    Returns:
        `tf.data.Dataset`, as `style_clip_dataset` gives it.

    Raises:
        FileNotFoundError: If there are no such records.
        ValueError: If an argument is out of its range, or the records are
            not as in `RecordIndex`.

    Example:

    >>> import os
    >>> from PIL import Image
    >>> os.mkdir("ink")
    >>> noise = np.random.randint(256, size=(64, 64, 3)).astype("uint8")
    >>> Image.fromarray(noise).save("ink/noise.png")
    >>> data = keras_comic.data
    >>> written = data.write_records("ink", "records", "comics")
    >>> dataset = data.synthetic_style_clip_dataset("records", "records", 3, 16)
    >>> tuple(next(iter(dataset))["clips"].shape)
    (2, 3, 16, 16, 3)
    """
    margin = math.ceil(sum(motion))
    dataset = style_transfer_dataset(
        photo_records,
        drawing_records,
        image_size + 2 * margin,
        batch_size,
        seed,
        start_step,
        zoom,
        num_parallel_calls=num_parallel_calls,
        shard=shard,
    )
    place, count = shard

    def move(step, batch):
        clips = random_clips(
            batch["photos"],
            num_frames,
            tf.stack([tf.constant(seed, "int64"), step * count + place]),
            *motion,
            margin=margin,
        )
        drawings = batch["style_images"]
        end = margin + image_size
        return _as_batch(clips, drawings[:, margin:end, margin:end])

    steps = tf.data.Dataset.counter(tf.constant(start_step, "int64"))
    return tf.data.Dataset.zip((steps, dataset)).map(move).prefetch(1)


def _as_batch(clips, drawings):
    return {
        "clips": clips["frames"],
        "flow": clips["flow"],
        "valid": clips["valid"],
        "style_images": drawings,
    }
