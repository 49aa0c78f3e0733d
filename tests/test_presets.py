import hashlib
import json
import os
import shutil
import sys

import keras
import numpy as np
from absl.testing import parameterized

from keras_comic import presets
from keras_comic.models import AdaINGenerator
from keras_comic.presets import from_preset
from keras_comic.presets import list_presets
from keras_comic.presets import preset_facts
from keras_comic.presets import save_to_preset
from keras_comic.presets import verify_preset
from tests.source import ROOT
from tests.test_case import TestCase
from tests.test_case import noise
from tests.test_case import photos
from tests.tiny_families import TinyCodes
from tests.tiny_families import TinyComic
from tests.tiny_families import TinyPainter

FILES = [
    "README.md",
    "config.json",
    "generator.weights.h5",
    "metadata.json",
    "styles.json",
]
# A package that fetches handles, its function, and a handle.
HUBS = (
    ("huggingface_hub", "snapshot_download", "hf://artist/adain_ink"),
    ("kagglehub", "model_download", "kaggle://artist/adain/keras/ink"),
)


def make_painter(**kwargs):
    painter = TinyPainter(**kwargs)
    painter.add_style("ink", photos(32, 40, 3), "A. Artist", "CC0-1.0")
    painter.add_style("wash", [photos(40, 33, 3), photos(32, 32, 3)])
    return painter


def read(folder, name="metadata.json"):
    return json.loads((folder / name).read_text(encoding="utf-8"))


def write(folder, value, name="metadata.json"):
    (folder / name).write_text(json.dumps(value), encoding="utf-8")


class PresetTestCase(TestCase):
    def setUp(self):
        super().setUp()
        self.painter = make_painter()
        self.folder = self.temporary_folder() / "tiny_ink"
        self.weights = self.folder / "generator.weights.h5"

    def save(self, metadata=None):
        save_to_preset(self.painter, self.folder, metadata)
        return read(self.folder)

    def assertSame(self, model):
        inputs = {"photos": noise(2, 32, 48, 3), "style": noise(2, 6)}
        self.assertAllClose(model(inputs), self.painter(inputs), atol=1e-5)
        self.assertEqual(model.styles, self.painter.styles)


class SaveTest(PresetTestCase):
    def test_files(self):
        metadata = self.save({"licence": "Apache-2.0", "recipe": "a command"})
        self.assertEqual(sorted(os.listdir(self.folder)), FILES)
        self.assertEqual(os.listdir(self.folder.parent), ["tiny_ink"])
        weights = self.weights.read_bytes()
        golden = metadata.pop("golden")
        expected = {
            "format_version": 1,
            "kind": "style_generator",
            "class": "TinyPainter",
            "parameter_count": self.painter.count_params(),
            "weights": {
                "file": "generator.weights.h5",
                "sha256": hashlib.sha256(weights).hexdigest(),
                "bytes": len(weights),
                "url": None,
            },
            "licence": "Apache-2.0",
            "recipe": "a command",
        }
        self.assertEqual(metadata | expected, metadata)
        self.assertEqual(metadata["versions"]["keras"], keras.__version__)
        self.assertEqual((golden["style"], golden["tolerance"]), ("ink", 1e-3))
        self.assertEqual(len(golden["values"]), 5 * 5 * 3)
        styles = read(self.folder, "styles.json")
        self.assertEqual(styles, self.painter.styles)
        self.assertEqual(preset_facts(self.folder)["styles"], ["ink", "wash"])
        self.assertNotIn("styles", read(self.folder, "config.json")["config"])

    def test_other_files_are_kept(self):
        self.save({"licence": "Apache-2.0"})
        card = (self.folder / "README.md").read_text(encoding="utf-8")
        self.assertRegex(card, "# tiny_ink\n(.*\n)+- licence: Apache-2.0")
        (self.folder / "README.md").write_text("By hand.", encoding="utf-8")
        (self.folder / "notes").mkdir()
        (self.folder / "notes" / "one.txt").write_text("1")
        self.assertEqual(self.save({"licence": "MIT"})["licence"], "MIT")
        card = (self.folder / "README.md").read_text(encoding="utf-8")
        self.assertEqual(card, "By hand.")
        self.assertTrue((self.folder / "notes" / "one.txt").is_file())
        self.assertEqual(os.listdir(self.folder.parent), ["tiny_ink"])

    def test_whole_or_not_at_all(self):
        before = self.save({"licence": "MIT"})
        self.painter.up.kernel.assign(2.0 * self.painter.up.kernel)
        with self.assertRaisesRegex(TypeError, "not JSON serializable"):
            self.save({"recipe": object()})
        self.assertEqual(read(self.folder), before)
        self.assertLess(verify_preset(self.folder), 1e-5)
        shutil.rmtree(self.folder)
        with self.assertRaisesRegex(TypeError, "not JSON serializable"):
            self.save({"recipe": object()})
        self.assertEqual(os.listdir(self.folder.parent), [])

    def test_written_facts_are_those_of_the_model(self):
        # As when the metadata of another preset is passed on.
        old = self.save({"licence": "MIT"})
        old["weights"] = {"sha256": "old", "url": "https://example.com/w.h5"}
        old["parameter_count"] = 1
        old["golden"] = {"values": []}
        metadata = self.save(old)
        self.assertEqual(metadata["licence"], "MIT")
        self.assertEqual(
            metadata["parameter_count"], self.painter.count_params()
        )
        self.assertEqual(metadata["weights"]["url"], "https://example.com/w.h5")
        self.assertNotEqual(metadata["weights"]["sha256"], "old")
        verify_preset(self.folder)

    def test_mixed_precision_is_left_behind(self):
        mixed = make_painter(dtype="mixed_bfloat16")
        save_to_preset(mixed, self.folder)
        self.assertEqual(mixed.dtype_policy.name, "mixed_bfloat16")
        revived = from_preset(self.folder)
        self.assertEqual(revived.dtype_policy.name, "float32")
        self.assertSame(revived)
        self.assertLess(verify_preset(self.folder), 1e-5)

    def test_not_built(self):
        with self.assertRaisesRegex(
            ValueError, "built before it is saved.* Received: built=False"
        ):
            save_to_preset(keras.Sequential(), self.folder)
        self.assertFalse(self.folder.exists())


class LoadTest(PresetTestCase, parameterized.TestCase):
    def test_folder(self):
        self.save()
        self.assertSame(from_preset(self.folder))
        self.assertSame(TinyPainter.from_preset(str(self.folder)))
        with self.assertRaisesRegex(ValueError, "must hold a `TinyComic`"):
            TinyComic.from_preset(self.folder)

    @parameterized.parameters(TinyComic, TinyCodes, AdaINGenerator.light)
    def test_every_kind(self, make_model):
        model = make_model()
        model.save_to_preset(self.folder)
        metadata = read(self.folder)
        self.assertEqual(metadata["kind"], model.kind)
        self.assertEqual(
            (self.folder / "styles.json").is_file(),
            model.kind == "style_generator",
        )
        revived = from_preset(self.folder)
        self.assertIs(type(revived), type(model))
        self.assertAllClose(
            revived.example_output(), model.example_output(), atol=1e-5
        )
        self.assertLess(verify_preset(self.folder), 1e-5)

    def test_name_and_version(self):
        metadata = self.save()
        painter = from_preset(self.folder)
        # No folder of somebody's machine is told.
        self.assertEqual(painter.preset_name, "tiny_ink")
        version = metadata["weights"]["sha256"][:16]
        self.assertEqual(painter.preset_version, version)
        provenance = painter.provenance
        self.assertEqual(provenance.preset, "tiny_ink")
        self.assertEqual(provenance.version, version)
        self.assertIsNone(self.painter.provenance.preset)
        write(self.folder, {**metadata, "version": 2})
        self.assertEqual(from_preset(self.folder).preset_version, "2")

    @parameterized.parameters(
        ("ink", "ink"),
        ("/a/ink", "ink"),
        ("hf://user/ink", "hf://user/ink"),
        ("/b/a\n", "a_"),
        ("/b/ ", None),
    )
    def test_public_name(self, preset, name):
        self.assertEqual(presets.public_name(preset), name)

    @parameterized.parameters("adain_nothing", "", "ftp://a/b")
    def test_unknown_name(self, name):
        with self.assertRaisesRegex(
            ValueError,
            "`preset` must be a built-in name, .*Built-in names: "
            rf"\['adain_storybook'.*\]. Received: preset='{name}'",
        ):
            from_preset(name)

    def test_checksum(self):
        self.save()
        weights = bytearray(self.weights.read_bytes())
        weights[-1] ^= 1
        self.weights.write_bytes(weights)
        with self.assertRaisesRegex(
            ValueError,
            r"The checksum of '.*generator.weights.h5' must be .*metadata.* "
            f"Received: sha256={hashlib.sha256(weights).hexdigest()}",
        ):
            from_preset(self.folder)

    def test_missing_files(self):
        self.save()
        for name in FILES[1:]:
            path = self.folder / name
            content = path.read_bytes()
            path.unlink()
            with self.assertRaisesRegex(
                FileNotFoundError,
                f"File '{name}' of preset 'tiny_ink' is missing. "
                "Received: folder='.*tiny_ink'",
            ):
                from_preset(self.folder)
            path.write_bytes(content)
        self.assertSame(from_preset(self.folder))

    def test_damaged_metadata(self):
        metadata = self.save()
        for content, message in (
            ("{", "File 'metadata.json' of preset 'tiny_ink' is not JSON"),
            ("[]", r"with the entries \['format_version', 'weights'\].*\[\]"),
            ('{"format_version": 1}', r"Received: \['format_version'\]"),
            (
                json.dumps({**metadata, "format_version": 2}),
                "of a format .* at most 1; .* Received: format_version=2",
            ),
        ):
            (self.folder / "metadata.json").write_text(content)
            with self.assertRaisesRegex(ValueError, message):
                from_preset(self.folder)

    @parameterized.parameters("keras_comic>LaterGenerator", "keras_comic>AdaIN")
    def test_unknown_class(self, name):
        self.save()
        config = read(self.folder, "config.json")
        config["registered_name"] = name
        write(self.folder, config, "config.json")
        with self.assertRaisesRegex(
            ValueError,
            "Preset '.*tiny_ink' must hold a model of one of the four kinds.*"
            f"--import MODULE.* Received: class '{name}' in config.json",
        ):
            from_preset(self.folder)


class FetchTest(PresetTestCase):
    def setUp(self):
        super().setUp()
        self.cache = self.temporary_folder()
        home = os.environ.get("KERAS_HOME")
        os.environ["KERAS_HOME"] = str(self.cache)
        if home is None:
            self.addCleanup(os.environ.pop, "KERAS_HOME")
        else:
            self.addCleanup(os.environ.__setitem__, "KERAS_HOME", home)

    def publish(self, url=None):
        """Moves the weights away, and says where they are."""
        metadata = self.save()
        published = self.temporary_folder() / "weights.h5"
        os.replace(self.weights, published)
        metadata["weights"]["url"] = url or published.as_uri()
        write(self.folder, metadata)
        return published

    def test_url(self):
        published = self.publish()
        self.assertSame(from_preset(self.folder))
        (fetched,) = (self.cache / "keras_comic").iterdir()
        # A file that a disturbed disk has changed is not used.
        fetched.write_bytes(fetched.read_bytes()[:-1])
        self.assertSame(from_preset(self.folder))
        # The second time, from the cache.
        published.unlink()
        self.assertSame(from_preset(self.folder))

    def test_damaged_download(self):
        published = self.publish()
        weights = published.read_bytes()
        published.write_bytes(weights[:-1] + b"?")
        with self.assertRaisesRegex(
            ValueError, "The weights of preset 'tiny_ink' could not be fetched"
        ):
            from_preset(self.folder)
        published.write_bytes(weights)
        self.assertSame(from_preset(self.folder))

    def test_unreachable_url(self):
        nowhere = (self.folder / "nowhere.h5").as_uri()
        self.publish(nowhere)
        with self.assertRaisesRegex(
            OSError,
            "The weights of preset 'tiny_ink' could not be fetched: (.|\n)* "
            f"Without a connection, bring .* Received: url='{nowhere}'",
        ):
            from_preset(self.folder)

    def test_handles(self):
        self.save()
        for library, function, handle in HUBS:
            self.provide(library, function, f"return {str(self.folder)!r}")
            self.assertSame(from_preset(handle))
            received = sys.modules[library].received
            self.assertEqual(received, [handle.partition("://")[2]])

    def test_unreachable_handles(self):
        for library, function, handle in HUBS:
            self.provide(library, function, 'raise ConnectionError("no route")')
            with self.assertRaisesRegex(
                OSError,
                f"Preset '{handle}' could not be fetched. Check the name and "
                "the connection; .* Reason: ConnectionError: no route",
            ):
                from_preset(handle)

    def test_handles_without_their_package(self):
        for library, _, handle in HUBS:
            self.replace_module(library)
            # Python's own way to say that there is no such module.
            sys.modules[library] = None
            with self.assertRaisesRegex(
                ImportError,
                f"Preset handles like '{handle}' need the package "
                f"`{library}`: `pip install {library}`.",
            ):
                from_preset(handle)

    def provide(self, library, function, body):
        """Makes a small package of a library's name importable."""
        self.replace_module(library)
        folder = self.temporary_folder()
        (folder / f"{library}.py").write_text(
            "received = []\n"
            f"def {function}(handle):\n"
            "    received.append(handle)\n"
            f"    {body}\n"
        )
        sys.path.insert(0, str(folder))
        self.addCleanup(sys.path.remove, str(folder))

    def replace_module(self, library):
        before = sys.modules.pop(library, None)

        def restore():
            sys.modules.pop(library, None)
            if before is not None:
                sys.modules[library] = before

        self.addCleanup(restore)


class VerifyTest(PresetTestCase):
    def test_disturbed_weight(self):
        self.save()
        self.assertLess(verify_preset(self.folder), 1e-5)
        self.painter.up.kernel.assign(self.painter.up.kernel + 0.01)
        self.painter.save_weights(self.weights, overwrite=True)
        with self.assertRaisesRegex(ValueError, "The checksum of"):
            verify_preset(self.folder)
        # The right checksum of the wrong weights.
        metadata = read(self.folder)
        digest = hashlib.sha256(self.weights.read_bytes()).hexdigest()
        metadata["weights"]["sha256"] = digest
        write(self.folder, metadata)
        with self.assertRaisesRegex(
            ValueError,
            "Preset '.*tiny_ink' does not give its golden numbers: the "
            r"largest difference must be at most 0.001. Received: 0.\d+",
        ):
            verify_preset(self.folder)

    def test_not_finite(self):
        # A comparison with NaN is false, either way round.
        metadata = self.save()
        metadata["golden"]["values"][3] = float("nan")
        write(self.folder, metadata)
        with self.assertRaisesRegex(ValueError, "Received: nan"):
            verify_preset(self.folder)

    def test_no_golden_numbers(self):
        metadata = self.save()
        del metadata["golden"]
        write(self.folder, metadata)
        with self.assertRaisesRegex(ValueError, r"the entries \['golden'\]"):
            verify_preset(self.folder)


class BuiltInTest(TestCase, parameterized.TestCase):
    """Every folder of the zoo."""

    def test_table(self):
        table = (ROOT / "zoo" / "README.md").read_text(encoding="utf-8")
        self.assertEqual(table, presets.presets_table())
        self.assertIn(presets.DEFAULT_PRESET, list_presets())

    @parameterized.parameters(*zip(list_presets()))
    def test_preset(self, name):
        facts = preset_facts(name)
        self.assertLessEqual(verify_preset(name), 1e-3)
        model = from_preset(name)
        self.assertEqual(type(model).__name__, facts["class"])
        self.assertEqual(model.kind, facts["kind"])
        self.assertEqual(model.count_params(), facts["parameter_count"])
        for entry in ("licence", "training_data", "recipe", "results"):
            self.assertIn(entry, facts)
        weights = presets.preset_folder(name) / facts["weights"]["file"]
        if weights.is_file():
            self.assertEqual(weights.stat().st_size, facts["weights"]["bytes"])
            self.assertLessEqual(facts["weights"]["bytes"], 6_000_000)
        for style, entry in getattr(model, "styles", {}).items():
            self.assertFinite(np.asarray(entry["vector"]))
            for fact in ("source", "licence"):
                self.assertTrue(entry[fact], f"{style} has no {fact}.")
            comic = model.stylize(photos(33, 47, 3), style)
            self.assertShape(comic, (33, 47, 3))
