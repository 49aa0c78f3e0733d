"""Tests for the graph of a generator."""

from concurrent import futures

import keras
import numpy as np
import pytest
import tensorflow as tf
from absl.testing import parameterized

import keras_comic
from keras_comic.export import comic_module
from keras_comic.export.comic_module import ComicModule


class ComicModuleTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        keras.utils.set_random_seed(0)
        self.generator = keras_comic.AdaINGenerator.light((4, 8, 4, 4), 1, 8)
        drawing = np.random.default_rng(1).integers(256, size=(40, 32, 3))
        self.generator.add_style("ink", drawing.astype("uint8"))

    def test_one_by_one_is_all_at_once(self):
        images = np.random.default_rng(2).integers(256, size=(3, 40, 37, 3))
        images = images.astype("uint8")
        module = ComicModule(self.generator, 10_000, ["PNG"], b"")
        expected = self.generator.stylize(images)
        for limit in (1, 100_000):
            with self.subTest(limit=limit):
                self.addCleanup(
                    setattr,
                    comic_module,
                    "PIXELS_AT_ONCE",
                    comic_module.PIXELS_AT_ONCE,
                )
                comic_module.PIXELS_AT_ONCE = limit
                comics = module.stylize(tf.constant(images)).numpy()
                difference = np.abs(comics.astype(int) - expected)
                self.assertLessEqual(difference.max(), 1)
                self.assertLessEqual((difference > 0).mean(), 1e-3)

    def test_only_weights_are_saved(self):
        module = ComicModule(self.generator, 10_000, ["PNG"], b"")
        saved = {id(variable) for variable in module.variables}
        weights = {id(weight.value) for weight in self.generator.weights}
        self.assertEqual(saved, weights)
        self.assertEmpty(module.submodules)

    def test_png_carries_the_chunk(self):
        chunk = b"\0\0\0\0teSt\x92\x7c\x5c\x5e"
        module = ComicModule(self.generator, 10_000, ["PNG"], chunk)
        photo = np.zeros((32, 33, 3), "uint8")
        files = tf.io.encode_png(photo)[tf.newaxis]
        (comic,) = module.stylize_files(files).numpy()
        self.assertEqual(comic[33 : 33 + len(chunk)], chunk)
        decoded = tf.io.decode_png(comic).numpy()
        np.testing.assert_array_equal(
            decoded, module.stylize(photo[None]).numpy()[0]
        )

    @pytest.mark.slow
    def test_what_was_wrong_is_told_and_not_what_it_cancelled(self):
        module = ComicModule(self.generator, 10_000, ["JPEG", "PNG"], b"")
        noise = np.random.default_rng(3).integers(256, size=(48, 40, 3))
        good = tf.io.encode_jpeg(noise.astype("uint8")).numpy()
        other = tf.io.encode_png(noise[:33].astype("uint8")).numpy()
        # Other tables: a decoder has begun, inside a function, as it fails.
        table = good.index(b"\xff\xc4") + 5
        bad = good[:table] + b"\xff" * 16 + good[table + 16 :]
        plain, mix, like = (
            tf.function(function, reduce_retracing=True)
            for function in (
                module.stylize_files,
                module.stylize_files_mix,
                module.stylize_files_like,
            )
        )
        images, mixes = tf.constant([good, other]), tf.ones((2, 1))
        strength, keep = tf.ones(2), tf.zeros(2, tf.bool)
        too_much, negative = tf.constant([1.0, 2.0]), tf.constant([[1.0], [-1]])
        requests = {
            "photo": (like, [bad, good], images, strength, keep),
            "second photo": (like, [good, bad], images, strength, keep),
            "style": (like, images, [good, bad], strength, keep),
            "photo and style": (like, [good, bad], [bad, good], strength, keep),
            "strength, style": (like, images, [bad, bad], too_much, keep),
            "strength, files": (like, images, images, too_much, keep),
            "strength, weights": (mix, images, mixes, too_much, keep),
            "photo, weights": (mix, [bad, good], mixes, strength, keep),
            "weights": (mix, [good, bad], negative, strength, keep),
            "plain": (plain, [good, bad]),
        }
        for name, (function, *inputs) in requests.items():
            with self.subTest(name):
                inputs = [tf.convert_to_tensor(value) for value in inputs]
                with futures.ThreadPoolExecutor(2) as pool:
                    runs = [pool.submit(function, *inputs) for _ in range(400)]
                raised = {type(run.exception()) for run in runs}
                self.assertEqual(raised, {tf.errors.InvalidArgumentError})
