import grpc
import tensorflow as tf
from absl.testing import parameterized

from keras_comic.serving.errors import CODES
from keras_comic.serving.errors import ServingError
from keras_comic.serving.errors import as_serving_error
from tests.serving.rest_servers import saved_model
from tests.test_case import TestCase


class ErrorsTest(TestCase, parameterized.TestCase):
    def test_every_code_of_grpc(self):
        numbers = {status.value[0]: status.name for status in grpc.StatusCode}
        self.assertEqual(dict(enumerate(CODES)), numbers)

    def test_unknown_code(self):
        with self.assertRaisesRegex(ValueError, "Received: code='LOST'"):
            ServingError("LOST", "")

    @parameterized.named_parameters(
        (
            "of_an_op",
            tf.errors.ResourceExhaustedError(
                None, None, "{{function_node __x}} no memory [Op:Conv2D] name: "
            ),
            "RESOURCE_EXHAUSTED",
            "no memory",
        ),
        ("timeout", TimeoutError(), "DEADLINE_EXCEEDED", "The deadline has"),
        ("memory", MemoryError(), "RESOURCE_EXHAUSTED", "not enough memory"),
        # Its text may be for nobody else.
        ("other", KeyError("/secret"), "INTERNAL", "Internal error: KeyError"),
    )
    def test_as_serving_error(self, raised, code, message):
        error = as_serving_error(raised)
        self.assertEqual(error.code, code)
        self.assertIn(message, str(error))
        self.assertNotIn("secret", str(error))
        self.assertIs(as_serving_error(error), error)

    @parameterized.parameters(
        (
            {"images": tf.zeros((1, 2, 5, 3), tf.uint8)},
            "`images` must have larger sides. Received: [1 2 5...]",
        ),
        (
            {"image_bytes": tf.constant([b"no image"])},
            "Unknown image file format",
        ),
    )
    def test_errors_of_a_graph(self, inputs, message):
        signatures = tf.saved_model.load(str(saved_model())).signatures
        name = "serving_default" if "images" in inputs else "serving_bytes"
        with self.assertRaises(tf.errors.InvalidArgumentError) as raised:
            signatures[name](**inputs)
        error = str(as_serving_error(raised.exception))
        self.assertStartsWith(error, message)

    def test_long_messages_are_cut(self):
        error = tf.errors.InternalError(None, None, "x" * 5000)
        self.assertLess(len(str(as_serving_error(error))), 1100)
