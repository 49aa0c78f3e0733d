import contextlib
import io

import numpy as np
import pytest
from PIL import Image

from keras_comic.serving.server import ModelServer
from keras_comic.video.frame_sink import write_frames
from tests.data.videos import scene
from tests.examples.test_demo import load_script
from tests.serving.small_saved_model import small_saved_model
from tests.test_case import TestCase
from tests.test_case import photos


@pytest.fixture(scope="class")
def server(request):
    request.cls.generator, folder = small_saved_model()
    with ModelServer({"comic": folder.parent}, port=0) as running:
        request.cls.addresses = (running.url,)
        yield


@pytest.mark.usefixtures("server")
class ServingClientTest(TestCase):
    def setUp(self):
        self.script = load_script("serving_client")
        self.script.SIDE = 40
        self.folder = self.temporary_folder()

    def run_script(self, *arguments):
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            self.script.main([str(a) for a in arguments])
        return output.getvalue()

    def test_sample(self):
        for number, address in enumerate(self.addresses):
            folder = self.folder / str(number)
            said = self.run_script(address, "-o", folder)
            self.assertIn("wash: ", said)
            found = {
                path.stem: np.asarray(Image.open(path))
                for path in folder.iterdir()
            }
            self.assertEqual(sorted(found), ["ink", "mix", "wash"])
            photo = self.script.data.astronaut()[:40, 64:104]
            expected = self.generator.stylize(photo, "wash")
            difference = np.abs(found["wash"].astype(int) - expected)
            self.assertLessEqual(difference.max(), 1)

    def test_folder(self):
        (self.folder / "in").mkdir()
        for k in range(3):
            path = self.folder / "in" / f"{k}.png"
            Image.fromarray(photos(32, 40, 3, seed=k)).save(path)
        (self.folder / "in" / "3.jpg").write_bytes(b"broken")
        said = self.run_script(
            self.addresses[0],
            *("--photos", self.folder / "in"),
            *("-o", self.folder / "out"),
            *("--style", "wash"),
        )
        self.assertIn("4 of 4\nWrote 3 comics", said)
        self.assertIn("3.jpg: ", said)
        self.assertEqual(len(list((self.folder / "out").iterdir())), 3)

    def test_video(self):
        frames = scene(4, 0)
        write_frames(frames, self.folder / "in.mkv", 25, codec="ffv1")
        said = self.run_script(
            self.addresses[0],
            *("--video", self.folder / "in.mkv"),
            *("-o", self.folder / "out.mkv"),
        )
        self.assertIn("Wrote 4 frames", said)
        self.assertTrue((self.folder / "out.mkv").is_file())
