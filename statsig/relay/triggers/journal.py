"""The journal: what came in, what was decided and why, what was done, and who was told. It is the memory as well:
cycles, cooldowns, the breaker and actions that are not finished are read from it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from statsig.relay.triggers.actions import Action, Actions
from statsig.relay.triggers.database import Database
from statsig.relay.triggers.decision import HOUR, Decision, Limits, Reason, Verdict, decide
from statsig.relay.triggers.history import History
from statsig.relay.triggers.notification import Notification
from statsig.relay.triggers.rules import Rule

KEPT = 90 * 24 * HOUR  # seconds
MOST_REQUESTS = 200_000
_REFUSAL_INTERVAL = 60.0  # seconds between two lines about requests that were turned away


@dataclass(frozen=True, slots=True)
class Decided:
    """A line of the journal: what became of a request by one rule."""

    id: int
    rule: str
    gate: str
    decision: Decision
    action_id: int | None
    link: str
    at: float
    monitor_id: str


class Journal:
    """Safe to use from several threads and processes at once. `actions` are those that were decided.

    Raises JournalError when it cannot be opened; its methods raise sqlite3.Error when the disk fails.
    """

    def __init__(
        self, directory: Path, rules: Sequence[Rule], limits: Limits, clock: Callable[[], float], give_up_after: float
    ) -> None:
        self._rules = {rule.name: rule for rule in rules}
        self._limits = limits
        self._clock = clock
        self._database = Database(directory)
        self._history = History(self._database, self._rules, directory)
        self.actions = Actions(self._database, self._history, self._rules, limits, clock, give_up_after)

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
                *(now, source, address, 'decided' if concerned else 'no_rule'),
                *(notification.monitor_id, notification.transition, notification.cycle, notification.scope),
                *(notification.title, notification.link, notification.is_test),
            ),
        ).lastrowid
        return [self._decide(notification, rule, int(request or 0), now, by) for rule in concerned]

    def _decide(self, notification: Notification, rule: Rule, request: int, now: float, by: str) -> Decided:
        decision = decide(notification, rule, self._history.facts(notification, rule, now), self._limits)
        if rule.in_scope(notification) and not notification.is_test:
            self._note_alert(notification, rule, decision, now)
        if decision.cancels:
            self.actions.call_off(rule, decision.cancels, notification, now)
        action = None
        if decision.verdict in (Verdict.ACT, Verdict.WAIT, Verdict.REHEARSE):
            action = self.actions.plan(notification, rule, decision, request, now, by)
        row = self._database.execute(
            'INSERT INTO decisions (request_id, at, rule, gate, verdict, reason, why, action_id) '
            'VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
            (request, now, rule.name, rule.gate, decision.verdict, decision.reason, decision.why, action),
        ).lastrowid
        return Decided(
            *(int(row or 0), rule.name, rule.gate, decision, action, notification.link, now, notification.monitor_id)
        )

    def _note_alert(self, notification: Notification, rule: Rule, decision: Decision, now: float) -> None:
        """Which alerts of a rule are not over. What is over stays over: deliveries can overtake each other."""
        if not notification.is_alert and not notification.is_recovery:
            return
        if decision.reason in (Reason.STALE, Reason.CYCLE_OVER):
            return
        key = (rule.name, notification.monitor_id, notification.alert_key)
        self._database.execute(
            'INSERT INTO alerts (rule, monitor_id, key, state, at) VALUES (?, ?, ?, ?, ?) '
            'ON CONFLICT DO UPDATE SET state = excluded.state, at = excluded.at',
            (*key, 'alerting' if notification.is_alert else 'over', now),
        )

    def untold(self, most: int = 200) -> tuple[list[Decided], list[Action]]:
        """What nobody has been told of yet, oldest first."""
        with self._database.lock:
            decided = self._database.execute(
                'SELECT d.id, d.rule, d.gate, d.verdict, d.reason, d.why, d.action_id, r.link, d.at, r.monitor_id '
                'FROM decisions d JOIN requests r ON r.id = d.request_id WHERE d.told = 0 ORDER BY d.id LIMIT ?',
                (most,),
            ).fetchall()
        return [_decided(row) for row in decided], self.actions.ended_and_untold(most)

    def told(self, decided: Sequence[Decided], ended: Sequence[Action]) -> None:
        with self._database.transaction():
            self._database.execute_many('UPDATE decisions SET told = 1 WHERE id = ?', [(each.id,) for each in decided])
            self._database.execute_many('UPDATE actions SET told = 1 WHERE id = ?', [(each.id,) for each in ended])

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
                'INSERT INTO watched (monitor_id, scope, status, cycle) VALUES (?, ?, ?, ?)',
                [(monitor_id, scope, status, cycle) for scope, (status, cycle) in groups.items()],
            )
            for notification in notifications:
                self._receive(notification, 'watch', '', 'relay')

    def requests(self, last: int) -> list[dict[str, Any]]:
        """The newest requests with what became of them, newest first, as the `log` command shows them."""
        rows = self._database.rows
        with self._database.lock:
            requests = rows('SELECT * FROM requests ORDER BY id DESC LIMIT ?', last)
            for request in requests:
                request['decisions'] = rows('SELECT * FROM decisions WHERE request_id = ?', request['id'])
                for decision in request['decisions']:
                    found = rows('SELECT * FROM actions WHERE id = ?', decision['action_id'])
                    decision['action'] = found[0] if found else None
                    if found:
                        found[0]['steps'] = rows('SELECT at, what FROM steps WHERE action_id = ?', found[0]['id'])
        return requests

    def prune(self) -> None:
        """Forgets what is older than 90 days, and the oldest requests beyond 200,000. Open matters stay."""
        oldest = self._clock() - KEPT
        with self._database.transaction():
            execute = self._database.execute
            newest = int(self._database.one('SELECT coalesce(max(id), 0) FROM requests'))
            gone = 'at < ? OR id <= ?'
            execute(f'DELETE FROM requests WHERE {gone}', (oldest, newest - MOST_REQUESTS))  # noqa: S608
            execute('DELETE FROM decisions WHERE request_id NOT IN (SELECT id FROM requests)')
            execute(
                "DELETE FROM actions WHERE state = 'ended' AND told = 1 AND (owned = 0 OR undone = 1) AND ended_at < ?",
                (oldest,),
            )
            execute('DELETE FROM steps WHERE action_id NOT IN (SELECT id FROM actions)')
            execute('DELETE FROM alerts WHERE at < ?', (oldest,))


def _decided(row: tuple[Any, ...]) -> Decided:
    number, rule, gate, verdict, reason, why, action, link, at, monitor = row
    return Decided(number, rule, gate, Decision(Verdict(verdict), Reason(reason), why), action, link, at, monitor)
