import numpy as np

from keras_comic import losses
from tests.test_case import TestCase
from tests.test_case import compiled
from tests.test_case import noise

# Two pictures of two rows; in each, a region of three pixels and one of one.
IMAGES = np.float32([[[0, 3], [3, 8]], [[1, 1], [5, 1]]])[..., None]
REGIONS = np.int32([[[0, 0], [0, 1]], [[2, 2], [0, 2]]])


class RegionsTest(TestCase):
    def test_fill_by_hand(self):
        filled = losses.fill_regions(IMAGES, REGIONS, 3)
        self.assertDType(filled, "float32")
        self.assertAllClose(
            filled[..., 0], [[[2, 2], [2, 8]], [[1, 1], [5, 1]]]
        )
        # Regions of one number in two pictures are two regions; numbers may
        # be unused; channels go alone.
        both = np.concatenate([IMAGES, 2 * IMAGES], axis=-1)
        graph = compiled(
            lambda images, regions: losses.fill_regions(images, regions, 9)
        )
        for found in (
            graph(both, REGIONS),
            losses.fill_regions(both, REGIONS.astype("uint8"), 9),
        ):
            self.assertAllClose(found[..., :1], filled)
            self.assertAllClose(found[..., 1:], 2 * self.numpy(filled))

    def test_fill_of_scikit_image(self):
        from skimage.measure import regionprops

        images = noise(1, 12, 17, 3)
        regions = np.random.default_rng(1).integers(1, 9, (1, 12, 17))
        filled = self.numpy(losses.fill_regions(images, regions, 9))
        for region in regionprops(regions[0], images[0]):
            rows, columns = region.coords.T
            expected = np.tile(region.intensity_mean, (len(rows), 1))
            self.assertAllClose(filled[0, rows, columns], expected, atol=1e-5)

    def test_smoothing_by_hand(self):
        self.run_loss_test(
            lambda images: losses.region_smoothing_loss(
                images, np.tile(REGIONS[:1], (images.shape[0], 1, 1)), 2
            ),
            (np.concatenate([IMAGES[:1], 0 * IMAGES[:1] + 5]),),
            # (2 + 1 + 1 + 0) / 4.
            [1.0, 0.0],
        )

    def test_errors(self):
        for regions in (REGIONS[..., None], REGIONS[:, :1]):
            with self.assertRaisesRegex(
                ValueError,
                r"`regions` must be \(batch, height, width\) for `images` of "
                r".* Received: images.shape=\(2, 2, 2, 1\), regions.shape=\(2",
            ):
                losses.fill_regions(IMAGES, regions, 3)
        with self.assertRaisesRegex(
            ValueError,
            "`num_regions` must be a positive integer. Received: num_regions=0",
        ):
            losses.region_smoothing_loss(IMAGES, REGIONS, 0)
