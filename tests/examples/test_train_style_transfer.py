import contextlib
import io

import keras_comic
from tests.cli.test_train import save_feature_network
from tests.cli.test_train import save_pictures
from tests.examples.test_demo import load_script
from tests.test_case import TestCase


class TrainStyleTransferTest(TestCase):
    def test_short_form(self):
        folder = self.temporary_folder()
        save_pictures(folder / "photos", 3)
        (folder / "photos" / "broken.jpg").write_bytes(b"no image")
        save_pictures(folder / "drawings" / "ink", 2, first_seed=3)
        save_pictures(folder / "drawings" / "wash", 2, first_seed=5)
        save_feature_network(folder / "features.npz")
        output = folder / "run"
        arguments = [
            *(str(folder / "photos"), str(folder / "drawings")),
            *("-o", str(output), "--features", str(folder / "features.npz")),
            *("--steps-per-epoch", "1", "--image-size", "32"),
            *("--batch-size", "2", "--steps"),
        ]
        script = load_script("train_style_transfer")
        # Two steps; then the same run, gone on with to a third.
        for steps in ("2", "3"):
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                script.main([*arguments, steps])
            self.assertRegex(printed.getvalue(), "Left out .*broken.jpg: ")
            self.assertRegex(printed.getvalue(), "Wrote .*preset: ink, wash")
        generator = keras_comic.from_preset(output / "preset")
        self.assertEqual(generator.style_names, ["ink", "wash"])
        keras_comic.verify_preset(output / "preset")
        self.assertTrue((output / "losses.png").is_file())
        self.assertEqual(
            sorted(path.name for path in (output / "samples").iterdir()),
            ["step-0000002.png", "step-0000003.png"],
        )
