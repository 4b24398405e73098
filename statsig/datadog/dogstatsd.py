"""DogStatsD: samples become lines (through datadogpy), lines become datagrams, datagrams reach the Agent's socket.

datadogpy writes the protocol: escaping, constant tags, origin detection (container id, DD_ENTITY_ID, DD_EXTERNAL_ENV),
unified tags (DD_ENV, DD_SERVICE, DD_VERSION). Packing and sending are not left to it: it counts characters where the
Agent counts bytes, and a datagram that its socket does not take is gone, which for counts is a wrong sum.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Self, cast
from urllib.parse import urlsplit

from datadog.dogstatsd.base import DogStatsd
from statsig.datadog.metrics import Sample

LARGEST_UDP_DATAGRAM = 1432  # bytes: what passes every usual network in one packet
LARGEST_UNIX_DATAGRAM = 8192  # bytes: the Agent's buffer; it drops what is larger


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
            parts.hostname.encode('idna')  # a name that cannot be looked up: UnicodeError is a ValueError
            return cls(host=parts.hostname, port=port)
        raise ValueError(url)

    @property
    def largest_datagram(self) -> int:
        return LARGEST_UNIX_DATAGRAM if self.path else LARGEST_UDP_DATAGRAM

    @property
    def is_name(self) -> bool:
        """Whether the host has to be looked up."""
        try:
            ip_address(self.host)
        except ValueError:
            return not self.path
        return False

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
