import asyncio

from absl.testing import parameterized

from keras_comic.serving.errors import ServingError
from keras_comic.serving.request_body import BodyReader
from keras_comic.serving.request_body import ByteBudget
from keras_comic.serving.request_body import HTTPError
from keras_comic.serving.request_body import Limits
from tests.test_case import TestCase


class _Client:
    """Sends the parts of a body, some of them late."""

    def __init__(self, *parts, last=True):
        self._messages = [
            part
            if isinstance(part, dict)
            else {"type": "http.request", "body": part, "more_body": True}
            for part in parts
        ]
        if last:
            self._messages[-1]["more_body"] = False

    async def __call__(self):
        if not self._messages:
            await asyncio.sleep(60)
        await asyncio.sleep(0)
        return self._messages.pop(0)


GONE = {"type": "http.disconnect"}


class RequestBodyTest(TestCase, parameterized.TestCase):
    def read(self, client, headers=None, **limits):
        reader = BodyReader(client, headers or {}, Limits(**limits))
        taken = []
        body = asyncio.run(reader.read(taken.append))
        self.assertEqual(sum(taken), len(body))
        self.assertTrue(reader.is_complete)
        return bytes(body)

    def test_parts(self):
        self.assertEqual(self.read(_Client(b"ab", b"", b"c")), b"abc")

    def test_largest(self):
        self.assertEqual(
            self.read(_Client(b"ab", b"c"), max_request_bytes=3), b"abc"
        )

    @parameterized.named_parameters(
        ("told", (b"abcd",), {b"content-length": b"4"}, 413),
        ("not_told", (b"ab", b"cd"), {}, 413),
        # As many bytes as it says do not come.
        ("lied", (b"ab", b"cd"), {b"content-length": b"1"}, 413),
        ("compressed", (b"a",), {b"content-encoding": b"gzip"}, 415),
    )
    def test_refused(self, parts, headers, status):
        with self.assertRaises(HTTPError) as raised:
            self.read(_Client(*parts), headers, max_request_bytes=3)
        self.assertEqual(raised.exception.http_status, status)

    def test_identity_is_no_compression(self):
        headers = {b"content-encoding": b"Identity"}
        self.assertEqual(self.read(_Client(b"a"), headers), b"a")

    def test_a_pause_that_is_too_long(self):
        with self.assertRaises(HTTPError) as raised:
            self.read(_Client(b"a", last=False), io_timeout=0.01)
        self.assertEqual(raised.exception.http_status, 408)

    def test_a_body_that_takes_too_long(self):
        class Slow(_Client):
            async def __call__(self):
                await asyncio.sleep(0.02)
                return await super().__call__()

        with self.assertRaises(HTTPError) as raised:
            self.read(Slow(*[b"a"] * 100), body_timeout=0.1)
        self.assertEqual(raised.exception.http_status, 408)

    def test_a_client_that_goes(self):
        with self.assertRaises(ServingError) as raised:
            self.read(_Client(b"a", GONE, last=False))
        self.assertEqual(raised.exception.code, "CANCELLED")

    def test_discard(self):
        client = _Client(b"ab", b"c")
        reader = BodyReader(client, {}, None)
        asyncio.run(reader.discard())
        self.assertTrue(reader.is_complete)
        self.assertEmpty(client._messages)

    def test_budget(self):
        budget = ByteBudget(10)
        with budget.account() as first:
            first(4)
            with budget.account() as second:
                second(6)
                with self.assertRaises(ServingError) as raised:
                    first(1)
            self.assertEqual(raised.exception.code, "RESOURCE_EXHAUSTED")
            first(6)
        with self.assertRaises(KeyError), budget.account() as third:
            third(10)
            raise KeyError
        with budget.account() as fourth:
            fourth(10)
            with budget.account() as fifth:
                fifth(3, force=True)
            with self.assertRaises(ServingError):
                fourth(1)

    def test_limits(self):
        with self.assertRaisesRegex(ValueError, "max_request_bytes=0"):
            Limits(max_request_bytes=0)
        with self.assertRaisesRegex(ValueError, "io_timeout=-1"):
            Limits(io_timeout=-1)
