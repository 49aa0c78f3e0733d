import contextlib
import io
import runpy

import pytest

from tests.data.pictures import save_noise
from tests.data.videos import save_video
from tests.data.videos import scene
from tests.test_case import ROOT
from tests.test_case import SHARED
from tests.test_case import TestCase
from tests.test_case import shared

pytest.importorskip("tensorflow")

from keras_comic.data.inspection import inspect_records  # noqa: E402


class StorybookTest(TestCase):
    def build(self, data):
        """The number of failures, what was printed, and the records."""
        output = self.temporary_folder()
        recipe = runpy.run_path(str(ROOT / "tfrecords" / "storybook.py"))
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            failures = recipe["build"](data, output)
        found = {
            kind: inspect_records(output / kind, verify=True)
            for kind in ("photos", "comics", "clips")
        }
        return failures, printed.getvalue().splitlines(), found

    def test_small(self):
        data = self.temporary_folder()
        names = ["photos/train/a.jpg", "drawings/ink/train/b.png"]
        names += ["drawings/wash/train/c.png", "photos/eval/d.png"]
        save_noise(data, *names, height=72, width=80)
        (data / "drawings/wash/train/e.png").write_text("No picture.")
        (data / "clips").mkdir()
        save_video(data / "clips" / "walk.mp4", scene(17, seed=0))
        (data / "MANIFEST.csv").write_text(
            "file,source,licence\nphotos/train/a.jpg,me,CC0\n"
            "drawings/ink/train/b.png,she,CC0\n"
        )
        failures, lines, found = self.build(data)
        self.assertEqual(failures, 1)
        self.assertEqual(lines[0], "photos: photos, 1 records")
        self.assertEqual(lines[1], "comics: ink, 1 records")
        self.assertEqual(lines[2], "comics: wash, 1 records")
        self.assertRegex(lines[3], "left out: .*e.png: not an image: ")
        self.assertEqual(lines[4], "clips: clips, 2 records")
        self.assertEqual(found["photos"].licenses, {"CC0": 1})
        self.assertEqual([f.problems for f in found.values()], [[]] * 3)

    @pytest.mark.slow
    @shared
    def test_shared_data(self):
        failures, lines, found = self.build(SHARED / "data")
        self.assertEqual(failures, 0)
        self.assertEqual(
            {kind: f.labels for kind, f in found.items()},
            {
                "photos": {"photos": 1728},
                "comics": {
                    "denslow": 116,
                    "neill": 166,
                    "peppercarrot": 203,
                    "volland": 84,
                    "wright": 138,
                },
                "clips": {"clips": 48},
            },
        )
        self.assertNotIn("", found["photos"].licenses)
        self.assertNotIn("", found["comics"].licenses)
        self.assertEqual([f.problems for f in found.values()], [[]] * 3)
        self.assertEqual(sum("left out" in line for line in lines), 3)
