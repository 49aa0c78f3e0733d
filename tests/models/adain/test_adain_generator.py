import keras
import numpy as np
import pytest
from keras import ops

from keras_comic.layers import structural_similarity
from keras_comic.metrics import style_distance
from keras_comic.models import AdaINGenerator
from keras_comic.models import FeatureNetwork
from keras_comic.presets import from_preset
from keras_comic.presets import list_presets
from tests.test_case import SHARED
from tests.test_case import TestCase
from tests.test_case import noise
from tests.test_case import shared

STORYBOOK = "adain_storybook"
LIGHT = {"filters": (4, 8, 6, 4), "num_residual_blocks": 1, "style_dim": 5}


def multiply_adds(generator, height, width):
    """Multiply-adds of one photo, counted at a tenth of the sides.

    Every convolution and dense layer reports what it computes while the
    network runs; the convolutions' numbers grow with the area.
    """
    convolutions, others = [], []

    def counted(layer):
        call = layer.call

        def run(inputs, **kwargs):
            outputs = call(inputs, **kwargs)
            if isinstance(layer, keras.layers.Dense):
                others.append(np.prod(layer.kernel.shape))
            else:
                positions = np.prod(outputs.shape[1:3])
                convolutions.append(positions * np.prod(layer.kernel.shape))
            return outputs

        return run

    for layer in generator._flatten_layers():
        if isinstance(layer, (keras.layers.Conv2D, keras.layers.Dense)):
            layer.call = counted(layer)
    inputs = {
        "photos": noise(1, height // 10, width // 10, 3),
        "style": noise(1, generator.style_dim),
    }
    generator(inputs)
    return 100 * int(np.sum(convolutions)) + int(np.sum(others))


def images_of(folder, count, size=256):
    """The first pictures of a shared folder, float32 in `[-1, 1]`."""
    from PIL import Image
    from PIL import ImageOps

    paths = sorted((SHARED / "data" / folder).iterdir())[:count]
    pictures = [
        ImageOps.fit(Image.open(path).convert("RGB"), (size, size))
        for path in paths
    ]
    return np.stack(pictures).astype("float32") / 127.5 - 1.0


class LightTest(TestCase):
    def test_generator(self):
        self.run_generator_test(
            lambda **kwargs: AdaINGenerator.light(**LIGHT, **kwargs)
        )

    def test_default_size(self):
        generator = AdaINGenerator.light()
        self.assertEqual(generator.style_dim, 96)
        self.assertEqual(generator.count_params(), 833_988)
        self.assertLessEqual(generator.count_params(), 1_000_000)

    def test_default_cost(self):
        generator = AdaINGenerator.light()
        found = multiply_adds(generator, 1080, 1920)
        # By hand, for each pixel of the photo: the encoder's two strided
        # convolutions, four residual blocks at a quarter of the sides, and
        # the decoder's four convolutions.
        pixel = 5 * 5 * 3 * 32 / 4 + 9 * 32 * 80 / 16
        pixel += 4 * 2 * 9 * 80 * 80 / 16
        pixel += 9 * 80 * 40 / 4 + 32 * 40 / 4 + 9 * 40 * 16 + 9 * 19 * 3
        # The dense layers from the style vector: two numbers a channel.
        dense = 96 * 2 * (8 * 80 + 2 * 40 + 16)
        self.assertEqual(found, round(pixel * 1080 * 1920) + dense)
        self.assertLessEqual(found, 100e9)

    def test_errors(self):
        for filters in ((32, 80, 40), (32, 80, 40, 0)):
            with self.assertRaisesRegex(
                ValueError,
                "`filters` must be four positive integers. Received: filters",
            ):
                AdaINGenerator.light(filters)


class ClassicTest(TestCase):
    def test_generator(self):
        self.run_generator_test(
            lambda **kwargs: AdaINGenerator.classic((4, 4, 6, 6), **kwargs)
        )

    def test_default_size(self):
        generator = AdaINGenerator.classic()
        self.assertEqual(generator.style_dim, 1024)
        # 3.506 M and 3.505 M, as published.
        self.assertEqual(generator.count_params(), 3_505_740 + 3_505_219)

    def test_default_cost(self):
        # 1000.9 GMAC as published, of the encoder once and of the decoder.
        generator = AdaINGenerator.classic()
        found = multiply_adds(generator, 1080 // 9 * 8, 1920)
        self.assertAllClose(found * 9 / 8 / 1e9, 1000.9, atol=0.5, rtol=0.0)

    def test_own_style_gives_the_photo_its_own_moments(self):
        generator = AdaINGenerator.classic((4, 4, 6, 6))
        pictures = noise(2, 32, 40, 3)
        features = generator.content_encoder(pictures)
        found = generator.decoder.adain(
            features[-1], generator.encode_style(pictures)
        )
        self.assertAllClose(found, features[-1], atol=1e-4)


@shared
class StrengthTest(TestCase):
    """What `strength` does, on real pictures with trained weights."""

    def setUp(self):
        weights = SHARED / "data" / "weights"
        self.network = FeatureNetwork.from_weights(
            weights / "vgg19_blocks1to3.npz"
        )
        self.photos = images_of("photos/eval", 6)
        drawings = [
            images_of(f"drawings/{name}/eval", 1)
            for name in ("wright", "denslow", "neill")
        ]
        self.drawings = np.concatenate(drawings * 2)
        layers = ["relu1_1", "relu2_1", "relu3_1"]
        self.drawn = self.network(self.drawings, layers=layers)

    def storybook(self):
        if STORYBOOK not in list_presets():
            pytest.skip(f"the preset {STORYBOOK} is not here")
        return from_preset(STORYBOOK)

    def style_distances(self, images):
        features = self.network(images, layers=list(self.drawn))
        return self.numpy(style_distance(features, self.drawn))

    def stylized(self, generator, style, strength):
        own = generator.encode_style(self.photos)
        style = own + strength * (style - own)
        outputs = generator({"photos": self.photos, "style": style})
        return ops.clip(outputs, -1.0, 1.0)

    def check_monotone(self, generator):
        style = generator.encode_style(self.drawings)
        distances = [
            self.style_distances(self.stylized(generator, style, s)).mean()
            for s in (0.0, 0.25, 0.5, 0.75, 1.0)
        ]
        for closer, farther in zip(distances[1:], distances, strict=False):
            self.assertLess(closer, farther)

    def check_no_cross_fade(self, generator):
        style = generator.encode_style(self.drawings)
        half = self.stylized(generator, style, 0.5)
        full = self.stylized(generator, style, 1.0)
        target = self.numpy(structural_similarity(half, self.photos))

        def blend(share):
            share = share[:, None, None, None].astype("float32")
            return self.photos + share * (full - self.photos)

        # The share of the full output that costs as much structure.
        low, high = np.zeros(len(target)), np.ones(len(target))
        for _ in range(16):
            share = (low + high) / 2.0
            similarity = self.numpy(
                structural_similarity(blend(share), self.photos)
            )
            low = np.where(similarity > target, share, low)
            high = np.where(similarity > target, high, share)
        similarity = self.numpy(structural_similarity(blend(low), self.photos))
        self.assertAllClose(similarity, target, atol=1e-3, rtol=0.0)
        ours = self.style_distances(half)
        blended = self.style_distances(blend(low))
        self.assertLess(ours.mean(), blended.mean())

    def test_monotone_of_storybook(self):
        self.check_monotone(self.storybook())

    def test_no_cross_fade_of_storybook(self):
        self.check_no_cross_fade(self.storybook())
