"""Records of photos with their comics."""

import os
import posixpath

from keras_comic.data.record_maker import Drop
from keras_comic.data.record_maker import Record
from keras_comic.data.record_maker import RecordMaker
from keras_comic.data.record_maker import encode_picture
from keras_comic.data.record_maker import sha256_of
from keras_comic.data.tfrecord import serialize_record


class PairRecordMaker(RecordMaker):
    """Makes records of a photo with its comic.

    Both must have the same size, since a crop of one is to show what the
    same crop of the other shows; a pair that differs is left out. The rules
    are those for photos and for comics, each for its picture; borders are not
    trimmed.

    Args:
        image_size: Integer or `None`. Pairs with a longer short side than
            this are resized to it, pixels. Defaults to `None`.
        rules: `CleaningRules` or `None`. What is left out. Defaults to
            `None`: only what cannot be read, or differs in size.
    """

    def __init__(self, image_size=None, rules=None):
        super().__init__("pairs", image_size, rules)

    def make_records(self, source, drops, conversions):
        photo = self.read_picture(source.path, conversions)
        comic = self.read_picture(source.comic, conversions)
        if photo.image.shape != comic.image.shape:
            height, width = photo.image.shape[:2]
            drops.append(
                Drop(
                    str(source.comic),
                    "size differs",
                    "the comic must have the photo's size, "
                    f"{width}x{height} pixels, not "
                    f"{comic.image.shape[1]}x{comic.image.shape[0]}",
                )
            )
            return
        if not self.clean(photo, source, drops):
            return
        if not self.clean(comic, source._replace(path=source.comic), drops):
            return
        yield self._make_record(source, photo, comic, conversions)

    def _make_record(self, source, photo, comic, conversions):
        image = self.resize(photo.image)
        if image is not photo.image:
            conversions["resized"] += 2
            photo = photo._replace(image=image, own_bytes=None)
            comic = comic._replace(
                image=self.resize(comic.image), own_bytes=None
            )
        photo_bytes, photo_format = encode_picture(photo)
        comic_bytes, comic_format = encode_picture(comic)
        photo_sha256 = sha256_of(photo_bytes)
        values = {
            **self.common_values(
                source, photo_sha256, photo_format, image.shape
            ),
            "image/encoded": photo_bytes,
            "comic/encoded": comic_bytes,
            "comic/format": comic_format,
            "comic/filename": _comic_name(source),
            "comic/sha256": sha256_of(comic_bytes),
        }
        data = serialize_record(self.kind, values)
        # Two comics of one photo are no duplicates.
        sha256 = sha256_of(photo_bytes, comic_bytes)
        facts = self.facts(source, image, data, sha256)
        return Record(data, {**facts, "hash": None})


def _comic_name(source):
    """Returns the comic's path below the folder of the sources."""
    path = os.path.relpath(source.comic, source.path.parent)
    folder = posixpath.dirname(source.name)
    return posixpath.normpath(posixpath.join(folder, path.replace(os.sep, "/")))
