import keras
from absl.testing import parameterized

from keras_comic.layers import network_policy
from tests.test_case import TestCase


class NetworkPolicyTest(TestCase, parameterized.TestCase):
    @parameterized.parameters(
        ("float32", "float32"),
        ("mixed_bfloat16", "mixed_bfloat16"),
        ("float64", "float32"),
    )
    def test_global(self, policy, expected):
        keras.config.set_dtype_policy(policy)
        self.assertEqual(network_policy().name, expected)

    def test_given(self):
        self.assertEqual(network_policy("float64"), "float64")
