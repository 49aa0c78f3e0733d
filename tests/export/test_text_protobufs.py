from google.protobuf import text_format

from keras_comic.export import text_protobufs
from tests.test_case import TestCase


class TextProtobufsTest(TestCase):
    def setUp(self):
        super().setUp()
        self.path = self.temporary_folder() / "message.txt"

    def test_round_trip(self):
        message = text_protobufs.new_message("MonitoringConfig")
        message.prometheus_config.enable = True
        message.prometheus_config.path = "/metrics"
        text_protobufs.write_message(self.path, message, "First.\n\nSecond.")
        self.assertEqual(
            self.path.read_text(),
            "# First.\n#\n# Second.\nprometheus_config {\n"
            '  enable: true\n  path: "/metrics"\n}\n',
        )
        found = text_protobufs.read_message(
            self.path, text_protobufs.new_message("MonitoringConfig")
        )
        self.assertEqual(found, message)

    def test_wrapped_values_are_optional(self):
        message = text_protobufs.new_message("BatchingParameters")
        self.assertFalse(message.HasField("max_batch_size"))
        text_format.Parse("max_batch_size { value: 0 }", message)
        self.assertTrue(message.HasField("max_batch_size"))
        self.assertEqual(
            message.DESCRIPTOR.full_name,
            "tensorflow.serving.BatchingParameters",
        )

    def test_unknown_field_of_an_inner_message(self):
        self.path.write_text("prometheus_config {\n  enabled: true\n}")
        with self.assertRaisesRegex(
            ValueError,
            "line 2: the fields of PrometheusConfig are enable, path. "
            "Received: enabled",
        ):
            text_protobufs.read_message(
                self.path, text_protobufs.new_message("MonitoringConfig")
            )

    def test_not_overwritten_by_half(self):
        message = text_protobufs.new_message("MonitoringConfig")
        text_protobufs.write_message(self.path, message, "Old.")
        with self.assertRaises(UnicodeEncodeError):
            text_protobufs.write_message(self.path, message, "\ud800")
        self.assertEqual(self.path.read_text(), "# Old.\n")
