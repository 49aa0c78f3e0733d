import io
import json
import pathlib
import pickle
import subprocess
import sys

import numpy as np
import pytest
from absl.testing import parameterized
from PIL import Image
from tensorflow.core.protobuf import saved_model_pb2

import keras_comic
from keras_comic.export.saved_model import save_served_model
from keras_comic.export.warmup import read_warmup_records
from keras_comic.provenance.metadata import Provenance
from tests.export import served_cases
from tests.export.small_models import run
from tests.export.small_models import served_folder
from tests.export.small_models import served_signatures
from tests.export.small_models import small_model
from tests.test_case import TestCase
from tests.test_case import photos
from tests.tiny_families import TinyComic
from tests.tiny_families import TinyPainter

HERE = pathlib.Path(__file__).parent
FILE = served_cases.png(photos(40, 40, 3))
LOADERS = ("c_loader.py", "plain_loader.py", "cli_loader.py")


def run_loader(loader, folder, cases, work):
    """Asks a process that lacks Keras, or more."""
    model = saved_model_pb2.SavedModel()
    model.ParseFromString((folder / "saved_model.pb").read_bytes())
    tensor_names = {
        name: (
            {k: info.name for k, info in definition.inputs.items()},
            {k: info.name for k, info in definition.outputs.items()},
        )
        for name, definition in model.meta_graphs[0].signature_def.items()
    }
    requests, answers = work / "requests.pickle", work / "answers.pickle"
    asked = [(name, inputs) for name, inputs, _ in cases]
    requests.write_bytes(pickle.dumps((tensor_names, asked)))
    done = subprocess.run(
        [sys.executable, HERE / loader, folder, requests, answers],
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-3000:])
    return pickle.loads(answers.read_bytes())


class SaveServedModelTest(TestCase, parameterized.TestCase):
    def test_names_and_shapes(self):
        images, texts = ("uint8", (None, None, None, 3)), ("string", (None,))
        settings = {
            "strength": ("float32", (None,)),
            "keep_color": ("bool", (None,)),
        }
        photo, file = {"images": images}, {"image_bytes": texts}
        plain = {"serving_default": photo, "serving_bytes": file}
        weights = {"style_weights": ("float32", (None, 3)), **settings}
        codes = {"codes": ("float32", (None, 5))}
        expected = {
            "comic": {
                **plain,
                "serving_strength": photo | settings,
                "serving_bytes_strength": file | settings,
            },
            "painter": {
                **plain,
                "serving_style_weights": photo | weights,
                "serving_bytes_style_weights": file | weights,
                "serving_style_image": photo
                | {"style_images": images, **settings},
                "serving_bytes_style_image": file
                | {"style_image_bytes": texts, **settings},
                "style_names": {"style_index": ("int32", (None,))},
            },
            "codes": {"serving_default": codes, "serving_bytes": codes},
        }
        for name, signatures in expected.items():
            found = {
                signature: {
                    key: (spec.dtype.name, tuple(spec.shape))
                    for key, spec in function.structured_input_signature[
                        1
                    ].items()
                }
                for signature, function in served_signatures(name).items()
            }
            self.assertEqual(found, signatures)
            requests = read_warmup_records(served_folder(name))
            self.assertEqual({n for n, _ in requests}, set(signatures))
            for signature, inputs in requests:
                run(name, signature, inputs)

    @parameterized.parameters("comic", "painter", "codes")
    def test_files_say_where_they_are_from(self, name):
        inputs = {"image_bytes": [FILE]}
        if name == "codes":
            inputs = {"codes": np.zeros((1, 5), "float32")}
        (comic,) = run(name, "serving_bytes", inputs)
        note = Image.open(io.BytesIO(comic)).text["XML:com.adobe.xmp"]
        self.assertEqual(Provenance.from_text(note), Provenance("ink", "7"))

    def test_description(self):
        names = {"comic": [], "painter": ["ink", "wash", "größe"], "codes": []}
        for name, style_names in names.items():
            model, folder = small_model(name), served_folder(name)
            path = folder / "assets.extra" / "keras_comic.json"
            found = json.loads(path.read_text(encoding="utf-8"))
            self.assertContainsSubset(["JPEG", "PNG"], found["file_formats"])
            del found["file_formats"]
            self.assertEqual(
                found,
                {
                    "kind": model.kind,
                    "preset": "ink",
                    "preset_version": "7",
                    "style_names": style_names,
                    "max_pixels": 20_000,
                },
            )

    def test_a_version_is_not_overwritten(self):
        model, folder = small_model("comic"), served_folder("comic")
        with self.assertRaisesRegex(FileExistsError, "exists already"):
            save_served_model(model, folder, warmup_sizes=())
        names = [path.name for path in folder.parent.iterdir()]
        self.assertEqual([n for n in names if n.isdecimal()], ["1"])

    def test_wrong_arguments(self):
        folder = self.temporary_folder() / "other"
        for model, path, options, message in (
            (TinyComic(), folder, {}, "must end in the version's"),
            (TinyComic(), folder / "1", {"max_pixels": 0}, "`max_pixels` must"),
            (TinyPainter(), folder / "1", {}, "must have a named style"),
            (
                keras_comic.models.PatchDiscriminator(4),
                folder / "1",
                {},
                "a `Generator` or a `LatentGenerator`. Received: a `Patch",
            ),
        ):
            with self.assertRaisesRegex(ValueError, message):
                save_served_model(model, path, **options)
        self.assertFalse(folder.exists())


@pytest.mark.slow
class LoadersTest(TestCase, parameterized.TestCase):
    """Processes that lack Keras, this package, or Python."""

    @parameterized.product(name=("comic", "painter"), loader=LOADERS)
    def test_tiny_family(self, name, loader):
        model, folder = small_model(name), served_folder(name)
        self.check_loader(model, folder, loader)

    def test_shipped_preset(self):
        generator = keras_comic.from_preset("adain_storybook")
        folder = self.temporary_folder() / "1"
        save_served_model(generator, folder)
        for loader in LOADERS:
            self.check_loader(generator, folder, loader)

    def check_loader(self, model, folder, loader):
        cases = served_cases.make_cases(model)
        answers = run_loader(loader, folder, cases, self.temporary_folder())
        for (signature, _, comics), outputs in zip(cases, answers, strict=True):
            (output,) = outputs.values()
            served_cases.compare(self, output, comics, signature)
