import gc
import shutil
import time
import weakref

import numpy as np
import pytest
import tensorflow as tf
from absl.testing import parameterized

from keras_comic.export.warmup import write_warmup_records
from keras_comic.serving.errors import ServingError
from keras_comic.serving.servable import Servable
from tests.serving.rest_servers import saved_model
from tests.serving.small_saved_model import small_saved_model
from tests.test_case import TestCase
from tests.test_case import photos

IMAGES = photos(2, 5, 6, 3)


class ServableTest(TestCase, parameterized.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.servable = Servable("comic", 1, saved_model())

    def predict(self, signature, **inputs):
        return self.servable.predict(signature, inputs).result(30)

    def test_signatures(self):
        self.assertEqual(
            (self.servable.name, self.servable.version), ("comic", 1)
        )
        signature = self.servable.signatures["serving_style_weights"]
        self.assertEqual(
            {
                n: (i.dtype, i.shape.as_list())
                for n, i in signature.inputs.items()
            },
            {
                "images": (tf.uint8, [None, None, None, 3]),
                "style_weights": (tf.float32, [None, 2]),
                "strength": (tf.float32, [None]),
                "keep_color": (tf.bool, [None]),
            },
        )
        self.assertEqual(list(signature.outputs), ["comics"])
        self.assertNotIn("__saved_model_init_op", self.servable.signatures)
        self.assertIn("__saved_model_init_op", self.servable.signature_defs)

    def test_predict(self):
        outputs = self.predict("serving_default", images=IMAGES)
        self.assertAllEqual(outputs["comics"], 255 - IMAGES)

    def test_strings(self):
        value = np.array([b"a\x00b\x00", b""], object)
        self.assertEqual(
            self.predict("echo", text=value)["text"].tolist(), value.tolist()
        )

    @pytest.mark.slow
    def test_batch_equals_singles_of_a_generator(self):
        generator, folder = small_saved_model()
        servable = Servable("comic", 1, folder)
        images = photos(3, 33, 32, 3)
        futures = [
            servable.predict("serving_default", {"images": images[i : i + 1]})
            for i in range(3)
        ]
        for image, future in zip(images, futures):
            comic = future.result(30)["comics"][0].astype(int)
            single = generator.stylize(image).astype(int)
            self.assertLessEqual(np.abs(comic - single).max(), 1)

    @parameterized.named_parameters(
        ("signature", "none", {}, "FAILED_PRECONDITION", '"none" not found'),
        (
            "missing",
            "two_outputs",
            {"x": np.zeros(1, "float32")},
            "INVALID_ARGUMENT",
            "Missing but required: {n}",
        ),
        (
            "extra",
            "half_plus",
            {"x": np.zeros(1, "float32"), "z": np.zeros(1)},
            "INVALID_ARGUMENT",
            "Sent extra: {z}",
        ),
        (
            "type",
            "serving_default",
            {"images": IMAGES.astype("int32")},
            "INVALID_ARGUMENT",
            "must have the type uint8. Received: int32",
        ),
        (
            "number_for_string",
            "echo",
            {"text": np.zeros(1)},
            "INVALID_ARGUMENT",
            "must have the type string. Received: float64",
        ),
        (
            "shape",
            "serving_default",
            {"images": IMAGES[..., 0]},
            "INVALID_ARGUMENT",
            "must have the shape [?,?,?,3]. Received: [2,5,6]",
        ),
        (
            "batches",
            "two_outputs",
            {"x": np.zeros(2, "float32"), "n": np.zeros((1, 2), "int32")},
            "INVALID_ARGUMENT",
            "equal 0th-dimension size",
        ),
        (
            "no_rows",
            "serving_default",
            {"images": IMAGES[:0]},
            "INVALID_ARGUMENT",
            "at least one row",
        ),
    )
    def test_refused_at_once(self, signature, inputs, code, message):
        with self.assertRaises(ServingError) as raised:
            self.servable.predict(signature, inputs)
        self.assertEqual(raised.exception.code, code)
        self.assertIn(message, str(raised.exception))

    def test_refused_by_the_graph(self):
        future = self.servable.predict(
            "serving_default", {"images": IMAGES[:, :1]}
        )
        error = future.exception(30)
        self.assertEqual(error.code, "INVALID_ARGUMENT")
        self.assertIn("`images` must have larger sides.", str(error))

    def test_deadline_that_is_over(self):
        future = self.servable.predict(
            "serving_default", {"images": IMAGES}, deadline=time.monotonic() - 1
        )
        self.assertEqual(future.exception(30).code, "DEADLINE_EXCEEDED")

    def test_it_ends_when_nobody_holds_it(self):
        servable = Servable("comic", 1, saved_model())
        batcher = servable.batcher
        future = servable.predict("serving_default", {"images": IMAGES})
        gone = weakref.ref(servable)
        del servable
        gc.collect()
        self.assertIsNone(gone())
        self.assertAllEqual(future.result(30)["comics"], 255 - IMAGES)
        for thread in batcher._threads:
            thread.join(5)
            self.assertFalse(thread.is_alive())

    def make_version(self):
        folder = self.temporary_folder() / "1"
        shutil.copytree(saved_model(), folder)
        return folder

    def test_warmup_records_are_run(self):
        folder = self.make_version()
        write_warmup_records(folder, [("serving_default", {"images": IMAGES})])
        Servable("comic", 1, folder)
        write_warmup_records(
            folder, [("serving_default", {"images": IMAGES[:, :1]})]
        )
        with self.assertRaisesRegex(
            ServingError, "Warm-up record 0 fails: `images` must have larger"
        ):
            Servable("comic", 1, folder)

    def test_folder_without_a_model(self):
        with self.assertRaisesRegex(FileNotFoundError, "saved_model.pb"):
            Servable("comic", 1, self.temporary_folder())

    def test_damaged_graph(self):
        folder = self.make_version()
        (folder / "saved_model.pb").write_bytes(b"no graph")
        with self.assertRaisesRegex(ServingError, "cannot be read"):
            Servable("comic", 1, folder)

    def test_missing_variables(self):
        folder = self.make_version()
        shutil.rmtree(folder / "variables")
        with self.assertRaisesRegex(ServingError, "cannot be loaded"):
            Servable("comic", 1, folder)
