"""Making an answer go wrong, in the ways networks and servers do."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import responses
from http.server import BaseHTTPRequestHandler

from statsig.sandbox.api import Answer, error
from statsig.sandbox.knobs import Fault

Send = Callable[[int, bytes, Mapping[str, str]], None]

_PAGE = b'<!DOCTYPE html><html><head><title>Sign in</title></head><body><h1>Sign in to continue</h1></body></html>'
_CHUNK = 64 * 1024


@dataclass(slots=True)
class _Planned:
    path_prefix: str
    fault: Fault
    times: int | None
    skip: int


class FaultQueue:
    """Faults that are still to come, by the path they wait for; safe to use from several threads."""

    def __init__(self) -> None:
        self._planned: list[_Planned] = []
        self._lock = threading.Lock()

    def add(self, path_prefix: str, fault: Fault, times: int | None, skip: int) -> None:
        with self._lock:
            self._planned.append(_Planned(path_prefix, fault, times, skip))

    def clear(self) -> None:
        with self._lock:
            self._planned.clear()

    def take(self, path: str) -> Fault | None:
        """The fault for a request to this path, if one is due."""
        with self._lock:
            planned = next((each for each in self._planned if path.startswith(each.path_prefix)), None)
            if planned is None:
                return None
            if planned.skip:
                planned.skip -= 1
                return None
            if planned.times is not None:
                planned.times -= 1
                if planned.times <= 0:
                    self._planned.remove(planned)
            return planned.fault


def send_fault(
    handler: BaseHTTPRequestHandler, fault: Fault, answer: Callable[[], Answer], send: Send, stopping: threading.Event
) -> None:
    """Answer with this fault. `answer` does what the request asks; `send` writes a whole answer."""
    if fault.kind == 'status':
        message = fault.message or responses.get(fault.status, 'Error')
        headers = {} if fault.retry_after is None else {'Retry-After': fault.retry_after}
        send(fault.status, _json(error(fault.status, message).body), headers)
    elif fault.kind in ('html', 'blocked'):
        send(403 if fault.kind == 'blocked' else 200, _PAGE, {'Content-Type': 'text/html; charset=utf-8'})
    elif fault.kind == 'redirect':
        send(302, b'', {'Location': fault.location})
    elif fault.kind == 'wrong_shape':
        send(200, _json(fault.body), {})
    elif fault.kind == 'reset':
        _reset(handler)
    elif fault.kind == 'huge':
        _send_huge(handler, fault, send, stopping)
    else:
        _spoil(handler, fault, answer(), send, stopping)


def _spoil(handler: BaseHTTPRequestHandler, fault: Fault, given: Answer, send: Send, stopping: threading.Event) -> None:
    body = _json(given.body)
    half = body[: len(body) // 2]
    if fault.kind == 'truncated_json':
        send(given.status, half, {})
    elif fault.kind == 'cut_off':
        send(given.status, half, {'Content-Length': str(len(body))})
        handler.close_connection = True
    elif fault.kind == 'timeout':
        stopping.wait(fault.seconds)
        send(given.status, body, {})
    else:
        send(given.status, b'', {'Content-Length': str(len(body))})
        for position in range(len(body)):
            if stopping.wait(fault.seconds):
                break
            handler.wfile.write(body[position : position + 1])


def _reset(handler: BaseHTTPRequestHandler) -> None:
    """Close so that the client sees ECONNRESET: lingering for zero seconds sends RST instead of FIN."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    handler.rfile.close()
    handler.connection.close()
    handler.close_connection = True


def _send_huge(handler: BaseHTTPRequestHandler, fault: Fault, send: Send, stopping: threading.Event) -> None:
    """Well-formed JSON of more than `size` bytes, made while it is sent."""
    start, filling, end = b'{"message": "', b'a' * _CHUNK, b'", "data": []}'
    times = -(-fault.size // _CHUNK)
    length = len(start) + times * _CHUNK + len(end)
    send(200, b'', {'Content-Length': str(length)} if fault.declare_length else {'Transfer-Encoding': 'chunked'})

    def write(piece: bytes) -> None:
        framed = piece if fault.declare_length else b'%x\r\n%s\r\n' % (len(piece), piece)
        handler.wfile.write(framed)

    write(start)
    for _ in range(times):
        if stopping.is_set():
            break
        write(filling)
    write(end)
    if not fault.declare_length:
        write(b'')
    handler.close_connection = True


def _json(body: object) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode('utf-8', 'backslashreplace')
