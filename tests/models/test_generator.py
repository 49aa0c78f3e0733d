import numpy as np

from keras_comic.models import Generator
from tests.test_case import TestCase
from tests.test_case import photos
from tests.tiny_families import TinyComic
from tests.tiny_families import TinyPainter


def by_hand(generator, pictures, **conditions):
    """The comic's pixels, before they are rounded."""
    outputs = generator(
        {"photos": pictures.astype("float32") / 127.5 - 1.0, **conditions}
    )
    return (np.asarray(outputs) + 1.0) * 127.5


class GeneratorTest(TestCase):
    def test_contract(self):
        self.run_generator_test(TinyComic)
        self.run_generator_test(TinyPainter)

    def test_defaults(self):
        generator = TinyComic()
        self.assertEqual(generator.kind, "generator")
        self.assertFalse(generator.takes_style)
        self.assertEqual(generator.conditions(), {})
        self.assertEqual(generator.photo_conditions(None), {})
        self.assertEqual(list(generator.example_inputs()), ["photos"])

    def test_equals_the_arithmetic_by_hand(self):
        pictures = photos(2, 32, 40, 3)
        comics = TinyComic().stylize(pictures)
        expected = by_hand(TinyComic(), pictures)
        self.assertAllClose(
            comics.astype("float32"), expected, atol=0.51, rtol=0.0
        )
        # Of odd sizes, padded by reflection: a row above or below, a column.
        pictures = photos(1, 33, 47, 3)
        padded = np.pad(
            pictures, ((0, 0), (0, 1), (0, 1), (0, 0)), mode="reflect"
        )
        expected = by_hand(TinyComic(), padded)[:, :33, :47]
        comics = TinyComic().stylize(pictures)
        self.assertAllClose(
            comics.astype("float32"), expected, atol=0.51, rtol=0.0
        )

    def test_an_empty_batch(self):
        empty = np.zeros((0, 40, 48, 3), "uint8")
        self.assertAllEqual(TinyComic().stylize(empty), empty)

    def test_strength_blends_with_the_photo(self):
        pictures = photos(1, 32, 40, 3)
        whole = by_hand(TinyComic(), pictures)
        for strength in (0.0, 0.05, 0.5, 0.9):
            comics = TinyComic().stylize(pictures, strength=strength)
            self.assertAllClose(
                comics.astype("float32"),
                strength * whole + (1.0 - strength) * pictures,
                atol=0.51,
                rtol=0.0,
            )

    def test_a_style_is_an_error(self):
        for style in ("ink", photos(32, 32, 3), {"ink": 1}):
            with self.assertRaisesRegex(
                ValueError,
                "`TinyComic` draws in one way: it takes no `style`. Received",
            ):
                TinyComic().stylize(photos(32, 32, 3), style)

    def test_another_size_is_an_error(self):
        class Shrinks(TinyComic):
            def call(self, inputs, training=False):
                return super().call(inputs)[:, ::2]

        with self.assertRaisesRegex(
            ValueError,
            r"`Shrinks` must give a picture of the size of the photo, "
            r"\(1, 32, 40, 3\).* Received: a picture of shape \(1, 16, 40, 3\)",
        ):
            Shrinks().stylize(photos(32, 40, 3))

    def test_preset(self):
        for make in (TinyComic, TinyPainter):
            generator = make()
            folder = self.temporary_folder() / "tiny"
            generator.save_to_preset(folder)
            revived = Generator.from_preset(folder)
            self.assertIs(type(revived), make)
            self.assertAllEqual(
                revived.example_output(), generator.example_output()
            )
        with self.assertRaisesRegex(
            ValueError, "must hold a `TinyComic`. .* a `TinyPainter`"
        ):
            TinyComic.from_preset(folder)
