import numpy as np
from absl.testing import parameterized
from PIL import Image
from scipy import ndimage

from keras_comic.data.superpixels import merge_segments
from keras_comic.data.superpixels import superpixels
from tests.test_case import SHARED
from tests.test_case import TestCase
from tests.test_case import photos
from tests.test_case import shared


def quarters(*colors, side=16):
    """Four squares: upper left, upper right, lower left, lower right."""
    image = np.zeros((2 * side, 2 * side, 3), "uint8")
    image[:side, :side], image[:side, side:] = colors[:2]
    image[side:, :side], image[side:, side:] = colors[2:]
    return image


def numbers_of(image):
    """The place of each pixel's color among the colors of an image."""
    codes = image.astype("int64") @ [1, 256, 65536]
    return np.unique(codes, return_inverse=True)[1].reshape(codes.shape)


RED, GREEN, BLUE, WHITE = [200, 0, 0], [0, 200, 0], [0, 0, 200], [255] * 3


class SuperpixelsTest(TestCase, parameterized.TestCase):
    @parameterized.product(
        method=["felzenszwalb", "slic"], color=["adaptive", "mean"]
    )
    def test_flat_areas_stay(self, method, color):
        # SLIC's segments need not end where the squares do: flat images.
        image = quarters(*[[30, 60, 200]] * 4)
        if method == "felzenszwalb":
            image = quarters(RED, GREEN, BLUE, WHITE)
        self.assertAllEqual(superpixels(image, method, color, 4), image)

    @parameterized.parameters("felzenszwalb", "slic")
    def test_mean(self, method):
        image = photos(24, 40, 3)
        flat = superpixels(image, method, "mean", num_segments=1)
        mean = np.floor(image.mean((0, 1)) + 0.5)
        self.assertAllEqual(flat, np.broadcast_to(mean, image.shape))

    # A quarter of the pixels is 2 * step / 0.75 ** 0.5 off the rest: the
    # standard deviation is 3 ** 0.5 / 4 of the difference.
    @parameterized.parameters(
        ([40] * 3, 110),  # Deviation 17: the mean, 100 + 10.
        ([80] * 3, 110),  # 35: half of the mean of 120 and the median of 100.
        ([120] * 3, 100),  # 52: the median.
    )
    def test_adaptive(self, difference, expected):
        image = np.full((24, 24, 3), 100, "uint8")
        image[::2, ::2] += np.array(difference, "uint8")
        flat = superpixels(image, num_segments=1)
        self.assertAllEqual(flat, np.full_like(image, expected))

    def test_deviation_is_within_channels(self):
        # A saturated color is even, however far its channels are apart.
        image = np.full((24, 24, 3), [250, 10, 100], "uint8")
        image[::2, ::2, 1] += 40
        self.assertAllEqual(
            superpixels(image, num_segments=1)[0, 0], [250, 20, 100]
        )

    def test_median_is_numpy(self):
        image = photos(15, 20, 3)
        for part in (image, image[:, :19], image[:1, :2]):
            self.assertAllEqual(
                superpixels(part, num_segments=1)[0, 0],
                np.floor(np.median(part, axis=(0, 1)) + 0.5),
            )

    def test_at_most_so_many(self):
        # Each segment of 50 pixels is a square of noise here.
        image = photos(8, 12, 3).repeat(8, axis=0).repeat(8, axis=1)
        for num_segments in (1, 5, 40):
            flat = superpixels(image, num_segments=num_segments, color="mean")
            segments = numbers_of(flat)
            self.assertEqual(segments.max() + 1, num_segments)
            for segment in range(num_segments):
                self.assertEqual(
                    ndimage.label(segments == segment, np.ones((3, 3)))[1], 1
                )

    def test_default_number(self):
        # 66 * 66 / 327.68 is 13.3.
        image = photos(11, 11, 3).repeat(6, axis=0).repeat(6, axis=1)
        flat = superpixels(image, color="mean")
        self.assertLen(np.unique(flat.reshape(-1, 3), axis=0), 13)

    def test_slic_number(self):
        image = photos(4, 4, 3).repeat(16, axis=0).repeat(16, axis=1)
        image = image // 2 + photos(64, 64, 3) // 16
        flat = superpixels(image, "slic", "mean", num_segments=16)
        count = len(np.unique(flat.reshape(-1, 3), axis=0))
        self.assertBetween(count, 9, 20)

    @parameterized.product(
        size=[(1, 1), (1, 9), (9, 1), (2, 2), (17, 33)],
        method=["felzenszwalb", "slic"],
        num_segments=[None, 1, 5],
    )
    def test_sizes(self, size, method, num_segments):
        image = photos(*size, 3)
        flat = superpixels(image, method, num_segments=num_segments)
        self.assertEqual(flat.shape, image.shape)
        self.assertEqual(flat.dtype, "uint8")

    @parameterized.parameters("felzenszwalb", "slic")
    def test_is_deterministic(self, method):
        image = photos(40, 60, 3)
        once = superpixels(image, method)
        self.assertAllEqual(superpixels(image.copy(), method), once)
        # A view of a larger image too.
        whole = np.zeros((50, 70, 3), "uint8")
        whole[5:45, 5:65] = image
        self.assertAllEqual(superpixels(whole[5:45, 5:65], method), once)

    @parameterized.parameters(
        (dict(method="watershed"), '"felzenszwalb" or "slic".*watershed'),
        (dict(color="median"), '"adaptive" or "mean".* color=median'),
        (dict(num_segments=0), "num_segments=0"),
    )
    def test_bad_arguments(self, arguments, message):
        with self.assertRaisesRegex(ValueError, message):
            superpixels(photos(8, 8, 3), **arguments)

    def test_bad_image(self):
        with self.assertRaisesRegex(ValueError, "uint8 of shape"):
            superpixels(photos(8, 8))

    @shared
    def test_photos(self):
        for path in sorted(SHARED.glob("data/photos/eval/*.jpg"))[:3]:
            with Image.open(path) as image:
                image = np.asarray(image.convert("RGB"))[:128, :128]
            for method in ("felzenszwalb", "slic"):
                flat = superpixels(image, method)
                count = len(np.unique(flat.reshape(-1, 3), axis=0))
                self.assertBetween(count, 10, 60)
                # Like the picture, and flatter.
                error = flat.astype(float) - image
                self.assertLess(error.std(), 0.8 * image.std(), path)
                even = (np.diff(flat.astype(int), axis=1) == 0).all(-1)
                self.assertGreater(even.mean(), 0.7, path)


class MergeSegmentsTest(TestCase, parameterized.TestCase):
    def test_few_stay(self):
        labels = np.repeat(np.arange(4), 4)[None].repeat(4, axis=0)
        image = photos(4, 16, 3)
        self.assertAllEqual(merge_segments(image, labels, 4), labels)

    def test_most_similar_colors(self):
        # The upper two have a color in common.
        image = quarters(RED, RED, BLUE, WHITE)
        labels = numbers_of(quarters(RED, GREEN, BLUE, WHITE))
        merged = merge_segments(image, labels, 3)
        self.assertEqual(merged.max(), 2)
        self.assertLen(np.unique(merged[:16]), 1)
        self.assertLen(np.unique(merged[16:]), 2)

    def test_only_neighbours(self):
        # Like ones, but not beside each other: the smaller ones go first.
        image = np.zeros((4, 60, 3), "uint8")
        labels = np.zeros((4, 60), "int64")
        for number, (start, stop, color) in enumerate(
            [(0, 10, RED), (10, 40, GREEN), (40, 45, BLUE), (45, 60, RED)]
        ):
            image[:, start:stop] = color
            labels[:, start:stop] = number
        merged = merge_segments(image, labels, 3)
        self.assertNotEqual(merged[0, 0], merged[0, 59])
        self.assertEqual(merged[0, 42], merged[0, 59])

    def test_best_fill(self):
        # All of one color and size: the two whose box has no gap.
        image = np.zeros((16, 16, 3), "uint8")
        labels = np.zeros((16, 16), "int64")
        labels[:8, 8:] = 1
        labels[8:, 4:12] = 2
        labels[8:, 12:] = 3
        labels[8:, :4] = 3
        merged = merge_segments(image, labels, 3)
        self.assertEqual(merged[0, 0], merged[0, 15])

    def test_down_to_one(self):
        labels = numbers_of(photos(12, 12, 3))
        merged = merge_segments(photos(12, 12, 3), labels, 1)
        self.assertAllEqual(merged, np.zeros((12, 12)))
