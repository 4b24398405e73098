"""Which alerts of a rule are not over: what keeps a gate off, and what an action may be handed over to."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from statsig.relay.triggers.database import Database
from statsig.relay.triggers.notification import Notification

MOST_ALERTS = 5000  # of a rule that are remembered, and as many that are over
MOST_OF_ALL_RULES = 50_000
_MOST_GONE = 20_000  # that are forgotten in one transaction


@dataclass(frozen=True, slots=True)
class Alert:
    """What an action is about. request: the line of the journal that told of it. at: epoch seconds of that line."""

    monitor_id: str
    cycle: str
    scope: str
    request: int
    at: float


class Alerts:
    """Methods that change something are to be called in a transaction. Raises sqlite3.Error when the disk fails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def is_over(self, rule: str, notification: Notification) -> bool:
        """Whether a recovery has overtaken the alert: a cycle does not come again, a date tells as well."""
        if notification.is_seen:
            return False
        found = self._database.execute(
            "SELECT happened FROM alerts WHERE rule = ? AND monitor_id = ? AND key = ? AND state = 'over'",
            (rule, notification.monitor_id, notification.alert_key),
        ).fetchone()
        if found is None or notification.cycle:
            return found is not None
        (ended,) = found
        return ended is not None and notification.happened is not None and notification.happened <= ended

    def note(
        self, rule: str, notification: Notification, request: int, now: float, put_off: bool | None = False
    ) -> None:
        """For what opens or ends an alert.

        put_off: it would have been acted upon, but an action was under way; None: this is as it was before.
        """
        state = 'alerting' if notification.is_open else 'over'
        key = (rule, notification.monitor_id, notification.alert_key)
        self._database.execute(
            'INSERT INTO alerts (rule, monitor_id, key, cycle, scope, request_id, state, put_off, at, happened) '
            'VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET request_id = excluded.request_id, '
            'state = excluded.state, put_off = CASE WHEN ? THEN put_off ELSE excluded.put_off END, at = excluded.at, '
            'happened = excluded.happened',
            (
                *(*key, notification.cycle, notification.scope_key),
                *(request, state, bool(put_off), now, notification.happened, put_off is None),
            ),
        )
        self._end_earlier(rule, notification, now)

    def _end_earlier(self, rule: str, notification: Notification, now: float) -> None:
        """What alerts, or has recovered, is in no earlier cycle any more: that recovery was lost, or comes late.

        What is earlier, only dates tell. Where one of the two has no cycle key, the scope tells that they are the same.
        """
        happened = notification.happened
        if happened is not None and (notification.scope or notification.is_seen):
            self._end(rule, notification, 'happened <= ?', happened)
        if notification.is_recovery:
            which = "cycle = ''" if notification.cycle else 'TRUE'
            self._end(
                rule, notification, f'{which} AND coalesce(happened, at) <= ?', now if happened is None else happened
            )

    def _end(self, rule: str, notification: Notification, which: str, value: float) -> None:
        """Other alerts of the same scope."""
        self._database.execute(
            "UPDATE alerts SET state = 'over' WHERE state = 'alerting' AND rule = ? AND monitor_id = ? "  # noqa: S608
            f'AND scope = ? AND key != ? AND {which}',
            (rule, notification.monitor_id, notification.scope_key, notification.alert_key, value),
        )

    def has_ended(self, rule: str, monitor_id: str, key: str) -> bool:
        """key: as of Notification.alert_key."""
        found = self._database.one(
            "SELECT 1 FROM alerts WHERE rule = ? AND monitor_id = ? AND key = ? AND state = 'over'",
            rule,
            monitor_id,
            key,
        )
        return found is not None

    def any_open(self, rules: Collection[str]) -> bool:
        """Whether an alert of one of the rules is not over."""
        found = self._database.one(
            f"SELECT 1 FROM alerts WHERE state = 'alerting' AND rule IN ({', '.join('?' * len(rules))}) LIMIT 1",  # noqa: S608
            *rules,
        )
        return found is not None

    def is_one_put_off(self, rule: str, since: float) -> bool:
        found = self._database.one(
            "SELECT 1 FROM alerts WHERE rule = ? AND state = 'alerting' AND put_off = 1 AND at > ?", rule, since
        )
        return found is not None

    def next_put_off(self, rule: str, since: float) -> Alert | None:
        """The newest that was put off after `since` and is not over. It counts as acted upon from now on."""
        found = self._database.execute(
            'SELECT key, monitor_id, cycle, scope, request_id, at FROM alerts WHERE rule = ? '
            "AND state = 'alerting' AND put_off = 1 AND at > ? ORDER BY at DESC LIMIT 1",
            (rule, since),
        ).fetchone()
        if found is None:
            return None
        key, alert = found[0], Alert(*found[1:])
        self._database.execute(
            'UPDATE alerts SET put_off = 0 WHERE rule = ? AND monitor_id = ? AND key = ?',
            (rule, alert.monitor_id, key),
        )
        return alert

    def forget(self, oldest: float) -> None:
        """What is older, and the oldest beyond MOST_ALERTS."""
        beyond = self._database.one('SELECT at FROM alerts ORDER BY at DESC LIMIT 1 OFFSET ?', MOST_OF_ALL_RULES)
        self._database.execute('DELETE FROM alerts WHERE at < ?', (max(oldest, beyond or 0.0),))
        for rule, state in self._database.execute('SELECT DISTINCT rule, state FROM alerts').fetchall():
            self._database.execute(
                'DELETE FROM alerts WHERE rowid IN '
                '(SELECT rowid FROM alerts WHERE rule = ? AND state = ? ORDER BY at DESC LIMIT ? OFFSET ?)',
                (rule, state, _MOST_GONE, MOST_ALERTS),
            )
