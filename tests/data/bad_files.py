"""A corpus of broken and odd image files, each with what is to come of it."""

import io
import os
import random
import struct
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from keras_comic.data.decoders import pillow_opener

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
    """A PNG of any depth, with chunks before its pixels.

    Args:
        pixels: uint8 or uint16 `(height, width, channels)`; or the rows'
            bytes, where `size` and `bits` are given, for grey.
        *chunks: Bytes, from `png_chunk`.
        size: Pair of integers, the width and height that the header states.
        bits: Integer, bits a value that the header states.
    """
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
    """A plain TIFF of one strip; `tags` are numbers by `t` and their number.

    Args:
        pixels: Array `(height, width, channels)`, uint8 or uint16.
        order: `"<"` or `">"`, of bytes.
        **tags: Integers, for instance `t262=1`.
    """
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


def _truncated():
    """Four formats, cut at every tenth."""
    image = picture()
    files = {
        "jpg": encode(image, "JPEG", quality=90),
        "png": encode(image, "PNG"),
        "webp": encode(image, "WEBP"),
        "gif": encode(image, "GIF"),
    }
    for suffix, contents in files.items():
        for tenth in range(1, 10):
            cut = contents[: len(contents) * tenth // 10]
            yield f"cut_{tenth}.{suffix}", cut, BadFile("truncated")


def _not_images():
    image = picture()
    html = b"<!DOCTYPE html>\n<html><title>Not found</title></html>"
    noise = b"\x05" + random.Random(0).randbytes(5000)
    yield "empty.jpg", b"", BadFile("empty")
    yield "empty.png", b"", BadFile("empty")
    yield "page.jpg", html, BadFile("not an image")
    yield "letter.png", b"Dear Sir or Madam,", BadFile("not an image")
    yield "noise.jpg", noise, BadFile("not an image")
    yield "zeros.jpg", bytes(5000), BadFile("not an image")
    yield "byte.gif", b"G", BadFile("not an image")
    yield "archive.png", b"PK\3\4" + noise, BadFile("not an image")
    film = b"\0\0\0\x18ftypisom" + noise
    yield "film.avif", film, BadFile("not an image")
    sound = b"RIFF" + struct.pack("<I", 5008) + b"WAVE" + noise
    yield "sound.webp", sound, BadFile("not an image")
    # Pillow would start another program for it.
    script = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"
    yield "script.jpg", script, BadFile("not an image")
    yield "header.png", encode(image, "PNG")[:33], BadFile("truncated")
    yield "no_picture.jpg", b"\xff\xd8\xff\xd9", BadFile("unreadable")
    jpeg = encode(image, "JPEG", quality=90)
    filled = jpeg[: len(jpeg) // 2] + bytes(len(jpeg) // 2)
    yield "filled.jpg", filled, BadFile("truncated")
    png = bytearray(encode(image, "PNG"))
    png[len(png) // 2] ^= 0xFF
    yield "flipped.png", bytes(png), BadFile("unreadable")
    png = encode(image, "PNG")
    damaged = png[: len(png) // 2] + bytes(len(png) // 2 - 20) + png[-20:]
    yield "overwritten.png", damaged, BadFile("unreadable")
    cut_tiff = encode(image, "TIFF")[:2000]
    yield "cut.tiff", cut_tiff, BadFile("truncated")
    yield "cut.bmp", encode(image, "BMP")[:2000], BadFile("truncated")
    values = picture(8, 8)[..., :1].astype("float32")[..., 0]
    yield "float.tiff", encode(values, "TIFF"), BadFile("unsupported")
    values = np.full((4, 4), 70000, "int32")
    yield "deep.tiff", encode(values, "TIFF"), BadFile("unsupported")
    if pillow_opener("HEIF") is None:
        heif = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + noise
        yield "phone.heic", heif, BadFile("unsupported")


def _bombs():
    image = picture(8, 8)
    too_large = BadFile("too large")
    white = zlib.compress(b"")
    yield (
        "header.bmp",
        _patched(encode(image, "BMP"), 18, "<ii", 50_000, 50_000),
        too_large,
    )
    yield (
        "header.gif",
        _patched(encode(image, "GIF"), 6, "<HH", 65_535, 65_535),
        too_large,
    )
    yield (
        "header60000.png",
        encode_png(white, size=(60_000, 60_000), bits=1),
        too_large,
    )
    # All the rows are there: 112 MB of zeros.
    rows = bytes(30_000 * (1 + 30_000 // 8))
    yield (
        "side30000.png",
        encode_png(rows, size=(30_000, 30_000), bits=1),
        too_large,
    )
    yield (
        "strip.png",
        encode_png(bytes(40_000 * 2), size=(8, 40_000), bits=8),
        too_large,
    )
    jpeg = encode(image, "JPEG")
    frame = jpeg.index(b"\xff\xc0")
    large = _patched(jpeg, frame + 5, ">HH", 65_500, 65_500)
    yield "header.jpg", large, too_large
    progressive = encode(image, "JPEG", progressive=True)
    scan = progressive[progressive.index(b"\xff\xda") : -2]
    yield "scans.jpg", progressive[:-2] + scan * 600 + b"\xff\xd9", too_large
    lossless = encode(image, "WEBP", lossless=True)
    yield (
        "header.webp",
        _patched(lossless, 21, "<I", 0x3FFF | 0x3FFF << 14),
        too_large,
    )
    canvas = struct.pack("<I", 0) + b"\xff\xff\x3f" * 2
    extended = b"VP8X" + struct.pack("<I", 10) + canvas + lossless[12:]
    riff = b"RIFF" + struct.pack("<I", 4 + len(extended)) + b"WEBP"
    yield "canvas.webp", riff + extended, too_large
    yield (
        "header.tiff",
        encode_tiff(image, t256=100_000, t257=100_000),
        too_large,
    )
    yield (
        "tile.tiff",
        encode_tiff(image, t322=2**20, t323=2**20, t324=200, t325=192),
        too_large,
    )
    yield "header.ppm", b"P6\n99999 99999\n255\n" + bytes(99), too_large
    yield (
        "header.jxl",
        b"\xff\x0a"
        + bytes([0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]),
        too_large,
    )
    # Small pictures beside which much is compressed.
    much = zlib.compress(bytes(50_000_000), 9)
    text = png_chunk(b"zTXt", b"Comment\0\0" + much)
    yield "text.png", encode_png(image, text), BadFile(None)
    profile = png_chunk(b"iCCP", b"profile\0\0" + much)
    yield "profile.png", encode_png(image, profile), BadFile(None)
    raw = png_chunk(b"zTXt", b"Raw profile type exif\0\0" + much)
    yield "raw_profile.png", encode_png(image, raw), BadFile(None)


def _patched(contents, place, layout, *values):
    contents = bytearray(contents)
    struct.pack_into(layout, contents, place, *values)
    return bytes(contents)


def _odd():
    """Files that can be read, with what is converted."""
    image = picture()
    colours = Image.fromarray(image)
    grey = Image.fromarray(image[..., 0])
    rgba = Image.fromarray(picture(channels=4))
    palette = colours.quantize(16)
    png, jpeg = encode(colours, "PNG"), encode(colours, "JPEG")
    yield "png.jpg", png, BadFile(None)
    yield "jpeg.png", jpeg, BadFile(None)
    yield "webp.gif", encode(colours, "WEBP"), BadFile(None)
    yield "tail.jpg", jpeg + b"and more" * 99, BadFile(None)
    yield "padded.jpg", jpeg + bytes(4096), BadFile(None)
    yield (
        "progressive.jpg",
        encode(colours, "JPEG", progressive=True),
        BadFile(None),
    )
    for suffix, name in (("png", "PNG"), ("jpg", "JPEG"), ("webp", "WEBP")):
        dot = encode(picture(1, 1), name)
        yield f"one_pixel.{suffix}", dot, BadFile(None)
    cmyk = colours.convert("CMYK")
    yield "cmyk.jpg", encode(cmyk, "JPEG"), BadFile(None, ("cmyk",))
    yield "cmyk.tiff", encode(cmyk, "TIFF"), BadFile(None, ("cmyk",))
    # Adobe's mark says YCCK.
    ycck = bytearray(encode(cmyk, "JPEG"))
    ycck[ycck.index(b"Adobe") + 11] = 2
    yield "ycck.jpg", bytes(ycck), BadFile(None, ("cmyk",))
    yield (
        "broken_exif.jpg",
        with_segment(jpeg, 0xE1, BROKEN_EXIF),
        BadFile(None),
    )
    yield "no_exif.jpg", with_segment(jpeg, 0xE1, b"Exif\0\0"), BadFile(None)
    yield (
        "broken_mpf.jpg",
        with_segment(jpeg, 0xE2, b"MPF\0II*\0" + b"\xff" * 20),
        BadFile(None),
    )
    yield (
        "broken_adobe.jpg",
        with_segment(
            jpeg,
            0xED,
            b"Photoshop 3.0\0" + (b"8BIM\x04\x04\0\0\xff\xff\xff\xff"),
        ),
        BadFile(None),
    )
    chunk = png_chunk(b"eXIf", BROKEN_EXIF[6:])
    yield "broken_exif.png", encode_png(image, chunk), BadFile(None)
    yield (
        "broken_exif.webp",
        encode(colours, "WEBP", exif=BROKEN_EXIF),
        BadFile(None),
    )
    for orientation in range(2, 9):
        yield (
            f"turned{orientation}.jpg",
            encode(colours, "JPEG", exif=exif(orientation)),
            BadFile(None, ("orientation",)),
        )
    for suffix, name in (("png", "PNG"), ("webp", "WEBP"), ("tiff", "TIFF")):
        yield (
            f"turned.{suffix}",
            encode(colours, name, exif=exif(8)),
            BadFile(None, ("orientation",)),
        )
    frames = {"save_all": True, "append_images": [grey.convert("RGB")]}
    yield (
        "film.webp",
        encode(colours, "WEBP", **frames),
        BadFile(None, ("animated",)),
    )
    yield (
        "film.png",
        encode(colours, "PNG", **frames),
        BadFile(None, ("animated",)),
    )
    yield (
        "film.gif",
        encode(palette, "GIF", **frames),
        BadFile(None, ("animated", "palette")),
    )
    yield (
        "pages.tiff",
        encode(colours, "TIFF", **frames),
        BadFile(None, ("multi-page",)),
    )
    yield (
        "pages.mpo",
        encode(colours, "MPO", **frames),
        BadFile(None, ("multi-page",)),
    )
    yield "grey.jpg", encode(grey, "JPEG"), BadFile(None, ("grey",))
    yield "grey.bmp", encode(grey, "BMP"), BadFile(None, ("grey",))
    yield "bits.png", encode(grey.convert("1"), "PNG"), BadFile(None, ("grey",))
    yield (
        "bits.tiff",
        encode(grey.convert("1"), "TIFF", compression="group4"),
        BadFile(None, ("grey",)),
    )
    yield "palette.png", encode(palette, "PNG"), BadFile(None, ("palette",))
    yield "palette.bmp", encode(palette, "BMP"), BadFile(None, ("palette",))
    yield (
        "palette_alpha.png",
        encode(palette, "PNG", transparency=3),
        BadFile(None, ("alpha", "palette")),
    )
    # An opacity for each colour.
    yield (
        "palette_alphas.png",
        encode(palette, "PNG", transparency=bytes(range(0, 256, 16))),
        BadFile(None, ("alpha", "palette")),
    )
    yield (
        "palette_alpha.gif",
        encode(palette, "GIF", transparency=3),
        BadFile(None, ("alpha", "palette")),
    )
    yield "alpha.png", encode(rgba, "PNG"), BadFile(None, ("alpha",))
    yield "alpha.webp", encode(rgba, "WEBP"), BadFile(None, ("alpha",))
    yield "alpha.tiff", encode(rgba, "TIFF"), BadFile(None, ("alpha",))
    yield "alpha.tga", encode(rgba, "TGA"), BadFile(None, ("alpha",))
    yield (
        "grey_alpha.png",
        encode(rgba.convert("LA"), "PNG"),
        BadFile(None, ("alpha", "grey")),
    )
    yield (
        "key.png",
        encode(colours, "PNG", transparency=tuple(int(v) for v in image[0, 0])),
        BadFile(None, ("alpha",)),
    )
    deep = picture(channels=4).astype("uint16") * 257
    deep_grey = BadFile(None, ("16-bit", "grey"))
    yield "grey16.png", encode_png(deep[..., :1]), deep_grey
    yield "grey16.tiff", encode_tiff(deep[..., :1]), deep_grey
    yield "grey16_big.tiff", encode_tiff(deep[..., :1], order=">"), deep_grey
    yield (
        "grey16_key.png",
        encode_png(
            deep[..., :1],
            png_chunk(b"tRNS", deep[0, 0, :1].astype(">u2").tobytes()),
        ),
        BadFile(None, ("16-bit", "alpha", "grey")),
    )
    yield (
        "grey16_alpha.png",
        encode_png(deep[..., :2]),
        BadFile(None, ("16-bit", "alpha")),
    )
    yield "rgb16.png", encode_png(deep[..., :3]), BadFile(None, ("16-bit",))
    yield "rgb16.tiff", encode_tiff(deep[..., :3]), BadFile(None, ("16-bit",))
    yield (
        "rgb16_key.png",
        encode_png(
            deep[..., :3],
            png_chunk(b"tRNS", deep[0, 0, :3].astype(">u2").tobytes()),
        ),
        BadFile(None, ("16-bit", "alpha")),
    )
    yield "rgba16.png", encode_png(deep), BadFile(None, ("16-bit", "alpha"))


def make_bad_files(folder):
    """Writes more than a hundred broken and odd image files.

    Args:
        folder: String or path. A folder, which is made.

    Returns:
        Dict of `pathlib.Path` to `BadFile`, in the order of their names.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    expected = {}
    for make in (_truncated, _not_images, _bombs, _odd):
        for name, contents, outcome in make():
            path = folder / name
            path.write_bytes(contents)
            expected[path] = outcome
    path = folder / "folder.jpg"
    path.mkdir(exist_ok=True)
    expected[path] = BadFile("not an image")
    # Links, pipes and permissions, where the system has them.
    if os.name == "posix":
        for name, target in (
            ("dangling.jpg", folder / "nothing.jpg"),
            ("loop.jpg", folder / "loop.jpg"),
        ):
            path = folder / name
            path.symlink_to(target)
            expected[path] = BadFile("unreadable")
        path = folder / "pipe.jpg"
        os.mkfifo(path)
        expected[path] = BadFile("not an image")
        path = folder / "link.png"
        path.symlink_to(folder / "png.jpg")
        expected[path] = BadFile(None)
        if os.geteuid() != 0:
            path = folder / "locked.png"
            path.write_bytes(encode(picture(8, 8), "PNG"))
            path.chmod(0)
            expected[path] = BadFile("unreadable")
    return {path: expected[path] for path in sorted(expected)}
