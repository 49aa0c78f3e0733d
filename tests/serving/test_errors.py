import tensorflow as tf
from absl.testing import parameterized

from keras_comic.serving.errors import HTTP_STATUS
from keras_comic.serving.errors import ServingError
from keras_comic.serving.errors import as_serving_error
from tests.serving.rest_servers import saved_model
from tests.test_case import TestCase


class ErrorsTest(TestCase, parameterized.TestCase):
    @parameterized.parameters(
        ("INVALID_ARGUMENT", 400),
        ("NOT_FOUND", 404),
        ("RESOURCE_EXHAUSTED", 429),
        ("UNAVAILABLE", 503),
        ("DEADLINE_EXCEEDED", 504),
        ("UNAUTHENTICATED", 401),
        ("FAILED_PRECONDITION", 400),
        ("UNIMPLEMENTED", 501),
        ("INTERNAL", 500),
    )
    def test_http_status(self, code, status):
        error = ServingError(code, "What happened.")
        self.assertEqual(error.http_status, status)
        self.assertEqual(str(error), "What happened.")

    def test_every_code_of_grpc(self):
        import grpc

        self.assertCountEqual(HTTP_STATUS, [s.name for s in grpc.StatusCode])

    def test_unknown_code(self):
        with self.assertRaisesRegex(ValueError, "Received: code='LOST'"):
            ServingError("LOST", "")

    @parameterized.named_parameters(
        (
            "raised",
            tf.errors.InvalidArgumentError(None, None, "wrong"),
            "INVALID_ARGUMENT",
            "wrong",
        ),
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
        # What it says may be for nobody else.
        ("other", KeyError("/secret"), "INTERNAL", "Internal error: KeyError"),
    )
    def test_as_serving_error(self, raised, code, message):
        error = as_serving_error(raised)
        self.assertEqual(error.code, code)
        self.assertIn(message, str(error))
        self.assertNotIn("secret", str(error))

    def test_serving_error_stays(self):
        error = ServingError("NOT_FOUND", "gone")
        self.assertIs(as_serving_error(error), error)

    def test_assertion_in_a_graph(self):
        signatures = tf.saved_model.load(str(saved_model())).signatures
        with self.assertRaises(tf.errors.InvalidArgumentError) as raised:
            signatures["serving_default"](
                images=tf.zeros((1, 2, 5, 3), tf.uint8)
            )
        self.assertEqual(
            str(as_serving_error(raised.exception)),
            "`images` must have larger sides. Received: [1 2 5...]",
        )

    def test_error_of_an_op_in_a_graph(self):
        signatures = tf.saved_model.load(str(saved_model())).signatures
        with self.assertRaises(tf.errors.InvalidArgumentError) as raised:
            signatures["serving_bytes"](image_bytes=tf.constant([b"no image"]))
        self.assertStartsWith(
            str(as_serving_error(raised.exception)), "Unknown image file format"
        )

    def test_assertion_in_the_process_that_made_it(self):
        @tf.function
        def check(value):
            with tf.control_dependencies(
                [tf.debugging.Assert(value > 3, ["Too small: value", value])]
            ):
                return tf.identity(value)

        with self.assertRaises(tf.errors.InvalidArgumentError) as raised:
            check(tf.constant(2))
        self.assertEqual(
            str(as_serving_error(raised.exception)), "Too small: value=2"
        )

    def test_long_messages_are_cut(self):
        error = tf.errors.InternalError(None, None, "x" * 5000)
        self.assertLess(len(str(as_serving_error(error))), 1100)
