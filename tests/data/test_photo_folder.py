import numpy as np

from keras_comic.data.photo_folder import PhotoFolder
from tests.data.pictures import save_flat
from tests.data.pictures import save_noise
from tests.test_case import TestCase


class PhotoFolderTest(TestCase):
    def test_crops(self):
        folder = save_noise(self.temporary_folder(), "a.png", "b.jpg")
        photos = PhotoFolder(folder)
        crop = photos.crop(3, 17, seed=0)
        self.assertShape(crop, (17, 17, 3))
        self.assertDType(crop, "float32")
        self.assertGreaterEqual(crop.min(), -1.0)
        self.assertLessEqual(crop.max(), 1.0)
        self.assertAllEqual(crop, PhotoFolder(folder).crop(3, 17, seed=0))
        self.assertNotAllClose(crop, photos.crop(3, 17, seed=1))
        self.assertNotAllClose(crop, photos.crop(5, 17, seed=0))

    def test_each_photo_once_in_a_round(self):
        colors = {f"{i}.png": (i, i, i) for i in range(10)}
        photos = PhotoFolder(save_flat(self.temporary_folder(), colors))
        seen = [
            int(np.round((photos.crop(n, 4, 0)[0, 0, 0] + 1) * 127.5))
            for n in range(30)
        ]
        rounds = [seen[:10], seen[10:20], seen[20:]]
        for numbers in rounds:
            self.assertEqual(sorted(numbers), list(range(10)))
        self.assertNotEqual(rounds[0], rounds[1])
        self.assertNotEqual(rounds[1], rounds[2])

    def test_files_that_cannot_be_read(self):
        colors = {f"{i}.png": (i, i, i) for i in range(5)}
        folder = save_flat(self.temporary_folder(), colors)
        (folder / "5.jpg").write_text("No picture.")
        photos = PhotoFolder(folder, max_corrupt=1)
        with self.assertWarnsRegex(UserWarning, r"Left out .*5\.jpg: "):
            for number in range(12):
                photos.crop(number, 8, 0)
        (folder / "3.png").write_bytes(b"")
        with self.assertRaisesRegex(
            ValueError, r"More than 1 cannot be read: .*Received: .*3\.png"
        ):
            for number in range(12):
                photos.crop(number, 8, 0)
