import os
import signal
import socket
import subprocess
import sys
import time

import httpx
import pytest
import typer
from absl.testing import parameterized
from typer.testing import CliRunner

from keras_comic.cli.serve import serve
from tests.serving.rest_servers import saved_model
from tests.test_case import ROOT
from tests.test_case import TestCase

app = typer.Typer()
app.command("serve")(serve)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class ServeTest(TestCase, parameterized.TestCase):
    @parameterized.named_parameters(
        ("nothing", [], "at least one preset or folder"),
        ("unknown", ["no_such_preset"], "no_such_preset"),
        (
            "public",
            [None, "--host", "0.0.0.0", "--without-content-review"],
            "must be loopback",
        ),
        (
            "not_reviewed",
            [None, "--host", "0.0.0.0", "--token", "secret"],
            "--without-content-review",
        ),
        (
            "no_classifier",
            [None, "--content-classifier", "no_such_module:a"],
            "no_such_module",
        ),
        ("no_token", [None, "--token-file", "none.txt"], "none.txt"),
        ("port", [None, "--port", "70000"], "Invalid value"),
    )
    def test_errors(self, arguments, message):
        arguments = [a or str(saved_model()) for a in arguments]
        result = CliRunner().invoke(app, arguments)
        self.assertEqual(result.exit_code, 2, result.output)
        self.assertIn(message, result.output)

    @pytest.mark.slow
    def test_process(self):
        token_file = self.temporary_folder() / "token"
        token_file.write_text("s3cret\n")
        port = free_port()
        program = (
            "import typer\n"
            "from keras_comic.cli.serve import serve\n"
            "typer.run(serve)\n"
        )
        process = subprocess.Popen(
            [sys.executable, "-c", program, str(saved_model())]
            + ["--port", str(port)]
            + ["--token-file", str(token_file)],
            cwd=ROOT,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        )
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        url = f"http://127.0.0.1:{port}"
        end = time.monotonic() + 120
        while True:
            try:
                if httpx.get(f"{url}/readyz").status_code == 200:
                    break
            except httpx.TransportError:
                self.assertLess(time.monotonic(), end)
                self.assertIsNone(process.poll())
                time.sleep(0.2)
        body = {"signature_name": "half_plus", "instances": [1]}
        for headers, status in (
            ({}, 401),
            ({"Authorization": "Bearer s3cret"}, 200),
        ):
            response = httpx.post(
                f"{url}/v1/models/comic:predict", json=body, headers=headers
            )
            self.assertEqual(response.status_code, status)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(30), 0)
