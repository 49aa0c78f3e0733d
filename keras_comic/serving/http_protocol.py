"""HTTP connections that do not wait for ever."""

import socket

from keras_comic.serving.json_tensors import dump_json

try:
    from uvicorn.protocols.http.h11_impl import H11Protocol
except ImportError as error:
    raise ImportError(
        "The local server needs uvicorn. Install it with "
        "`pip install 'keras-comic[serving]'`."
    ) from error


def make_http_protocol(io_timeout, max_connections):
    """Makes the class of uvicorn's HTTP connections."""

    class HTTPProtocol(_BoundedProtocol):
        _io_timeout = io_timeout
        _max_connections = max_connections

    return HTTPProtocol


class _BoundedProtocol(H11Protocol):
    _io_timeout = None
    _max_connections = None
    _headers_timer = None
    _answer_timer = None

    @property
    def is_busy(self):
        """Boolean. Whether a request is coming in or being answered."""
        if self._headers_timer is not None and self._has_begun:
            return True
        return self.cycle is not None and not self.cycle.response_complete

    _has_begun = False

    def connection_made(self, transport):
        super().connection_made(transport)
        # Else the second part of an answer waits for the client's kernel.
        transport.get_extra_info("socket").setsockopt(
            socket.IPPROTO_TCP, socket.TCP_NODELAY, 1
        )
        if len(self.connections) > self._max_connections:
            self._write_refusal(503, "The server has too many connections.")
            return
        self._await_headers()

    def connection_lost(self, exc):
        self._stop_timers()
        super().connection_lost(exc)

    def data_received(self, data):
        if self.transport.is_closing():
            return
        self._has_begun = True
        super().data_received(data)
        if self.cycle is None or self.cycle.response_complete:
            # Of the next request, a part of its headers.
            if self._headers_timer is None and not self.transport.is_closing():
                self._await_headers()
        else:
            self._has_begun = False
            self._cancel_headers_timer()

    def pause_writing(self):
        super().pause_writing()
        self._answer_timer = self.loop.call_later(self._io_timeout, self._abort)

    def resume_writing(self):
        super().resume_writing()
        if self._answer_timer is not None:
            self._answer_timer.cancel()
            self._answer_timer = None

    def _unsupported_upgrade_warning(self):
        """Nothing: anybody could fill the log with it."""

    def send_400_response(self, msg):
        self._write_refusal(400, msg)

    def _write_refusal(self, status, message):
        body = dump_json({"error": message})
        phrase = {400: "Bad Request", 503: "Service Unavailable"}[status]
        self.transport.write(
            f"HTTP/1.1 {status} {phrase}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
            + body
        )
        self.transport.close()

    def _await_headers(self):
        self._headers_timer = self.loop.call_later(
            self._io_timeout, self._abort
        )

    def _cancel_headers_timer(self):
        if self._headers_timer is not None:
            self._headers_timer.cancel()
            self._headers_timer = None

    def _stop_timers(self):
        self._cancel_headers_timer()
        if self._answer_timer is not None:
            self._answer_timer.cancel()
            self._answer_timer = None

    def _abort(self):
        self._stop_timers()
        self.transport.abort()
