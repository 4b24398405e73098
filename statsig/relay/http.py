"""HTTP/1.1, as much of it as a webhook needs: httptools parses, asyncio (uvloop) reads and writes, and between them
stand the limits on time, size and number that keep strangers from taking more than their share.

Handlers answer at once, from what is in memory, or promise an answer; meanwhile nothing more is read from that client.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import responses
from typing import NamedTuple, Protocol, cast

import httptools

_LARGEST_HEAD = 16 * 1024  # bytes of request line and headers
_MOST_HEADERS = 100
_HEADER_MARKS = 4  # bytes of a header beside its name and value: a colon, a space, a line end
_IDLE = 75.0  # seconds a connection may stay open after a request
_LINGER = 2.0  # seconds that a refused sender may go on sending, so that it reads the answer rather than a reset
_SWEEP = 0.5  # seconds between two looks at which connections are over their time
_SURPLUS_TIMEOUT = 1.0  # seconds for a request on a connection of those kept for probes
_FRAMING = 64 * 1024  # bytes of chunk headers a body may have beside twice its own size

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Response:
    """`outcome` is a word for metrics; it is never sent. Both forms are made once: most answers are constants."""

    status: int
    outcome: str
    body: bytes = b''
    headers: Mapping[str, str] = field(default_factory=dict)
    kept_alive: bytes = field(init=False, repr=False)
    closing: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        lines = [f'HTTP/1.1 {self.status} {responses[self.status]}', f'Content-Length: {len(self.body)}']
        lines += [f'{name}: {value}' for name, value in self.headers.items()]
        head = '\r\n'.join(lines).encode('ascii')
        object.__setattr__(self, 'kept_alive', head + b'\r\n\r\n' + self.body)
        object.__setattr__(self, 'closing', head + b'\r\nConnection: close\r\n\r\n' + self.body)


class Head(NamedTuple):
    """A request without its body. Names of headers are in lower case; a header that is repeated is joined by commas.

    peer: the address at the other end of the connection, which may be a proxy's.
    """

    method: bytes
    path: bytes
    headers: Mapping[bytes, bytes]
    peer: str = ''


@dataclass(frozen=True, slots=True)
class Allowance:
    """How many bytes of body are read, and what a longer one is answered, as soon as that is known."""

    limit: int
    beyond: Response


class Handler(Protocol):
    """What answers at one path."""

    @property
    def name(self) -> str: ...

    @property
    def is_probe(self) -> bool:
        """Whether it answers even where there are too many connections for anything else."""

    def admit(self, head: Head) -> Allowance | Response:
        """Looks at the head: how much of a body to read, or the answer without reading any."""

    def respond(self, head: Head, body: bytes) -> Response | asyncio.Future[Response]: ...

    def answered(self, response: Response, body_bytes: int) -> None:
        """Called for each answer, those to requests that were never complete included."""


class Site(Protocol):
    """Finds the handler of a request."""

    def handler(self, head: Head) -> Handler: ...

    @property
    def fallback(self) -> Handler:
        """Whose request it is when it could not even be parsed."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Per process. Seconds and bytes."""

    request_timeout: float = 30.0
    answer_timeout: float = 10.0  # for an answer that was promised; Datadog waits for 15 s
    most_connections: int = 500  # half of the open files that a process usually may have
    # More are taken for a moment each, so that an orchestrator's probes are answered: else strangers who connect and
    # say nothing could have a healthy relay restarted.
    kept_for_probes: int = 50
    most_buffered: int = 64 * 1024 * 1024


_BAD_REQUEST = Response(400, 'bad_request')
_HEAD_TOO_LARGE = Response(431, 'head_too_large')
_TIMEOUT = Response(408, 'timeout')
_FULL = Response(503, 'full', headers={'Retry-After': '5'})
_FAILED = Response(500, 'failed')
_NO_BODY = Allowance(0, Response(413, 'too_large'))
_LATE = Response(503, 'late', headers={'Retry-After': '5'})
_CONTINUE = b'HTTP/1.1 100 Continue\r\n\r\n'


class HttpServer:
    """Serves a site on a listening socket, from `start` to `stop`."""

    def __init__(self, site: Site, limits: Limits) -> None:
        self.site = site
        self.limits = limits
        self.connections: set[_Connection] = set()
        self.buffered = 0  # bytes of bodies that are not complete
        self.stopping = False

    async def start(self, listening: socket.socket) -> None:
        self._loop = asyncio.get_running_loop()
        self._server = await self._loop.create_server(lambda: _Connection(self), sock=listening)
        self._sweeper = self._loop.create_task(self._sweep())

    def now(self) -> float:
        return self._loop.time()

    def make_room(self) -> None:
        """Where there are as many connections as may be, the one that has been idle for longest goes: whoever connects
        and says nothing keeps nobody out."""
        if len(self.connections) >= self.limits.most_connections:
            idle = [connection for connection in self.connections if connection.is_idle]
            if idle:
                longest = min(idle, key=lambda connection: connection.idle_since)
                longest.close_if_idle()
                self.connections.discard(longest)  # it is told that it is lost a moment later

    async def stop(self, grace: float) -> None:
        """No new connections; requests that have begun are answered, for `grace` seconds at most."""
        self.stopping = True
        self._server.close()
        for connection in list(self.connections):
            connection.close_if_idle()
        end = self.now() + grace
        while self.connections and self.now() < end:
            await asyncio.sleep(0.02)
        for connection in list(self.connections):
            connection.abort()
        self._sweeper.cancel()

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP)
            now = self.now()
            for connection in list(self.connections):
                connection.expire(now)


class _Connection(asyncio.Protocol):
    """One client. Between requests it is idle, within one it reads, after a refusal it only lets the rest run out."""

    def __init__(self, server: HttpServer) -> None:
        self._server = server
        self._transport: asyncio.Transport
        self._parser = httptools.HttpRequestParser(self)
        self._reading = False
        self._refused = False
        self._awaited: asyncio.Future[Response] | None = None
        self._peer = ''
        self.idle_since = 0.0
        self._is_surplus = False  # of the places that are kept for probes
        self._keep_alive = True
        self._deadline = 0.0
        self._received = 0  # bytes of the request so far, but for those of the read that began it
        self._begin()

    def _begin(self) -> None:
        self._url = b''
        self._head_size = self._header_lines = 0
        self._headers: dict[bytes, bytes] = {}
        self._head: Head | None = None
        self._handler = self._server.site.fallback
        self._allowance = _NO_BODY
        self._body = bytearray()
        self._size = 0

    # asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self.idle_since = self._server.now()
        peer = transport.get_extra_info('peername')
        self._peer = str(peer[0]) if isinstance(peer, tuple) else ''
        # Not _IDLE: whoever connects and says nothing keeps a place that others may need.
        self._deadline = self._server.now() + self._server.limits.request_timeout
        self._server.make_room()
        others = len(self._server.connections) - self._server.limits.most_connections
        if others >= self._server.limits.kept_for_probes:
            self._handler.answered(_FULL, 0)
            self._transport.write(_FULL.closing)
            self._transport.close()
            self._refused = True
            return
        if others >= 0:
            self._is_surplus = True
            self._deadline = self._server.now() + _SURPLUS_TIMEOUT
        self._server.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.connections.discard(self)
        self._release()
        self._awaited = None

    def pause_writing(self) -> None:
        """The client does not read its answers: then neither do we read its requests."""
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        if self._awaited:
            self._refused = True  # what follows; the answer that is awaited will be given
        if self._refused:
            return
        self._received += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserCallbackError:
            _log.exception('A request failed; this is a defect of the relay')
            self._refuse(_FAILED)
        except httptools.HttpParserUpgrade:
            self._refuse(_BAD_REQUEST)
        except httptools.HttpParserError:
            self._refuse(_BAD_REQUEST)
        else:
            self._check_framing()

    def _check_framing(self) -> None:
        """httptools collects headers, and trailers behind a body, without a limit of its own."""
        if self._refused or self._awaited or not self._reading:
            return
        if self._head is None and self._received > _LARGEST_HEAD:
            self._refuse(_HEAD_TOO_LARGE)
        elif self._received > 2 * self._allowance.limit + _FRAMING + _LARGEST_HEAD:
            self._refuse(self._allowance.beyond)

    # httptools' side. What it still calls after a refusal is ignored.

    def on_message_begin(self) -> None:
        if self._awaited:
            # Sent without waiting for the answer to the one before: that is answered, and the connection closed.
            self._refused = True
            return
        self._begin()
        self._reading = True
        self._received = 0
        if not self._is_surplus:
            self._deadline = self._server.now() + self._server.limits.request_timeout

    def on_url(self, url: bytes) -> None:
        if self._awaited:
            return
        self._head_size += len(url)
        if self._head_size > _LARGEST_HEAD:
            self._refuse(_HEAD_TOO_LARGE)
        else:
            self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._awaited or self._refused:
            return
        if self._head is not None:  # a trailer
            self._refuse(_BAD_REQUEST)
            return
        self._head_size += len(name) + len(value) + _HEADER_MARKS
        self._header_lines += 1
        if self._head_size > _LARGEST_HEAD or self._header_lines > _MOST_HEADERS:
            self._refuse(_HEAD_TOO_LARGE)
            return
        name = name.lower()
        headers = self._headers
        headers[name] = b'%b, %b' % (headers[name], value) if name in headers else value

    def on_headers_complete(self) -> None:
        if self._refused:
            return
        if self._parser.should_upgrade():  # behind that llhttp parses no body
            self._refuse(_BAD_REQUEST)
            return
        headers = self._headers
        self._head = head = Head(self._parser.get_method(), self._url.partition(b'?')[0], headers, self._peer)
        self._handler = self._server.site.handler(head)
        if self._is_surplus and not self._handler.is_probe:
            self._refuse(_FULL)
            return
        admitted = self._handler.admit(head)
        if isinstance(admitted, Response):
            self._refuse(admitted)
            return
        self._allowance = admitted
        length = int(headers.get(b'content-length', b'0'))  # digits: llhttp has looked at it
        if length > admitted.limit:
            self._refuse(admitted.beyond)
        elif self._server.buffered + length > self._server.limits.most_buffered:
            self._refuse(_FULL)
        elif headers.get(b'expect', b'').lower() == b'100-continue':
            self._transport.write(_CONTINUE)

    def on_body(self, body: bytes) -> None:
        if self._refused:
            return
        self._size += len(body)
        self._server.buffered += len(body)
        self._body += body  # not a list: of chunks of two bytes each, that would take thirty times as much
        if self._size > self._allowance.limit:
            self._refuse(self._allowance.beyond)
        elif self._server.buffered > self._server.limits.most_buffered:
            self._refuse(_FULL)

    def on_message_complete(self) -> None:
        if self._refused or self._head is None:
            return
        body = bytes(self._body)
        self._release()
        self._keep_alive = self._parser.should_keep_alive()
        try:
            response = self._handler.respond(self._head, body)
        except Exception:
            _log.exception('A request failed; this is a defect of the relay')
            response = _FAILED
        if isinstance(response, Response):
            self._answer(response, len(body))
            return
        self._awaited = response
        self._deadline = self._server.now() + self._server.limits.answer_timeout
        response.add_done_callback(lambda promised: self._promised(promised, len(body)))

    def _promised(self, promised: asyncio.Future[Response], body_bytes: int) -> None:
        if self._awaited is promised:
            self._awaited = None
            self._answer(promised.result(), body_bytes)

    def _answer(self, response: Response, body_bytes: int) -> None:
        self._handler.answered(response, body_bytes)
        self._reading = False
        if self._refused or self._server.stopping or self._is_surplus or not self._keep_alive:
            self._refused = True  # whatever follows on this connection
            self._transport.write(response.closing)
            self._transport.close()
            return
        self._transport.write(response.kept_alive)
        self.idle_since = self._server.now()
        self._deadline = self.idle_since + _IDLE

    # Ends

    def _refuse(self, response: Response) -> None:
        """Answers before the request is complete. The client may not read while it sends, so it may send a little."""
        if self._refused:
            return
        self._refused = True
        size = self._size
        self._release()
        self._handler.answered(response, size)
        self._transport.write(response.closing)
        if self._transport.can_write_eof():
            self._transport.write_eof()
        self._deadline = self._server.now() + _LINGER

    def expire(self, now: float) -> None:
        if now < self._deadline:
            return
        if self._awaited:
            self._awaited, self._refused = None, False
            self._refuse(_LATE)
        elif self._refused:
            self._transport.abort()
        elif self._reading:
            self._refuse(_TIMEOUT)
        elif self._transport.get_write_buffer_size():
            self._transport.abort()
        else:
            self._transport.close()

    @property
    def is_idle(self) -> bool:
        return not self._reading and not self._refused

    def close_if_idle(self) -> None:
        if self.is_idle:
            self._refused = True
            self._transport.close()

    def abort(self) -> None:
        self._transport.abort()

    def _release(self) -> None:
        self._server.buffered -= self._size
        self._size = 0
        self._body = bytearray()
