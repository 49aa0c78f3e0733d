"""`keras-comic serve` in a process of its own, on ports that are free."""

import collections
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import threading
import time

PROGRAM = "from keras_comic.cli.main import app; app()"
STARTED = "server is listening"
START_SECONDS = 120.0
# The lines of the log that are kept, besides those of requests.
KEPT_LINES = 1000
READ_BYTES = 2**16
# Between two looks at the log: to wake for each line takes from the server.
READ_SECONDS = 0.02
REQUEST = re.compile(rb'"message": "request".*"status": "(\w+)"')


class ServerProcess:
    """Starts a server, reads its log, and looks at what it takes.

    Use it in a `with` block, which ends it.

    Args:
        source: A preset, or the folder of a version of a SavedModel.
        options: List of strings, options of `keras-comic serve`.
        environment: Dict of what the process finds beside what this one has.
    """

    def __init__(self, source, options=(), environment=None):
        self._command = [sys.executable, "-c", PROGRAM, "serve"]
        self._command += [f"comic={source}", "--port", "0"]
        self._command += map(str, options)
        self._environment = {
            **os.environ,
            # It finds what this process finds.
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            "TF_CPP_MIN_LOG_LEVEL": "3",
            **(environment or {}),
        }
        self.requests = collections.Counter()
        self.lines = collections.deque(maxlen=KEPT_LINES)

    def __enter__(self):
        self._process = subprocess.Popen(
            self._command,
            env=self._environment,
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            bufsize=0,
        )
        self._started = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._started.wait(START_SECONDS)
        if not hasattr(self, "address"):
            self.end()
            lines = "\n".join(self.lines)
            raise RuntimeError(f"The server has not started:\n{lines}")
        return self

    def __exit__(self, *exception):
        self.end()

    def _read(self):
        rest = b""
        while part := self._process.stderr.read(READ_BYTES):
            *lines, rest = (rest + part).split(b"\n")
            for line in lines:
                self._take(line)
            if len(part) < READ_BYTES:
                time.sleep(READ_SECONDS)
        if rest:
            self._take(rest)
        self._started.set()

    def _take(self, line):
        request = REQUEST.search(line)
        if request:
            status = request[1].decode()
            self.requests[status] += 1
            if status not in ("INTERNAL", "UNKNOWN"):
                return
        text = line.decode(errors="replace").rstrip()
        self.lines.append(text)
        if STARTED in text:
            found = json.loads(text)
            self.address = found["url"].removeprefix("http://")
            self._started.set()

    @property
    def is_running(self):
        return self._process.poll() is None

    def terminate(self):
        """Sends SIGTERM, and does not wait."""
        self._process.send_signal(signal.SIGTERM)

    def wait(self, seconds):
        """The exit status, once its log is read to the end."""
        status = self._process.wait(seconds)
        self._reader.join(seconds)
        return status

    def end(self):
        """Ends it at once, if it is still there."""
        if self.is_running:
            self._process.kill()
        self._process.wait()
        self._reader.join()
        self._process.stderr.close()

    def memory(self, which="VmRSS"):
        """Bytes that it holds in memory; with `VmHWM`, has held at most."""
        return _memory(self._process.pid, which)

    def cpu_seconds(self):
        """Seconds that its threads have run."""
        path = pathlib.Path(f"/proc/{self._process.pid}/stat")
        fields = path.read_text().rpartition(")")[2].split()
        return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


def _memory(pid, which):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{which}:"):
            return 1024 * int(line.split()[1])
    raise ValueError(f"The system does not tell {which}.")
