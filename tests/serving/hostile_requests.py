"""Requests that a server must survive, made from a seed."""

import base64
import gzip
import io
import json
import random
import struct
import zlib
from typing import NamedTuple

import numpy as np
from PIL import Image

PATH = "/v1/models/comic:predict"
JSON = {"Content-Type": "application/json"}
# Where a decoder that believes the header would take gigabytes.
HUGE_SIDE = 30_000


class Request(NamedTuple):
    """A request: what it is an example of, and what is sent."""

    kind: str
    body: bytes
    path: str = PATH
    headers: dict = JSON
    method: str = "POST"


def hostile_requests(count, seed=0):
    """Requests of every kind in turn, each time made anew.

    Args:
        count: Integer.
        seed: Integer.

    Yields:
        `Request`.
    """
    generator = random.Random(seed)
    kinds = sorted(KINDS)
    # What takes a server much longer than the others comes less often.
    rare = [kind for kind in kinds if kind in RARE]
    often = [kind for kind in kinds if kind not in RARE]
    for number in range(count):
        if number % 50 == 49:
            kind = rare[number // 50 % len(rare)]
        else:
            kind = often[number % len(often)]
        made = KINDS[kind](generator)
        if isinstance(made, Request):
            yield made._replace(kind=kind)
        else:
            yield Request(kind, made)


def image_file(kind, side=32, seed=0):
    """A file of noise."""
    values = np.random.default_rng(seed).integers(0, 256, (side, side, 3))
    file = io.BytesIO()
    Image.fromarray(values.astype("uint8")).save(file, kind)
    return file.getvalue()


FILES = [image_file(kind) for kind in ("PNG", "JPEG", "WEBP")]
OTHER_FILES = [image_file(kind) for kind in ("GIF", "BMP", "TIFF", "ICO")]


def png_chunk(name, data):
    check = struct.pack(">I", zlib.crc32(name + data))
    return struct.pack(">I", len(data)) + name + data + check


def png_file(width, height, bits, color, data, before=()):
    header = struct.pack(">IIBBBBB", width, height, bits, color, 0, 0, 0)
    chunks = [png_chunk(b"IHDR", header), *before]
    if data is not None:
        chunks += [png_chunk(b"IDAT", data), png_chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def zeros(count):
    """Compressed zeros, made in parts."""
    squeezer = zlib.compressobj(9)
    parts = [squeezer.compress(bytes(2**20)) for _ in range(count // 2**20)]
    parts += [squeezer.compress(bytes(count % 2**20)), squeezer.flush()]
    return b"".join(parts)


def jpeg_file(width, height):
    """A JPEG file of noise whose header tells another size."""
    file = bytearray(image_file("JPEG"))
    start = file.index(b"\xff\xc0") + 5
    file[start : start + 4] = struct.pack(">HH", height, width)
    return bytes(file)


def webp_files(width, height):
    """A lossy, a lossless and an extended header that tell a size."""
    few = min(width, 16_383), min(height, 16_383)
    lossy = b"\x30\x01\x00\x9d\x01\x2a" + struct.pack("<HH", *few) + bytes(40)
    bits = (few[0] - 1) | (few[1] - 1) << 14
    lossless = b"\x2f" + struct.pack("<I", bits) + bytes(40)
    canvas = b"".join(struct.pack("<I", n - 1)[:3] for n in (width, height))
    extended = b"\x00" * 4 + canvas
    files = []
    for name, data in (
        (b"VP8 ", lossy),
        (b"VP8L", lossless),
        (b"VP8X", extended),
    ):
        data = name + struct.pack("<I", len(data)) + data
        files.append(
            b"RIFF" + struct.pack("<I", len(data) + 4) + b"WEBP" + data
        )
    return files


def make_bombs():
    """Small files that are large once they are decoded."""
    row = HUGE_SIDE // 8 + 1
    # 112 MB in black and white, 2.7 GB in RGB: some hundred kB.
    black = zeros(row * HUGE_SIDE)
    profile = b"icc\0\0" + zeros(2**26)
    text = b"Comment\0\0" + zeros(2**26)
    small = zlib.compress(bytes(33) * 32)
    return [
        png_file(HUGE_SIDE, HUGE_SIDE, 1, 0, black),
        png_file(20_000, 20_000, 8, 2, zeros(2**27)),
        png_file(32, 32, 8, 0, zeros(2**27)),
        png_file(32, 32, 8, 0, small, [png_chunk(b"iCCP", profile)]),
        png_file(32, 32, 8, 0, small, [png_chunk(b"zTXt", text)]),
        png_file(1, 4_000_000, 1, 0, zeros(8_000_000)),
        png_file(4_000_000, 1, 1, 0, zeros(500_001)),
    ]


def huge_headers():
    side = HUGE_SIDE
    sizes = [(side, side), (side, 32), (32, side), (2**31 - 1, 2**31 - 1)]
    sizes += [(0, 0), (2**32 - 1, 1)]
    files = [png_file(w, h, 8, 2, None) for w, h in sizes]
    files += [png_file(w, h, 16, 6, zlib.compress(b"")) for w, h in sizes]
    files += [jpeg_file(side, side), jpeg_file(65_535, 65_535)]
    files += [jpeg_file(side, 32), jpeg_file(0, 0)]
    return files + webp_files(side, side) + webp_files(2**24, 2**24)


BOMBS = make_bombs()
HEADERS = huge_headers()


def base64_body(contents, rows=True):
    value = {"b64": base64.b64encode(contents).decode()}
    document = {"signature_name": "serving_bytes"}
    document["instances" if rows else "inputs"] = (
        [value] if rows else {"image_bytes": [value]}
    )
    return json.dumps(document).encode()


def pixels(height=32, width=32, channels=3, value=7):
    return [[[value] * channels] * width] * height


def mix_document(**changes):
    """A valid request to `serving_style_weights`, but for the changes."""
    inputs = {
        "images": [pixels()],
        "style_weights": [[0.5, 0.5]],
        "strength": [0.5],
        "keep_color": [False],
    }
    return {
        "signature_name": "serving_style_weights",
        "inputs": {**inputs, **changes},
    }


def dump(document):
    return json.dumps(document).encode()


def files_body(image, style=None, rows=True):
    """A request of a file in the style of another, or of a mix."""
    inputs = {"image_bytes": {"b64": base64.b64encode(image).decode()}}
    if style is None:
        signature, inputs["style_weights"] = "style_weights", [0.5, 0.5]
    else:
        text = base64.b64encode(style).decode()
        signature, inputs["style_image_bytes"] = "style_image", {"b64": text}
    inputs.update(strength=0.5, keep_color=False)
    document = {"signature_name": f"serving_bytes_{signature}"}
    if rows:
        return dump({**document, "instances": [inputs]})
    columns = {name: [value] for name, value in inputs.items()}
    return dump({**document, "inputs": columns})


GOOD_BODIES = [
    dump({"instances": [pixels()]}),
    dump({"inputs": [pixels()]}),
    dump({"inputs": {"images": [pixels()]}}),
    dump(mix_document()),
    *[base64_body(file) for file in FILES],
    base64_body(FILES[0], rows=False),
    files_body(FILES[0]),
    files_body(FILES[0], FILES[0], rows=False),
]
# A model with two styles answers these with 200.
GOOD_REQUESTS = [Request("good", body) for body in GOOD_BODIES]


def flipped(contents, generator, most=8):
    """With some bytes changed, left out, doubled or put in."""
    contents = bytearray(contents)
    for _ in range(generator.randint(1, most)):
        where = generator.randrange(len(contents) or 1)
        way = generator.randrange(5)
        if way == 0 and contents:
            contents[where] ^= 1 << generator.randrange(8)
        elif way == 1 and contents:
            contents[where] = generator.randrange(256)
        elif way == 2:
            del contents[where : where + generator.randint(1, 20)]
        elif way == 3:
            part = contents[where : where + generator.randint(1, 20)]
            contents[where:where] = part
        else:
            contents[where:where] = generator.randbytes(generator.randint(1, 9))
    return bytes(contents)


def anything(generator, depth=3):
    """A JSON value of any kind."""
    ways = 9 if depth else 7
    way = generator.randrange(ways)
    if way == 0:
        return None
    if way == 1:
        return generator.random() < 0.5
    if way == 2:
        return generator.choice(
            [0, 1, -1, 255, 256, 2**31, 2**53 + 1, 2**63, -(2**64), 10**30]
        )
    if way == 3:
        return generator.choice([0.5, -0.0, 1e-320, 3.5e38, 1e308, 255.5])
    if way == 4:
        return generator.choice(
            ["", "a", "ä", "\0", "\ud800", "b64", "💥" * 9, "a" * 999]
        )
    if way == 5:
        return {"b64": generator.choice(["", "AAAA", "A", "%", None, 1, []])}
    if way == 6:
        return generator.choice([[], {}, [[]], [{}], {"": []}])
    if way == 7:
        count = generator.randint(1, 4)
        return [anything(generator, depth - 1) for _ in range(count)]
    names = ["images", "image_bytes", "strength", "b64", "", "x"]
    return {
        generator.choice(names): anything(generator, depth - 1)
        for _ in range(generator.randint(1, 3))
    }


def _flipped_json(generator):
    return flipped(generator.choice(GOOD_BODIES), generator)


def _truncated_json(generator):
    body = generator.choice(GOOD_BODIES)
    return body[: generator.randrange(len(body))]


def _flipped_image(generator):
    return base64_body(flipped(generator.choice(FILES), generator))


def _header(generator):
    return base64_body(generator.choice(HEADERS), generator.random() < 0.5)


def _bomb(generator):
    file = generator.choice(BOMBS)
    return base64_body(file, generator.random() < 0.5)


def _files_with_styles(generator):
    """A good file with a bad one as its style, or the other way round."""
    bad = generator.choice(
        [
            flipped(generator.choice(FILES), generator),
            generator.choice(FILES)[: generator.randrange(60)],
            generator.choice([*HEADERS, *OTHER_FILES]),
            b"",
        ]
    )
    files = [generator.choice(FILES), bad]
    generator.shuffle(files)
    style = generator.choice([None, files[1]])
    return files_body(files[0], style, generator.random() < 0.5)


def _nesting(generator):
    depth = generator.choice([33, 100, 1023, 1025, 5000, 100_000])
    opening, closing = generator.choice(
        [("[", "]"), ('{"a":', "}"), ('[{"b64":', "}]"), ("[1,", "]")]
    )
    # Python's own parser, which is asked where there is a NaN.
    inner = generator.choice(["0", "", "NaN"])
    inner = opening * depth + inner
    if generator.random() < 0.7:
        inner += closing * depth
    key = generator.choice(["instances", "inputs", "signature_name", "x"])
    return f'{{"{key}":{inner}}}'.encode()


def _big_json(generator):
    """As large as the limit of a body, or larger."""
    way = generator.randrange(8)
    size = generator.choice([2**20, 2**22, 2**24])
    if way == 0:
        return b'{"instances":[' + b"0," * (size // 2) + b"0]}"
    if way == 1:
        return b'{"instances":[' + b"[]," * (size // 3) + b"[]]}"
    if way == 2:
        return b'{"signature_name":"' + b"a" * size + b'","instances":[1]}'
    if way == 3:
        return b'{"instances":[{"b64":"' + b"A" * size + b'"}]}'
    if way == 4:
        keys = b",".join(b'"k%d":0' % n for n in range(size // 12))
        return b'{"instances":[1],' + keys + b"}"
    if way == 5:
        return b" " * size + b'{"instances":[1]}'
    if way == 6:
        return b'{"instances":[' + b"9" * size + b"]}"
    return b'{"instances":[NaN,' + b"[{}]," * (size // 5) + b"0]}"


def _too_big(generator):
    # Beyond any limit of a server that answers photos.
    return Request("", b"[" + b"1," * (2**25 + generator.randrange(9)) + b"1]")


def _rows_of_anything(generator):
    document = {"instances": anything(generator)}
    if generator.random() < 0.5:
        document["signature_name"] = generator.choice(
            [
                "serving_bytes",
                "serving_bytes_style_image",
                "serving_bytes_style_weights",
                "serving_style_image",
                "serving_style_weights",
                "style_names",
                "__saved_model_init_op",
                "",
                anything(generator, 1),
            ]
        )
    if generator.random() < 0.1:
        document["inputs"] = anything(generator)
    return dump(document)


def _columns_of_anything(generator):
    changes = {
        generator.choice(
            ["images", "style_weights", "strength", "keep_color", "x"]
        ): anything(generator)
        for _ in range(generator.randint(1, 2))
    }
    return dump(mix_document(**changes))


def _shapes(generator):
    """Arrays that are not the pixels of a picture."""
    sides = [0, 1, 2, 31, 32, 33]
    value = generator.choice([0, 255, 256, -1, 0.5, True, None, "0"])
    height, width = generator.choice(sides), generator.choice(sides)
    image = pixels(height, width, generator.choice([0, 1, 3, 4]), value)
    if generator.random() < 0.3:
        image = [*image, generator.choice([[], [[]], 0, pixels(1)[0][:-1]])]
    count = generator.choice([0, 1, 1, 1, 3])
    way = generator.randrange(4)
    if way == 0:
        return dump({"instances": [image] * count})
    if way == 1:
        return dump({"inputs": {"images": [image] * count}})
    if way == 2:
        return dump(mix_document(images=[image] * count))
    return dump({"instances": [image, pixels(32, 32)]})


def _numbers(generator):
    text = generator.choice(
        [
            "NaN",
            "Infinity",
            "-Infinity",
            "-NaN",
            "nan",
            "1e400",
            "-1e400",
            "1e-400",
            "01",
            "+1",
            ".5",
            "1.",
            "0x10",
            "1_000",
            "9" * 400,
            "9" * 5000,
            "-0",
            "1E5",
            "٣",
            "3.5e38",
            "1e38",
            "-1",
        ]
    )
    key = generator.choice(["strength", "style_weights", "images"])
    marker = "0.123"
    value = {
        "strength": [0.123],
        "style_weights": [[0.123, 1]],
        "images": [[[[0.123, 0, 0]] * 32] * 32],
    }[key]
    document = json.dumps(mix_document(**{key: value}))
    return document.replace(marker, text).encode()


def _compressed(generator):
    encoding = generator.choice(["gzip", "deflate", "br", "identity, gzip"])
    body = generator.choice(GOOD_BODIES)
    body = generator.choice([gzip.compress(body), body, zeros(2**24)])
    return Request("", body, headers={**JSON, "Content-Encoding": encoding})


def _bad_base64(generator):
    text = base64.b64encode(FILES[0]).decode()
    where = generator.randrange(len(text))
    text = generator.choice(
        [
            text[:-1],
            text + "=",
            text + "====",
            "=" + text,
            text[:where] + "%" + text[where:],
            text[:where] + "=" + text[where:],
            text[:where] + "\n" + text[where:],
            text[:where] + "ä" + text[where:],
            text.replace("/", "_").replace("+", "-"),
            "data:image/png;base64," + text,
            " " + text + " ",
            "A",
            "=",
            "",
            "\0",
        ]
    )
    value = generator.choice(
        [
            {"b64": text},
            {"b64": text, "x": 1},
            {"B64": text},
            {"b64": [text]},
            {"b64": {"b64": text}},
            {"b64": None},
            [{"b64": text}],
            text,
        ]
    )
    key = generator.choice(["instances", "inputs"])
    return dump({"signature_name": "serving_bytes", key: [value]})


def _paths(generator):
    path = generator.choice(
        [
            "/",
            "//",
            "/v1",
            "/v1/models",
            "/v1/models/",
            "/v1/models/comic",
            "/v1/models/nobody:predict",
            "/v1/models/comic:",
            "/v1/models/comic:train",
            "/v1/models/comic:predict:predict",
            "/v1/models/comic/versions/:predict",
            "/v1/models/comic/versions/-1:predict",
            "/v1/models/comic/versions/0:predict",
            "/v1/models/comic/versions/99999999999999999999:predict",
            "/v1/models/comic/versions/" + "9" * 5000 + ":predict",
            "/v1/models/comic/versions/%31:predict",
            "/v1/models/%ff%fe:predict",
            "/v1/models/%63omic:predict",
            "/v1/models/../../../etc/passwd",
            "/v1/models/%2e%2e%2f%2e%2e:predict",
            "/v1/models/" + "a" * 8000 + ":predict",
            "/v1/models/comic:predict?" + "a=1&" * 500,
            "/v1/models/comic:predict#x",
            "/metrics",
            "/healthz",
            "*",
        ]
    )
    method = generator.choice(
        ["GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "FOO"]
    )
    body = generator.choice([b"", GOOD_BODIES[0]])
    return Request("", body, path=path, method=method)


def _nothing(generator):
    body = generator.choice(
        [
            b"",
            b" ",
            b"\n",
            b"null",
            b"true",
            b"0",
            b'""',
            b"[]",
            b"{}",
            b"\0",
            b"{",
            b"}",
            b"'{}'",
            b"{'instances': [1]}",
            b'{"instances": [1],}',
            b"// x\n{}",
            b'{"instances": [1]}{"instances": [1]}',
            b'{"instances": []}',
            b'{"inputs": []}',
            b'{"inputs": {}}',
            generator.randbytes(generator.randint(1, 200)),
        ]
    )
    return Request("", body)


KINDS = {
    "bad base64": _bad_base64,
    "big JSON": _big_json,
    "bomb": _bomb,
    "columns of anything": _columns_of_anything,
    "compressed body": _compressed,
    "files with styles": _files_with_styles,
    "flipped JSON": _flipped_json,
    "flipped image": _flipped_image,
    "header of a huge image": _header,
    "nesting": _nesting,
    "nothing": _nothing,
    "numbers": _numbers,
    "paths": _paths,
    "rows of anything": _rows_of_anything,
    "shapes": _shapes,
    "too big": _too_big,
    "truncated JSON": _truncated_json,
}
RARE = ("big JSON", "bomb", "too big")
