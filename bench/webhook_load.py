"""Signed deliveries, made beforehand, and a client that costs little beside the server."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator, Sequence

from statsig.sandbox.dice import dice, opaque_id
from statsig.webhook.signature import SIGNATURE_HEADER, TIMESTAMP_HEADER, sign

SECRET = 'bench'  # noqa: S105
_NAMES = 100
_POOL = 5000
_CONNECTIONS = 4
_HEAD = (
    'POST /webhooks/statsig HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\nUser-Agent: bench\r\n'
    'Content-Type: application/json\r\n{}: {}\r\n{}: {}\r\nContent-Length: {}\r\n\r\n'
)


class Deliveries:
    """Exposures of a hundred gates, some far busier than others, about 300 bytes each; no two bodies are the same."""

    def __init__(self) -> None:
        self._rng = dice('bench webhook')
        self._pool = [self._event() for _ in range(_POOL)]
        self._number = 0

    @property
    def event_bytes(self) -> float:
        return sum(map(len, self._pool)) / len(self._pool)

    def make(self, number: int, events: int, new_names: int = 0) -> list[bytes]:
        """So many whole requests of `events` events each, `new_names` of them custom events of a name never seen."""
        return [self._request(events, new_names) for _ in range(number)]

    def _request(self, events: int, new_names: int) -> bytes:
        parts = self._rng.choices(self._pool, k=events)
        for at in range(max(new_names, 1)):
            self._number += 1
            if new_names:
                parts[at] = b'{"eventName":"event_%d","user":{"userID":"u"}}' % self._number
            else:
                parts[at] = parts[at].replace(b'"timeUUID":"', b'"timeUUID":"%d' % self._number)
        body = b'[' + b','.join(parts) + b']'
        timestamp = str(int(time.time() * 1000))
        signature = sign(SECRET.encode(), timestamp.encode(), body).decode()
        return _HEAD.format(TIMESTAMP_HEADER, timestamp, SIGNATURE_HEADER, signature, len(body)).encode() + body

    def _event(self) -> bytes:
        rng = self._rng
        gate = f'gate_number_{int(_NAMES * rng.random() ** 2)}'
        event = {
            'eventName': 'statsig::gate_exposure',
            'user': {'userID': f'user_{rng.randrange(10**6)}', 'statsigEnvironment': {'tier': 'production'}},
            'timestamp': 1795420800000 + rng.randrange(10**6),
            'metadata': {'gate': gate, 'gateValue': rng.choice(('true', 'false')), 'ruleID': opaque_id(rng, 10)},
            'statsigMetadata': {'sdkType': 'py-server', 'sdkVersion': '0.72.1'},
            'timeUUID': opaque_id(rng, 8),
            'unitID': 'userID',
        }
        return json.dumps(event, separators=(',', ':')).encode()


class Client:
    """A few connections that are kept. Raises OSError when there is no answer, ValueError for one that is not 200."""

    def __init__(self, port: int) -> None:
        self._sockets = [socket.create_connection(('127.0.0.1', port), timeout=30) for _ in range(_CONNECTIONS)]
        for each in self._sockets:
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send_all(self, requests: Sequence[bytes]) -> float:
        """One request under way on each connection, always. Seconds that it took."""
        started = time.perf_counter()
        for group in _groups(requests, len(self._sockets)):
            for each, request in zip(self._sockets, group, strict=False):
                each.sendall(request)
            for each, _ in zip(self._sockets, group, strict=False):
                _read_answer(each)
        return time.perf_counter() - started

    def send_evenly(self, requests: Sequence[bytes], per_second: float) -> list[float]:
        """At a fixed rate, whether the server keeps up or not: seconds from when each was due to its answer."""
        latencies = []
        started = time.perf_counter()
        for number, request in enumerate(requests):
            due = started + number / per_second
            while (wait := due - time.perf_counter()) > 0:
                time.sleep(wait)
            each = self._sockets[number % len(self._sockets)]
            each.sendall(request)
            _read_answer(each)
            latencies.append(time.perf_counter() - due)
        return latencies

    def close(self) -> None:
        for each in self._sockets:
            each.close()


def _groups(requests: Sequence[bytes], size: int) -> Iterator[Sequence[bytes]]:
    for start in range(0, len(requests), size):
        yield requests[start : start + size]


def _read_answer(connection: socket.socket) -> None:
    received = b''
    while b'\r\n\r\n' not in received:
        chunk = connection.recv(4096)
        if not chunk:
            raise ConnectionError('the server closed the connection')
        received += chunk
    if not received.startswith(b'HTTP/1.1 200'):
        raise ValueError(f'answered {received[:40]!r}: what was measured is not the work')
