"""From a collector's results to DogStatsD."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from statsig.datadog.dogstatsd import DogStatsdAddress, DogStatsdLines, packed
from statsig.datadog.dogstatsd_events import DogStatsdEvents
from statsig.datadog.dogstatsd_socket import DogStatsdSocket
from statsig.datadog.event import DatadogEvent
from statsig.datadog.metrics import Metric, Sample
from statsig.datadog.sink import NotTakenError
from statsig.datadog.tags import normalise

_PAUSE = 0.002  # seconds between two attempts at a full socket: an Agent empties it faster than that
_NO_HOST = 'host:'  # the Agent takes this tag for the name of the host, and leaves the host away

_log = logging.getLogger(__name__)


class DogStatsdSink:
    """One instance's way to DogStatsD.

    An event is handed over at once or not at all: it never waits here, where a crash would lose it. Metrics are sent
    by `flush`; what is not taken then goes on adding up, in bounds, and is sent by a later one.

    patience: seconds of a run that may be spent waiting for a full socket. stop: once set, no event is waited for.
    label: begins what is written to the log. hostless: neither metrics nor events get the name of the Agent's host.
    Raises TagsTooLongError and SwitchedOffError.
    """

    def __init__(
        self,
        address: DogStatsdAddress,
        namespace: str,
        hostless: bool,
        patience: float,
        stop: threading.Event,
        label: str = '',
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._address = address
        self._lines = DogStatsdLines(address, namespace, ())
        self._events = DogStatsdEvents(address, hostless)
        self._always = (_NO_HOST,) if hostless else ()
        self._socket = DogStatsdSocket(address, clock)
        self._patience = patience
        self._stop = stop
        self._label = label
        self._clock = clock
        self._waited = 0.0
        self._gauges: dict[tuple[Metric, tuple[str, ...]], float] = {}
        self._counts: dict[tuple[Metric, tuple[str, ...]], float] = {}
        self.warnings: list[str] = []
        """Of this run."""
        self.events_sent = 0
        """In this run."""

    def start_run(self) -> None:
        """The figures of the run begin anew; metrics that could not be sent stay."""
        self._waited, self.events_sent, self.warnings = 0.0, 0, []

    def sample(self, sample: Sample) -> None:
        """One metric value."""
        key = sample.metric, tuple(dict.fromkeys(filter(None, map(normalise, sample.tags))))
        if sample.metric.type == 'count':
            self._counts[key] = self._counts.get(key, 0) + sample.value
        else:
            self._gauges[key] = sample.value

    def event(self, event: DatadogEvent) -> None:
        """One event; handed to the socket when this returns. Raises NotTakenError."""
        datagram = self._events.datagram(event)
        while not self._socket.hand_over(datagram):
            if self._stop.is_set() or not self._may_wait():
                raise NotTakenError(
                    f'DogStatsD at {self._address} did not take an event ({self._socket.why}). Nothing is lost: it and '
                    'those after it are sent by a later run.'
                )
        self.events_sent += 1

    def change_event(self, body: Mapping[str, Any]) -> None:
        """DogStatsD has none: `poll` says so when it starts, and asks for none."""
        raise NotImplementedError('DogStatsD has no change events')

    def log(self, attributes: Mapping[str, Any]) -> None:
        """As `change_event`."""
        raise NotImplementedError('DogStatsD has no logs')

    def warn(self, message: str) -> None:
        """To the log."""
        self.warnings.append(message)
        _log.warning('%s%s', self._label, message)

    def flush(self) -> bool:
        """Hand over the metrics. Whether all have been."""
        if self._drained():
            self._socket.add(packed(map(self._lines.line, self._take()), self._address.largest_datagram))
        return self._drained()

    def close(self) -> None:
        """What DogStatsD did not take by now is lost; no event is among it."""
        if self._socket.waiting or self._counts:
            _log.error('%sMetrics are lost: DogStatsD at %s did not take them', self._label, self._address)
        self._socket.close()

    def _take(self) -> list[Sample]:
        taken = [
            Sample(metric, value, (*tags, *self._always))
            for (metric, tags), value in (*self._gauges.items(), *self._counts.items())
        ]
        self._gauges.clear()
        self._counts.clear()
        return taken

    def _drained(self) -> bool:
        while self._socket.waiting:
            if not self._socket.send_some() and not self._may_wait():
                return False
        return True

    def _may_wait(self) -> bool:
        """Waits a moment, if that can help and there is patience left."""
        if not self._socket.is_full or self._waited >= self._patience:
            return False
        self._waited += _PAUSE
        time.sleep(_PAUSE)
        return True
