"""Throughput and latency of the local server under load, and its memory.

    python examples/benchmarks/serving_load.py --json serving_load.json
    python examples/benchmarks/serving_load.py --address 127.0.0.1:8501

`keras-comic serve` runs in a process of its own and is asked over loopback, by
another process, by each number of clients, which send the next request once
the last is answered. With `--address` a server that runs already is asked, such
as one of another commit. At the end SIGTERM comes under load, after which no
accepted request may be lost.

The clients share the cores with the server: where something else runs on the
machine too, throughput falls with what the server gets; `comics a
core-second` is by the seconds that its own threads have run.
"""

import asyncio
import base64
import collections
import contextlib
import io
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np
from benchmark import parser
from benchmark import report
from benchmark import row
from server_process import ServerProcess

WARM_UP_SECONDS = 2.0
PATH = "/v1/models/comic:predict"


def make_request(form, side):
    """The bytes of a request for one photo."""
    from PIL import Image
    from skimage import data

    photo = Image.fromarray(data.astronaut())
    photo = photo.resize((side, side), Image.Resampling.LANCZOS)
    if form == "integers":
        body = {"instances": [np.asarray(photo).tolist()]}
    else:
        file = io.BytesIO()
        photo.save(file, "JPEG", quality=90)
        value = {"b64": base64.b64encode(file.getvalue()).decode()}
        body = {"signature_name": "serving_bytes", "instances": [value]}
    content = json.dumps(body, separators=(",", ":")).encode()
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(content)}"
    return f"{head}\r\n\r\n".encode() + content


async def ask(address, request, end, answers):
    """Asks on one connection until the time is up."""
    host, port = address.rsplit(":", 1)
    reader, writer = None, None
    while time.monotonic() < end:
        start = time.monotonic()
        try:
            if writer is None:
                reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(request)
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = head.partition(b"content-length: ")[2].split()[0]
            await reader.readexactly(int(length))
            status = head.split()[1].decode()
        except (OSError, asyncio.IncompleteReadError):
            status, head = "lost", b"connection: close"
        milliseconds = 1000 * (time.monotonic() - start)
        answers.append((status, milliseconds))
        if b"connection: close" in head:
            if writer is not None:
                writer.close()
            writer = None
        if status == "lost":
            await asyncio.sleep(0.05)


async def ask_all(address, request, clients, seconds):
    """What all clients saw, as JSON for `measure`."""
    answers, end = [], time.monotonic() + seconds
    await asyncio.gather(
        *(ask(address, request, end, answers) for _ in range(clients))
    )
    good = [value for status, value in answers if status == "200"]
    quantiles = np.quantile(good, [0.5, 0.99]).tolist() if good else [0, 0]
    return {
        "counts": collections.Counter(status for status, _ in answers),
        "throughput": len(good) / seconds,
        "p50": quantiles[0],
        "p99": quantiles[1],
    }


def start_clients(address, path, clients, seconds):
    command = [sys.executable, __file__, "--ask", address, str(path)]
    command += [str(clients), str(seconds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE)


def finish(process):
    output, _ = process.communicate()
    if process.returncode:
        raise RuntimeError(f"The clients failed: {process.args}")
    return json.loads(output)


def measure(server, address, path, clients, seconds):
    """What the clients saw, and what the server took meanwhile."""
    finish(start_clients(address, path, clients, WARM_UP_SECONDS))
    cpu = server.cpu_seconds() if server else 0
    result = finish(start_clients(address, path, clients, seconds))
    if server:
        used = (server.cpu_seconds() - cpu) / seconds
        result["comics a core-second"] = result["throughput"] / used
        result["memory"] = server.memory() / 2**20
    counts = result.pop("counts")
    result["failed requests"] = sum(counts.values()) - counts.get("200", 0)
    return result


def measure_shutdown(server, path, clients):
    """Accepted requests that a client did not get after SIGTERM."""
    before = server.requests["OK"]
    process = start_clients(server.address, path, clients, 6.0)
    time.sleep(3.0)
    server.terminate()
    server.wait(60.0)
    answered = finish(process)["counts"].get("200", 0)
    return server.requests["OK"] - before - answered


UNITS = {
    "throughput": "1/s",
    "p50": "ms",
    "p99": "ms",
    "comics a core-second": "1/s",
    "memory": "MiB",
    "failed requests": "requests",
}


def parse(arguments=None):
    options = parser(__doc__)
    options.add_argument("--preset", default="adain_storybook")
    options.add_argument("--address", help="of a server that runs already")
    options.add_argument("--forms", nargs="+", default=["b64", "integers"])
    options.add_argument("--sizes", nargs="+", type=int, default=[64])
    options.add_argument("--clients", nargs="+", type=int, default=[1, 8, 32])
    options.add_argument("--seconds", type=float, default=20.0)
    options.add_argument("--ask", nargs=4, help="run the clients alone")
    return options.parse_args(arguments)


def main(arguments=None):
    options = parse(arguments)
    if options.ask:
        address, path, clients, seconds = options.ask
        request = pathlib.Path(path).read_bytes()
        asking = ask_all(address, request, int(clients), float(seconds))
        print(json.dumps(asyncio.run(asking)))
        return
    rows = []
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        server = None
        if options.address is None:
            os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
            server = stack.enter_context(ServerProcess(options.preset))
        address = options.address or server.address
        for form in options.forms:
            for side in options.sizes:
                path = pathlib.Path(folder, f"{form}_{side}")
                path.write_bytes(make_request(form, side))
                for clients in options.clients:
                    result = measure(
                        server, address, path, clients, options.seconds
                    )
                    label = f"{form}, {side}x{side}, {clients} clients"
                    rows += [
                        row(f"{label}: {what}", value, UNITS[what])
                        for what, value in result.items()
                    ]
        if server is not None:
            lost = measure_shutdown(server, path, max(options.clients))
            rows.append(row("lost at SIGTERM", lost, "requests"))
    report("Local server", rows, options.json, f"{options.seconds:g} s each")


if __name__ == "__main__":
    main()
