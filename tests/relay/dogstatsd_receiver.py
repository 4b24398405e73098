"""A DogStatsD receiver that is as strict as the protocol, and adds up what it gets."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Self

_LINE = re.compile(r'(?P<name>[A-Za-z][A-Za-z0-9_.]*):(?P<value>[0-9.]+)\|(?P<type>[cg])(\|#(?P<tags>[^|#@\s]+))?')
_EVENT = re.compile(rb'_e\{(\d+),(\d+)\}:')
LARGEST = {socket.AF_UNIX: 8192, socket.AF_INET: 1432}


class DogStatsdReceiver:
    """Listens on a Unix socket, or on a free UDP port, between `start` and `stop`."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self._family = socket.AF_UNIX if path else socket.AF_INET
        self._port = 0
        self._lock = threading.Lock()
        self._counts: Counter[tuple[str, str]] = Counter()
        self._gauges: dict[tuple[str, str], float] = {}
        self._types: dict[str, str] = {}
        self.wrong: list[str] = []
        self.sent_events: list[dict[str, str]] = []
        self.datagrams = 0

    @property
    def url(self) -> str:
        return f'unix://{self.path}' if self.path else f'udp://127.0.0.1:{self._port}'

    def start(self) -> Self:
        self._socket = socket.socket(self._family, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * 1024 * 1024)
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
                if datagram.startswith(b'_e{'):
                    self._add_event(datagram)
                    continue
                if len(datagram) > LARGEST[self._family]:
                    self.wrong.append(f'{len(datagram)} bytes')
                for line in datagram.decode().removesuffix('\n').split('\n'):
                    self._add(line)

    def _add_event(self, datagram: bytes) -> None:
        """An event is one datagram: title, text, and fields that begin with a letter each."""
        found = _EVENT.match(datagram)
        if not found or len(datagram) > 8192:
            self.wrong.append(datagram.decode(errors='replace'))
            return
        rest = datagram[found.end() :].removesuffix(b'\n')
        title, text = int(found[1]), int(found[2])
        fields = rest[title + 1 + text :].decode().split('|')[1:]
        values = {'#': ''} | {field[0]: field[1:].removeprefix(':') for field in fields}
        names = {'t': 'alert_type', 'k': 'aggregation_key', 's': 'source', 'd': 'date', '#': 'tags'}
        self.sent_events.append(
            {
                'title': rest[:title].decode(),
                'text': rest[title + 1 : title + 1 + text].decode().replace('\\n', '\n'),
                **{name: values[letter] for letter, name in names.items()},
            }
        )

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

    def counts(self, prefix: str = 'statsig.', without: str = 'statsig.relay.') -> Counter[tuple[str, str]]:
        """Sums by name and tags, the tags in order and joined by commas."""
        with self._lock:
            assert not self.wrong, self.wrong[:3]
            return Counter(
                {
                    key: value
                    for key, value in self._counts.items()
                    if key[0].startswith(prefix) and not (without and key[0].startswith(without))
                }
            )

    def own(self, name: str, tags: str = '') -> int:
        """The sum of one of the relay's own counts."""
        return self.counts(without='')[f'statsig.relay.{name}', tags]

    def gauge(self, name: str) -> float:
        with self._lock:
            return next(value for (found, _), value in self._gauges.items() if found == f'statsig.relay.{name}')

    def events(self) -> int:
        """Events counted, whatever they were."""
        return sum(value for (name, _), value in self.counts().items() if not name.endswith('.estimated'))


def wait_until(reached: Callable[[], bool], seconds: float = 20.0) -> None:
    """Fails the test when it is not reached."""
    end = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < end, 'it did not happen in time'
        time.sleep(0.02)
