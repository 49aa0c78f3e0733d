"""Keeps a page, and all that it loads, to the server that it came from."""

import json
import re

# Bytes of a request that is no upload: the choices of the page.
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
        kind = dict(scope["headers"]).get(b"content-type", b"")
        if scope["method"] == "POST" and b"multipart/" not in kind:
            receive, problem = await _checked(receive)
            if problem is not None:
                body = json.dumps({"detail": problem}).encode()
                headers = [(b"content-type", b"application/json")]
                await _send(send, 400, headers, body)
                return
        page = []

        async def send_kept(message):
            if message["type"] == "http.response.start":
                headers = [
                    header
                    for header in message["headers"]
                    if header[0].lower() not in HEADERS
                ]
                message["headers"] = headers + list(HEADERS.items())
                kind = dict(headers).get(b"content-type", b"")
                if kind.startswith(b"text/html"):
                    # It waits for the whole page, and its new length.
                    page.append(message)
                    return
            elif page:
                page.append(message.get("body", b""))
                if not message.get("more_body"):
                    start, *parts = page
                    headers = [
                        header
                        for header in start["headers"]
                        if header[0].lower() != b"content-length"
                    ]
                    body = _FOREIGN.sub(b"", b"".join(parts))
                    await _send(send, start["status"], headers, body)
                return
            await send(message)

        await self.app(scope, receive, send_kept)


async def _checked(receive):
    """Reads a body; returns what gives it again, and why it is refused."""
    body, has_more = b"", True
    while has_more and len(body) <= MAX_BODY:
        message = await receive()
        body += message.get("body", b"")
        has_more = message.get("more_body", False)
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again():
        return messages.pop() if messages else await receive()

    return receive_again, _find_problem(body)


def _find_problem(body):
    if len(body) > MAX_BODY:
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


async def _send(send, status, headers, body):
    headers = [*headers, (b"content-length", str(len(body)).encode())]
    start = {"type": "http.response.start", "status": status}
    await send({**start, "headers": headers})
    await send({"type": "http.response.body", "body": body})
