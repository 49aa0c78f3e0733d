import json
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from keras_comic import metrics
from keras_comic.data import read_image
from keras_comic.metrics import MetricResult
from keras_comic.models import AdaINGenerator
from keras_comic.models import FeatureNetwork
from keras_comic.models.evaluation import evaluate_preset
from tests.metrics import make_golden
from tests.test_case import TestCase
from tests.test_case import photos
from tests.tiny_families import TinyCodes
from tests.tiny_families import TinyComic

METRICS = {
    "FrechetDistance": {"stylized", "photos"},
    "KernelDistance": {"stylized", "photos"},
    "PrecisionRecall.precision": {"stylized", "photos"},
    "PrecisionRecall.recall": {"stylized", "photos"},
    "ArtFID": {"stylized", "photos"},
    "StyleLoss": {"stylized", "photos"},
    "PerceptualDistance": {"stylized"},
    "StructuralSimilarity": {"stylized"},
    "EdgePreservation": {"stylized"},
    "ColorDistance": {"stylized"},
    "Diversity": {"stylized", "photos", "comics"},
}


def save(folder, pictures):
    folder.mkdir(parents=True, exist_ok=True)
    for number, picture in enumerate(pictures):
        Image.fromarray(picture).save(folder / f"{number}.png")
    return folder


class EvaluationTest(TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = Path(folder.name)
        cls.photo_pictures = make_golden.images("photos", 5, 32, 32)
        cls.comic_pictures = make_golden.images("comics", 4, 32, 32)
        cls.photos = save(cls.folder / "photos", cls.photo_pictures)
        cls.comics = save(cls.folder / "comics", cls.comic_pictures)
        cls.generator = AdaINGenerator.light((4, 8, 4, 4), 1, 8)
        cls.generator.add_style("ink", photos(32, 32, 3))
        cls.generator.add_style("wash", photos(32, 32, 3, seed=1))
        cls.network = FeatureNetwork((1, 1, 3), (4, 5, 6))

    def evaluate(self, output, **options):
        arguments = {
            "preset": self.generator,
            "photos": self.photos,
            "comics": self.comics,
            "features": self.network,
            "squares": (32, 1),
        }
        return evaluate_preset(output=output, **{**arguments, **options})

    def values(self, evaluation):
        return {
            (result.metric, of): result.value
            for of, result in evaluation.measurements
        }

    def pooled(self, pictures):
        images = (pictures / 127.5 - 1.0).astype("float32")
        return self.numpy(self.network(images)["relu3_3"]).mean((1, 2))

    def test_numbers(self):
        output = self.temporary_folder() / "out"
        evaluation = self.evaluate(output)
        found = {}
        for of, result in evaluation.measurements:
            found.setdefault(result.metric, set()).add(of)
        self.assertEqual(found, METRICS)
        self.assertEqual(list(found), list(METRICS))
        self.assertEqual(evaluation.not_measured, [])
        self.assertEqual(evaluation.failures, [])

        # The same numbers as by hand.
        values = self.values(evaluation)
        made = self.generator.stylize(self.photo_pictures)
        for of, pictures in (
            ("stylized", made),
            ("photos", self.photo_pictures),
        ):
            distance = metrics.FrechetDistance()
            distance.update_state(
                self.pooled(self.comic_pictures), self.pooled(pictures)
            )
            self.assertAllClose(
                values["FrechetDistance", of], distance.result(), rtol=1e-4
            )
            self.assertAllClose(
                values["ArtFID", of],
                (1.0 + distance.result())
                * (
                    1.0
                    + (of == "stylized")
                    * values["PerceptualDistance", "stylized"]
                ),
                rtol=1e-4,
            )
        similarity = metrics.StructuralSimilarity()
        similarity.update_state(
            *(
                (pictures / 127.5 - 1.0).astype("float32")
                for pictures in (self.photo_pictures, made)
            )
        )
        self.assertAllClose(
            values["StructuralSimilarity", "stylized"],
            similarity.result(),
            rtol=1e-5,
        )

    def test_files(self):
        output = self.temporary_folder() / "out"
        evaluation = self.evaluate(output)
        self.assertEqual(
            [path.name for path in evaluation.files],
            ["metrics.md", "metrics.json", "stylized", "contact_sheet.png"],
        )
        made = self.generator.stylize(self.photo_pictures)
        for number in range(5):
            picture = read_image(output / "stylized" / f"{number}.png")
            difference = picture.astype(int) - made[number]
            self.assertLessEqual(np.abs(difference).max(), 1)
        sheet = read_image(output / "contact_sheet.png")
        self.assertGreater(sheet.std(), 10.0)

        facts = json.loads((output / "metrics.json").read_text())
        self.assertEqual(facts["style"], "ink")
        results = [MetricResult.from_dict(m) for m in facts["measurements"]]
        for (_, result), revived in zip(
            evaluation.measurements, results, strict=True
        ):
            self.assertTrue(result == revived)
        first = results[0].protocol
        self.assertEqual(first["resize"], "32x32 bicubic (Pillow)")
        self.assertEqual(first["crop"], "square in the middle")
        self.assertEqual((first["comics"], first["fake_comics"]), (4, 5))
        self.assertEqual(first["network"], "FeatureNetwork")
        self.assertEqual(first["layer"], "relu3_3")

        # In the same folder, whose pictures are no photos.
        again = self.values(self.evaluate(output))
        self.assertEqual(again, self.values(evaluation))

        table = (output / "metrics.md").read_text()
        self.assertRegex(
            table, r"\| Frechet distance \(FID\) \| lower \| [\d.]"
        )
        for result in results:
            self.assertIn(result.protocol_text, table)

    def test_crops_and_styles(self):
        folder = self.temporary_folder()
        first = self.evaluate(folder / "a", squares=(32, 3), style="wash")
        again = self.evaluate(folder / "b", squares=(32, 3), style="wash")
        self.assertEqual(self.values(first), self.values(again))
        protocol = first.measurements[0].result.protocol
        self.assertEqual(
            (protocol["comics"], protocol["fake_comics"]), (12, 15)
        )
        self.assertRegex(protocol["crop"], "^3 random squares of 0.5 to 1")
        names = sorted(p.name for p in (folder / "a/stylized").iterdir())
        self.assertEqual(len(names), 15)
        self.assertEqual(names[:3], ["0.1.png", "0.2.png", "0.3.png"])
        facts = json.loads((folder / "a/metrics.json").read_text())
        self.assertEqual(facts["style"], "wash")

    def test_preset_by_its_folder(self):
        folder = self.temporary_folder()
        self.generator.save_to_preset(folder / "ink")
        evaluation = self.evaluate(folder / "out", preset=folder / "ink")
        facts = json.loads((folder / "out/metrics.json").read_text())
        self.assertEqual(facts["preset"], str(folder / "ink"))
        self.assertRegex(facts["weights sha256"], "^[0-9a-f]{64}$")
        self.assertEqual(len(evaluation.measurements), 19)

    def test_broken_files_and_few_pictures(self):
        folder = self.temporary_folder()
        some = save(folder / "photos", self.photo_pictures[:1])
        (some / "broken.jpg").write_bytes(b"no image")
        few = save(folder / "comics", self.comic_pictures[:1])
        (few / "empty.png").write_bytes(b"")
        done = []
        evaluation = self.evaluate(
            folder / "out",
            photos=some,
            comics=few,
            progress=lambda *counts: done.append(counts),
        )
        self.assertEqual(done[-1], (4, 4))
        self.assertEqual(
            [path.name for path, _ in evaluation.failures],
            ["empty.png", "broken.jpg"],
        )
        missing = {metric for metric, _, _ in evaluation.not_measured}
        self.assertEqual(
            missing,
            {
                "FrechetDistance",
                "KernelDistance",
                "PrecisionRecall",
                "ArtFID",
                "Diversity",
            },
        )
        measured = {r.metric for _, r in evaluation.measurements}
        self.assertIn("StructuralSimilarity", measured)
        table = (folder / "out/metrics.md").read_text()
        self.assertIn("## Left out: 2\n", table)
        self.assertIn("## Not measured: 11\n", table)
        facts = json.loads((folder / "out/metrics.json").read_text())
        self.assertEqual(len(facts["left_out"]), 2)

    def test_errors(self):
        folder = self.temporary_folder()
        broken = folder / "broken"
        broken.mkdir()
        (broken / "a.png").write_bytes(b"no image")
        output = folder / "out"
        for options, error, message in (
            ({"photos": folder / "none"}, FileNotFoundError, "no such file"),
            ({"comics": folder / "none"}, FileNotFoundError, "no such folder"),
            ({"photos": broken}, ValueError, "None of the photos can be read"),
            ({"comics": broken}, ValueError, "None of the comics can be read"),
            ({"style": "oil"}, ValueError, "'ink', 'wash'.*style='oil'"),
            ({"features": "no.h5"}, FileNotFoundError, "features='no.h5'"),
            ({"squares": (16, 1)}, ValueError, "Received: size=16"),
            ({"squares": (32, 0)}, ValueError, "Received: crops=0"),
        ):
            with self.assertRaisesRegex(error, message):
                self.evaluate(output, **options)
        self.assertFalse(output.exists())

    def test_tiny_families(self):
        output = self.temporary_folder() / "out"
        evaluation = self.evaluate(output, preset=TinyComic())
        metrics = {metric for metric, _ in self.values(evaluation)}
        self.assertLessEqual({"KernelDistance", "ArtFID"}, metrics)
        codes = self.temporary_folder() / "codes"
        TinyCodes().save_to_preset(codes)
        with self.assertRaisesRegex(ValueError, "must hold a `Generator`"):
            self.evaluate(output, preset=codes)
