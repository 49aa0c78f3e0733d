import numpy as np

from keras_comic.data.borders import check_image
from keras_comic.data.borders import trim_box
from keras_comic.data.image_folders import list_images
from keras_comic.data.images import read_image
from tests.data.pages import draw_scene
from tests.data.pages import save_as_jpeg
from tests.test_case import SHARED
from tests.test_case import TestCase
from tests.test_case import photos
from tests.test_case import shared


def framed(picture, top, bottom, left, right, color):
    height, width = picture.shape[:2]
    result = np.empty((height + top + bottom, width + left + right, 3), "uint8")
    result[:] = color
    result[top : top + height, left : left + width] = picture
    return result


def noisy(image, deviation, seed=0):
    random = np.random.default_rng(seed)
    values = image + random.normal(0, deviation, image.shape)
    return np.clip(np.round(values), 0, 255).astype("uint8")


class BarsTest(TestCase):
    def assertBox(self, image, expected, atol=0):
        self.assertAllClose(trim_box(image), expected, atol=atol)

    def assertWhole(self, image, **arguments):
        height, width = image.shape[:2]
        self.assertEqual(trim_box(image, **arguments), (0, 0, height, width))

    def test_bars_of_any_colour(self):
        scene = draw_scene(90, 120)
        for color in ((0, 0, 0), (255, 255, 255), (30, 60, 200), (128,) * 3):
            letterbox = framed(scene, 20, 20, 0, 0, color)
            self.assertBox(letterbox, (20, 0, 90, 120))
            pillarbox = framed(scene, 0, 0, 40, 40, color)
            self.assertBox(pillarbox, (0, 40, 90, 120))
            frame = framed(scene, 5, 6, 7, 8, color)
            self.assertBox(frame, (5, 7, 90, 120))

    def test_jpeg_noise(self):
        for quality in (40, 75, 95):
            image = framed(draw_scene(101, 131), 21, 24, 13, 13, (0, 0, 0))
            self.assertBox(
                save_as_jpeg(image, quality), (21, 13, 101, 131), atol=2
            )

    def test_one_thin_bar(self):
        self.assertBox(
            framed(draw_scene(100, 120), 0, 0, 0, 9, (0, 0, 0)),
            (0, 0, 100, 120),
        )

    def test_one_deep_bar_may_be_the_sky(self):
        self.assertWhole(framed(draw_scene(80, 120), 40, 0, 0, 0, (255,) * 3))

    def test_large_pictures_to_the_pixel(self):
        scene = np.repeat(np.repeat(draw_scene(90, 180), 9, 0), 9, 1)
        image = framed(scene, 101, 101, 37, 41, (0, 0, 0))
        self.assertBox(image, (101, 37, 810, 1620), atol=1)

    def test_what_stays(self):
        self.assertWhole(draw_scene(90, 120))
        self.assertWhole(photos(32, 48, 3))
        for color in ((0, 0, 0), (255, 255, 255), (90, 140, 220)):
            self.assertWhole(np.full((40, 60, 3), color, "uint8"))
            self.assertWhole(noisy(np.full((40, 60, 3), color, "uint8"), 3))
        for shape in ((1, 1, 3), (2, 2, 3), (1, 9, 3), (3, 50, 3)):
            self.assertWhole(photos(*shape))
            self.assertWhole(np.zeros(shape, "uint8"))


class MarginsTest(TestCase):
    def disc(self, paper, seed=0):
        """A drawing in a circle of 60 pixels on a page of 160 x 120."""
        rows, columns = np.mgrid[:160, :120]
        disc = (rows - 80) ** 2 + (columns - 60) ** 2 < 45**2
        return np.where(
            disc[..., None], draw_scene(160, 120, seed), paper
        ).astype("uint8")

    def test_paper(self):
        for paper in ((255, 255, 255), (246, 240, 227), (215, 195, 155)):
            for deviation in (0, 2, 5):
                page = noisy(self.disc(paper), deviation)
                box = trim_box(page)
                self.assertAllClose(box, (36, 16, 89, 89), atol=2)

    def test_at_least_half_is_left(self):
        page = np.full((160, 120, 3), 255, "uint8")
        page[20:30, 100:110] = 0
        self.assertEqual(trim_box(page), (0, 60, 80, 60))


class HelpersTest(TestCase):
    def test_errors(self):
        for bad in (photos(8, 8), photos(8, 8, 4), np.zeros((8, 8, 3)), None):
            with self.assertRaisesRegex(
                ValueError, r"must be uint8 of shape .* Received: image\.dtype"
            ):
                trim_box(bad)
        with self.assertRaisesRegex(ValueError, r"shape=\(0, 8, 3\)"):
            check_image(np.zeros((0, 8, 3), "uint8"))


@shared
class SharedPicturesTest(TestCase):
    def trimmed(self, folder, every=1):
        names = set()
        for path in list_images(SHARED / "data" / folder)[::every]:
            image = read_image(path)
            if trim_box(image) != (0, 0, *image.shape[:2]):
                names.add(path.name)
        return names

    def test_photos_keep_what_they_show(self):
        self.assertEqual(self.trimmed("photos/eval"), set())
        self.assertEqual(self.trimmed("photos/large"), set())
        # These five stand between black bars.
        bars = {f"db_cat2_0{n}.jpg" for n in (0, 1, 4)}
        bars |= {"db_dog8_02.jpg", "db_pink_sunglasses_04.jpg"}
        folder = SHARED / "data" / "photos" / "train"
        for name in sorted(bars):
            top, left, height, width = trim_box(read_image(folder / name))
            self.assertLess(min(height, width) / max(height, width), 0.72)
