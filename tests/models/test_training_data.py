from keras_comic.models import TrainingData
from tests.models.test_preset_training import write_pictures
from tests.test_case import TestCase
from tests.test_case import requires_tensorflow

OPTIONS = {
    "image_size": 16,
    "batch_size": 2,
    "seed": 0,
    "zoom": (0.6, 1.0),
    "max_blank": (0.75, 0.4),
    "identity_fraction": 0.0,
}


class TrainingDataTest(TestCase):
    def setUp(self):
        self.folder = self.temporary_folder()
        write_pictures(self.folder)
        self.drawings = self.folder / "drawings"
        self.photos = self.folder / "photos"

    def test_labels(self):
        ink, wash = self.drawings / "ink", self.drawings / "wash"
        expected = {
            "ink": [ink / "a.jpg", ink / "b.jpg"],
            "wash": [wash / "a.jpg"],
        }
        data = TrainingData("comics", self.drawings)
        self.assertEqual(data.labelled_drawings(), expected)
        data = TrainingData("comics", {"one": ink, "two": wash})
        self.assertEqual(
            data.labelled_drawings(),
            {"one": expected["ink"], "two": expected["wash"]},
        )

    @requires_tensorflow
    def test_batches_of_every_kind(self):
        (self.drawings / "ink" / "broken.jpg").write_bytes(b"no picture")
        pairs = self.folder / "pairs"
        for name in ("photos", "comics"):
            write_pictures(pairs / name)
        folders = {
            "style_transfer": (self.drawings, self.photos),
            "unpaired": (self.drawings, [self.photos]),
            "comics": (self.drawings, None),
            "photos": (None, self.photos),
            "paired": (pairs, None),
        }
        for kind, (drawings, photos) in folders.items():
            data = TrainingData(kind, drawings, photos)
            batches = data.batches(self.folder / kind, OPTIONS, 0)
            batch = next(iter(batches))
            if kind in ("comics", "photos"):
                self.assertShape(batch, (2, 16, 16, 3))
                continue
            other = "style_images" if kind == "style_transfer" else "comics"
            self.assertEqual(sorted(batch), sorted(["photos", other]))
            self.assertShape(batch["photos"], (2, 16, 16, 3))
            self.assertEqual(len(data.failures), int(kind != "paired"))

    def test_squares(self):
        data = TrainingData("style_transfer", self.drawings, self.photos)
        squares = data.squares(32, 2)
        for pictures in squares:
            self.assertEqual(len(pictures), 2)
            self.assertShape(pictures[0], (32, 32, 3))
            self.assertEqual(pictures[0].dtype, "uint8")
        self.assertEqual(data.describe()["photos"][:18], "3 files, checksum ")

    def test_errors(self):
        with self.assertRaisesRegex(ValueError, "one of .*Received: kind='a'"):
            TrainingData("a")
        with self.assertRaisesRegex(ValueError, "'photos' takes no drawings"):
            TrainingData("photos", "a", "b")
        with self.assertRaisesRegex(ValueError, "'unpaired' takes photos"):
            TrainingData("unpaired", "a")
