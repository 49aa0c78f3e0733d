"""What a photo costs on the wire: JSON integers, base64 and gRPC.

    python examples/benchmarks/serving_wire.py --json serving_wire.json

A photo becomes a comic in each form that TensorFlow Serving's API has: its
pixels as JSON integers, its file as base64 in JSON, its pixels or its file in
gRPC's message. Measured are the bytes of request and response, and the
seconds of each step apart:

- `client encode`: the photo becomes the body of a request;
- `server parse`: the body becomes tensors;
- `model`: the network alone, on the same pixels in every form;
- `files in graph`: what the signature takes longer that reads and writes
  files, `serving_bytes`, than the one that takes pixels;
- `server encode`: the tensors become the body of the response;
- `client parse`: the body becomes the comic.

Who has pixels and sends a file must encode one, and who has a file and sends
pixels must decode it. So there are two totals: `pixels to pixels`, and `file
to file` (a JPEG photo becomes a PNG comic); and the second `without the
model`. The forms take turns in each round; a ratio is the median of the
rounds' ratios. Python's search for cycles in memory is off while JSON is
parsed, which is best for lists of integers. The same follows for mixes of
styles (`style weights`), with the signatures `serving_style_weights` and
`serving_bytes_style_weights`.

Then `keras-comic serve`, in a process of its own, is sent each form's request
over loopback: the `round trip` is from the first byte sent to the last byte
received, and has the server's own code in it.
"""

import base64
import contextlib
import gc
import io
import itertools
import json
import os
import pathlib
import statistics
import tempfile
import time

import numpy as np
from benchmark import parser
from benchmark import report
from benchmark import row
from load_generator import OK
from load_generator import GrpcClient
from load_generator import HttpClient
from server_process import ServerProcess

STEPS = (
    "client encode",
    "server parse",
    "model",
    "files in graph",
    "server encode",
    "client parse",
)
TOTALS = ("pixels to pixels", "file to file", "without the model")
ROUND_TRIP = "round trip"
# A quick level: the files are sent once.
PNG_LEVEL = 1
JPEG_QUALITY = 90
PYTHON_JSON = "JSON integers, json"
STYLED = "serving_style_weights"
STYLED_FILES = "serving_bytes_style_weights"
AIM_BYTES = "aim: at least 3"
AIM_SECONDS = "aim: at least 1"


def make_photo(side):
    """A photograph of a square, uint8; copies are mirrored to fill it."""
    from skimage import data

    photo = data.astronaut()
    missing = max(0, side - photo.shape[0])
    photo = np.pad(photo, ((0, missing), (0, missing), (0, 0)), "symmetric")
    return np.ascontiguousarray(photo[:side, :side])


def write_file(pixels, kind):
    """The bytes of a PNG or JPEG file."""
    from PIL import Image

    options = {
        "PNG": {"compress_level": PNG_LEVEL},
        "JPEG": {"quality": JPEG_QUALITY},
    }[kind]
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()


def read_file(contents):
    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(contents)).convert("RGB"))


class JsonIntegers:
    """`{"instances": [[[[255, 0, ...`, of orjson or of Python's own json."""

    file = None
    names = ("images", "comics")

    def __init__(self, library, settings=None):
        self.title = f"JSON integers, {library}{_suffix(settings)}"
        self.signature = STYLED if settings else "serving_default"
        self.settings = settings or {}
        if library == "orjson":
            import orjson

            self._loads = orjson.loads
            self._dumps = lambda value: orjson.dumps(
                value, option=orjson.OPT_SERIALIZE_NUMPY
            )
        else:
            self._loads = json.loads
            self._dumps = lambda value: json.dumps(
                {name: array.tolist() for name, array in value.items()},
                separators=(",", ":"),
            ).encode()

    def encode(self, photo):
        if self.settings:
            inputs = {"images": photo[np.newaxis], **self.settings}
            return self._dumps(
                {"signature_name": self.signature, "inputs": inputs}
            )
        return self._dumps({"instances": photo[np.newaxis]})

    def parse(self, body):
        if self.settings:
            return self._pixels(body, "inputs", "images")
        return self._pixels(body, "instances")

    def answer(self, comics):
        return self._dumps({"predictions": comics})

    def read(self, body):
        return self._pixels(body, "predictions")[0]

    def _pixels(self, body, *names):
        with without_collection():
            level, shape = self._loads(body), []
            for name in names:
                level = level[name]
            while isinstance(level[0], list):
                shape.append(len(level[0]))
                rows = len(level)
                level = list(itertools.chain.from_iterable(level))
                if rows * shape[-1] != len(level):
                    raise ValueError("The lists are not of equal sizes.")
            array = np.frombuffer(bytes(level), np.uint8)
        return array.reshape([-1, *shape])


class JsonBase64:
    """`{"signature_name": ..., "instances": [{"b64": "..."}]}`, of a file."""

    names = ("image_bytes", "comic_bytes")

    def __init__(self, kind, settings=None):
        import orjson

        self.file = kind
        self.title = f"b64, {kind}{_suffix(settings)}"
        self.signature = STYLED_FILES if settings else "serving_bytes"
        self.settings = settings or {}
        self._loads = orjson.loads
        self._dumps = lambda value: orjson.dumps(
            value, option=orjson.OPT_SERIALIZE_NUMPY
        )

    def encode(self, contents):
        instances = [_to_base64(contents)]
        if self.settings:
            inputs = {"image_bytes": instances, **self.settings}
            return self._dumps(
                {"signature_name": self.signature, "inputs": inputs}
            )
        return self._dumps(
            {"signature_name": self.signature, "instances": instances}
        )

    def parse(self, body):
        found = self._loads(body)
        found = found["inputs" if self.settings else "instances"]
        if self.settings:
            found = found["image_bytes"]
        return np.array([base64.b64decode(v["b64"]) for v in found], object)

    def answer(self, comics):
        values = [_to_base64(contents) for contents in comics]
        return self._dumps({"predictions": values})

    def read(self, body):
        return base64.b64decode(self._loads(body)["predictions"][0]["b64"])


class Grpc:
    """`PredictRequest`, of pixels or of a file."""

    def __init__(self, kind=None, settings=None):
        self.file = kind
        self.title = f"gRPC, {kind or 'pixels'}{_suffix(settings)}"
        if settings:
            self.signature = STYLED_FILES if kind else STYLED
        else:
            self.signature = "serving_bytes" if kind else "serving_default"
        self.settings = settings or {}
        self.names = (
            ("image_bytes", "comic_bytes") if kind else ("images", "comics")
        )

    def encode(self, photo):
        from tensorflow_serving.apis import predict_pb2

        batch = [photo] if self.file else photo[np.newaxis]
        return self._message(predict_pb2.PredictRequest, "inputs", 0, batch)

    def parse(self, body):
        from tensorflow_serving.apis import predict_pb2

        return self._array(predict_pb2.PredictRequest, "inputs", 0, body)

    def answer(self, comics):
        from tensorflow_serving.apis import predict_pb2

        return self._message(predict_pb2.PredictResponse, "outputs", 1, comics)

    def read(self, body):
        from tensorflow_serving.apis import predict_pb2

        return self._array(predict_pb2.PredictResponse, "outputs", 1, body)[0]

    def _message(self, message_class, field, number, batch):
        import tensorflow as tf

        message = message_class()
        message.model_spec.name = "comic"
        message.model_spec.signature_name = self.signature
        tensors = {self.names[number]: batch}
        if field == "inputs":
            tensors.update(self.settings)
        for name, values in tensors.items():
            tensor = tf.make_tensor_proto(values)
            getattr(message, field)[name].CopyFrom(tensor)
        return message.SerializeToString()

    def _array(self, message_class, field, number, body):
        import tensorflow as tf

        message = message_class.FromString(body)
        return tf.make_ndarray(getattr(message, field)[self.names[number]])


def _suffix(settings):
    return ", style weights" if settings else ""


def _to_base64(contents):
    return {"b64": base64.b64encode(contents).decode("ascii")}


@contextlib.contextmanager
def without_collection():
    """Python would look through millions of lists again and again."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def make_forms():
    return [
        JsonIntegers("orjson"),
        JsonIntegers("json"),
        JsonBase64("PNG"),
        JsonBase64("JPEG"),
        Grpc(),
        Grpc("JPEG"),
    ]


def make_forms_with_styles(num_styles):
    """Forms with an equal mix of all styles; JSON integers come first."""
    settings = {
        "style_weights": np.full((1, num_styles), 1 / num_styles, "float32"),
        "strength": np.ones(1, "float32"),
        "keep_color": np.zeros(1, bool),
    }
    return [
        JsonIntegers("orjson", settings),
        JsonBase64("PNG", settings),
        JsonBase64("JPEG", settings),
        Grpc(None, settings),
        Grpc("PNG", settings),
    ]


class Model:
    """A SavedModel's signatures, on arrays."""

    def __init__(self, folder):
        import tensorflow as tf

        self._tf = tf
        self._loaded = tf.saved_model.load(str(folder))

    def run(self, form, batch):
        function = self._loaded.signatures[form.signature]
        inputs = {form.names[0]: batch, **form.settings}
        tensors = {n: self._tf.constant(v) for n, v in inputs.items()}
        return function(**tensors)[form.names[1]].numpy()

    @property
    def num_styles(self):
        """How many styles there are to mix."""
        function = self._loaded.signatures[STYLED]
        inputs = function.structured_input_signature[1]
        return inputs["style_weights"].shape[1]


def measure(form, model, photo):
    """One photo, all the way.

    Returns:
        Dict of step or total to seconds; dict of `request` and `response` to
        bytes; the comic, uint8.
    """
    clock = time.perf_counter
    marks = [clock()]
    # What this form is made of, and what else the client may have.
    sent = write_file(photo, form.file) if form.file else photo
    marks.append(clock())
    body = form.encode(sent)
    marks.append(clock())
    batch = form.parse(body)
    marks.append(clock())
    outputs = model.run(form, batch)
    marks.append(clock())
    response = form.answer(outputs)
    marks.append(clock())
    received = form.read(response)
    marks.append(clock())
    comic = read_file(received) if form.file else received
    marks.append(clock())
    write, encode, parse, run, answer, read, decode = np.diff(marks).tolist()
    seconds = {
        "client encode": encode,
        "server parse": parse,
        "model": run,
        "files in graph": 0.0,
        "server encode": answer,
        "client parse": read,
    }
    carried = sum(seconds.values())
    seconds["pixels to pixels"] = carried + write + decode
    if form.file is None:
        file = write_file(photo, "JPEG")
        start = clock()
        read_file(file)
        write_file(comic, "PNG")
        carried += clock() - start
    seconds["file to file"] = carried
    return seconds, {"request": len(body), "response": len(response)}, comic


def measure_all(forms, model, photo, repeats):
    """Rounds in which the forms take turns, after one to warm up.

    Returns:
        Dict of title to list of dicts of seconds; dict of title to dict of
        bytes.
    """
    seconds = {form.title: [] for form in forms}
    sizes = {}
    for turn in range(-1, repeats):
        first = max(turn, 0) % len(forms)
        found = {}
        for form in forms[first:] + forms[:first]:
            found[form.title], sizes[form.title], comic = measure(
                form, model, photo
            )
            if comic.shape != photo.shape:
                raise RuntimeError(f"{form.title} gave {comic.shape}.")
        # The network is the same, so its own time is that of this round.
        alone = statistics.median(
            found[form.title]["model"] for form in forms if not form.file
        )
        for form in forms:
            step = found[form.title]
            if form.file:
                step["files in graph"] = max(0.0, step["model"] - alone)
                step["model"] = min(step["model"], alone)
            step["without the model"] = step["file to file"] - step["model"]
            if turn >= 0:
                seconds[form.title].append(step)
    return seconds, sizes


def measure_server(version, forms, photo, repeats):
    """Round trips of each form to a server, in turns, after one to warm up.

    Returns:
        Dict of title to list of seconds.
    """
    seconds = {form.title: [] for form in forms}
    with ServerProcess(version) as server, contextlib.ExitStack() as stack:
        clients = {}
        for form in forms:
            sent = write_file(photo, form.file) if form.file else photo
            body = form.encode(sent)
            if isinstance(form, Grpc):
                client = GrpcClient(server.grpc_address, None, body)
            else:
                client = HttpClient(
                    server.rest_address, "/v1/models/comic:predict", body
                )
            clients[form.title] = client
            stack.callback(client.close)
        for turn in range(-1, repeats):
            first = max(turn, 0) % len(forms)
            for form in forms[first:] + forms[:first]:
                start = time.perf_counter()
                status, good = clients[form.title].send()
                value = time.perf_counter() - start
                if not good or status not in OK:
                    raise RuntimeError(f"{form.title}: {status}")
                if turn >= 0:
                    seconds[form.title].append(value)
    return seconds


def server_rows(side, forms, seconds, conditions):
    base = forms[0].title
    rows = []
    for form in forms:
        label = f"{form.title}, {side}x{side}"
        peer = None if form.title == base else f"{base}, {side}x{side}"
        value = statistics.median(seconds[form.title])
        rows.append(
            _row(label, ROUND_TRIP, value * 1e3, "ms", peer, conditions)
        )
    for form in forms[1:]:
        label = f"{base} / {form.title}, {side}x{side}"
        ratio = statistics.median(
            a / b for a, b in zip(seconds[base], seconds[form.title])
        )
        aim = f"{AIM_SECONDS}; " if form.title.startswith("b64") else ""
        rows.append(
            _row(
                label,
                ROUND_TRIP,
                ratio,
                "ratio",
                f"{base}, {side}x{side}",
                aim + conditions,
            )
        )
    return rows


def make_rows(side, forms, seconds, sizes, conditions):
    base = forms[0].title
    rows = []
    for form in forms:
        label = f"{form.title}, {side}x{side}"
        peer = None if form.title == base else f"{base}, {side}x{side}"
        for way, count in sizes[form.title].items():
            rows.append(_row(label, way, count / 1e6, "MB", peer, ""))
        for step in (*STEPS, *TOTALS):
            value = statistics.median(s[step] for s in seconds[form.title])
            rows.append(_row(label, step, value * 1e3, "ms", peer, conditions))
    for form in forms[1:]:
        is_base64 = form.title.startswith("b64")
        label = f"{base} / {form.title}, {side}x{side}"
        peer = f"{base}, {side}x{side}"
        for way, count in sizes[form.title].items():
            aim = AIM_BYTES if is_base64 else ""
            ratio = sizes[base][way] / count
            rows.append(_row(label, way, ratio, "ratio", peer, aim))
        for total in TOTALS:
            ratio = statistics.median(
                a[total] / b[total]
                for a, b in zip(seconds[base], seconds[form.title])
            )
            aim = f"{AIM_SECONDS}; {conditions}" if is_base64 else conditions
            rows.append(_row(label, total, ratio, "ratio", peer, aim))
    return rows


def _row(label, what, value, unit, peer, conditions):
    if peer is not None:
        peer = f"{peer}: {what}"
    return row(f"{label}: {what}", value, unit, peer, conditions)


def print_summary(sides, forms, found):
    print(
        "| size | form | request, MB | response, MB | "
        + " | ".join(f"{step}, ms" for step in (*STEPS, *TOTALS))
        + " |"
    )
    print("| --- | --- " + "| ---: " * (2 + len(STEPS + TOTALS)) + "|")
    for side in sides:
        seconds, sizes = found[side]
        for form in forms:
            values = [f"{n / 1e6:.3f}" for n in sizes[form.title].values()]
            for step in (*STEPS, *TOTALS):
                middle = statistics.median(s[step] for s in seconds[form.title])
                values.append(f"{middle * 1e3:.1f}")
            cells = " | ".join(values)
            print(f"| {side}x{side} | {form.title} | {cells} |")
    print()


def versions():
    """The libraries that the figures hang on, as one line of text."""
    import grpc
    import orjson
    import PIL
    import tensorflow as tf

    return (
        f"orjson {orjson.__version__}, gRPC {grpc.__version__}, Pillow "
        f"{PIL.__version__}, TensorFlow {tf.__version__}"
    )


def parse(arguments=None):
    options = parser(__doc__)
    options.add_argument(
        "--sizes",
        nargs="+",
        type=int,
        default=[512, 1024],
        metavar="SIDE",
        help="sides of the photo, pixels (default: 512 1024)",
    )
    options.add_argument(
        "--preset",
        default="adain_storybook",
        help="what makes the comics (default: %(default)s)",
    )
    options.add_argument(
        "--model",
        type=pathlib.Path,
        metavar="FOLDER",
        help="a version of a SavedModel, in place of a preset",
    )
    options.add_argument(
        "--no-server",
        action="store_true",
        help="leave out the round trips to a server",
    )
    return options.parse_args(arguments)


def main(arguments=None):
    arguments = parse(arguments)
    # TensorFlow reads it when it is imported.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras_comic

    with tempfile.TemporaryDirectory() as folder:
        version = arguments.model
        if version is None:
            version = keras_comic.export.save_served_model(
                arguments.preset, pathlib.Path(folder, "1"), warmup_sizes=()
            )
        model = Model(version)
        groups = [make_forms(), make_forms_with_styles(model.num_styles)]
        conditions = f"{arguments.repeats} rounds"
        rows = []
        for forms in groups:
            found = {}
            for side in arguments.sizes:
                photo = make_photo(side)
                found[side] = measure_all(
                    forms, model, photo, arguments.repeats
                )
                rows += make_rows(side, forms, *found[side], conditions)
                if arguments.no_server:
                    continue
                # A server parses the same request of either JSON library.
                asked = [form for form in forms if form.title != PYTHON_JSON]
                seconds = measure_server(
                    version, asked, photo, arguments.repeats
                )
                rows += server_rows(side, asked, seconds, conditions)
            print_summary(arguments.sizes, forms, found)
    print(f"{versions()}; PNG of level {PNG_LEVEL}, JPEG of {JPEG_QUALITY}.\n")
    report("Wire cost", rows, arguments.json)


if __name__ == "__main__":
    main()
