"""What exists in the project: gates, experiments, dynamic configs, layers, holdouts, segments, listed now and then."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from statsig.console.client import LARGEST_PAGE, PAGES_AT_MOST, ConsoleClient
from statsig.console.errors import ConsoleError, RateLimitedError, RefusedError, TooLargeError
from statsig.console.records import (
    Entity,
    Experiment,
    Gate,
    MalformedRecordError,
    parse_entity,
    parse_experiment,
    parse_gate,
)

Kind = Literal['gates', 'experiments', 'dynamic_configs', 'layers', 'holdouts', 'segments']
Record = Gate | Experiment | Entity

PARSERS: dict[Kind, Callable[[Any], Record]] = {
    'gates': parse_gate,
    'experiments': parse_experiment,
    'dynamic_configs': parse_entity,
    'layers': parse_entity,
    'holdouts': parse_entity,
    'segments': parse_entity,
}
TRIES = 5  # of one kind in a round, before it is left to the next one

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Listing:
    """All records of one kind, by id, and when they were read (monotonic seconds)."""

    records: tuple[Record, ...]
    read_at: float


class Inventory:
    """The listings of one project. A round lists each kind once, over as many runs as the budget makes of it."""

    def __init__(
        self,
        client: ConsoleClient,
        kinds: tuple[Kind, ...],
        interval: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._kinds = kinds
        self._interval = interval
        self._clock = clock
        self._round_started: float | None = None
        self._to_list: list[Kind] = []
        self._page = 1
        self._limit = LARGEST_PAGE
        self._found: dict[str, Record] = {}
        self._tries: Counter[Kind] = Counter()
        self.listings: dict[Kind, Listing] = {}
        self.tried: set[Kind] = set()
        """The kinds that have been listed, or found impossible to list, at least once."""

    def is_due(self) -> bool:
        """Whether there is something to list now."""
        if self._to_list:
            return True
        return self._round_started is None or self._clock() - self._round_started >= self._interval

    def read(self, most_requests: int) -> None:
        """Go on listing, with at most so many requests. Raises ConsoleError, RequestNotMadeError; goes on next time.

        A kind that the key may not read is left out of the round, and the error raised when the round is through.
        """
        if not self._to_list:
            self._round_started = self._clock()
            self._to_list, self._tries = list(self._kinds), Counter()
        problem: ConsoleError | None = None
        for _ in range(most_requests):
            if not self._to_list:
                break
            kind = self._to_list[0]
            try:
                self._list_page(kind)
            except RefusedError as error:
                if error.status == '401':
                    raise
                problem = problem or error
                self._finish(kind)
            except TooLargeError:
                if self._limit == 1:
                    self._finish(kind)
                    raise
                # From the start: page numbers mean something else with another size.
                self._begin(max(1, self._limit // 4))
            except RateLimitedError:
                raise
            except ConsoleError:
                self._put_off(kind)
                raise
        if problem:
            raise problem

    def _list_page(self, kind: Kind) -> None:
        page = self._client.get_page(kind, self._page, self._limit)
        known = len(self._found)
        for raw in page.items:
            try:
                record = PARSERS[kind](raw)
            except MalformedRecordError as error:
                log.debug('A record of %s cannot be read and is left out: %s', kind, error)
                continue
            self._found[record.id] = record
        # A server that ignored `page` would answer the same records for ever.
        if page.more and len(self._found) > known and self._page < PAGES_AT_MOST:
            self._page += 1
            return
        self.listings[kind] = Listing(tuple(self._found[key] for key in sorted(self._found)), self._clock())
        self._finish(kind)

    def _put_off(self, kind: Kind) -> None:
        """It is tried again after the others, a few times in a round."""
        self._tries[kind] += 1
        self._finish(kind)
        if self._tries[kind] < TRIES:
            self._to_list.append(kind)

    def _finish(self, kind: Kind) -> None:
        self._to_list.remove(kind)
        self.tried.add(kind)
        self._begin(LARGEST_PAGE)

    def _begin(self, limit: int) -> None:
        self._page, self._found, self._limit = 1, {}, limit
