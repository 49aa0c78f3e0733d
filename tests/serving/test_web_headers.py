import asyncio

import httpx
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.responses import PlainTextResponse
from starlette.responses import StreamingResponse
from starlette.routing import Route

from keras_comic.serving.web_headers import MAX_BODY
from keras_comic.serving.web_headers import SelfContained
from tests.test_case import TestCase

FOREIGN = (
    '<meta property="og:image"\n  content="https://elsewhere.org/a.jpg" />',
    '<meta name="twitter:title" content="Gradio" />',
    '<script src="https://elsewhere.org/a.js"></script>',
    "<script async src='//elsewhere.org/a.js'> </script>",
    '<link rel="preconnect" href="https://fonts.elsewhere.org">',
)
OWN = (
    '<meta name="viewport" content="width=device-width" />',
    '<script type="module" src="./assets/index.js"></script>',
    '<script>const url = "/a";</script>',
    '<link rel="stylesheet" href="./assets/index.css">',
)
PAGE = "".join(a + b for a, b in zip(FOREIGN, (*OWN, ""), strict=True))


def respond(path):
    """Returns an answer that has passed the middleware."""

    async def page(request):
        return HTMLResponse(PAGE)

    async def text(request):
        return PlainTextResponse(
            PAGE, headers={"X-Content-Type-Options": "other"}
        )

    async def pieces(request):
        async def parts():
            for start in range(0, len(PAGE), 7):
                yield PAGE[start : start + 7].encode()

        return StreamingResponse(parts(), media_type="text/html")

    app = SelfContained(
        Starlette(
            routes=[
                Route("/page", page),
                Route("/text", text),
                Route("/pieces", pieces),
            ]
        )
    )

    async def get():
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://page"
        ) as client:
            return await client.get(path)

    return asyncio.run(get())


def post(**options):
    """The answer to a request, of an application that gives it back."""

    async def echo(request):
        return PlainTextResponse(await request.body())

    async def send():
        app = Starlette(routes=[Route("/", echo, methods=["POST"])])
        transport = httpx.ASGITransport(SelfContained(app))
        async with httpx.AsyncClient(
            transport=transport, base_url="http://page"
        ) as client:
            return await client.post("/", **options)

    return asyncio.run(send())


class RequestTest(TestCase):
    def test_passes(self):
        for body in (
            {"data": [{"path": "/tmp/gradio/1/a:b.png", "url": "http://a/b"}]},
            {"data": ["https://elsewhere.org", None, 1.5]},
            [],
        ):
            response = post(json=body)
            self.assertEqual(response.status_code, 200)
            self.assertEqual(response.json(), body)
        self.assertEqual(post().text, "")
        # Uploads are bounded by gradio.
        response = post(files={"files": ("a.png", bytes(2 * MAX_BODY))})
        self.assertEqual(response.status_code, 200)

    def test_urls_are_not_fetched(self):
        for url in (
            "http://elsewhere.org/a.png",
            "HTTPS://elsewhere.org",
            "file:///etc/passwd",
        ):
            response = post(json={"data": [[{"path": url, "meta": {}}]]})
            self.assertEqual(response.status_code, 400)
            self.assertIn("not named by a URL", response.json()["detail"])
        # However it is written.
        response = post(content=rb'{"path": "\u0068ttp://elsewhere.org"}')
        self.assertEqual(response.status_code, 400)
        response = post(
            content=b'{"path": "http://a"}', headers={"content-type": "text/a"}
        )
        self.assertEqual(response.status_code, 400)

    def test_malformed(self):
        for body in (b"{", b"[" * 200_000, b"\xff", b" " * MAX_BODY + b"1"):
            response = post(content=body)
            self.assertEqual(response.status_code, 400)
            self.assertIn("The request is", response.json()["detail"])


class SelfContainedTest(TestCase):
    def test_pages(self):
        for path in ("/page", "/pieces"):
            response = respond(path)
            self.assertEqual(response.text, "".join(OWN))
        self.assertEqual(
            respond("/page").headers["content-length"],
            str(len("".join(OWN))),
        )

    def test_what_is_no_page_stays(self):
        response = respond("/text")
        self.assertEqual(response.text, PAGE)
        self.assertEqual(
            response.headers.get_list("x-content-type-options"), ["nosniff"]
        )

    def test_policy(self):
        for path in ("/page", "/text", "/nowhere"):
            policy = respond(path).headers["content-security-policy"]
            self.assertRegex(policy, "^default-src 'self';")
            self.assertNotIn("http", policy)
            self.assertNotIn("*", policy)
