import numpy as np
from keras import ops
from skimage import color

from keras_comic.metrics import ColorDistance
from keras_comic.metrics.color_distance import ciede2000
from tests.test_case import TestCase
from tests.test_case import noise

# Pairs of colours and their differences from table 1 of Sharma et al., 2005:
# those at hues where implementations go wrong.
PUBLISHED = np.array(
    [
        [50.0, 2.6772, -79.7751, 50.0, 0.0, -82.7485, 2.0425],
        [50.0, 3.1571, -77.2803, 50.0, 0.0, -82.7485, 2.8615],
        [50.0, -1.3802, -84.2814, 50.0, 0.0, -82.7485, 1.0],
        [50.0, 0.0, 0.0, 50.0, -1.0, 2.0, 2.3669],
        [50.0, 2.49, -0.001, 50.0, -2.49, 0.0009, 7.1792],
        [50.0, 2.49, -0.001, 50.0, -2.49, 0.0011, 7.2195],
        [50.0, -0.001, 2.49, 50.0, 0.0009, -2.49, 4.8045],
        [50.0, -0.001, 2.49, 50.0, 0.0011, -2.49, 4.7461],
        [50.0, 2.5, 0.0, 50.0, 0.0, -2.5, 4.3065],
        [50.0, 2.5, 0.0, 73.0, 25.0, -18.0, 27.1492],
        [50.0, 2.5, 0.0, 50.0, 3.2592, 0.335, 1.0],
        [60.2574, -34.0099, 36.2677, 60.4626, -34.1751, 39.4387, 1.2644],
        [22.7233, 20.0904, -46.694, 23.0331, 14.973, -42.5619, 2.0373],
        [2.0776, 0.0795, -1.135, 0.9033, -0.0636, -0.5514, 0.9082],
    ]
)


class ColorDistanceTest(TestCase):
    def test_published_values(self):
        lab, other = (
            ops.convert_to_tensor(PUBLISHED[:, start : start + 3], "float32")
            for start in (0, 3)
        )
        expected = PUBLISHED[:, 6]
        self.assertAllClose(ciede2000(lab, other), expected, atol=2e-4)
        self.assertAllClose(ciede2000(other, lab), expected, atol=2e-4)

    def test_scikit_image(self):
        photos, comics = noise(3, 8, 8, 3), noise(3, 8, 8, 3, seed=1)
        comics[0] = photos[0]
        comics[1] = 0.9 * photos[1]
        comics[2, 0] = comics[2, 0].mean(-1, keepdims=True)
        metric = ColorDistance()
        metric.update_state(photos[:2], comics[:2])
        metric.update_state(photos[2:], comics[2:])
        expected = color.deltaE_ciede2000(
            *(
                color.rgb2lab((images.astype("float64") + 1.0) / 2.0)
                for images in (photos, comics)
            )
        )
        self.assertAllClose(metric.result(), expected.mean(), rtol=1e-4)

    def test_equal_and_gray(self):
        metric = ColorDistance()
        metric.update_state(noise(2, 8, 8, 3), noise(2, 8, 8, 3))
        self.assertAllClose(metric.result(), 0.0, atol=1e-5)
        metric.reset_state()
        gray = np.zeros((1, 8, 8, 3), "float16")
        metric.update_state(gray, gray - 1.0)
        self.assertFinite(metric.result())
