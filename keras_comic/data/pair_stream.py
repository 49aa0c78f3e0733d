"""The same crop of a photo and of its comic."""

import tensorflow as tf

from keras_comic.data.picture_stream import PictureStream
from keras_comic.data.record_fields import read_picture


class PairStream(PictureStream):
    """Makes crops of pairs, with the keys `photos` and `comics`."""

    kinds = ("pairs",)

    def extract(self, features, size, check):
        comic = read_picture(features, "comic/encoded", size, check)
        return {
            **super().extract(features, size, check),
            "comic": comic.encoded,
            "comic/is_jpeg": comic.is_jpeg,
        }

    def specs(self):
        return {
            **super().specs(),
            "comic": tf.TensorSpec([], "string"),
            "comic/is_jpeg": tf.TensorSpec([], "bool"),
        }

    def make(self, sample):
        crop, pixels = self.choose(sample)
        comic = self.decode(sample["comic"], sample["comic/is_jpeg"], crop)
        images = {
            "photos": self.cropper.fit(pixels, crop),
            "comics": self.cropper.fit(comic, crop),
        }
        return {"images": images, "changes": sample["changes"]}
