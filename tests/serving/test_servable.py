import shutil

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from keras_comic.export.warmup import write_warmup_records
from keras_comic.serving.errors import ServingError
from keras_comic.serving.servable import UNKNOWN_BYTES
from keras_comic.serving.servable import Servable
from keras_comic.serving.servable import decoded_bytes
from tests.serving.hostile_requests import FILES
from tests.serving.hostile_requests import HUGE_SIDE
from tests.serving.hostile_requests import png_file
from tests.serving.rest_servers import saved_model
from tests.test_case import TestCase
from tests.test_case import photos

IMAGES = photos(2, 5, 6, 3)
ONE = np.zeros(1, "float32")


class ServableTest(TestCase, parameterized.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.servable = Servable("comic", saved_model())

    def test_signatures(self):
        inputs = self.servable.signatures["serving_style_weights"].inputs
        self.assertEqual(
            {n: (i.dtype, i.shape.as_list()) for n, i in inputs.items()},
            {
                "images": (tf.uint8, [None, None, None, 3]),
                "style_weights": (tf.float32, [None, 2]),
                "strength": (tf.float32, [None]),
                "keep_color": (tf.bool, [None]),
            },
        )
        self.assertNotIn("__saved_model_init_op", self.servable.signatures)
        self.assertIn("__saved_model_init_op", self.servable.signature_defs)

    @parameterized.named_parameters(
        ("signature", "none", {}, "FAILED_PRECONDITION", '"none" not found'),
        ("missing", "two_outputs", {"x": ONE}, None, "but required: {n}"),
        ("extra", "half_plus", {"x": ONE, "z": ONE}, None, "extra: {z}"),
        (
            "type",
            "serving_default",
            {"images": IMAGES.astype("int32")},
            None,
            "must have the type uint8. Received: int32",
        ),
        (
            "shape",
            "serving_default",
            {"images": IMAGES[..., 0]},
            None,
            "must have the shape [?,?,?,3]. Received: [2,5,6]",
        ),
        (
            "batches",
            "two_outputs",
            {"x": np.zeros(2, "float32"), "n": np.zeros((1, 2), "int32")},
            None,
            "equal 0th-dimension size",
        ),
    )
    def test_refused_at_once(self, signature, inputs, code, message):
        with self.assertRaises(ServingError) as raised:
            self.servable.predict(signature, inputs)
        self.assertEqual(raised.exception.code, code or "INVALID_ARGUMENT")
        self.assertIn(message, str(raised.exception))

    def make_version(self, number=1):
        folder = self.temporary_folder() / str(number)
        shutil.copytree(saved_model(), folder)
        return folder

    def test_newest_version(self):
        base = self.make_version(3).parent
        shutil.copytree(base / "3", base / "12")
        (base / "20").mkdir()
        self.assertEqual(Servable("comic", base).version, 12)
        self.assertEqual(Servable("comic", base / "3").version, 3)

    def test_warmup_records_are_run(self):
        folder = self.make_version()
        write_warmup_records(folder, [("serving_default", {"images": IMAGES})])
        Servable("comic", folder)
        write_warmup_records(
            folder, [("serving_default", {"images": IMAGES[:, :1]})]
        )
        with self.assertRaisesRegex(
            ServingError, "Warm-up record 0 fails: `images` must have larger"
        ):
            Servable("comic", folder)

    def test_damaged_folders(self):
        with self.assertRaisesRegex(FileNotFoundError, "saved_model.pb"):
            Servable("comic", self.temporary_folder())
        folder = self.make_version()
        shutil.rmtree(folder / "variables")
        with self.assertRaisesRegex(ServingError, "cannot be loaded"):
            Servable("comic", folder)
        (folder / "saved_model.pb").write_bytes(b"no graph")
        with self.assertRaisesRegex(ServingError, "cannot be read"):
            Servable("comic", folder)

    def test_decoded_bytes(self):
        huge = png_file(HUGE_SIDE, HUGE_SIDE, 8, 2, None)
        for file, size in (
            (FILES[0], 3 * 32 * 32),
            (FILES[1], 3 * 32 * 32),
            (huge, 3 * HUGE_SIDE**2),
            (b"text", UNKNOWN_BYTES),
        ):
            inputs = {"files": np.array([file], object), "x": ONE}
            self.assertGreaterEqual(decoded_bytes(inputs), size + 4)
            self.assertLessEqual(decoded_bytes(inputs), UNKNOWN_BYTES + 4)
