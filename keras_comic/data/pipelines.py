"""Datasets of crops, from TFRecords, for training.

The order that every dataset here keeps: list the shards, read them one after
the other, cache the raw bytes in memory, shuffle, parse, augment, batch,
prefetch. The shuffle is a permutation of the numbers of the images, worked
out for each sample from its own number: sample number `n` (batch `n //
batch_size`) depends on the seed and on `n` alone. A dataset that starts at
step 1000 therefore gives at once what a run would get that has taken 1000
batches, and the number of parallel calls changes nothing.
"""

import os

import tensorflow as tf

from keras_comic.data.crops import CELL_SIZE
from keras_comic.data.crops import NUM_TRIES
from keras_comic.data.crops import PAPER_DEVIATION
from keras_comic.data.crops import PAPER_LEVEL
from keras_comic.data.crops import WHITE_LEVEL
from keras_comic.data.crops import check_batches
from keras_comic.data.crops import check_crop
from keras_comic.data.crops import check_fraction
from keras_comic.data.crops import random_key
from keras_comic.data.tfrecord import list_shards
from keras_comic.data.tfrecord import read_records

# What the encoded images of one dataset may take up in memory, GiB.
MEMORY_LIMIT = 4


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
):
    """Endless batches of photos and of drawings to give them the style of.

    Every photo comes once before any comes again. Drawings come from each
    label (illustrator) equally often, and within a label every drawing comes
    once before any comes again. Crops are square, at a random place,
    `image_size / zoom` pixels wide in the file, at most its short side, and
    half of them are mirrored. A crop of a drawing that is nearly blank is
    drawn again, up to 8 times; then the least blank one is taken. Blank is
    what is white, and what is empty light paper, which counts twice where it
    is tinted: white pages teach a generator to bleach, empty text boxes to
    leave holes.

    Batch `k` depends on the arguments and on `k` alone, so that
    `start_step=N` goes on exactly where a run stopped after `N` batches.

    Args:
        photo_records: Records of photos, as in `read_records`.
        drawing_records: Records of drawings, as in `read_records`.
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

    Returns:
        `tf.data.Dataset`, endless, of dicts with the keys `"photos"` and
        `"style_images"`: float32 `(batch, image_size, image_size, 3)`, RGB in
        `[-1, 1]`. The encoded images stay in memory, at most 4 GiB.

    Raises:
        FileNotFoundError: If there are no such records.
        ValueError: If an argument is out of its range, or the records take
            more than 4 GiB.

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
    photos = _Photos(photo_records, image_size, seed, zoom)
    drawings = _Drawings(
        drawing_records, image_size, seed, zoom, white_fraction, paper_fraction
    )
    key = random_key(seed, "identity")

    def make_sample(number):
        photo = photos.sample(number)
        if identity_fraction == 0.0:
            return {"photos": photo, "style_images": drawings.sample(number)}
        style_image = tf.cond(
            _uniforms(key, number, [])[()] < identity_fraction,
            lambda: photo,
            lambda: drawings.sample(number),
        )
        return {"photos": photo, "style_images": style_image}

    return _batches(make_sample, batch_size, start_step, num_parallel_calls)


def photo_dataset(
    records,
    image_size=128,
    batch_size=4,
    seed=0,
    start_step=0,
    zoom=(0.6, 1.0),
    num_parallel_calls=tf.data.AUTOTUNE,
):
    """Endless batches of crops of photos.

    The photos of `style_transfer_dataset`, alone.

    Args:
        records: Records of photos, as in `read_records`.
        image_size: Integer > 0. Side of the crops, pixels. Defaults to `128`.
        batch_size: Integer > 0. Defaults to `4`.
        seed: Integer. Defaults to `0`.
        start_step: Integer >= 0. Number of batches to leave out at the
            start. Defaults to `0`.
        zoom: Pair of floats > 0. The range of the factor by which a crop is
            scaled from the file to `image_size`. Defaults to `(0.6, 1.0)`.
        num_parallel_calls: Integer. Samples that are made at a time.
            Defaults to `tf.data.AUTOTUNE`.

    Returns:
        `tf.data.Dataset`, endless, of float32 `(batch, image_size,
        image_size, 3)`, RGB in `[-1, 1]`.

    Raises:
        FileNotFoundError: If there are no such records.
        ValueError: If an argument is out of its range, or the records take
            more than 4 GiB.

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
    photos = _Photos(records, image_size, seed, zoom)
    return _batches(photos.sample, batch_size, start_step, num_parallel_calls)


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
):
    """Endless batches of crops of drawings.

    The drawings of `style_transfer_dataset`, alone.

    Args:
        records: Records of drawings, as in `read_records`.
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

    Returns:
        `tf.data.Dataset`, endless, of float32 `(batch, image_size,
        image_size, 3)`, RGB in `[-1, 1]`.

    Raises:
        FileNotFoundError: If there are no such records.
        ValueError: If an argument is out of its range, or the records take
            more than 4 GiB.

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
    drawings = _Drawings(
        records, image_size, seed, zoom, white_fraction, paper_fraction
    )
    return _batches(drawings.sample, batch_size, start_step, num_parallel_calls)


class _Photos:
    """Crops of photos by the number of the sample."""

    def __init__(self, records, image_size, seed, zoom):
        check_crop(image_size, zoom)
        self.image_size = image_size
        self.zoom = zoom
        self.encoded = tf.constant(
            [
                record["image/encoded"].numpy()
                for record in _load_records(records)
            ]
        )
        self.count = len(self.encoded)
        self.order_key = random_key(seed, "photo order")
        self.crop_key = random_key(seed, "photo crop")

    def sample(self, number):
        epoch, place = number // self.count, number % self.count
        index = _shuffled(place, self.order_key, epoch, self.count)
        image = _decode(self.encoded[index])
        uniforms = _uniforms(self.crop_key, number, [4])
        box = crop_boxes(
            tf.shape(image), uniforms[None, :3], self.image_size, self.zoom
        )[0]
        return crop(image, box, uniforms[3] < 0.5, self.image_size)


class _Drawings:
    """Crops of drawings by the number of the sample, evenly over labels."""

    def __init__(
        self, records, image_size, seed, zoom, white_fraction, paper_fraction
    ):
        check_crop(image_size, zoom)
        check_fraction("white_fraction", white_fraction)
        check_fraction("paper_fraction", paper_fraction)
        self.image_size = image_size
        self.zoom = zoom
        self.limits = (white_fraction, paper_fraction)
        by_label = {}
        for record in _load_records(records):
            label = record["image/label"].numpy()
            encoded = record["image/encoded"].numpy()
            by_label.setdefault(label, []).append(encoded)
        groups = [by_label[label] for label in sorted(by_label)]
        self.encoded = tf.constant([item for group in groups for item in group])
        self.counts = tf.constant([len(group) for group in groups], "int64")
        self.starts = tf.cumsum(self.counts, exclusive=True)
        self.num_labels = len(groups)
        self.label_key = random_key(seed, "drawing label")
        self.order_key = random_key(seed, "drawing order")
        self.crop_key = random_key(seed, "drawing crop")

    def sample(self, number):
        # Every round takes one drawing of each label.
        turn, place = number // self.num_labels, number % self.num_labels
        label = _shuffled(place, self.label_key, turn, self.num_labels)
        count = self.counts[label]
        index = self.starts[label] + _shuffled(
            turn % count, self.order_key, turn // count, count
        )
        image = _decode(self.encoded[index])
        uniforms = _uniforms(self.crop_key, number, [NUM_TRIES * 3 + 1])
        boxes = crop_boxes(
            tf.shape(image),
            tf.reshape(uniforms[:-1], [NUM_TRIES, 3]),
            self.image_size,
            self.zoom,
        )
        box = boxes[least_blank(image, boxes, *self.limits)]
        return crop(image, box, uniforms[-1] < 0.5, self.image_size)


def crop_boxes(shape, uniforms, image_size, zoom):
    """Random square boxes inside an image.

    Args:
        shape: Int32 `(3,)`, the shape of the image.
        uniforms: Float32 `(boxes, 3)` in `[0, 1)`: zoom, top, left.
        image_size: Integer. Side of the crop to be made, pixels.
        zoom: Pair of floats > 0, the range of the scale to `image_size`.

    Returns:
        Int32 `(boxes, 3)`: top, left and side, pixels.
    """
    short_side = tf.cast(tf.minimum(shape[0], shape[1]), "float32")
    factors = zoom[0] + uniforms[:, 0] * (zoom[1] - zoom[0])
    sides = tf.minimum(tf.round(image_size / factors), short_side)
    room = tf.cast(shape[:2], "float32") - sides[:, None] + 1.0
    corners = tf.minimum(tf.floor(uniforms[:, 1:] * room), room - 1.0)
    return tf.cast(tf.concat([corners, sides[:, None]], axis=1), "int32")


def crop(image, box, mirror, image_size):
    """Cuts a box out of an image, resizes it and mirrors it.

    Args:
        image: Uint8 `(height, width, 3)`, RGB in `[0, 255]`.
        box: Int32 `(3,)`: top, left and side, pixels.
        mirror: Boolean scalar.
        image_size: Integer. Side of the result, pixels.

    Returns:
        Float32 `(image_size, image_size, 3)`, RGB in `[-1, 1]`.
    """
    top, left, side = box[0], box[1], box[2]
    image = image[top : top + side, left : left + side]
    image = tf.cond(mirror, lambda: image[:, ::-1], lambda: image)
    image = tf.image.resize(
        image, (image_size, image_size), method="bicubic", antialias=True
    )
    image = tf.clip_by_value(image / 127.5 - 1.0, -1.0, 1.0)
    return tf.ensure_shape(image, (image_size, image_size, 3))


def least_blank(image, boxes, white_fraction, paper_fraction):
    """Chooses the first box of a drawing that is not blank.

    Measured on cells of 8 pixels, those that the box touches. Empty paper
    that is light but not white (a text box, an unprinted plate) counts twice.

    Args:
        image: Uint8 `(height, width, 3)`, RGB in `[0, 255]`.
        boxes: Int32 `(boxes, 3)`: top, left and side, pixels.
        white_fraction: Float. The part that may be white.
        paper_fraction: Float. The part that may be empty light paper.

    Returns:
        Int64 scalar: the number of the first box within both limits, or of
        the one that exceeds them by the least factor.
    """
    cells = blank_cells(image)
    sums = tf.cumsum(tf.cumsum(cells, axis=0), axis=1)
    sums = tf.pad(sums, [[1, 0], [1, 0], [0, 0]])
    start = boxes[:, :2] // CELL_SIZE
    end = -(-(boxes[:, :2] + boxes[:, 2:]) // CELL_SIZE)
    top, left = tf.unstack(start, axis=1)
    bottom, right = tf.unstack(end, axis=1)
    total = (
        _at(sums, bottom, right)
        - _at(sums, top, right)
        - _at(sums, bottom, left)
        + _at(sums, top, left)
    )
    area = tf.cast((bottom - top) * (right - left), "float32")
    limits = tf.maximum([white_fraction, paper_fraction], 1e-3)
    blank = tf.minimum(total / area[:, None], 1.0)
    excess = tf.reduce_max(blank / limits, axis=1)
    return tf.argmin(tf.maximum(excess, 1.0))


def blank_cells(image):
    """How blank each cell of 8x8 pixels of a drawing is.

    Args:
        image: Uint8 `(height, width, 3)`, RGB in `[0, 255]`.

    Returns:
        Float32 `(rows, columns, 2)`, as `keras_comic.data.crops.blank_cells`.
    """
    darkest = tf.cast(tf.reduce_min(image, axis=-1), "float32")
    white = tf.cast(darkest > WHITE_LEVEL, "float32")
    maps = [white, darkest, tf.square(darkest), tf.ones_like(darkest)]
    shape = tf.shape(image)
    maps = tf.pad(
        tf.stack(maps, axis=-1),
        [[0, -shape[0] % CELL_SIZE], [0, -shape[1] % CELL_SIZE], [0, 0]],
    )
    maps = tf.nn.avg_pool2d(maps[None], CELL_SIZE, CELL_SIZE, "VALID")[0]
    white, mean, square = tf.unstack(maps[..., :3] / maps[..., 3:], axis=-1)
    paper = tf.logical_and(
        mean > PAPER_LEVEL, square - mean**2 < PAPER_DEVIATION**2
    )
    weight = tf.where(mean > WHITE_LEVEL, 1.0, 2.0)
    return tf.stack([white, tf.cast(paper, "float32") * weight], axis=-1)


def _at(grid, rows, columns):
    return tf.gather_nd(grid, tf.stack([rows, columns], axis=1))


def _decode(encoded):
    image = tf.io.decode_image(encoded, channels=3, expand_animations=False)
    return tf.ensure_shape(image, (None, None, 3))


def _uniforms(key, number, shape):
    return tf.random.stateless_uniform(
        shape, seed=tf.stack([tf.constant(key, "int64"), number]), alg="philox"
    )


def _shuffled(place, key, turn, count):
    """The place that `place` takes in the permutation of this turn."""
    return tf.random.experimental.index_shuffle(
        place,
        seed=tf.stack([key, tf.cast(turn, "int32")]),
        max_index=tf.cast(count, "int64") - 1,
    )


def _load_records(records):
    gib = sum(os.path.getsize(shard) for shard in list_shards(records)) / 2**30
    if gib > MEMORY_LIMIT:
        raise ValueError(
            f"The records must fit in memory, at most {MEMORY_LIMIT} GiB; "
            "build them again with a smaller `image_size`. "
            f"Received: {gib:.1f} GiB in {records}"
        )
    return list(read_records(records))


def _batches(make_sample, batch_size, start_step, num_parallel_calls):
    check_batches(batch_size, start_step)
    first = start_step * batch_size
    numbers = tf.data.Dataset.range(first, tf.int64.max)
    dataset = numbers.map(
        make_sample,
        num_parallel_calls=num_parallel_calls,
        deterministic=True,
    )
    dataset = dataset.batch(batch_size, drop_remainder=True)
    return dataset.prefetch(tf.data.AUTOTUNE)
