import sys
from unittest import mock

import pytest
from absl.testing import parameterized
from google.protobuf import text_format

from keras_comic.export.model_config import ModelConfig
from keras_comic.export.model_config import read_model_config
from keras_comic.export.model_config import read_monitoring_config
from keras_comic.export.model_config import write_model_config
from keras_comic.export.model_config import write_monitoring_config
from tests.test_case import TestCase

# The examples of TensorFlow Serving's configuration guide, joined.
DOCUMENTED = """
model_config_list {
  config {
    name: 'my_first_model'
    base_path: '/tmp/my_first_model/'
    model_platform: 'tensorflow'
  }
  config {
    name: 'my_second_model'
    base_path: '/tmp/my_second_model/'
    model_platform: 'tensorflow'
    model_version_policy { specific { versions: 42 versions: 43 } }
    version_labels { key: 'stable' value: 42 }
    version_labels { key: 'canary' value: 43 }
  }
}
"""


def one_model(text):
    return f"model_config_list {{\nconfig {{\n{text}\n}}\n}}"


class ModelConfigTest(TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        pytest.importorskip("tensorflow_serving.config.model_server_config_pb2")
        self.path = self.temporary_folder() / "models.config"

    def read(self, text):
        self.path.write_text(text)
        return read_model_config(self.path)

    def test_documented_file(self):
        first, second = self.read(DOCUMENTED)
        self.assertEqual(
            first, ModelConfig("my_first_model", "/tmp/my_first_model/")
        )
        self.assertEqual(second.versions, (42, 43))
        self.assertEqual(second.labels, {"stable": 42, "canary": 43})

    def test_round_trip(self):
        models = [
            ModelConfig("one", "/models/one"),
            ModelConfig("two", "/models/two", latest=3),
            ModelConfig("all", "gs://bucket/all", versions="all"),
            ModelConfig(
                "some",
                self.path.parent,
                versions=[7, 0],
                labels={"stable": 7, "next": 0},
            ),
            ModelConfig("label", "/models/label", labels={"stable": 12}),
        ]
        path = write_model_config(self.path, iter(models))
        self.assertEqual(read_model_config(path), models)
        self.assertEqual(len(set(read_model_config(path)) | set(models)), 5)
        self.assertEqual(list(path.parent.iterdir()), [path])

    def test_what_tensorflow_serving_reads(self):
        from tensorflow_serving.config import model_server_config_pb2

        write_model_config(
            self.path,
            [
                ModelConfig("comic", "/models/comic", latest=2),
                ModelConfig("all", "/models/all", versions="all"),
            ],
        )
        message = text_format.Parse(
            self.path.read_text(), model_server_config_pb2.ModelServerConfig()
        )
        comic, other = message.model_config_list.config
        self.assertEqual(comic.name, "comic")
        self.assertEqual(comic.base_path, "/models/comic")
        self.assertEqual(comic.model_platform, "tensorflow")
        self.assertEqual(comic.model_version_policy.latest.num_versions, 2)
        self.assertTrue(other.model_version_policy.HasField("all"))

    def test_labels_are_explained(self):
        model = ModelConfig("comic", "/models/comic")
        write_model_config(self.path, [model])
        self.assertNotIn("version_labels", self.path.read_text())
        model = ModelConfig("comic", "/models/comic", labels={"stable": 1})
        write_model_config(self.path, [model])
        self.assertIn(
            "# --allow_version_labels_for_unavailable_models=true",
            self.path.read_text(),
        )

    def test_older_field(self):
        (model,) = self.read(
            one_model("name: 'a' base_path: '/a' model_type: TENSORFLOW")
        )
        self.assertEqual(model, ModelConfig("a", "/a"))

    @parameterized.parameters(
        ("name: 'a'\nbase_dir: '/a'", "line 4: .*name, base_path.*base_dir"),
        ("name: 'a' base_path: '/a'", "`model_platform` must.*=''"),
        (
            "name: 'a' base_path: '/a' model_platform: 'onnx'",
            "`model_platform` must be \"tensorflow\".*='onnx'",
        ),
        (
            "name: 'a' base_path: 'a' model_platform: 'tensorflow'",
            "models.config': `base_path` must be an absolute path",
        ),
        (
            "name: 'a' base_path: '/a' model_platform: 'tensorflow'\n"
            "model_version_policy { specific {} }",
            "`specific` must hold versions",
        ),
        (
            "name: 'a' base_path: '/a' model_platform: 'tensorflow'\n"
            "logging_config {}",
            "Received: logging_config",
        ),
    )
    def test_wrong_files(self, text, message):
        with self.assertRaisesRegex(ValueError, message):
            self.read(one_model(text))

    def test_files_without_models(self):
        with self.assertRaisesRegex(ValueError, "must be a model"):
            self.read("")
        with self.assertRaisesRegex(ValueError, "custom_model_config"):
            self.read("custom_model_config {}")
        with self.assertRaises(FileNotFoundError):
            read_model_config(self.path.with_name("other.config"))

    @parameterized.parameters(
        ({"name": ""}, ValueError, "`name` must be a word"),
        ({"name": "a/b"}, ValueError, "`name` must be a word"),
        ({"name": "a:predict"}, ValueError, "`name` must be a word"),
        ({"base_path": "models/a"}, ValueError, "absolute path"),
        ({"latest": 0}, ValueError, "`latest` must be positive"),
        ({"latest": 1.0}, TypeError, "`latest` must be an integer"),
        ({"versions": [1, 1]}, ValueError, "`versions` must differ"),
        ({"versions": [-1]}, ValueError, "must be non-negative"),
        ({"versions": ["1"]}, TypeError, "must be an integer"),
        ({"versions": [1], "latest": 2}, ValueError, "`latest` has no effect"),
        ({"labels": {"a/b": 1}}, ValueError, "`labels` must be words"),
        (
            {"labels": {"stable": 3}, "versions": [1, 2]},
            ValueError,
            "'stable' must stand for one of `versions`",
        ),
    )
    def test_wrong_values(self, values, error, message):
        with self.assertRaisesRegex(error, message):
            ModelConfig(**{"name": "a", "base_path": "/a", **values})

    def test_models_must_differ(self):
        models = [ModelConfig("a", "/a"), ModelConfig("a", "/b")]
        with self.assertRaisesRegex(ValueError, r"in `name`.*\['a', 'a'\]"):
            write_model_config(self.path, models)
        models = [ModelConfig("a", "/a"), ModelConfig("b", "/a")]
        with self.assertRaisesRegex(ValueError, "in `base_path`"):
            write_model_config(self.path, models)
        with self.assertRaisesRegex(ValueError, "must be a model"):
            write_model_config(self.path, [])
        self.assertFalse(self.path.exists())

    def test_without_the_extra(self):
        with mock.patch.dict(sys.modules, {"tensorflow_serving.config": None}):
            with self.assertRaisesRegex(ImportError, r"keras-comic\[serving\]"):
                write_model_config(self.path, [ModelConfig("a", "/a")])


class MonitoringConfigTest(TestCase):
    def setUp(self):
        super().setUp()
        self.path = self.temporary_folder() / "monitoring.config"

    def read(self, text):
        self.path.write_text(text)
        return read_monitoring_config(self.path)

    def test_documented_file(self):
        text = (
            "prometheus_config {\n  enable: true,\n"
            '  path: "/monitoring/prometheus/metrics"\n}\n'
        )
        self.assertEqual(self.read(text), "/monitoring/prometheus/metrics")

    def test_round_trip(self):
        path = write_monitoring_config(self.path, "/metrics")
        self.assertEqual(read_monitoring_config(path), "/metrics")
        self.assertIn("enable: true", path.read_text())

    def test_off(self):
        self.assertIsNone(self.read(""))
        self.assertIsNone(self.read("prometheus_config { path: '/m' }"))

    def test_errors(self):
        with self.assertRaisesRegex(ValueError, "must begin with `/`"):
            write_monitoring_config(self.path, "metrics")
        with self.assertRaisesRegex(ValueError, "config': .*begin with `/`"):
            self.read("prometheus_config { enable: true path: 'metrics' }")
        with self.assertRaisesRegex(ValueError, "line 2: .*enable, path"):
            self.read("prometheus_config {\nenabled: true }")
