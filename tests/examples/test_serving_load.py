import importlib.util
import json
import subprocess
import sys

import pytest

from keras_comic.serving.model_repository import ModelRepository
from keras_comic.serving.server import ModelServer
from tests.serving.small_saved_model import small_saved_model
from tests.test_case import ROOT
from tests.test_case import TestCase
from tests.test_case import requires_tensorflow

FOLDER = ROOT / "examples" / "benchmarks"
linux = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="reads /proc"
)


class ScriptTest(TestCase):
    def setUp(self):
        # Where Python looks when a benchmark is run as a script.
        sys.path.insert(0, str(FOLDER))
        self.addCleanup(sys.path.remove, str(FOLDER))
        self.script = self.load("serving_load")

    def load(self, name):
        spec = importlib.util.spec_from_file_location(
            f"examples.benchmarks.{name}", FOLDER / f"{name}.py"
        )
        script = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(script)
        return script


@requires_tensorflow
class LoadGeneratorTest(ScriptTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        _, folder = small_saved_model()
        repository = ModelRepository({"comic": folder}, poll_seconds=None)
        server = ModelServer(repository, rest_port=0, grpc_port=0).start()
        cls.addClassCleanup(server.stop, 5.0)
        cls.rest_address = f"127.0.0.1:{server.rest_port}"
        cls.grpc_address = f"127.0.0.1:{server.grpc_port}"

    def run_load(self, form, clients=2, seconds=0.3, body=None):
        path = self.temporary_folder() / "request"
        path.write_bytes(body or self.script.make_request(form, 32))
        process = self.script.start_load(self, form, path, clients, seconds)
        return self.script.finish_load(process)

    def test_forms(self):
        for form in self.script.FORMS:
            with self.subTest(form):
                found = self.run_load(form)
                status = "OK" if form == "grpc" else "200"
                self.assertEqual(list(found["counts"]), [status])
                count = found["counts"][status]
                self.assertGreater(count, 0)
                self.assertEqual(self.script.answers(found), count)
                self.assertEqual(self.script.failures(found), 0)
                self.assertEqual(len(found["answered"]), count)
                self.assertGreater(min(found["answered"]), 0.0)
                self.assertGreaterEqual(found["seconds"], 0.3)
                self.assertEqual(found["unanswered"], [])

    def test_messages_larger_than_a_window(self):
        found = self.run_load(
            "grpc", body=self.script.make_request("grpc", 300)
        )
        self.assertEqual(list(found["counts"]), ["OK"])
        self.assertEqual(self.script.failures(found), 0)

    def test_grpc_failures(self):
        found = self.run_load("grpc", body=b"\x1a\x00")
        self.assertEqual(list(found["counts"]), ["INVALID_ARGUMENT"])
        self.assertEqual(found["malformed"], 0)

    def test_failures(self):
        found = self.run_load("b64", body=b'{"instances": 1}')
        self.assertEqual(list(found["counts"]), ["400"])
        self.assertEqual(self.script.answers(found), 0)
        self.assertEqual(
            self.script.failures(found), sum(found["counts"].values())
        )
        self.assertEqual(found["answered"], [])

    def test_nobody_answers(self):
        generator = self.load("load_generator")
        client = generator.HttpClient("127.0.0.1:9", "/", b"{}")
        self.assertEqual(client.send(), (generator.REFUSED, False))
        client = generator.GrpcClient("127.0.0.1:9", None, b"")
        self.addCleanup(client.close)
        self.assertEqual(client.send(), (generator.REFUSED, False))

    def test_generator_is_light(self):
        program = (
            "import sys; sys.path.insert(0, sys.argv[1]); import "
            "load_generator; "
            "print({'grpc', 'numpy', 'tensorflow'} & set(sys.modules))"
        )
        done = subprocess.run(
            [sys.executable, "-c", program, str(FOLDER)],
            capture_output=True,
            check=True,
            text=True,
        )
        self.assertEqual(done.stdout.strip(), "set()")


class RowsTest(ScriptTest):
    def result(self, throughput):
        return {
            "counts": {"200": int(2 * throughput), "500": 1},
            "malformed": 0,
            "answered": [1.0, 2.0, 3.0],
            "throughput": throughput,
            "efficiency": throughput / 1.5,
            "server_cores": 1.5,
            "client_cores": 0.1,
            "memory": [100 * 2**20, 101 * 2**20, 110 * 2**20],
        }

    def test_rows(self):
        arguments = self.script.parse([])
        rows = self.script.Rows(None)
        found = {}
        for clients in (1, 4):
            for way, throughput in (("batching", 30.0), ("no batching", 10.0)):
                result = self.result(throughput * clients)
                found[way, clients] = result
                rows.add(
                    self.script.load_rows(
                        "b64", 64, way, clients, result, "1 s"
                    )
                )
            rows.add(
                self.script.ratio_rows("b64", 64, clients, found, arguments)
            )
        rows.add(self.script.memory_rows("b64", 64, found, arguments))
        names = {row["name"] for row in rows.rows}
        for row in rows.rows:
            self.assertIn(row["peer"], names | {None})
        values = {row["name"]: row["value"] for row in rows.rows}
        self.assertEqual(
            values["b64, 64x64, 4 clients, batching / no batching: throughput"],
            3.0,
        )
        label = "b64, 64x64, 1 clients, batching"
        self.assertEqual(values[f"{label}: failed requests"], 1.0)
        self.assertEqual(values[f"{label}: p50"], 2.0)
        self.assertEqual(values[f"{label}: memory at end"], 110.0)
        self.assertEqual(
            values["b64, 64x64, batching: memory, end / start"], 1.1
        )
        text = self.script.summarize("b64", 64, found)
        self.assertIn("batching / no batching is 3.00", text)
        self.assertIn("1.50 of", text)

    def test_rows_are_written_as_they_come(self):
        path = self.temporary_folder() / "rows.json"

        def read():
            return {r["name"]: r for r in json.loads(path.read_text())}

        rows = self.script.Rows(path)
        rows.add([self.script.row("a", 1, "s"), self.script.row("b", 2, "s")])
        self.assertEqual(read()["b"]["value"], 2.0)
        rows.add([self.script.row("c", 3, "s", "b", "1 thread")])
        self.assertRegex(read()["c"]["conditions"], "^1 thread; .*commit")
        # Another run adds to them.
        rows = self.script.Rows(path)
        rows.add([self.script.row("b", 4, "s")])
        values = {name: row["value"] for name, row in read().items()}
        self.assertEqual(values, {"a": 1.0, "b": 4.0, "c": 3.0})
        self.assertEqual(len(rows.rows), 1)

    def test_each_way_has_its_parameters(self):
        arguments = self.script.parse(["--threads", "3", "--delay", "7"])
        self.assertEqual(
            self.script.way_conditions("batching", arguments),
            "60 s, 2 threads, a delay of 7 us",
        )
        self.assertEqual(
            self.script.way_conditions("no batching", arguments),
            "60 s, 3 threads",
        )

    def test_seconds(self):
        with self.assertRaisesRegex(Exception, "must be positive"):
            self.script.parse(["--seconds", "0"])


@requires_tensorflow
@pytest.mark.slow
@linux
class ServingLoadTest(ScriptTest):
    def run_script(self, *arguments):
        path = self.temporary_folder() / "serving_load.json"
        self.script.WARM_UP_SECONDS = 0.3
        _, folder = small_saved_model()
        self.script.main(
            ["--seconds", "0.6", "--clients", "1", "8", "--sizes", "32"]
            + ["--model", str(folder), "--json", str(path), *arguments]
        )
        rows = json.loads(path.read_text())
        return {row["name"]: row["value"] for row in rows}

    def test_load(self):
        found = self.run_script("--forms", "grpc", "--only", "load")
        for clients in (1, 8):
            for way in ("batching", "no batching"):
                label = f"gRPC, 32x32, {clients} clients, {way}"
                self.assertGreater(found[f"{label}: throughput"], 0.0)
                self.assertEqual(found[f"{label}: failed requests"], 0.0)

    def test_queue(self):
        self.script.SHORT_QUEUE = 1
        found = self.run_script("--forms", "b64", "grpc", "--only", "queue")
        for title in ("b64", "gRPC"):
            label = f"{title}, 32x32, queue of 1"
            self.assertGreater(found[f"{label}: refused"], 0.0)
            self.assertGreater(found[f"{label}: throughput"], 0.0)
            self.assertEqual(found[f"{label}: other failures"], 0.0)

    def test_shutdown(self):
        found = self.run_script("--forms", "b64", "grpc", "--only", "shutdown")
        for title in ("b64", "gRPC"):
            label = f"{title}, 32x32, SIGTERM"
            self.assertGreater(found[f"{label}: accepted"], 0.0)
            self.assertEqual(found[f"{label}: accepted and lost"], 0.0)
            self.assertEqual(found[f"{label}: unanswered"], 0.0)
            self.assertEqual(found[f"{label}: exit status"], 0.0)
