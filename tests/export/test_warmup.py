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


class WarmupTest(TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.temporary_folder()
        self.path = self.folder / "assets.extra" / "tf_serving_warmup_requests"

    def test_round_trip(self):
        requests = make_warmup_requests([(32, 48)], [1, 3], num_styles=4)
        path = write_warmup_records(self.folder, requests)
        self.assertEqual(path, self.path)
        self.assertEqual(os.listdir(path.parent), [path.name])
        found = read_warmup_records(self.folder)
        self.assertEqual([n for n, _ in found], [n for n, _ in requests])
        for (_, read), (_, written) in zip(found, requests):
            self.assertEqual(sorted(read), sorted(written))
            for name, value in written.items():
                self.assertEqual(read[name].dtype, value.dtype)
                self.assertAllEqual(read[name], value)

    def test_records_are_prediction_logs(self):
        images = photos(1, 32, 32, 3)
        write_warmup_records(
            self.folder, [("serving_default", {"images": images})]
        )
        (record,) = tf.data.TFRecordDataset(str(self.path))
        log = api.PredictionLog.FromString(record.numpy())
        self.assertEqual(log.WhichOneof("log_type"), "predict_log")
        request = log.predict_log.request
        self.assertEqual(request.model_spec.signature_name, "serving_default")
        self.assertEqual(request.inputs["images"], tf.make_tensor_proto(images))

    def test_at_most_1000(self):
        request = ("serving_default", {"images": photos(1, 2, 2, 3)})
        write_warmup_records(self.folder, [request])
        with self.assertRaisesRegex(ValueError, "at most 1000"):
            write_warmup_records(self.folder, iter([request] * 1001))
        # What was there is kept, and nothing else is left.
        self.assertEqual(len(read_warmup_records(self.folder)), 1)
        self.assertEqual(os.listdir(self.path.parent), [self.path.name])
        write_warmup_records(self.folder, [request] * 1000)
        self.assertEqual(len(read_warmup_records(self.folder)), 1000)
        record = self.path.read_bytes()
        self.path.write_bytes(record + record[: len(record) // 1000])
        with self.assertRaisesRegex(ValueError, "at most 1000.*more, in"):
            read_warmup_records(self.folder)

    def test_no_request(self):
        self.assertEqual(read_warmup_records(self.folder), [])
        with self.assertRaisesRegex(ValueError, "at least one"):
            write_warmup_records(self.folder, [])
        self.assertFalse(self.path.exists())

    def test_damaged_files(self):
        write_warmup_records(
            self.folder, make_warmup_requests([(32, 32)], num_styles=1)
        )
        contents = self.path.read_bytes()
        message = "TFRecord of tensorflow.serving.PredictionLog"
        for damaged in (
            contents[:-9],
            b"no record at all",
            contents[:40] + b"\xff" * 99,
        ):
            self.path.write_bytes(damaged)
            with self.assertRaisesRegex(ValueError, message):
                read_warmup_records(self.folder)
        for data, expected in (
            (b"\xff\xff", message),
            (
                api.PredictionLog(
                    regress_log=api.RegressLog()
                ).SerializeToString(),
                "requests to predict. Received: a regress_log",
            ),
        ):
            with tf.io.TFRecordWriter(str(self.path)) as writer:
                writer.write(data)
            with self.assertRaisesRegex(ValueError, expected):
                read_warmup_records(self.folder)

    def test_requests(self):
        requests = make_warmup_requests(
            [(32, 40), (64, 33)], [1, 2], num_styles=3
        )
        names = [
            "serving_default",
            "serving_bytes",
            "serving_bytes",
            "serving_style_image",
            "serving_bytes_style_image",
            "serving_style_weights",
            "serving_bytes_style_weights",
        ]
        self.assertEqual([name for name, _ in requests], 4 * names)
        shapes = [r["images"].shape for n, r in requests if n == names[0]]
        self.assertEqual(
            shapes,
            [(1, 32, 40, 3), (2, 32, 40, 3), (1, 64, 33, 3), (2, 64, 33, 3)],
        )
        for _, inputs in requests:
            self.assertEqual(len({len(value) for value in inputs.values()}), 1)
        weights = requests[-1][1]
        self.assertAllClose(weights["style_weights"].sum(axis=-1), [1, 1])
        self.assertEqual(weights["style_weights"].dtype, "float32")
        self.assertEqual(weights["strength"].dtype, "float32")
        self.assertEqual(weights["keep_color"].tolist(), [False, True])
        style = requests[3][1]
        self.assertEqual(style["style_images"].shape, style["images"].shape)
        self.assertFalse((style["style_images"] == style["images"]).all())
        style = requests[4][1]
        for files in (style["image_bytes"], style["style_image_bytes"]):
            with Image.open(io.BytesIO(files[0])) as image:
                self.assertEqual(image.size, (40, 32))
        self.assertNotEqual(style["image_bytes"], style["style_image_bytes"])

    def test_without_named_styles(self):
        names = {name for name, _ in make_warmup_requests([(32, 32)])}
        self.assertEqual(
            names,
            {
                "serving_default",
                "serving_bytes",
                "serving_style_image",
                "serving_bytes_style_image",
            },
        )

    def test_encoded_pictures(self):
        requests = make_warmup_requests(
            [(40, 32)], [2], signatures=["serving_bytes"]
        )
        formats = []
        for name, inputs in requests:
            self.assertEqual(name, "serving_bytes")
            for encoded in inputs["image_bytes"]:
                with Image.open(io.BytesIO(encoded)) as image:
                    self.assertEqual(image.size, (32, 40))
                    formats.append(image.format)
        self.assertEqual(formats, ["JPEG", "JPEG", "PNG", "PNG"])

    def test_pictures_look_real(self):
        ((_, inputs),) = make_warmup_requests(
            [(64, 64)], [2], signatures=["serving_default"]
        )
        images = inputs["images"]
        self.assertEqual(images.dtype, "uint8")
        self.assertAllClose(images.mean(), 127.5, atol=20)
        self.assertAllClose(images.std(), 50, atol=15)
        self.assertFalse((images[0] == images[1]).all())
        # Neighbours resemble each other, unlike in noise.
        values = images.astype("float64")
        steps = np.abs(np.diff(values, axis=2)).mean()
        self.assertLess(steps, 0.6 * values.std())
        ((_, again),) = make_warmup_requests(
            [(64, 64)], [2], signatures=["serving_default"]
        )
        self.assertAllEqual(again["images"], images)

    def test_wrong_requests(self):
        for arguments, message in (
            ({"sizes": [(31, 64)]}, "at least 32 pixels"),
            ({"sizes": [64]}, "pairs of height and width"),
            ({"sizes": [(64, 64, 3)]}, "pairs of height and width"),
            ({"batch_sizes": [1, 0]}, "`batch_sizes` must be positive"),
            ({"signatures": ["serve"]}, "among serving_default, serving_bytes"),
            ({"signatures": ["serving_style_weights"]}, "`num_styles` must"),
            (
                {"signatures": ["serving_bytes_style_weights"]},
                "positive for serving_bytes_style_weights",
            ),
        ):
            with self.assertRaisesRegex(ValueError, message):
                make_warmup_requests(**arguments)

    def test_without_the_extra(self):
        with mock.patch.dict(sys.modules, {"tensorflow_serving.apis": None}):
            with self.assertRaisesRegex(ImportError, r"keras-comic\[serving\]"):
                write_warmup_records(self.folder, [])
