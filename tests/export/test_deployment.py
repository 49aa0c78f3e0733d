import http.server
import json
import re
import shutil
import subprocess
import threading

import pytest
from absl.testing import parameterized

from tests.test_case import TestCase

pytest.importorskip("tensorflow")
pytest.importorskip("tensorflow_serving.config.model_server_config_pb2")
yaml = pytest.importorskip("yaml")

from tensorflow.core.protobuf import saved_model_pb2  # noqa: E402

from keras_comic.export.batching import BatchingParameters  # noqa: E402
from keras_comic.export.batching import make_batching_parameters  # noqa: E402
from keras_comic.export.batching import read_batching_parameters  # noqa: E402
from keras_comic.export.deployment import CHECKSUMS_FILE  # noqa: E402
from keras_comic.export.deployment import write_deployment  # noqa: E402
from keras_comic.export.model_config import ModelConfig  # noqa: E402
from keras_comic.export.model_config import read_model_config  # noqa: E402
from keras_comic.export.model_config import read_monitoring_config  # noqa: E402
from keras_comic.export.warmup import make_warmup_requests  # noqa: E402
from keras_comic.export.warmup import write_warmup_records  # noqa: E402

# The flags of tensorflow_model_server that `--help` lists.
DOCUMENTED_FLAGS = set(
    "port grpc_socket_path rest_api_port rest_api_num_threads "
    "rest_api_timeout_in_ms rest_api_enable_cors_support enable_batching "
    "allow_version_labels_for_unavailable_models batching_parameters_file "
    "enable_per_model_batching_parameters model_config_file "
    "model_config_file_poll_wait_seconds model_name model_base_path "
    "num_load_threads num_unload_threads max_num_load_retries "
    "load_retry_interval_micros file_system_poll_wait_seconds "
    "flush_filesystem_caches tensorflow_session_parallelism "
    "tensorflow_session_config_file tensorflow_intra_op_parallelism "
    "tensorflow_inter_op_parallelism use_alts_credentials ssl_config_file "
    "platform_config_file per_process_gpu_memory_fraction saved_model_tags "
    "grpc_channel_arguments grpc_max_threads enable_model_warmup "
    "num_request_iterations_for_warmup version monitoring_config_file "
    "remove_unused_fields_from_bundle_metagraph "
    "enable_signature_method_name_check enable_profiler "
    "thread_pool_factory_config_file".split()
)
MANIFESTS = {
    "deployment": "Deployment",
    "service": "Service",
    "autoscaler": "HorizontalPodAutoscaler",
    "disruption_budget": "PodDisruptionBudget",
}


class WriteDeploymentTest(TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.temporary_folder()
        self.export("comic", 1)
        self.export("comic", 2)

    def export(self, name, version, tensorflow="2.21.0", max_pixels=None):
        folder = self.folder / "models" / name / str(version)
        (folder / "assets.extra").mkdir(parents=True)
        message = saved_model_pb2.SavedModel()
        meta = message.meta_graphs.add().meta_info_def
        meta.tensorflow_version = tensorflow
        (folder / "saved_model.pb").write_bytes(message.SerializeToString())
        if max_pixels is not None:
            path = folder / "assets.extra" / "keras_comic.json"
            path.write_text(json.dumps({"max_pixels": max_pixels}))

    def read(self, path):
        return (self.folder / path).read_text()

    def yaml(self, path):
        return yaml.safe_load(self.read(path))

    def manifest(self, name):
        return self.yaml(f"kubernetes/{name}.yaml")

    def container(self):
        spec = self.manifest("deployment")["spec"]["template"]["spec"]
        return spec["containers"][0]

    def dockerfile(self):
        """Instructions of the Dockerfile, with continued lines joined."""
        text = re.sub(r"(?m)^#.*\n", "", self.read("Dockerfile"))
        lines = text.replace("\\\n", " ").splitlines()
        pairs = [line.partition(" ")[::2] for line in lines]
        return {name: value.strip() for name, value in pairs}

    def test_files(self):
        paths = write_deployment(self.folder)
        for path in paths:
            self.assertTrue(path.is_file(), path)
            self.assertTrue(path.read_text().startswith("# "), path)
        found = {p for p in self.folder.rglob("*") if p.is_file()}
        found = {p for p in found if "models" not in p.parts}
        self.assertEqual(found, {*paths, self.folder / CHECKSUMS_FILE})

    def test_configuration(self):
        self.export("ink", 7)
        write_deployment(self.folder)
        self.assertEqual(
            read_model_config(self.folder / "config/models.config"),
            [
                ModelConfig("comic", "/models/comic"),
                ModelConfig("ink", "/models/ink"),
            ],
        )
        self.assertEqual(
            read_batching_parameters(
                self.folder / "config/batching_parameters.txt"
            ),
            make_batching_parameters(),
        )
        path = read_monitoring_config(self.folder / "config/monitoring.config")
        (job,) = self.yaml("prometheus.yml")["scrape_configs"]
        self.assertEqual(job["metrics_path"], path)
        template = self.manifest("deployment")["spec"]["template"]
        annotations = template["metadata"]["annotations"]
        self.assertEqual(annotations["prometheus.io/path"], path)

    def test_flags_are_documented(self):
        write_deployment(
            self.folder,
            [ModelConfig("comic", "/models/comic", labels={"stable": 1})],
        )
        flags = json.loads(self.dockerfile()["CMD"])
        compose = self.yaml("compose.yaml")["services"]["serving"]
        self.assertEqual(compose["command"], flags)
        names = [re.fullmatch(r"--(\w+)=.+", flag)[1] for flag in flags]
        self.assertEqual(set(names) - DOCUMENTED_FLAGS, set())
        self.assertEqual(len(names), len(set(names)))
        self.assertIn("allow_version_labels_for_unavailable_models", names)
        # More than the 64 requests that wait and the 2 in work.
        self.assertIn("--grpc_max_threads=82", flags)
        self.assertIn("--rest_api_num_threads=82", flags)
        for flag in flags:
            value = flag.partition("=")[2]
            if value.startswith("/config/"):
                self.assertTrue((self.folder / value[1:]).is_file(), value)

    def test_dockerfile(self):
        write_deployment(self.folder)
        lines = self.dockerfile()
        self.assertEqual(lines["FROM"], "tensorflow/serving:2.21.0")
        self.assertEqual(lines["USER"], "65534:65534")
        self.assertEqual(lines["EXPOSE"], "8500 8501")
        self.assertEqual(
            json.loads(lines["ENTRYPOINT"]), ["tensorflow_model_server"]
        )
        self.assertIn("models /models", lines["COPY"])
        if shutil.which("hadolint"):
            subprocess.run(["hadolint", self.folder / "Dockerfile"], check=True)

    def test_compose(self):
        write_deployment(self.folder)
        services = self.yaml("compose.yaml")["services"]
        serving = services["serving"]
        self.assertEqual(serving["image"], "tensorflow/serving:2.21.0")
        self.assertEqual(serving["entrypoint"], ["tensorflow_model_server"])
        self.assertEqual(serving["user"], "65534:65534")
        for service in services.values():
            for port in service["ports"]:
                self.assertTrue(port.startswith("127.0.0.1:"), port)
            for volume in service["volumes"]:
                source, _, mode = volume.split(":")
                self.assertTrue((self.folder / source).exists(), source)
                self.assertEqual(mode, "ro")
        self.assertEqual(services["prometheus"]["profiles"], ["monitoring"])
        check = self.dockerfile()["HEALTHCHECK"].partition("CMD ")[2]
        self.assertEqual(
            serving["healthcheck"]["test"], ["CMD", *json.loads(check)]
        )

    def test_kubernetes(self):
        write_deployment(
            self.folder, image="registry:5000/team/Comic_server:2.1"
        )
        for file_name, kind in MANIFESTS.items():
            manifest = self.manifest(file_name)
            self.assertEqual(manifest["kind"], kind)
            self.assertEqual(manifest["metadata"]["name"], "comic-server")
        deployment = self.manifest("deployment")["spec"]
        labels = deployment["template"]["metadata"]["labels"]
        for selector in (
            deployment["selector"]["matchLabels"],
            self.manifest("service")["spec"]["selector"],
            self.manifest("disruption_budget")["spec"]["selector"][
                "matchLabels"
            ],
        ):
            self.assertEqual(selector, labels)
        container = self.container()
        self.assertEqual(
            container["image"], "registry:5000/team/Comic_server:2.1"
        )
        ports = {p["name"]: p["containerPort"] for p in container["ports"]}
        self.assertEqual(ports, {"grpc": 8500, "rest": 8501})
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            self.assertEqual(
                container[probe]["httpGet"],
                {"path": "/v1/models/comic", "port": "rest"},
            )
        for port in self.manifest("service")["spec"]["ports"]:
            self.assertEqual(port["port"], ports[port["targetPort"]])
        pod = deployment["template"]["spec"]
        self.assertTrue(pod["securityContext"]["runAsNonRoot"])
        self.assertFalse(
            container["securityContext"]["allowPrivilegeEscalation"]
        )
        sleep = container["lifecycle"]["preStop"]["exec"]["command"]
        self.assertGreater(pod["terminationGracePeriodSeconds"], int(sleep[1]))
        scaler = self.manifest("autoscaler")
        self.assertEqual(scaler["apiVersion"], "autoscaling/v2")
        self.assertEqual(scaler["spec"]["scaleTargetRef"]["kind"], "Deployment")
        self.assertEqual(scaler["spec"]["minReplicas"], 2)
        self.assertEqual(scaler["spec"]["maxReplicas"], 8)

    def test_kubernetes_schemas(self):
        validator = pytest.importorskip("kubernetes_validate")
        write_deployment(self.folder)
        version = validator.latest_version()
        for name in MANIFESTS:
            validator.validate(self.manifest(name), version, strict=True)

    def test_memory_follows_from_the_limits(self):
        def limit(**arguments):
            write_deployment(self.folder, **arguments)
            memory = self.container()["resources"]["limits"]["memory"]
            compose = self.yaml("compose.yaml")["services"]["serving"]
            self.assertEqual(compose["mem_limit"], f"{memory[:-2]}m")
            return int(re.fullmatch(r"(\d+)Mi", memory)[1])

        one = BatchingParameters(
            max_batch_size=1, num_batch_threads=1, max_enqueued_batches=1
        )
        # 1 GiB, and 4 MiB of pixels at 700 bytes in work, 3 bytes in wait.
        self.assertEqual(limit(batching=one), 4096)
        four = BatchingParameters(
            max_batch_size=2, num_batch_threads=2, max_enqueued_batches=4
        )
        self.assertEqual(limit(batching=four), 1024 + 11200 + 96 + 480)
        self.export("small", 1, max_pixels=2**18)
        models = [ModelConfig("small", "/models/small")]
        self.assertEqual(limit(models=models, batching=one), 1536)
        self.assertEqual(limit(memory_mib=3000), 3000)

    def test_health_check(self):
        write_deployment(self.folder)
        compose = self.yaml("compose.yaml")["services"]["serving"]
        _, *command = compose["healthcheck"]["test"]
        state = "AVAILABLE"

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                body = json.dumps(
                    {"model_version_status": [{"state": state}]}
                ).encode()
                known = self.path == "/v1/models/comic"
                self.send_response(200 if known else 404)
                self.end_headers()
                self.wfile.write(body if known else b"{}")

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
        self.assertNotEqual(check(), 0)

    def test_changed_files_are_kept(self):
        write_deployment(self.folder)
        write_deployment(self.folder, memory_mib=5000)
        self.assertIn("5000m", self.read("compose.yaml"))
        path = self.folder / "compose.yaml"
        path.write_text("mine")
        before = self.read("kubernetes/deployment.yaml")
        with self.assertRaisesRegex(
            FileExistsError, "nothing was written.*overwrite=True.*compose.yaml"
        ):
            write_deployment(self.folder, memory_mib=6000)
        self.assertEqual(path.read_text(), "mine")
        self.assertEqual(self.read("kubernetes/deployment.yaml"), before)
        write_deployment(self.folder, memory_mib=6000, overwrite=True)
        self.assertIn("6000m", path.read_text())
        write_deployment(self.folder)

    def test_files_of_others_are_kept(self):
        (self.folder / "Dockerfile").write_text("FROM scratch\n")
        with self.assertRaisesRegex(FileExistsError, "Received: .*Dockerfile$"):
            write_deployment(self.folder)
        self.assertFalse((self.folder / "config").exists())

    def test_versions(self):
        model = ModelConfig("comic", "/models/comic", versions="all")
        write_deployment(self.folder, [model])
        model = ModelConfig("comic", "/models/comic", versions=[1, 5])
        with self.assertRaisesRegex(FileNotFoundError, r"Received: \[5\]"):
            write_deployment(self.folder, [model])
        with self.assertRaisesRegex(FileNotFoundError, "Received: none"):
            write_deployment(self.folder, [ModelConfig("ink", "/models/ink")])
        with self.assertRaisesRegex(ValueError, "expected '/models/comic'"):
            write_deployment(self.folder, [ModelConfig("comic", "/other")])

    def test_no_model(self):
        with self.assertRaisesRegex(FileNotFoundError, "export one first"):
            write_deployment(self.folder / "models")

    def test_older_tensorflow(self):
        message = "exported '.*/comic/2', which is 2.21.0. Received: .*2.20.0"
        with self.assertRaisesRegex(ValueError, message):
            write_deployment(
                self.folder, serving_image="tensorflow/serving:2.20.0"
            )
        for image in ("tensorflow/serving:3.0.0-gpu", "team/serving:latest"):
            write_deployment(self.folder, serving_image=image)
            self.assertEqual(self.dockerfile()["FROM"], image)

    def test_too_large_warmup_records(self):
        requests = make_warmup_requests(
            [(32, 32)], [1, 4], signatures=["serving_default"]
        )
        version = self.folder / "models" / "comic" / "2"
        write_warmup_records(version, requests)
        write_deployment(
            self.folder, batching=make_batching_parameters(True, 4)
        )
        with self.assertRaisesRegex(
            ValueError, "comic/2'.* serving_default for 4 images.*_size=3"
        ):
            write_deployment(
                self.folder, batching=make_batching_parameters(True, 3)
            )

    @parameterized.parameters(
        ({"image": "two words"}, "`image` must be an image's name"),
        ({"image": "registry/9:1"}, "must begin with a letter"),
        ({"serving_image": ""}, "`serving_image` must be an image's name"),
        ({"replicas": (3, 2)}, "the smaller first"),
        ({"replicas": (0, 2)}, "two positive integers"),
        ({"replicas": (2,)}, "two positive integers"),
    )
    def test_wrong_values(self, arguments, message):
        with self.assertRaisesRegex(ValueError, message):
            write_deployment(self.folder, **arguments)
        self.assertFalse((self.folder / "config").exists())
