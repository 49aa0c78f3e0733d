import io
import threading
import time
from concurrent.futures import CancelledError

import numpy as np
from absl.testing import parameterized
from PIL import Image

from keras_comic.serving.content_review import ContentReview
from keras_comic.serving.content_review import ReviewedRepository
from keras_comic.serving.content_review import Verdict
from keras_comic.serving.content_review import check_is_reviewed
from keras_comic.serving.content_review import load_classifier
from keras_comic.serving.errors import ServingError
from keras_comic.serving.model_repository import ModelRepository
from tests.serving.rest_servers import saved_model
from tests.serving.small_saved_model import small_saved_model
from tests.test_case import TestCase

LIGHT = np.full((2, 16, 16, 3), 200, "uint8")
DARK = np.zeros((1, 16, 16, 3), "uint8")


def is_light(images):
    return [image.mean() > 100 for image in images]


def png(image):
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()


class ContentReviewTest(TestCase, parameterized.TestCase):
    def assertWithheld(self, code, message, review, images=LIGHT):
        with self.assertRaisesRegex(ServingError, message) as raised:
            review.check(images)
        self.assertEqual(raised.exception.code, code)
        return raised.exception

    def test_allowed_and_withheld(self):
        review = ContentReview(is_light)
        review.check(LIGHT)
        error = self.assertWithheld(
            "PERMISSION_DENIED",
            "withheld by the content review.$",
            review,
            DARK,
        )
        self.assertEqual(error.http_status, 403)
        # One picture is enough.
        self.assertWithheld(
            "PERMISSION_DENIED", "withheld", review, [*LIGHT, DARK[0]]
        )

    def test_sizes_are_reviewed_apart(self):
        shapes = []

        def classifier(images):
            shapes.append(images.shape)
            return [True] * len(images)

        small = np.zeros((8, 9, 3), "uint8")
        ContentReview(classifier).check([LIGHT[0], small, LIGHT[1]])
        self.assertCountEqual(shapes, [(2, 16, 16, 3), (1, 8, 9, 3)])

    def test_reason(self):
        def classifier(images):
            return [Verdict(False, "a known\nwork" + "!" * 300)]

        review = ContentReview(classifier)
        error = self.assertWithheld(
            "PERMISSION_DENIED", "review: a knownwork!+.$", review, DARK
        )
        self.assertLess(len(str(error)), 270)
        ContentReview(lambda images: [Verdict(True)]).check(DARK)

    @parameterized.parameters(
        ({"gore": 0.2, "other": 0.9}, True),
        ({"gore": 0.5}, False),
        ({"gore": 0.7}, False),
        ({"gore": np.float32(0.1)}, True),
    )
    def test_thresholds(self, scores, allowed):
        review = ContentReview(lambda images: [scores], {"gore": 0.5})
        if allowed:
            review.check(DARK)
        else:
            self.assertWithheld("PERMISSION_DENIED", ": gore", review, DARK)

    @parameterized.named_parameters(
        ("exception", lambda images: 1 / 0, None),
        ("exit", lambda images: exit(), None),
        ("nothing", lambda images: None, None),
        ("too_few", lambda images: [True], None),
        ("too_many", lambda images: [True] * 3, None),
        ("number", lambda images: [1, 1], None),
        ("no_verdict", lambda images: ["yes", "yes"], None),
        ("unsure", lambda images: [None, True], None),
        ("text", lambda images: "ok", None),
        ("verdict", lambda images: [Verdict("no"), Verdict("no")], None),
        ("no_scores", lambda images: [True, True], {"a": 1}),
        ("no_label", lambda images: [{"b": 0}, {"b": 0}], {"a": 1}),
        ("nan", lambda images: [{"a": np.nan}] * 2, {"a": 1}),
    )
    def test_fails_closed(self, classifier, thresholds):
        review = ContentReview(classifier, thresholds)
        with self.assertLogs("keras_comic.serving", "ERROR"):
            error = self.assertWithheld("INTERNAL", "review failed", review)
        self.assertNotIn("division", str(error))
        # And goes on.
        with self.assertLogs("keras_comic.serving", "ERROR"):
            self.assertWithheld("INTERNAL", "review failed", review)

    @parameterized.named_parameters(
        ("scores", {"scores": np.zeros((1, 3), "float32")}),
        ("floats", {"comics": np.zeros((1, 16, 16, 3), "float32")}),
        ("no_image", {"comic_bytes": np.array([b"My dog"], object)}),
        ("nothing", {}),
        ("empty", {"comics": LIGHT[:0]}),
        ("more", {"comics": LIGHT, "scores": np.zeros(2)}),
    )
    def test_what_cannot_be_seen_is_withheld(self, outputs):
        with self.assertLogs("keras_comic.serving", "ERROR"):
            future = ContentReview(is_light).submit(outputs)
            with self.assertRaisesRegex(ServingError, "review failed"):
                future.result(5)

    def test_encoded_pictures(self):
        review = ContentReview(is_light)
        light = np.array([png(LIGHT[0]), png(LIGHT[1, :8])], object)
        outputs = {"comic_bytes": light}
        self.assertIs(review.submit(outputs).result(5), outputs)
        dark = np.array([png(LIGHT[0]), png(DARK[0])], object)
        with self.assertRaisesRegex(ServingError, "withheld"):
            review.submit({"comic_bytes": dark}).result(5)

    def test_timeout_and_queue(self):
        hang = threading.Event()
        self.addCleanup(hang.set)

        def classifier(images):
            hang.wait(20)
            return [True] * len(images)

        review = ContentReview(classifier, timeout=0.1, max_pending=2)
        start = time.monotonic()
        futures = [review.submit({"comics": LIGHT}) for _ in range(3)]
        codes = []
        for future in futures:
            with self.assertRaises(ServingError) as raised:
                future.result(5)
            codes.append(raised.exception.code)
        self.assertEqual(
            codes, ["DEADLINE_EXCEEDED"] * 2 + ["RESOURCE_EXHAUSTED"]
        )
        self.assertLess(time.monotonic() - start, 5)
        hang.set()
        for _ in range(100):
            try:
                review.check(LIGHT)
                break
            except ServingError:
                time.sleep(0.02)
        else:
            self.fail("It does not go on.")

    def test_arguments(self):
        for arguments, error, message in (
            (("all",), TypeError, "classifier='all'"),
            ((dict,), TypeError, "function of a batch"),
            ((is_light, None, 0), ValueError, "timeout=0"),
            ((is_light, None, 1, 0), ValueError, "num_threads=0"),
            ((is_light, None, 1, 1, 1.5), ValueError, "max_pending=1.5"),
            ((is_light, {}), ValueError, "thresholds={}"),
            ((is_light, {"a": "b"}), ValueError, "numbers by label"),
        ):
            with self.assertRaisesRegex(error, message):
                ContentReview(*arguments)


class ReviewedRepositoryTest(TestCase):
    def setUp(self):
        repository = ModelRepository(
            {"comic": saved_model()}, poll_seconds=None
        )
        self.addCleanup(repository.close, 10)
        self.reviewed = ReviewedRepository(repository, ContentReview(is_light))

    def test_stands_in(self):
        self.assertEqual(self.reviewed.names, ["comic"])
        self.assertTrue(self.reviewed.is_ready)
        servable = self.reviewed.find("comic", version=1)
        self.assertEqual((servable.name, servable.version), ("comic", 1))
        self.assertIn("serving_default", servable.signatures)
        with self.assertRaisesRegex(ServingError, "not found"):
            self.reviewed.find("other")

    def test_results_are_reviewed(self):
        # The model inverts its pictures.
        servable = self.reviewed.find("comic")
        light = servable.predict("serving_default", {"images": DARK})
        self.assertAllEqual(light.result(30)["comics"], 255 - DARK)
        self.assertGreaterEqual(light.batch_size, 1)
        dark = servable.predict("serving_default", {"images": LIGHT})
        with self.assertRaisesRegex(ServingError, "withheld") as raised:
            dark.result(30)
        self.assertEqual(raised.exception.code, "PERMISSION_DENIED")
        files = np.array([png(DARK[0]), png(LIGHT[0])], object)
        for count, allowed in ((1, True), (2, False)):
            found = servable.predict(
                "serving_bytes", {"image_bytes": files[:count]}
            )
            self.assertEqual(found.exception(30) is None, allowed)

    def test_names_are_no_pictures(self):
        _, folder = small_saved_model()
        repository = ModelRepository({"comic": folder}, poll_seconds=None)
        self.addCleanup(repository.close, 10)
        reviewed = ReviewedRepository(repository, ContentReview(is_light))
        index = {"style_index": np.int32([1])}
        found = reviewed.find("comic").predict("style_names", index)
        self.assertEqual(found.result(30)["style_names"][0], b"wash")

    def test_errors_pass(self):
        servable = self.reviewed.find("comic")
        with self.assertRaisesRegex(ServingError, "Serving signature key"):
            servable.predict("none", {})
        found = servable.predict(
            "serving_bytes", {"image_bytes": np.array([b"My dog"], object)}
        )
        error = found.exception(30)
        self.assertEqual(error.code, "INVALID_ARGUMENT")

    def test_cancelled(self):
        servable = self.reviewed.find("comic")
        servable.predict("wait", {"seconds": np.full(1, 0.2, "float32")})
        found = servable.predict(
            "wait", {"seconds": np.full(1, 0.2, "float32")}
        )
        self.assertTrue(found.cancel())
        with self.assertRaises(CancelledError):
            found.result(30)


class LoadClassifierTest(TestCase, parameterized.TestCase):
    def test_finds(self):
        name = "tests.serving.test_content_review:is_light"
        self.assertIs(load_classifier(name), is_light)
        self.assertEqual(load_classifier("os:path.join")("a"), "a")

    @parameterized.parameters(
        ("module", ValueError, "module:function"),
        (":a", ValueError, "module:function"),
        ("a:b:c", ValueError, "module:function"),
        ("no_such_module_here:a", ImportError, "no_such_module_here:a"),
        ("json:no_such", ImportError, "no_such"),
        ("json:JSONDecoder", TypeError, "function of a batch"),
        ("sys:path", TypeError, "function of a batch"),
    )
    def test_refuses(self, name, error, message):
        with self.assertRaisesRegex(error, message):
            load_classifier(name)


class CheckIsReviewedTest(TestCase):
    def test_hosts(self):
        review = ContentReview(is_light)
        for host in ("127.0.0.1", "localhost", "::1", "[::1]", "127.8.0.1"):
            check_is_reviewed(host, None)
        for host in ("0.0.0.0", "::", "example.com", "192.168.0.7"):
            with self.assertRaisesRegex(ValueError, f"host='{host}'"):
                check_is_reviewed(host, None)
            check_is_reviewed(host, None, without_content_review=True)
            check_is_reviewed(host, review)
        with self.assertRaisesRegex(ValueError, "exclude each other"):
            check_is_reviewed("::1", review, without_content_review=True)
