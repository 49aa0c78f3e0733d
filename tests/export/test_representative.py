import numpy as np
from absl.testing import parameterized
from PIL import Image

from keras_comic.data import write_records
from keras_comic.export.representative import representative_inputs
from keras_comic.export.representative import representative_photos
from tests.export.small_generator import make_generator
from tests.test_case import TestCase
from tests.test_case import photos


class RepresentativeTest(parameterized.TestCase, TestCase):
    def folder(self):
        folder = self.temporary_folder() / "photos"
        folder.mkdir()
        for number in range(5):
            picture = photos(40 + number, 50, 3, seed=number)
            Image.fromarray(picture).save(folder / f"{number}.png")
        return folder

    def test_folder_and_records_are_alike(self):
        folder = self.folder()
        records = folder.parent / "records"
        write_records(folder, records, "photos", num_workers=1)
        found = representative_photos(folder, (32, 36), 10)
        self.assertLen(found, 5)
        for photo in found:
            self.assertShape(photo, (1, 32, 36, 3))
            self.assertDType(photo, "float32")
            self.assertLessEqual(np.abs(photo).max(), 1.0)
        shard = str(next(records.glob("*.tfrecord")))
        for source in (records, str(records), shard, [shard]):
            read = representative_photos(source, (32, 36), 10)
            self.assertEqual(
                sorted(float(p.sum()) for p in read),
                sorted(float(p.sum()) for p in found),
            )

    def test_middle_of_pictures(self):
        picture = np.zeros((32, 96, 3), "uint8")
        picture[:, 32:64] = 255
        (photo,) = representative_photos([picture], (32, 32), 4)
        self.assertAllEqual(photo, np.ones((1, 32, 32, 3)))
        # Where it is too small, it is enlarged.
        (photo,) = representative_photos([picture], (64, 70), 4)
        self.assertShape(photo, (1, 64, 70, 3))

    def test_spread(self):
        pictures = [np.full((32, 32, 3), n, "uint8") for n in range(10)]
        found = representative_photos(pictures, (32, 32), 3)
        values = [round(float(p[0, 0, 0, 0] + 1) * 127.5) for p in found]
        self.assertEqual(values, [0, 3, 6])

    def test_with_styles(self):
        pictures = [photos(32, 32, 3, seed=seed) for seed in range(3)]
        generator = make_generator(num_styles=2)
        inputs = representative_inputs(generator, pictures, (32, 32))
        names = ["style 0", "style 1", "style 0"]
        for (photo, style), name in zip(inputs, names, strict=True):
            self.assertShape(photo, (1, 32, 32, 3))
            self.assertAllEqual(style, generator.style_vector(name))
        generator = make_generator(num_styles=0)
        for photo, style in representative_inputs(
            generator, pictures, (32, 32)
        ):
            self.assertAllEqual(style, generator.encode_style(photo))

    def test_errors(self):
        with self.assertRaisesRegex(ValueError, r"representative=\[\]"):
            representative_photos([], (32, 32), 4)
        with self.assertRaisesRegex(FileNotFoundError, "no_such"):
            representative_photos("no_such", (32, 32), 4)
        with self.assertRaisesRegex(FileNotFoundError, "no_such"):
            representative_photos("no_such.tfrecord", (32, 32), 4)
        with self.assertRaisesRegex(ValueError, "`representative` must be"):
            representative_photos([np.zeros((32, 32))], (32, 32), 4)
