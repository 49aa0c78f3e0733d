"""Records of photos and of comics."""

import numpy as np

from keras_comic.data.media import is_video
from keras_comic.data.record_maker import Picture
from keras_comic.data.record_maker import Record
from keras_comic.data.record_maker import RecordMaker
from keras_comic.data.record_maker import encode_image
from keras_comic.data.record_maker import encode_picture
from keras_comic.data.record_maker import sha256_of
from keras_comic.data.tfrecord import PICTURES
from keras_comic.data.tfrecord import serialize_record
from keras_comic.data.variants import VARIANTS
from keras_comic.data.variants import make_variant
from keras_comic.data.video_frames import read_frames


class ImageRecordMaker(RecordMaker):
    """Makes records of photos or of comics, one picture each.

    A picture is an image file, a frame of a video, or a panel of a page. A
    file's own bytes go into its record where they are an upright JPEG or PNG
    without transparency and nothing is trimmed, split or resized; any other
    picture is encoded anew (JPEG of quality 95 where it was lossy, else PNG).

    Args:
        kind: `"photos"` or `"comics"`.
        image_size: Integer or `None`. Pictures with a longer short side than
            this are resized to it, pixels. Defaults to `None`, which resizes
            nothing.
        rules: `CleaningRules` or `None`. What is left out, and whether
            borders are trimmed. Defaults to `None`: only what cannot be read
            is left out.
        panel_finder: Callable or `None`. For pages of comics: takes a page,
            returns the boxes `(top, left, height, width)` of the panels that
            become records, such as `keras_comic.comic.find_panels`. It is
            called in other processes, so that it must be a function of a
            module. Defaults to `None`.
        variants: Sequence of strings: `"edge_smoothed"`, `"grayscale"`,
            `"superpixels"`, `"blurred"`, `"smoothed"`. What is stored beside
            each picture. Defaults to `()`.
        frames: Integer > 0, or `"scenes"`. Of videos, every so many frames
            one is taken, or one of each scene. Defaults to `24`.
    """

    def __init__(
        self,
        kind,
        image_size=None,
        rules=None,
        panel_finder=None,
        variants=(),
        frames=24,
    ):
        if kind not in PICTURES:
            raise ValueError(
                f"`kind` must be one of {', '.join(PICTURES)}. "
                f"Received: kind={kind}"
            )
        for name in variants:
            if name not in VARIANTS:
                raise ValueError(
                    f"`variants` must be among {', '.join(VARIANTS)}. "
                    f"Received: variants={variants}"
                )
        if frames != "scenes" and not (isinstance(frames, int) and frames > 0):
            raise ValueError(
                '`frames` must be a positive integer or "scenes". '
                f"Received: frames={frames}"
            )
        super().__init__(kind, image_size, rules)
        self.panel_finder = panel_finder
        self.variants = tuple(variants)
        self.frames = frames

    def get_config(self):
        finder = self.panel_finder
        return {
            **super().get_config(),
            "panel_finder": finder and f"{finder.__module__}.{finder.__name__}",
            "variants": list(self.variants),
            "frames": self.frames,
        }

    def make_records(self, source, drops, conversions):
        for picture in self._read(source, conversions):
            for part in self._split(picture, conversions):
                if self.clean(part, source, drops):
                    yield self._make_record(part, source, conversions)

    def _read(self, source, conversions):
        if not is_video(source.path):
            yield self.read_picture(source.path, conversions)
            return
        scenes = self.frames == "scenes"
        for frame in read_frames(
            source.path, every=1 if scenes else self.frames, scene_cuts=scenes
        ):
            conversions["frame of a video"] += 1
            box = (0, 0, *frame.image.shape[:2])
            yield Picture(frame.image, True, None, box, float(frame.time))

    def _split(self, picture, conversions):
        # A page's margins show what its gutters look like: panels first.
        parts = [picture]
        if self.panel_finder is not None:
            boxes = self.panel_finder(picture.image)
            parts = [_cut(picture, box) for box in boxes]
            if len(parts) > 1 or parts[0] is not picture:
                conversions["panel of a page"] += len(parts)
        if self.rules is not None and self.rules.trim:
            for place, part in enumerate(parts):
                trimmed = _cut(part, self.rules.trim_box(part.image))
                if trimmed is not part:
                    conversions["trimmed"] += 1
                    parts[place] = trimmed
        return parts

    def _make_record(self, picture, source, conversions):
        image = self.resize(picture.image)
        if image is not picture.image:
            conversions["resized"] += 1
            picture = picture._replace(image=image, own_bytes=None)
        encoded, file_format = encode_picture(picture)
        sha256 = sha256_of(encoded)
        values = {
            **self.common_values(source, sha256, file_format, image.shape),
            "image/encoded": encoded,
            "image/box": picture.box,
            "image/time": picture.time,
        }
        for name in self.variants:
            variant = make_variant(name, image)
            values[f"variant/{name}"] = [
                encode_image(variant, file_format == "jpeg")[0]
            ]
        data = serialize_record(self.kind, values)
        return Record(data, self.facts(source, image, data, sha256))


def _cut(picture, box):
    top, left, height, width = (int(number) for number in box)
    if (top, left, height, width) == (0, 0, *picture.image.shape[:2]):
        return picture
    image = picture.image[top : top + height, left : left + width]
    first, start = picture.box[:2]
    return picture._replace(
        image=np.ascontiguousarray(image),
        own_bytes=None,
        box=(first + top, start + left, height, width),
    )
