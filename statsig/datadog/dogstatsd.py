"""DogStatsD: samples become lines (through datadogpy), lines become datagrams, datagrams reach the Agent's socket.

datadogpy writes the protocol: escaping, constant tags, origin detection (container id, DD_ENTITY_ID, DD_EXTERNAL_ENV),
unified tags (DD_ENV, DD_SERVICE, DD_VERSION). Packing and sending are not left to it: it counts characters where the
Agent counts bytes, and a datagram that its socket does not take is gone, which for counts is a wrong sum.
"""

from __future__ import annotations

import errno
import logging
import os
import socket
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Self, cast
from urllib.parse import urlsplit

from datadog.dogstatsd.base import DogStatsd
from statsig.datadog.metrics import Sample

LARGEST_UDP_DATAGRAM = 1432  # bytes: what passes every usual network in one packet
LARGEST_UNIX_DATAGRAM = 8192  # bytes: the Agent's buffer; it drops what is larger
_BURST = 16  # datagrams sent in a row: a receiver's buffer may hold no more than a hundred

# The socket is there and full. Anything else means that there is none, or none that listens.
_FULL = (errno.EAGAIN, errno.ENOBUFS)
_FULL_FOR_LONG = 5.0  # seconds
_COMPLAINT_INTERVAL = 60.0  # seconds between two lines in the log about the same trouble
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DogStatsdAddress:
    """A Unix socket (`path`), or a host and a port."""

    path: str = ''
    host: str = ''
    port: int = 0

    @classmethod
    def parse(cls, url: str) -> Self:
        """Of `unix:///path` or `udp://host:port`. Raises ValueError for everything else."""
        parts = urlsplit(url)
        port = parts.port
        if parts.scheme == 'unix' and not parts.netloc and 1 < len(parts.path.encode()) <= 107:
            return cls(path=parts.path)
        if parts.scheme == 'udp' and parts.hostname and port and parts.path in ('', '/'):
            return cls(host=parts.hostname, port=port)
        raise ValueError(url)

    @property
    def largest_datagram(self) -> int:
        return LARGEST_UNIX_DATAGRAM if self.path else LARGEST_UDP_DATAGRAM

    def __str__(self) -> str:
        return f'unix://{self.path}' if self.path else f'udp://{self.host}:{self.port}'


class TagsTooLongError(ValueError):
    """Namespace and constant tags leave no room in a line."""


class SwitchedOffError(ValueError):
    """datadogpy would send nothing."""


class DogStatsdLines:
    """Samples as lines of the protocol. No line is longer than a datagram.

    Raises TagsTooLongError when namespace and tags leave no room in a line, SwitchedOffError when the environment
    switches datadogpy off.
    """

    # What a line needs beside the namespace and the constant tags: the metric's name, a number, three short tags.
    _ROOM = 400

    def __init__(self, address: DogStatsdAddress, namespace: str, tags: Sequence[str]) -> None:
        self._limit = address.largest_datagram
        self._client, self._written = writing_client(address, namespace, tags)
        overhead = len(self._line('gauge', '', 0, ()) or b'')
        if not overhead:
            raise SwitchedOffError('the environment variable DD_DOGSTATSD_DISABLE is set: nothing would be sent')
        if overhead + self._ROOM > self._limit:
            raise TagsTooLongError(f'they take {overhead} of the {self._limit} bytes of a datagram')

    def line(self, sample: Sample) -> bytes:
        """With its line end. Tags are shortened where the line would not fit into a datagram."""
        written = self._line(sample.metric.type, sample.metric.name, sample.value, sample.tags)
        if len(written) > self._limit and sample.tags:
            room = self._limit - len(self._line(sample.metric.type, sample.metric.name, sample.value, ()))
            longest = room // len(sample.tags) - 2  # the comma, and `|#` before the first
            tags = [_cut(tag, longest) for tag in sample.tags]
            written = self._line(sample.metric.type, sample.metric.name, sample.value, tags)
        return written

    def _line(self, kind: str, name: str, value: float, tags: Sequence[str]) -> bytes:
        self._written.packet = b''
        report: Callable[..., object] = self._client.count if kind == 'count' else self._client.gauge
        report(name, value, tags=list(tags))
        return self._written.packet


class Written:
    """The socket that datadogpy writes to: keeps the one packet of one metric or event."""

    def __init__(self, family: int) -> None:
        self.family = family
        self.packet = b''

    def getsockopt(self, *_: Any) -> int:
        return socket.SOCK_DGRAM

    def send(self, packet: bytes) -> int:
        self.packet = packet
        return len(packet)


def writing_client(address: DogStatsdAddress, namespace: str, tags: Sequence[str]) -> tuple[DogStatsd, Written]:
    """A client of datadogpy's that sends nothing, and where its packets are found."""
    where = {'socket_path': address.path} if address.path else {'host': address.host, 'port': address.port}
    client = DogStatsd(
        **where, namespace=namespace, constant_tags=list(tags), disable_telemetry=True, track_instance=False
    )
    written = Written(socket.AF_UNIX if address.path else socket.AF_INET)
    client.socket = cast(socket.socket, written)
    return client, written


def _cut(tag: str, size: int) -> str:
    """At most so many bytes of it, in the middle of no character."""
    return tag.encode()[:size].decode(errors='ignore').rstrip('_:')


def packed(lines: Iterable[bytes], limit: int) -> list[bytes]:
    """Lines joined into datagrams of at most `limit` bytes, in order."""
    datagrams: list[bytes] = []
    parts: list[bytes] = []
    size = 0
    for line in lines:
        if parts and size + len(line) > limit:
            datagrams.append(b''.join(parts))
            parts, size = [], 0
        parts.append(line)
        size += len(line)
    if parts:
        datagrams.append(b''.join(parts))
    return datagrams


@dataclass(slots=True)
class DatagramCounts:
    """Since the last time. retried: how often the socket did not take one."""

    sent: int = 0
    retried: int = 0
    dropped: int = 0


class DogStatsdSocket:
    """Datagrams on their way to the Agent, in order. One that is not taken stays first in line.

    Over UDP nobody says whether one arrived; only a closed port behind a loopback address is noticed, as a rule.
    Nothing here ever waits.
    """

    def __init__(self, address: DogStatsdAddress, clock: Callable[[], float]) -> None:
        self._address = address
        self._clock = clock
        self._socket: socket.socket | None = None
        self._is_loopback = False
        self._waiting: deque[bytes] = deque()
        self._blocked_since: float | None = None
        self._complained = -_COMPLAINT_INTERVAL
        self.counts = DatagramCounts()
        self.trouble: OSError | None = None
        """Why the last datagram was not taken; None where it was."""

    @property
    def waiting(self) -> int:
        """Datagrams that are still here."""
        return len(self._waiting)

    @property
    def is_full(self) -> bool:
        """Whether the last datagram was not taken because there are too many before it: a moment later it may be."""
        return self.trouble is not None and self.trouble.errno in _FULL

    @property
    def blocked_for(self) -> float:
        """Seconds since the socket took one; 0 where it takes them."""
        return 0.0 if self._blocked_since is None else self._clock() - self._blocked_since

    def add(self, datagrams: Iterable[bytes]) -> None:
        self._waiting.extend(datagrams)

    def send_some(self) -> bool:
        """Hands over some of what waits. Whether the socket took them all: if not, it wants a pause."""
        for _ in range(min(_BURST, len(self._waiting))):
            if not self.hand_over(self._waiting[0]):
                self._complain()
                return False
            self._waiting.popleft()
        return True

    def hand_over(self, datagram: bytes) -> bool:
        """This one now, before all that waits. Whether it need not be kept any longer."""
        try:
            self._send(datagram)
        except OSError as error:
            return self._not_taken(error)
        self.counts.sent += 1
        self._blocked_since = self.trouble = None
        return True

    def take_counts(self) -> DatagramCounts:
        counts, self.counts = self.counts, DatagramCounts()
        return counts

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _send(self, datagram: bytes) -> None:
        """Raises OSError where it was not taken."""
        if self._socket is None:
            self._socket = _connect(self._address)
            self._is_loopback = not self._address.path and ip_address(self._socket.getpeername()[0]).is_loopback
        self._socket.send(datagram)
        if self._is_loopback:
            # The answer of a closed port is there already, and would otherwise be reported for the next datagram.
            number = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if number:
                raise OSError(number, os.strerror(number))

    def _not_taken(self, error: OSError) -> bool:
        """Whether it is dropped: it never will be taken."""
        self.trouble = error
        if error.errno == errno.EMSGSIZE:
            self.counts.dropped += 1
            _log.error('A datagram was dropped: the socket at %s takes none so large', self._address)
            return True
        self.counts.retried += 1
        if error.errno not in _FULL and self._address.path:
            self.close()  # an Agent that was restarted has a new socket under the same path
        if self._blocked_since is None:
            self._blocked_since = self._clock()
        return False

    def _complain(self) -> None:
        # A Unix socket holds few datagrams, so a flush fills it for a moment; that is no trouble.
        if self.trouble is None or (self.is_full and self.blocked_for < _FULL_FOR_LONG):
            return
        if self._clock() - self._complained >= _COMPLAINT_INTERVAL:
            self._complained = self._clock()
            _log.warning(
                'DogStatsD takes no datagrams at %s (%s): they are kept and sent later', self._address, self.why
            )

    @property
    def why(self) -> str:
        """Why the last datagram was not taken, in the system's words."""
        return (self.trouble and self.trouble.strerror) or 'no address of that name'


def _connect(address: DogStatsdAddress) -> socket.socket:
    """Raises OSError."""
    if address.path:
        connected = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        target: Any = address.path
    else:
        family, _, _, _, target = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_DGRAM)[0]
        connected = socket.socket(family, socket.SOCK_DGRAM)
    try:
        connected.setblocking(False)
        connected.connect(target)
    except OSError:
        connected.close()
        raise
    return connected
