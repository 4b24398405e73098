"""Exposure counts, swept over all followed gates, experiments and dynamic configs in as few requests as possible."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from statsig.console.client import ConsoleClient
from statsig.console.errors import BadAnswerError, ConsoleError
from statsig.console.records import ExposureCount, MalformedRecordError, parse_exposure_count

Followed = Literal['gates', 'experiments', 'dynamic_configs']

# The names of the query parameters, and of the lists in the answer. Each takes at most 25 ids (OpenAPI document).
PARAMETERS: dict[Followed, str] = {
    'gates': 'gates',
    'experiments': 'experiments',
    'dynamic_configs': 'dynamicConfigs',
}
IDS_AT_MOST = 25

SWEEP_INTERVAL = 900.0  # seconds from one sweep to the next, where sweeping in every run would take too many requests
TRIES = 3  # of one batch, before it is left to the next sweep
STALE_AT_LEAST = 3600.0  # seconds

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Figure:
    """One answer, and when it was read (monotonic seconds)."""

    count: ExposureCount
    read_at: float


@dataclass(slots=True)
class _Batch:
    ids: Mapping[Followed, Sequence[str]]
    tries: int = 0


class ExposureSweep:
    """Reads each followed id once a sweep; a sweep may take several runs. Figures stay until they are stale."""

    def __init__(
        self, client: ConsoleClient, requests_per_run: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._client = client
        self._cheap = max(1, requests_per_run // 5)
        self._clock = clock
        self._followed: Mapping[Followed, Sequence[str]] = {}
        self._batches: deque[_Batch] = deque()
        self._started: float | None = None
        self._took = 0.0
        self._was_disturbed = False
        self.figures: dict[tuple[Followed, str], Figure] = {}

    @property
    def stale_after(self) -> float:
        """Seconds for which a figure is sent again: three times as long as a sweep takes, at least an hour.

        A sweep that failures have drawn out does not count: in an outage, figures would never become stale.
        """
        under_way = 0.0
        if self._batches and self._started is not None and not self._was_disturbed:
            under_way = self._clock() - self._started
        return max(STALE_AT_LEAST, 3 * max(self._took, under_way))

    def follow(self, ids: Mapping[Followed, Sequence[str]]) -> None:
        """What to read from now on, the most important first."""
        self._followed = ids
        wanted = {(kind, entity) for kind, entities in ids.items() for entity in entities}
        self.figures = {key: figure for key, figure in self.figures.items() if key in wanted}

    def is_due(self) -> bool:
        """Whether there is something to read now.

        A sweep that costs little is made in every run; a longer one every 15 minutes.
        """
        if self._batches:
            return True
        requests = requests_for_sweep({kind: len(ids) for kind, ids in self._followed.items()})
        if not requests:
            return False
        return self._started is None or requests <= self._cheap or self._clock() - self._started >= SWEEP_INTERVAL

    def read(self, most_requests: int) -> None:
        """Go on with the sweep, or begin one, with at most so many requests. Raises ConsoleError, RequestNotMadeError.

        A batch that fails is tried again at the end of the sweep.
        """
        if not self._batches:
            self._started, self._was_disturbed = self._clock(), False
            self._batches = deque(_Batch(ids) for ids in _batches(self._followed))
        for _ in range(min(most_requests, len(self._batches))):
            batch = self._batches[0]
            try:
                self._read_batch(batch.ids)
            except ConsoleError as error:
                self._batches.popleft()
                self._was_disturbed = True
                batch.tries += isinstance(error, BadAnswerError)
                if batch.tries < TRIES:
                    self._batches.append(batch)
                raise
            self._batches.popleft()
        if not self._batches and self._started is not None and not self._was_disturbed:
            self._took = self._clock() - self._started

    def fresh(self) -> dict[tuple[Followed, str], ExposureCount]:
        """The figures that are not stale."""
        oldest = self._clock() - self.stale_after
        return {key: figure.count for key, figure in self.figures.items() if figure.read_at >= oldest}

    def ages(self) -> dict[Followed, float]:
        """For each kind, the seconds since the oldest of its figures was read."""
        now = self._clock()
        ages: dict[Followed, float] = {}
        for (kind, _), figure in self.figures.items():
            ages[kind] = max(ages.get(kind, 0.0), now - figure.read_at)
        return ages

    def _read_batch(self, ids: Mapping[Followed, Sequence[str]]) -> None:
        data = self._client.get('exposure_count', {PARAMETERS[kind]: list(some) for kind, some in ids.items() if some})
        now = self._clock()
        for kind, asked in ids.items():
            records = data.get(PARAMETERS[kind], [])
            if not isinstance(records, list):
                raise self._client.not_as_documented('exposure_count', f'`{PARAMETERS[kind]}` is no list')
            for raw in records:
                try:
                    count = parse_exposure_count(raw)
                except MalformedRecordError as error:
                    log.debug('An exposure count of %s cannot be read and is left out: %s', kind, error)
                    continue
                if count.id in asked:
                    self.figures[kind, count.id] = Figure(count, now)


def requests_for_sweep(counts: Mapping[Followed, int]) -> int:
    """The least that the API allows: 25 ids of each kind go into one request."""
    return -(-max(counts.values(), default=0) // IDS_AT_MOST)


def _batches(followed: Mapping[Followed, Sequence[str]]) -> list[Mapping[Followed, Sequence[str]]]:
    requests = requests_for_sweep({kind: len(ids) for kind, ids in followed.items()})
    starts = range(0, requests * IDS_AT_MOST, IDS_AT_MOST)
    return [{kind: ids[start : start + IDS_AT_MOST] for kind, ids in followed.items()} for start in starts]
