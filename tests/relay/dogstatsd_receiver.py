"""The sandbox's DogStatsD listener, asked in the words of these tests."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from statsig.sandbox.dogstatsd_listener import DogStatsdListener, ReceivedEvent


class DogStatsdReceiver(DogStatsdListener):
    """Fails the test when something is asked of it after it was sent what an Agent would not take."""

    def __init__(self, path: Path | None = None) -> None:
        super().__init__(path)
        self._flushes: list[str] = []

    def counts(self, prefix: str = 'statsig.', without: str = 'statsig.relay.') -> Counter[tuple[str, str]]:
        assert not self.wrong, self.wrong[:3]
        return super().counts(prefix, without)

    def received_events(self) -> list[ReceivedEvent]:
        assert not self.wrong, self.wrong[:3]
        return super().received_events()

    def gauges(self) -> dict[tuple[str, str], float]:
        """The last value by name and tags, as `counts`."""
        assert not self.wrong, self.wrong[:3]
        with self._lock:
            return dict(self._gauges)

    def own(self, name: str, tags: str = '') -> int:
        """The sum of one of the relay's own counts."""
        return self.counts(without='')[f'statsig.relay.{name}', tags]

    def gauge(self, name: str) -> float:
        with self._lock:
            return next(value for (found, _), value in self._gauges.items() if found == f'statsig.relay.{name}')

    def highest(self, name: str) -> float:
        """Of all values of one of the relay's own gauges."""
        with self._lock:
            return self._highest[f'statsig.relay.{name}']

    def flushes(self, tag: str) -> int:
        """How many have arrived from relays that have this tag, each of them whole."""
        with self._lock:
            return sum(tag in line for line in self._flushes)

    def _add(self, line: str) -> None:
        super()._add(line)
        if line.startswith('statsig.relay.dogstatsd.waiting:'):  # what a flush ends with
            self._flushes.append(line)

    def events(self) -> int:
        """Events counted, whatever they were."""
        return sum(value for (name, _), value in self.counts().items() if not name.endswith('.estimated'))


def wait_until(reached: Callable[[], bool], seconds: float = 20.0) -> None:
    """Fails the test when it is not reached."""
    end = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < end, 'it did not happen in time'
        time.sleep(0.02)
