"""Keeps a page, and what it loads, to the server that it came from."""

import json
import re

# Bytes of a request that is no upload: what was chosen on the page.
MAX_BODY = 2**20
# Scripts and styles of the page's own frame stand in its HTML.
POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "media-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self' data: blob:",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'self'",
    )
)
HEADERS = {
    b"content-security-policy": POLICY.encode(),
    b"referrer-policy": b"no-referrer",
    b"x-content-type-options": b"nosniff",
}
# Titles and pictures for networks that show links to pages; and any script or
# style sheet of another server.
_FOREIGN = re.compile(
    rb"<meta\s[^>]*?(?:property=\"og:|name=\"twitter:)[^>]*>"
    rb"|<script\s[^>]*?src=[\"']?(?:https?:)?//[^>]*>\s*</script>"
    rb"|<link\s[^>]*?href=[\"']?(?:https?:)?//[^>]*>",
    re.IGNORECASE,
)


class SelfContained:
    """ASGI middleware: no page of the application loads from elsewhere."""

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if scope["method"] == "POST" and _is_json(scope):
            body = await _read_body(receive)
            problem = find_problem(body)
            if problem is not None:
                await _refuse(send, problem)
                return
            receive = _replayed(body, receive)
        start, body = None, []

        async def send_kept(message):
            nonlocal start
            if message["type"] == "http.response.start":
                headers = [
                    (name, value)
                    for name, value in message["headers"]
                    if name.lower() not in HEADERS
                ]
                message["headers"] = headers + list(HEADERS.items())
                kind = dict(headers).get(b"content-type", b"")
                if kind.startswith(b"text/html"):
                    # Until the whole page is there, and its new length.
                    start = message
                    return
            elif start is not None and message["type"] == "http.response.body":
                body.append(message.get("body", b""))
                if message.get("more_body"):
                    return
                page = remove_foreign(b"".join(body))
                length = (b"content-length", str(len(page)).encode())
                start["headers"] = [
                    header
                    for header in start["headers"]
                    if header[0].lower() != b"content-length"
                ] + [length]
                await send(start)
                message = {"type": "http.response.body", "body": page}
            await send(message)

        await self.app(scope, receive, send_kept)


def find_problem(body):
    """Why a request is refused."""
    if body is None:
        return "The request is too large."
    try:
        values = [json.loads(body or b"null")]
    except (RecursionError, ValueError):
        return "The request is not JSON."
    while values:
        value = values.pop()
        if isinstance(value, dict):
            path = value.get("path")
            if isinstance(path, str) and ":" in path.split("/")[0]:
                return "Files are uploaded, not named by a URL."
            values.extend(value.values())
        elif isinstance(value, list):
            values.extend(value)
    return None


def _is_json(scope):
    kind = dict(scope["headers"]).get(b"content-type", b"")
    return b"multipart/" not in kind


async def _read_body(receive):
    parts, size = [], 0
    while True:
        message = await receive()
        part = message.get("body", b"")
        size += len(part)
        if size > MAX_BODY:
            return None
        parts.append(part)
        if not message.get("more_body"):
            return b"".join(parts)


def _replayed(body, receive):
    """What gives the body that has been read, and then goes on."""
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again():
        return messages.pop() if messages else await receive()

    return receive_again


async def _refuse(send, problem):
    body = json.dumps({"detail": problem}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    start = {"type": "http.response.start", "status": 400, "headers": headers}
    await send(start)
    await send({"type": "http.response.body", "body": body})


def remove_foreign(page):
    """Takes out of a page what it would load from other servers."""
    return _FOREIGN.sub(b"", page)
