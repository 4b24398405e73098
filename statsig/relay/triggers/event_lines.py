"""Events of triggers as datagrams of DogStatsD, written by datadogpy."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import Any, cast

from datadog.dogstatsd.base import DogStatsd

from statsig.datadog.dogstatsd import DogStatsdAddress
from statsig.datadog.event import DatadogEvent

LARGEST_EVENT = 8192  # bytes, whatever the transport: the Agent's buffer
_SOURCE = 'statsig'


class EventLines:
    """Renders; sends nothing."""

    def __init__(self, address: DogStatsdAddress, tags: Sequence[str]) -> None:
        where = {'socket_path': address.path} if address.path else {'host': address.host, 'port': address.port}
        self._tags = tags
        self._client = DogStatsd(**where, disable_telemetry=True, track_instance=False)
        self._packet = b''
        self._client.socket = cast(socket.socket, self)

    def datagram(self, event: DatadogEvent) -> bytes:
        """At most 8,192 bytes. Tags of the configuration that have no room are left out."""
        packet = self._written(event, (*event.tags, *self._tags))
        if len(packet) <= LARGEST_EVENT:
            return packet
        return self._written(event, event.tags)

    def _written(self, event: DatadogEvent, tags: Sequence[str]) -> bytes:
        self._packet = b''
        try:
            self._client.event(
                event.title,
                event.text,
                alert_type=event.alert_type,
                aggregation_key=event.aggregation_key.replace('|', '_'),
                source_type_name=_SOURCE,
                date_happened=event.timestamp,
                tags=list(tags),
            )
        except ValueError:  # what is longer than 8,192 characters
            return b' ' * (LARGEST_EVENT + 1)
        return self._packet

    # What datadogpy takes for its socket

    family = socket.AF_UNIX

    def getsockopt(self, *_: Any) -> int:
        return socket.SOCK_DGRAM

    def send(self, packet: bytes) -> int:
        self._packet = packet
        return len(packet)
