"""The audit log of the sandbox project: entries by time, filtered and ordered as the Console API does it."""

from __future__ import annotations

import hashlib
from bisect import bisect_left, insort
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any, Literal

Order = Literal['newest_first', 'unordered_within_day', 'insertion']
DateFilter = Literal['inclusive_utc', 'exclusive', 'other_time_zone', 'ignored']

# The log forgets its oldest entries beyond this: a sandbox left running for weeks stays small.
MOST_ENTRIES = 200_000

_ZONE_NAMES = {
    0: 'Coordinated Universal Time',
    60: 'Central European Standard Time',
    330: 'India Standard Time',
    345: 'Nepal Time',
    540: 'Japan Standard Time',
    -210: 'Newfoundland Standard Time',
    -300: 'Eastern Standard Time',
    -480: 'Pacific Standard Time',
}


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    """One entry: when (epoch seconds), its number in order of insertion, and what the API shows of it.

    `unprinted` names the fields among `date` and `time` that are printed from `timestamp` when the entry is served.
    """

    timestamp: float
    number: int
    value: Any = field(compare=False)
    unprinted: tuple[str, ...] = field(compare=False, default=())

    def served(self, offset_minutes: int = 0) -> Any:
        """The JSON value the API shows, date and time printed at that offset from UTC."""
        if not self.unprinted:
            return self.value
        printed = printed_time(self.timestamp, offset_minutes)
        return {**self.value, **{name: printed[name] for name in self.unprinted}}


def printed_time(timestamp: float, offset_minutes: int = 0) -> dict[str, str]:
    """`date` and `time` as Statsig prints them: 'Mon Sep 26 2022', '23:46:14 GMT+0000 (Coordinated Universal Time)'."""
    moment = datetime.fromtimestamp(int(timestamp), timezone(timedelta(minutes=offset_minutes)))
    sign = '-' if offset_minutes < 0 else '+'
    hours, minutes = divmod(abs(offset_minutes), 60)
    zone = _ZONE_NAMES.get(offset_minutes, f'GMT{sign}{hours:02}:{minutes:02}')
    return {
        'date': f'{moment:%a %b %d %Y}',
        'time': f'{moment:%H:%M:%S} GMT{sign}{hours:02}{minutes:02} ({zone})',
    }


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """What a request asks for. `action_types` and `tags` None: all."""

    action_types: frozenset[str] | None = None
    tags: frozenset[str] | None = None
    id: str | None = None
    start: date | None = None
    end: date | None = None
    sort_key: str | None = None
    ascending: bool = False


class AuditLog:
    def __init__(self) -> None:
        self._entries: list[Entry] = []  # by (timestamp, number)
        self._next_number = 0

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries)

    def add(self, timestamp: float, value: Any, unprinted: tuple[str, ...] = ()) -> Entry:
        entry = Entry(timestamp, self._next_number, value, unprinted)
        self._next_number += 1
        insort(self._entries, entry)
        if len(self._entries) > MOST_ENTRIES:
            del self._entries[0]
        return entry

    def delete(self, entry_id: str) -> None:
        """Take the entry with that id out of the log; KeyError where there is none."""
        for position, entry in enumerate(self._entries):
            if _field(entry, 'id') == entry_id:
                del self._entries[position]
                return
        raise KeyError(entry_id)

    def since(self, number: int) -> list[Entry]:
        """Entries inserted with this number or a later one, in order of insertion."""
        return sorted((entry for entry in self._entries if entry.number >= number), key=lambda entry: entry.number)

    @property
    def next_number(self) -> int:
        return self._next_number

    def select(
        self,
        query: AuditQuery,
        order: Order = 'newest_first',
        date_filter: DateFilter = 'inclusive_utc',
        date_filter_offset_hours: float = 0.0,
    ) -> list[Entry]:
        """The entries that match, in the order asked for; `order` is that of a query without sortKey."""
        found = self._between(query, date_filter, date_filter_offset_hours)
        if (query.action_types, query.tags, query.id) != (None, None, None):
            found = [entry for entry in found if _matches(entry, query)]
        if query.sort_key in (None, 'date', 'time') and order == 'newest_first':  # as they are kept: this is quick
            return found if query.ascending else found[::-1]
        if query.sort_key not in (None, 'date', 'time'):
            key = query.sort_key
            return sorted(found, key=lambda entry: str(_field(entry, key)), reverse=not query.ascending)
        found.sort(key=_ORDERS[order], reverse=not query.ascending)
        return found

    def _between(self, query: AuditQuery, date_filter: DateFilter, offset_hours: float) -> list[Entry]:
        if date_filter == 'ignored':
            return list(self._entries)
        shift = offset_hours * 3600 if date_filter == 'other_time_zone' else 0.0
        exclusive = date_filter == 'exclusive'  # neither of the two days named is part of the answer
        first, last = 0, len(self._entries)
        if query.start is not None:
            start = query.start + timedelta(days=1 if exclusive else 0)
            first = bisect_left(self._entries, _midnight(start) - shift, key=lambda entry: entry.timestamp)
        if query.end is not None:
            end = query.end + timedelta(days=0 if exclusive else 1)
            last = bisect_left(self._entries, _midnight(end) - shift, key=lambda entry: entry.timestamp)
        return self._entries[first:last]


def _midnight(day: date) -> float:
    return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()


def _field(entry: Entry, name: str | None) -> Any:
    return entry.value.get(name) if isinstance(entry.value, dict) else None


def _matches(entry: Entry, query: AuditQuery) -> bool:
    if query.action_types is not None and _field(entry, 'actionType') not in query.action_types:
        return False
    if query.tags is not None and not query.tags.intersection(_field(entry, 'tags') or ()):
        return False
    return query.id is None or query.id == _field(entry, 'id')


def _shuffled_within_day(entry: Entry) -> tuple[int, bytes]:
    return int(entry.timestamp // 86400), hashlib.sha256(str(entry.number).encode()).digest()


_ORDERS: dict[str, Callable[[Entry], Any]] = {
    'newest_first': lambda entry: (entry.timestamp, entry.number),
    'unordered_within_day': _shuffled_within_day,
    'insertion': lambda entry: entry.number,
}
