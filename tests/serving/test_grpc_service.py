"""TensorFlow Serving's messages, through its own stubs, over a real socket."""

import io
import time
from concurrent import futures

import grpc
import numpy as np
import pytest
import tensorflow as tf
from absl.testing import parameterized
from PIL import Image
from tensorflow.core.framework import tensor_pb2
from tensorflow_serving.apis import classification_pb2
from tensorflow_serving.apis import get_model_metadata_pb2
from tensorflow_serving.apis import get_model_status_pb2
from tensorflow_serving.apis import inference_pb2
from tensorflow_serving.apis import model_management_pb2
from tensorflow_serving.apis import model_service_pb2_grpc
from tensorflow_serving.apis import predict_pb2
from tensorflow_serving.apis import prediction_service_pb2_grpc
from tensorflow_serving.apis import regression_pb2

from keras_comic.export.batching import BatchingParameters
from keras_comic.export.model_config import ModelConfig
from keras_comic.serving.model_repository import ModelRepository
from tests.serving.grpc_servers import call_without_reading
from tests.serving.grpc_servers import start_grpc_server
from tests.serving.grpc_servers import waiting_saved_model
from tests.serving.small_saved_model import small_saved_model
from tests.test_case import TestCase
from tests.test_case import photos

SECONDS = 60.0
MAX_BYTES = 2**20
HOW = {"strength": np.ones(2, "float32"), "keep_color": np.zeros(2, "bool")}
WEIGHTS = np.array([[1, 0], [1, 3]], "float32")


def picture(*shape, seed=0):
    return photos(*shape, 3, seed=seed)


def png(image):
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()


def typed(array):
    """A tensor by its values, as some clients write it."""
    proto = tensor_pb2.TensorProto(
        dtype=tf.as_dtype(array.dtype).as_datatype_enum,
        int_val=array.reshape(-1).tolist(),
    )
    for side in array.shape:
        proto.tensor_shape.dim.add(size=side)
    return proto


def repeated(*shape):
    """A large picture of one value, in a few bytes."""
    proto = tf.make_tensor_proto(np.uint8(1), shape=shape)
    return proto


def broken(*shape, content):
    proto = tensor_pb2.TensorProto(
        dtype=tf.uint8.as_datatype_enum, tensor_content=content
    )
    for side in shape:
        proto.tensor_shape.dim.add(size=side)
    return proto


def predict_request(
    inputs, name="comic", signature="", version=None, label=None, filters=()
):
    request = predict_pb2.PredictRequest(output_filter=filters)
    request.model_spec.name = name
    request.model_spec.signature_name = signature
    if version is not None:
        request.model_spec.version.value = version
    if label is not None:
        request.model_spec.version_label = label
    for key, value in inputs.items():
        if isinstance(value, np.ndarray):
            value = tf.make_tensor_proto(value)
        request.inputs[key].CopyFrom(value)
    return request


IMAGES = {"images": picture(2, 33, 47)}

# Name of the case, options of the request, code, what the message holds.
REFUSED = (
    (
        "unknown_model",
        {"inputs": IMAGES, "name": "nobody"},
        "NOT_FOUND",
        r"^Servable not found for request: Latest\(nobody\)$",
    ),
    (
        "unknown_version",
        {"inputs": IMAGES, "version": 7},
        "NOT_FOUND",
        r"^Servable not found for request: Specific\(comic, 7\)$",
    ),
    (
        "unknown_version_of_unknown_model",
        {"inputs": IMAGES, "name": "x", "version": 7},
        "NOT_FOUND",
        r"^Servable not found for request: Specific\(x, 7\)$",
    ),
    (
        "unknown_label",
        {"inputs": IMAGES, "label": "nope"},
        "INVALID_ARGUMENT",
        "^Unrecognized servable version label: nope$",
    ),
    (
        "no_name",
        {"inputs": IMAGES, "name": ""},
        "INVALID_ARGUMENT",
        "^ModelSpec has no name specified.$",
    ),
    (
        "unknown_signature",
        {"inputs": IMAGES, "signature": "classify"},
        "FAILED_PRECONDITION",
        '^Serving signature key "classify" not found.$',
    ),
    (
        "no_inputs",
        {"inputs": {}},
        "INVALID_ARGUMENT",
        r"^input size does not match signature: 0!=1 len\({}\) != "
        r"len\({images}\). Sent extra: {}. Missing but required: {images}.$",
    ),
    (
        "one_of_four_inputs",
        {"inputs": IMAGES, "signature": "serving_style_weights"},
        "INVALID_ARGUMENT",
        r"1!=4 .*Missing but required: {keep_color,strength,style_weights}.$",
    ),
    (
        "extra_input",
        {"inputs": {**IMAGES, "alpha": picture(1, 1)}},
        "INVALID_ARGUMENT",
        "2!=1 .*Sent extra: {alpha}. Missing but required: {}.$",
    ),
    (
        "wrong_name",
        {"inputs": {"photos": picture(1, 32, 32)}},
        "INVALID_ARGUMENT",
        "Sent extra: {photos}. Missing but required: {images}.$",
    ),
    (
        "float_images",
        {"inputs": {"images": np.zeros((1, 32, 32, 3), "float32")}},
        "INVALID_ARGUMENT",
        r"^Expects arg\[0\] to be uint8 but float32 is provided",
    ),
    (
        "integer_strength",
        {
            "inputs": {
                **IMAGES,
                **HOW,
                "style_weights": WEIGHTS,
                "strength": np.ones(2, "int64"),
            },
            "signature": "serving_style_weights",
        },
        "INVALID_ARGUMENT",
        r"^Expects arg\[2\] to be float32 but int64 is provided",
    ),
    (
        "no_type",
        {"inputs": {"images": tensor_pb2.TensorProto()}},
        "INVALID_ARGUMENT",
        "to be uint8 but invalid is provided",
    ),
    (
        "one_photo_without_a_batch",
        {"inputs": {"images": picture(32, 32)}},
        "INVALID_ARGUMENT",
        r"images .*\[\?,\?,\?,3\].*\[32,32,3\]",
    ),
    (
        "four_channels",
        {"inputs": {"images": np.zeros((1, 32, 32, 4), "uint8")}},
        "INVALID_ARGUMENT",
        r"\[\?,\?,\?,3\].*\[1,32,32,4\]",
    ),
    (
        "scalar",
        {"inputs": {"images": np.array(3, "uint8")}},
        "INVALID_ARGUMENT",
        r"\[\?,\?,\?,3\].*\[\]",
    ),
    (
        "empty_batch",
        {"inputs": {"images": np.zeros((0, 32, 32, 3), "uint8")}},
        "INVALID_ARGUMENT",
        "at least one row",
    ),
    (
        "truncated_content",
        {"inputs": {"images": broken(1, 32, 32, 3, content=b"123")}},
        "INVALID_ARGUMENT",
        "^tensor parsing error: images. 3 bytes for 3072 values",
    ),
    (
        "negative_side",
        {"inputs": {"images": broken(1, -1, 32, 3, content=b"123")}},
        "INVALID_ARGUMENT",
        "^tensor parsing error: images. The shape is not known in full",
    ),
    (
        "bomb",
        {"inputs": {"images": repeated(1, 30_000, 30_000, 3)}},
        "INVALID_ARGUMENT",
        "^tensor parsing error: images. The tensor takes more than",
    ),
    (
        "small_side",
        {"inputs": {"images": picture(1, 31, 64)}},
        "INVALID_ARGUMENT",
        "sides of at least 32 pixels.*31",
    ),
    (
        "strength_above_one",
        {
            "inputs": {
                **IMAGES,
                **HOW,
                "style_weights": WEIGHTS,
                "strength": np.array([0, 2], "float32"),
            },
            "signature": "serving_style_weights",
        },
        "INVALID_ARGUMENT",
        r"`strength` must be in \[0, 1\]",
    ),
    (
        "weight_not_a_number",
        {
            "inputs": {**IMAGES, **HOW, "style_weights": WEIGHTS * np.nan},
            "signature": "serving_style_weights",
        },
        "INVALID_ARGUMENT",
        "`style_weights` must be numbers of at least 0",
    ),
    (
        "too_many_styles",
        {
            "inputs": {**IMAGES, **HOW, "style_weights": np.ones((2, 3), "f4")},
            "signature": "serving_style_weights",
        },
        "INVALID_ARGUMENT",
        r"style_weights .*\[\?,2\].*\[2,3\]",
    ),
    (
        "batches_of_two_sizes",
        {
            "inputs": {**IMAGES, **HOW, "style_weights": WEIGHTS[:1]},
            "signature": "serving_style_weights",
        },
        "INVALID_ARGUMENT",
        "^Batching Run.. input tensors must have equal 0th-dimension size$",
    ),
    (
        "not_an_image",
        {
            "inputs": {"image_bytes": np.array([b"GIF89 or so"], object)},
            "signature": "serving_bytes",
        },
        "INVALID_ARGUMENT",
        ".",
    ),
    (
        "truncated_png",
        {
            "inputs": {
                "image_bytes": np.array([png(picture(40, 40))[:900]], object)
            },
            "signature": "serving_bytes",
        },
        "INVALID_ARGUMENT",
        ".",
    ),
    (
        "unknown_output",
        {"inputs": IMAGES, "filters": ["comics", "depth"]},
        "INVALID_ARGUMENT",
        "^output tensor alias not found in signature: depth Outputs expected "
        "to be in the set {comics}.$",
    ),
    (
        "output_twice",
        {"inputs": IMAGES, "filters": ["comics", "comics"]},
        "INVALID_ARGUMENT",
        "^duplicate output tensor alias: comics$",
    ),
)

ANSWERED = (
    ("packed", {"inputs": IMAGES}),
    ("typed_values", {"inputs": {"images": typed(IMAGES["images"])}}),
    ("signature", {"inputs": IMAGES, "signature": "serving_default"}),
    ("version", {"inputs": IMAGES, "version": 1}),
    ("label", {"inputs": IMAGES, "label": "stable"}),
    ("output_filter", {"inputs": IMAGES, "filters": ["comics"]}),
    ("one_photo", {"inputs": {"images": picture(1, 33, 47)}}),
    ("five_photos", {"inputs": {"images": picture(5, 40, 32)}}),
    # Values that are left out are the last.
    ("one_value", {"inputs": {"images": repeated(1, 32, 40, 3)}}),
)


@pytest.fixture(scope="class")
def server(request):
    request.cls.generator, folder = small_saved_model()
    request.cls.repository = ModelRepository(
        [
            ModelConfig(
                "comic", folder.parent, versions=[1], labels={"stable": 1}
            ),
            ModelConfig("waiting", waiting_saved_model()),
        ],
        max_queue=4,
        poll_seconds=None,
        # What comes second waits.
        batching=BatchingParameters(num_batch_threads=1),
    )
    yield
    request.cls.repository.close(0)


@pytest.mark.usefixtures("server")
class GrpcServiceTest(TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.connect()

    def connect(self, **options):
        options = {"max_message_bytes": MAX_BYTES, **options}
        _, address = start_grpc_server(self, self.repository, **options)
        channel = grpc.insecure_channel(
            address, [("grpc.max_receive_message_length", -1)]
        )
        self.addCleanup(channel.close)
        self.stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        self.models = model_service_pb2_grpc.ModelServiceStub(channel)
        return address

    def assertRefused(self, call, code, message):
        with self.assertRaises(grpc.RpcError) as raised:
            call()
        self.assertEqual(raised.exception.code().name, code)
        self.assertRegex(raised.exception.details(), message)

    def assertSamePictures(self, found, expected):
        self.assertEqual(found.shape, expected.shape)
        difference = np.abs(found.astype(int) - expected)
        self.assertLessEqual(difference.max(), 1)
        self.assertLessEqual((difference > 0).mean(), 1e-3)

    # Predict.

    @parameterized.named_parameters(*ANSWERED)
    def test_answers(self, options):
        response = self.stub.Predict(predict_request(**options), SECONDS)
        self.assertEqual(response.model_spec.name, "comic")
        self.assertEqual(response.model_spec.version.value, 1)
        self.assertEqual(response.model_spec.signature_name, "serving_default")
        self.assertEqual(list(response.outputs), ["comics"])
        images = options["inputs"]["images"]
        if isinstance(images, tensor_pb2.TensorProto):
            images = tf.make_ndarray(images)
        comics = tf.make_ndarray(response.outputs["comics"])
        self.assertDType(comics, "uint8")
        self.assertSamePictures(comics, self.generator.stylize(images))

    def test_mix_of_styles(self):
        inputs = {**IMAGES, **HOW, "style_weights": WEIGHTS}
        response = self.stub.Predict(
            predict_request(inputs, signature="serving_style_weights"), SECONDS
        )
        comics = tf.make_ndarray(response.outputs["comics"])
        for comic, image, weights in zip(
            comics, IMAGES["images"], WEIGHTS.tolist(), strict=True
        ):
            mix = {"ink": weights[0], "wash": weights[1]}
            self.assertSamePictures(comic, self.generator.stylize(image, mix))

    def test_files(self):
        images = [picture(40, 33), picture(32, 64, seed=1)]
        files = np.empty(2, object)
        files[:] = [png(image) for image in images]
        response = self.stub.Predict(
            predict_request({"image_bytes": files}, signature="serving_bytes"),
            SECONDS,
        )
        comics = tf.make_ndarray(response.outputs["comic_bytes"])
        for image, comic in zip(images, comics, strict=True):
            found = np.asarray(Image.open(io.BytesIO(comic)))
            self.assertSamePictures(found, self.generator.stylize(image))

    def test_names_of_styles(self):
        inputs = {"style_index": np.arange(2, dtype="int32")}
        response = self.stub.Predict(
            predict_request(inputs, signature="style_names"), SECONDS
        )
        names = tf.make_ndarray(response.outputs["style_names"])
        self.assertEqual(names.tolist(), [b"ink", b"wash"])

    @parameterized.named_parameters(*REFUSED)
    def test_refuses(self, options, code, message):
        request = predict_request(**options)
        self.assertRefused(
            lambda: self.stub.Predict(request, SECONDS), code, message
        )

    def test_no_spec(self):
        for call, request in (
            (self.stub.Predict, predict_pb2.PredictRequest()),
            (
                self.stub.GetModelMetadata,
                get_model_metadata_pb2.GetModelMetadataRequest(),
            ),
            (
                self.models.GetModelStatus,
                get_model_status_pb2.GetModelStatusRequest(),
            ),
        ):
            self.assertRefused(
                lambda call=call, request=request: call(request, SECONDS),
                "INVALID_ARGUMENT",
                "^Missing ModelSpec$",
            )

    def test_not_implemented(self):
        for call, request, message in (
            (
                self.stub.Classify,
                classification_pb2.ClassificationRequest(),
                "answers Predict, .*which Classify has no form for",
            ),
            (
                self.stub.Regress,
                regression_pb2.RegressionRequest(),
                "which Regress has no form for",
            ),
            (
                self.stub.MultiInference,
                inference_pb2.MultiInferenceRequest(),
                "which MultiInference has no form for",
            ),
            (
                self.models.HandleReloadConfigRequest,
                model_management_pb2.ReloadConfigRequest(),
                "finds new versions in the folders",
            ),
        ):
            self.assertRefused(
                lambda call=call, request=request: call(request, SECONDS),
                "UNIMPLEMENTED",
                message,
            )

    # Metadata and status.

    def metadata_request(self, fields=("signature_def",), **spec):
        request = get_model_metadata_pb2.GetModelMetadataRequest(
            metadata_field=fields
        )
        request.model_spec.name = spec.get("name", "comic")
        if "version" in spec:
            request.model_spec.version.value = spec["version"]
        return request

    def test_metadata(self):
        response = self.stub.GetModelMetadata(
            self.metadata_request(), timeout=SECONDS
        )
        self.assertEqual(response.model_spec.name, "comic")
        self.assertEqual(response.model_spec.version.value, 1)
        found = get_model_metadata_pb2.SignatureDefMap()
        self.assertTrue(response.metadata["signature_def"].Unpack(found))
        signature = found.signature_def["serving_style_weights"]
        self.assertEqual(signature.method_name, "tensorflow/serving/predict")
        self.assertCountEqual(
            signature.inputs,
            ["images", "style_weights", "strength", "keep_color"],
        )
        images = signature.inputs["images"]
        self.assertEqual(images.dtype, tf.uint8.as_datatype_enum)
        sides = [dim.size for dim in images.tensor_shape.dim]
        self.assertEqual(sides, [-1, -1, -1, 3])
        self.assertNotEmpty(images.name)

    @parameterized.parameters(
        ({"fields": ()}, "INVALID_ARGUMENT", "at least one metadata_field"),
        ({"fields": ["x"]}, "INVALID_ARGUMENT", "field x is not supported"),
        ({"name": "x"}, "NOT_FOUND", r"for request: Latest\(x\)$"),
        ({"version": 2}, "NOT_FOUND", r"request: Specific\(comic, 2\)$"),
    )
    def test_metadata_refused(self, options, code, message):
        request = self.metadata_request(**options)
        self.assertRefused(
            lambda: self.stub.GetModelMetadata(request, SECONDS), code, message
        )

    def status_of(self, name, version=None):
        request = get_model_status_pb2.GetModelStatusRequest()
        request.model_spec.name = name
        if version is not None:
            request.model_spec.version.value = version
        return self.models.GetModelStatus(request, SECONDS)

    def test_status(self):
        for name, version, expected in (
            ("comic", None, 1),
            ("comic", 1, 1),
            ("waiting", None, 3),
        ):
            (found,) = self.status_of(name, version).model_version_status
            self.assertEqual(found.version, expected)
            self.assertEqual(
                found.state, get_model_status_pb2.ModelVersionStatus.AVAILABLE
            )
            self.assertEqual(found.status.error_code, 0)
            self.assertEqual(found.status.error_message, "")

    def test_status_refused(self):
        self.assertRefused(
            lambda: self.status_of("x"),
            "NOT_FOUND",
            "^Could not find any versions of model x$",
        )
        self.assertRefused(
            lambda: self.status_of("comic", 7),
            "NOT_FOUND",
            "^Could not find version 7 of model comic$",
        )

    # Bounds.

    def test_token(self):
        self.connect(token="sesame")
        calls = (
            lambda metadata: self.stub.Predict(
                predict_request(IMAGES), SECONDS, metadata
            ),
            lambda metadata: self.stub.GetModelMetadata(
                self.metadata_request(), SECONDS, metadata
            ),
            lambda metadata: self.stub.Classify(
                classification_pb2.ClassificationRequest(), SECONDS, metadata
            ),
        )
        wrong = ("Bearer wrong", "sesame", "Bearer sesame ", "Bearer ")
        for call in calls:
            for metadata in (
                None,
                *([("authorization", value)] for value in wrong),
            ):
                self.assertRefused(
                    lambda call=call, metadata=metadata: call(metadata),
                    "UNAUTHENTICATED",
                    "authorization: Bearer TOKEN",
                )
        right = [("authorization", "Bearer sesame")]
        self.assertEqual(list(calls[0](right).outputs), ["comics"])
        calls[1](right)
        self.assertRefused(lambda: calls[2](right), "UNIMPLEMENTED", ".")

    def test_messages_are_bounded(self):
        request = predict_request({"images": picture(7, 240, 240)})
        self.assertRefused(
            lambda: self.stub.Predict(request, SECONDS),
            "RESOURCE_EXHAUSTED",
            "larger than max",
        )
        # The answer is what is too large: it is packed, the request is not.
        self.connect(max_message_bytes=32 * 32 * 3)
        request = predict_request({"images": repeated(1, 32, 32, 3)})
        self.assertRefused(
            lambda: self.stub.Predict(request, SECONDS),
            "RESOURCE_EXHAUSTED",
            "larger than max",
        )

    def answer_in_time(self, request):
        """What was taken is given back once the client has its answer."""
        end = time.monotonic() + SECONDS
        while True:
            try:
                return self.stub.Predict(request, SECONDS)
            except grpc.RpcError as error:
                self.assertEqual(error.code().name, "RESOURCE_EXHAUSTED")
                self.assertLess(time.monotonic(), end)
            time.sleep(0.01)

    def test_requests_under_way_are_bounded_together(self):
        request = predict_request({"seconds": np.ones(60, "f4")}, "waiting")
        self.connect(max_total_bytes=request.ByteSize() * 3 // 2)
        with futures.ThreadPoolExecutor(4) as pool:
            calls = [
                pool.submit(self.stub.Predict, request, SECONDS)
                for _ in range(4)
            ]
            errors = [call.exception() for call in calls]
        refused = [error for error in errors if error is not None]
        self.assertBetween(len(refused), 1, 3)
        for error in refused:
            self.assertEqual(error.code().name, "RESOURCE_EXHAUSTED")
            self.assertRegex(error.details(), "too many requests in its memory")
        quick = predict_request({"seconds": np.zeros(60, "f4")}, "waiting")
        for _ in range(3):
            self.answer_in_time(quick)
        # It is too large by itself.
        request = predict_request({"images": picture(1, 32, 32)})
        self.assertRefused(
            lambda: self.stub.Predict(request, SECONDS),
            "RESOURCE_EXHAUSTED",
            "too many requests",
        )

    def test_an_answer_that_nobody_reads_counts(self):
        request = predict_request({"seconds": np.zeros(60, "f4")}, "waiting")
        address = self.connect(max_total_bytes=request.ByteSize() * 3 // 2)
        with call_without_reading(
            address,
            "/tensorflow.serving.PredictionService/Predict",
            request.SerializeToString(),
        ):
            for _ in range(3):
                self.assertRefused(
                    lambda: self.stub.Predict(request, SECONDS),
                    "RESOURCE_EXHAUSTED",
                    "too many requests in its memory",
                )
                time.sleep(0.1)
        self.answer_in_time(request)

    def test_whatever_a_message_holds(self):
        """Messages that can be parsed get an answer or a refusal."""
        random = np.random.default_rng(0)
        image = picture(1, 32, 32)
        codes = set()
        for _ in range(300):
            request = predict_request({"images": image})
            proto = request.inputs["images"]
            for change in random.choice(8, random.integers(1, 4)):
                self.change(random, change, request, proto)
            try:
                self.stub.Predict(request, SECONDS)
            except grpc.RpcError as error:
                codes.add(error.code().name)
            else:
                codes.add("OK")
        self.assertEqual(
            codes,
            {"OK", "FAILED_PRECONDITION", "INVALID_ARGUMENT", "NOT_FOUND"},
        )

    def change(self, random, change, request, proto):
        dims = proto.tensor_shape.dim
        content = proto.tensor_content
        cut = int(random.integers(len(content) + 1))
        if change == 0:
            proto.dtype = int(random.integers(0, 130))
        elif change == 1:
            proto.tensor_content = content[:cut]
        elif change == 2 and dims:
            side = random.choice([-(2**63), -1, 0, 1, 31, 2**31, 2**63 - 1])
            dims[random.integers(len(dims))].size = int(side)
        elif change == 3:
            dims.add(size=int(random.integers(0, 3)))
        elif change == 4:
            proto.int_val.extend(random.integers(-(2**31), 2**31, 9).tolist())
        elif change == 5:
            proto.string_val.append(content[:cut])
        elif change == 6:
            name = random.choice(["serving_bytes", "style_names", "\0", "x"])
            request.model_spec.signature_name = str(name)
        elif change == 7:
            request.model_spec.version.value = int(random.integers(-2, 3))

    def wait_request(self, seconds):
        return predict_request(
            {"seconds": np.array([seconds], "float32")}, "waiting"
        )

    def test_deadline(self):
        start = time.monotonic()
        self.assertRefused(
            lambda: self.stub.Predict(self.wait_request(2.0), 0.3),
            "DEADLINE_EXCEEDED",
            ".",
        )
        self.assertLess(time.monotonic() - start, 1.5)
        # What is not waited for any more and has not begun is not computed.
        self.assertRefused(
            lambda: self.stub.Predict(self.wait_request(20.0), 0.1),
            "DEADLINE_EXCEEDED",
            ".",
        )
        response = self.stub.Predict(self.wait_request(0.0), SECONDS)
        waited = tf.make_ndarray(response.outputs["waited"])
        self.assertAllEqual(waited, [0.0])
        self.assertLess(time.monotonic() - start, 15.0)

    def test_no_deadline(self):
        response = self.stub.Predict(self.wait_request(0.0))
        waited = tf.make_ndarray(response.outputs["waited"])
        self.assertAllEqual(waited, [0.0])

    def test_full_queue(self):
        with futures.ThreadPoolExecutor(12) as pool:
            calls = [
                pool.submit(self.stub.Predict, self.wait_request(0.5), SECONDS)
                for _ in range(12)
            ]
            errors = [call.exception() for call in calls]
        refused = [error for error in errors if error is not None]
        self.assertBetween(len(refused), 1, 8)
        for error in refused:
            self.assertEqual(error.code().name, "RESOURCE_EXHAUSTED")
            self.assertRegex(error.details(), "queue of the model is full")
        # And afterwards there is room again.
        self.stub.Predict(self.wait_request(0.0), SECONDS)
