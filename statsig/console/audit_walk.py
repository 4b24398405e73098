"""One run's walk down the audit log, newest to oldest, in overlapping windows."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from math import lgamma, log
from typing import Any

from statsig.console.client import LARGEST_BODY, LARGEST_PAGE, ConsoleClient, Page
from statsig.console.cursor import digest_of
from statsig.console.errors import RequestNotMadeError, TooLargeError
from statsig.console.records import AuditEntry, MalformedRecordError, parse_audit_entry
from statsig.console.windows import Window, window_after, window_at

DAY = 86_400
MOST_BYTES = 8 * 1024 * 1024  # of JSON held at once: as objects it is about four times as much
MOST_REQUESTS = 1000  # of one walk, whatever the budget is
EVIDENCE = 64.0  # bits: how unlikely it must be that an unsorted log looks as sorted as this one does
STRANGERS = 20  # entries in a row that must be older than the bound
UNKNOWN_TIME = -(2**62)


@dataclass(frozen=True, slots=True)
class Item:
    """An entry of the log, or the reason why it could not be read. `time` is then that of the next older one."""

    digest: str
    time: int
    entry: AuditEntry | None
    problem: str = ''


@dataclass(slots=True)
class Paging:
    """What the server's answers have shown of its page sizes: some cap them, some ignore what is asked for.

    working: the size that fits into an answer, where entries are large. entry_bytes: what an entry took in the latest
    answer, as JSON; 0 before the first one.
    """

    largest: int = LARGEST_PAGE
    working: int = LARGEST_PAGE
    entry_bytes: float = 0.0
    honours_limit: bool = True


class Walk:
    """The requests of one run, and what they found. Raises ConsoleError and RequestNotMadeError where it requests."""

    def __init__(
        self, client: ConsoleClient, bound: int, most_requests: int, paging: Paging, disorder: int = 0
    ) -> None:
        self._client = client
        self._paging = paging
        self._bound = bound
        self.requests_left = min(most_requests, MOST_REQUESTS)
        # Two days early: whether the date is inclusive, and in which time zone, is not documented.
        day = datetime.fromtimestamp(max(0, bound - 2 * DAY), UTC)
        self._params = {'startDate': day.strftime('%Y-%m-%d')}
        self._disorder = disorder
        self._not_before = 0
        self.total: int | None = None
        self.unreadable = 0
        self.forget()

    def forget(self) -> None:
        """Begin again with nothing read, and the requests that are left."""
        self.first_page: tuple[str, ...] = ()
        self.first_total: int | None = None
        self.first_page_oldest = self._bound
        self.pages = 0
        self.end = 0
        self.order = Order(self._disorder)
        self._items: list[Item] = []
        self._seen: set[str] = set()
        self._bytes = 0

    def reach(self, position: int) -> int:
        """How many positions above `position` this walk can cover: with the requests and the memory that it has.

        One request is kept to join what is there, and a tenth is to spare, for a log that has grown meanwhile.
        """
        end = start = max(0, position - self.requests_left * self._paging.working)
        for _ in range(self.requests_left - 1):
            window = self._window_after(end)
            end = window.start + window.limit
        covered = max(self._paging.working // 2, (end - start) * 9 // 10)
        fits = int(MOST_BYTES * 0.8 / self._paging.entry_bytes) if self._paging.entry_bytes else covered
        return min(covered, max(1, fits))

    def read_from(
        self, start: int, anchors: frozenset[str], unchanged: Callable[[Walk], bool] = lambda _: False
    ) -> bool:
        """Read from position `start` down until all that follows is known; whether that point was reached.

        It is known where it is older than the bound, where an anchor stands, or where the log ends.
        """
        self.end = start
        while self.requests_left > 0 and self._bytes < MOST_BYTES:
            window = self._window_after(self.end) if self.pages else self._window_at(start)
            page = self._get(window)
            if page is None:
                continue
            items = [_item(record) for record in page.items]
            if not items and (page.more or window.start < self.end):
                raise self._client.empty_page('audit_logs', window.page, window.limit)
            if not self._adjoins(window, items):
                # Entries were deleted meanwhile: what stood behind the last window may have moved into it.
                self.end = max(start, self.end - self._paging.working)
                continue
            self._add(page, window, items)
            at_an_anchor = any(item.digest in anchors for item in items)
            if not page.more or at_an_anchor or self.order.is_past(self._bound):
                return True
            if self.pages == 1 and unchanged(self):
                return True
        return False

    def find_end(self, newer: int, older: int | None, disorder: int) -> tuple[int, int | None, bool]:
        """Where entries older than the bound begin: halves the distance from `newer` to `older`, positions in the log.

        Returns both, closer together, and whether they are within a page of each other.
        """
        while older is None or older - newer > self._paging.working:
            if self.requests_left < 1:
                return newer, older, False
            middle = (newer + older) // 2 if older is not None else max(2 * newer, self._paging.working)
            try:
                page = self._get(self._window_at(middle))
            except RequestNotMadeError:
                return newer, older, False
            if page is None:
                continue
            times = [item.time for item in map(_item, page.items) if item.entry]
            if not times or max(times) < self._bound - slack(disorder):
                older = middle
            else:
                newer = max(middle, newer + 1)
        return newer, older, True

    def found(self) -> list[Item]:
        """Entries not older than the bound, oldest first; of those in one second, the one further down first."""
        items: list[Item] = []
        # A malformed one goes by its older neighbour: that one stays the same while new entries arrive above.
        older_neighbour = next((item.time for item in reversed(self._items) if item.entry), self._bound)
        for item in reversed(self._items):
            if item.entry is None:
                items.append(replace(item, time=older_neighbour))
            else:
                older_neighbour = item.time
                items.append(item)
        return sorted((item for item in items if item.time >= self._bound), key=lambda item: item.time)

    def _window_at(self, position: int) -> Window:
        if self._paging.honours_limit:
            return window_at(position, self._paging.working, self._not_before)
        return Window(position // self._paging.working + 1, self._paging.working)

    def _window_after(self, end: int) -> Window:
        if not self._paging.honours_limit:
            return self._window_at(end)
        return window_after(end, self._paging.working, self._not_before)

    def _get(self, window: Window) -> Page | None:
        """The page, or None where a smaller one must be asked for first."""
        self.requests_left -= 1
        try:
            page = self._client.get_page('audit_logs', window.page, window.limit, self._params)
        except TooLargeError:
            if self._paging.working > 1:
                self._paging.working = max(1, self._paging.working // 4)
                return None
            # Nothing smaller can be asked for: go on behind it, and never ask for it again in this walk.
            self.unreadable += 1
            self.end = self._not_before = window.start + 1
            self.pages += 1
            self._paging.working = self._paging.largest
            return None
        if page.size is not None and page.size != window.limit:
            self._paging.honours_limit = page.size < window.limit and window.limit == LARGEST_PAGE
            self._paging.working = self._paging.largest = page.size
        elif self._paging.working < self._paging.largest and page.bytes * 2 < LARGEST_BODY:
            self._paging.working = min(self._paging.largest, self._paging.working * 2)
        if page.items:
            self._paging.entry_bytes = page.bytes / len(page.items)
        self.total = page.total if page.total is not None else self.total
        return page

    def _adjoins(self, window: Window, items: list[Item]) -> bool:
        """Whether nothing can be missing between what was read before and this window."""
        if not self.pages or not self._paging.honours_limit or window.start >= self.end:
            return True
        return any(item.digest in self._seen for item in items)

    def _add(self, page: Page, window: Window, items: list[Item]) -> None:
        for item in items:
            if item.digest not in self._seen:
                self._items.append(item)
                if item.entry is not None:
                    self.order.see(item.time)
        if not self.pages:
            self.first_page, self.first_total = tuple(item.digest for item in items), page.total
            self.first_page_oldest = min((item.time for item in items if item.entry), default=self._bound)
        self._seen.update(item.digest for item in items)
        self._bytes += page.bytes
        self.pages += 1
        self.end = max(self.end, (window.page - 1) * (page.size or window.limit) + len(items))


class Order:
    """How far the log is from being sorted newest first, as seen so far. `disorder` is in seconds.

    Twenty entries in order say a lot, twenty of one moment nothing. So the evidence is counted in bits: the logarithm
    of the number of orders in which the entries seen could have stood, had they not been sorted. A moment is as long as
    the slack: a log that is out of order by minutes is known to be in order only as far as hours go.
    """

    def __init__(self, disorder: int = 0) -> None:
        self.disorder = disorder
        self._times: list[int] = []
        self._oldest: int | None = None

    def see(self, time: int) -> None:
        """The next entry, walking from newest to oldest."""
        self._oldest = time if self._oldest is None else min(time, self._oldest)
        self.disorder = max(self.disorder, time - self._oldest)
        self._times.append(time)

    def is_past(self, bound: int) -> bool:
        """Whether all that stands further down is older than `bound`. A few entries out of order prove nothing."""
        latest = self._times[-STRANGERS:]
        return bool(latest) and max(latest) < bound - slack(self.disorder) and self._evidence() >= EVIDENCE

    def _evidence(self) -> float:
        moment = max(1, slack(self.disorder))
        ties = Counter(time // moment for time in self._times)
        return (lgamma(len(self._times) + 1) - sum(lgamma(count + 1) for count in ties.values())) / log(2)


def slack(disorder: int) -> int:
    """How much older than the bound an entry must be, for all that follow it to be older too, in seconds.

    A log out of order by a few minutes, by entries that came late, costs a few more entries to read. One that is only
    sorted by day shows a disorder of hours at once, and is read a whole day further.
    """
    return min(DAY, 8 * disorder)


def _item(record: Any) -> Item:
    try:
        entry = parse_audit_entry(record)
    except MalformedRecordError as error:
        # Its id may be what is unreadable, so it is known by all it says.
        return Item(digest_of(json.dumps(record, sort_keys=True)), UNKNOWN_TIME, None, str(error))
    return Item(digest_of(entry.id), entry.timestamp, entry)
