"""From the audit log to the sink, each entry once: read, deliver a batch, remember it, deliver the next."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from statsig.console.audit_log import AuditLogReader, Reading
from statsig.console.audit_walk import Item
from statsig.console.budget import RequestBudget
from statsig.console.cursor import Cursor
from statsig.console.cursor_store import CursorNotSavedError, CursorStore
from statsig.console.records import AuditEntry
from statsig.datadog import metrics
from statsig.datadog.actions import classify, selected
from statsig.datadog.directory import Directory
from statsig.datadog.event import render_event
from statsig.datadog.metrics import Sample
from statsig.datadog.sink import Sink
from statsig.datadog.tag_rules import TagRules
from statsig.datadog.tags import tag

BATCH = 50  # entries delivered between two saves of the cursor: what a crash may repeat

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DeliverySettings:
    """Which entries are delivered, and how they are shown. lookback and overlap are in seconds."""

    project: str
    lookback: int
    overlap: int
    include: Sequence[str]
    exclude: Sequence[str]
    hide_author: bool
    tag_rules: TagRules
    tags: Sequence[str]


class AuditDelivery:
    """The audit log of one project, to one sink. `directory` may be replaced when the inventory has been read."""

    def __init__(
        self,
        reader: AuditLogReader,
        store: CursorStore,
        budget: RequestBudget,
        settings: DeliverySettings,
        sink: Sink,
        clock: Callable[[], float],
    ) -> None:
        self._reader = reader
        self._store = store
        self._budget = budget
        self._settings = settings
        self._sink = sink
        self._clock = clock
        self.directory = Directory()

    def run(self, most_requests: int) -> list[Sample]:
        """Deliver what is new, as far as requests and time allow; what it has to say of itself.

        Raises ConsoleError and RequestNotMadeError before anything has been delivered.
        """
        cursor = self._store.load()
        if self._store.damaged:
            self._sink.warn(
                'The stored position in the audit log is damaged and cannot be used. Reading begins again '
                f'{self._settings.lookback // 60} minutes back (`audit_log_lookback`): events of that time may be '
                'repeated.'
            )
        is_known = cursor is not None
        cursor = cursor or Cursor(floor=int(self._clock()) - self._settings.lookback)
        reading = self._reader.read(cursor, most_requests)
        if reading.unreadable:
            self._sink.warn(
                'The audit log holds an entry of more than 8 MiB, which is not read. Look for it in the Statsig '
                'console, under Settings > Audit Logs.'
            )
        # Saved before anything is delivered as well: what cannot be remembered must not be sent.
        must_save = not is_known or self._store.is_behind or bool(reading.items)
        if must_save and not self._saved(cursor):
            return []
        return self._deliver_all(reading, cursor)

    def _deliver_all(self, reading: Reading, cursor: Cursor) -> list[Sample]:
        tally = _Tally(self._clock)
        for start in range(0, len(reading.items), BATCH):
            if self._budget.time_left <= 0:
                break
            batch = reading.items[start : start + BATCH]
            for item in batch:
                self._deliver(item, tally)
            entries = [(item.digest, item.time) for item in batch]
            cursor = cursor.advanced(entries, reading.horizon, self._settings.overlap)
            if not self._saved(cursor):
                break
        else:
            self._reader.settle(reading)
        return tally.samples()

    def _deliver(self, item: Item, tally: _Tally) -> None:
        entry = item.entry
        if entry is None:
            log.debug('An audit-log entry cannot be read and is skipped: %s', item.problem)
            tally.skipped['malformed'] += 1
        elif not selected(entry, self._settings.include, self._settings.exclude):
            tally.skipped['filtered'] += 1
        else:
            event = render_event(
                entry,
                project=self._settings.project,
                now=int(self._clock()),
                hide_author=self._settings.hide_author,
                tag_rules=self._settings.tag_rules,
                tags=self._settings.tags,
                directory=self.directory,
            )
            self._sink.event(event)
            tally.delivered(entry)

    def _saved(self, cursor: Cursor) -> bool:
        try:
            self._store.save(cursor)
        except CursorNotSavedError as error:
            self._sink.warn(
                f'The position in the audit log cannot be stored: {error}. No event is sent until it can be, or it '
                'would be sent again after a restart. Check the space on the disk and the owner of the files in the '
                "Agent's run directory (`agent check` must be run as dd-agent, not as root)."
            )
            return False
        return True


class _Tally:
    """What one run delivered and skipped, for its metrics."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._entries: Counter[tuple[str, str]] = Counter()
        self._lag: float | None = None
        self.skipped: Counter[str] = Counter()

    def delivered(self, entry: AuditEntry) -> None:
        self._entries[entry.action, classify(entry.action).group] += 1
        self._lag = max(self._lag or 0.0, self._clock() - entry.timestamp)

    def samples(self) -> list[Sample]:
        found = [
            Sample(metrics.AUDIT_LOG_ENTRIES, count, (tag('action', action), tag('group', group)))
            for (action, group), count in sorted(self._entries.items())
        ]
        found += [
            Sample(metrics.AUDIT_LOG_SKIPPED, count, (tag('reason', reason),))
            for reason, count in sorted(self.skipped.items())
        ]
        return found if self._lag is None else [*found, Sample(metrics.AUDIT_LOG_LAG, self._lag)]
