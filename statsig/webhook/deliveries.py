"""Bodies that were delivered before. Statsig may deliver one again, and so may whoever recorded it."""

from __future__ import annotations

from collections.abc import Callable

from xxhash import xxh3_128_intdigest

LEAST_REMEMBERED_FOR = 600.0  # seconds
_MOST_BODIES = 250_000  # in each of the two sets below: 40 MB together


class Deliveries:
    """Remembers bodies for at least 10 minutes, and as long as their signatures are good, or the last 250,000 of them,
    whichever is less; at most twice that.

    max_age: seconds that a signature is good for, both ways.

    A fast hash without secrets is enough: only bodies that carry a valid signature get here.
    """

    def __init__(self, clock: Callable[[], float], max_age: float = 300.0) -> None:
        self._clock = clock
        self._remembered_for = max(LEAST_REMEMBERED_FOR, 2 * max_age)
        self._newer: set[int] = set()
        self._older: set[int] = set()
        self._newer_since = clock()

    def is_known(self, body: bytes) -> bool:
        digest = xxh3_128_intdigest(body)
        self._forget()
        return digest in self._newer or digest in self._older

    def remember(self, body: bytes) -> None:
        self._newer.add(xxh3_128_intdigest(body))

    def _forget(self) -> None:
        now = self._clock()
        if now - self._newer_since >= self._remembered_for or len(self._newer) >= _MOST_BODIES:
            idle = now - self._newer_since >= 2 * self._remembered_for
            self._older = set() if idle else self._newer
            self._newer, self._newer_since = set(), now
