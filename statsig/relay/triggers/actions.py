"""What is to be done at Statsig, from the decision to its end. Everything that is about to happen is written down
first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from statsig.relay.triggers.database import Database
from statsig.relay.triggers.decision import Decision, Limits, Verdict
from statsig.relay.triggers.history import History
from statsig.relay.triggers.notification import Notification
from statsig.relay.triggers.rules import Kind, Rule

MOST_CHANGES = 3  # PUTs of one action


@dataclass(frozen=True, slots=True)
class Action:
    """Something to be done at Statsig. Times in epoch seconds; `changes` is how many PUTs were sent so far.

    answered: Statsig has answered one of them with success. called_off: why the action should end, or ''.
    """

    id: int
    rule: str
    gate: str
    kind: Kind
    rehearsal: bool
    monitor_id: str
    cycle: str
    scope: str
    decided_at: float
    due_at: float
    give_up_at: float
    state: str
    called_off: str
    changes: int
    first_change_at: float | None
    answered: bool
    attempts: int
    gate_before: str
    gate_after: str
    outcome: str
    why: str
    ended_at: float | None
    link: str
    title: str


_ACTION = """
SELECT a.id, a.rule, a.gate, a.kind, a.rehearsal, a.monitor_id, a.cycle, a.scope, a.decided_at, a.due_at, a.give_up_at,
  a.state, a.called_off, a.changes, a.first_change_at, a.answered, a.attempts, a.gate_before, a.gate_after, a.outcome,
  a.why, a.ended_at, coalesce(r.link, ''), coalesce(r.title, '')
FROM actions a LEFT JOIN requests r ON r.id = a.request_id
"""


class Actions:
    """rules: by name, as they are configured now. give_up_after: seconds. Raises sqlite3.Error when the disk fails."""

    def __init__(
        self,
        database: Database,
        history: History,
        rules: Mapping[str, Rule],
        limits: Limits,
        clock: Callable[[], float],
        give_up_after: float,
    ) -> None:
        self._database = database
        self._history = history
        self._rules = rules
        self._limits = limits
        self._clock = clock
        self._give_up_after = give_up_after

    def plan(
        self, notification: Notification, rule: Rule, decision: Decision, request: int, now: float, by: str
    ) -> int:
        kind = decision.kind or Kind.DISABLE
        rehearsal = decision.verdict is Verdict.REHEARSE
        due = now + rule.stable_for if decision.verdict is Verdict.WAIT else now
        row = self._database.execute(
            'INSERT INTO actions (request_id, rule, gate, kind, rehearsal, by, monitor_id, cycle, scope, decided_at, '
            'due_at, give_up_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
            (
                *(request, rule.name, rule.gate, kind, rehearsal, by if rehearsal else 'relay'),
                *(notification.monitor_id, notification.cycle, notification.scope),
                *(now, due, due + (30.0 if rehearsal else self._give_up_after)),
            ),
        ).lastrowid
        return int(row or 0)

    def call_off(self, rule: Rule, kind: Kind, notification: Notification, now: float) -> None:
        """Ends what has changed nothing yet. What has sent a change is told, and finds out what became of it."""
        why = 'the alert recovered' if kind is Kind.DISABLE else 'the monitor alerts again'
        found = self._database.execute(
            "SELECT id, changes, cycle, scope FROM actions WHERE rule = ? AND kind = ? AND state = 'waiting' "
            'AND rehearsal = 0',
            (rule.name, kind),
        ).fetchall()
        for action, changes, cycle, scope in found:
            if kind is Kind.DISABLE and not notification.is_of_alert(cycle, scope):
                continue
            self._database.execute('UPDATE actions SET called_off = ? WHERE id = ?', (why, action))
            if not changes:
                self._end(action, 'cancelled', why, now)
            else:
                self._step(action, f'called off: {why}', now)

    def due(self, but: Iterator[int] | Sequence[int] = ()) -> list[Action]:
        """What is to be done now, real actions first; `but` are in somebody's hands."""
        with self._database.lock:
            rows = self._database.execute(
                f"{_ACTION} WHERE a.state = 'waiting' AND a.by = 'relay' AND a.due_at <= ? "
                'ORDER BY a.rehearsal, a.id LIMIT 100',
                (self._clock(),),
            ).fetchall()
        busy = set(but)
        return [action for action in map(_action, rows) if action.id not in busy]

    def action(self, number: int) -> Action:
        with self._database.lock:
            return _action(self._database.execute(f'{_ACTION} WHERE a.id = ?', (number,)).fetchone())

    def rule_of(self, action: Action) -> Rule | None:
        """The rule as it is configured now, if it still means what was decided."""
        rule = self._rules.get(action.rule)
        if rule is None or rule.gate != action.gate or rule.monitor_id != action.monitor_id:
            return None
        if not action.rehearsal and (rule.dry_run or (action.kind is Kind.ENABLE and not rule.on_recovery)):
            return None
        return rule

    def mark_when_turned_off(self, action: Action) -> str:
        rule = self._rules.get(action.rule)
        with self._database.lock:
            found = self._history.turned_off(rule) if rule else None
        return found[1] if found else ''

    def step(self, action: Action, what: str) -> None:
        with self._database.transaction():
            self._step(action.id, what, self._clock())

    def found(self, action: Action, state: str) -> None:
        """The gate as it was before this action touched it."""
        with self._database.transaction():
            if not action.gate_before and not action.changes:
                self._database.execute('UPDATE actions SET gate_before = ? WHERE id = ?', (state, action.id))
            self._step(action.id, f'read: the gate is {state}', self._clock())

    def claim_change(self, action: Action) -> bool:
        """The permission to send one PUT. Without it the action has ended, or is to be looked at again.

        Here all that must hold is looked at once more, in one transaction: what was decided may be long ago.
        """
        now = self._clock()
        rule = self.rule_of(action)
        with self._database.transaction():
            current = self.action(action.id)
            if current.state != 'waiting' or current.called_off or action.rehearsal or rule is None:
                return False
            refusal = self._why_not(current, rule, now)
            if refusal:
                self._end(action.id, *refusal, now)
                return False
            self._database.execute(
                'UPDATE actions SET changes = changes + 1, first_change_at = coalesce(first_change_at, ?) WHERE id = ?',
                (now, action.id),
            )
            self._step(action.id, f'sending: PUT {action.kind}, {current.changes + 1} of {MOST_CHANGES}', now)
        return True

    def _why_not(self, action: Action, rule: Rule, now: float) -> tuple[str, str] | None:
        if action.changes >= MOST_CHANGES:
            return 'failed', f'{MOST_CHANGES} PUTs were sent, and the gate is not {_wanted(action.kind)}'
        if self._history.switched_off:
            return 'refused', 'triggers are switched off'
        if action.changes:
            return None  # the rest was looked at before the first one
        in_hour = self._history.actions_in_hour(now, but=action.id)
        if in_hour >= self._limits.max_actions_per_hour:
            return 'refused', f'{in_hour} actions in an hour: max_actions_per_hour'
        if action.kind is Kind.ENABLE:
            if self._history.alerting(rule):
                return 'refused', 'an alert about this gate is not over'
            if not self._history.turned_off(rule):
                return 'refused', 'this rule has turned nothing off'
        elif action.cycle and self._database.one(
            "SELECT 1 FROM actions WHERE rule = ? AND monitor_id = ? AND cycle = ? AND kind = 'disable' "
            'AND changes > 0 AND id != ?',
            *(action.rule, action.monitor_id, action.cycle, action.id),
        ):
            return 'refused', 'this rule has acted in this alert cycle'
        return None

    def answered(self, action: Action) -> None:
        """Statsig has answered a PUT with success."""
        with self._database.transaction():
            self._database.execute('UPDATE actions SET answered = 1 WHERE id = ?', (action.id,))
            self._step(action.id, f'answered: Statsig accepted PUT {action.kind}', self._clock())

    def retry(self, action: Action, delay: float, why: str) -> None:
        now = self._clock()
        with self._database.transaction():
            self._database.execute(
                "UPDATE actions SET due_at = ?, attempts = attempts + 1 WHERE id = ? AND state = 'waiting'",
                # Not beyond the end: that it was given up is told when it is, whatever Retry-After asks for.
                (min(now + delay, max(now, action.give_up_at)), action.id),
            )
            self._step(action.id, f'again in {delay:.1f} s: {why}', now)

    def end(self, action: Action, outcome: str, why: str = '', after: str = '', mark: str = '') -> None:
        """after: the gate as it was last read. mark: of a gate that this action has provably turned off."""
        now = self._clock()
        with self._database.transaction():
            current = self.action(action.id)
            if current.state != 'waiting':
                return
            if after:
                self._database.execute('UPDATE actions SET gate_after = ? WHERE id = ?', (after, action.id))
            if outcome == 'disabled' and mark:
                self._database.execute('UPDATE actions SET owned = 1, mark = ? WHERE id = ?', (mark, action.id))
            if outcome == 'enabled':
                self._database.execute(
                    'UPDATE actions SET undone = 1 WHERE rule = ? AND gate = ?', (action.rule, action.gate)
                )
            self._end(action.id, outcome, why, now)
            if outcome == 'disabled' and mark and current.called_off:
                self._undo_later(action, now)

    def _undo_later(self, action: Action, now: float) -> None:
        """The alert recovered while the change was on its way: that recovery found nothing to undo yet."""
        rule = self.rule_of(action)
        if rule is None or not rule.on_recovery or self._history.alerting(rule):
            return
        due = now + rule.stable_for
        self._database.execute(
            'INSERT INTO actions (request_id, rule, gate, kind, rehearsal, by, monitor_id, cycle, scope, decided_at, '
            "due_at, give_up_at) SELECT request_id, rule, gate, 'enable', 0, by, monitor_id, cycle, scope, ?, ?, ? "
            'FROM actions WHERE id = ?',
            (now, due, due + self._give_up_after, action.id),
        )
        self._step(action.id, f'the alert had recovered: on again in {rule.stable_for:.0f} s', now)

    def ended_and_untold(self, most: int) -> list[Action]:
        with self._database.lock:
            rows = self._database.execute(
                f"{_ACTION} WHERE a.told = 0 AND a.state = 'ended' ORDER BY a.id LIMIT ?", (most,)
            ).fetchall()
        return [_action(row) for row in rows]

    def _end(self, action: int, outcome: str, why: str, now: float) -> None:
        self._database.execute(
            "UPDATE actions SET state = 'ended', outcome = ?, why = ?, ended_at = ? WHERE id = ?",
            (outcome, why, now, action),
        )
        self._step(action, f'ended: {outcome}{f", {why}" if why else ""}', now)

    def _step(self, action: int, what: str, now: float) -> None:
        self._database.execute('INSERT INTO steps (action_id, at, what) VALUES (?, ?, ?)', (action, now, what))


def _wanted(kind: Kind) -> str:
    return 'off' if kind is Kind.DISABLE else 'on'


def _action(row: tuple[Any, ...]) -> Action:
    action = Action(*row)
    return replace(action, kind=Kind(action.kind), rehearsal=bool(action.rehearsal), answered=bool(action.answered))
