import argparse
import importlib.util
import sys

import numpy as np
import pytest
from PIL import Image

from keras_comic.models import SqueezeNetFeatures
from tests.test_case import ROOT
from tests.test_case import TestCase
from tests.test_case import photos
from tests.test_case import requires_tensorflow

FOLDER = ROOT / "examples" / "benchmarks"


@requires_tensorflow
class AdaptiveAugmentationTest(TestCase):
    def load(self):
        # Where Python looks when a benchmark is run as a script.
        sys.path.insert(0, str(FOLDER))
        self.addCleanup(sys.path.remove, str(FOLDER))
        spec = importlib.util.spec_from_file_location(
            "examples.benchmarks.adaptive_augmentation",
            FOLDER / "adaptive_augmentation.py",
        )
        script = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(script)
        script.STEPS_OF_EPOCH = 2
        script.NUM_IMAGES = script.NUM_DRAWINGS = 4
        script.NUM_SHOWN = (2, 2)
        script.BATCH = 4
        return script

    @pytest.mark.slow
    def test_an_interrupted_run_goes_on(self):
        script = self.load()
        folder = self.temporary_folder()
        for name in "ab":
            group = folder / "drawings" / name / "train"
            group.mkdir(parents=True)
            for i in range(3):
                picture = Image.fromarray(photos(80, 90, 3, seed=i))
                picture.save(group / f"{i}.png")
        drawings = script.read_drawings(folder / "drawings", "train")
        self.assertEqual([d.shape for d in drawings], [(72, 81, 3)] * 4)
        network = SqueezeNetFeatures(4, (2, 2), (4, 4))
        comics = script.crops(drawings, np.arange(4), np.random.default_rng(0))
        metric = script.kernel_distance(network, comics)
        results = {"with": [], "without": []}
        for name, stops in (("whole", ()), ("interrupted", (1,))):
            for kind, runs in results.items():
                arguments = argparse.Namespace(folder=folder / name, steps=6)
                for stop in stops:
                    gan = script.make_gan(
                        1, kind == "with", script.ada_kimg(arguments.steps)
                    )
                    path = folder / name / f"seed1-{kind}"
                    script.train(gan, drawings, 1, path, stop)
                for _ in range(2):
                    # The second is read.
                    found = script.run(
                        1, kind == "with", arguments, drawings, metric
                    )
                    runs.append(found)
        for runs in results.values():
            for found in runs[1:]:
                self.assertEqual(found, runs[0])
        self.assertEqual(len(results["with"][0]["curves"]["certainty"]), 3)
        self.assertEqual(
            [
                row["unit"]
                for row in script.result_rows(results, metric.report())
            ],
            ["1"] * 6,
        )
