"""The journal: what came in, what was decided and why, what was done, and who was told. It is the memory as well:
cycles, cooldowns, the breaker and actions that are not finished are read from it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from statsig.relay.triggers.action import Action
from statsig.relay.triggers.actions import Actions
from statsig.relay.triggers.alerts import Alert, Alerts
from statsig.relay.triggers.database import Database
from statsig.relay.triggers.decided import Decided, Decisions
from statsig.relay.triggers.decision import HOUR, Limits, Reason, Verdict, decide
from statsig.relay.triggers.history import History
from statsig.relay.triggers.notification import RECOVERED, Notification
from statsig.relay.triggers.rules import Rule

KEPT = 90 * 24 * HOUR  # seconds
MOST_REQUESTS, MOST_DECISIONS = 200_000, 200_000
MOST_ACTIONS = 10_000  # beyond them, those that have changed nothing go
MOST_AT_ONCE = 2000  # rows that are forgotten in one transaction
_REFUSAL_INTERVAL = 60.0  # seconds between two lines about requests that were turned away


@dataclass(frozen=True, slots=True)
class Untold:
    """What is to be told: decisions that nothing followed from, up to the line `last`, and what has ended."""

    decided: Sequence[Decided]
    last: int
    ended: Sequence[Action]

    def __bool__(self) -> bool:
        return bool(self.decided or self.ended)


class Journal:
    """Safe to use from several threads and processes at once. `actions` are those that were decided.

    Raises JournalError when it cannot be opened; its methods raise sqlite3.Error when the disk fails.
    """

    def __init__(
        self,
        directory: Path,
        rules: Sequence[Rule],
        limits: Limits,
        clock: Callable[[], float],
        give_up_after: float,
        look_interval: float | None = None,
    ) -> None:
        self._rules = {rule.name: rule for rule in rules}
        self._limits = limits
        self._clock = clock
        self._database = Database(directory)
        self._history = History(self._database, self._rules, directory)
        self._alerts = Alerts(self._database)
        self._decisions = Decisions(self._database)
        self.actions = Actions(self._database, self._history, self._rules, limits, clock, give_up_after, look_interval)

    def close(self) -> None:
        self._database.close()

    def receive(self, notifications: Sequence[tuple[Notification, str, str]], by: str = 'relay') -> list[list[Decided]]:
        """Writes down and decides each of (notification, source, address), all in one transaction.

        by: who is to carry out the rehearsals that follow.
        """
        with self._database.transaction():
            return [self._receive(notification, source, address, by) for notification, source, address in notifications]

    def turn_away(self, outcome: str, source: str, address: str, times: int = 1) -> None:
        """Requests that were not even read: one line a minute for each kind of trouble, with their number."""
        now = self._clock()
        with self._database.transaction():
            last = self._database.execute(
                'SELECT id FROM requests WHERE outcome = ? AND at > ? ORDER BY at DESC LIMIT 1',
                (outcome, now - _REFUSAL_INTERVAL),
            ).fetchone()
            if last:
                self._database.execute('UPDATE requests SET times = times + ? WHERE id = ?', (times, last[0]))
            else:
                self._database.execute(
                    'INSERT INTO requests (at, source, address, outcome, times) VALUES (?, ?, ?, ?, ?)',
                    (now, source, address, outcome, times),
                )

    def _receive(self, notification: Notification, source: str, address: str, by: str) -> list[Decided]:
        now, execute = self._clock(), self._database.execute
        concerned = [rule for rule in self._rules.values() if rule.concerns(notification)]
        request = execute(
            'INSERT INTO requests (at, source, address, outcome, monitor_id, transition, cycle, scope, title, link, '
            'is_test) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
            (
                *(now, source, address, 'decided' if concerned else 'no_rule', notification.monitor_id[:40]),
                *(notification.transition[:40], notification.cycle, notification.scope_key),
                *(notification.title, notification.link, notification.is_test),
            ),
        ).lastrowid
        number = int(request or 0)
        in_scope = [rule for rule in concerned if rule.in_scope(notification) and not notification.is_test]
        if notification.is_recovery:
            for rule in in_scope:
                self._alerts.note(rule.name, notification, number, now)
        decided = [self._decide(notification, rule, number, now, by) for rule in concerned]
        if notification.is_recovery:
            self._decide_for_others({rule.gate for rule in in_scope}, number, now)
        return decided

    def _decide_for_others(self, gates: Collection[str], request: int, now: float) -> None:
        """The last alert about a gate is over, and it was not of the rule that had turned the gate off."""
        for rule in self._rules.values():
            if rule.gate in gates and self._history.is_to_undo(rule) and not self._is_decided(request, rule):
                over = Notification(rule.monitor_id, RECOVERED, scope=','.join(sorted(rule.scope)))
                self._decide(over, rule, request, now, 'relay')

    def _is_decided(self, request: int, rule: Rule) -> bool:
        found = self._database.one('SELECT 1 FROM decisions WHERE request_id = ? AND rule = ?', request, rule.name)
        return found is not None

    def _decide(self, notification: Notification, rule: Rule, request: int, now: float, by: str) -> Decided:
        decision = decide(notification, rule, self._history.facts(notification, rule, now), self._limits)
        is_real = rule.in_scope(notification) and not notification.is_test
        if is_real and notification.is_open and decision.reason is not Reason.CYCLE_OVER:
            is_new = notification.is_alert and decision.reason is not Reason.STALE
            put_off = decision.reason is Reason.UNDER_WAY if is_new else None
            self._alerts.note(rule.name, notification, request, now, put_off)
        if decision.cancels:
            self.actions.call_off(rule, decision.cancels, now)
        action = None
        if decision.verdict in (Verdict.ACT, Verdict.WAIT, Verdict.REHEARSE):
            alert = Alert(notification.monitor_id, notification.cycle, notification.scope_key, request, now)
            action = self.actions.plan(rule, decision, alert, now, by)
        else:
            self._decisions.write(request, rule, decision, None, now)
        return Decided(rule.name, rule.gate, decision, action, notification.link, now, notification.monitor_id)

    def untold(self, most: int = 200) -> Untold:
        """What nobody has been told of yet, oldest first."""
        decided, last = self._decisions.untold()
        return Untold(decided, last, self.actions.ended_and_untold(most))

    def told(self, untold: Untold) -> None:
        with self._database.transaction():
            self._decisions.told(untold.last)
            self._database.execute_many(
                'UPDATE actions SET told = 1 WHERE id = ?', [(each.id,) for each in untold.ended]
            )

    def watched(self, monitor_id: str) -> dict[str, tuple[str, str]]:
        """Group → (status, cycle) at the last look."""
        with self._database.lock:
            rows = self._database.execute(
                'SELECT scope, status, cycle FROM watched WHERE monitor_id = ?', (monitor_id,)
            ).fetchall()
        return {scope: (status, cycle) for scope, status, cycle in rows}

    def look(
        self, monitor_id: str, groups: Mapping[str, tuple[str, str]], notifications: Sequence[Notification]
    ) -> None:
        """Remembers what a monitor was like and decides what follows, in one transaction: neither without the other."""
        with self._database.transaction():
            self._database.execute('DELETE FROM watched WHERE monitor_id = ?', (monitor_id,))
            self._database.execute_many(
                'INSERT INTO watched (monitor_id, scope, status, cycle, at) VALUES (?, ?, ?, ?, ?)',
                [(monitor_id, scope, status, cycle, self._clock()) for scope, (status, cycle) in groups.items()],
            )
            for notification in notifications:
                self._receive(notification, 'watch', '', 'relay')

    def prune(self) -> bool:
        """Forgets what is older than 90 days or beyond what is kept, a part of it at a time: others wait meanwhile.

        Whether there was more. Open matters stay, and so does a request that an action followed from.
        """
        oldest = self._clock() - KEPT
        with self._database.transaction():
            requests = self._too_many(oldest)
            self._decisions.forget(requests)
            self._database.execute_many('DELETE FROM requests WHERE id = ?', [(each,) for each in requests])
            actions = self._over(oldest)
            for table, column in (('steps', 'action_id'), ('actions', 'id')):
                self._database.execute_many(f'DELETE FROM {table} WHERE {column} = ?', [(each,) for each in actions])  # noqa: S608
            self._alerts.forget(oldest)
        return len(requests) == MOST_AT_ONCE

    def _too_many(self, oldest: float) -> list[int]:
        """Requests that may go. Those of actions go when their action has gone."""
        one = self._database.one
        last = max(
            int(one('SELECT id FROM requests WHERE at < ? ORDER BY at DESC LIMIT 1', oldest) or 0),
            int(one('SELECT id FROM requests ORDER BY id DESC LIMIT 1 OFFSET ?', MOST_REQUESTS) or 0),
            int(one('SELECT request_id FROM decisions ORDER BY id DESC LIMIT 1 OFFSET ?', MOST_DECISIONS) or 0),
        )
        found = self._database.execute(
            'SELECT id FROM requests r WHERE id <= ? '
            'AND NOT EXISTS (SELECT 1 FROM actions WHERE request_id = r.id) '
            'AND NOT EXISTS (SELECT 1 FROM decisions WHERE request_id = r.id AND told = 0) ORDER BY id LIMIT ?',
            (last, MOST_AT_ONCE),
        )
        return [row[0] for row in found]

    def _over(self, oldest: float) -> list[int]:
        """Actions that may go. What turned a gate off stays until that is undone, and what nobody was told of stays.

        A rehearsal of `triggers test` that was broken off has nobody who would end it.
        """
        found = self._database.execute(
            "SELECT id FROM actions WHERE (state = 'ended' AND told = 1 AND (owned = 0 OR undone = 1) "
            'AND (ended_at < ? OR (changes = 0 AND id <= ?))) '
            "OR (by = 'test' AND state = 'waiting' AND decided_at < ?) LIMIT ?",
            (
                oldest,
                self._database.one('SELECT id FROM actions ORDER BY id DESC LIMIT 1 OFFSET ?', MOST_ACTIONS) or 0,
                *(self._clock() - HOUR, MOST_AT_ONCE),
            ),
        )
        return [row[0] for row in found]
