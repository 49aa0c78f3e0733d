"""Broken and odd image files, each with what is to come of it."""

import io
import os
import random
import struct
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

ORIENTATION = 0x0112


class BadFile(NamedTuple):
    """What `open_image` makes of a file.

    `reason` is that of the error, `None` where the file can be read all the
    same; then `conversions` are those expected.
    """

    reason: str
    conversions: tuple = ()


def picture(height=48, width=64, channels=3, seed=0):
    """A smooth uint8 picture, with every value somewhere."""
    coarse = np.random.default_rng(seed).integers(0, 256, (5, 7, channels))
    bands = [
        Image.fromarray(band.astype("uint8")).resize((width, height))
        for band in np.moveaxis(coarse, -1, 0)
    ]
    return np.stack([np.asarray(band) for band in bands], axis=-1)


def encode(image, file_format, **arguments):
    """The bytes of a file that Pillow writes."""
    if isinstance(image, np.ndarray):
        image = Image.fromarray(image)
    buffer = io.BytesIO()
    image.save(buffer, file_format, **arguments)
    return buffer.getvalue()


def png_chunk(kind, data):
    checksum = zlib.crc32(kind + data)
    return (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)
    )


def encode_png(pixels, *chunks, size=None, bits=None):
    """A PNG of any depth, with chunks before its pixels."""
    kind = 0
    if isinstance(pixels, np.ndarray):
        height, width, channels = pixels.shape
        size = size or (width, height)
        bits = bits or 8 * pixels.itemsize
        kind = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
        rows = pixels.astype(pixels.dtype.newbyteorder(">"))
        pixels = b"".join(b"\0" + row.tobytes() for row in rows)
    header = struct.pack(">IIBBBBB", *size, bits, kind, 0, 0, 0)
    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            png_chunk(b"IHDR", header),
            *chunks,
            png_chunk(b"IDAT", zlib.compress(pixels)),
            png_chunk(b"IEND", b""),
        ]
    )


def encode_tiff(pixels, order="<", **tags):
    """A plain TIFF of one strip; `tags` are numbers by `t` and their number."""
    height, width, channels = pixels.shape
    data = pixels.astype(pixels.dtype.newbyteorder(order)).tobytes()
    bits = 8 * pixels.itemsize
    entries = {
        256: width,
        257: height,
        258: bits,
        259: 1,
        262: {1: 1, 3: 2, 4: 5}[channels],
        273: None,
        277: channels,
        278: height,
        279: len(data),
    }
    entries.update({int(tag[1:]): value for tag, value in tags.items()})
    behind = 8 + 2 + 12 * len(entries) + 4
    # Several values of 16 bits stand behind the directory.
    entries[273] = behind + 2 * channels
    directory = b""
    for tag, value in sorted(entries.items()):
        if tag == 258 and channels > 2:
            directory += struct.pack(order + "HHII", tag, 3, channels, behind)
        else:
            directory += struct.pack(order + "HHII", tag, 4, 1, value)
    return b"".join(
        [
            {"<": b"II*\0", ">": b"MM\0*"}[order],
            struct.pack(order + "I", 8),
            struct.pack(order + "H", len(entries)),
            directory,
            bytes(4),
            struct.pack(order + f"{channels}H", *[bits] * channels),
            data,
        ]
    )


def exif(orientation):
    data = Image.Exif()
    data[ORIENTATION] = orientation
    return data


# An EXIF block that says it has many entries, far beyond its end.
BROKEN_EXIF = b"Exif\0\0II*\0" + struct.pack("<IHHHI", 8, 999, 0x8769, 4, 9)


def with_segment(jpeg, marker, data):
    """A JPEG with one more segment at its beginning."""
    segment = struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data
    return jpeg[:2] + segment + jpeg[2:]


def truncated_files():
    """Four formats, cut in three places."""
    for suffix, file_format, reason in (
        ("jpg", "JPEG", "truncated"),
        ("png", "PNG", "truncated"),
        ("gif", "GIF", "truncated"),
        ("webp", "WEBP", "unreadable"),
    ):
        contents = encode(picture(), file_format)
        for tenth in (4, 6, 9):
            cut = contents[: len(contents) * tenth // 10]
            yield f"cut_{tenth}.{suffix}", cut, BadFile(reason)


def broken_files():
    """Files that are no images, or that are damaged."""
    image = picture()
    noise = b"\x05" + random.Random(0).randbytes(5000)
    png, jpeg = encode(image, "PNG"), encode(image, "JPEG", quality=90)
    no_images = {
        "page.jpg": b"<!DOCTYPE html>\n<html><title>Not found</title></html>",
        "letter.png": b"Dear Sir or Madam,",
        "noise.jpg": noise,
        "zeros.jpg": bytes(5000),
        "byte.gif": b"G",
        "film.avif": b"\0\0\0\x18ftypisom" + noise,
        "sound.webp": b"RIFF" + struct.pack("<I", 5008) + b"WAVE" + noise,
        # Pillow would start another program for it.
        "script.jpg": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
    }
    for name, contents in no_images.items():
        yield name, contents, BadFile("not an image")
    yield "empty.jpg", b"", BadFile("empty")
    yield "no_picture.jpg", b"\xff\xd8\xff\xd9", BadFile("unreadable")
    filled = jpeg[: len(jpeg) // 2] + bytes(len(jpeg) // 2)
    yield "filled.jpg", filled, BadFile("truncated")
    damaged = png[: len(png) // 2] + bytes(len(png) // 2 - 20) + png[-20:]
    yield "overwritten.png", damaged, BadFile("unreadable")
    yield "cut.bmp", encode(image, "BMP")[:2000], BadFile("truncated")
    values = picture(8, 8)[..., 0]
    for name, kind in (("float.tiff", "float32"), ("deep.tiff", "int32")):
        contents = encode(values.astype(kind) + 70000, "TIFF")
        yield name, contents, BadFile("unsupported")


def bombs():
    """Small files that state, or hold, very much."""
    image = picture(8, 8)
    jpeg, lossless = encode(image, "JPEG"), encode(image, "WEBP", lossless=True)
    progressive = encode(image, "JPEG", progressive=True)
    scan = progressive[progressive.index(b"\xff\xda") : -2]
    # All the rows are there: 112 MB of zeros.
    rows = bytes(30_000 * (1 + 30_000 // 8))
    text = b"Comment\0\0" + zlib.compress(bytes(50_000_000), 9)
    contents = {
        "bmp": _patched(encode(image, "BMP"), 18, "<ii", 50_000, 50_000),
        "gif": _patched(encode(image, "GIF"), 6, "<HH", 65_535, 65_535),
        "png": encode_png(b"", size=(60_000, 60_000), bits=1),
        "side.png": encode_png(rows, size=(30_000, 30_000), bits=1),
        "strip.png": encode_png(bytes(80_000), size=(8, 40_000), bits=8),
        "text.png": encode_png(image, png_chunk(b"zTXt", text)),
        "jpg": _patched(
            jpeg, jpeg.index(b"\xff\xc0") + 5, ">HH", 65_500, 65_500
        ),
        "scans.jpg": progressive[:-2] + scan * 600 + b"\xff\xd9",
        "webp": _patched(lossless, 21, "<I", 0x3FFF | 0x3FFF << 14),
        "tiff": encode_tiff(image, t256=100_000, t257=100_000),
        "ppm": b"P6\n99999 99999\n255\n" + bytes(99),
    }
    for suffix, bomb in contents.items():
        yield f"bomb.{suffix}", bomb, BadFile("too large")


def _patched(contents, place, layout, *values):
    contents = bytearray(contents)
    struct.pack_into(layout, contents, place, *values)
    return bytes(contents)


def odd_files():
    """Files that can be read, with what is converted."""
    image = picture()
    colours = Image.fromarray(image)
    values = Image.fromarray(image[..., 0])
    rgba = Image.fromarray(picture(channels=4))
    palette = colours.quantize(16)
    deep = picture(channels=4).astype("uint16") * 257
    cmyk = colours.convert("CMYK")
    png, jpeg = encode(colours, "PNG"), encode(colours, "JPEG")
    # Adobe's mark says YCCK.
    ycck = bytearray(encode(cmyk, "JPEG"))
    ycck[ycck.index(b"Adobe") + 11] = 2
    frames = {"save_all": True, "append_images": [values.convert("RGB")]}
    mpf = b"MPF\0II*\0" + b"\xff" * 20
    contents = {
        "png.jpg": png,
        "jpeg.png": jpeg,
        "tail.jpg": jpeg + b"and more" * 99,
        "progressive.jpg": encode(colours, "JPEG", progressive=True),
        "one_pixel.png": encode(picture(1, 1), "PNG"),
        "one_pixel.jpg": encode(picture(1, 1), "JPEG"),
        "broken_exif.jpg": with_segment(jpeg, 0xE1, BROKEN_EXIF),
        "broken_mpf.jpg": with_segment(jpeg, 0xE2, mpf),
        "broken_exif.webp": encode(colours, "WEBP", exif=BROKEN_EXIF),
        "broken_exif.png": encode_png(
            image, png_chunk(b"eXIf", BROKEN_EXIF[6:])
        ),
        "orientation.jpg": encode(colours, "JPEG", exif=exif(6)),
        "orientation.tiff": encode(colours, "TIFF", exif=exif(8)),
        "cmyk.jpg": encode(cmyk, "JPEG"),
        "cmyk.tiff": encode(cmyk, "TIFF"),
        "cmyk.ycck.jpg": bytes(ycck),
        "animated.webp": encode(colours, "WEBP", **frames),
        "animated.png": encode(colours, "PNG", **frames),
        "animated palette.gif": encode(palette, "GIF", **frames),
        "multi-page.tiff": encode(colours, "TIFF", **frames),
        "multi-page.mpo": encode(colours, "MPO", **frames),
        "grey.jpg": encode(values, "JPEG"),
        "grey.bmp": encode(values, "BMP"),
        "grey.png": encode(values.convert("1"), "PNG"),
        "palette.png": encode(palette, "PNG"),
        "alpha palette.png": encode(palette, "PNG", transparency=3),
        "alpha palette.gif": encode(palette, "GIF", transparency=3),
        "alpha.png": encode(rgba, "PNG"),
        "alpha.webp": encode(rgba, "WEBP"),
        "alpha.tga": encode(rgba, "TGA"),
        "alpha grey.png": encode(rgba.convert("LA"), "PNG"),
        "16-bit grey.png": encode_png(deep[..., :1]),
        "16-bit grey.tiff": encode_tiff(deep[..., :1]),
        "16-bit.png": encode_png(deep[..., :3]),
        "16-bit.tiff": encode_tiff(deep[..., :3]),
        "16-bit alpha.png": encode_png(deep),
    }
    known = {"animated", "multi-page", "orientation", "cmyk", "16-bit"}
    known |= {"alpha", "palette", "grey"}
    for name, odd_file in contents.items():
        words = name.split(".")[0].split()
        conversions = tuple(word for word in words if word in known)
        yield name, odd_file, BadFile(None, conversions)


def make_bad_files(folder):
    """Writes many broken and odd image files: a dict of paths to `BadFile`."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    expected = {}
    for make in (truncated_files, broken_files, bombs, odd_files):
        for name, contents, outcome in make():
            path = folder / name
            path.write_bytes(contents)
            expected[path] = outcome
    path = folder / "folder.jpg"
    path.mkdir(exist_ok=True)
    expected[path] = BadFile("not an image")
    # Links and pipes, where the system has them.
    if os.name == "posix":
        path = folder / "dangling.jpg"
        path.symlink_to(folder / "nothing.jpg")
        expected[path] = BadFile("unreadable")
        path = folder / "pipe.jpg"
        os.mkfifo(path)
        expected[path] = BadFile("not an image")
    return {path: expected[path] for path in sorted(expected)}
