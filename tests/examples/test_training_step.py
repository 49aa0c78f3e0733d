import importlib.util
import json
import sys

import keras
import pytest

from tests.test_case import ROOT
from tests.test_case import TestCase
from tests.test_case import requires_tensorflow

FOLDER = ROOT / "examples" / "benchmarks"


@requires_tensorflow
class TrainingStepTest(TestCase):
    def setUp(self):
        # Where Python looks when a benchmark is run as a script.
        sys.path.insert(0, str(FOLDER))
        self.addCleanup(sys.path.remove, str(FOLDER))
        spec = importlib.util.spec_from_file_location(
            "examples.benchmarks.training_step", FOLDER / "training_step.py"
        )
        self.script = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.script)

    def test_the_loop_by_hand_trains_as_fit_does(self):
        path = self.temporary_folder() / "weights.npz"
        gans = [self.script.make_convolutional_gan(2, 1) for _ in range(2)]
        self.script.write_weights(gans[0], path)
        self.script.set_weights(gans[1], path)
        batches = self.script.make_batches(32, 2)
        dataset = self.script.Batches(batches).dataset()
        names = ("generator", "discriminator")
        gans[0].compile({n: self.script.make_optimizer() for n in names})
        self.script.make_fit(gans[0], dataset)(3)
        generator, discriminator = gans[1].generator, gans[1].discriminator
        losses_of = self.script.convolutional_losses(generator, discriminator)
        self.script.make_hand_written_loop(
            generator, discriminator, losses_of, dataset
        )(3)
        for name in ("generator", "discriminator"):
            for value, expected in zip(
                getattr(gans[1], name).get_weights(),
                getattr(gans[0], name).get_weights(),
                strict=True,
            ):
                self.assertAllClose(value, expected, atol=1e-5)

    def test_precision(self):
        gan = self.script.make_convolutional_gan(2, 1, "mixed_bfloat16")
        self.assertEqual(gan.discriminator.dtype_policy.name, "mixed_bfloat16")
        self.assertEqual(gan.generator.layers[1].compute_dtype, "bfloat16")
        self.assertEqual(gan.generator.output.dtype, "float32")
        self.assertEqual(keras.config.dtype_policy().name, "float32")

    def test_not_installed(self):
        folder = self.temporary_folder()
        self.assertFalse(self.script.is_installed(folder / "python", "torch"))
        self.assertFalse(self.script.is_installed(sys.executable, "no_such"))
        self.assertTrue(self.script.is_installed(sys.executable, "json"))

    @pytest.mark.slow
    def test_rows(self):
        path = self.temporary_folder() / "training.json"
        arguments = ["--image-size", "32", "--batch-size", "1"]
        arguments += ["--filters", "2", "--residual-blocks", "1"]
        arguments += ["--steps", "2", "--repeats", "1", "--only-overhead"]
        self.script.main([*arguments, "--json", str(path)])
        rows = json.loads(path.read_text())
        for row in rows:
            self.assertEqual(
                list(row), ["name", "value", "unit", "peer", "conditions"]
            )
            self.assertGreater(row["value"], 0.0)
        found = {(row["name"], row["unit"]) for row in rows}
        for title in ("convolutional GAN", "StyleTransferGAN"):
            for name in ("loop by hand", "GAN.fit"):
                self.assertIn((f"{title}, {name}", "steps/s"), found)
            ratio = f"{title}, time of GAN.fit / of the loop by hand"
            self.assertIn((ratio, "ratio"), found)
