from typer.testing import CliRunner

from keras_comic.cli.main import app
from tests.test_case import TestCase


class BuildRecordsTest(TestCase):
    def test_errors(self):
        for arguments, message in (
            (["a"], "Error: Say what the records are: --kind"),
            (["a", "--kind", "photos", "--panels"], "--panels is for comics"),
            (["a", "--kind", "photos", "--flow"], "--flow is for clips only"),
        ):
            words = ["tfrecords", "build", *arguments, "-o", "records"]
            result = CliRunner().invoke(app, words)
            self.assertEqual(result.exit_code, 2, result.output)
            self.assertIn(message, result.output)
