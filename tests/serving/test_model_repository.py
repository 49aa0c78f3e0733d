import gc
import shutil
import time

import numpy as np
from absl.testing import parameterized

from keras_comic.export.model_config import ModelConfig
from keras_comic.serving.errors import ServingError
from keras_comic.serving.model_repository import ModelRepository
from tests.serving.rest_servers import add_version
from tests.serving.rest_servers import saved_model
from tests.test_case import TestCase


def half_of_two(servable):
    """Half of 2, plus what the version adds."""
    future = servable.predict("half_plus", {"x": np.float32([2])})
    return future.result(30)["y"].item() - 1


class ModelRepositoryTest(TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.base = self.temporary_folder() / "comic"

    def make(self, models=None, **arguments):
        repository = ModelRepository(
            models or {"comic": self.base},
            **{"poll_seconds": None, **arguments},
        )
        self.addCleanup(repository.close, 5)
        return repository

    def assertStates(self, repository, *states):
        gc.collect()
        found = [(v, s) for v, s, _ in repository.status("comic")]
        self.assertEqual(found, list(states))

    def test_version_folder(self):
        repository = self.make({"comic": saved_model()})
        self.assertEqual(repository.status("comic"), [(1, "AVAILABLE", None)])
        self.assertEqual(half_of_two(repository.find("comic")), 2)
        self.assertTrue(repository.is_ready)
        self.assertEqual(repository.names, ["comic"])

    def test_newest_version(self):
        add_version(self.base, 1, 1.0)
        add_version(self.base, 9, 3.0)
        add_version(self.base, 10, 2.0)
        (self.base / "notes").mkdir()
        repository = self.make()
        self.assertEqual(repository.find("comic").version, 10)
        self.assertStates(repository, (10, "AVAILABLE"))

    @parameterized.named_parameters(
        ("all", {"versions": "all"}, [10, 9, 1]),
        ("two", {"latest": 2}, [10, 9]),
        ("named", {"versions": (1, 9)}, [9, 1]),
    )
    def test_versions_that_are_served(self, policy, versions):
        for number in (1, 9, 10):
            add_version(self.base, number, float(number % 3))
        repository = self.make([ModelConfig("comic", self.base, **policy)])
        self.assertStates(repository, *((v, "AVAILABLE") for v in versions))
        self.assertEqual(repository.find("comic").version, versions[0])
        last = versions[-1]
        found = repository.find("comic", version=last)
        self.assertEqual(half_of_two(found), last % 3)

    def test_labels(self):
        for number in (1, 2):
            add_version(self.base, number, float(number))
        labels = {"stable": 1, "canary": 2, "next": 3}
        repository = self.make(
            [ModelConfig("comic", self.base, latest=2, labels=labels)]
        )
        self.assertEqual(repository.find("comic", label="stable").version, 1)
        self.assertEqual(repository.find("comic", label="canary").version, 2)
        self.assertEqual(
            repository.status("comic", label="stable"),
            [(1, "AVAILABLE", None)],
        )
        with self.assertRaisesRegex(ServingError, r"Specific\(comic, 3\)"):
            repository.find("comic", label="next")
        for method in (repository.find, repository.status):
            with self.assertRaisesRegex(ServingError, "label: unknown") as e:
                method("comic", label="unknown")
            self.assertEqual(e.exception.code, "INVALID_ARGUMENT")
            with self.assertRaisesRegex(ServingError, "cannot be supplied"):
                method("comic", version=1, label="stable")

    def test_several_models(self):
        repository = self.make(
            {"two": saved_model(), "three": saved_model(3.0)}
        )
        self.assertEqual(repository.names, ["two", "three"])
        self.assertEqual(half_of_two(repository.find("three")), 3)
        self.assertLen(repository.servables(), 2)

    def test_what_is_not_found(self):
        repository = self.make({"comic": saved_model()})
        for arguments, message in (
            (("half",), r"Servable not found for request: Latest\(half\)"),
            (("comic", 7), r"Servable not found for request: Specific\(comic"),
        ):
            with self.assertRaisesRegex(ServingError, message) as raised:
                repository.find(*arguments)
            self.assertEqual(raised.exception.code, "NOT_FOUND")
        for arguments, message in (
            (("half",), "Could not find any versions of model half"),
            (("comic", 7), "Could not find version 7 of model comic"),
        ):
            with self.assertRaisesRegex(ServingError, message):
                repository.status(*arguments)

    def test_new_version(self):
        add_version(self.base, 1, 1.0)
        repository = self.make()
        old = repository.find("comic")
        add_version(self.base, 2, 2.0)
        repository.refresh()
        self.assertEqual(half_of_two(repository.find("comic")), 2)
        # Whoever has the old one can still ask it.
        self.assertStates(repository, (2, "AVAILABLE"), (1, "UNLOADING"))
        self.assertEqual(half_of_two(old), 1)
        del old
        self.assertStates(repository, (2, "AVAILABLE"), (1, "END"))
        with self.assertRaisesRegex(ServingError, "not found"):
            repository.find("comic", 1)

    def test_new_version_is_noticed(self):
        add_version(self.base, 1, 1.0)
        repository = self.make(poll_seconds=0.02)
        add_version(self.base, 2, 2.0)
        end = time.monotonic() + 30
        while repository.find("comic").version == 1:
            self.assertLess(time.monotonic(), end)
            self.assertEqual(half_of_two(repository.find("comic")), 1)
        self.assertEqual(half_of_two(repository.find("comic")), 2)

    def test_broken_version(self):
        add_version(self.base, 1, 1.0)
        repository = self.make()
        (self.base / "2").mkdir()
        (self.base / "2" / "saved_model.pb").write_bytes(b"no graph")
        with self.assertLogs("keras_comic.serving", "ERROR") as logs:
            repository.refresh()
            # It is not tried again and again.
            repository.refresh()
        self.assertLen(logs.output, 1)
        self.assertStates(repository, (2, "END"), (1, "AVAILABLE"))
        error = repository.status("comic", 2)[0][2]
        self.assertEqual(error.code, "DATA_LOSS")
        self.assertTrue(repository.is_ready)
        self.assertEqual(half_of_two(repository.find("comic")), 1)
        # Written anew, it is loaded.
        shutil.rmtree(self.base / "2")
        add_version(self.base, 2, 2.0)
        repository.refresh()
        self.assertEqual(half_of_two(repository.find("comic")), 2)

    def test_older_version_again(self):
        add_version(self.base, 1, 1.0)
        repository = self.make()
        add_version(self.base, 2, 2.0)
        repository.refresh()
        shutil.rmtree(self.base / "2")
        repository.refresh()
        self.assertEqual(repository.find("comic").version, 1)

    def test_versions_that_vanish(self):
        add_version(self.base, 1, 1.0)
        repository = self.make()
        shutil.rmtree(self.base)
        repository.refresh()
        self.assertEqual(half_of_two(repository.find("comic")), 1)

    def test_close(self):
        repository = self.make({"comic": saved_model()})
        servable = repository.find("comic")
        future = servable.predict("half_plus", {"x": np.float32([2])})
        repository.close(10)
        self.assertEqual(future.result(0)["y"], [3])
        self.assertFalse(repository.is_ready)
        with self.assertRaisesRegex(ServingError, "not found"):
            repository.find("comic")
        with self.assertRaisesRegex(ServingError, "is being unloaded"):
            half_of_two(servable)

    def test_observers(self):
        add_version(self.base, 1, 1.0)
        repository = self.make()
        seen = []
        repository.observe(lambda servable: seen.append(servable.version))
        add_version(self.base, 2, 2.0)
        repository.refresh()
        self.assertEqual(seen, [1, 2])

    def test_errors(self):
        with self.assertRaisesRegex(ValueError, "at least one model"):
            ModelRepository({})
        with self.assertRaisesRegex(ValueError, "must hold a SavedModel"):
            self.make()
        (self.base / "1").mkdir(parents=True)
        with self.assertLogs("keras_comic.serving", "ERROR"):
            with self.assertRaisesRegex(ValueError, "version 1: .*saved_model"):
                self.make()
