import keras
import numpy as np
import pytest
from keras import ops

from keras_comic import losses
from keras_comic.training.image_pool import ImagePool
from tests.test_case import BACKEND
from tests.test_case import Batches
from tests.test_case import TestCase
from tests.test_case import gradients
from tests.test_case import requires_tensorflow
from tests.training.small_gan import SmallGAN
from tests.training.small_gan import SmallGenerator
from tests.training.small_gan import make_small_gan
from tests.training.small_gan import small_batch

trains = pytest.mark.skipif(
    BACKEND not in ("tensorflow", "jax"), reason="this backend does not train"
)


def numbered(first, count):
    """Pictures of 2x3 pixels that are their own number all over."""
    numbers = np.arange(first, first + count, dtype="float32")
    return np.tile(numbers[:, None, None, None], (1, 2, 3, 1))


class SequentialPool:
    """The rule once more: picture by picture, in lists."""

    def __init__(self, pool_size, seed):
        self.pool_size = pool_size
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.pictures = []

    def __call__(self, numbers):
        count = (len(numbers),)
        exchanged = keras.random.uniform(count, seed=self.seed_generator)
        slots = keras.random.randint(
            count, 0, self.pool_size, seed=self.seed_generator
        )
        given = []
        for number, chance, slot in zip(
            numbers,
            ops.convert_to_numpy(exchanged),
            ops.convert_to_numpy(slots),
            strict=True,
        ):
            if len(self.pictures) < self.pool_size:
                self.pictures.append(number)
                given.append(number)
            elif chance < 0.5:
                given.append(self.pictures[slot])
                self.pictures[slot] = number
            else:
                given.append(number)
        return given


@keras.saving.register_keras_serializable(package="keras_comic_tests")
class PooledGAN(SmallGAN):
    """Its discriminator sees the pool's pictures."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.image_pool = ImagePool(3, seed=1)
        self.image_pool.build((None, 12, 12, 3))

    def discriminator_losses(self, batch):
        fakes = self.active_generator(batch["photos"], training=True)
        fakes = self.image_pool(fakes, training=True)
        return {
            "discriminator": losses.least_squares_discriminator_loss(
                self.discriminator(batch["comics"], training=True),
                self.discriminator(fakes, training=True),
            )
        }


def make_pooled_gan():
    gan = make_small_gan()
    return PooledGAN(gan.generator, gan.discriminator)


class ImagePoolTest(TestCase):
    def run_pool(self, pool, first, count):
        """Returns the numbers of the pictures that a pool gives back."""
        found = self.numpy(pool(numbered(first, count), training=True))
        self.assertAllEqual(found, found[:, :1, :1] + 0 * found)
        return found[:, 0, 0, 0].astype(int).tolist()

    def contents(self, pool):
        return self.numpy(pool.pool)[:, 0, 0, 0].astype(int).tolist()

    def test_rule_picture_by_picture(self):
        for size, batch in ((1, 1), (3, 2), (2, 7), (50, 3)):
            with self.subTest(size=size, batch=batch):
                pool, expected = (
                    ImagePool(size, seed=7),
                    SequentialPool(size, 7),
                )
                for step in range(12):
                    first = 1 + step * batch
                    self.assertEqual(
                        self.run_pool(pool, first, batch),
                        expected(range(first, first + batch)),
                    )
                    self.assertEqual(
                        self.contents(pool)[: len(expected.pictures)],
                        expected.pictures,
                    )

    def test_passes_through(self):
        images = numbered(1, 3)
        pool = ImagePool(2, seed=1)
        self.assertAllEqual(pool(images), images)
        self.assertEqual(int(self.numpy(pool.count)), 0)
        variable = keras.Variable(images)
        found = gradients(lambda: pool(variable.value), [variable])[0]
        if found is not None:
            self.assertAllEqual(found, 0.0 * images)
        empty = ImagePool(0)
        for _ in range(3):
            self.assertAllEqual(empty(images, training=True), images)
        self.assertEqual(empty.weights, [])

    def test_config_and_state(self):
        pool = ImagePool(3, seed=4)
        self.run_config_test(pool)
        inputs = keras.Input((2, 3, 1))
        model = keras.Model(inputs, pool(inputs))
        for step in range(4):
            self.run_pool(pool, 1 + 2 * step, 2)
        path = self.temporary_folder() / "model.keras"
        model.save(path)
        revived = keras.saving.load_model(path).layers[-1]
        self.assertEqual(self.contents(revived), self.contents(pool))
        self.assertEqual(int(self.numpy(revived.count)), 3)

    @requires_tensorflow
    def test_in_a_graph(self):
        import tensorflow as tf

        pool, expected = ImagePool(4, seed=3), SequentialPool(4, 3)
        pool.build((None, 2, 3, 1))
        graph = tf.function(
            lambda images: pool(images, training=True),
            input_signature=[tf.TensorSpec((None, 2, 3, 1))],
        )
        first = 1
        # Batches of any size.
        for batch in (1, 2, 3) * 5:
            found = self.numpy(graph(tf.constant(numbered(first, batch))))
            self.assertEqual(
                found[:, 0, 0, 0].tolist(),
                expected(range(first, first + batch)),
            )
            first += batch

    @trains
    def test_in_a_gan(self):
        gan = make_pooled_gan()
        gan.compile()
        batch = small_batch()
        gan.fit(Batches(batch, 2), epochs=2, verbose=0)
        pool = gan.image_pool
        self.assertEqual(int(self.numpy(pool.count)), 3)
        self.assertGreater(
            np.abs(self.numpy(pool.pool)).max((1, 2, 3)).min(), 0
        )
        before = [self.numpy(v).copy() for v in pool.variables]
        gan.evaluate(Batches(batch, 1), verbose=0)
        self.assertUnmoved(pool.variables, before)
        # The pictures are among what a `.keras` file keeps.
        path = self.temporary_folder() / "gan.keras"
        gan.save(path)
        revived = keras.saving.load_model(path)
        self.assertIsInstance(revived.generator, SmallGenerator)
        for name in ("pool", "count"):
            kept = getattr(pool, name)
            self.assertAllEqual(getattr(revived.image_pool, name), kept)

    def test_errors(self):
        for size in (-1, 2.5):
            with self.assertRaisesRegex(
                ValueError,
                "`pool_size` must be an integer of at least 0. "
                f"Received: pool_size={size}",
            ):
                ImagePool(size)
        with self.assertRaisesRegex(
            ValueError,
            r"all sides but the batch known. Received: "
            r"images.shape=\(None, None, 3, 1\)",
        ):
            ImagePool(2).build((None, None, 3, 1))
