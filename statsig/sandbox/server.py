"""The sandbox project's Console API over HTTP."""

from __future__ import annotations

import json
import math
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Mapping
from http.client import responses
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

from statsig.sandbox.api import ALL, Answer, ConsoleAPI, error
from statsig.sandbox.faults import FaultQueue, send_fault
from statsig.sandbox.knobs import Fault, Knobs, Request
from statsig.sandbox.life import Life
from statsig.sandbox.project import SandboxProject

DEFAULT_KEY = 'console-sandbox'
REQUESTS_KEPT = 10_000
LARGEST_REQUEST_BODY = 1024 * 1024
IDLE_CONNECTION = 60.0  # seconds a kept-alive connection may stay silent
LIFE_STEP = 0.5  # seconds between two looks at what people have changed


class SandboxServer:
    """Serves a project on `url` from its own threads, as a context manager or between `start()` and `stop()`.

    `keys` maps each API key to the endpoints it may use (`api.ALL`, `api.READ_ONLY`, or a set of endpoint names).
    `knobs` are plain attributes that change the API's behaviour while it runs; `requests` are the last 10,000 seen.
    With a `life`, people change the project while the server runs, `speed` times as often as in real time.
    """

    def __init__(
        self,
        project: SandboxProject,
        port: int = 0,
        host: str = '127.0.0.1',
        *,
        keys: Mapping[str, frozenset[str]] | None = None,
        knobs: Knobs | None = None,
        life: Life | None = None,
        speed: float = 1.0,
    ) -> None:
        self.project = project
        self._knobs = knobs or Knobs()
        self._requests: deque[Request] = deque(maxlen=REQUESTS_KEPT)
        self.faults = FaultQueue()
        self.stopping = threading.Event()
        self._life, self._speed = life, speed
        self._threads: list[threading.Thread] = []
        self._recent: deque[float] = deque(maxlen=REQUESTS_KEPT)
        self._recent_lock = threading.Lock()
        self._http = _HTTPServer((host, port), _Handler, self)
        self.address = f'{host}:{self._http.server_port}'
        self.url = f'http://{self.address}'
        self.api = ConsoleAPI(project, self._knobs, dict(keys or {DEFAULT_KEY: ALL}), self.address)

    def start(self) -> None:
        self._run(self._http.serve_forever, 0.05)
        if self._life is not None:
            self.project.set_speed(self._speed)
            self._run(self._live, self._life)

    def stop(self) -> None:
        """End all threads and close every connection, also those kept alive."""
        self.stopping.set()
        if self._threads:
            self._http.shutdown()
        self._http.server_close()
        for thread in self._threads:
            thread.join()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def knobs(self) -> Knobs:
        """Set its attributes, at any time."""
        return self._knobs

    def fail_next(self, path_prefix: str, fault: Fault, times: int | None = 1, skip: int = 0) -> None:
        """Requests whose path begins so meet `fault`: the next `times` of them (None: all) after `skip` good ones."""
        self.faults.add(path_prefix, fault, times, skip)

    def clear_faults(self) -> None:
        self.faults.clear()

    @property
    def requests(self) -> list[Request]:
        """The requests seen, oldest first, at most the last 10,000."""
        return list(self._requests)

    def reset_requests(self) -> None:
        self._requests.clear()

    def note(self, request: Request) -> None:
        self._requests.append(request)

    def fault_for(self, path: str) -> Fault | None:
        """The fault that this request meets, if any; one-shot faults first."""
        if queued := self.faults.take(path):
            return queued
        for prefix, standing in list(self.knobs.status_for.items()):
            if path.startswith(prefix):
                return Fault.of_status(standing) if isinstance(standing, int) else standing
        return None

    def seconds_to_wait(self) -> int:
        """Count a request against the rate limits; 0 if it fits, else for Retry-After. Refused ones do not count."""
        with self._recent_lock:
            now = time.monotonic()
            wait = 0.0
            for limit, seconds in self.knobs.rate_limits:
                within = [moment for moment in self._recent if now - moment < seconds]
                if len(within) >= limit:
                    wait = max(wait, within[-limit] + seconds - now)
            if not wait:
                self._recent.append(now)
            return math.ceil(wait)

    def _run(self, target: Any, *arguments: Any) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True, name=f'sandbox {self.address}')
        self._threads.append(thread)
        thread.start()

    def _live(self, life: Life) -> None:
        last = time.monotonic()
        while not self.stopping.wait(LIFE_STEP):
            now = time.monotonic()
            life.advance((now - last) * self._speed, within=now - last)
            last = now


class _HTTPServer(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler], sandbox: SandboxServer) -> None:
        self.sandbox = sandbox
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()
        super().__init__(address, handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._open_lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def close_request(self, request: Any) -> None:
        with self._open_lock:
            self._open.discard(request)
        super().close_request(request)

    def server_close(self) -> None:
        super().server_close()
        with self._open_lock:
            for connection in self._open:
                _hang_up(connection)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no error of the server; anything else is printed as usual."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


def _hang_up(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:  # it was closed already
        return


class _Handler(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    server_version = 'statsig-sandbox'
    disable_nagle_algorithm = True
    timeout = IDLE_CONNECTION
    server: _HTTPServer

    def do_GET(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_PATCH(self) -> None:
        self._answer()

    def do_DELETE(self) -> None:
        self._answer()

    def log_message(self, *_: Any) -> None:
        """No access log: `SandboxServer.requests` has it."""

    def _answer(self) -> None:
        sandbox = self.server.sandbox
        self.rfile.read(min(int(self.headers.get('Content-Length') or 0), LARGEST_REQUEST_BODY))
        parts = urlsplit(self.path)
        path, query = unquote(parts.path), parse_qs(parts.query, keep_blank_values=True)
        headers = {name: value for name, value in self.headers.items() if name.lower() != 'statsig-api-key'}
        request = Request(time.time(), self.command, path, query, headers)
        sandbox.note(request)
        if sandbox.knobs.before_request is not None:
            sandbox.knobs.before_request(request)
        if sandbox.knobs.down:
            self.close_connection = True
            return

        def answer() -> Answer:
            key, reviews = self.headers.get('STATSIG-API-KEY'), self.headers.get('x-respect-review-settings', '')
            return sandbox.api.answer(self.command, path, query, key, respect_reviews=reviews.lower() == 'true')

        def send(status: int, body: bytes, headers: Mapping[str, str]) -> None:
            request.status = status
            self._send(status, body, headers)

        if (fault := sandbox.fault_for(path)) is not None:
            send_fault(self, fault, answer, send, sandbox.stopping)
        elif wait := sandbox.seconds_to_wait():
            refused = error(429, 'Too Many Requests')
            send(refused.status, as_json(refused.body), {'Retry-After': str(wait)})
        else:
            given = answer()
            send(given.status, as_json(given.body), {})

    def _send(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        """The whole answer in one write. Headers given may replace its own."""
        complete = {
            'Server': self.server_version,
            'Date': self.date_time_string(),
            'Content-Type': 'application/json; charset=utf-8',
            'Content-Length': str(len(body)),
            **self.server.sandbox.knobs.headers,
            **headers,
        }
        if 'Transfer-Encoding' in headers:
            del complete['Content-Length']
        lines = [
            f'HTTP/1.1 {status} {responses.get(status, "")}',
            *(f'{name}: {value}' for name, value in complete.items()),
        ]
        self.wfile.write('\r\n'.join([*lines, '', '']).encode('latin-1') + body)


def as_json(body: Any) -> bytes:
    # Half a surrogate pair cannot be UTF-8; what replaces it is its escape in JSON, as JavaScript writes it.
    return json.dumps(body, ensure_ascii=False).encode('utf-8', 'backslashreplace')
