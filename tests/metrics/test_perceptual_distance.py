import numpy as np

from keras_comic.metrics import PerceptualDistance
from keras_comic.models.features.layered_network import IMAGENET_MEAN_BGR
from keras_comic.models.features.squeeze_net_features import SqueezeNetFeatures
from tests.metrics import make_golden
from tests.metrics.golden import golden
from tests.test_case import TestCase
from tests.test_case import noise

# LPIPS shifts and scales its inputs by these, RGB.
LPIPS_SHIFT = np.array([-0.030, -0.088, -0.188])
LPIPS_SCALE = np.array([0.458, 0.448, 0.450])


def lpips_network():
    """SqueezeNet with the weights of the golden numbers.

    Its first convolution takes BGR in [0, 255] minus ImageNet's mean instead of
    LPIPS's scaled RGB: which is another kernel and bias.
    """
    network = SqueezeNetFeatures()
    (kernel, bias), *others = make_golden.squeeze_net().values()
    kernel = kernel.astype("float64").transpose(2, 3, 1, 0)
    mean = np.array(IMAGENET_MEAN_BGR)[::-1]
    offset = (mean / 127.5 - 1.0 - LPIPS_SHIFT) / LPIPS_SCALE
    bias = bias + np.einsum("hwio,i->o", kernel, offset)
    kernel = kernel / (127.5 * LPIPS_SCALE)[:, None]
    network.first.set_weights([kernel[:, :, ::-1], bias])
    layers = [layer for fire in network.fires for layer in fire]
    for layer, (kernel, bias) in zip(layers, others, strict=True):
        layer.set_weights([kernel.transpose(2, 3, 1, 0), bias])
    return network


def by_numpy(firsts, seconds, heads):
    total = 0.0
    for first, second, head in zip(firsts, seconds, heads):
        first, second = (
            maps / np.linalg.norm(maps, axis=-1, keepdims=True)
            for maps in (first.astype("float64"), second.astype("float64"))
        )
        total += ((first - second) ** 2 @ head).mean((1, 2))
    return total


class PerceptualDistanceTest(TestCase):
    def test_lpips(self):
        metric = PerceptualDistance(
            lpips_network(),
            make_golden.LPIPS_LAYERS,
            make_golden.lpips_heads(),
        )
        photos, comics = (
            make_golden.images(name, 3, *2 * [make_golden.LPIPS_SIZE]) / 127.5
            - 1.0
            for name in ("photos", "comics")
        )
        expected = golden()["perceptual_distance"]["lpips"]
        for i, value in enumerate(expected):
            metric.reset_state()
            metric.update_state(
                photos[i : i + 1].astype("float32"),
                comics[i : i + 1].astype("float32"),
            )
            self.assertAllClose(metric.result(), value, rtol=1e-4)

    def test_features_that_the_caller_gives(self):
        firsts = [noise(3, 4, 6, 5), noise(3, 2, 2, 7, seed=1)]
        seconds = [noise(3, 4, 6, 5, seed=2), noise(3, 2, 2, 7, seed=3)]
        heads = [np.arange(5.0), np.ones(7)]
        expected = by_numpy(firsts, seconds, heads)
        metric = PerceptualDistance(heads=heads)
        metric.update_state(firsts, seconds)
        self.assertAllClose(metric.result(), expected.mean(), rtol=1e-4)
        parts = PerceptualDistance(heads=heads)
        for i in range(3):
            parts.update_state(
                *([m[i : i + 1] for m in maps] for maps in (firsts, seconds))
            )
        self.assertAllClose(parts.result(), metric.result(), rtol=1e-5)
        half = PerceptualDistance(heads=heads)
        half.update_state(
            *([m.astype("float16") for m in maps] for maps in (firsts, seconds))
        )
        self.assertAllClose(half.result(), metric.result(), rtol=2e-3)

    def test_where_nothing_is_active(self):
        zeros, ones = np.zeros((1, 2, 2, 3)), np.ones((1, 2, 2, 3))
        metric = PerceptualDistance()
        metric.update_state([zeros], [zeros])
        self.assertAllClose(metric.result(), 0.0)
        metric.update_state([zeros], [ones])
        self.assertAllClose(metric.result(), 0.5)

    def test_errors(self):
        maps = noise(1, 2, 2, 3)
        for heads, layers, message in (
            ([-np.ones(3)], None, "must be at least 0"),
            ([np.ones(3)], ["a", "b"], r"1 heads for layers=\['a', 'b'\]"),
        ):
            with self.assertRaisesRegex(ValueError, message):
                PerceptualDistance(layers=layers, heads=heads)
        with self.assertRaisesRegex(ValueError, "for each of the 3 channels"):
            PerceptualDistance(heads=[np.ones(4)]).update_state([maps], [maps])
        with self.assertRaisesRegex(ValueError, r"\[1, 2\] layers"):
            PerceptualDistance().update_state([maps], [maps, maps])
