import io
import threading
import time

import numpy as np
from absl.testing import parameterized
from PIL import Image

from keras_comic.provenance.metadata import Provenance
from keras_comic.provenance.metadata import read_provenance
from keras_comic.serving import Client
from keras_comic.serving import ServingError
from tests.export.small_models import served_folder
from tests.export.small_models import small_model
from tests.serving.flaky_servers import BAD
from tests.serving.flaky_servers import BUSY
from tests.serving.flaky_servers import GONE
from tests.serving.flaky_servers import start_flaky_server
from tests.serving.rest_servers import start_server
from tests.test_case import TestCase
from tests.test_case import photos

PROTOCOLS = ("grpc", "http")
both = parameterized.named_parameters(*((p, p) for p in PROTOCOLS))
PHOTO = photos(33, 47, 3)


def png(image):
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()


class ClientTestCase(TestCase, parameterized.TestCase):
    def start(self, protocol, family="painter", **options):
        self.peer, address, self.stop = start_flaky_server(
            self, protocol, family
        )
        return self.connect(address, **options)

    def connect(self, address, **options):
        client = Client(address, **options)
        self.addCleanup(client.close)
        return client

    def check(self, comic, expected, keep_color=False, **options):
        """The comic may be rounded differently in a few values.

        Colour keeping, in float32, adds some.
        """
        share = 2e-3 if keep_color else 1e-3
        difference = np.abs(np.asarray(comic).astype(int) - expected)
        self.assertLessEqual(difference.max(), 1)
        self.assertLessEqual((difference > 0).mean(), share)


class StylizeTest(ClientTestCase):
    @parameterized.product(
        protocol=PROTOCOLS,
        options=(
            {},
            {"style": {"ink": 1, "größe": 2}, "strength": 0.6},
            {"style": photos(40, 36, 3, seed=5) // 2, "keep_color": True},
            {"strength": 0.3},
        ),
    )
    def test_styles(self, protocol, options):
        client = self.start(protocol)
        comic = client.stylize(PHOTO, **options)
        expected = small_model("painter").stylize(PHOTO, **options)
        self.check(comic, expected, **options)

    @parameterized.product(
        protocol=PROTOCOLS,
        options=({}, {"strength": 0.5}, {"keep_color": True}),
    )
    def test_a_model_without_styles(self, protocol, options):
        client = self.start(protocol, "comic")
        comic = client.stylize(PHOTO, **options)
        expected = small_model("comic").stylize(PHOTO, **options)
        self.check(comic, expected, **options)
        self.assertEqual(client.style_names, [])
        with self.assertRaisesRegex(ValueError, "takes no `style`.*'ink'"):
            client.stylize(PHOTO, "ink")

    @both
    def test_codes(self, protocol):
        client = self.start(protocol, "codes")
        pictures = client.generate(9, seed=3)
        self.check(pictures, small_model("codes").generate(9, seed=3))
        with self.assertRaisesRegex(ServingError, "must draw photos"):
            client.stylize(PHOTO)
        with self.assertRaisesRegex(ServingError, "pictures of codes"):
            self.start(protocol, "comic").generate()

    @both
    def test_batches_and_lists(self, protocol):
        client = self.start(protocol, "comic")
        stylize = small_model("comic").stylize
        batch = photos(10, 32, 40, 3)
        self.check(client.stylize(batch), stylize(batch))
        sizes = [len(inputs["image_bytes"]) for _, inputs in self.peer.requests]
        self.assertEqual(sorted(sizes), [2, 8])
        several = [photos(h, 40, 3, seed=h) for h in (32, 50, 32)]
        for comic, photo in zip(client.stylize(several), several, strict=True):
            self.check(comic, stylize(photo))
        self.assertEqual(client.stylize([]), [])
        (file,) = client.stylize_bytes([png(PHOTO)])
        with Image.open(io.BytesIO(file)) as image:
            self.check(np.asarray(image), stylize(PHOTO))

    @both
    def test_pictures_of_each_photo(self, protocol):
        client = self.start(protocol)
        batch, drawings = photos(9, 32, 40, 3), photos(9, 34, 36, 3, seed=4)
        comics = client.stylize(batch, drawings, 0.9)
        self.check(comics, small_model("painter").stylize(batch, drawings, 0.9))

    @both
    def test_questions(self, protocol):
        client = self.start(protocol)
        self.assertEqual(client.style_names, ["ink", "wash", "größe"])
        self.assertEqual(client.status(), {1: "AVAILABLE"})
        inputs = client.metadata()["serving_style_weights"]
        self.assertEqual(inputs["images"], [-1, -1, -1, 3])
        self.assertEqual(inputs["style_weights"], [-1, 3])

    @parameterized.parameters(
        ({"style": "oil"}, r"among \['ink', .*'oil'"),
        ({"style": {"ink": -1}}, "weights"),
        ({"style": [1, 2]}, "or a mix of names"),
        ({"style": [(PHOTO, 1)]}, "mixes no images"),
        ({"style": photos(2, 32, 32, 3)}, "Received: 2 style images"),
        ({"strength": 1.5}, "strength"),
        ({"images": PHOTO[:20]}, "32"),
        ({"images": [photos(2, 32, 32, 3)]}, "must hold single photos"),
    )
    def test_wrong_arguments(self, options, message):
        client = self.start("http")
        with self.assertRaisesRegex(ValueError, message):
            client.stylize(**{"images": PHOTO, **options})
        sent = {signature for signature, _ in self.peer.requests}
        self.assertLessEqual(sent, {"style_names"})
        with self.assertRaisesRegex(ValueError, "list of bytes"):
            client.stylize_bytes(b"text")

    def test_wrong_options(self):
        for options, message in (
            ({"model": ""}, "`model` must be"),
            ({"version": 1.0}, "`version` must be"),
            ({"timeout": 0}, "`timeout` must be"),
            ({"concurrency": 0}, "`concurrency` must be"),
            ({"address": "ftp://host"}, "`address` must be"),
        ):
            with self.assertRaisesRegex(ValueError, message):
                Client(**{"address": "localhost", **options})

    def test_the_local_server(self):
        for name, options in (
            ("comic", {"strength": 0.5}),
            ("painter", {"style": "wash", "keep_color": True}),
        ):
            server, _ = start_server(self, {"comic": served_folder(name)})
            client = self.connect(server.url)
            client.wait_until_ready(10)
            comic = client.stylize(PHOTO, **options)
            expected = small_model(name).stylize(PHOTO, **options)
            self.check(comic, expected, **options)
        server, _ = start_server(self, {"comic": served_folder("codes")})
        pictures = self.connect(server.url).generate(2, seed=1)
        self.check(pictures, small_model("codes").generate(2, seed=1))


class RetriesTest(ClientTestCase):
    @parameterized.product(protocol=PROTOCOLS, failure=(BUSY, GONE))
    def test_tries_again(self, protocol, failure):
        client = self.start(protocol, "comic")
        client.metadata()
        self.peer.failures = [failure, failure]
        comic = client.stylize(PHOTO)
        self.check(comic, small_model("comic").stylize(PHOTO))

    @both
    def test_bad_input_is_not_repeated(self, protocol):
        client = self.start(protocol, "comic")
        client.stylize(PHOTO)
        before = self.peer.predictions
        self.peer.failures = [BAD]
        with self.assertRaisesRegex(ServingError, "Bad input") as caught:
            client.stylize(PHOTO)
        self.assertEqual(caught.exception.code, "INVALID_ARGUMENT")
        self.assertEqual(self.peer.predictions, before + 1)
        with self.assertRaisesRegex(ServingError, "not an image"):
            client.stylize_bytes([b"text"])

    @both
    def test_one_deadline_over_all_tries(self, protocol):
        client = self.start(protocol, "comic", timeout=0.5)
        self.peer.failures = [GONE] * 99
        start = time.monotonic()
        with self.assertRaisesRegex(ServingError, "Given up after"):
            client.status()
        self.assertLess(time.monotonic() - start, 3)
        self.peer.failures, self.peer.seconds = [], 1.5
        with self.assertRaises(ServingError) as caught:
            client.stylize(PHOTO)
        self.assertEqual(caught.exception.code, "DEADLINE_EXCEEDED")

    @both
    def test_token(self, protocol):
        client = self.start(protocol, "comic", token="secret")
        self.peer.token = "secret"
        client.stylize(PHOTO)
        self.peer.token = "other"
        with self.assertRaises(ServingError) as caught:
            client.stylize(PHOTO)
        self.assertEqual(caught.exception.code, "UNAUTHENTICATED")

    @both
    def test_concurrency_is_bounded(self, protocol):
        client = self.start(protocol, "comic", concurrency=3)
        self.peer.seconds = 0.05
        client.stylize(photos(60, 32, 32, 3))
        self.assertLessEqual(self.peer.most_running, 3)
        self.assertGreater(self.peer.most_running, 1)

    @both
    def test_closing_ends_what_is_under_way(self, protocol):
        client = self.start(protocol, "comic")
        self.peer.failures = [GONE] * 99
        errors = []

        def ask():
            try:
                client.stylize(PHOTO)
            except ServingError as error:
                errors.append(error.code)

        thread = threading.Thread(target=ask)
        thread.start()
        while not self.peer.calls:
            time.sleep(0.01)
        client.close()
        thread.join(10)
        self.assertEqual(errors, ["CANCELLED"])

    @both
    def test_wait_until_ready(self, protocol):
        client = self.start(protocol, "comic", timeout=0.2)
        self.peer.state = "LOADING"
        with self.assertRaisesRegex(ServingError, "not ready.*LOADING"):
            client.wait_until_ready(0.5)
        threading.Timer(0.3, setattr, (self.peer, "state", "AVAILABLE")).start()
        client.wait_until_ready(10)
        self.stop()
        with self.assertRaisesRegex(ServingError, "was not ready"):
            client.wait_until_ready(0.5)


class FilesTest(ClientTestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.temporary_folder()
        (self.folder / "in" / "below").mkdir(parents=True)
        self.photos = {}
        for number, name in enumerate(("a.png", "below/b.png", "c.png")):
            photo = photos(64 + number, 80, 3, seed=number)
            Image.fromarray(photo).save(self.folder / "in" / name)
            self.photos[name] = photo

    @both
    def test_folder(self, protocol):
        client = self.start(protocol)
        (self.folder / "in" / "broken.jpg").write_bytes(b"broken")
        output = self.folder / "out"
        counts = []
        done = client.stylize_files(
            self.folder / "in",
            output,
            "wash",
            strength=0.5,
            progress=lambda *numbers: counts.append(numbers),
        )
        self.assertLen(done.written, 3)
        ((path, _),) = done.failures
        self.assertEqual(path.name, "broken.jpg")
        self.assertEqual(counts[-1], (4, 4))
        for name, photo in self.photos.items():
            with Image.open(output / name) as image:
                expected = small_model("painter").stylize(photo, "wash", 0.5)
                self.check(np.asarray(image), expected)
        self.assertEqual(
            read_provenance(output / "a.png"), Provenance("ink", "7")
        )
        before = self.peer.predictions
        again = client.stylize_files(
            self.folder / "in", output, provenance=False
        )
        self.assertLen(again.skipped, 3)
        self.assertEqual(self.peer.predictions, before)

    def test_one_file(self):
        client = self.start("http")
        source, target = self.folder / "in" / "a.png", self.folder / "o.jpg"
        done = client.stylize_files(
            source,
            target,
            self.folder / "in" / "c.png",
            max_side=60,
            provenance=Provenance("other"),
        )
        self.assertEqual(done.written, [target])
        with Image.open(target) as image:
            self.assertEqual(max(image.size), 60)
        self.assertEqual(read_provenance(target), Provenance("other"))
        for options, message in (
            ({"max_side": 0}, "max_side"),
            ({"strength": 2}, "strength"),
        ):
            with self.assertRaisesRegex(ValueError, message):
                client.stylize_files(source, target, **options)
        with self.assertRaisesRegex(TypeError, "no option.*'color'"):
            client.stylize_files(source, target, color=True)

    @both
    def test_a_server_that_is_gone_ends_it(self, protocol):
        client = self.start(protocol, timeout=5.0)
        client.stylize(PHOTO)
        self.stop()
        with self.assertRaises(ServingError):
            client.stylize_files(
                self.folder / "in", self.folder / "out", provenance=False
            )
