import keras
import numpy as np
from keras import ops

from keras_comic.models import StyleGenerator
from tests.models.test_photo_color import mean_chroma
from tests.test_case import TestCase
from tests.test_case import noise
from tests.test_case import photos


@keras.saving.register_keras_serializable(package="tests")
class MeanColorGenerator(StyleGenerator):
    """Its style is the mean colour, so that all numbers are known."""

    style_dim = 3

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.gain = self.add_weight(shape=(3,), initializer="ones", name="gain")
        self.built = True

    def encode_style(self, images):
        return self.gain * ops.mean(ops.cast(images, "float32"), axis=[1, 2])

    def call(self, inputs, training=False):
        pictures, style = inputs["photos"], inputs["style"]
        if len(style.shape) == 4:
            style = self.encode_style(style)
        shift = style - self.encode_style(pictures)
        return pictures + shift[:, None, None]


def gray(value, *shape):
    return np.full(shape, value, "uint8")


def level(vector):
    """Of a vector of the mean colour, on `[0, 255]`."""
    return (np.asarray(vector) + 1.0) * 127.5


class StylesTest(TestCase):
    def setUp(self):
        self.generator = MeanColorGenerator()

    def test_add_style(self):
        self.assertEqual(self.generator.style_names, [])
        vector = self.generator.add_style(
            "ink", gray(100, 32, 40, 3), source="A. Artist", licence="CC0-1.0"
        )
        self.assertDType(vector, "float32")
        self.assertAllClose(level(vector), [100.0] * 3, atol=5e-3)
        self.generator.add_style("wash", gray(200, 33, 32, 3))
        self.assertEqual(self.generator.style_names, ["ink", "wash"])
        entry = self.generator.styles["ink"]
        self.assertEqual(entry["count"], 1)
        self.assertEqual(entry["source"], "A. Artist")
        self.assertEqual(entry["licence"], "CC0-1.0")
        self.assertAllClose(entry["vector"], vector)
        self.assertAllClose(
            self.generator.style_vector("wash"),
            self.generator.encode_style(
                gray(200, 1, 33, 32, 3).astype("float32") / 127.5 - 1.0
            ),
        )
        # The first one is the default.
        self.assertAllClose(
            self.generator.style_vector(), vector[None], atol=1e-6
        )

    def test_average(self):
        pictures = [gray(30, 32, 40, 3), gray(60, 50, 33, 3)]
        vector = self.generator.add_style("list", pictures)
        self.assertAllClose(level(vector), [45.0] * 3, atol=5e-3)
        self.assertEqual(self.generator.styles["list"]["count"], 2)
        batch = np.stack([gray(v, 32, 32, 3) for v in (10, 20, 60)])
        vector = self.generator.add_style("batch", batch)
        self.assertAllClose(level(vector), [30.0] * 3, atol=5e-3)
        self.assertEqual(self.generator.styles["batch"]["count"], 3)
        # Each picture counts, in whichever form it comes.
        vector = self.generator.add_style("both", [batch, gray(90, 40, 40, 3)])
        self.assertAllClose(level(vector), [45.0] * 3, atol=5e-3)
        self.assertEqual(self.generator.styles["both"]["count"], 4)

    def test_add_style_errors(self):
        for name in ("", None, 3):
            with self.assertRaisesRegex(
                ValueError, "`name` must be a string that is not empty. Rec"
            ):
                self.generator.add_style(name, gray(0, 32, 32, 3))
        with self.assertRaisesRegex(
            ValueError, "`images` must hold at least one picture. Received"
        ):
            self.generator.add_style("ink", [])
        with self.assertRaisesRegex(ValueError, "`images` must be uint8"):
            self.generator.add_style("ink", noise(32, 32, 3))
        with self.assertRaisesRegex(ValueError, "`images` .* not a path"):
            self.generator.add_style("ink", "drawing.png")
        with self.assertRaisesRegex(ValueError, "`images` .* not a path"):
            self.generator.add_style("ink", ["drawing.png"])
        self.assertEqual(self.generator.style_names, [])

    def test_styles_travel_with_the_config(self):
        self.generator.add_style("ink", gray(100, 32, 40, 3), source="me")
        revived = self.run_config_test(self.generator)
        self.assertEqual(revived.styles, self.generator.styles)
        revived = self.run_saving_test(
            self.generator,
            {"photos": noise(1, 32, 32, 3), "style": noise(1, 3)},
        )
        self.assertEqual(revived.styles, self.generator.styles)
        self.assertEqual(revived.style_names, ["ink"])


class StyleVectorTest(TestCase):
    def setUp(self):
        self.generator = MeanColorGenerator()
        self.generator.add_style("ink", gray(40, 32, 32, 3))
        self.generator.add_style("wash", gray(80, 32, 32, 3))
        self.image = gray(200, 50, 33, 3)

    def check(self, style, *expected):
        found = level(self.numpy(self.generator.style_vector(style)))
        self.assertAllClose(
            found, np.transpose([expected] * 3), atol=5e-3, rtol=0.0
        )

    def test_name_and_images(self):
        self.check("wash", 80.0)
        self.check(self.image, 200.0)
        batch = np.stack([gray(v, 32, 40, 3) for v in (10, 20)])
        self.check(batch, 10.0, 20.0)

    def test_mixes(self):
        self.check({"ink": 1, "wash": 3}, 70.0)
        self.check({"ink": 0.25, "wash": 0.75}, 70.0)
        self.check({"wash": 1e-3}, 80.0)
        self.check({"ink": 0, "wash": np.float32(2)}, 80.0)
        self.check([("ink", 1), (self.image, 1)], 120.0)
        self.check([["ink", 1], [{"ink": 1, "wash": 1}, 1]], 50.0)

    def test_errors(self):
        vector = self.generator.style_vector
        with self.assertRaisesRegex(
            ValueError,
            r"`style` must be one of \['ink', 'wash'\], an image \(a file is "
            r"read with `keras_comic.data.read_image`\), or a weighted mix. "
            "Received: style='drawing.png'",
        ):
            vector("drawing.png")
        with self.assertRaisesRegex(ValueError, r"one of \['ink', 'wash'\]"):
            vector({"ink": 1, "oil": 1})
        for style, received in (
            (3, "style=3"),
            (noise(32, 32), r"style=array\(shape=\(32, 32\), dtype=float32"),
        ):
            with self.assertRaisesRegex(
                ValueError,
                "`style` must be a name, an image .*, or a weighted mix. "
                f"Received: {received}",
            ):
                vector(style)
        for style in (
            ["ink", "wash"],
            [("ink",)],
            [("ink", 1, 2)],
            [self.image, self.image],
        ):
            with self.assertRaisesRegex(
                ValueError, "A mix of styles must be a dict .* Received: "
            ):
                vector(style)
        for mix in ({"ink": -1, "wash": 2}, {}):
            with self.assertRaisesRegex(
                ValueError,
                "The weights of a mix must be numbers of at least 0, and "
                r"their sum above 0. Received: weights=\[",
            ):
                vector(mix)
        with self.assertRaisesRegex(
            ValueError,
            "This generator stores no named style: .* Received: style=None",
        ):
            MeanColorGenerator().style_vector()


class StylizeTest(TestCase):
    def setUp(self):
        self.generator = MeanColorGenerator()
        self.generator.add_style("ink", gray(130, 32, 32, 3))
        self.generator.add_style("wash", gray(90, 32, 32, 3))
        # Far enough from the ends for nothing to be clipped.
        self.photos = photos(2, 33, 47, 3) // 8 + 100
        self.photos[1] += 20
        self.means = self.photos.mean(axis=(1, 2), keepdims=True)

    def stylize(self, *args, **kwargs):
        comics = self.generator.stylize(self.photos, *args, **kwargs)
        self.assertIsInstance(comics, np.ndarray)
        self.assertDType(comics, "uint8")
        self.assertShape(comics, self.photos.shape)
        return comics.astype("float32")

    def check(self, comics, expected):
        self.assertAllClose(comics, expected, atol=0.502, rtol=0.0)

    def test_styles(self):
        details = self.photos - self.means
        self.check(self.stylize("wash"), details + 90.0)
        self.check(self.stylize(), details + 130.0)
        self.check(self.stylize({"ink": 1, "wash": 1}), details + 110.0)
        self.check(self.stylize(gray(60, 40, 60, 3)), details + 60.0)
        batch = np.stack([gray(v, 40, 32, 3) for v in (60, 160)])
        self.check(
            self.stylize(batch),
            details + np.reshape([60.0, 160.0], (2, 1, 1, 1)),
        )

    def test_single_photo(self):
        comic = self.generator.stylize(self.photos[1], "wash")
        self.assertAllEqual(comic, self.stylize("wash")[1].astype("uint8"))

    def test_read_only_photos_are_left_alone(self):
        before = self.photos.copy()
        self.photos.flags.writeable = False
        self.stylize("wash", mask=np.ones((33, 47)), keep_color=True)
        self.assertAllEqual(self.photos, before)

    def test_strength_interpolates_statistics(self):
        for strength in (0.1, 0.25, 0.5, 1, np.float32(0.75)):
            target = self.means + float(strength) * (90.0 - self.means)
            self.check(
                self.stylize("wash", strength=strength),
                self.photos - self.means + target,
            )

    def test_strength_zero_is_the_photo(self):
        self.assertAllEqual(self.stylize("wash", strength=0), self.photos)
        self.generator.gain.assign([0.5, 2.0, 1.0])
        self.assertAllEqual(self.stylize("wash", strength=0.0), self.photos)

    def test_pixels_are_blended_only_below_a_tenth(self):
        class Blur(MeanColorGenerator):
            def call(self, inputs, training=False):
                outputs = super().call(inputs)
                mean = ops.mean(outputs, axis=[1, 2], keepdims=True)
                return 0.5 * (outputs + mean)

        self.generator = Blur()
        self.generator.add_style("wash", gray(90, 32, 32, 3))
        for strength, share in ((0.05, 0.5), (0.1, 1.0), (0.5, 1.0)):
            mean = self.means + strength * (90.0 - self.means)
            network = 0.5 * (self.photos - self.means) + mean
            self.check(
                self.stylize("wash", strength=strength),
                share * network + (1.0 - share) * self.photos,
            )

    def test_mask(self):
        comics = self.stylize("wash")
        hard = np.zeros((33, 47), bool)
        hard[10:20, 5:30] = True
        masked = self.stylize("wash", mask=hard)
        self.assertAllEqual(masked[:, hard], comics[:, hard])
        self.assertAllEqual(masked[:, ~hard], self.photos[:, ~hard])
        soft = np.linspace(0.0, 1.0, 47, dtype="float32") * np.ones((33, 1))
        amount = soft[None, :, :, None]
        exact = self.photos - self.means + 90.0
        self.check(
            self.stylize("wash", mask=soft),
            amount * exact + (1.0 - amount) * self.photos,
        )
        each = np.stack([hard, ~hard])
        masked = self.stylize("wash", mask=each)
        self.assertAllEqual(masked[each], comics[each])
        self.assertAllEqual(masked[~each], self.photos[~each])

    def test_mask_applies_after_keep_color(self):
        mask = np.zeros((33, 47))
        mask[:16] = 1.0
        kept = self.stylize("wash", keep_color=True)
        masked = self.stylize("wash", keep_color=True, mask=mask)
        self.assertAllEqual(masked[:, :16], kept[:, :16])
        self.assertAllEqual(masked[:, 16:], self.photos[:, 16:])

    def test_keep_color(self):
        drawing = np.zeros((32, 32, 3), "uint8") + np.uint8([200, 120, 60])
        for strength in (0.05, 1.0):
            comics = self.stylize(drawing, strength=strength, keep_color=True)
            for comic, photo in zip(comics, self.photos, strict=True):
                self.assertAllClose(
                    mean_chroma(comic), mean_chroma(photo), atol=2.0, rtol=0.0
                )

    def test_errors(self):
        for images, style, message in (
            ("photo.jpg", "ink", "`images` .* not a path"),
            (noise(32, 32, 3), "ink", "dtype=float32, range="),
            (photos(16, 64, 3), "ink", "sides of at least 32 pixels"),
            (self.photos, "drawing", "'ink', 'wash'.*style='drawing'"),
            (self.photos, noise(40, 40, 3), "`style` must be uint8 .*float32"),
            (self.photos, photos(40, 40, 4), r"`style` must be RGB .*40, 4\)"),
            (
                self.photos,
                photos(3, 40, 40, 3),
                "`style` must be one image, or one for each of the 2 photos. "
                "Received: 3 style images",
            ),
        ):
            with self.assertRaisesRegex(ValueError, message):
                self.generator.stylize(images, style)
        with self.assertRaisesRegex(ValueError, "`strength` must be a number"):
            self.stylize("ink", strength=1.01)
        with self.assertRaisesRegex(ValueError, "`mask` must have the height"):
            self.stylize("ink", mask=np.ones((47, 33)))
