import os

import pytest
from absl.testing import parameterized

from keras_comic.models import AdaINGenerator
from keras_comic.serving.local_models import find_models
from keras_comic.serving.servable import Servable
from tests.serving.rest_servers import add_version
from tests.serving.rest_servers import saved_model
from tests.test_case import TestCase
from tests.test_case import photos


class LocalModelsTest(TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.temporary_folder()

    def find(self, *sources):
        configs = find_models(sources, self.folder / "exports")
        return {c.name: c.base_path for c in configs}

    def test_version_folder(self):
        version = saved_model()
        self.assertEqual(self.find(version), {"comic": str(version)})

    def test_model_folder(self):
        base = self.folder / "noir"
        add_version(base, 3)
        self.assertEqual(self.find(base), {"noir": str(base)})
        self.assertEqual(self.find(f"mine={base}"), {"mine": str(base)})

    def test_relative_folder(self):
        add_version(self.folder / "noir", 3)
        start = os.getcwd()
        self.addCleanup(os.chdir, start)
        os.chdir(self.folder)
        self.assertEqual(self.find("noir"), {"noir": str(self.folder / "noir")})

    @pytest.mark.slow
    def test_preset(self):
        generator = AdaINGenerator.light((4, 8, 4, 4), 1, 8)
        generator.add_style("ink", photos(32, 32, 3))
        preset = self.folder / "small=preset"
        generator.save_to_preset(preset)
        (config,) = find_models([preset], self.folder / "exports")
        self.assertEqual(config.name, "comic")
        servable = Servable("comic", 1, f"{config.base_path}/1")
        self.assertIn("serving_bytes", servable.signatures)

    def test_errors(self):
        with self.assertRaisesRegex(ValueError, "at least one"):
            self.find()
        with self.assertRaisesRegex(ValueError, "differ in name.*'comic'"):
            self.find(saved_model(), saved_model())
        (self.folder / "empty").mkdir()
        with self.assertRaisesRegex(ValueError, "must hold a SavedModel"):
            self.find(self.folder / "empty")
        with self.assertRaisesRegex(ValueError, "no_such_preset"):
            self.find("no_such_preset")
