"""Clips of videos, for training."""

import tensorflow as tf

from keras_comic.data.clip_stream import ClipStream
from keras_comic.data.cropper import Cropper
from keras_comic.data.sample_pipeline import make_batches


def clip_dataset(
    records,
    num_frames,
    image_size=128,
    batch_size=4,
    seed=0,
    start_step=0,
    zoom=(0.6, 1.0),
    flow=False,
    num_parallel_calls=tf.data.AUTOTUNE,
    augmentation=None,
    shard=(0, 1),
):
    """Endless batches of clips: frames that follow each other.

    Every clip comes once before any comes again; of a longer one, the frames
    from a random one on. The frames of a clip have the same crop, as in
    `paired_dataset`, and the same augmentation. The optical flow is cropped,
    scaled, turned and mirrored with the frames: `frames[:, t]` at a pixel is
    `frames[:, t + 1]` at the pixel plus `flow[:, t]`.

    Batch `k` depends on the arguments and on `k` alone, so that
    `start_step=N` goes on exactly where a run stopped after `N` batches.

    Args:
        records: Records of clips, as in `read_records`, or a `RecordIndex`.
        num_frames: Integer > 0. Frames of a clip, at most those that the
            records hold.
        image_size: Integer > 0. Side of the crops, pixels. Defaults to `128`.
        batch_size: Integer > 0. Defaults to `4`.
        seed: Integer. Defaults to `0`.
        start_step: Integer >= 0. Number of batches to leave out at the
            start. Defaults to `0`.
        zoom: Pair of floats > 0. The range of the factor by which a crop is
            scaled from the file to `image_size`. Defaults to `(0.6, 1.0)`.
        flow: Boolean. Whether to give the optical flow, which the records
            must hold. Defaults to `False`.
        num_parallel_calls: Integer. Samples that are made at a time.
            Defaults to `tf.data.AUTOTUNE`.
        augmentation: `Augmentation` or `None`. What else is done to pictures
            at random. Defaults to `None`, with which half of them are
            mirrored.
        shard: Pair of integers: which worker this is, from 0, and how many
            there are. Each gets its part of every batch. Defaults to
            `(0, 1)`.

    Returns:
        `tf.data.Dataset`, endless, of dicts with the keys `"frames"`, float32
        `(batch, num_frames, image_size, image_size, 3)`, RGB in `[-1, 1]`,
        and `"times"`, float32 `(batch, num_frames)`, seconds into the video;
        with `flow`, also `"flow"`, float32 `(batch, num_frames - 1,
        image_size, image_size, 2)`, pixels of the crop, `x` (to the right),
        then `y` (down), and `"valid"`, boolean `(batch, num_frames - 1,
        image_size, image_size)`, where the flow is known and leads into the
        crop; elsewhere the flow is 0.

    Raises:
        FileNotFoundError: If there are no such records.
        ValueError: If an argument is out of its range, or the records are
            not as in `RecordIndex`, or not of clips.

    Example:

    >>> import os
    >>> from PIL import Image
    >>> os.mkdir("walk")
    >>> for number in range(4):
    ...     noise = np.random.randint(256, size=(24, 32, 3)).astype("uint8")
    ...     Image.fromarray(noise).save(f"walk/{number}.png")
    >>> maker = keras_comic.data.ClipRecordMaker(num_frames=4)
    >>> written = keras_comic.data.write_records("walk", "records", maker)
    >>> dataset = keras_comic.data.clip_dataset("records", 3, image_size=16)
    >>> tuple(next(iter(dataset))["frames"].shape)
    (4, 3, 16, 16, 3)
    """
    stream = ClipStream(
        records,
        seed,
        "clips",
        Cropper(image_size, zoom, augmentation),
        num_frames,
        flow,
    )
    return make_batches(
        [stream], batch_size, start_step, shard, num_parallel_calls
    )
