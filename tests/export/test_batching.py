import dataclasses
import re
import threading
from pathlib import Path

import pytest
from absl.testing import parameterized

from keras_comic.export import text_protobufs
from keras_comic.export.batching import BatchingParameters
from keras_comic.export.batching import make_batching_parameters
from keras_comic.export.batching import read_batching_parameters
from keras_comic.export.batching import write_batching_parameters
from tests.test_case import TestCase

# The example of TensorFlow Serving's configuration guide.
DOCUMENTED = """
max_batch_size { value: 128 }
batch_timeout_micros { value: 0 }
max_enqueued_batches { value: 1000000 }
num_batch_threads { value: 8 }
"""


class BatchingParametersTest(TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.path = self.temporary_folder() / "batching_parameters.txt"

    def read(self, text):
        self.path.write_text(text)
        return read_batching_parameters(self.path)

    def test_documented_file(self):
        self.assertEqual(
            self.read(DOCUMENTED),
            BatchingParameters(
                max_batch_size=128,
                batch_timeout_micros=0,
                max_enqueued_batches=1000000,
                num_batch_threads=8,
            ),
        )
        self.assertEqual(self.read("# Nothing."), BatchingParameters())

    def test_every_field_is_written_and_read(self):
        parameters = BatchingParameters(
            max_batch_size=64,
            batch_timeout_micros=2500,
            max_enqueued_batches=3,
            num_batch_threads=5,
            thread_pool_name="comics \"and' strips",
            allowed_batch_sizes=[1, 8, 16],
            pad_variable_length_inputs=True,
            enable_large_batch_splitting=True,
            max_execution_batch_size=16,
        )
        path = write_batching_parameters(self.path, parameters)
        self.assertEqual(read_batching_parameters(path), parameters)
        text = path.read_text()
        for field in dataclasses.fields(BatchingParameters):
            self.assertRegex(text, rf"(?m)^{field.name}\b")
        self.assertIn("max_batch_size { value: 64 }\n", text)
        self.assertIn("allowed_batch_sizes: 16\n", text)
        self.assertEqual(list(path.parent.iterdir()), [path])

    def test_fields_are_those_of_the_message(self):
        self.assertEqual(
            [f.name for f in dataclasses.fields(BatchingParameters)],
            list(text_protobufs.MESSAGES["BatchingParameters"]),
        )

    def test_defaults_are_those_of_tensorflow(self):
        tf = pytest.importorskip("tensorflow")
        header = Path(tf.sysconfig.get_include()).joinpath(
            "tensorflow/core/kernels/batching_util/shared_batch_scheduler.h"
        )
        if not header.is_file():
            self.skipTest("This TensorFlow has no headers.")
        text = header.read_text()

        def default(name):
            return re.search(rf"\w+ {name} = (.*?);", text)[1]

        parameters = BatchingParameters()
        self.assertEqual(
            default("input_batch_size_limit"), str(parameters.max_batch_size)
        )
        for name in ("batch_timeout_micros", "max_enqueued_batches"):
            self.assertEqual(default(name), str(getattr(parameters, name)))
        self.assertEqual(
            default("enable_large_batch_splitting"),
            str(parameters.enable_large_batch_splitting).lower(),
        )
        pool = re.search(r"thread_pool_name = \{?\"(\w+)\"", text)
        self.assertEqual(pool[1], parameters.thread_pool_name)
        self.assertIn("CPU", re.sub("Parallelism", "CPU", text))
        self.assertIn("max_enqueued_batches must be positive", text)

    def test_unchangeable_and_comparable(self):
        parameters = BatchingParameters(allowed_batch_sizes=[1000])
        with self.assertRaises(dataclasses.FrozenInstanceError):
            parameters.max_batch_size = 3
        self.assertEqual(
            hash(parameters), hash(dataclasses.replace(parameters))
        )

    @parameterized.parameters(
        ("max_batch_size { value: 8 }\nmax_batch { value: 1 }", 2, "max_batch"),
        ("\n\nallowed_batch_size: 3", 3, "allowed_batch_size"),
        ("max_batch_size { values: 8 }", 1, "fields of Int64Value are value"),
        ("max_batch_size: 8", 1, "written as `max_batch_size { value: 8 }`"),
        ("max_batch_size { value: 1.5 }", 1, "integer"),
        ("pad_variable_length_inputs: maybe", 1, "pad_variable"),
        (
            "max_batch_size { value: 1 }\nmax_batch_size { value: 2 }",
            2,
            "multiple",
        ),
    )
    def test_errors_name_file_line_and_field(self, text, line, field):
        with self.assertRaises(ValueError) as caught:
            self.read(text)
        message = str(caught.exception)
        self.assertIn(f"'{self.path}', line {line}: ", message)
        self.assertIn(field, message)

    def test_broken_files(self):
        with self.assertRaises(FileNotFoundError):
            read_batching_parameters(self.path)
        self.path.write_bytes(b"\xff\xfe")
        with self.assertRaisesRegex(ValueError, "text file in UTF-8"):
            read_batching_parameters(self.path)
        with self.assertRaisesRegex(
            ValueError, "batching_parameters.txt': .*must be positive"
        ):
            self.read("num_batch_threads { value: 0 }")

    @parameterized.parameters(
        ({"max_batch_size": 0}, "`max_batch_size` must be positive"),
        ({"batch_timeout_micros": -1}, "micros` must be non-negative"),
        ({"max_enqueued_batches": 0}, "batches` must be positive"),
        ({"num_batch_threads": 0}, "`num_batch_threads` must be positive"),
        (
            {"max_batch_size": 8, "allowed_batch_sizes": [4, 2, 8]},
            "must increase",
        ),
        (
            {"max_batch_size": 8, "allowed_batch_sizes": [4, 4, 8]},
            "must increase",
        ),
        (
            {"max_batch_size": 8, "allowed_batch_sizes": [1, 4]},
            "must equal `max_batch_size`. Received: .*max_batch_size=8",
        ),
        ({"allowed_batch_sizes": [0, 1000]}, "must be positive"),
        (
            {
                "max_batch_size": 8,
                "enable_large_batch_splitting": True,
                "max_execution_batch_size": 4,
                "allowed_batch_sizes": [2, 8],
            },
            "must equal `max_execution_batch_size`. .*=4",
        ),
        (
            {
                "max_batch_size": 8,
                "enable_large_batch_splitting": True,
                "max_execution_batch_size": 16,
            },
            "at most `max_batch_size`",
        ),
    )
    def test_rules(self, values, message):
        with self.assertRaisesRegex(ValueError, message):
            BatchingParameters(**values)

    @parameterized.parameters(
        ({"max_batch_size": 8.0}, "`max_batch_size` must be an integer"),
        ({"max_batch_size": None}, "`max_batch_size` must be an integer"),
        ({"max_enqueued_batches": True}, "must be an integer"),
        ({"allowed_batch_sizes": 8}, "a sequence of integers"),
        ({"allowed_batch_sizes": "8"}, "a sequence of integers"),
        ({"allowed_batch_sizes": ["8"]}, "must be an integer"),
        ({"pad_variable_length_inputs": 1}, "must be a boolean"),
        ({"thread_pool_name": None}, "must be a string"),
    )
    def test_types(self, values, message):
        with self.assertRaisesRegex(TypeError, message):
            BatchingParameters(**values)

    def test_splitting(self):
        parameters = BatchingParameters(
            max_batch_size=8,
            max_execution_batch_size=2,
            enable_large_batch_splitting=True,
            allowed_batch_sizes=(1, 2),
        )
        self.assertEqual(parameters.execution_batch_size, 2)
        # As in TensorFlow Serving, no effect without splitting.
        parameters = BatchingParameters(
            max_batch_size=8, max_execution_batch_size=2
        )
        self.assertEqual(parameters.execution_batch_size, 8)

    def test_parameters_for_images(self):
        mixed = make_batching_parameters()
        self.assertEqual(mixed.execution_batch_size, 1)
        self.assertEqual(mixed.max_batch_size, 8)
        shared = make_batching_parameters(mixed_sizes=False, max_batch_size=4)
        self.assertEqual(shared.execution_batch_size, 4)
        for parameters in (mixed, shared):
            self.assertFalse(parameters.pad_variable_length_inputs)
            # At most as many images wait as the docstring says.
            self.assertEqual(
                parameters.max_enqueued_batches
                * parameters.execution_batch_size,
                8 * parameters.max_batch_size,
            )
            write_batching_parameters(self.path, parameters)
            self.assertEqual(read_batching_parameters(self.path), parameters)
            text = self.path.read_text()
            self.assertIn("any sizes" if parameters is mixed else "fail", text)
        with self.assertRaisesRegex(ValueError, "must be positive"):
            make_batching_parameters(max_batch_size=0)


class SchedulerTest(TestCase, parameterized.TestCase):
    """The scheduler that TensorFlow Serving's batching is made of."""

    def answers(self, name, parameters, sizes):
        """What requests get that come at once: a shape, or an error."""
        tf = pytest.importorskip("tensorflow")
        images = tf.TensorSpec([None, None, None, 3], tf.uint8)
        execution_batch_size = parameters.execution_batch_size

        @tf.nondifferentiable_batch_function(
            num_batch_threads=parameters.num_batch_threads,
            max_batch_size=parameters.max_batch_size,
            batch_timeout_micros=parameters.batch_timeout_micros,
            # What it has for `max_execution_batch_size`.
            allowed_batch_sizes=[execution_batch_size],
            max_enqueued_batches=parameters.max_enqueued_batches,
            enable_large_batch_splitting=(
                parameters.enable_large_batch_splitting
            ),
        )
        def stylize(images):
            return 255 - images

        @tf.function(input_signature=[images])
        def serve(images):
            with tf.name_scope(name):
                return stylize(images)

        answers = [None] * len(sizes)

        def request(number):
            shape = (1 + number % 3, sizes[number], sizes[number], 3)
            try:
                answers[number] = serve(tf.zeros(shape, "uint8")).shape == shape
            except tf.errors.InvalidArgumentError as error:
                answers[number] = str(error)

        threads = [
            threading.Thread(target=request, args=(number,))
            for number in range(len(sizes))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return answers

    def test_mixed_sizes(self):
        parameters = make_batching_parameters()
        answers = self.answers("mixed", parameters, [32, 40, 48] * 4)
        self.assertEqual(answers, [True] * 12)

    def test_sizes_fail_when_they_share_a_batch(self):
        parameters = dataclasses.replace(
            make_batching_parameters(mixed_sizes=False),
            batch_timeout_micros=1_000_000,
        )
        answers = self.answers("shared", parameters, [32, 40, 48] * 4)
        self.assertIn("shape", " ".join(str(a) for a in answers).lower())
        answers = self.answers("one", parameters, [32] * 12)
        self.assertEqual(answers, [True] * 12)
