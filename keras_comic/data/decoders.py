"""The formats of image files, and what reads each of them here.

One table decides: how a format is recognised, what its files are called, and
which readers to ask, when a file is opened and inside a graph.
"""

import base64
import functools
import importlib
import importlib.util
import io
from typing import NamedTuple

import numpy as np
from PIL import Image

# A picture is decoded only where its header promises no more than this. The
# sides end below 30,000 pixels, which hardly any picture needs but bombs have.
MAX_PIXELS = 100_000_000
MAX_SIDE = 25_000


class ImageFormat(NamedTuple):
    """A row of the table."""

    title: str
    suffixes: tuple
    signatures: tuple
    pillow: str = None
    plugins: tuple = ()
    tensorflow: str = None
    tensorflow_io: str = None
    sample: str = None


def _box_brands(*brands):
    return tuple(((4, b"ftyp"), (8, brand)) for brand in brands)


FORMATS = {
    "JPEG": ImageFormat(
        title="JPEG",
        suffixes=(".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"),
        signatures=(((0, b"\xff\xd8\xff"),),),
        pillow="JPEG",
        tensorflow="decode_jpeg",
    ),
    "PNG": ImageFormat(
        title="PNG",
        suffixes=(".png", ".apng"),
        signatures=(((0, b"\x89PNG\r\n\x1a\n"),),),
        pillow="PNG",
        tensorflow="decode_png",
    ),
    "GIF": ImageFormat(
        title="GIF",
        suffixes=(".gif",),
        signatures=(((0, b"GIF87a"),), ((0, b"GIF89a"),)),
        pillow="GIF",
        tensorflow="decode_gif",
        sample="R0lGODdhAgABAIEAAP///wAAAAAAAAAAACwAAAAAAgABAAAIBQABAAgIADs=",
    ),
    "BMP": ImageFormat(
        title="BMP",
        suffixes=(".bmp",),
        signatures=(((0, b"BM"),),),
        pillow="BMP",
        tensorflow="decode_bmp",
        sample=(
            "Qk0+AAAAAAAAADYAAAAoAAAAAgAAAAEAAAABABgAAAAAAAgAAADEDgAAxA4AAAAA"
            "AAAAAAAA////////AAA="
        ),
    ),
    "WEBP": ImageFormat(
        title="WebP",
        suffixes=(".webp",),
        signatures=(((0, b"RIFF"), (8, b"WEBP")),),
        pillow="WEBP",
        tensorflow="decode_webp",
        tensorflow_io="image.decode_webp",
        sample="UklGRh4AAABXRUJQVlA4TBEAAAAvAQAAAAfQ//73v/+BiOh/AAA=",
    ),
    "TIFF": ImageFormat(
        title="TIFF",
        suffixes=(".tif", ".tiff"),
        signatures=(
            ((0, b"II\x2a\0"),),
            ((0, b"MM\0\x2a"),),
            ((0, b"II\x2b\0"),),
            ((0, b"MM\0\x2b"),),
        ),
        pillow="TIFF",
        tensorflow_io="experimental.image.decode_tiff",
        sample=(
            "SUkqAAgAAAAKAAABBAABAAAAAgAAAAEBBAABAAAAAQAAAAIBAwADAAAAhgAAAAMB"
            "AwABAAAAAQAAAAYBAwABAAAAAgAAABEBBAABAAAAjAAAABUBAwABAAAAAwAAABYB"
            "BAABAAAAAQAAABcBBAABAAAABgAAABwBAwABAAAAAQAAAAAAAAAIAAgACAD/////"
            "//8="
        ),
    ),
    "AVIF": ImageFormat(
        title="AVIF",
        suffixes=(".avif",),
        signatures=_box_brands(b"avif", b"avis"),
        pillow="AVIF",
        plugins=(
            (
                "pillow_avif.AvifImagePlugin",
                "AvifImageFile",
                "pillow-avif-plugin",
            ),
        ),
        tensorflow_io="experimental.image.decode_avif",
        sample=(
            "AAAAIGZ0eXBhdmlmAAAAAGF2aWZtaWYxbWlhZk1BMUIAAADrbWV0YQAAAAAAAAAh"
            "aGRscgAAAAAAAAAAcGljdAAAAAAAAAAAAAAAAAAAAAAOcGl0bQAAAAAAAQAAAB5p"
            "bG9jAAAAAEQAAAEAAQAAAAEAAAETAAAAIQAAAChpaW5mAAAAAAABAAAAGmluZmUC"
            "AAAAAAEAAGF2MDFDb2xvcgAAAABqaXBycAAAAEtpcGNvAAAAFGlzcGUAAAAAAAAA"
            "AgAAAAEAAAAQcGl4aQAAAAADCAgIAAAADGF2MUOBAAwAAAAAE2NvbHJuY2x4AAEA"
            "DQAGgAAAABdpcG1hAAAAAAAAAAEAAQQBAoMEAAAAKW1kYXQSAAoIGAAmiAhoNCAy"
            "ExlHh4Yhh5555oAAAJBAyRxgimo="
        ),
    ),
    "HEIF": ImageFormat(
        title="HEIF",
        suffixes=(".heic", ".heif", ".hif"),
        signatures=_box_brands(
            b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1"
        ),
        plugins=(("pillow_heif", "HeifImageFile", "pillow-heif"),),
        sample=(
            "AAAAGGZ0eXBoZWljAAAAAG1pZjFoZWljAAABfG1ldGEAAAAAAAAAIWhkbHIAAAAA"
            "AAAAAHBpY3QAAAAAAAAAAAAAAAAAAAAAImlsb2MAAAAAREAAAQABAAAAAAGcAAEA"
            "AAAAAAAAIgAAACNpaW5mAAAAAAABAAAAFWluZmUCAAAAAAEAAGh2YzEAAAAADnBp"
            "dG0AAAAAAAEAAAD8aXBycAAAANxpcGNvAAAAdWh2Y0MBA3AAAACQAAAAAAAe8AD8"
            "/fj4AAAPA2AAAQAYQAEMAf//A3AAAAMAkAAAAwAAAwAeugJAYQABAClCAQEDcAAA"
            "AwCQAAADAAADAB6gIIEFluqumubgIaDAgAAADIAAAAMAhGIAAQAGRAHBc8GJAAAA"
            "E2NvbHJuY2x4AAEADQAGgAAAABRpc3BlAAAAAAAAAEAAAABAAAAAKGNsYXAAAAAC"
            "AAAAAQAAAAEAAAAB////wgAAAAL////BAAAAAgAAABBwaXhpAAAAAAMICAgAAAAY"
            "aXBtYQAAAAAAAAABAAEFgQIDBYQAAAAqbWRhdAAAAB4oAa8EEhJM4PgETl9u6DBV"
            "ASCs6LR0ociXEJO7asA="
        ),
    ),
    "JXL": ImageFormat(
        title="JPEG XL",
        suffixes=(".jxl",),
        signatures=(
            ((0, b"\xff\x0a"),),
            ((0, b"\0\0\0\x0cJXL \r\n\x87\n"),),
        ),
        plugins=(
            (
                "pillow_jxl.JpegXLImagePlugin",
                "JXLImageFile",
                "pillow-jxl-plugin",
            ),
        ),
        tensorflow="decode_jxl",
        sample="/woAcBAJCAABACwASxiLFcJJQR6A/gA=",
    ),
    "JPEG2000": ImageFormat(
        title="JPEG 2000",
        suffixes=(".jp2", ".j2k", ".j2c", ".jpc", ".jpf", ".jpx"),
        signatures=(
            ((0, b"\xff\x4f\xff\x51"),),
            ((0, b"\0\0\0\x0cjP  \r\n\x87\n"),),
        ),
        pillow="JPEG2000",
        tensorflow_io="experimental.image.decode_jp2",
        sample=(
            "AAAADGpQICANCocKAAAAFGZ0eXBqcDIgAAAAAGpwMiAAAAAtanAyaAAAABZpaGRy"
            "AAAAAQAAAAIAAwcHAAAAAAAPY29scgEAAAAAABAAAACVanAyY/9P/1EALwAAAAAA"
            "AgAAAAEAAAAAAAAAAAAAAAIAAAABAAAAAAAAAAAAAwcBAQcBAQcBAf9SAAwAAAAB"
            "AAAEBAAB/1wABEBA/2QAJQABQ3JlYXRlZCBieSBPcGVuSlBFRyB2ZXJzaW9uIDIu"
            "NS40/5AACgAAAAAAHQAB/5PPtAgBr8+0CAGvz7QIAa//2Q=="
        ),
    ),
    "PPM": ImageFormat(
        title="Netpbm",
        suffixes=(".pbm", ".pgm", ".ppm", ".pnm"),
        signatures=tuple(
            ((0, b"P" + kind + end),)
            for kind in (b"1", b"2", b"3", b"4", b"5", b"6")
            for end in (b"\n", b" ", b"\t", b"\r", b"#")
        ),
        pillow="PPM",
        tensorflow_io="experimental.image.decode_pnm",
        sample="UDYKMiAxCjI1NQr///////8=",
    ),
    "QOI": ImageFormat(
        title="QOI",
        suffixes=(".qoi",),
        signatures=(((0, b"qoif"),),),
        pillow="QOI",
        sample="cW9pZgAAAAIAAAABAwFVwAAAAAAAAAAB",
    ),
    "PSD": ImageFormat(
        title="Photoshop",
        suffixes=(".psd",),
        signatures=(((0, b"8BPS\0\1"),),),
        pillow="PSD",
    ),
    "PCX": ImageFormat(
        title="PCX",
        suffixes=(".pcx",),
        signatures=tuple(
            ((0, bytes([10, version, 1])),) for version in (0, 2, 3, 4, 5)
        ),
        pillow="PCX",
    ),
    "SGI": ImageFormat(
        title="SGI",
        suffixes=(".sgi",),
        signatures=(((0, b"\x01\xda\0\1"),), ((0, b"\x01\xda\1\1"),)),
        pillow="SGI",
    ),
    # It has no signature; see `_is_tga`.
    "TGA": ImageFormat(
        title="TGA",
        suffixes=(".tga",),
        signatures=(),
        pillow="TGA",
        sample=(
            "AAACAAAAAAAAAAAAAgABABgA////////AAAAAAAAAABUUlVFVklTSU9OLVhGSUxF"
            "LgA="
        ),
    ),
}
SUFFIXES = frozenset(s for row in FORMATS.values() for s in row.suffixes)
# Bytes that `image_format` looks at.
SIGNATURE_BYTES = 64


def image_format(contents):
    """Names the format of an image file by its first bytes.

    The file's name does not count: a PNG called `.jpg` is a PNG.

    Args:
        contents: Bytes of the file, at least the first 64.

    Returns:
        String: `"JPEG"`, `"PNG"`, `"GIF"`, `"BMP"`, `"WEBP"`, `"TIFF"`,
        `"AVIF"`, `"HEIF"`, `"JXL"`, `"JPEG2000"`, `"PPM"`, `"QOI"`, `"PSD"`,
        `"PCX"`, `"SGI"` or `"TGA"`; `None` where it is none of these.

    Example:

    >>> keras_comic.data.image_format(b"GIF89a")
    'GIF'
    >>> keras_comic.data.image_format(b"<html>") is None
    True
    """
    head = bytes(contents[:SIGNATURE_BYTES])
    if head[4:8] == b"ftyp" and head[8:12] in (b"mif1", b"msf1"):
        # The general brands; which codec it is, the others say.
        end = int.from_bytes(head[:4], "big")
        brands = {head[i : i + 4] for i in range(16, min(end, 64), 4)}
        return "AVIF" if brands & {b"avif", b"avis"} else "HEIF"
    for name, row in FORMATS.items():
        for signature in row.signatures:
            if all(head[i : i + len(b)] == b for i, b in signature):
                return name
    return "TGA" if _is_tga(head) else None


def _is_tga(head):
    if len(head) < 18:
        return False
    palette, kind, palette_bits, bits = head[1], head[2], head[7], head[16]
    return (
        kind in (1, 2, 3, 9, 10, 11)
        and palette == (kind in (1, 9))
        and palette_bits in ((16, 24, 32) if palette else (0, 24, 32))
        and bits in {1: (8,), 2: (16, 24, 32), 3: (1, 8, 16)}[kind % 8]
        and any(head[12:14])
        and any(head[14:16])
        and not head[17] & 0xC0
    )


@functools.cache
def pillow_opener(name):
    """The class that opens a format as Pillow does, or `None`."""
    row = FORMATS[name]
    candidates = []
    if row.pillow:
        if row.pillow not in Image.OPEN:
            Image.preinit()
        if row.pillow not in Image.OPEN:
            Image.init()
        candidates.append(Image.OPEN.get(row.pillow, (None,))[0])
    for module, attribute, _ in row.plugins:
        candidates.append(_import_attribute(module, attribute))
    for candidate in candidates:
        if candidate is not None and reads_sample(
            row, functools.partial(_open_pixels, candidate)
        ):
            return candidate
    return None


def _import_attribute(module, attribute):
    try:
        return getattr(importlib.import_module(module), attribute, None)
    # A package without its native library may raise anything.
    except Exception:
        return None


def _open_pixels(opener, contents):
    with opener(io.BytesIO(contents)) as opened:
        return np.asarray(opened.convert("RGB"))


def reads_sample(row, read):
    """Whether a reader reads the sample of a format."""
    if row.sample is None:
        return True
    try:
        pixels = np.asarray(read(base64.b64decode(row.sample)))
    # A reader may raise anything on a format that it does not know.
    except Exception:
        return False
    return pixels.shape[:2] == (1, 2) and pixels.min() > 200


@functools.cache
def tensorflow_reader(name):
    """Reads a format through TensorFlow, or tensorflow-io, outside a graph."""
    row = FORMATS[name]
    # TensorFlow is not imported in vain.
    decoding = (row.tensorflow or row.tensorflow_io) and _image_decoding()
    op = decoding and decoding.graph_decoder(name)
    return None if op is None else lambda contents: op(contents).numpy()


def _image_decoding():
    """The module that needs TensorFlow, or `None` where it is missing."""
    if importlib.util.find_spec("tensorflow") is None:
        return None
    return importlib.import_module("keras_comic.data.image_decoding")


def install_hint(name):
    """What to install to read a format, as part of a sentence."""
    packages = [package for _, _, package in FORMATS[name].plugins]
    if packages:
        return f"install {' or '.join(packages)}"
    return "install a Pillow that was built with it"


def describe_decoders():
    """What this installation reads, as a Markdown table.

    Formats by name, with the suffixes that `list_images` looks for; what
    reads a file when it is opened (to build records, to stylise); and what
    decodes it in a graph, in `decode_image`. Each reader has been tried on a
    small file.

    Returns:
        String.

    Example:

    >>> print(keras_comic.data.describe_decoders())
    | format | suffixes | when opened | in a graph |
    | --- | --- | --- | --- |
    | JPEG | .jpg .jpeg .jpe .jfif .mpo | Pillow | TensorFlow |
    ...
    """
    decoding = _image_decoding()
    lines = [
        "| format | suffixes | when opened | in a graph |",
        "| --- | --- | --- | --- |",
    ]
    for name, row in FORMATS.items():
        in_graph = decoding and decoding.graph_decoder_package(name)
        opener = pillow_opener(name)
        if opener is None:
            opened = in_graph or f"nothing: {install_hint(name)}"
        else:
            opened = "Pillow"
            for module, _, package in row.plugins:
                if opener.__module__.split(".")[0] == module.split(".")[0]:
                    opened = package
        lines.append(
            f"| {row.title} | {' '.join(row.suffixes)} | {opened} | "
            f"{in_graph or 'nothing'} |"
        )
    return "\n".join(lines)
