"""Datasets of crops, from TFRecords, for training.

The number of a sample says which record it takes, by a permutation that is
worked out for each place alone, and gives all its random numbers. Blocks of
samples are read at their places in the shards; each sample is decoded (of a
JPEG, no more than its crop), cropped and scaled by itself; colours and floats
are made of whole batches. Batch `k` therefore depends on the arguments and on
`k` alone: a dataset that starts at step 1000 gives at once what a run would
get after 1000 batches, and the records may be more than memory holds.
"""

import tensorflow as tf

from keras_comic.data.clip_stream import ClipStream
from keras_comic.data.picture_stream import ChoiceStream
from keras_comic.data.picture_stream import ComicStream
from keras_comic.data.picture_stream import PairStream
from keras_comic.data.picture_stream import PictureStream
from keras_comic.data.record_index import RecordIndex
from keras_comic.data.sample_pipeline import make_batches


def style_transfer_dataset(
    photo_records,
    drawing_records,
    crops=None,
    batch_size=4,
    seed=0,
    start_step=0,
    identity_fraction=0.0,
    shard=(0, 1),
):
    """Endless batches of photos and of drawings to give them the style of.

    Every photo comes once before any comes again. Drawings come from each
    label (illustrator) equally often, and within a label every drawing comes
    once before any comes again; nearly blank crops of them are avoided.
    Batch `k` depends on the arguments and on `k` alone, so that
    `start_step=N` goes on exactly where a run stopped after `N` batches.

    Args:
        photo_records: Records of photos, as in `read_records`.
        drawing_records: Records of drawings, likewise.
        crops: `Crops` or `None`, for those with their defaults. Defaults to
            `None`.
        batch_size: Integer > 0. Defaults to `4`.
        seed: Integer. Defaults to `0`.
        start_step: Integer >= 0. Number of batches to leave out at the
            start. Defaults to `0`.
        identity_fraction: Float in `[0, 1]`. The part of the samples whose
            style image is the photo's own crop. Defaults to `0.0`.
        shard: Pair of integers: which worker this is, from 0, and how many
            there are. Each gets its part of every batch. Defaults to
            `(0, 1)`.

    Returns:
        `tf.data.Dataset`, endless, of dicts with the keys `"photos"` and
        `"style_images"`: float32 `(batch, size, size, 3)`, RGB in `[-1, 1]`.

    Raises:
        FileNotFoundError: If there are no such records.
        ValueError: If an argument is out of its range, or the records are of
            another kind, of another version, or too many of them corrupt.

    Example:

    >>> import os
    >>> from PIL import Image
    >>> os.mkdir("ink")
    >>> noise = np.random.randint(256, size=(32, 32, 3)).astype("uint8")
    >>> Image.fromarray(noise).save("ink/noise.png")
    >>> data = keras_comic.data
    >>> written = data.write_records("ink", "records", "comics")
    >>> dataset = data.style_transfer_dataset(
    ...     "records", "records", data.Crops(16)
    ... )
    >>> tuple(next(iter(dataset))["style_images"].shape)
    (4, 16, 16, 3)
    """
    if not 0 <= identity_fraction <= 1:
        raise ValueError(
            "`identity_fraction` must lie in [0, 1]. "
            f"Received: identity_fraction={identity_fraction}"
        )
    streams = [
        PictureStream(photo_records, seed, "photos", crops),
        ComicStream(drawing_records, seed, "comics", crops),
    ]
    if identity_fraction:
        streams.append(ChoiceStream(seed, "identity", identity_fraction))

    def combine(batch):
        photos, style_images = batch["photos"], batch["comics"]
        if identity_fraction:
            chosen = batch["identity"][:, None, None, None]
            style_images = tf.where(chosen, photos, style_images)
        return {"photos": photos, "style_images": style_images}

    return make_batches(streams, batch_size, start_step, shard, combine)


def unpaired_dataset(
    photo_records,
    comic_records,
    crops=None,
    batch_size=4,
    seed=0,
    start_step=0,
    variants=(),
    shard=(0, 1),
):
    """Endless batches of photos and of comics, with what losses need of them.

    For CartoonGAN, AnimeGAN and their like; order and crops are those of
    `style_transfer_dataset`. A variant has the crop of its picture and all
    that is done to it. Where a record stores it, it is read; otherwise it is
    made of the crop, which costs time: see `make_variant`.

    Args:
        photo_records: Records of photos, as in `read_records`.
        comic_records: Records of comics, likewise.
        crops: `Crops` or `None`. Defaults to `None`.
        batch_size: Integer > 0. Defaults to `4`.
        seed: Integer. Defaults to `0`.
        start_step: Integer, as in `style_transfer_dataset`. Defaults to `0`.
        variants: Sequence of strings such as `"comics/edge_smoothed"` or
            `"photos/superpixels"`: `photos` or `comics`, and a variant of
            `make_variant`. Defaults to `()`.
        shard: Pair of integers, as there. Defaults to `(0, 1)`.

    Returns:
        `tf.data.Dataset`, endless, of dicts with the keys `"photos"`,
        `"comics"` and those in `variants`: float32 `(batch, size, size, 3)`,
        RGB in `[-1, 1]`.

    Reference:
        - [Chen et al., 2018](https://doi.org/10.1109/CVPR.2018.00986),
          section 3.2.1, for the comics with smoothed edges.
    """
    by_kind = {"photos": [], "comics": []}
    for name in variants:
        kind, _, variant = name.partition("/")
        if kind not in by_kind or not variant:
            raise ValueError(
                '`variants` must be like "comics/edge_smoothed" or '
                f'"photos/superpixels". Received: variants={variants}'
            )
        by_kind[kind].append(variant)
    streams = [
        PictureStream(photo_records, seed, "photos", crops, by_kind["photos"]),
        ComicStream(comic_records, seed, "comics", crops, by_kind["comics"]),
    ]
    return make_batches(streams, batch_size, start_step, shard)


def picture_dataset(
    records, crops=None, batch_size=4, seed=0, start_step=0, shard=(0, 1)
):
    """Endless batches of crops of photos, or of comics.

    One half of `style_transfer_dataset`: of records of photos the same
    photos, of records of comics the same drawings.

    Args:
        records: Records of photos or of comics, as in `read_records`.
        crops: `Crops` or `None`. Defaults to `None`.
        batch_size: Integer > 0. Defaults to `4`.
        seed: Integer. Defaults to `0`.
        start_step: Integer, as in `style_transfer_dataset`. Defaults to `0`.
        shard: Pair of integers, as there. Defaults to `(0, 1)`.

    Returns:
        `tf.data.Dataset`, endless, of float32 `(batch, size, size, 3)`, RGB
        in `[-1, 1]`.
    """
    if not isinstance(records, RecordIndex):
        records = RecordIndex(records)
    stream_class = ComicStream if records.kind == "comics" else PictureStream
    stream = stream_class(records, seed, records.kind, crops)
    return make_batches(
        [stream],
        batch_size,
        start_step,
        shard,
        lambda batch: batch[records.kind],
    )


def paired_dataset(
    records, crops=None, batch_size=4, seed=0, start_step=0, shard=(0, 1)
):
    """Endless batches of photos with their comics, cropped alike.

    Every pair comes once before any comes again. What is done to a photo (the
    crop, the mirroring, the change of colours) is done to its comic too.

    Args:
        records: Records of pairs, as in `read_records`.
        crops: `Crops` or `None`. Defaults to `None`.
        batch_size: Integer > 0. Defaults to `4`.
        seed: Integer. Defaults to `0`.
        start_step: Integer, as in `style_transfer_dataset`. Defaults to `0`.
        shard: Pair of integers, as there. Defaults to `(0, 1)`.

    Returns:
        `tf.data.Dataset`, endless, of dicts with the keys `"photos"` and
        `"comics"`: float32 `(batch, size, size, 3)`, RGB in `[-1, 1]`.
    """
    stream = PairStream(records, seed, "pairs", crops)
    return make_batches([stream], batch_size, start_step, shard)


def clip_dataset(
    records,
    num_frames,
    crops=None,
    batch_size=4,
    seed=0,
    start_step=0,
    flow=False,
    shard=(0, 1),
):
    """Endless batches of clips: frames that follow each other.

    Every clip comes once before any comes again; of a longer one, the frames
    from a random one on. The frames of a clip have the same crop and the same
    changes. The optical flow is cropped, scaled, turned and mirrored with
    them: `frames[:, t]` at a pixel is `frames[:, t + 1]` at the pixel plus
    `flow[:, t]`.

    Args:
        records: Records of clips, as in `read_records`.
        num_frames: Integer > 0. Frames of a clip, at most those that the
            records hold.
        crops: `Crops` or `None`. Defaults to `None`.
        batch_size: Integer > 0. Defaults to `4`.
        seed: Integer. Defaults to `0`.
        start_step: Integer, as in `style_transfer_dataset`. Defaults to `0`.
        flow: Boolean. Whether to give the optical flow, which the records
            must hold. Defaults to `False`.
        shard: Pair of integers, as there. Defaults to `(0, 1)`.

    Returns:
        `tf.data.Dataset`, endless, of dicts with the keys `"frames"`, float32
        `(batch, num_frames, size, size, 3)`, RGB in `[-1, 1]`, and `"times"`,
        float32 `(batch, num_frames)`, seconds into the video; with `flow`,
        also `"flow"`, float32 `(batch, num_frames - 1, size, size, 2)`,
        pixels of the crop, `x` (to the right), then `y` (down), and
        `"valid"`, boolean `(batch, num_frames - 1, size, size)`, where the
        flow is known and leads into the crop; elsewhere the flow is 0.
    """
    stream = ClipStream(records, seed, "clips", crops, num_frames, flow)
    return make_batches([stream], batch_size, start_step, shard)
