"""Reading the audit log: every entry after the cursor, oldest first, whatever the server's order, filters and pages do.

The server lists the log newest first, and little about it is promised: entries arrive late, share a second, may be
unordered within a day, and the list moves while it is read. So only ids and timestamps are trusted. The server's order
and its date filter save requests; what the order is worth is measured while reading.

Usually one page holds all that is new. A backlog that one run cannot hold is read from its old end, in stretches that
each join the one before, so that delivery is oldest first in bounded memory.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from statsig.console.audit_walk import Item, Paging, Walk, slack
from statsig.console.client import ConsoleClient
from statsig.console.cursor import Cursor
from statsig.console.errors import RequestNotMadeError

MOST_FAILURES = 12  # halvings of a stretch: by then it is a single page, whatever a run may hold
QUIET_FOR = 300.0  # seconds for which an unchanged first page and length stand for an unchanged log


@dataclass(frozen=True, slots=True)
class _Backlog:
    """Where a backlog is being worked off. Positions are hints: they shift as the log grows; ids do not.

    Its end lies between `newer` and `older` until it is found. From then on, `start` is where the last stretch began
    and `anchors` are the ids of its first page. `disorder` is the most that has been seen, in seconds; `failures`
    counts the stretches that took more than a run had, less those that did not.

    since: the newest entry that the log showed when the backlog was found. What lies below a stretch is not read again
    before the backlog is done, so entries that arrive there meanwhile, late, must still be inside the overlap then:
    the watermark must not pass this instant. first_total: the length of the log at that time, where it was told;
    total: at the latest stretch; growth: what it grew by from one run to the next.
    """

    since: int
    first_total: int | None
    total: int | None
    growth: int
    disorder: int
    newer: int = 0
    older: int | None = None
    start: int | None = None
    anchors: frozenset[str] = frozenset()
    failures: int = 0


@dataclass(frozen=True, slots=True)
class _Quiet:
    """The first page and the length of the log when it was last read completely. `at` is a monotonic time."""

    first_page: tuple[str, ...]
    total: int
    at: float


@dataclass(frozen=True, slots=True)
class Reading:
    """What one run found: `items` not yet delivered, oldest first.

    complete: nothing newer was left unread. fruitless: runs in a row that found more than they could read, and could
    deliver nothing of it. horizon: the watermark must not pass this instant (epoch seconds), since
    older entries may still be unread. unreadable: entries larger than the size cap of an answer.
    """

    items: tuple[Item, ...]
    complete: bool
    horizon: int
    unreadable: int
    fruitless: int
    _backlog: _Backlog | None = field(repr=False)
    _quiet: _Quiet | None = field(repr=False)


class AuditLogReader:
    """Reads one project's audit log. Between runs it holds no entries, only where it stands in a backlog."""

    def __init__(
        self,
        client: ConsoleClient,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._clock = clock
        self._monotonic = monotonic
        self._backlog: _Backlog | None = None
        self._quiet: _Quiet | None = None
        self._paging = Paging()
        self._fruitless_runs = 0

    def read(self, cursor: Cursor, most_requests: int) -> Reading:
        """What `cursor` has not delivered yet, or the oldest stretch of it. Raises ConsoleError.

        Makes at most `most_requests` requests. When every item is delivered and the cursor saved, call `settle`.
        """
        disorder = self._backlog.disorder if self._backlog else 0
        walk = Walk(self._client, cursor.floor, most_requests, self._paging, disorder)
        try:
            if self._backlog is None:
                if walk.read_from(0, frozenset(), self._is_unchanged):
                    return self._complete(walk, cursor)
                self._backlog = self._found_too_much(walk)
            if self._backlog.start is None:
                newer, older, is_found = walk.find_end(self._backlog.newer, self._backlog.older, self._backlog.disorder)
                start = older if is_found else None
                self._backlog = replace(self._backlog, newer=newer, older=older, start=start)
            if self._backlog.start is not None and walk.requests_left:
                return self._stretch(walk, cursor, self._backlog, self._backlog.start)
        except RequestNotMadeError:
            if self._backlog is None and walk.pages:
                self._backlog = self._found_too_much(walk)
        return self._fruitless(walk, cursor)

    def settle(self, reading: Reading) -> None:
        """Everything in `reading` has been delivered: the next run goes on behind it."""
        self._backlog, self._quiet = reading._backlog, reading._quiet
        if reading.items or reading.complete:
            self._fruitless_runs = 0

    def _fruitless(self, walk: Walk, cursor: Cursor) -> Reading:
        self._fruitless_runs += 1
        return Reading((), False, cursor.floor, walk.unreadable, self._fruitless_runs, self._backlog, self._quiet)

    def _is_unchanged(self, walk: Walk) -> bool:
        """A complete reading of several pages is not repeated while neither the first page nor the length changes."""
        known = self._quiet
        return (
            known is not None
            and self._monotonic() - known.at < QUIET_FOR
            and (walk.first_page, walk.first_total) == (known.first_page, known.total)
        )

    def _complete(self, walk: Walk, cursor: Cursor, backlog: _Backlog | None = None) -> Reading:
        quiet = self._quiet
        # Compared with the length at the beginning: what was inserted since may stand where had been read by then.
        nothing_inserted = backlog is None or backlog.first_total == walk.first_total
        if (walk.pages > 1 or backlog) and walk.first_total is not None and nothing_inserted:
            quiet = _Quiet(walk.first_page, walk.first_total, self._monotonic())
        now = int(self._clock())
        horizon = now if backlog is None else min(now, backlog.since)
        return Reading(_undelivered(walk, cursor), True, horizon, walk.unreadable, 0, None, quiet)

    def _found_too_much(self, walk: Walk) -> _Backlog:
        now = int(self._clock())
        since = max((item.time for item in walk.found() if item.time <= now), default=0)
        return _Backlog(since, walk.first_total, walk.total, 0, walk.order.disorder, walk.end, walk.total)

    def _stretch(self, walk: Walk, cursor: Cursor, backlog: _Backlog, last_start: int) -> Reading:
        walk.forget()
        last_start += backlog.growth  # the log has grown since, and what was at `last_start` stands further down
        start = max(0, last_start - max(1, walk.reach(last_start) >> backlog.failures))
        try:
            reached = walk.read_from(start, backlog.anchors)
        except RequestNotMadeError:
            reached = False
        growth = max(0, walk.total - backlog.total) if walk.total is not None and backlog.total is not None else 0
        seen = replace(backlog, disorder=walk.order.disorder, total=walk.total, growth=growth)
        if not reached:
            # More than the run had: requests, time or memory. Or the log has grown by more than expected, or is less
            # ordered than it looked. Try less; where even a page is too much, look for the end again.
            self._backlog = replace(seen, start=last_start, failures=backlog.failures + 1)
            if backlog.failures >= MOST_FAILURES:
                self._backlog = replace(seen, newer=0, older=walk.total, start=None, anchors=frozenset(), failures=0)
            return self._fruitless(walk, cursor)
        if start == 0:
            return self._complete(walk, cursor, backlog)
        resume = replace(seen, start=start, anchors=frozenset(walk.first_page), failures=max(0, backlog.failures - 1))
        # The oldest of its first page: a single entry that stands out of order must not vouch for those further up.
        horizon = min(backlog.since, walk.first_page_oldest - slack(seen.disorder))
        return Reading(_undelivered(walk, cursor), False, horizon, walk.unreadable, 0, resume, self._quiet)


def _undelivered(walk: Walk, cursor: Cursor) -> tuple[Item, ...]:
    return tuple(item for item in walk.found() if item.digest not in cursor.delivered)
