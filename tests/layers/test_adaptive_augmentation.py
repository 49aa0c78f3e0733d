import keras
import numpy as np
from absl.testing import parameterized

from keras_comic.layers.adaptive_augmentation import OPERATIONS
from keras_comic.layers.adaptive_augmentation import AdaptiveAugmentation
from tests.test_case import BACKEND
from tests.test_case import TestCase
from tests.test_case import compiled
from tests.test_case import input_gradient
from tests.test_case import noise

NAMES = [name for group in OPERATIONS.values() for name in group]


def make(*operations, probability=1.0, seed=1, **kwargs):
    return AdaptiveAugmentation(
        operations or tuple(OPERATIONS),
        initial_probability=probability,
        seed=seed,
        **kwargs,
    )


class AdaptiveAugmentationTest(TestCase, parameterized.TestCase):
    def changed(self, layer, images):
        outputs = self.numpy(layer(images))
        self.assertEqual(outputs.shape, images.shape)
        return np.any(outputs != images, axis=(1, 2, 3)).mean()

    # The operations.

    def test_nothing_happens_at_0(self):
        for sides in ((8, 8), (7, 13)):
            images = noise(4, *sides, 3)
            layer = make(probability=0.0)
            self.assertAllEqual(layer(images), images)
            self.assertAllEqual(compiled(layer)(images), images)

    @parameterized.parameters(*NAMES)
    def test_each_changes_as_often_as_it_should(self, name):
        # A sharp image, of any kind of which each operation shows.
        images = np.repeat(noise(1, 9, 9, 3), 400, axis=0)
        # Some draw no change at all.
        seen = {
            "flip": 1 / 2,
            "quarter_turn": 3 / 4,
            "luma_flip": 1 / 2,
            # Up to 1.125 of 9 pixels: below 0.5 both are rounded to 0.
            "shift_by_pixels": 1 - (0.5 / 1.125) ** 2,
        }.get(name, 1.0)
        for probability in (1.0, 0.4):
            layer = make(name, probability=probability)
            self.assertAllClose(
                self.changed(layer, images), seen * probability, atol=0.08
            )

    def test_turns_keep_every_pixel(self):
        images = noise(30, 6, 6, 3)
        outputs = self.numpy(make("flip", "quarter_turn")(images))
        kinds = set()
        for before, after in zip(images, outputs):
            found = [
                (turns, flipped)
                for turns in range(4)
                for flipped in (False, True)
                if np.array_equal(
                    np.rot90(before[:, ::-1] if flipped else before, turns),
                    after,
                )
            ]
            self.assertEqual(len(found), 1)
            kinds.update(found)
        self.assertEqual(len(kinds), 8)

    def test_geometry_stays_in_range(self):
        outputs = self.numpy(make("blit", "geometric")(noise(50, 9, 12, 3)))
        self.assertLessEqual(np.abs(outputs).max(), 1.0 + 1e-5)
        flat = np.full((50, 9, 12, 3), 0.3, "float32")
        self.assertAllClose(make("blit", "geometric")(flat), flat)

    def test_scales_and_shifts_are_those_of_the_paper(self):
        # Ramps: x and y of each pixel, whose slopes are read in the middle.
        y, x = np.mgrid[-20:21, -20:21].astype("float32")
        ramps = np.stack([x, y, 0 * x], -1)[None].repeat(500, 0)

        def slopes(name):
            out = self.numpy(make(name)(ramps)).astype("float64")
            return (
                out[:, 20, 20, :2],
                out[:, 20, 21, :2] - out[:, 20, 20, :2],
                out[:, 21, 20, :2] - out[:, 20, 20, :2],
            )

        place, across, down = slopes("scale")
        factors = -np.log2(across[:, 0])
        self.assertAllClose(factors.std(), 0.2, atol=0.02)
        self.assertAllClose(factors.mean(), 0.0, atol=0.03)
        self.assertAllClose(across[:, 0], down[:, 1], 1e-4)
        self.assertAllClose(place, np.zeros((500, 2)), 1e-4)

        place, across, down = slopes("stretch")
        self.assertAllClose(across[:, 0] * down[:, 1], np.ones(500), 1e-4)
        self.assertAllClose(np.log2(across[:, 0]).std(), 0.2, atol=0.02)

        place, across, down = slopes("rotate")
        lengths = np.hypot(*across.T)
        self.assertAllClose(lengths, np.ones(500), 1e-4)
        self.assertAllClose(across[:, 0], down[:, 1], 1e-4)
        angles = np.arctan2(across[:, 1], across[:, 0])
        self.assertAllClose(angles.std(), np.pi / np.sqrt(3), atol=0.1)

        place, across, down = slopes("shift")
        # But where the middle is moved across the border.
        self.assertAllClose(np.median(across[:, 0]), 1.0, 1e-4)
        self.assertAllClose(place.std(axis=0), [41 / 8] * 2, atol=0.4)
        self.assertLess(abs(np.corrcoef(place.T)[0, 1]), 0.15)

        place, _, _ = slopes("shift_by_pixels")
        self.assertAllEqual(place, np.round(place))
        self.assertAllClose(np.abs(place).max(axis=0), [5.0, 5.0])

    def test_colors_are_those_of_the_paper(self):
        gray = np.ones(3) / np.sqrt(3.0)
        images = noise(400, 2, 2, 3)

        def parts(name):
            out = self.numpy(make(name)(images)).astype("float64")
            light, before = out @ gray, images @ gray
            return (
                light,
                before,
                out - light[..., None] * gray,
                images - before[..., None] * gray,
            )

        light, before, color, old = parts("brightness")
        added = (light - before)[:, 0, 0] / np.sqrt(3.0)
        self.assertAllClose(added.std(), 0.2, atol=0.02)
        self.assertAllClose(color, old, 1e-5)

        light, before, color, old = parts("contrast")
        factors = np.log2((light / before)[:, 0, 0])
        self.assertAllClose(factors.std(), 0.5, atol=0.05)

        light, before, color, old = parts("luma_flip")
        self.assertAllClose(np.abs(light), np.abs(before), 1e-5)
        self.assertAllClose(color, old, 1e-5)

        light, before, color, old = parts("hue")
        self.assertAllClose(light, before, 1e-5)
        self.assertAllClose(
            np.linalg.norm(color, axis=-1), np.linalg.norm(old, axis=-1), 1e-5
        )
        cosine = (color * old).sum(-1) / (old * old).sum(-1)
        self.assertAllClose(cosine.std(), np.sqrt(0.5), atol=0.05)

        light, before, color, old = parts("saturation")
        self.assertAllClose(light, before, 1e-5)
        factors = (color * old).sum(-1) / (old * old).sum(-1)
        self.assertAllClose(np.log2(factors)[:, 0, 0].std(), 1.0, atol=0.1)

    def test_gradients_go_through(self):
        images = noise(4, 9, 11, 3)
        layer = make()
        found = input_gradient(lambda x: layer(x) ** 2, images)
        self.assertFinite(found)
        self.assertTrue(np.all(np.any(found != 0.0, axis=(1, 2, 3))))
        layer = make(probability=0.0)
        found = input_gradient(lambda x: layer(x) ** 2, images)
        self.assertAllClose(found, 2.0 * images)

    def test_seed_and_state(self):
        images = noise(2, 8, 8, 3)
        first, second = make(seed=3), make(seed=3)
        outputs = self.numpy(first(images))
        self.assertAllEqual(second(images), outputs)
        self.assertNotAllClose(second(images), outputs)
        self.assertAllClose(compiled(first)(images), make_again(images), 1e-5)

    def test_config_and_file(self):
        layer = make("flip", "color", target=0.5, interval=2, ada_kimg=1.0)
        self.run_config_test(layer)
        inputs = keras.Input((None, None, 3))
        model = keras.Model(inputs, make("hue")(inputs))
        model.layers[1].probability.assign(0.7)
        model(noise(2, 8, 8, 3))
        path = self.temporary_folder() / "model.keras"
        model.save(path)
        revived = keras.saving.load_model(path)
        self.assertAllClose(revived.layers[1].probability, 0.7)
        images = noise(4, 8, 8, 3)
        self.assertAllEqual(revived(images), model(images))

    # The rule.

    def run_steps(self, layer, logits, steps):
        found = []
        for _ in range(steps):
            layer.observe(layer.signs_of(logits))
            layer.adapt()
            found.append(float(self.numpy(layer.probability)))
        return found

    def test_probability_follows_the_rule(self):
        layer = make("flip", probability=0.0, ada_kimg=0.1, interval=4)
        # 5 images a step, 100 images from 0 to 1: 0.2 every 4 steps.
        sure = np.full((5, 3, 3, 1), 2.0, "float32")
        found = self.run_steps(layer, sure, 24)
        expected = np.repeat([0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.0], 4)[1:25]
        self.assertAllClose(found, expected, 1e-5)
        self.assertAllClose(layer.real_sign, 1.0)
        found = self.run_steps(layer, -sure, 24)
        expected = np.repeat([1.0, 0.8, 0.6, 0.4, 0.2, 0.0, 0.0], 4)[1:25]
        self.assertAllClose(found, expected, 1e-5)

    def test_target_is_compared_with_the_mean_sign(self):
        for share, target, expected in (
            (0.8, 0.5, 0.05),
            (0.8, 0.7, 0.0),
            (0.5, -0.1, 0.05),
        ):
            layer = make(
                "flip", probability=0.0, ada_kimg=0.2, interval=1, target=target
            )
            # This share of 10 patches is taken for real: r_t = 2 share - 1.
            logits = np.where(np.arange(10) < 10 * share, 0.1, -9.0)
            logits = np.tile(logits.astype("float32"), (10, 1))
            found = self.run_steps(layer, logits, 1)
            self.assertAllClose(found, [expected])
            self.assertAllClose(layer.real_sign, 2 * share - 1)

    def test_boundary(self):
        layer = make("flip", boundary=0.5)
        signs = layer.signs_of(np.array([[0.4], [0.6], [0.5]], "float32"))
        self.assertAllClose(signs, [0.0, 3.0])

    def test_skipped_steps_are_not_counted(self):
        layer = make("flip", probability=0.0, ada_kimg=0.1, interval=2)
        sure = np.ones((5, 1), "float32")
        for finite in (True, False, False):
            if finite:
                layer.observe(layer.signs_of(sure))
            layer.adapt(finite)
        self.assertAllClose(layer.probability, 0.0)
        self.run_steps(layer, sure, 1)
        self.assertAllClose(layer.probability, 0.1)

    def test_errors(self):
        for arguments, message in (
            (
                {"operations": ("blur",)},
                r"`operations` must name some of the groups \['blit', .*"
                r"Received: operations=\('blur',\)",
            ),
            ({"operations": ()}, r"Received: operations=\(\)"),
            ({"target": 1.0}, r"`target` must be in \(-1, 1\). .*target=1.0"),
            ({"interval": 0}, "must be a positive integer. .*interval=0"),
            ({"ada_kimg": 0}, "`ada_kimg` must be above 0. .*ada_kimg=0"),
            (
                {"initial_probability": 1.5},
                r"must be in \[0, 1\]. Received: initial_probability=1.5",
            ),
        ):
            with self.assertRaisesRegex(ValueError, message):
                AdaptiveAugmentation(**arguments)

    def test_compiled_by_xla(self):
        if BACKEND != "tensorflow":
            self.skipTest("JAX compiles by XLA anyway")
        import tensorflow as tf

        images = noise(50, 8, 8, 3)
        for layer in (make(), make("blit"), make(probability=0.0)):
            function = tf.function(layer, jit_compile=True, autograph=False)
            # XLA draws other numbers of one state, equally distributed.
            outputs = self.numpy(function(images))
            self.assertFinite(outputs)
            changed = np.any(outputs != images, axis=(1, 2, 3)).mean()
            expected = self.changed(layer, images)
            self.assertAllClose(changed, expected, atol=0.1)


def make_again(images):
    """The second outputs of a layer of the seed 3."""
    layer = make(seed=3)
    layer(images)
    return layer(images)
