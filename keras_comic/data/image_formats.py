"""Formats of image files, and the error of those that cannot be read."""

from typing import NamedTuple

# A picture of more pixels, or with a longer side, is refused before it is
# decoded. Hardly any real picture is larger; decompression bombs are.
MAX_PIXELS = 100_000_000
MAX_SIDE = 25_000
# Number of bytes by which formats are told.
SIGNATURE_BYTES = 64
REASONS = (
    *("unreadable", "truncated", "not an image", "empty", "too large"),
    "unsupported",
)


class ImageError(ValueError):
    """An image file that cannot be read.

    Args:
        message: String.
        reason: String, one of `"unreadable"` (broken, or not to be opened at
            all), `"truncated"` (the file ends before the picture),
            `"not an image"`, `"empty"` (no bytes), `"too large"` (pixels,
            bytes or work beyond the bounds) and `"unsupported"` (a format or
            kind that nothing installed reads). Also an attribute. Defaults
            to `"unreadable"`.
    """

    def __init__(self, message, reason="unreadable"):
        if reason not in REASONS:
            raise ValueError(
                f"`reason` must be one of {', '.join(REASONS)}. "
                f"Received: reason={reason}"
            )
        super().__init__(message)
        self.reason = reason


class ImageFormat(NamedTuple):
    """A format: its title, its suffixes, and a pattern of its first bytes."""

    title: str
    suffixes: tuple
    signature: bytes


# By Pillow's name of each. Brands of the container that AVIF and HEIF share
# stand behind its size and `ftyp`.
FORMATS = {
    "JPEG": ImageFormat(
        "JPEG", (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"), rb"\xff\xd8\xff"
    ),
    "PNG": ImageFormat("PNG", (".png", ".apng"), rb"\x89PNG\r\n\x1a\n"),
    "GIF": ImageFormat("GIF", (".gif",), rb"GIF8[79]a"),
    "BMP": ImageFormat("BMP", (".bmp",), rb"BM"),
    "WEBP": ImageFormat("WebP", (".webp",), rb"RIFF....WEBP"),
    "TIFF": ImageFormat(
        "TIFF", (".tif", ".tiff"), rb"II[\x2a\x2b]\0|MM\0[\x2a\x2b]"
    ),
    "AVIF": ImageFormat(
        "AVIF",
        (".avif",),
        rb"....ftyp(avi[fs]|m[is]f1.{4}(.{4})*?avi[fs])",
    ),
    "HEIF": ImageFormat(
        "HEIF",
        (".heic", ".heif", ".hif"),
        rb"....ftyp(hei[cxm]|hev[cx]|m[is]f1)",
    ),
    "JXL": ImageFormat(
        "JPEG XL", (".jxl",), rb"\xff\x0a|\0\0\0\x0cJXL \r\n\x87\n"
    ),
    "JPEG2000": ImageFormat(
        "JPEG 2000",
        (".jp2", ".j2k", ".j2c", ".jpc", ".jpf", ".jpx"),
        rb"\xff\x4f\xff\x51|\0\0\0\x0cjP  \r\n\x87\n",
    ),
    "PPM": ImageFormat(
        "Netpbm", (".pbm", ".pgm", ".ppm", ".pnm"), rb"P[1-6]\s"
    ),
    "QOI": ImageFormat("QOI", (".qoi",), rb"qoif"),
    "PSD": ImageFormat("Photoshop", (".psd",), rb"8BPS\0\x01"),
    # It has no signature: these are the values that its header may have.
    "TGA": ImageFormat(
        "TGA",
        (".tga",),
        rb".(\0[\x02\x03\x0a\x0b]|\x01[\x01\x09]).{13}[\x08\x0f\x10\x18\x20][\0-\x3f]",
    ),
}
SUFFIXES = frozenset(
    suffix for row in FORMATS.values() for suffix in row.suffixes
)
