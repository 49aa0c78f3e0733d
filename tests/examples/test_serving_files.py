"""The files of `examples/serving/`, read as TensorFlow Serving reads them."""

import http.server
import json
import pathlib
import re
import subprocess
import threading

import pytest
from absl.testing import parameterized

from tests.test_case import TestCase

yaml = pytest.importorskip("yaml")

FOLDER = pathlib.Path(__file__).parents[2] / "examples" / "serving"
METRICS = "/monitoring/prometheus/metrics"
MANIFESTS = {
    "deployment": "Deployment",
    "service": "Service",
    "autoscaler": "HorizontalPodAutoscaler",
    "disruption_budget": "PodDisruptionBudget",
}


def read_yaml(path):
    return yaml.safe_load((FOLDER / path).read_text())


def manifest(name):
    return read_yaml(f"kubernetes/{name}.yaml")


def pod():
    return manifest("deployment")["spec"]["template"]


def dockerfile():
    """Instructions of the Dockerfile, with continued lines joined."""
    text = re.sub(r"(?m)^#.*\n", "", (FOLDER / "Dockerfile").read_text())
    lines = text.replace("\\\n", " ").splitlines()
    return {name: rest.strip() for name, _, rest in map(split, lines)}


def split(line):
    return line.partition(" ")


class ServingFilesTest(TestCase, parameterized.TestCase):
    def test_every_file_says_what_it_is_for(self):
        for path in FOLDER.rglob("*"):
            if path.is_file():
                self.assertTrue(path.read_text().startswith("# "), path)

    def test_model_config(self):
        config_pb2 = pytest.importorskip(
            "tensorflow_serving.config.model_server_config_pb2"
        )
        from google.protobuf import text_format

        text = (FOLDER / "config" / "models.config").read_text()
        message = text_format.Parse(text, config_pb2.ModelServerConfig())
        (model,) = message.model_config_list.config
        self.assertEqual(
            (model.name, model.base_path, model.model_platform),
            ("comic", "/models/comic", "tensorflow"),
        )
        self.assertEqual(model.model_version_policy.latest.num_versions, 1)

    def test_batching_parameters(self):
        text = (FOLDER / "config" / "batching_parameters.txt").read_text()
        values = dict(re.findall(r"(?m)^(\w+) { value: (\w+) }$", text))
        self.assertEqual(
            values,
            {
                "max_batch_size": "8",
                "max_enqueued_batches": "64",
                "num_batch_threads": "2",
                "enable_large_batch_splitting": "true",
                # No two requests share a batch: sizes may differ.
                "max_execution_batch_size": "1",
            },
        )

    def test_metrics(self):
        text = (FOLDER / "config" / "monitoring.config").read_text()
        self.assertIn(f'path: "{METRICS}"', text)
        (job,) = read_yaml("prometheus.yml")["scrape_configs"]
        self.assertEqual(job["metrics_path"], METRICS)
        annotations = pod()["metadata"]["annotations"]
        self.assertEqual(annotations["prometheus.io/path"], METRICS)

    def test_one_image_and_one_set_of_flags(self):
        lines = dockerfile()
        serving = read_yaml("compose.yaml")["services"]["serving"]
        self.assertEqual(lines["FROM"], serving["image"])
        self.assertEqual(json.loads(lines["ENTRYPOINT"]), serving["entrypoint"])
        self.assertEqual(json.loads(lines["CMD"]), serving["command"])
        self.assertEqual(lines["USER"], serving["user"])
        check = lines["HEALTHCHECK"].partition("CMD ")[2]
        self.assertEqual(
            serving["healthcheck"]["test"], ["CMD", *json.loads(check)]
        )
        # More than the 64 requests that wait and the 2 in work.
        self.assertIn("--grpc_max_threads=82", serving["command"])
        for flag in serving["command"]:
            value = flag.partition("=")[2]
            if value.startswith("/config/"):
                self.assertTrue((FOLDER / value[1:]).is_file(), value)

    def test_compose_is_reached_from_this_machine_alone(self):
        services = read_yaml("compose.yaml")["services"]
        for service in services.values():
            for port in service["ports"]:
                self.assertTrue(port.startswith("127.0.0.1:"), port)
            for volume in service["volumes"]:
                self.assertTrue(volume.endswith(":ro"), volume)
        self.assertEqual(services["prometheus"]["profiles"], ["monitoring"])
        limits = pod()["spec"]["containers"][0]["resources"]["limits"]
        memory = services["serving"]["mem_limit"]
        self.assertEqual(memory, limits["memory"].replace("Mi", "m"))

    def test_kubernetes(self):
        for name, kind in MANIFESTS.items():
            self.assertEqual(manifest(name)["kind"], kind)
        deployment = manifest("deployment")["spec"]
        budget = manifest("disruption_budget")["spec"]
        labels = pod()["metadata"]["labels"]
        for selector in (
            deployment["selector"]["matchLabels"],
            manifest("service")["spec"]["selector"],
            budget["selector"]["matchLabels"],
        ):
            self.assertEqual(selector, labels)
        spec = pod()["spec"]
        (container,) = spec["containers"]
        ports = {p["name"]: p["containerPort"] for p in container["ports"]}
        self.assertEqual(ports, {"grpc": 8500, "rest": 8501})
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            self.assertEqual(
                container[probe]["httpGet"],
                {"path": "/v1/models/comic", "port": "rest"},
            )
        for port in manifest("service")["spec"]["ports"]:
            self.assertEqual(port["port"], ports[port["targetPort"]])
        self.assertTrue(spec["securityContext"]["runAsNonRoot"])
        sleep = container["lifecycle"]["preStop"]["exec"]["command"]
        self.assertGreater(spec["terminationGracePeriodSeconds"], int(sleep[1]))

    @parameterized.parameters(*MANIFESTS)
    def test_kubernetes_schema(self, name):
        validator = pytest.importorskip("kubernetes_validate")
        version = validator.latest_version()
        validator.validate(manifest(name), version, strict=True)

    def test_health_check(self):
        serving = read_yaml("compose.yaml")["services"]["serving"]
        _, *command = serving["healthcheck"]["test"]
        state = "AVAILABLE"

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                known = self.path == "/v1/models/comic"
                self.send_response(200 if known else 404)
                self.end_headers()
                self.wfile.write(json.dumps({"state": state}).encode())

            def log_message(self, *_):
                pass

        with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
            threading.Thread(target=server.serve_forever).start()
            command[-1] = command[-1].replace("8501", str(server.server_port))

            def check():
                done = subprocess.run(command, capture_output=True, timeout=20)
                return done.returncode

            try:
                self.assertEqual(check(), 0)
                state = "LOADING"
                self.assertNotEqual(check(), 0)
            finally:
                server.shutdown()
