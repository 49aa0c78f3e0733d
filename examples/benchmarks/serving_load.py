"""Throughput and latency of the local server under load, and its memory.

    python examples/benchmarks/serving_load.py --json serving_load.json

`keras-comic serve` runs in a process of its own and is asked over loopback,
by another process (`load_generator.py`), for a minute by each number of
clients: at 64 and at 512 pixels, with batching and without. With it, the server
batches as it does by itself: at most 16, without a delay, two at a time where
they are small. Without it, each request is a batch, and two are run at a time.
`--threads`, `--batching-threads` and `--delay` try others. Both have room for
as many requests as there are clients, so that none may fail. The clients send
the next request once the last is answered. Each server keeps its process for
all numbers of clients, so that its memory is seen to stay. With batching and
without, the same numbers of clients come one right after the other.

Two more runs: a server with a short queue, whose refusals (429 or
RESOURCE_EXHAUSTED) must be clean; and SIGTERM under load, after which no
accepted request may be lost.

Every row is in the `--json` file as soon as it is measured, in place of one
of its name that was there; others that were there stay.

The clients share the cores with the server; `client's cores` says how much
of them they take. Where something else runs on the machine too, throughput
falls with what the server gets; `comics a core-second` is by the seconds that
its own threads have run.
"""

import argparse
import base64
import io
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
from benchmark import conditions_of_run
from benchmark import cpu_count
from benchmark import parser
from benchmark import report
from benchmark import row
from server_process import ServerProcess

GENERATOR = pathlib.Path(__file__).with_name("load_generator.py")
FORMS = ("grpc", "b64", "integers")
TITLES = {"grpc": "gRPC", "b64": "b64", "integers": "JSON integers"}
WARM_UP_SECONDS = 2.0
QUEUE = 1024
SHORT_QUEUE = 4
BATCHING = {
    # As the local server does by itself, but for what options change.
    "batching": {
        "max_batch_size": 16,
        "max_enqueued_batches": QUEUE // 16,
    },
    "no batching": {
        "max_batch_size": 1,
        "batch_timeout_micros": 0,
        "max_enqueued_batches": QUEUE,
    },
}
EFFICIENCY = "comics a core-second"
AIM_RATIO = "aim: at least 1.5"
# Of this size, starting the graph takes longer than the arithmetic.
AIM_SIDE = 64
AIM_NONE = "aim: 0"
AIM_MEMORY = "aim: flat"


def make_photo(side):
    """A photograph of a square, uint8."""
    from PIL import Image
    from skimage import data

    photo = Image.fromarray(data.astronaut())
    return np.asarray(photo.resize((side, side), Image.Resampling.LANCZOS))


def make_request(form, side):
    """The bytes of a request for one photo."""
    photo = make_photo(side)
    if form == "grpc":
        import tensorflow as tf
        from tensorflow_serving.apis import predict_pb2

        request = predict_pb2.PredictRequest()
        request.model_spec.name = "comic"
        tensor = tf.make_tensor_proto(photo[np.newaxis])
        request.inputs["images"].CopyFrom(tensor)
        return request.SerializeToString()
    if form == "integers":
        body = {"instances": [photo.tolist()]}
        return json.dumps(body, separators=(",", ":")).encode()
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(photo).save(file, "JPEG", quality=90)
    value = {"b64": base64.b64encode(file.getvalue()).decode()}
    body = {"signature_name": "serving_bytes", "instances": [value]}
    return json.dumps(body).encode()


def write_parameters(path, parameters):
    lines = [
        f"{name} {{ value: {value} }}" for name, value in parameters.items()
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def start_load(server, form, path, clients, seconds):
    """Starts the process of the clients."""
    grpc = form == "grpc"
    command = [
        sys.executable,
        str(GENERATOR),
        server.grpc_address if grpc else server.rest_address,
        str(path),
        *("--protocol", "grpc" if grpc else "http"),
        *("--clients", str(clients), "--seconds", str(seconds)),
    ]
    return subprocess.Popen(command, stdout=subprocess.PIPE)


def finish_load(process):
    output, _ = process.communicate()
    if process.returncode:
        raise RuntimeError(f"The clients failed: {process.args}")
    return json.loads(output)


def quantile(values, share):
    if not values:
        return float("nan")
    return float(np.quantile(values, share))


def answers(found):
    """How many requests got a comic."""
    return sum(found["counts"].get(name, 0) for name in ("200", "OK"))


def failures(found):
    return sum(found["counts"].values()) - answers(found) + found["malformed"]


def measure(server, form, path, clients, seconds):
    """What the clients saw, and what the server took meanwhile."""
    finish_load(start_load(server, form, path, clients, WARM_UP_SECONDS))
    memory = [server.memory()]
    cpu, start = server.cpu_seconds(), time.monotonic()
    process = start_load(server, form, path, clients, seconds)
    time.sleep(seconds / 2)
    memory.append(server.memory())
    found = finish_load(process)
    memory.append(server.memory())
    found["memory"] = memory
    wall = time.monotonic() - start
    found["server_cores"] = (server.cpu_seconds() - cpu) / wall
    found["client_cores"] = found["cpu_seconds"] / found["seconds"]
    found["throughput"] = answers(found) / found["seconds"]
    found["efficiency"] = found["throughput"] / found["server_cores"]
    return found


class Rows:
    """Rows, which are in a file as soon as they are there."""

    def __init__(self, path):
        self.rows = []
        self._path = None if path is None else pathlib.Path(path)
        self._run = conditions_of_run()
        self._written = {}
        if self._path is not None and self._path.exists():
            found = json.loads(self._path.read_text(encoding="utf-8"))
            self._written = {item["name"]: item for item in found}

    def add(self, rows):
        self.rows += rows
        if self._path is None:
            return
        for item in rows:
            text = "; ".join(filter(None, [item["conditions"], self._run]))
            self._written[item["name"]] = {**item, "conditions": text}
        text = json.dumps([*self._written.values()], indent=2) + "\n"
        beside = self._path.with_name(f"{self._path.name}.part")
        beside.write_text(text, encoding="utf-8")
        beside.replace(self._path)


def measure_all(version, form, side, arguments, folder, rows):
    """Dict of `(way, number of clients)` to what was found."""
    path = folder / f"{form}_{side}"
    path.write_bytes(make_request(form, side))
    found = {}
    # Both are there, and one of them is asked: noise hits them alike.
    with (
        start_server(version, "batching", arguments, folder) as batching,
        start_server(version, "no batching", arguments, folder) as no_batching,
    ):
        for clients in arguments.clients:
            for way, server in (
                ("batching", batching),
                ("no batching", no_batching),
            ):
                result = measure(server, form, path, clients, arguments.seconds)
                found[way, clients] = result
                print_line(form, side, way, clients, result)
                conditions = way_conditions(way, arguments)
                rows.add(
                    load_rows(form, side, way, clients, result, conditions)
                )
            rows.add(ratio_rows(form, side, clients, found, arguments))
    rows.add(memory_rows(form, side, found, arguments))
    return found


def num_threads(way, arguments):
    """How many batches are run at a time."""
    if way == "batching":
        return arguments.batching_threads or 2
    return arguments.threads


def is_own(way, arguments):
    """Whether the server batches as it does without a file of parameters."""
    changed = arguments.batching_threads or arguments.delay
    return way == "batching" and not changed


def way_conditions(way, arguments):
    text = f"{arguments.seconds:g} s"
    if is_own(way, arguments):
        return f"{text}, the server's own batching"
    text = f"{text}, {num_threads(way, arguments)} threads"
    if way == "batching" and arguments.delay:
        text += f", a delay of {arguments.delay} us"
    return text


def start_server(version, way, arguments, folder, options=()):
    options = ["--max-queue", QUEUE, *options]
    if is_own(way, arguments):
        return ServerProcess(version, options)
    path = folder / f"{way.replace(' ', '_')}.txt"
    parameters = {
        **BATCHING[way],
        "num_batch_threads": num_threads(way, arguments),
    }
    if way == "batching":
        parameters["batch_timeout_micros"] = arguments.delay
    write_parameters(path, parameters)
    return ServerProcess(version, ["--batching-parameters", path, *options])


def measure_short_queue(version, form, side, arguments, folder):
    """What the clients saw of a server with room for a few requests."""
    path = folder / f"{form}_{side}"
    path.write_bytes(make_request(form, side))
    clients = max(arguments.clients)
    options = ["--max-queue", SHORT_QUEUE]
    with start_server(
        version, "batching", arguments, folder, options
    ) as server:
        return measure(server, form, path, clients, arguments.seconds)


def measure_shutdown(version, form, side, arguments, folder):
    """What the clients saw of a server that got SIGTERM."""
    path = folder / f"{form}_{side}"
    path.write_bytes(make_request(form, side))
    clients = max(arguments.clients)
    half = max(1.0, min(3.0, arguments.seconds / 2))
    with start_server(version, "batching", arguments, folder) as server:
        # The clients outlive the server.
        process = start_load(server, form, path, clients, 2 * half + 10.0)
        time.sleep(half)
        if process.poll() is not None:
            raise RuntimeError("The clients have ended before the server.")
        signalled = time.monotonic()
        server.terminate()
        status = server.wait(60.0)
        ended = time.monotonic() - signalled
        found = finish_load(process)
    found["exit_status"] = status
    found["drain_seconds"] = ended
    api = "grpc" if form == "grpc" else "rest"
    found["accepted"] = server.requests[api, "OK"]
    found["lost"] = found["accepted"] - answers(found)
    # Sent before the signal, and not even refused.
    found["unanswered"] = sum(t < signalled for t in found["unanswered"])
    return found


def print_line(form, side, way, clients, found):
    memory = ", ".join(f"{n / 2**20:.0f}" for n in found["memory"])
    print(
        f"| {TITLES[form]} | {side} | {way} | {clients} "
        f"| {found['throughput']:.1f} | {quantile(found['answered'], 0.5):.1f} "
        f"| {quantile(found['answered'], 0.99):.1f} | {failures(found)} "
        f"| {found['server_cores']:.2f} | {found['client_cores']:.2f} "
        f"| {found['efficiency']:.1f} "
        f"| {memory} |",
        flush=True,
    )


def print_head():
    print(
        "| form | side | batches | clients | comics a second | p50, ms "
        "| p99, ms | failed | server's cores | client's cores "
        "| comics a core-second | memory at start, middle, end, MiB |\n"
        "| --- | ---: | --- " + "| ---: " * 9 + "|",
        flush=True,
    )


def load_rows(form, side, way, clients, result, conditions):
    label = _label(form, side, clients, way)
    other = _label(form, side, clients, "no batching")
    rows = []

    def add(what, value, unit, text=conditions):
        peer = f"{other}: {what}" if way == "batching" else None
        rows.append(row(f"{label}: {what}", value, unit, peer, text))

    add("throughput", result["throughput"], "1/s")
    add(EFFICIENCY, result["efficiency"], "1/s")
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        add(name, quantile(result["answered"], share), "ms")
    none = f"{AIM_NONE}; {conditions}"
    add("failed requests", failures(result), "requests", none)
    add("server's cores", result["server_cores"], "cores")
    add("client's cores", result["client_cores"], "cores")
    for when, size in zip(("start", "middle", "end"), result["memory"]):
        add(f"memory at {when}", size / 2**20, "MiB")
    return rows


def ratio_rows(form, side, clients, found, arguments):
    """Throughput with batching as a multiple of that without."""
    label, peer = (
        _label(form, side, clients, way) for way in ("batching", "no batching")
    )
    conditions = "; ".join(
        f"{way}: {way_conditions(way, arguments)}" for way in BATCHING
    )
    rows = []
    for what, key, text in (
        ("throughput", "throughput", AIM_RATIO if side == AIM_SIDE else ""),
        (EFFICIENCY, "efficiency", ""),
    ):
        text = "; ".join(filter(None, [text, conditions]))
        ratio = (
            found["batching", clients][key] / found["no batching", clients][key]
        )
        name = f"{label} / no batching: {what}"
        rows.append(row(name, ratio, "ratio", f"{peer}: {what}", text))
    return rows


def memory_rows(form, side, found, arguments):
    """From the middle of one run to the end of all that follow it."""
    clients = max(clients for _, clients in found)
    rows = []
    for way in BATCHING:
        last = found[way, clients]["memory"]
        rows.append(
            row(
                f"{TITLES[form]}, {side}x{side}, {way}: memory, end / start",
                last[-1] / last[0],
                "ratio",
                None,
                f"{AIM_MEMORY}; {clients} clients, "
                f"{way_conditions(way, arguments)}",
            )
        )
    return rows


def _label(form, side, clients, way):
    return f"{TITLES[form]}, {side}x{side}, {clients} clients, {way}"


def queue_rows(form, side, found, clients, conditions):
    label = f"{TITLES[form]}, {side}x{side}, queue of {SHORT_QUEUE}"
    conditions = f"{clients} clients, {conditions}"
    counts = found["counts"]
    busy = counts.get("429", 0) + counts.get("RESOURCE_EXHAUSTED", 0)
    other = sum(counts.values()) - busy - answers(found) + found["malformed"]
    growth = found["memory"][-1] / found["memory"][0]
    return [
        row(f"{label}: {what}", value, unit, None, text)
        for what, value, unit, text in (
            ("throughput", found["throughput"], "1/s", conditions),
            ("refused", busy, "requests", conditions),
            ("p50 of a refusal", quantile(found["refused"], 0.5), "ms", ""),
            ("p99 of a refusal", quantile(found["refused"], 0.99), "ms", ""),
            ("other failures", other, "requests", AIM_NONE),
            ("memory, end / start", growth, "ratio", AIM_MEMORY),
        )
    ]


def shutdown_rows(form, side, found, clients):
    label = f"{TITLES[form]}, {side}x{side}, SIGTERM"
    conditions = f"{clients} clients"
    return [
        row(f"{label}: {what}", value, unit, None, text)
        for what, value, unit, text in (
            ("accepted", found["accepted"], "requests", conditions),
            ("accepted and lost", found["lost"], "requests", AIM_NONE),
            ("unanswered", found["unanswered"], "requests", AIM_NONE),
            ("time to end", found["drain_seconds"], "s", conditions),
            ("exit status", found["exit_status"], "status", AIM_NONE),
        )
    ]


def summarize(form, side, found):
    """What limits the server, in a sentence."""
    numbers = sorted({clients for _, clients in found})

    def ratios(key):
        return [
            found["batching", n][key] / found["no batching", n][key]
            for n in numbers
        ]

    throughput = ratios("throughput")
    best = int(np.argmax(throughput))
    cores = statistics.median(
        found["no batching", n]["server_cores"] for n in numbers[-2:]
    )
    return (
        f"{TITLES[form]}, {side}x{side}: batching / no batching is "
        f"{throughput[best]:.2f} with {numbers[best]} clients, and "
        f"{ratios('efficiency')[best]:.2f} for each second of the server's "
        f"threads; without batching it runs on {cores:.2f} of {cpu_count()} "
        "cores."
    )


def parse(arguments=None):
    options = parser(__doc__)
    options.set_defaults(repeats=1)
    options.add_argument(
        "--seconds",
        type=float,
        default=60.0,
        help="of each number of clients (default: %(default)s)",
    )
    options.add_argument(
        "--clients",
        nargs="+",
        type=int,
        default=[1, 8, 32, 64],
        help="(default: 1 8 32 64)",
    )
    options.add_argument(
        "--sizes",
        nargs="+",
        type=int,
        default=[64, 512],
        metavar="SIDE",
        help="sides of the photo, pixels (default: 64 512)",
    )
    options.add_argument(
        "--forms",
        nargs="+",
        choices=FORMS,
        default=["grpc", "b64"],
        help="(default: grpc b64)",
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
        "--threads",
        type=int,
        default=2,
        help="threads without batching (default: %(default)s)",
    )
    options.add_argument(
        "--batching-threads",
        type=int,
        help="threads that run batches, whatever their size (default: two "
        "where they are small)",
    )
    options.add_argument(
        "--delay",
        type=int,
        default=0,
        metavar="MICROSECONDS",
        help="that requests wait for others to fill their batch (default: "
        "%(default)s)",
    )
    options.add_argument(
        "--only",
        choices=("load", "queue", "shutdown"),
        help="this part alone",
    )
    arguments = options.parse_args(arguments)
    if arguments.seconds <= 0:
        raise argparse.ArgumentTypeError("--seconds must be positive.")
    return arguments


def main(arguments=None):
    arguments = parse(arguments)
    # TensorFlow reads it when it is imported.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras_comic

    conditions = way_conditions("batching", arguments)
    rows, summary = Rows(arguments.json), []
    clients = max(arguments.clients)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        version = arguments.model
        if version is None:
            version = keras_comic.export.save_served_model(
                arguments.preset,
                folder / "comic" / "1",
                warmup_sizes=((64, 64),),
            )
        if arguments.only in (None, "load"):
            print_head()
            for side in arguments.sizes:
                for form in arguments.forms:
                    found = measure_all(
                        version, form, side, arguments, folder, rows
                    )
                    summary.append(summarize(form, side, found))
        side = min(arguments.sizes)
        for form in arguments.forms:
            if arguments.only in (None, "queue"):
                found = measure_short_queue(
                    version, form, side, arguments, folder
                )
                rows.add(queue_rows(form, side, found, clients, conditions))
            if arguments.only in (None, "shutdown"):
                found = measure_shutdown(version, form, side, arguments, folder)
                rows.add(shutdown_rows(form, side, found, clients))
    print("\n" + "\n".join(summary) + "\n")
    report("Load", rows.rows, values="one run of each")


if __name__ == "__main__":
    main()
