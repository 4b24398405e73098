"""What the relay tells about itself, beside the counts."""

from __future__ import annotations

from collections import Counter

from statsig.datadog.dogstatsd_socket import DatagramCounts
from statsig.datadog.metrics import Sample
from statsig.datadog.relay_metrics import BYTES, CONFIG_CHANGES, DATAGRAMS, FLUSH_DURATION, REQUESTS, WAITING


class Health:
    """Counts since the last `take`. worker: tells apart the gauges of several processes."""

    def __init__(self, worker: str) -> None:
        self._worker = f'worker:{worker}'
        self._requests: Counter[tuple[str, str, int]] = Counter()
        self._bytes: Counter[str] = Counter()
        self._config_changes: Counter[str] = Counter()

    def answered(self, endpoint: str, outcome: str, status: int, body_bytes: int) -> None:
        self._requests[endpoint, outcome, status] += 1
        self._bytes[endpoint] += body_bytes

    def config_change(self, outcome: str, number: int = 1) -> None:
        self._config_changes[outcome] += number

    def take(self, datagrams: DatagramCounts, waiting: int, flush_seconds: float) -> list[Sample]:
        """flush_seconds: what the last flush took."""
        requests, self._requests = self._requests, Counter()
        bodies, self._bytes = self._bytes, Counter()
        changes, self._config_changes = self._config_changes, Counter()
        handed = {'sent': datagrams.sent, 'retried': datagrams.retried, 'dropped': datagrams.dropped}
        return [
            *(
                Sample(REQUESTS, number, (f'endpoint:{endpoint}', f'outcome:{outcome}', f'status:{status}'))
                for (endpoint, outcome, status), number in requests.items()
            ),
            *(Sample(BYTES, number, (f'endpoint:{endpoint}',)) for endpoint, number in bodies.items() if number),
            *(Sample(CONFIG_CHANGES, number, (f'outcome:{outcome}',)) for outcome, number in changes.items()),
            *(Sample(DATAGRAMS, number, (f'outcome:{outcome}',)) for outcome, number in handed.items() if number),
            Sample(FLUSH_DURATION, round(flush_seconds, 4), (self._worker,)),
            Sample(WAITING, waiting, (self._worker,)),
        ]
