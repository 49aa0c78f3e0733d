import numpy as np
from keras import ops

from keras_comic.models.drawing import draw_comics
from keras_comic.models.drawing import run_network
from tests.test_case import TestCase
from tests.test_case import compiled
from tests.test_case import noise
from tests.test_case import photos
from tests.tiny_families import TinyPainter


class DrawComicsTest(TestCase):
    def setUp(self):
        self.generator = TinyPainter()
        self.images = photos(3, 45, 62, 3)
        self.conditions = {"style": noise(1, 6)}

    def draw(self, **options):
        comics = draw_comics(
            self.generator,
            ops.convert_to_tensor(self.images),
            self.conditions,
            **options,
        )
        return self.numpy(comics)

    def test_rounded_and_not(self):
        comics = self.draw()
        self.assertDType(comics, "uint8")
        exact = self.draw(rounded=False)
        self.assertDType(exact, "float32")
        self.assertAllEqual(comics, np.rint(exact).astype("uint8"))
        self.assertGreater(np.abs(exact - comics).max(), 0.1)

    def test_a_strength_for_each_photo(self):
        strengths = np.array([1.0, 0.4, 0.0], "float32")
        comics = self.draw(strength=ops.convert_to_tensor(strengths))
        for i, strength in enumerate(strengths):
            alone = self.draw(strength=float(strength))
            self.assertAllClose(
                comics[i].astype(int), alone[i].astype(int), atol=1, rtol=0
            )
        self.assertAllEqual(comics[2], self.images[2])

    def test_weakened_style_by_hand(self):
        padded = np.pad(
            self.images, ((0, 0), (1, 2), (1, 1), (0, 0)), mode="reflect"
        )
        own = self.generator.encode_style(self.images / 127.5 - 1.0)
        style = own + 0.4 * (self.conditions["style"] - own)
        outputs = self.generator(
            {"photos": (padded / 127.5 - 1.0).astype("float32"), "style": style}
        )
        expected = (self.numpy(outputs)[:, 1:46, 1:63] + 1.0) * 127.5
        self.assertAllClose(
            self.draw(strength=0.4, rounded=False),
            expected,
            atol=0.01,
            rtol=0.0,
        )

    def test_given_conditions_of_the_photos(self):
        shared = {"style": np.zeros((1, 6), "float32")}
        found = self.draw(strength=0.5, photo_conditions=shared, rounded=False)
        self.conditions = {"style": 0.5 * self.conditions["style"]}
        self.assertAllClose(
            found, self.draw(rounded=False), atol=0.01, rtol=0.0
        )

    def test_color_is_kept_where_asked(self):
        keep = np.array([True, False, True])
        comics = self.draw(keep_color=ops.convert_to_tensor(keep))
        kept, plain = self.draw(keep_color=True), self.draw()
        self.assertAllEqual(comics[keep], kept[keep])
        self.assertAllEqual(comics[~keep], plain[~keep])
        self.assertGreater(np.abs(kept.astype(int) - plain).max(), 5)

    def test_in_a_graph(self):
        def draw(images, style, strength, keep_color):
            return draw_comics(
                self.generator,
                images,
                {"style": style},
                strength,
                keep_color=keep_color,
                rounded=False,
            )

        arguments = (
            self.images,
            np.repeat(self.conditions["style"], 3, axis=0),
            np.array([0.3, 1.0, 0.05], "float32"),
            np.array([False, True, True]),
        )
        tensors = [ops.convert_to_tensor(value) for value in arguments]
        self.assertAllClose(
            compiled(draw)(*tensors), draw(*tensors), atol=0.05, rtol=0.0
        )


class RunNetworkTest(TestCase):
    def test_conditions_of_one_row_serve_all(self):
        pictures = ops.convert_to_tensor(noise(2, 32, 32, 3))
        style = noise(1, 6)
        self.assertAllClose(
            run_network(TinyPainter(), pictures, {"style": style}),
            run_network(
                TinyPainter(), pictures, {"style": np.repeat(style, 2, axis=0)}
            ),
        )
