import pytest

from tests.test_case import TestCase

tf = pytest.importorskip("tensorflow")

from keras_comic.data.compilation import has_xla  # noqa: E402


class HasXlaTest(TestCase):
    def test_says_whether_functions_compile(self):
        triple = tf.function(lambda x: 3 * x, jit_compile=has_xla())
        self.assertEqual(triple(2.0), 6.0)

    def test_inside_a_graph(self):
        has_xla.cache_clear()
        dataset = tf.data.Dataset.range(1).map(lambda _: has_xla())
        self.assertEqual(bool(next(iter(dataset))), has_xla())
