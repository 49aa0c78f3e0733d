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
# A decoder that believes a header of such sides would take gigabytes.
HUGE_SIDE = 30_000


class Request(NamedTuple):
    """A request, and the kind that it is an example of."""

    kind: str
    body: bytes
    path: str = PATH
    headers: dict = JSON
    method: str = "POST"


def hostile_requests(count, seed=0):
    """Yields requests of every kind in turn, each time made anew."""
    generator = random.Random(seed)
    for number in range(count):
        if number % 50 == 49:
            make = RARE[number // 50 % len(RARE)]
        else:
            make = OFTEN[number % len(OFTEN)]
        made = make(generator)
        made = made if isinstance(made, Request) else Request("", made)
        yield made._replace(kind=make.__name__)


# Image files.


def image_file(kind, side=32, seed=0):
    """Returns a file of noise."""
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
    """Returns compressed zeros, made in parts."""
    squeezer = zlib.compressobj(9)
    parts = [squeezer.compress(bytes(2**20)) for _ in range(count // 2**20)]
    parts += [squeezer.compress(bytes(count % 2**20)), squeezer.flush()]
    return b"".join(parts)


def jpeg_file(width, height):
    """Returns a JPEG file of noise whose header tells another size."""
    file = bytearray(image_file("JPEG"))
    start = file.index(b"\xff\xc0") + 5
    file[start : start + 4] = struct.pack(">HH", height, width)
    return bytes(file)


def webp_file(width, height):
    """Returns an extended WebP header that tells a size."""
    canvas = b"".join(struct.pack("<I", n - 1)[:3] for n in (width, height))
    data = b"VP8X" + struct.pack("<I", 10) + bytes(4) + canvas
    return b"RIFF" + struct.pack("<I", len(data) + 4) + b"WEBP" + data


def make_bombs():
    """Returns small files that are large once they are decoded."""
    # 112 MB in black and white, 2.7 GB in RGB: some hundred kB.
    black = zeros((HUGE_SIDE // 8 + 1) * HUGE_SIDE)
    small = zlib.compress(bytes(33) * 32)
    profile = png_chunk(b"iCCP", b"icc\0\0" + zeros(2**26))
    text = png_chunk(b"zTXt", b"Comment\0\0" + zeros(2**26))
    return [
        png_file(HUGE_SIDE, HUGE_SIDE, 1, 0, black),
        png_file(20_000, 20_000, 8, 2, zeros(2**27)),
        png_file(32, 32, 8, 0, zeros(2**27)),
        png_file(32, 32, 8, 0, small, [profile]),
        png_file(32, 32, 8, 0, small, [text]),
        png_file(1, 4_000_000, 1, 0, zeros(8_000_000)),
        png_file(4_000_000, 1, 1, 0, zeros(500_001)),
    ]


def huge_headers():
    side, most = HUGE_SIDE, 2**31 - 1
    sizes = [(side, side), (side, 32), (32, side), (most, most)]
    sizes += [(0, 0), (2**32 - 1, 1)]
    files = [png_file(w, h, 8, 2, None) for w, h in sizes]
    files += [png_file(w, h, 16, 6, zlib.compress(b"")) for w, h in sizes]
    files += [jpeg_file(n, n) for n in (side, 65_535, 0)]
    return [*files, webp_file(side, side), webp_file(2**24, 2**24)]


BOMBS = make_bombs()
HEADERS = huge_headers()


# Requests that a model with two styles answers.


def dump(document):
    return json.dumps(document).encode()


def in_base64(contents):
    return {"b64": base64.b64encode(contents).decode()}


def file_body(contents, rows=True):
    value = [in_base64(contents)]
    inputs = {"instances": value} if rows else {"inputs": value}
    return dump({"signature_name": "serving_bytes", **inputs})


def pixels(height=32, width=32, channels=3, value=7):
    return [[[value] * channels] * width] * height


def mix_document(**changes):
    """Returns a valid request for a mix of styles, but for the changes."""
    inputs = {"images": [pixels()], "style_weights": [[0.5, 0.5]]}
    inputs.update(strength=[0.5], keep_color=[False])
    name = "serving_style_weights"
    return {"signature_name": name, "inputs": {**inputs, **changes}}


def files_body(image, style=None, rows=True):
    """Returns a request of a file in the style of another, or of a mix."""
    inputs = {"image_bytes": in_base64(image)}
    inputs.update(strength=0.5, keep_color=False)
    if style is None:
        name, inputs["style_weights"] = "style_weights", [0.5, 0.5]
    else:
        name, inputs["style_image_bytes"] = "style_image", in_base64(style)
    document = {"signature_name": f"serving_bytes_{name}"}
    if rows:
        return dump({**document, "instances": [inputs]})
    columns = {name: [value] for name, value in inputs.items()}
    return dump({**document, "inputs": columns})


GOOD_BODIES = [
    dump({"instances": [pixels()]}),
    dump({"inputs": [pixels()]}),
    dump({"inputs": {"images": [pixels()]}}),
    dump(mix_document()),
    *[file_body(file) for file in FILES],
    file_body(FILES[0], rows=False),
    files_body(FILES[0]),
    files_body(FILES[0], FILES[0], rows=False),
]
GOOD_REQUESTS = [Request("good", body) for body in GOOD_BODIES]


# Hostile ones: each function makes one of its kind.


def flipped(contents, generator, most=8):
    """Changes, leaves out, doubles or puts in some bytes."""
    contents = bytearray(contents)
    for _ in range(generator.randint(1, most)):
        start = generator.randrange(len(contents) or 1)
        end = start + generator.randint(1, 20)
        way = generator.randrange(4)
        if way == 0 and contents:
            contents[start] = generator.randrange(256)
        elif way == 1:
            del contents[start:end]
        elif way == 2:
            contents[start:start] = contents[start:end]
        else:
            contents[start:start] = generator.randbytes(end - start)
    return bytes(contents)


VALUES = [None, True, False, "", "a", "ä", "\0", "\ud800", "b64", "a" * 999]
VALUES += [0, 1, -1, 255, 256, 2**31, 2**53 + 1, 2**63, -(2**64), 10**30]
VALUES += [0.5, -0.0, 1e-320, 3.5e38, 1e308, [], {}, [[]], [{}], {"": []}]
VALUES += [{"b64": value} for value in ("", "AAAA", "A", "%", None, 1, [])]


def anything(generator, depth=3):
    """Returns a JSON value of any kind."""
    way = generator.random()
    if way < 0.75 or not depth:
        return generator.choice(VALUES)
    count = generator.randint(1, 4)
    values = [anything(generator, depth - 1) for _ in range(count)]
    if way < 0.9:
        return values
    names = ["images", "image_bytes", "strength", "b64", "", "x"]
    return {generator.choice(names): value for value in values}


def flipped_json(generator):
    return flipped(generator.choice(GOOD_BODIES), generator)


def truncated_json(generator):
    body = generator.choice(GOOD_BODIES)
    return body[: generator.randrange(len(body))]


def flipped_image(generator):
    return file_body(flipped(generator.choice(FILES), generator))


def huge_header(generator):
    return file_body(generator.choice(HEADERS), generator.random() < 0.5)


def bomb(generator):
    return file_body(generator.choice(BOMBS), generator.random() < 0.5)


def files_with_styles(generator):
    """Returns a good file with a bad one as its style, or the reverse."""
    good, other = generator.choice(FILES), generator.choice(FILES)
    bad = [flipped(good, generator), good[: generator.randrange(60)], b""]
    bad += [generator.choice([*HEADERS, *OTHER_FILES])]
    files = [other, generator.choice(bad)]
    generator.shuffle(files)
    style = generator.choice([None, files[1]])
    return files_body(files[0], style, generator.random() < 0.5)


def nesting(generator):
    depth = generator.choice([33, 100, 1023, 1025, 5000, 100_000])
    opening, closing = generator.choice(
        [("[", "]"), ('{"a":', "}"), ('[{"b64":', "}]"), ("[1,", "]")]
    )
    inner = opening * depth + generator.choice(["0", "", "NaN"])
    if generator.random() < 0.7:
        inner += closing * depth
    key = generator.choice(["instances", "inputs", "signature_name", "x"])
    return f'{{"{key}":{inner}}}'.encode()


def big_json(generator):
    """Returns a body as large as its limit, or larger."""
    before, part, after = generator.choice(
        [
            (b'{"instances":[', b"0,", b"0]}"),
            (b'{"instances":[', b"[],", b"[]]}"),
            (b'{"signature_name":"', b"a", b'","instances":[1]}'),
            (b'{"instances":[{"b64":"', b"A", b'"}]}'),
            (b"", b" ", b'{"instances":[1]}'),
            (b'{"instances":[', b"9", b"]}"),
            (b'{"instances":[NaN,', b"[{}],", b"0]}"),
            (b'{"instances":[1],', b'"key":0,', b'"x":0}'),
        ]
    )
    size = generator.choice([2**20, 2**22, 2**24])
    return before + part * (size // len(part)) + after


def too_big(generator):
    # Beyond any limit of a server that answers photos.
    return b"[" + b"1," * (2**25 + generator.randrange(9)) + b"1]"


SIGNATURES = ["", "style_names", "__saved_model_init_op"]
SIGNATURES += ["serving_style_image", "serving_style_weights", "serving_bytes"]
SIGNATURES += ["serving_bytes_style_image", "serving_bytes_style_weights"]


def rows_of_anything(generator):
    document = {"instances": anything(generator)}
    if generator.random() < 0.5:
        names = [*SIGNATURES, anything(generator, 1)]
        document["signature_name"] = generator.choice(names)
    if generator.random() < 0.1:
        document["inputs"] = anything(generator)
    return dump(document)


def columns_of_anything(generator):
    names = ["images", "style_weights", "strength", "keep_color", "x"]
    names = generator.sample(names, generator.randint(1, 2))
    return dump(mix_document(**{n: anything(generator) for n in names}))


def shapes(generator):
    """Returns arrays that are not the pixels of a picture."""
    height, width = generator.choices([0, 1, 2, 31, 32, 33], k=2)
    value = generator.choice([0, 255, 256, -1, 0.5, True, None, "0"])
    image = pixels(height, width, generator.choice([0, 1, 3, 4]), value)
    if generator.random() < 0.3:
        image = [*image, generator.choice([[], [[]], 0, pixels(1)[0][:-1]])]
    images = [image] * generator.choice([0, 1, 1, 1, 3])
    documents = [
        {"instances": images},
        {"inputs": {"images": images}},
        mix_document(images=images),
        {"instances": [image, pixels()]},
    ]
    return dump(generator.choice(documents))


NUMBERS = "NaN Infinity -Infinity -NaN nan 1e400 -1e400 1e-400 01 +1 .5 1."
NUMBERS += f" 0x10 1_000 -0 1E5 ٣ 3.5e38 1e38 -1 {'9' * 400} {'9' * 5000}"


def numbers(generator):
    changes = generator.choice(
        [
            {"strength": [0.123]},
            {"style_weights": [[0.123, 1]]},
            {"images": [[[[0.123, 0, 0]] * 32] * 32]},
        ]
    )
    text = generator.choice(NUMBERS.split()).encode()
    return dump(mix_document(**changes)).replace(b"0.123", text)


def compressed_body(generator):
    encoding = generator.choice(["gzip", "deflate", "br", "identity, gzip"])
    body = generator.choice(GOOD_BODIES)
    body = generator.choice([gzip.compress(body), body, zeros(2**24)])
    return Request("", body, headers={**JSON, "Content-Encoding": encoding})


def bad_base64(generator):
    text = base64.b64encode(FILES[0]).decode()
    start = generator.randrange(len(text))
    texts = [text[:start] + c + text[start:] for c in ("%", "=", "\n", "ä")]
    texts += [text[:-1], text + "====", "=" + text, " " + text, "data:" + text]
    texts += [text.replace("/", "_").replace("+", "-"), "A", "=", "", "\0"]
    text = generator.choice(texts)
    values = [{"b64": text, "x": 1}, {"B64": text}, {"b64": [text]}, text]
    values += [{"b64": {"b64": text}}, {"b64": None}, [{"b64": text}]]
    value = generator.choice([{"b64": text}, generator.choice(values)])
    key = generator.choice(["instances", "inputs"])
    return dump({"signature_name": "serving_bytes", key: [value]})


METHODS = "GET POST PUT DELETE OPTIONS PATCH TRACE FOO".split()
PATHS = """/ // /v1 /v1/models /v1/models/ /metrics /healthz *
/v1/models/nobody:predict /v1/models/../../../etc/passwd
/v1/models/%ff%fe:predict /v1/models/%63omic:predict
/v1/models/%2e%2e%2f%2e%2e:predict""".split()
PATHS += [f"/v1/models/{'a' * 8000}:predict"]
PATHS += [
    f"/v1/models/comic{end}"
    for end in ("", ":", ":train", ":predict:predict", ":predict#x")
]
PATHS += [f"{PATH}?{'a=1&' * 500}"]
PATHS += [
    f"/v1/models/comic/versions/{number}:predict"
    for number in ("", "-1", "0", "%31", "9" * 20, "9" * 5000)
]


def paths(generator):
    body = generator.choice([b"", GOOD_BODIES[0]])
    path, method = generator.choice(PATHS), generator.choice(METHODS)
    return Request("", body, path=path, method=method)


NOTHING = b"""\0
null true 0 "" [] {} { } '{}' {'instances':[1]} {"instances":[1],} //x\n{}
{"instances":[1]}{"instances":[1]} {"instances":[]} {"inputs":[]}
{"inputs":{}}""".split()


def nothing(generator):
    noise = generator.randbytes(generator.randint(1, 200))
    return generator.choice([b"", b" ", b"\n", noise, *NOTHING])


OFTEN = [bad_base64, columns_of_anything, compressed_body, files_with_styles]
OFTEN += [flipped_json, flipped_image, huge_header, nesting, nothing, numbers]
OFTEN += [paths, rows_of_anything, shapes, truncated_json]
# These take a server much longer than the others.
RARE = [big_json, bomb, too_big]
