import numpy as np
import scipy.ndimage

from keras_comic.metrics import EdgePreservation
from tests.metrics import make_golden
from tests.test_case import TestCase
from tests.test_case import noise


def measured(photos, fake_comics):
    metric = EdgePreservation()
    metric.update_state(photos, fake_comics)
    return metric.report().value


def by_scipy(photo, comic):
    sizes = []
    for picture in (photo, comic):
        gray = picture.astype("float64") @ [0.299, 0.587, 0.114]
        gradient = np.hypot(
            scipy.ndimage.sobel(gray, 0), scipy.ndimage.sobel(gray, 1)
        )
        sizes.append(gradient[1:-1, 1:-1].ravel())
    return np.corrcoef(*sizes)[0, 1]


class EdgePreservationTest(TestCase):
    def test_scipy(self):
        photos, comics = (
            np.float32(make_golden.images(name, 2, 40, 52) / 127.5 - 1.0)
            for name in ("photos", "comics")
        )
        for share in (1.0, 0.3):
            mixed = (1.0 - share) * photos + share * comics
            expected = [by_scipy(*pair) for pair in zip(photos, mixed)]
            self.assertAllClose(
                measured(photos, mixed), np.mean(expected), atol=1e-4
            )

    def test_what_does_not_matter(self):
        photos = noise(2, 16, 16, 3)
        for other in (photos, 0.3 * photos + 0.2, -0.5 * photos):
            self.assertAllClose(measured(photos, other), 1.0, atol=1e-4)

    def test_flat_images(self):
        flat, other = np.zeros((1, 8, 8, 3)), noise(1, 8, 8, 3)
        self.assertEqual(measured(flat, flat + 0.5), 1.0)
        self.assertEqual(measured(flat, other), 0.0)
        self.assertEqual(measured(other, flat), 0.0)

    def test_errors(self):
        with self.assertRaisesRegex(ValueError, "at least 3 pixels"):
            measured(noise(1, 2, 8, 3), noise(1, 2, 8, 3))
