"""Small records that the tests of this folder share."""

import hashlib
import io

import tensorflow as tf
from PIL import Image

from keras_comic.data.tfrecord import serialize_record


def encode(image, file_format="png", **arguments):
    """A uint8 image as the bytes of a file."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, file_format, **arguments)
    return file.getvalue()


def common_values(encoded, size, label="ink", file_format="png"):
    """What records of every kind hold."""
    return {
        "image/split": "train",
        "image/label": label,
        "image/filename": "picture",
        "image/source": "",
        "image/license": "",
        "image/sha256": hashlib.sha256(encoded).hexdigest(),
        "image/format": file_format,
        "image/height": size[0],
        "image/width": size[1],
    }


def picture_record(
    image, label="ink", kind="photos", file_format="png", **variants
):
    """A record of a photo or comic."""
    encoded = encode(image, file_format)
    return serialize_record(
        kind,
        {
            **common_values(encoded, image.shape[:2], label, file_format),
            "image/encoded": encoded,
            "image/box": (0, 0, *image.shape[:2]),
            "image/time": 0.0,
            **{
                f"variant/{name}": [encode(variant)]
                for name, variant in variants.items()
            },
        },
    )


def pair_record(photo, comic, file_formats=("png", "png")):
    """A record of a photo with its comic, both uint8 images."""
    encoded = [encode(photo, file_formats[0]), encode(comic, file_formats[1])]
    return serialize_record(
        "pairs",
        {
            **common_values(encoded[0], photo.shape[:2]),
            "image/encoded": encoded[0],
            "comic/encoded": encoded[1],
            "comic/format": file_formats[1],
            "comic/filename": "comic",
            "comic/sha256": hashlib.sha256(encoded[1]).hexdigest(),
        },
    )


def clip_record(frames, times, flows=(), file_format="png"):
    """A record of a clip: uint8 frames, seconds, encoded flows."""
    encoded = [encode(frame, file_format) for frame in frames]
    return serialize_record(
        "clips",
        {
            **common_values(b"".join(encoded), frames[0].shape[:2]),
            "clip/encoded": encoded,
            "clip/times": times,
            "clip/flow": flows,
        },
    )


def write_shards(folder, records, num_shards=1):
    """Writes records into shards, in turns."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number in range(num_shards):
        name = f"train-{number:05d}-of-{num_shards:05d}.tfrecord"
        paths.append(folder / name)
        with tf.io.TFRecordWriter(str(paths[-1])) as writer:
            for record in records[number::num_shards]:
                writer.write(record)
    return paths
