import datetime
import io
import json
import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from absl.testing import parameterized
from PIL import Image

from keras_comic.data import read_image
from keras_comic.provenance.metadata import Provenance
from keras_comic.provenance.metadata import read_provenance
from keras_comic.serving import request_parts
from keras_comic.serving.client import Client
from keras_comic.serving.errors import ServingError
from keras_comic.serving.server import ModelServer
from keras_comic.video.frame_sink import write_frames
from keras_comic.video.frame_source import open_frames
from tests.data.videos import scene
from tests.serving.flaky_servers import BAD
from tests.serving.flaky_servers import BUSY
from tests.serving.flaky_servers import GONE
from tests.serving.flaky_servers import LOST
from tests.serving.flaky_servers import OF_FILES_WITH_STYLES
from tests.serving.flaky_servers import SLOW
from tests.serving.flaky_servers import Failure
from tests.serving.flaky_servers import start_flaky_server
from tests.serving.flaky_servers import unpack
from tests.serving.small_saved_model import small_saved_model
from tests.test_case import ROOT
from tests.test_case import TestCase
from tests.test_case import photos

PROTOCOLS = ("grpc", "http")


def style_images(inputs):
    """Pictures that came as styles, in either form."""
    if "style_images" in inputs:
        return inputs["style_images"]
    return np.stack([unpack(file) for file in inputs["style_image_bytes"]])


both = parameterized.named_parameters(*((p, p) for p in PROTOCOLS))


def picture(height=32, width=40, seed=0):
    return photos(height, width, 3, seed=seed)


def png(image):
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()


class ClientTestCase(TestCase, parameterized.TestCase):
    """With a peer whose comics are negatives, darker in the second style."""

    def start(self, protocol, **options):
        self.model, self.address, self.stop = start_flaky_server(self, protocol)
        return self.connect(**options)

    def connect(self, **options):
        client = Client(self.address, **options)
        self.addCleanup(client.close)
        return client

    def predictions(self):
        """How many requests for comics have come."""
        return sum(
            call == "Predict" or call.endswith(":predict")
            for call in self.model.calls
        )


class StylizeTest(ClientTestCase):
    @both
    def test_one_batch_and_list(self, protocol):
        client = self.start(protocol)
        one = picture()
        self.assertAllEqual(client.stylize(one), 255 - one)
        batch = photos(3, 33, 47, 3)
        self.assertAllEqual(client.stylize(batch), 255 - batch)
        self.assertShape(client.stylize(batch[:0]), (0, 33, 47, 3))
        # Sizes are grouped, and come back in their order.
        mixed = [
            picture(seed=0),
            picture(48, 32, seed=1),
            picture(seed=2),
            picture(48, 32, seed=3),
            picture(33, 33, seed=4),
        ]
        del self.model.requests[:]
        found = client.stylize(mixed)
        self.assertIsInstance(found, list)
        for comic, image in zip(found, mixed, strict=True):
            self.assertAllEqual(comic, 255 - image)
        self.assertLen(self.model.requests, 3)
        self.assertEqual(client.stylize([]), [])

    @both
    def test_signatures(self, protocol):
        client = self.start(protocol)
        images = photos(2, 32, 40, 3)
        plain = "serving_bytes" if protocol == "http" else "serving_default"
        dark = (255 - images) // 2
        for options, signature, weights, expected in (
            ({}, plain, None, 255 - images),
            ({"style": "wash"}, "weights", [0, 1], dark),
            ({"style": {"wash": 3, "ink": 1}}, "weights", [1, 3], dark),
            ({"style": [("wash", 1), ("wash", 2)]}, "weights", [0, 3], dark),
            ({"strength": 0.5}, "weights", [1, 0], 255 - images),
            ({"keep_color": True}, "weights", [1, 0], 255 - images),
            (
                {"style": "ink"},
                plain if protocol == "http" else "weights",
                [1, 0],
                255 - images,
            ),
        ):
            with self.subTest(**options):
                self.assertAllEqual(client.stylize(images, **options), expected)
                name, inputs = self.model.requests[-1]
                if signature == "weights":
                    signature = "serving_style_weights"
                    if protocol == "http":
                        signature = "serving_bytes_style_weights"
                    self.assertAllEqual(inputs["style_weights"], [weights] * 2)
                    strength = options.get("strength", 1.0)
                    self.assertAllEqual(inputs["strength"], [strength] * 2)
                    keeps = options.get("keep_color", False)
                    self.assertAllEqual(inputs["keep_color"], [keeps] * 2)
                self.assertEqual(name, signature)
        # Metadata and names are asked for once.
        self.assertLen(self.model.calls, len(self.model.requests) + 1)

    @both
    def test_pictures_as_styles(self, protocol):
        client = self.start(protocol)
        images, drawings = photos(3, 32, 32, 3), photos(3, 36, 40, 3, seed=1)
        client.stylize(images, drawings[0], strength=0.25)
        name, inputs = self.model.requests[-1]
        if protocol == "http":
            self.assertEqual(name, "serving_bytes_style_image")
        else:
            self.assertEqual(name, "serving_style_image")
        self.assertAllEqual(style_images(inputs), [drawings[0]] * 3)
        self.assertAllEqual(inputs["strength"], [0.25] * 3)
        # Each photo goes with its own, whatever the order of the requests.
        sizes = [images[0], picture(48, 32), images[2]]
        client.stylize(sizes, drawings)
        for _, inputs in self.model.requests[-2:]:
            which = [0, 2] if len(inputs["strength"]) == 2 else [1]
            self.assertAllEqual(style_images(inputs), drawings[which])

    @both
    def test_older_models(self, protocol):
        """They have no signature of files with styles."""
        client = self.start(protocol)
        for name in OF_FILES_WITH_STYLES:
            del self.model.signatures[name]
        images, drawing = photos(2, 32, 40, 3), picture(36, 33)
        comics = client.stylize(images, "wash", 0.5)
        self.assertAllEqual(comics, (255 - images) // 2)
        name, inputs = self.model.requests[-1]
        self.assertEqual(name, "serving_style_weights")
        self.assertAllEqual(inputs["strength"], [0.5] * 2)
        self.assertAllEqual(client.stylize(images, drawing), 255 - images)
        name, inputs = self.model.requests[-1]
        self.assertEqual(name, "serving_style_image")
        self.assertAllEqual(inputs["style_images"], [drawing] * 2)

    @both
    def test_large_batches_are_split(self, protocol):
        client = self.start(protocol)
        before = request_parts.BYTES_PER_REQUEST
        self.addCleanup(setattr, request_parts, "BYTES_PER_REQUEST", before)
        images = photos(19, 32, 32, 3)
        self.assertAllEqual(client.stylize(images), 255 - images)
        self.assertLen(self.model.requests, 3)
        del self.model.requests[:]
        # Two photos of 3,072 bytes, but of text four times as much.
        request_parts.BYTES_PER_REQUEST = 7000
        self.assertAllEqual(client.stylize(images[:5]), 255 - images[:5])
        self.assertLen(self.model.requests, 5 if protocol == "http" else 3)

    @both
    def test_concurrency_is_bounded(self, protocol):
        client = self.start(protocol, concurrency=3)
        images = photos(24 * 8, 32, 32, 3)
        images[:, 0, 0, 0] = 3
        comics = client.stylize(images)
        self.assertAllEqual(comics, 255 - images)
        self.assertBetween(self.model.most_running, 2, 3)

    def test_connections_are_kept(self):
        client = self.start("http", concurrency=2)
        for seed in range(10):
            client.stylize(picture(seed=seed))
            client.status()
        self.assertEqual(self.model.num_connections, 1)
        client.stylize(photos(64, 32, 32, 3))
        self.assertLessEqual(self.model.num_connections, 3)

    @both
    def test_from_many_threads(self, protocol):
        client = self.start(protocol)
        wrong = []

        def work(seed):
            for number in range(5):
                image = picture(32, 32 + seed, seed=100 * seed + number)
                style = ("ink", "wash")[number % 2]
                comic = client.stylize(image, style)
                expected = (255 - image) // (1 + number % 2)
                if not np.array_equal(comic, expected):
                    wrong.append(seed)

        threads = [threading.Thread(target=work, args=(k,)) for k in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])

    @both
    def test_files(self, protocol):
        client = self.start(protocol)
        images = [picture(32 + k, 40, seed=k) for k in range(10)]
        found = client.stylize_bytes([png(image) for image in images])
        for comic, image in zip(found, images, strict=True):
            self.assertAllEqual(
                np.asarray(Image.open(io.BytesIO(comic))), 255 - image
            )
        self.assertLen(self.model.requests, 2)
        self.assertEqual(client.stylize_bytes([]), [])
        with self.assertRaisesRegex(ValueError, "list of bytes.*: bytes"):
            client.stylize_bytes(png(images[0]))

    @both
    def test_names_of_styles(self, protocol):
        client = self.start(protocol)
        self.assertEqual(client.style_names, ["ink", "wash"])
        path = self.temporary_folder() / "keras_comic.json"
        path.write_text(json.dumps({"style_names": ["a", "b"]}))
        for given in (["a", "b"], str(path), path):
            named = self.connect(style_names=given)
            self.assertEqual(named.style_names, ["a", "b"])
            named.stylize(picture(), "b")
            weights = self.model.requests[-1][1]["style_weights"]
            self.assertAllEqual(weights, [[0, 1]])
        # A model that does not tell them.
        del self.model.signatures["style_names"]
        client = self.connect()
        with self.assertRaisesRegex(ServingError, "`style_names`") as raised:
            client.stylize(picture(), "ink")
        self.assertEqual(raised.exception.code, "FAILED_PRECONDITION")
        client.stylize(picture(), strength=0.5)
        weights = self.model.requests[-1][1]["style_weights"]
        self.assertAllEqual(weights, [[1, 0]])

    @both
    def test_names_of_another_version(self, protocol):
        client = self.start(protocol)
        image = picture()
        self.assertAllEqual(client.stylize(image, "wash"), (255 - image) // 2)
        # A new version, whose styles have another order.
        self.model.version, self.model.style_names = 2, ["wash", "ink"]
        self.assertAllEqual(client.stylize(image, "wash"), 255 - image)
        self.assertEqual(client.style_names, ["wash", "ink"])

    @both
    def test_status_and_metadata(self, protocol):
        client = self.start(protocol)
        (status,) = client.status()
        self.assertEqual(status, (1, "AVAILABLE", None))
        found = client.metadata()
        self.assertIn("serving_bytes", found)
        info = found["serving_style_weights"].inputs["style_weights"]
        self.assertEqual(info.dtype.name, "float32")
        self.assertEqual(info.shape.as_list(), [None, 2])
        info = found["serving_default"].outputs["comics"]
        self.assertEqual(info.dtype.name, "uint8")
        self.assertEqual(info.shape.as_list(), [None, None, None, 3])
        with self.assertRaises(ServingError) as raised:
            self.connect(version=7).status()
        self.assertEqual(raised.exception.code, "NOT_FOUND")

    @parameterized.parameters(
        ({"strength": 2}, r"`strength` must be .*=2$"),
        ({"strength": float("nan")}, "`strength` must be"),
        ({"style": "neill"}, r"names? styles among \['ink', 'wash'\].*neill"),
        ({"style": {"ink": -1}}, r"weights of a mix.*\[-1\]$"),
        ({"style": {"ink": 0}}, "sum above 0"),
        ({"style": {}}, "sum above 0"),
        ({"style": {"ink": float("nan")}}, "weights of a mix"),
        ({"style": [(picture(), 1.0)]}, "mixes named styles, and no images"),
        ({"style": ["ink"]}, "a list of .name, weight."),
        ({"style": 3}, "`style` must be .*style=3$"),
        ({"style": photos(2, 32, 32, 3)}, "each of the 1 photos.*: 2"),
        ({"style": np.zeros((32, 32, 3))}, "`style` must be uint8"),
        ({"images": np.zeros((32, 32, 3))}, "`images` must be uint8"),
        ({"images": picture(31, 64)}, "at least 32 pixels"),
        ({"images": [photos(2, 32, 32, 3)]}, "must hold single photos"),
        ({"images": "photo.png"}, "not a path"),
    )
    def test_errors_before_anything_is_sent(self, options, message):
        client = self.start("grpc", style_names=["ink", "wash"])
        with self.assertRaisesRegex(ValueError, message):
            client.stylize(**{"images": picture(), **options})
        self.assertEqual(self.model.calls, [])

    @parameterized.parameters(
        ({"model": ""}, "`model` must be a string"),
        ({"version": 1.5}, "`version` must be an integer, a label or None"),
        ({"version": ""}, "`version` must be"),
        ({"timeout": 0}, "`timeout` must be a positive number.*=0$"),
        ({"timeout": float("inf")}, "`timeout` must be"),
        ({"concurrency": 0}, "`concurrency` must be a positive.*=0$"),
        ({"style_names": []}, "`style_names` must be a list of names"),
        ({"style_names": [1]}, "`style_names` must be a list of names"),
    )
    def test_arguments(self, options, message):
        with self.assertRaisesRegex(ValueError, message):
            Client("localhost:8500", **options)


class RetriesTest(ClientTestCase):
    def check_retried(self, protocol, failures, **options):
        client = self.start(protocol, **options)
        self.model.failures += failures
        image = picture()
        self.assertAllEqual(client.stylize(image), 255 - image)
        self.assertEqual(self.predictions(), len(failures) + 1)

    @parameterized.product(
        protocol=PROTOCOLS, failure=[BUSY, GONE, LOST, Failure(502, "INTERNAL")]
    )
    def test_tries_again(self, protocol, failure):
        if failure.code == "INTERNAL":
            # A proxy has lost its server, or the other way round.
            failure = failure._replace(message="Received RST_STREAM with 2")
        self.check_retried(protocol, [failure] * 3)

    @both
    def test_one_photo_of_a_batch(self, protocol):
        client = self.start(protocol)
        self.model.failures += [GONE, LOST, BUSY]
        images = photos(30, 32, 32, 3)
        self.assertAllEqual(client.stylize(images), 255 - images)
        self.assertLen(self.model.requests, 4)

    def test_waits_as_long_as_the_server_says(self):
        start = time.monotonic()
        busy = BUSY._replace(headers={"Retry-After": "1"})
        self.check_retried("http", [busy])
        self.assertBetween(time.monotonic() - start, 1.0, 5.0)

    @both
    def test_does_not_repeat_bad_input(self, protocol):
        client = self.start(protocol)
        self.model.failures.append(BAD)
        with self.assertRaisesRegex(ServingError, "^Bad input.") as raised:
            client.stylize(picture())
        self.assertEqual(raised.exception.code, "INVALID_ARGUMENT")
        self.assertEqual(self.predictions(), 1)

    def test_does_not_repeat_a_message_that_is_too_large(self):
        client = self.start("grpc")
        with self.assertRaisesRegex(ServingError, "larger than max") as raised:
            client.stylize(picture(1400, 1200))
        self.assertEqual(raised.exception.code, "RESOURCE_EXHAUSTED")
        client = self.start("http")
        self.model.failures.append(Failure(413, None, {}, "Too large."))
        with self.assertRaisesRegex(ServingError, "Too large.*413") as raised:
            client.stylize(picture())
        self.assertEqual(raised.exception.code, "INVALID_ARGUMENT")

    @both
    def test_token(self, protocol):
        client = self.start(protocol, token="sesame")
        self.model.token = "sesame"
        client.stylize(picture())
        client.status()
        client = self.connect(token="wrong")
        with self.assertRaisesRegex(ServingError, "No token.") as raised:
            client.stylize(picture())
        self.assertEqual(raised.exception.code, "UNAUTHENTICATED")

    @both
    def test_deadline_over_all_tries(self, protocol):
        client = self.start(protocol, timeout=0.6)
        self.model.failures += [BUSY] * 1000
        start = time.monotonic()
        with self.assertRaisesRegex(
            ServingError, r"^Not now\..* Given up after \d+ tries"
        ) as raised:
            client.stylize(picture())
        self.assertEqual(raised.exception.code, "RESOURCE_EXHAUSTED")
        self.assertLess(time.monotonic() - start, 1.2)
        self.assertGreater(self.predictions(), 1)

    @both
    def test_deadline_of_one_try(self, protocol):
        client = self.start(protocol, timeout=0.4)
        self.model.failures += [SLOW]
        start = time.monotonic()
        with self.assertRaises(ServingError) as raised:
            client.stylize(picture())
        self.assertEqual(raised.exception.code, "DEADLINE_EXCEEDED")
        self.assertLess(time.monotonic() - start, 1.2)

    @both
    def test_nobody_there(self, protocol):
        self.start(protocol)
        self.stop()
        client = self.connect(timeout=0.5)
        start = time.monotonic()
        with self.assertRaisesRegex(ServingError, "Given up") as raised:
            client.stylize(picture())
        self.assertEqual(raised.exception.code, "UNAVAILABLE")
        self.assertLess(time.monotonic() - start, 1.5)

    @both
    def test_server_that_is_started_again(self, protocol):
        client = self.start(protocol)
        image = picture()
        self.assertAllEqual(client.stylize(image), 255 - image)
        self.stop()
        port = int(self.address.rpartition(":")[2])
        found = []
        thread = threading.Thread(
            target=lambda: found.append(client.stylize(image))
        )
        thread.start()
        time.sleep(0.5)
        start_flaky_server(self, protocol, port)
        thread.join(20.0)
        self.assertAllEqual(found[0], 255 - image)

    @both
    def test_closing_ends_what_is_under_way(self, protocol):
        client = self.start(protocol)
        self.model.failures += [GONE] * 1000
        errors = []

        def work():
            try:
                client.stylize(picture())
            except ServingError as error:
                errors.append(error.code)

        thread = threading.Thread(target=work)
        thread.start()
        time.sleep(0.3)
        client.close()
        thread.join(5.0)
        self.assertFalse(thread.is_alive())
        self.assertEqual(errors, ["CANCELLED"])
        with self.assertRaisesRegex(ServingError, "The client is closed."):
            client.stylize(picture())

    @both
    def test_wait_until_ready(self, protocol):
        client = self.start(protocol)
        client.wait_until_ready(5.0)
        self.model.state = "LOADING"
        start = time.monotonic()
        with self.assertRaisesRegex(
            ServingError, "'comic' was not ready within 0.5 seconds.*LOADING"
        ) as raised:
            client.wait_until_ready(0.5)
        self.assertEqual(raised.exception.code, "DEADLINE_EXCEEDED")
        self.assertLess(time.monotonic() - start, 1.5)
        timer = threading.Timer(
            0.5, setattr, (self.model, "state", "AVAILABLE")
        )
        timer.start()
        client.wait_until_ready(20.0)
        timer.join()
        with self.assertRaisesRegex(ServingError, "not ready within"):
            self.connect(model="other").wait_until_ready(0.3)
        self.model.token = "sesame"
        with self.assertRaises(ServingError) as raised:
            client.wait_until_ready(20.0)
        self.assertEqual(raised.exception.code, "UNAUTHENTICATED")
        self.stop()
        with self.assertRaisesRegex(ServingError, "not ready within"):
            self.connect().wait_until_ready(0.3)


class StylizeFilesTest(ClientTestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.temporary_folder()
        self.photos = self.folder / "photos"
        self.photos.mkdir()

    def save(self, name, image):
        path = self.photos / name
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(image).save(path)

    @both
    def test_folder(self, protocol):
        client = self.start(protocol, concurrency=3)
        images = {}
        for k in range(9):
            name = f"{k}.png" if k % 3 else f"more/{k}.png"
            images[name] = picture(32 + 8 * (k % 2), 40, seed=k)
            # Some take longer than those behind them.
            images[name][0, 0, 0] = 252 + (k * 7) % 4
            self.save(name, images[name])
        calls = []
        done = client.stylize_files(
            self.photos,
            self.folder / "comics",
            progress=lambda *numbers: calls.append(numbers),
        )
        self.assertEqual(calls, [(k, 9) for k in range(1, 10)])
        self.assertEqual(done.skipped + done.failures, [])
        found = [
            path.relative_to(self.folder / "comics").as_posix()
            for path in done.written
        ]
        self.assertEqual(found, sorted(images, key=found.index))
        self.assertCountEqual(found, images)
        for path, name in zip(done.written, found, strict=True):
            self.assertAllEqual(read_image(path), 255 - images[name])
        self.assertBetween(self.model.most_running, 2, 3)
        # What is done is skipped.
        done.written[4].unlink()
        again = client.stylize_files(self.photos, self.folder / "comics")
        self.assertEqual(again.written, [done.written[4]])
        self.assertLen(again.skipped, 8)
        # One request is for what the model says of itself.
        self.assertEqual(self.predictions(), 11)
        again = client.stylize_files(
            self.photos, self.folder / "comics", overwrite=True
        )
        self.assertLen(again.written, 9)

    @both
    def test_files_that_fail(self, protocol):
        client = self.start(protocol, concurrency=2)
        for k in range(6):
            self.save(f"{k}.png", picture(seed=k))
        (self.photos / "2.png").write_bytes(b"not a picture")
        self.save("4.png", picture(20, 40))
        self.model.failures += [GONE, BAD]
        done = client.stylize_files(
            self.photos, self.folder / "comics", provenance=False
        )
        self.assertLen(done.written, 3)
        reasons = {path.name: reason for path, reason in done.failures}
        self.assertLen(reasons, 3)
        self.assertIn("2.png", reasons)
        self.assertRegex(reasons.pop("4.png"), "at least 32 pixels")
        self.assertRegex(" ".join(reasons.values()), "Bad input.")
        names = {path.name for path in done.written} | set(reasons)
        self.assertLen(names, 5)

    @both
    def test_one_file_in_a_style(self, protocol):
        client = self.start(protocol)
        image = picture()
        self.save("a.png", image)
        done = client.stylize_files(
            self.photos / "a.png", self.folder / "b.png", "wash"
        )
        self.assertEqual(done.written, [self.folder / "b.png"])
        self.assertAllEqual(read_image(done.written[0]), (255 - image) // 2)

    @both
    def test_server_that_is_gone_ends_it(self, protocol):
        client = self.start(protocol, concurrency=2, timeout=0.5)
        for k in range(8):
            self.save(f"{k}.png", picture(seed=k))
        calls = []

        def progress(*numbers):
            calls.append(numbers)
            if len(calls) == 3:
                self.stop()

        with self.assertRaises(ServingError) as raised:
            client.stylize_files(
                self.photos, self.folder / "comics", progress=progress
            )
        self.assertEqual(raised.exception.code, "UNAVAILABLE")
        left = len(list((self.folder / "comics").glob("*.png")))
        self.assertBetween(left, 3, 7)
        # The same call goes on.
        _, self.address, _ = start_flaky_server(self, protocol)
        done = self.connect().stylize_files(self.photos, self.folder / "comics")
        self.assertLen(done.skipped, left)
        self.assertLen(done.written, 8 - left)

    def test_large_photos_are_shrunk(self):
        client = self.start("grpc")
        self.save("a.png", picture(64, 120))
        done = client.stylize_files(
            self.photos, self.folder / "comics", max_side=60
        )
        self.assertShape(read_image(done.written[0]), (32, 60, 3))
        with self.assertRaisesRegex(ValueError, "`max_side` must be .*=0$"):
            client.stylize_files(self.photos, self.folder, max_side=0)

    def test_picture_as_style(self):
        client = self.start("grpc")
        drawing = self.folder / "drawing.png"
        Image.fromarray(picture(33, 35, seed=9)).save(drawing)
        self.save("a.png", picture())
        for number, style in enumerate((drawing, str(drawing))):
            client.stylize_files(
                self.photos, self.folder / f"comics{number}", style
            )
            signature, inputs = self.model.requests[-1]
            self.assertEqual(signature, "serving_style_image")
            self.assertAllEqual(
                inputs["style_images"], [picture(33, 35, seed=9)]
            )
        for style, message in (
            ("neill", "`style` must be one of .'ink', 'wash'.*neill"),
            ({str(drawing): 1.0}, "mixes named styles, and no images"),
        ):
            with self.assertRaisesRegex(ValueError, message):
                client.stylize_files(self.photos, self.folder / "c", style)

    def test_provenance(self):
        client = self.start("grpc")
        self.save("a.png", picture())

        def written(provenance):
            done = client.stylize_files(
                self.photos,
                self.folder / "comics",
                overwrite=True,
                provenance=provenance,
            )
            return read_provenance(done.written[0])

        # The peer's files say nothing.
        self.assertEqual(written(True), Provenance())
        self.assertIsNone(written(False))
        said = Provenance("ink", "7")
        self.assertEqual(written(said), said)
        with self.assertRaisesRegex(TypeError, "`provenance` must be .*'ink'"):
            written("ink")

    def test_nobody_is_let_in(self):
        client = self.start("http")
        self.model.token = "sesame"
        self.save("a.png", picture())
        with self.assertRaisesRegex(ServingError, "No token."):
            client.stylize_files(self.photos, self.folder / "comics")
        with self.assertRaisesRegex(FileNotFoundError, "none"):
            client.stylize_files(self.photos / "none", self.folder / "comics")


@pytest.fixture(scope="class")
def server(request):
    request.cls.generator, folder = small_saved_model()
    models = {"comic": folder.parent}
    with ModelServer(models, port=0, token="sesame") as running:
        request.cls.address = running.url
        yield


@pytest.mark.usefixtures("server")
class LocalServerTest(TestCase, parameterized.TestCase):
    """What comes through a server is what the generator gives."""

    def connect(self, **options):
        client = Client(self.address, token="sesame", **options)
        self.addCleanup(client.close)
        return client

    def assertSamePictures(self, found, expected):
        self.assertEqual(found.shape, expected.shape)
        self.assertDType(found, "uint8")
        difference = np.abs(found.astype(int) - expected)
        self.assertLessEqual(difference.max(), 1)
        self.assertLessEqual((difference > 0).mean(), 1e-2)

    @parameterized.product(
        options=[
            {},
            {"style": "wash"},
            {"style": "ink", "strength": 0.6, "keep_color": True},
            {"style": {"ink": 1, "wash": 3}, "strength": 0.05},
            {"style": photos(48, 37, 3, seed=7)},
            {"style": photos(2, 32, 40, 3, seed=8), "keep_color": True},
        ],
    )
    def test_stylize(self, options):
        client = self.connect()
        for size in ((32, 32), (51, 37)):
            images = photos(2, *size, 3, seed=3)
            self.assertSamePictures(
                client.stylize(images, **options),
                self.generator.stylize(images, **options),
            )

    def test_mixed_sizes(self):
        client = self.connect()
        images = [picture(32 + 9 * (k % 3), 40, seed=k) for k in range(11)]
        found = client.stylize(images, "wash", 0.5)
        for comic, image in zip(found, images, strict=True):
            expected = self.generator.stylize(image, "wash", 0.5)
            self.assertSamePictures(comic, expected)

    def test_files(self):
        client = self.connect()
        images = [picture(32 + k, 40, seed=k) for k in range(3)]
        found = client.stylize_bytes([png(image) for image in images])
        for comic, image in zip(found, images, strict=True):
            comic = np.asarray(Image.open(io.BytesIO(comic)))
            self.assertSamePictures(comic, self.generator.stylize(image))
        with self.assertRaises(ServingError) as raised:
            client.stylize_bytes([b"not a picture"])
        self.assertEqual(raised.exception.code, "INVALID_ARGUMENT")

    def test_folder(self):
        client = self.connect()
        folder = self.temporary_folder()
        (folder / "photos").mkdir()
        for k in range(4):
            path = folder / "photos" / f"{k}.png"
            Image.fromarray(picture(32, 32 + k, seed=k)).save(path)
        (folder / "photos" / "4.jpg").write_bytes(b"broken")
        done = client.stylize_files(
            folder / "photos", folder / "comics", "wash", keep_color=True
        )
        self.assertLen(done.written, 4)
        said = read_provenance(done.written[0])
        self.assertEqual(said, self.generator.provenance)
        ((path, _),) = done.failures
        self.assertEqual(path.name, "4.jpg")
        for k, path in enumerate(done.written):
            expected = self.generator.stylize(
                picture(32, 32 + k, seed=k), "wash", keep_color=True
            )
            self.assertSamePictures(read_image(path), expected)

    def test_video(self):
        client = self.connect()
        folder = self.temporary_folder()
        frames = scene(6, 0)
        write_frames(frames, folder / "in.mkv", 25, codec="ffv1")
        done = client.stylize_video(folder / "in.mkv", folder / "out.png")
        self.assertEqual(done.num_frames, 6)
        found = open_frames(done.output, scene_cuts=False)
        found = np.stack([frame.image for frame in found])
        self.assertSamePictures(found, self.generator.stylize(frames))

    def test_questions(self):
        client = self.connect()
        client.wait_until_ready(20.0)
        self.assertEqual(client.style_names, self.generator.style_names)
        self.assertEqual(client.status(), [(1, "AVAILABLE", None)])
        self.assertCountEqual(
            client.metadata(),
            [
                "serving_default",
                "serving_bytes",
                "serving_bytes_style_image",
                "serving_bytes_style_weights",
                "serving_style_image",
                "serving_style_weights",
                "style_names",
            ],
        )
        for options, code in (
            ({"model": "other"}, "NOT_FOUND"),
            ({"version": 7}, "NOT_FOUND"),
            ({"version": "canary"}, "INVALID_ARGUMENT"),
        ):
            with self.assertRaises(ServingError) as raised:
                self.connect(**options).stylize(picture())
            self.assertEqual(raised.exception.code, code)
        with Client(self.address) as client:
            with self.assertRaises(ServingError) as raised:
                client.stylize(picture())
        self.assertEqual(raised.exception.code, "UNAUTHENTICATED")


class RestartedServerTest(TestCase):
    """A folder goes on while its server is replaced by the next one."""

    def serve(self, port=0):
        _, folder = small_saved_model()
        server = ModelServer({"comic": folder.parent}, port=port).start()
        self.addCleanup(server.stop, 0)
        return server

    @pytest.mark.slow
    def test_folder(self):
        folder = self.temporary_folder()
        (folder / "photos").mkdir()
        for k in range(40):
            path = folder / "photos" / f"{k}.png"
            Image.fromarray(picture(seed=k)).save(path)
        server = self.serve()
        restarted = threading.Event()

        def restart():
            server.stop(10.0)
            self.serve(server.port)
            restarted.set()

        thread = threading.Thread(target=restart)

        def progress(done, total):
            if done == 5:
                thread.start()

        with Client(server.url, concurrency=2) as client:
            done = client.stylize_files(
                folder / "photos", folder / "comics", progress=progress
            )
            thread.join()
            self.assertTrue(restarted.is_set())
            self.assertLen(done.written, 40)
            self.assertEqual(done.failures, [])
            # And the new one answers.
            client.stylize(picture())


ENCRYPTED = """
import sys
import numpy as np
from keras_comic.serving.client import Client
from keras_comic.serving.errors import ServingError
from tests.serving.flaky_servers import start_flaky_server

class Test:
    def addCleanup(self, function):
        self.cleanup = function

files = sys.argv[1:]
for protocol, scheme in ("grpc", "grpcs"), ("http", "https"):
    test = Test()
    model, address, stop = start_flaky_server(test, protocol, files=files)
    model.token = "sesame"
    port = address.rpartition(":")[2]
    image = np.arange(32 * 32 * 3, dtype="uint8").reshape(32, 32, 3)
    with Client(f"{scheme}://localhost:{port}", token="sesame") as client:
        if not np.array_equal(client.stylize(image), 255 - image):
            sys.exit(f"{protocol}: another picture")
    # Not by a certificate of somebody else.
    with Client(f"{scheme}://127.0.0.1:{port}", timeout=1.0) as client:
        try:
            client.status()
        except ServingError as error:
            if error.code != "UNAVAILABLE":
                sys.exit(f"{protocol}: {error.code}")
        else:
            sys.exit(f"{protocol}: let in")
    stop()
"""


class EncryptedTest(TestCase):
    @pytest.mark.slow
    def test_certificates(self):
        # In a process of its own: gRPC reads whom to trust once.
        folder = self.temporary_folder()
        key, certificate = folder / "key.pem", folder / "certificate.pem"
        write_certificate(key, certificate)
        trusted = {
            "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": str(certificate),
            "SSL_CERT_FILE": str(certificate),
            "PYTHONPATH": str(ROOT),
        }
        done = subprocess.run(
            [sys.executable, "-c", ENCRYPTED, key, certificate],
            capture_output=True,
            env={**os.environ, **trusted},
            text=True,
            timeout=300,
        )
        self.assertEqual(done.returncode, 0, done.stderr[-2000:])


def write_certificate(key_path, certificate_path):
    """Writes a key, and a certificate for `localhost` by that key itself."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name(
        [x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")]
    )
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName("localhost")]), False
        )
        .add_extension(x509.BasicConstraints(True, None), True)
        .sign(key, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    key_path.write_bytes(
        key.private_bytes(
            encoding,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    certificate_path.write_bytes(certificate.public_bytes(encoding))
