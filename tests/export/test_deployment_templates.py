import re
import string

from keras_comic.export.deployment_templates import TEMPLATES
from keras_comic.export.deployment_templates import fill_templates
from tests.test_case import TestCase


class FillTemplatesTest(TestCase):
    def values(self):
        names = set()
        for template in TEMPLATES.values():
            names.update(string.Template(template).get_identifiers())
        return {name: f"<{name}>" for name in names}

    def test_every_value_is_filled_in(self):
        files = fill_templates(self.values())
        self.assertEqual(list(files), list(TEMPLATES))
        text = "".join(files.values())
        self.assertNotIn("$", text)
        for value in self.values().values():
            self.assertIn(value, text)

    def test_every_file_says_what_it_is_for(self):
        for path, template in TEMPLATES.items():
            with self.subTest(path):
                self.assertTrue(template.startswith("# "))
                self.assertTrue(template.endswith("\n"))
                self.assertFalse(re.search(r"[ \t]\n|\t", template))

    def test_missing_value(self):
        values = self.values()
        values.pop("model")
        with self.assertRaisesRegex(KeyError, "model"):
            fill_templates(values)
