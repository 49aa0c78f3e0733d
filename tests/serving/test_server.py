import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time

import httpx
import numpy as np
import pytest
from absl.testing import parameterized

from keras_comic.export.saved_model import save_served_model
from keras_comic.serving.server import ModelServer
from keras_comic.serving.server import find_models
from keras_comic.serving.server import serve
from tests.serving.rest_servers import saved_model
from tests.serving.rest_servers import start_server
from tests.serving.small_saved_model import small_saved_model
from tests.serving.test_web_stylizer import tiny_painter
from tests.test_case import ROOT
from tests.test_case import TestCase
from tests.test_case import photos
from tests.tiny_families import TinyCodes
from tests.tiny_families import TinyComic

PREDICT = "/v1/models/comic:predict"
HALF = {"signature_name": "half_plus", "instances": [1]}

# Serves until a signal; the log says where.
PROGRAM = """
import sys
from keras_comic.serving.server import serve
serve([f"comic={sys.argv[1]}"], port=0)
print("stopped", flush=True)
"""


def _wait(seconds):
    return {"signature_name": "wait", "instances": [seconds]}


class ModelServerTest(TestCase, parameterized.TestCase):
    @parameterized.parameters("0.0.0.0", "192.0.2.1", "::", "example.org", "")
    def test_others_need_a_token_and_a_review(self, host):
        models = {"comic": saved_model()}
        with self.assertRaisesRegex(ValueError, "must be loopback"):
            ModelServer(models, host)
        with self.assertRaisesRegex(ValueError, "must have a content class"):
            ModelServer(models, host, token="s3cret")
        ModelServer(models, host, token="a", without_content_review=True)

    def test_arguments(self):
        for error, message, models, options in (
            (ValueError, "must not be empty", None, {"token": " "}),
            (ValueError, "models={}", {}, {}),
            (ValueError, "_bytes=0", None, {"max_request_bytes": 0}),
            (FileNotFoundError, "no_such_folder", {"a": "no_such_folder"}, {}),
        ):
            if models is None:
                models = {"comic": saved_model()}
            with self.assertRaisesRegex(error, message):
                ModelServer(models, **options)
        with self.assertRaisesRegex(ValueError, "at least one preset"):
            serve(())

    def test_port_that_is_taken(self):
        server, _ = start_server(self)
        with self.assertRaisesRegex(OSError, "cannot listen on 127.0.0.1"):
            ModelServer(server.servables, port=server.port).start()

    def hold(self, server, client, seconds):
        """Has a request run that takes so long."""
        answers = []

        def ask():
            try:
                answers.append(client.post(PREDICT, json=_wait(seconds)))
            except httpx.TransportError as error:
                answers.append(error)

        thread = threading.Thread(target=ask)
        thread.start()
        end = time.monotonic() + 20
        while not server.servables["comic"].batcher.held_requests:
            self.assertLess(time.monotonic(), end)
            time.sleep(0.001)
        return thread, answers

    def test_stop_answers_what_was_accepted(self):
        server, client = start_server(self)
        thread, answers = self.hold(server, client, 0.5)
        server.stop(20)
        thread.join(20)
        self.assertEqual(answers[0].json(), {"predictions": [0.5]})
        self.assertEqual(answers[0].headers["connection"], "close")
        with self.assertRaises(httpx.ConnectError):
            httpx.get(server.url)
        server.stop(20)

    def test_grace_ends(self):
        server, client = start_server(self)
        thread, _ = self.hold(server, client, 4)
        start = time.monotonic()
        server.stop(0.3)
        self.assertLess(time.monotonic() - start, 3.5)
        thread.join(20)

    def start_process(self):
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(saved_model())],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        )
        for clean_up in (
            process.stdout.close,
            process.stderr.close,
            process.wait,
            process.kill,
        ):
            self.addCleanup(clean_up)
        for line in process.stderr:
            if "server is listening" in line:
                url = json.loads(line)["url"]
                break
        lines = []
        reader = threading.Thread(target=lambda: lines.extend(process.stderr))
        reader.start()
        self.addCleanup(reader.join)
        return process, url, lines, reader

    @pytest.mark.slow
    def test_sigterm_under_load_loses_nothing(self):
        process, url, lines, reader = self.start_process()
        answered, lost = [], []

        def ask(number):
            client, count = httpx.Client(timeout=30), 0
            while True:
                # Some keep their connections, some open new ones.
                if number % 2:
                    client.close()
                    client = httpx.Client(timeout=30)
                count += 1
                name = f"rest-{number}-{count}"
                headers = {"X-Request-Id": name}
                try:
                    response = client.post(
                        url + PREDICT, json=HALF, headers=headers
                    )
                except httpx.TransportError:
                    lost.append(name)
                    break
                answered.append((name, response.status_code))
            client.close()

        threads = [threading.Thread(target=ask, args=(n,)) for n in range(6)]
        for thread in threads:
            thread.start()
        end = time.monotonic() + 30
        while len(answered) < 80 and time.monotonic() < end:
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(30), 0)
        for thread in threads:
            thread.join(30)
        self.assertEqual(process.stdout.readline(), "stopped\n")
        reader.join(10)
        self.assertGreaterEqual(len(answered), 80)
        self.assertEqual({status for _, status in answered}, {200})
        logged = [json.loads(line) for line in lines if line.startswith("{")]
        done = {r["request_id"]: r["status"] for r in logged if "method" in r}
        # The client has what the server took.
        self.assertEqual(set(done.values()), {"OK"})
        self.assertEqual(set(done), {name for name, _ in answered})
        self.assertEmpty(set(lost) & set(done))

    @pytest.mark.slow
    def test_second_signal_ends_at_once(self):
        process, url, _, _ = self.start_process()

        def ask():
            with contextlib.suppress(httpx.TransportError):
                httpx.post(url + PREDICT, json=_wait(20), timeout=30)

        httpx.post(url + PREDICT, json=HALF, timeout=30)
        thread = threading.Thread(target=ask)
        thread.start()
        time.sleep(0.3)
        for _ in range(2):
            process.send_signal(signal.SIGINT)
            time.sleep(0.2)
        process.wait(15)
        thread.join(30)


class FamiliesTest(TestCase):
    """Models of every kind, as they are exported."""

    def test_predict(self):
        folder = self.temporary_folder()
        painter, comic, codes = tiny_painter(), TinyComic(), TinyCodes()
        models = {"painter": painter, "comic": comic, "codes": codes}
        folders = {
            name: save_served_model(model, folder / name / "1", warmup_sizes=())
            for name, model in models.items()
        }
        _, client = start_server(self, folders)
        images = photos(2, 33, 47, 3)
        rows = [
            {"images": i, "strength": 0.5, "keep_color": False}
            for i in images.tolist()
        ]
        mixes = [{**row, "style_weights": [1, 3]} for row in rows]
        mix = {"light": 1, "dark ink": 3}
        photo_rows, code_rows = images.tolist(), codes.sample_codes(2, seed=3)
        code_rows = np.asarray(code_rows).tolist()
        mixed = painter.stylize(images, mix, 0.5)
        half = comic.stylize(images, strength=0.5)
        for model, signature, instances, expected in (
            ("painter", "default", photo_rows, painter.stylize(images)),
            ("painter", "style_weights", mixes, mixed),
            ("comic", "default", photo_rows, comic.stylize(images)),
            ("comic", "strength", rows, half),
            ("codes", "default", code_rows, codes.generate(2, seed=3)),
        ):
            body = {"signature_name": f"serving_{signature}"}
            body["instances"] = instances
            response = client.post(f"/v1/models/{model}:predict", json=body)
            self.assertEqual(response.status_code, 200, response.text[:300])
            answer = np.array(response.json()["predictions"])
            self.assertEqual(answer.shape, expected.shape)
            # One rounding of float32's own error.
            difference = np.abs(answer - expected.astype(int))
            self.assertLessEqual(difference.max(), 1)


class FindModelsTest(TestCase):
    def test_folders_and_presets(self):
        folder = self.temporary_folder()
        generator, version = small_saved_model()
        generator.save_to_preset(folder / "tiny")
        models = find_models([folder / "tiny"], folder)
        self.assertEqual(list(models), ["comic"])
        self.assertTrue((models["comic"] / "saved_model.pb").is_file())
        self.assertEqual(
            find_models([version, f"other={version.parent}"], folder),
            {"comic": str(version), "other": str(version.parent)},
        )

    def test_errors(self):
        folder = self.temporary_folder()
        for sources, message in (
            ([saved_model(), saved_model()], "'comic' twice"),
            ([folder], "or a preset"),
        ):
            with self.assertRaisesRegex(ValueError, message):
                find_models(sources, folder)
