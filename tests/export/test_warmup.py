import io
import os
import sys
from unittest import mock

import numpy as np
import pytest
from PIL import Image

from tests.test_case import TestCase
from tests.test_case import photos

tf = pytest.importorskip("tensorflow")

from keras_comic.export.warmup import make_warmup_requests  # noqa: E402
from keras_comic.export.warmup import read_warmup_records  # noqa: E402
from keras_comic.export.warmup import write_warmup_records  # noqa: E402

api = pytest.importorskip("tensorflow_serving.apis.prediction_log_pb2")

IMAGES = tf.TensorSpec((None, None, None, 3), tf.uint8)
SIGNATURES = {
    "serving_default": {"images": IMAGES},
    "serving_bytes_style_weights": {
        "image_bytes": tf.TensorSpec((None,), tf.string),
        "style_weights": tf.TensorSpec((None, 3), tf.float32),
        "strength": tf.TensorSpec((None,), tf.float32),
        "keep_color": tf.TensorSpec((None,), tf.bool),
    },
    "style_names": {"style_index": tf.TensorSpec((None,), tf.int32)},
}


class WarmupTest(TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.temporary_folder()
        self.path = self.folder / "assets.extra" / "tf_serving_warmup_requests"

    def test_round_trip(self):
        requests = make_warmup_requests(SIGNATURES, [(32, 48)])
        path = write_warmup_records(self.folder, requests)
        self.assertEqual(path, self.path)
        self.assertEqual(os.listdir(path.parent), [path.name])
        found = read_warmup_records(self.folder)
        self.assertEqual([n for n, _ in found], [n for n, _ in requests])
        for (_, read), (_, written) in zip(found, requests, strict=True):
            self.assertEqual(sorted(read), sorted(written))
            for name, value in written.items():
                self.assertEqual(read[name].dtype, value.dtype)
                self.assertAllEqual(read[name], value)

    def test_at_most_1000(self):
        request = ("serving_default", {"images": photos(1, 2, 2, 3)})
        for count in (0, 1001):
            with self.assertRaisesRegex(ValueError, f"{count} requests"):
                write_warmup_records(self.folder, [request] * count)
        self.assertEqual(read_warmup_records(self.folder), [])
        write_warmup_records(self.folder, [request] * 1000)
        self.assertEqual(len(read_warmup_records(self.folder)), 1000)

    def test_damaged_files(self):
        write_warmup_records(self.folder, make_warmup_requests(SIGNATURES))
        contents = self.path.read_bytes()
        message = "TFRecord of tensorflow.serving.PredictionLog"
        for damaged in (contents[:-9], b"no record at all"):
            self.path.write_bytes(damaged)
            with self.assertRaisesRegex(ValueError, message):
                read_warmup_records(self.folder)
        regress = api.PredictionLog(regress_log=api.RegressLog())
        for data, expected in (
            (b"\xff\xff", message),
            (regress.SerializeToString(), "Received: a regress_log"),
        ):
            with tf.io.TFRecordWriter(str(self.path)) as writer:
                writer.write(data)
            with self.assertRaisesRegex(ValueError, expected):
                read_warmup_records(self.folder)

    def test_requests_follow_the_signatures(self):
        requests = make_warmup_requests(SIGNATURES, [(32, 40), (64, 33)])
        self.assertEqual([n for n, _ in requests], 2 * list(SIGNATURES))
        (_, default), (_, mix), (_, names), (_, second), *_ = requests
        self.assertEqual(default["images"].shape, (1, 32, 40, 3))
        self.assertEqual(second["images"].shape, (1, 64, 33, 3))
        with Image.open(io.BytesIO(mix["image_bytes"][0])) as image:
            self.assertEqual((image.format, image.size), ("JPEG", (40, 32)))
        self.assertAllEqual(mix["style_weights"], np.ones((1, 3), "float32"))
        self.assertAllEqual(mix["strength"], np.ones(1, "float32"))
        self.assertAllEqual(names["style_index"], np.zeros(1, "int32"))
        # Neighbours resemble each other, unlike in noise.
        images = default["images"].astype("float64")
        steps = np.abs(np.diff(images, axis=2)).mean()
        self.assertLess(steps, 0.7 * images.std())
        again = make_warmup_requests(SIGNATURES, [(32, 40)])
        self.assertAllEqual(again[0][1]["images"], images)

    def test_wrong_requests(self):
        for arguments, message in (
            ({"sizes": [(31, 64)]}, "at least 32 pixels"),
            ({"sizes": [64]}, "pairs of height and width"),
            ({"sizes": [(64, 64, 3)]}, "pairs of height and width"),
        ):
            with self.assertRaisesRegex(ValueError, message):
                make_warmup_requests(SIGNATURES, **arguments)

    def test_without_the_extra(self):
        with mock.patch.dict(sys.modules, {"tensorflow_serving.apis": None}):
            with self.assertRaisesRegex(ImportError, r"keras-comic\[serving\]"):
                write_warmup_records(self.folder, [("serving_default", {})])
