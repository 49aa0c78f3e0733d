import collections

import numpy as np
from PIL import Image

from keras_comic.data.drawing_folder import DrawingFolder
from tests.data.pictures import drawing_with_box
from tests.data.pictures import save_flat
from tests.test_case import TestCase


def color_of(crop):
    return int(np.round((crop[0, 0, 0] + 1) * 127.5))


class DrawingFolderTest(TestCase):
    def test_evenly_over_labels(self):
        colors = {f"much/{i}.png": (i,) * 3 for i in range(20)}
        colors |= {f"few/{i}.png": (i,) * 3 for i in range(100, 103)}
        colors |= {"one/1.png": (200,) * 3}
        folder = save_flat(self.temporary_folder(), colors)
        drawings = DrawingFolder(folder)
        seen = [color_of(drawings.crop(n, 4, 0)) for n in range(60)]
        for first in range(0, 60, 3):
            group = sorted(seen[first : first + 3])
            self.assertLess(group[0], 20)
            self.assertIn(group[1], (100, 101, 102))
            self.assertEqual(group[2], 200)
        self.assertEqual(sorted(c for c in seen if c < 20), list(range(20)))
        few = collections.Counter(c for c in seen if 100 <= c < 110)
        self.assertLessEqual(max(few.values()) - min(few.values()), 1)

    def test_dict_and_list_of_folders(self):
        colors = {"a/train/1.png": (10,) * 3, "b/train/1.png": (20,) * 3}
        folder = save_flat(self.temporary_folder(), colors)
        folders = [folder / "a" / "train", folder / "b" / "train"]
        self.assertEqual(DrawingFolder(folders).labels, ["a", "b"])
        drawings = DrawingFolder({"y": folders[0], "x": folders[1]})
        self.assertEqual(drawings.labels, ["x", "y"])

    def test_crops(self):
        folder = self.temporary_folder()
        Image.fromarray(drawing_with_box((0, 0, 0), (0, 0, 9, 9))).save(
            folder / "a.png"
        )
        drawings = DrawingFolder(folder)
        crop = drawings.crop(3, 17, seed=0)
        self.assertShape(crop, (17, 17, 3))
        self.assertDType(crop, "float32")
        self.assertAllEqual(crop, DrawingFolder(folder).crop(3, 17, seed=0))
        self.assertNotAllClose(crop, drawings.crop(3, 17, seed=1))

    def test_blank_crops_are_drawn_again(self):
        for color in ((255, 255, 255), (246, 240, 227)):
            folder = self.temporary_folder()
            image = drawing_with_box(color, (0, 0, 96, 64), 96, 96)
            Image.fromarray(image).save(folder / "a.png")

            def light(drawings):
                crops = [drawings.crop(n, 24, 0) for n in range(50)]
                return np.mean([(c.min(-1) > 0.7).mean() for c in crops])

            any_crop = DrawingFolder(folder, (1, 1), 1.0, 1.0)
            self.assertGreater(light(any_crop), 0.6)
            self.assertLess(light(DrawingFolder(folder, (1, 1))), 0.35)

    def test_a_file_that_cannot_be_read(self):
        colors = {"a/1.png": (10,) * 3, "a/2.png": (20,) * 3}
        colors |= {"b/1.png": (30,) * 3}
        folder = save_flat(self.temporary_folder(), colors)
        (folder / "a" / "1.png").write_bytes(b"")
        drawings = DrawingFolder(folder)
        with self.assertWarnsRegex(UserWarning, r"Left out .*1\.png"):
            found = [color_of(drawings.crop(n, 4, 0)) for n in range(8)]
        self.assertEqual(sorted(found), [20] * 4 + [30] * 4)
        (folder / "b" / "1.png").write_bytes(b"")
        with self.assertWarnsRegex(UserWarning, r"Left out .*1\.png"):
            with self.assertRaisesRegex(ValueError, "No file of a label can"):
                [drawings.crop(n, 4, 0) for n in range(8)]

    def test_errors(self):
        with self.assertRaisesRegex(FileNotFoundError, "no such folder"):
            DrawingFolder("missing")
        with self.assertRaisesRegex(ValueError, "`white_fraction` must lie"):
            DrawingFolder(".", white_fraction=2)
        with self.assertRaisesRegex(ValueError, "`paper_fraction` must lie"):
            DrawingFolder(".", paper_fraction=-1)
        with self.assertRaisesRegex(ValueError, "`zoom` must be a pair"):
            DrawingFolder(".", zoom=(2, 1))
