"""Datagrams reach the Agent's socket, or are kept until they do. datadogpy would drop them, and for counts that is a
wrong sum."""

from __future__ import annotations

import errno
import logging
import os
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address
from typing import Any

from statsig.datadog.dogstatsd import DogStatsdAddress

_BURST = 16  # datagrams sent in a row: a receiver's buffer may hold no more than a hundred

# The socket is there and full. Anything else means that there is none, or none that listens.
_FULL = (errno.EAGAIN, errno.ENOBUFS)
_FULL_FOR_LONG = 5.0  # seconds
_COMPLAINT_INTERVAL = 60.0  # seconds between two lines in the log about the same trouble
_TRUSTED = 60.0  # seconds that a name is taken to stand for the same address
_log = logging.getLogger(__name__)

Target = tuple[int, Any]
"""Family of addresses, and an address or path of that family."""


@dataclass(slots=True)
class DatagramCounts:
    """Since the last time. retried: how often the socket did not take one."""

    sent: int = 0
    retried: int = 0
    dropped: int = 0


class DogStatsdSocket:
    """Datagrams on their way to the Agent, in order. One that is not taken stays first in line.

    Over UDP nobody says whether one arrived; only a closed port behind a loopback address is noticed, as a rule.
    Nothing here waits but `targets`, which says what a host's name stands for. It is asked again each minute and after
    each failure: an Agent that moves keeps its name.
    """

    def __init__(
        self,
        address: DogStatsdAddress,
        clock: Callable[[], float],
        targets: Callable[[], Sequence[Target]] | None = None,
    ) -> None:
        self._address = address
        self._clock = clock
        self._targets = targets or partial(looked_up, address)
        self._attempts = 0
        self._connected_at = 0.0
        self._socket: socket.socket | None = None
        self._is_loopback = False
        self._waiting: deque[bytes] = deque()
        self._waiting_events = 0
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

    @property
    def waiting_events(self) -> int:
        """Those of them that are events."""
        return self._waiting_events

    def add(self, datagrams: Iterable[bytes]) -> None:
        for datagram in datagrams:
            self._waiting.append(datagram)
            self._waiting_events += _is_event(datagram)

    def send_some(self) -> bool:
        """Hands over some of what waits. Whether the socket took them all: if not, it wants a pause."""
        for _ in range(min(_BURST, len(self._waiting))):
            if not self.hand_over(self._waiting[0]):
                self._complain()
                return False
            self._waiting_events -= _is_event(self._waiting.popleft())
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
        if self._socket is not None and self._address.is_name and self._clock() - self._connected_at >= _TRUSTED:
            self.close()
        connected = self._socket or self._connect()
        connected.send(datagram)
        if self._is_loopback:
            # The answer of a closed port is there already, and would otherwise be reported for the next datagram.
            number = connected.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if number:
                raise OSError(number, os.strerror(number))

    def _connect(self) -> socket.socket:
        """To the path, or to the next of the addresses that the name stands for. Raises OSError."""
        targets = self._targets()
        family, target = targets[self._attempts % len(targets)]
        connected = socket.socket(family, socket.SOCK_DGRAM)
        try:
            connected.setblocking(False)
            connected.connect(target)
        except OSError:
            connected.close()
            raise
        self._socket, self._connected_at = connected, self._clock()
        self._is_loopback = not self._address.path and ip_address(connected.getpeername()[0]).is_loopback
        return connected

    def _not_taken(self, error: OSError) -> bool:
        """Whether it is dropped: it never will be taken."""
        self.trouble = error
        if error.errno == errno.EMSGSIZE:
            self.counts.dropped += 1
            _log.error('A datagram was dropped: the socket at %s takes none so large', self._address)
            return True
        self.counts.retried += 1
        if error.errno not in _FULL:
            self.close()  # an Agent that was restarted has a new socket under the same path, or another address
            self._attempts += 1
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


def _is_event(datagram: bytes) -> bool:
    return datagram.startswith(b'_e{')


def looked_up(address: DogStatsdAddress) -> list[Target]:
    """At least one. May wait for a name server. Raises OSError."""
    if address.path:
        return [(socket.AF_UNIX, address.path)]
    found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_DGRAM)
    return [(family, target) for family, _, _, _, target in found]


class LookedUpAside:
    """As `looked_up`, for an event loop: it never waits. Names are looked up in a thread; until one is known, and after
    a lookup that failed before there was one, OSError is raised."""

    def __init__(self, address: DogStatsdAddress) -> None:
        self._address = address
        self._known: list[Target] = [] if address.is_name else looked_up(address)
        self._lookup: threading.Thread | None = None
        self._failed: OSError = socket.gaierror(socket.EAI_AGAIN, 'the name is being looked up')

    def __call__(self) -> list[Target]:
        if self._address.is_name and (self._lookup is None or not self._lookup.is_alive()):
            self._lookup = threading.Thread(target=self._look_up, name='lookup', daemon=True)
            self._lookup.start()
        if not self._known:
            raise self._failed
        return self._known

    def _look_up(self) -> None:
        try:
            self._known = looked_up(self._address)
        except OSError as error:
            self._failed = error
