import numpy as np
from skimage import color

from keras_comic.models.photo_color import keep_photo_color
from tests.test_case import TestCase
from tests.test_case import compiled
from tests.test_case import photos


def mean_chroma(picture):
    """Means of a and b of CIELAB of a picture in `[0, 255]`."""
    from skimage import color

    return color.rgb2lab(picture / 255.0)[..., 1:].mean(axis=(0, 1))


class KeepPhotoColorTest(TestCase):
    def kept(self, comics, pictures):
        arrays = [x.astype("float32") for x in (comics, pictures)]
        return self.numpy(keep_photo_color(*arrays))

    def test_pictures_of_a_batch_are_apart(self):
        comics = np.stack([photos(32, 33, 3, seed=s) for s in range(3)])
        comics[1] = 255
        pictures = photos(3, 32, 33, 3, seed=9) // 2 + 60
        together = self.kept(comics, pictures)
        for i in range(3):
            alone = self.kept(comics[i : i + 1], pictures[i : i + 1])
            self.assertAllClose(alone[0], together[i], atol=0.02, rtol=0.0)

    def test_in_a_graph(self):
        comics, pictures = photos(2, 32, 33, 3), photos(2, 32, 33, 3, seed=1)
        arrays = [x.astype("float32") for x in (comics, pictures)]
        self.assertAllClose(
            compiled(keep_photo_color)(*arrays),
            self.kept(comics, pictures),
            atol=0.02,
            rtol=0.0,
        )

    def test_lightness_of_the_comic_and_chroma_of_the_photo(self):
        # Grey comics of middle lightness hold any moderate chroma.
        comics = np.random.uniform(110.0, 140.0, (2, 32, 33, 1))
        comics = np.repeat(comics, 3, axis=-1)
        pictures = photos(2, 32, 33, 3) // 4 + 100
        kept = self.kept(comics, pictures)
        self.assertShape(kept, comics.shape)
        self.assertDType(kept, "float32")
        found = color.rgb2lab(kept / 255.0)
        self.assertAllClose(
            found[..., 0],
            color.rgb2lab(comics / 255.0)[..., 0],
            atol=0.05,
            rtol=0.0,
        )
        self.assertAllClose(
            found[..., 1:],
            color.rgb2lab(pictures / 255.0)[..., 1:],
            atol=0.5,
            rtol=0.0,
        )

    def test_means_whatever_the_comic(self):
        red = np.tile(np.uint8([200, 40, 30]), (1, 32, 32, 1))
        for comic in (0.0, 20.0, 128.0, 250.0, 255.0):
            comics = np.full((1, 32, 32, 3), comic)
            for pictures in (red, photos(1, 32, 32, 3)):
                kept = self.kept(comics, pictures)
                self.assertGreaterEqual(kept.min(), 0.0)
                self.assertLessEqual(kept.max(), 255.0)
                self.assertAllClose(
                    mean_chroma(kept[0]),
                    mean_chroma(pictures[0]),
                    atol=1.01,
                    rtol=0.0,
                )
