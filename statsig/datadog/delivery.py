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
from statsig.console.cursor_store import CursorNotSavedError, CursorStore, CursorUnreadableError
from statsig.console.records import AuditEntry
from statsig.datadog import metrics
from statsig.datadog.actions import classify, selected
from statsig.datadog.change_event import change_event_of
from statsig.datadog.directory import Directory
from statsig.datadog.event import DatadogEvent, event_of
from statsig.datadog.log import log_of
from statsig.datadog.markdown import clean
from statsig.datadog.metrics import Sample
from statsig.datadog.notice import Notice, notice_of
from statsig.datadog.sink import NotTakenError, Sink
from statsig.datadog.tag_rules import TagRules
from statsig.datadog.tags import tag

BATCH = 50  # entries delivered between two saves of the cursor: what a crash may repeat

PATIENCE = 10  # runs without progress in a backlog, before the user is told
PROBLEMS = ('malformed', 'failed')

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
    send_change_events: bool
    send_logs: bool
    for_dogstatsd: bool


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
        try:
            known = self._store.load()
        except CursorUnreadableError as error:
            self._warn_of_store(str(error))
            return []
        if self._store.damaged:
            self._sink.warn(
                'The stored position in the audit log is damaged and cannot be used. Reading begins again '
                f'{self._settings.lookback // 60} minutes back (`audit_log_lookback`): events of that time may be '
                'repeated.'
            )
        cursor = known or self._first_cursor()
        if not cursor.delivered:
            # Until something has been, the look-back may begin earlier: the clock may have been ahead at first.
            cursor = min(cursor, self._first_cursor(), key=lambda one: one.floor)
        # At first even before the log is read: should Statsig be down for long, the look-back does not move on.
        if (known is None or self._store.is_behind) and not self._saved(cursor):
            return []
        reading = self._reader.read(cursor, most_requests)
        if reading.unreadable:
            self._sink.warn(
                'The audit log holds an entry of more than 8 MiB, which is not read. Look for it in the Statsig '
                'console, under Settings > Audit Logs.'
            )
        if reading.fruitless >= PATIENCE:
            self._sink.warn(
                f'The audit log holds more than a run can read, and nothing of it could be delivered in the last '
                f'{reading.fruitless} runs. Nothing is lost yet. Raise `max_requests_per_minute`, or '
                '`min_collection_interval`, which gives a run more time and requests.'
            )
        # Before anything is delivered as well: what cannot be remembered must not be sent.
        if reading.items and not self._saved(cursor):
            return []
        return self._deliver_all(reading, cursor)

    def _first_cursor(self) -> Cursor:
        return Cursor(floor=int(self._clock()) - self._settings.lookback)

    def _deliver_all(self, reading: Reading, cursor: Cursor) -> list[Sample]:
        tally = _Tally(self._clock)
        for start in range(0, len(reading.items), BATCH):
            if start and self._budget.time_left <= 0:
                break
            batch = reading.items[start : start + BATCH]
            done = self._deliver_batch(batch, tally)
            if done:
                entries = [(item.digest, item.time) for item in done]
                cursor = cursor.advanced(entries, reading.horizon, self._settings.overlap)
            if not self._saved(cursor) or len(done) < len(batch):
                break
        else:
            self._reader.settle(reading)
            if reading.complete:
                tally.nothing_waits()
        if tally.problem:
            count = sum(tally.skipped[reason] for reason in PROBLEMS)
            self._sink.warn(
                f'{count} audit-log {"entry" if count == 1 else "entries"} could not be read or shown and '
                f'{"was" if count == 1 else "were"} skipped (`statsig.audit_log.skipped` counts such). '
                f'The first problem: {tally.problem}'
            )
        for option, count in tally.failed.items():
            self._sink.warn(
                f'`{option}` failed for {count} audit-log {"entry" if count == 1 else "entries"}, which went as events '
                'all the same. The log has the details of the first.'
            )
        return tally.samples()

    def _deliver_batch(self, batch: Sequence[Item], tally: _Tally) -> Sequence[Item]:
        """Those that need not be delivered any more: all, or those before the first that was not taken."""
        for number, item in enumerate(batch):
            try:
                self._deliver(item, tally)
            except NotTakenError as error:
                self._sink.warn(str(error))
                return batch[:number]
        return batch

    def _deliver(self, item: Item, tally: _Tally) -> None:
        entry = item.entry
        if entry is None:
            tally.skip('malformed', 'hidden by `hide_author`' if self._settings.hide_author else item.problem)
        elif not selected(entry, self._settings.include, self._settings.exclude):
            tally.skip('filtered')
        elif (rendered := self._rendered(entry)) is None:
            tally.skip('failed', f'the entry {clean(entry.id[:100])}; the log has the details')
        else:
            notice, event = rendered
            self._sink.event(event)
            tally.delivered(entry)
            self._send_other_forms(notice, tally)

    def _rendered(self, entry: AuditEntry) -> tuple[Notice, DatadogEvent] | None:
        try:
            notice = notice_of(
                entry,
                project=self._settings.project,
                now=int(self._clock()),
                hide_author=self._settings.hide_author,
                tag_rules=self._settings.tag_rules,
                tags=self._settings.tags,
                directory=self.directory,
            )
            return notice, event_of(notice, self._settings.for_dogstatsd)
        except Exception:
            # Rendering never raises as far as we know. If it does, one entry must not hold up all that follow.
            log.exception('The audit-log entry %s cannot be shown', clean(entry.id[:100]))
            return None

    def _send_other_forms(self, notice: Notice, tally: _Tally) -> None:
        """The same as a change event and as a log, where asked for. Its event has gone, whatever becomes of these."""
        if self._settings.send_change_events:
            self._try('send_change_events', notice, tally, self._send_change_event)
        if self._settings.send_logs:
            self._try('send_logs', notice, tally, lambda notice: self._sink.log(log_of(notice)))

    def _send_change_event(self, notice: Notice) -> None:
        if (body := change_event_of(notice)) is not None:
            self._sink.change_event(body)

    def _try(self, option: str, notice: Notice, tally: _Tally, send: Callable[[Notice], None]) -> None:
        try:
            send(notice)
        except Exception:
            if not tally.failed[option]:
                log.exception('The audit-log entry %s was not sent by `%s`', notice.key, option)
            tally.failed[option] += 1

    def _saved(self, cursor: Cursor) -> bool:
        try:
            self._store.save(cursor)
        except CursorNotSavedError as error:
            self._warn_of_store(f'storing {error}')
            return False
        return True

    def _warn_of_store(self, what: str) -> None:
        self._sink.warn(
            f'The position in the audit log cannot be kept: {what}. No event is sent until it can be, or it would be '
            f'sent again after a restart. Check the space on the disk and the owner of {self._store.files}.'
        )


class _Tally:
    """What one run delivered and skipped, for its metrics."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._entries: Counter[tuple[str, str]] = Counter()
        self._lag: float | None = None
        self.skipped: Counter[str] = Counter()
        self.problem = ''
        """What was wrong with the first entry that could not be read or shown."""
        self.failed: Counter[str] = Counter()
        """By option: entries whose change event or log failed."""

    def skip(self, reason: str, problem: str = '') -> None:
        self.skipped[reason] += 1
        self.problem = self.problem or problem

    def delivered(self, entry: AuditEntry) -> None:
        self._entries[entry.action, classify(entry.action).group] += 1
        self._lag = max(self._lag or 0.0, self._clock() - entry.timestamp)

    def nothing_waits(self) -> None:
        """The log was read to its end: where nothing was delivered, nothing is late either, and that is measured."""
        self._lag = self._lag or 0.0

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
