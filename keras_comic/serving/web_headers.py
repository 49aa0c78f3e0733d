"""Keeps a page, and what it loads, to the server that it came from."""

import re

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
    """ASGI middleware: no page of the application loads from elsewhere.

    Adds a content security policy, by which a browser refuses what is not of
    this server, and takes out of HTML pages what they would load from others.

    Args:
        app: ASGI application.
    """

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
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


def remove_foreign(page):
    """Takes out of a page what it would load from other servers.

    Args:
        page: Bytes of HTML.

    Returns:
        Bytes.
    """
    return _FOREIGN.sub(b"", page)
