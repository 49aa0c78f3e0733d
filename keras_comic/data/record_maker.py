"""The base of all makers of records."""

import collections
import hashlib
import io

import numpy as np
import tensorflow as tf
from PIL import Image

from keras_comic.data.image_formats import REASONS
from keras_comic.data.image_sizes import resize_short_side
from keras_comic.data.images import open_image
from keras_comic.data.picture_measures import perceptual_hash

# Of the files that are encoded anew where the source was not lossless.
JPEG_QUALITY = 95
# A record's bytes, and what the builder and the statistics need to know of it.
Record = collections.namedtuple("Record", "data facts")
# A picture that was left out: the file, the rule (a word or two), and the
# reason (a sentence).
Drop = collections.namedtuple("Drop", "path rule reason")
# A picture on its way into a record. `lossy` says whether its source was;
# `own_bytes` are those of a file that needs no change, else `None`; `box` is
# where it lay in the source, `time` seconds into the video.
Picture = collections.namedtuple("Picture", "image lossy own_bytes box time")

UNREADABLE = "unreadable"
# Rules of the files that could not be read: what errors call their reason.
FAILURES = frozenset([*REASONS, UNREADABLE, "not a video"])


class RecordMaker:
    """Makes records from sources, one source at a time."""

    def __init__(self, kind, image_size, rules):
        if image_size is not None and not image_size > 0:
            raise ValueError(
                "`image_size` must be a positive integer or None. "
                f"Received: image_size={image_size}"
            )
        self.kind = kind
        self.image_size = image_size
        self.rules = rules

    def get_config(self):
        """Returns the settings that the records depend on."""
        rules = None if self.rules is None else self.rules.get_config()
        return {
            "kind": self.kind,
            "image_size": self.image_size,
            "rules": rules,
        }

    def iterate(self, source, drops, conversions):
        """Makes the records of one source one by one, whatever happens."""
        path = str(source.path)
        try:
            yield from self.make_records(source, drops, conversions)
        except (OSError, ValueError) as error:
            rule = getattr(error, "reason", UNREADABLE)
            rule = rule if rule in FAILURES else UNREADABLE
            drops.append(Drop(path, rule, str(error)))
        except ImportError:
            raise
        except Exception as error:
            # A file that nobody has thought of must not stop the others.
            reason = f"{type(error).__name__}: {error}"
            drops.append(Drop(path, UNREADABLE, reason))

    def make_records(self, source, drops, conversions):
        """Makes the records of one source; each kind has its own way."""
        raise NotImplementedError

    def common_values(self, source, sha256, file_format, shape):
        """Returns the features that every kind of record has."""
        return {
            "image/split": source.split,
            "image/label": source.label,
            "image/filename": source.name,
            "image/source": source.source,
            "image/license": source.license,
            "image/sha256": sha256,
            "image/format": file_format,
            "image/height": shape[0],
            "image/width": shape[1],
        }

    def facts(self, source, image, data, sha256):
        """Returns the facts that the builder and the statistics need."""
        near = self.rules is not None and (
            self.rules.duplicate_distance is not None
        )
        return {
            "path": str(source.path),
            "filename": source.name,
            "label": source.label,
            "split": source.split,
            "license": source.license,
            "bytes": len(data),
            "height": image.shape[0],
            "width": image.shape[1],
            "sha256": sha256,
            "hash": perceptual_hash(image) if near else None,
        }

    def read_picture(self, path, conversions):
        """Opens an image file."""
        opened = open_image(path)
        conversions.update(opened.conversions)
        image = np.asarray(opened.image)
        own_bytes = None
        if opened.plain and opened.file_format in ("JPEG", "PNG"):
            own_bytes = path.read_bytes()
        lossy = opened.file_format in ("JPEG", "MPO", "WEBP", "AVIF", "HEIF")
        box = (0, 0, *image.shape[:2])
        return Picture(image, lossy, own_bytes, box, 0.0)

    def clean(self, picture, source, drops):
        """Applies the rules to a picture."""
        if self.rules is None:
            return True
        violations = self.rules.violations(picture.image, self.kind)
        if violations:
            first = violations[0]
            drops.append(Drop(str(source.path), first.rule, first.reason))
        return not violations

    def resize(self, image):
        """Shrinks an image to `image_size`, if it is larger."""
        if self.image_size is None or min(image.shape[:2]) <= self.image_size:
            return image
        return resize_short_side(image, self.image_size)


def summarize(facts):
    """Returns the smallest, median, mean and largest of each measure."""
    summary = {}
    for measure in ("height", "width", "bytes"):
        values = np.array([fact[measure] for fact in facts], "float64")
        if len(values):
            summary[measure] = {
                "min": float(values.min()),
                "median": float(np.median(values)),
                "mean": round(float(values.mean()), 4),
                "max": float(values.max()),
            }
    return summary


def encode_picture(picture):
    """Encodes a picture; its file's own bytes are kept where they serve."""
    own = picture.own_bytes
    if own is not None and _tensorflow_decodes(own, picture.image.shape):
        return own, "png" if own.startswith(b"\x89PNG") else "jpeg"
    return encode_image(picture.image, picture.lossy)


def encode_image(image, lossy):
    """Encodes an image as JPEG (quality 95, full colour) or PNG."""
    buffer = io.BytesIO()
    image = Image.fromarray(image)
    if lossy:
        image.save(buffer, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    else:
        image.save(buffer, "PNG")
    return buffer.getvalue(), "jpeg" if lossy else "png"


def sha256_of(*contents):
    """Returns the SHA-256 of some bytes, one after the other."""
    digest = hashlib.sha256()
    for content in contents:
        digest.update(content)
    return digest.hexdigest()


def _tensorflow_decodes(encoded, shape):
    # TensorFlow's decoders refuse some files that Pillow reads.
    try:
        decoded = tf.io.decode_image(
            encoded, channels=3, expand_animations=False
        )
    except tf.errors.InvalidArgumentError:
        return False
    return tuple(decoded.shape) == tuple(shape)
