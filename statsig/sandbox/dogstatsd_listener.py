"""A DogStatsD server that is as strict as the protocol, and adds up what it gets."""

from __future__ import annotations

import re
import socket
import threading
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Self

# Behind the tags: where the sender found out that it runs in a container, which one.
_LINE = re.compile(
    r'(?P<name>[A-Za-z][A-Za-z0-9_.]*):(?P<value>[0-9.]+)\|(?P<type>[cg])(\|#(?P<tags>[^|#@\s]+))?'
    r'(\|(c|e|card):[^|\s]*)*'
)
_EVENT = re.compile(rb'_e\{(\d+),(\d+)\}:')
LARGEST = {socket.AF_UNIX: 8192, socket.AF_INET: 1432}
LARGEST_EVENT = 8192
_BUFFER = 4 * 1024 * 1024


@dataclass(frozen=True)
class ReceivedEvent:
    """As the Agent reads it: `\\n` is a line end, fields are between pipes."""

    title: str
    text: str
    fields: dict[str, str]

    @property
    def tags(self) -> list[str]:
        return self.fields['#'].split(',')


def parsed_event(datagram: bytes) -> ReceivedEvent:
    """By lengths in bytes, as the Agent does it. Raises ValueError."""
    head = _EVENT.match(datagram)
    if not head:
        raise ValueError('no event')
    start = head.end()
    end = start + int(head[1]) + 1 + int(head[2])
    title, text = datagram[start : start + int(head[1])], datagram[start + int(head[1]) + 1 : end]
    rest = datagram[end:]
    if rest[:1] != b'|' or not rest.endswith(b'\n') or b'\n' in datagram[:-1] or not title:
        raise ValueError('its lengths are wrong, or there is a line end in it')
    fields = {}
    for field in rest[1:-1].decode().split('|'):
        key, _, value = (field[:1], '', field[1:]) if field[:1] == '#' else field.partition(':')
        if key not in ('d', 'h', 'k', 's', 't', 'c', '#') or key in fields:
            raise ValueError(f'an unknown field: {field}')
        fields[key] = value
    return ReceivedEvent(_with_line_ends(title), _with_line_ends(text), fields)


def _with_line_ends(part: bytes) -> str:
    return part.decode().replace('\\n', '\n')


class DogStatsdListener:
    """Listens on a Unix socket, or on a free UDP port, between `start` and `stop`.

    `wrong` has the lines, and the sizes of the datagrams, that an Agent would not take.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self._family = socket.AF_UNIX if path else socket.AF_INET
        self._port = 0
        self._lock = threading.Lock()
        self._counts: Counter[tuple[str, str]] = Counter()
        self._gauges: dict[tuple[str, str], float] = {}
        self._highest: dict[str, float] = {}
        self._types: dict[str, str] = {}
        self._events: list[ReceivedEvent] = []
        self.wrong: list[str] = []
        self.datagrams = 0

    @property
    def url(self) -> str:
        return f'unix://{self.path}' if self.path else f'udp://127.0.0.1:{self._port}'

    def start(self) -> Self:
        self._socket = socket.socket(self._family, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        self._socket.bind(str(self.path) if self.path else ('127.0.0.1', self._port))
        if not self.path:
            self._port = self._socket.getsockname()[1]
        self._socket.settimeout(0.1)
        self._running = True
        self._thread = threading.Thread(target=self._receive, daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Takes what is still in the socket, then closes it."""
        self._running = False
        self._thread.join()
        self._socket.close()
        if self.path:
            self.path.unlink()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        if self._running:
            self.stop()

    def counts(self, prefix: str = 'statsig.', without: str = 'statsig.relay.') -> Counter[tuple[str, str]]:
        """Sums by name and tags, the tags in order and joined by commas."""
        with self._lock:
            return Counter(
                {
                    key: value
                    for key, value in self._counts.items()
                    if key[0].startswith(prefix) and not (without and key[0].startswith(without))
                }
            )

    def _receive(self) -> None:
        while True:
            try:
                datagram = self._socket.recv(65536)
            except TimeoutError:
                if not self._running:
                    return
                continue
            with self._lock:
                self.datagrams += 1
                self._take(datagram)

    def received_events(self) -> list[ReceivedEvent]:
        with self._lock:
            return list(self._events)

    def _take(self, datagram: bytes) -> None:
        if datagram.startswith(b'_e{'):
            self._add_event(datagram)
            return
        if len(datagram) > LARGEST[self._family]:
            self.wrong.append(f'{len(datagram)} bytes')
        for line in datagram.decode(errors='replace').removesuffix('\n').split('\n'):
            self._add(line)

    def _add(self, line: str) -> None:
        found = _LINE.fullmatch(line)
        if not found or self._types.setdefault(found['name'], found['type']) != found['type']:
            self.wrong.append(line)
            return
        key = (found['name'], ','.join(sorted((found['tags'] or '').split(','))))
        if found['type'] == 'c':
            self._counts[key] += int(found['value'])
        else:
            self._gauges[key] = float(found['value'])
            self._highest[key[0]] = max(self._gauges[key], self._highest.get(key[0], 0.0))

    def _add_event(self, datagram: bytes) -> None:
        try:
            self._events.append(parsed_event(datagram))
        except ValueError as error:
            self.wrong.append(f'{error}: {datagram[:200]!r}')
        if len(datagram) > LARGEST_EVENT:
            self.wrong.append(f'an event of {len(datagram)} bytes')
