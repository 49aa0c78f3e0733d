"""One frame of a video, converted when it is asked for."""

import numpy as np
from PIL import Image

from keras_comic.data.tone_mapping import needs_tone_mapping
from keras_comic.data.tone_mapping import to_standard_range
from keras_comic.data.video_library import import_video_library

# Cuts are found on frames whose longer side is this, pixels.
THUMBNAIL_SIDE = 256
# Taller videos that do not state their colour matrix are taken for BT.709,
# as players do.
MAX_HEIGHT_OF_BT601 = 576
# Pixel shapes beyond this are taken for an error in the file.
MAX_ASPECT_RATIO = 4

# Of swscale: bicubic; full chroma, accurate rounding, the same on every CPU.
_INTERPOLATION = 0x4 | 0x2000 | 0x40000 | 0x80000
_UNSPECIFIED_COLORSPACE = 2
_BT709 = 1


class VideoFrame:
    """A decoded frame, converted when it is asked for."""

    def __init__(self, picture, stream, number, time, follows_gap):
        self.number = number
        self.time = time
        self.follows_gap = follows_gap
        self.picture = picture
        context = stream.codec_context
        self.kind = (int(context.color_trc), int(context.color_primaries))
        ratio = stream.sample_aspect_ratio or 1
        if not 1 / MAX_ASPECT_RATIO <= ratio <= MAX_ASPECT_RATIO:
            ratio = 1
        # Width and height with square pixels, before the frame is turned.
        self.size = (
            round(picture.width * max(ratio, 1)),
            round(picture.height / min(ratio, 1)),
        )

    @property
    def upright_size(self):
        """Returns width and height of `image()`, pixels."""
        return self.size[::-1] if self._is_turned() else self.size

    @property
    def duration(self):
        """Returns how long it is shown by the file, seconds, or `None`."""
        duration = getattr(self.picture, "duration", None)
        if not duration or self.picture.time_base is None:
            return None
        return float(duration * self.picture.time_base)

    def image(self):
        """Converts the frame to an upright picture."""
        if any(part.is_alpha for part in self.picture.format.components):
            pixels = self._convert("rgba", *self.size)
            pixels = Image.fromarray(pixels)
            white = Image.new("RGBA", pixels.size, "white")
            pixels = np.asarray(Image.alpha_composite(white, pixels))
            pixels = pixels[..., :3]
        elif needs_tone_mapping(*self.kind):
            pixels = self._convert("rgb48le", *self.size)
            pixels = to_standard_range(pixels, *self.kind)
        else:
            pixels = self._convert("rgb24", *self.size)
        return self._turn(pixels)

    def thumbnail(self):
        """Converts the frame to a small one for PySceneDetect, not turned."""
        return self._convert("bgr24", *_thumbnail_size(self.size))

    def sharpness(self):
        """Returns the variance of the picture's Laplacian."""
        cv2 = import_video_library("cv2")
        gray = self._convert("gray", self.picture.width, self.picture.height)
        return float(cv2.Laplacian(gray, cv2.CV_64F).var())

    def _convert(self, pixel_format, width, height):
        colorspace = int(self.picture.colorspace)
        if (
            colorspace == _UNSPECIFIED_COLORSPACE
            and self.picture.height > MAX_HEIGHT_OF_BT601
        ):
            colorspace = _BT709
        return self.picture.to_ndarray(
            format=pixel_format,
            width=width,
            height=height,
            interpolation=_INTERPOLATION,
            src_colorspace=colorspace,
            # Left out, it would be that of the source in older PyAV.
            dst_colorspace=_UNSPECIFIED_COLORSPACE,
        )

    def _matrix(self):
        # It maps a point (x, y) to (a x + c y, b x + d y); y points down.
        matrix = self.picture.side_data.get("DISPLAYMATRIX")
        if matrix is None:
            return 1, 0, 0, 1
        a, b, _, c, d = np.frombuffer(matrix, "<i4")[:5].astype("int64")
        return a, b, c, d

    def _is_turned(self):
        a, b, c, d = self._matrix()
        return abs(a) + abs(d) < abs(b) + abs(c)

    def _turn(self, pixels):
        a, b, c, d = self._matrix()
        x_sign, y_sign = a, d
        if self._is_turned():
            x_sign, y_sign = c, b
            pixels = pixels.swapaxes(0, 1)
        pixels = pixels[:: -1 if y_sign < 0 else 1, :: -1 if x_sign < 0 else 1]
        return np.ascontiguousarray(pixels)


class ArrayFrame:
    """A frame that is an array already, as `VideoFrame`."""

    def __init__(self, pixels, number, time, follows_gap=False, duration=None):
        self.number = number
        self.time = time
        self.follows_gap = follows_gap
        self.duration = duration
        self.pixels = pixels
        self.size = self.upright_size = pixels.shape[1::-1]

    def image(self):
        """See `VideoFrame`."""
        return self.pixels

    def thumbnail(self):
        """See `VideoFrame`."""
        size = _thumbnail_size(self.size)
        small = Image.fromarray(self.pixels).resize(
            size, Image.Resampling.BILINEAR
        )
        return np.ascontiguousarray(np.asarray(small)[..., ::-1])


def _thumbnail_size(size):
    scale = min(1.0, THUMBNAIL_SIDE / max(size))
    return tuple(max(1, round(side * scale)) for side in size)
