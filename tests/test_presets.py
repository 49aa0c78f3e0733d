import hashlib
import json
import os
import sys

import keras
import numpy as np
import pytest
from absl.testing import parameterized

from keras_comic import presets
from keras_comic.models import AdaINGenerator
from keras_comic.presets import from_preset
from keras_comic.presets import list_presets
from keras_comic.presets import save_to_preset
from keras_comic.presets import verify_preset
from tests.test_case import TestCase
from tests.test_case import noise
from tests.test_case import photos

FILES = [
    "README.md",
    "config.json",
    "generator.weights.h5",
    "metadata.json",
    "styles.json",
]
BUILT_IN = list_presets()
# At least one, which `skipif` skips.
CASES = [(name,) for name in BUILT_IN] or [(None,)]
# What fetches handles, and one of each.
HUBS = (
    ("huggingface_hub", "snapshot_download", "hf://artist/adain_ink"),
    ("kagglehub", "model_download", "kaggle://artist/adain/keras/ink"),
)


def make_generator(**kwargs):
    generator = AdaINGenerator.light((4, 8, 4, 4), 1, 6, **kwargs)
    generator.add_style("ink", photos(32, 40, 3), "A. Artist", "CC0-1.0")
    generator.add_style("wash", [photos(40, 33, 3), photos(32, 32, 3)])
    return generator


def read(folder, name="metadata.json"):
    return json.loads((folder / name).read_text(encoding="utf-8"))


def write(folder, value, name="metadata.json"):
    (folder / name).write_text(json.dumps(value), encoding="utf-8")


class PresetTestCase(TestCase):
    def setUp(self):
        self.generator = make_generator()
        self.folder = self.temporary_folder() / "adain_ink"
        self.inputs = {"photos": noise(2, 33, 46, 3), "style": noise(2, 6)}

    def save(self, metadata=None):
        save_to_preset(self.generator, self.folder, metadata)
        return read(self.folder)

    def assertSame(self, generator):
        self.assertAllClose(
            generator(self.inputs),
            self.generator(self.inputs),
            atol=1e-5,
            rtol=0.0,
        )
        self.assertEqual(generator.styles, self.generator.styles)
        self.assertEqual(generator.style_names, self.generator.style_names)


class SaveTest(PresetTestCase):
    def test_files(self):
        metadata = self.save({"licence": "Apache-2.0", "recipe": "a command"})
        self.assertEqual(sorted(os.listdir(self.folder)), FILES)
        self.assertEqual(metadata["format_version"], 1)
        self.assertEqual(metadata["class"], "AdaINGenerator")
        self.assertEqual(
            metadata["parameter_count"], self.generator.count_params()
        )
        self.assertEqual(metadata["licence"], "Apache-2.0")
        self.assertEqual(metadata["recipe"], "a command")
        self.assertEqual(metadata["versions"]["keras"], keras.__version__)
        weights = (self.folder / "generator.weights.h5").read_bytes()
        self.assertEqual(
            metadata["weights"],
            {
                "file": "generator.weights.h5",
                "sha256": hashlib.sha256(weights).hexdigest(),
                "bytes": len(weights),
                "url": None,
            },
        )
        self.assertEqual(metadata["golden"]["style"], "ink")
        self.assertEqual(metadata["golden"]["tolerance"], 1e-3)
        self.assertEqual(len(metadata["golden"]["values"]), 5 * 5 * 3)
        styles = read(self.folder, "styles.json")
        self.assertEqual(styles, self.generator.styles)
        self.assertEqual(list(styles), ["ink", "wash"])
        self.assertNotIn("styles", read(self.folder, "config.json")["config"])

    def test_card(self):
        self.save({"licence": "Apache-2.0"})
        card = (self.folder / "README.md").read_text(encoding="utf-8")
        for text in ("# adain_ink", "Apache-2.0", "ink, wash"):
            self.assertIn(text, card)
        (self.folder / "README.md").write_text("By hand.", encoding="utf-8")
        self.save({"licence": "MIT"})
        card = (self.folder / "README.md").read_text(encoding="utf-8")
        self.assertEqual(card, "By hand.")
        self.assertEqual(read(self.folder)["licence"], "MIT")

    def test_written_facts_are_those_of_the_files(self):
        # As when the metadata of another preset is passed on.
        old = self.save({"licence": "MIT"})
        old["weights"] = {"sha256": "old", "url": "https://example.com/w.h5"}
        old["parameter_count"] = 1
        old["golden"] = {"values": []}
        kernel = self.generator.trainable_variables[0]
        kernel.assign(2.0 * kernel)
        metadata = self.save(old)
        self.assertEqual(metadata["licence"], "MIT")
        self.assertEqual(
            metadata["parameter_count"], self.generator.count_params()
        )
        self.assertEqual(metadata["weights"]["url"], "https://example.com/w.h5")
        self.assertNotEqual(metadata["weights"]["sha256"], "old")
        verify_preset(self.folder)

    def test_mixed_precision_is_left_behind(self):
        mixed = make_generator(dtype="mixed_bfloat16")
        self.generator.set_weights(mixed.get_weights())
        save_to_preset(mixed, self.folder)
        self.assertEqual(mixed.dtype_policy.name, "mixed_bfloat16")
        revived = from_preset(self.folder)
        for layer in revived._flatten_layers():
            self.assertEqual(layer.dtype_policy.name, "float32")
        self.assertAllClose(
            revived(self.inputs),
            self.generator(self.inputs),
            atol=1e-5,
            rtol=0.0,
        )
        self.assertEqual(revived.styles, mixed.styles)
        self.assertLess(verify_preset(self.folder), 1e-5)

    def test_not_built(self):
        class Later(keras.Model):
            pass

        with self.assertRaisesRegex(
            ValueError,
            "The generator must be built before it is saved: call it once. "
            "Received: built=False",
        ):
            save_to_preset(Later(), self.folder)
        self.assertFalse(self.folder.exists())


class LoadTest(PresetTestCase):
    def test_folder(self):
        self.save()
        self.assertSame(from_preset(self.folder))
        self.assertSame(from_preset(str(self.folder)))
        self.assertSame(AdaINGenerator.from_preset(self.folder))

    def test_name_and_version(self):
        metadata = self.save()
        config = self.generator.get_config()
        generator = from_preset(self.folder)
        # No folder of somebody's machine is told.
        self.assertEqual(generator.preset_name, "adain_ink")
        version = metadata["weights"]["sha256"][:16]
        self.assertEqual(generator.preset_version, version)
        said = generator.provenance
        self.assertEqual((said.preset, said.version), ("adain_ink", version))
        self.assertEqual(generator.get_config().keys(), config.keys())
        self.assertIsNone(self.generator.preset_name)
        self.assertIsNone(self.generator.provenance.preset)
        write(self.folder, {**metadata, "version": 2}, "metadata.json")
        self.assertEqual(from_preset(self.folder).preset_version, "2")

    def test_name_of_any_folder(self):
        name = presets._public_name
        self.assertEqual(name("ink", "/a/ink"), "ink")
        self.assertEqual(name("hf://user/ink", "/cache/3f"), "hf://user/ink")
        self.assertEqual(name("/b/a\n", "/b/a\n"), "a_")
        self.assertIsNone(name("/b/ ", "/b/ "))

    def test_styles_are_those_of_the_file(self):
        self.save()
        styles = read(self.folder, "styles.json")
        write(self.folder, {"wash": styles["wash"]}, "styles.json")
        self.assertEqual(from_preset(self.folder).style_names, ["wash"])

    def test_no_style(self):
        generator = AdaINGenerator.light((4, 8, 4, 4), 1, 6)
        generator.save_to_preset(self.folder)
        self.assertIsNone(read(self.folder)["golden"]["style"])
        self.assertEqual(from_preset(self.folder).style_names, [])
        self.assertLess(verify_preset(self.folder), 1e-5)

    def test_unknown_name(self):
        for name in ("adain_nothing", ""):
            with self.assertRaisesRegex(
                ValueError,
                "`preset` must be a built-in name, a folder that exists, or a "
                r"handle .* Built-in names: "
                rf"\[{', '.join(map(repr, BUILT_IN))}\]. "
                f"Received: preset='{name}'",
            ):
                from_preset(name)

    def test_checksum(self):
        self.save()
        path = self.folder / "generator.weights.h5"
        weights = bytearray(path.read_bytes())
        weights[-1] ^= 1
        path.write_bytes(weights)
        with self.assertRaisesRegex(
            ValueError,
            r"The checksum of '.*generator.weights.h5' does not agree with "
            "the metadata of preset 'adain_ink': the file is damaged or not "
            "the one that was published. Expected: sha256=.* "
            f"Received: sha256={hashlib.sha256(weights).hexdigest()}",
        ):
            from_preset(self.folder)
        # What the user has is not removed.
        self.assertTrue(path.is_file())

    def test_missing_files(self):
        self.save()
        for name in FILES[1:3] + FILES[4:]:
            path = self.folder / name
            content = path.read_bytes()
            path.unlink()
            with self.assertRaisesRegex(
                FileNotFoundError,
                f"Preset 'adain_ink' has no file '{name}'. "
                "Received: folder='.*adain_ink'",
            ):
                from_preset(self.folder)
            path.write_bytes(content)
        self.assertSame(from_preset(self.folder))

    def test_preset_is_named_in_its_own_folder(self):
        self.folder.mkdir()
        start = os.getcwd()
        self.addCleanup(os.chdir, start)
        os.chdir(self.folder)
        with self.assertRaisesRegex(FileNotFoundError, "Preset 'adain_ink'"):
            from_preset(".")

    def test_damaged_metadata(self):
        metadata = self.save()
        for content, message in (
            ("{", "File 'metadata.json' of preset 'adain_ink' is not JSON"),
            ("[]", "must hold a JSON object. Received: list"),
            (
                json.dumps({**metadata, "format_version": 2}),
                "is of a format that this version of keras_comic does not "
                "know.* at most 1. Received: format_version=2",
            ),
            ("{}", "Received: format_version=None"),
            (
                json.dumps({"format_version": 1}),
                "must hold an entry 'weights'. Received: ..format_version",
            ),
        ):
            (self.folder / "metadata.json").write_text(content)
            with self.assertRaisesRegex(ValueError, message):
                from_preset(self.folder)

    def test_unknown_class(self):
        self.save()
        config = read(self.folder, "config.json")
        config["registered_name"] = "keras_comic>LaterGenerator"
        write(self.folder, config, "config.json")
        with self.assertRaisesRegex(
            ValueError,
            "Preset '.*adain_ink' holds a class that is not known here; .* "
            "Received: class 'keras_comic>LaterGenerator' in config.json",
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
        self.save()
        published = self.temporary_folder() / "weights.h5"
        os.replace(self.folder / "generator.weights.h5", published)
        metadata = read(self.folder)
        metadata["weights"]["url"] = url or published.as_uri()
        write(self.folder, metadata)
        return published

    def cached(self):
        return list((self.cache / "keras_comic").iterdir())

    def test_url(self):
        published = self.publish()
        self.assertSame(from_preset(self.folder))
        self.assertEqual(len(self.cached()), 1)
        # The second time, from the cache.
        published.unlink()
        self.assertSame(from_preset(self.folder))

    def test_progress(self):
        published = self.publish()
        size = published.stat().st_size
        seen = []
        from_preset(self.folder, lambda *counts: seen.append(counts))
        self.assertEqual(seen[-1], (size, size))
        seen.clear()
        from_preset(self.folder, lambda *counts: seen.append(counts))
        self.assertEqual(seen, [])

    def test_own_folder(self):
        own = self.temporary_folder() / "own"
        os.environ["KERAS_COMIC_HOME"] = str(own)
        self.addCleanup(os.environ.pop, "KERAS_COMIC_HOME")
        self.publish()
        self.assertSame(from_preset(self.folder))
        (weights,) = own.iterdir()
        sha256 = read(self.folder)["weights"]["sha256"]
        self.assertEqual(weights.name, f"{sha256[:16]}.weights.h5")
        # What a disturbed disk made of it is not used.
        weights.write_bytes(weights.read_bytes()[:-1])
        self.assertSame(from_preset(self.folder))

    def test_size_in_metadata(self):
        published = self.publish()
        published.write_bytes(published.read_bytes() + b"?")
        with self.assertRaisesRegex(
            ValueError,
            "The weights of preset 'adain_ink' could not be fetched: The size "
            "of 'file:.*weights.h5' does not agree",
        ):
            from_preset(self.folder)
        # Presets of other makers may not say it.
        published.write_bytes(published.read_bytes()[:-1])
        metadata = read(self.folder)
        del metadata["weights"]["bytes"]
        write(self.folder, metadata)
        self.assertSame(from_preset(self.folder))

    def test_damaged_download(self):
        published = self.publish()
        weights = published.read_bytes()
        published.write_bytes(weights[:-1] + b"?")
        with self.assertRaisesRegex(ValueError, "The checksum of "):
            from_preset(self.folder)
        # It is not kept, so that the next time can succeed.
        self.assertEqual(self.cached(), [])
        published.write_bytes(weights)
        self.assertSame(from_preset(self.folder))

    def test_unreachable_url(self):
        nowhere = (self.folder / "nowhere.h5").as_uri()
        self.publish(nowhere)
        with self.assertRaisesRegex(
            OSError,
            "The weights of preset 'adain_ink' could not be fetched: .* "
            f"Received: url='{nowhere}'",
        ):
            from_preset(self.folder)

    def test_handles(self):
        self.save()
        for library, function, handle in HUBS:
            with self.subTest(handle=handle):
                self.provide(library, function, f"return {str(self.folder)!r}")
                self.assertSame(from_preset(handle))
                self.assertSame(AdaINGenerator.from_preset(handle))
                library = sys.modules[library]
                self.assertEqual(
                    library.received, [handle.partition("://")[2]] * 2
                )

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
    def test_passes(self):
        self.save()
        difference = verify_preset(self.folder)
        self.assertIsInstance(difference, float)
        self.assertLess(difference, 1e-5)

    def test_disturbed_weight(self):
        self.save()
        kernel = self.generator.decoder.image.convolution.kernel
        kernel.assign(kernel + 0.01)
        path = self.folder / "generator.weights.h5"
        self.generator.save_weights(path, overwrite=True)
        with self.assertRaisesRegex(ValueError, "The checksum of"):
            verify_preset(self.folder)
        # The right checksum of the wrong weights.
        metadata = read(self.folder)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        metadata["weights"]["sha256"] = digest
        write(self.folder, metadata)
        with self.assertRaisesRegex(
            ValueError,
            "Preset '.*adain_ink' does not give its golden numbers: the "
            "largest difference must be at most 0.001. Received: 0.[1-9]",
        ):
            verify_preset(self.folder)

    def test_not_finite(self):
        # A comparison with NaN is false, either way round.
        metadata = self.save()
        metadata["golden"]["values"][3] = float("nan")
        write(self.folder, metadata)
        with self.assertRaisesRegex(ValueError, "Received: nan"):
            verify_preset(self.folder)

    def test_other_first_style(self):
        self.save()
        styles = read(self.folder, "styles.json")
        write(self.folder, {"wash": styles["wash"]}, "styles.json")
        with self.assertRaisesRegex(
            ValueError,
            "The golden numbers of preset '.*adain_ink' are of style 'ink'. "
            "Received: first style 'wash'",
        ):
            verify_preset(self.folder)

    def test_no_golden_numbers(self):
        metadata = self.save()
        del metadata["golden"]
        write(self.folder, metadata)
        with self.assertRaisesRegex(
            ValueError, "must hold an entry 'golden'. Received: .'class'"
        ):
            verify_preset(self.folder)


class ListPresetsTest(TestCase):
    def test_names(self):
        zoo = presets._zoo_folder()
        folders = [path.name for path in zoo.iterdir() if path.is_dir()]
        names = sorted(name for name in folders if name[0] not in "._")
        self.assertEqual(list(BUILT_IN), names)
        for name, metadata in BUILT_IN.items():
            self.assertEqual(metadata, read(zoo / name))

    @pytest.mark.skipif(
        not (presets._zoo_folder() / "README.md").is_file(),
        reason="the table is not packaged",
    )
    def test_table(self):
        path = presets._zoo_folder() / "README.md"
        self.assertEqual(
            path.read_text(encoding="utf-8"), presets.presets_table()
        )


@pytest.mark.skipif(not BUILT_IN, reason="no preset is built in")
class BuiltInTest(TestCase, parameterized.TestCase):
    """Every folder of the zoo."""

    @parameterized.parameters(*CASES)
    def test_golden_numbers(self, name):
        difference = verify_preset(name)
        self.assertLessEqual(difference, BUILT_IN[name]["golden"]["tolerance"])
        self.assertLessEqual(BUILT_IN[name]["golden"]["tolerance"], 1e-3)

    @parameterized.parameters(*CASES)
    def test_facts(self, name):
        folder = presets.preset_folder(name)
        for file in FILES:
            if file != "generator.weights.h5":
                self.assertTrue((folder / file).is_file(), file)
        metadata = BUILT_IN[name]
        generator = from_preset(name)
        self.assertEqual(type(generator).__name__, metadata["class"])
        self.assertEqual(generator.count_params(), metadata["parameter_count"])
        for entry in ("licence", "training_data", "recipe", "results"):
            self.assertIn(entry, metadata)
        weights = folder / metadata["weights"]["file"]
        if weights.is_file():
            size = weights.stat().st_size
            self.assertEqual(size, metadata["weights"]["bytes"])
            self.assertLessEqual(size, 6_000_000)

    @parameterized.parameters(*CASES)
    def test_styles(self, name):
        generator = from_preset(name)
        for style, entry in generator.styles.items():
            self.assertShape(
                np.asarray(entry["vector"]), (generator.style_dim,)
            )
            self.assertFinite(entry["vector"])
            self.assertGreaterEqual(entry["count"], 1)
            for fact in ("source", "licence"):
                self.assertTrue(entry[fact], f"{style} has no {fact}.")
            comic = generator.stylize(photos(33, 47, 3), style)
            self.assertShape(comic, (33, 47, 3))

    @parameterized.parameters(*CASES)
    def test_round_trip(self, name):
        generator = from_preset(name)
        folder = self.temporary_folder() / name
        generator.save_to_preset(folder)
        self.assertEqual(
            read(folder)["golden"]["style"], generator.style_names[0]
        )
        revived = from_preset(folder)
        inputs = {"photos": noise(1, 33, 46, 3), "style": noise(1, 46, 40, 3)}
        self.assertAllClose(
            revived(inputs), generator(inputs), atol=1e-5, rtol=0.0
        )
