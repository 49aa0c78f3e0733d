import pytest
import typer
from typer.testing import CliRunner

from keras_comic.cli.deployment import deployment
from tests.test_case import TestCase

pytest.importorskip("tensorflow")
pytest.importorskip("tensorflow_serving.config.model_server_config_pb2")

from keras_comic.export.batching import read_batching_parameters  # noqa: E402


class DeploymentTest(TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.temporary_folder()
        version = self.folder / "models" / "comic" / "1"
        version.mkdir(parents=True)
        (version / "saved_model.pb").write_bytes(b"")
        self.app = typer.Typer()
        self.app.command("deployment")(deployment)

    def run_command(self, *arguments, exit_code=0):
        result = CliRunner().invoke(
            self.app, [str(argument) for argument in arguments]
        )
        self.assertEqual(result.exit_code, exit_code, result.output)
        return result.output

    def batching(self):
        return read_batching_parameters(
            self.folder / "config" / "batching_parameters.txt"
        )

    def test_files(self):
        output = self.run_command(self.folder)
        for line in output.split():
            self.assertTrue((self.folder / line).is_file(), line)
        self.assertIn("deployment.yaml", output)
        self.assertEqual(self.batching().execution_batch_size, 1)

    def test_options(self):
        arguments = ["--one-size", "--max-batch-size", 4, "--memory-mib", 3000]
        arguments += ["--image", "team/ink:2", "--replicas", 3, 5]
        self.run_command(self.folder, *arguments)
        self.assertEqual(self.batching().execution_batch_size, 4)
        manifests = self.folder / "kubernetes"
        text = (manifests / "deployment.yaml").read_text()
        self.assertIn("image: team/ink:2\n", text)
        self.assertIn("memory: 3000Mi\n", text)
        text = (manifests / "autoscaler.yaml").read_text()
        self.assertIn("minReplicas: 3\n  maxReplicas: 5\n", text)

    def test_changed_files(self):
        self.run_command(self.folder)
        path = self.folder / "compose.yaml"
        path.write_text("mine")
        output = self.run_command(self.folder, exit_code=2)
        self.assertIn("nothing was written", " ".join(output.split()))
        self.assertEqual(path.read_text(), "mine")
        self.run_command(self.folder, "--overwrite")
        self.assertNotEqual(path.read_text(), "mine")

    def test_no_model(self):
        output = self.run_command(self.folder / "models", exit_code=2)
        self.assertIn("export one first", " ".join(output.split()))
