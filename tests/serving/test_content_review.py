import io
import threading

import numpy as np
import tensorflow as tf
from absl.testing import parameterized
from PIL import Image

from keras_comic.serving.content_review import ContentReview
from keras_comic.serving.content_review import Verdict
from keras_comic.serving.content_review import check_is_reviewed
from keras_comic.serving.content_review import load_classifier
from keras_comic.serving.errors import ServingError
from keras_comic.serving.servable import TensorInfo
from tests.test_case import TestCase

LIGHT = np.full((2, 16, 16, 3), 200, "uint8")
DARK = np.zeros((1, 16, 16, 3), "uint8")
PHOTOS = {"images": TensorInfo(tf.uint8, tf.TensorShape([None] * 3 + [3]))}
NUMBERS = {"style_index": TensorInfo(tf.int32, tf.TensorShape([None]))}


def is_light(images):
    return [image.mean() > 100 for image in images]


def files(*images):
    contents = []
    for image in images:
        file = io.BytesIO()
        Image.fromarray(image).save(file, "PNG")
        contents.append(file.getvalue())
    return np.array(contents, object)


class ContentReviewTest(TestCase, parameterized.TestCase):
    def assertWithheld(self, code, message, review, images=LIGHT):
        with self.assertRaisesRegex(ServingError, message) as raised:
            review.check(images)
        self.assertEqual(raised.exception.code, code)

    def test_allowed_and_withheld(self):
        review = ContentReview(is_light)
        review.check(LIGHT)
        # One picture is enough, of whatever size.
        for images in (DARK, [*LIGHT, DARK[0]], [LIGHT[0], DARK[0, :8]]):
            self.assertWithheld(
                "PERMISSION_DENIED",
                "withheld by the content review.$",
                review,
                images,
            )

    def test_reason(self):
        review = ContentReview(
            lambda images: [Verdict(False, "a known\nwork" + "!" * 300)]
        )
        message = "review: a knownwork!{189}.$"
        self.assertWithheld("PERMISSION_DENIED", message, review, DARK)
        ContentReview(lambda images: [Verdict(True)]).check(DARK)

    @parameterized.named_parameters(
        ("exception", lambda images: 1 / 0),
        ("exit", lambda images: exit()),
        ("nothing", lambda images: None),
        ("too_few", lambda images: [True]),
        ("too_many", lambda images: [True] * 3),
        ("number", lambda images: [1, 1]),
        ("unsure", lambda images: [None, True]),
        ("text", lambda images: "ok"),
        ("verdict", lambda images: [Verdict("no"), Verdict("no")]),
    )
    def test_fails_closed(self, classifier):
        review = ContentReview(classifier)
        # And goes on.
        for _ in range(2):
            with self.assertLogs("keras_comic.serving", "ERROR"):
                self.assertWithheld("INTERNAL", "review failed", review)

    def test_time_is_up(self):
        hang = threading.Event()
        self.addCleanup(hang.set)

        def classifier(images):
            hang.wait(20)
            return [True] * len(images)

        review = ContentReview(classifier, timeout=0.1)
        self.assertWithheld("DEADLINE_EXCEEDED", "took too long", review)
        hang.set()
        ContentReview(classifier, timeout=20).check(LIGHT)

    @parameterized.named_parameters(
        ("scores", {"scores": np.zeros((1, 3), "float32")}),
        ("floats", {"comics": np.zeros((1, 16, 16, 3), "float32")}),
        ("no_image", {"comic_bytes": np.array([b"My dog"], object)}),
        ("nothing", {}),
        ("empty", {"comics": LIGHT[:0]}),
        ("more", {"comics": LIGHT, "scores": np.zeros(2)}),
    )
    def test_outputs_that_cannot_be_seen(self, outputs):
        with self.assertLogs("keras_comic.serving", "ERROR"):
            with self.assertRaisesRegex(ServingError, "review failed"):
                ContentReview(is_light).check_outputs(PHOTOS, outputs)

    def test_outputs(self):
        review = ContentReview(is_light)
        light = {"comic_bytes": files(LIGHT[0], LIGHT[1, :8])}
        review.check_outputs(PHOTOS, light)
        dark = {"comic_bytes": files(LIGHT[0], DARK[0])}
        # Whole numbers ask for the names of styles, or for pictures by seed.
        names = {"style_names": np.array([b"ink"], object)}
        review.check_outputs(NUMBERS, names)
        for inputs, outputs in (
            (PHOTOS, dark),
            (NUMBERS, dark),
            (NUMBERS, {"comics": DARK}),
        ):
            with self.assertRaisesRegex(ServingError, "withheld"):
                review.check_outputs(inputs, outputs)

    def test_arguments(self):
        for arguments, error, message in (
            (("all",), TypeError, "classifier='all'"),
            ((dict,), TypeError, "function of a batch"),
            ((is_light, 0), ValueError, "timeout=0"),
        ):
            with self.assertRaisesRegex(error, message):
                ContentReview(*arguments)


class LoadClassifierTest(TestCase, parameterized.TestCase):
    def test_finds(self):
        name = "tests.serving.test_content_review:is_light"
        self.assertIs(load_classifier(name), is_light)

    @parameterized.parameters(
        ("module", ValueError, "module:function"),
        ("a:b:c", ValueError, "a:b:c"),
        ("no_such_module_here:a", ImportError, "no_such_module_here:a"),
        ("json:no_such", ImportError, "no_such"),
        ("json:JSONDecoder", TypeError, "function of a batch"),
    )
    def test_refuses(self, name, error, message):
        with self.assertRaisesRegex(error, message):
            load_classifier(name)


class CheckIsReviewedTest(TestCase):
    def test_hosts(self):
        review = ContentReview(is_light)
        for host in ("127.0.0.1", "localhost", "::1", "[::1]", "127.8.0.1"):
            check_is_reviewed(host, None)
        for host in ("0.0.0.0", "::", "example.com", "192.168.0.7", ""):
            with self.assertRaisesRegex(ValueError, f"host='{host}'"):
                check_is_reviewed(host, None)
            check_is_reviewed(host, None, without_content_review=True)
            check_is_reviewed(host, review)
        with self.assertRaisesRegex(ValueError, "exclude each other"):
            check_is_reviewed("::1", review, without_content_review=True)
