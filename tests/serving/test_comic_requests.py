import numpy as np
from absl.testing import parameterized

from keras_comic.serving.comic_requests import ComicRequests
from keras_comic.serving.errors import ServingError
from keras_comic.serving.picture_files import write_png
from keras_comic.serving.style_recipe import make_recipe
from keras_comic.serving.transports import open_transport
from tests.serving.flaky_servers import OF_FILES_WITH_STYLES
from tests.serving.flaky_servers import start_flaky_server
from tests.serving.flaky_servers import unpack
from tests.test_case import TestCase
from tests.test_case import photos

FORMS = {
    "grpc": ("serving_default", "serving_style_weights", "serving_style_image"),
    "http": (
        "serving_bytes",
        "serving_bytes_style_weights",
        "serving_bytes_style_image",
    ),
}


def call(method, *args):
    return method(*args, timeout=10.0)


class ComicRequestsTest(TestCase, parameterized.TestCase):
    def start(self, protocol, style_names=None):
        self.model, address, _ = start_flaky_server(self, protocol)
        transport = open_transport(address, "comic", None, None)
        self.addCleanup(transport.close)
        return ComicRequests(transport, call, style_names)

    def asked(self):
        """Signatures of the requests for comics since the last time."""
        found = [name for name, _ in self.model.requests]
        del self.model.requests[:]
        return [name for name in found if name != "style_names"]

    @parameterized.parameters("grpc", "http")
    def test_forms(self, protocol):
        requests = self.start(protocol)
        images, drawings = photos(2, 32, 40, 3), photos(2, 36, 33, 3, seed=1)
        for style, strength, form, darker in (
            (None, 1.0, 0, 1),
            ("wash", 1.0, 1, 2),
            (None, 0.5, 1, 1),
            (drawings, 0.5, 2, 1),
        ):
            recipe = make_recipe(style, strength, False, 2)
            comics = requests.comics(images, recipe, [0, 1])
            self.assertAllEqual(comics, (255 - images) // darker)
            inputs = self.model.requests[-1][1]
            self.assertEqual(self.asked(), [FORMS[protocol][form]])
            if form:
                self.assertAllEqual(inputs["strength"], [strength] * 2)
            if protocol == "http":
                for file, image in zip(inputs["image_bytes"], images):
                    self.assertAllEqual(unpack(file), image)

    @parameterized.product(
        given=[None, ["ink", "wash"]], style=["wash", "picture"]
    )
    def test_models_without_the_signatures(self, given, style):
        requests = self.start("http", given)
        for name in OF_FILES_WITH_STYLES:
            del self.model.signatures[name]
        images = photos(1, 32, 40, 3)
        if style == "picture":
            style = photos(32, 33, 3, seed=1)
        recipe = make_recipe(style, 1.0, True, 1)
        for _ in range(2):
            requests.comics(images, recipe, [0])
        (signature,) = set(self.asked())
        self.assertIn(signature, FORMS["grpc"][1:])
        # What the model has is asked for once.
        asked = [call for call in self.model.calls if "metadata" in call]
        self.assertLen(asked, 1)

    def test_given_names_need_no_question_over_grpc(self):
        requests = self.start("grpc", ["ink", "wash"])
        recipe = make_recipe("wash", 1.0, False, 1)
        requests.comics(photos(1, 32, 32, 3), recipe, [0])
        self.assertEqual(self.model.calls, ["Predict"])

    @parameterized.parameters("wash", "picture")
    def test_another_version_without_the_signatures(self, style):
        """The version that was asked is gone, and the next is older."""
        requests = self.start("http")
        images = photos(1, 32, 40, 3)
        if style == "picture":
            style = photos(32, 33, 3, seed=1)
        recipe = make_recipe(style, 0.5, False, 1)
        requests.comics(images, recipe, [0])
        self.assertIn(self.asked()[0], OF_FILES_WITH_STYLES)
        self.model.version = 2
        for name in OF_FILES_WITH_STYLES:
            del self.model.signatures[name]
        requests.comics(images, recipe, [0])
        self.assertIn(self.asked()[0], FORMS["grpc"])

    def test_what_the_model_says(self):
        requests = self.start("http")
        self.assertEqual(requests.style_names(), ["ink", "wash"])
        # The peer's files say nothing.
        self.assertIsNone(requests.provenance())
        requests.check(make_recipe("ink", 1.0, False, 1))
        with self.assertRaisesRegex(ValueError, r"among \['ink', 'wash'\]"):
            requests.check(make_recipe("pen", 1.0, False, 1))

    def test_wrong_answers(self):
        requests = self.start("http")
        small = photos(1, 32, 32, 3)
        recipe = make_recipe("ink", 0.5, False, 1)

        def answer(value):
            def call_wrongly(method, *args):
                if method.__name__ != "predict" or args[0] == "style_names":
                    return call(method, *args)
                return np.array(value, object)

            requests = ComicRequests(
                self.transport(), call_wrongly, ["ink", "wash"]
            )
            with self.assertRaises(ServingError) as raised:
                requests.comics(small, recipe, [0])
            self.assertEqual(raised.exception.code, "INTERNAL")
            return str(raised.exception)

        (other,) = requests.files([write_png(photos(40, 40, 3))])
        self.assertIn("not a PNG file", answer([b"text"]))
        self.assertIn("must send 1 files", answer([other, other]))
        self.assertIn("shape of the photos", answer([other]))

    def transport(self):
        _, address, _ = start_flaky_server(self, "http")
        transport = open_transport(address, "comic", None, None)
        self.addCleanup(transport.close)
        return transport
