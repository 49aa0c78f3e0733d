import numpy as np
from PIL import Image

from keras_comic.models import AdaINGenerator
from keras_comic.training import GAN
from keras_comic.training import SampleGrid
from tests.test_case import TestCase
from tests.test_case import photos
from tests.tiny_families import TinyCodes
from tests.tiny_families import TinyComic
from tests.tiny_families import TinyPainter
from tests.training.small_gan import make_small_gan


class SampleGridTest(TestCase):
    def setUp(self):
        self.folder = self.temporary_folder() / "run" / "samples"
        self.generator = AdaINGenerator.light((4, 8, 4, 4), 1, 8)
        self.photos = [photos(32, 48, 3), photos(70, 64, 3, seed=1)]
        self.drawing = photos(32, 32, 3, seed=2)

    def test_every_picture_is_where_it_should_be(self):
        self.generator.add_style("named", self.drawing[:, ::-1])
        styles = {"ink": self.drawing, "a named one": "named"}
        samples = SampleGrid(self.folder, self.photos, styles, image_size=32)
        # The largest square in the middle.
        self.assertAllEqual(samples.photos[0], self.photos[0][:, 8:40])
        sheet = samples.draw(self.generator)
        self.assertDType(sheet, "uint8")
        # Three rows of 20 pixels for a label and 32 of pictures, three columns
        # of pictures, and 8 pixels around everything.
        self.assertShape(sheet, (8 + 3 * (20 + 32 + 8), 8 + 3 * (32 + 8), 3))
        comics = self.generator.stylize(samples.photos, self.drawing)
        named_comics = self.generator.stylize(samples.photos, "named")
        expected = [
            [None, *samples.photos],
            [self.drawing, *comics],
            [None, *named_comics],
        ]
        for row, pictures in enumerate(expected):
            for column, picture in enumerate(pictures):
                top, left = 28 + 60 * row, 8 + 40 * column
                found = sheet[top : top + 32, left : left + 32]
                if picture is None:
                    picture = np.full((32, 32, 3), 255, "uint8")
                self.assertAllEqual(found, picture)
        # Black letters above each style, and nothing above the photos.
        self.assertLess(sheet[68:88].min(), 100)
        self.assertLess(sheet[128:148].min(), 100)
        self.assertEqual(sheet[:28].min(), 255)

    def test_files_of_a_training(self):
        gan = GAN(self.generator, make_small_gan().discriminator)
        # The averaged generator is what is drawn.
        for variable in gan.generator.trainable_variables:
            variable.assign(variable + 0.1)
        samples = SampleGrid(
            self.folder, self.photos, {"ink": self.drawing}, 2, image_size=32
        )
        samples.set_model(gan)
        samples.on_train_begin()
        samples.on_epoch_begin(0)
        for batch in range(3):
            gan.step_counter.assign(batch + 1)
            samples.on_train_batch_end(batch, {})
        samples.on_train_end()
        self.assertEqual(
            sorted(path.name for path in self.folder.iterdir()),
            ["step-0000002.png", "step-0000003.png"],
        )
        with Image.open(self.folder / "step-0000003.png") as sheet:
            sheet = np.asarray(sheet)
        self.assertAllEqual(sheet, samples.draw(gan.ema_generator))
        self.assertNotAllClose(sheet, samples.draw(gan.generator))

    def test_generators_of_other_kinds(self):
        samples = SampleGrid(self.folder, self.photos, image_size=32)
        sheet = samples.draw(TinyComic())
        self.assertShape(sheet, (8 + 2 * 60, 8 + 3 * 40, 3))
        comics = TinyComic().stylize(samples.photos)
        for column, comic in enumerate(comics, start=1):
            left = 8 + 40 * column
            self.assertAllEqual(sheet[88:120, left : left + 32], comic)
        # A painter without a style cannot draw; with one it can.
        styles = {"ink": self.drawing}
        samples = SampleGrid(self.folder, self.photos, styles, image_size=32)
        self.assertShape(samples.draw(TinyPainter()), sheet.shape)
        # Pictures of codes, as many as there are photos and styles.
        drawn = samples.draw(TinyCodes())
        pictures = TinyCodes().generate(2, seed=0)
        self.assertShape(drawn, (8 + 60, 8 + 3 * 40, 3))
        self.assertAllEqual(drawn[28:60, 48:80], pictures[0])

    def test_errors(self):
        photo = self.photos[0]
        for pictures, kwargs, message in (
            ([], {}, "Received: 0 photos"),
            ([photo / 255.0], {}, r"shape=\(32, 48, 3\), dtype=float64"),
            (["photo.jpg"], {}, r"must be uint8 .* shape=\(\), dtype=None"),
            ([photo], {"image_size": 31}, "32 pixels. Received: image_size=31"),
        ):
            with self.assertRaisesRegex(ValueError, message):
                SampleGrid(self.folder, pictures, **kwargs)
