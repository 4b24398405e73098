"""What is to be done at Statsig, from the decision to its end. Everything that is about to happen is written down
first."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from statsig.relay.triggers.action import SELECT_ACTIONS, Action, action_of
from statsig.relay.triggers.alerts import Alert, Alerts
from statsig.relay.triggers.database import Database
from statsig.relay.triggers.decided import Decisions
from statsig.relay.triggers.decision import (
    MOST_CHANGES,
    Decision,
    Gate,
    Limits,
    Reason,
    Verdict,
    is_ours,
    on_again,
    pause_after_put,
)
from statsig.relay.triggers.history import History
from statsig.relay.triggers.notification import alert_key
from statsig.relay.triggers.rules import Kind, Rule

REHEARSAL_TIME = 30.0  # seconds that a rehearsal is tried
SETTLING = 45.0  # seconds within which a PUT that was not answered may take effect: the longest wait for it, and more
LOOK_TIME = 30.0  # seconds that a look at a monitor may take, beside the interval
IDLE_PAUSE = 5.0  # seconds until a gate that was off already is looked at again


class Actions:
    """rules: by name, as they are configured now. give_up_after, look_interval: seconds; the latter where Datadog is
    asked for its monitors. Raises sqlite3.Error when the disk fails.
    """

    def __init__(
        self,
        database: Database,
        history: History,
        rules: Mapping[str, Rule],
        limits: Limits,
        clock: Callable[[], float],
        give_up_after: float,
        look_interval: float | None = None,
    ) -> None:
        self._database = database
        self._history = history
        self._alerts = Alerts(database)
        self._decisions = Decisions(database)
        self._rules = rules
        self._limits = limits
        self._clock = clock
        self._give_up_after = give_up_after
        self._look_interval = look_interval

    # What is to be done

    def plan(self, rule: Rule, decision: Decision, alert: Alert, now: float, by: str = 'relay') -> int:
        """For a verdict that something follows from; writes down both. by: who carries out a rehearsal."""
        kind, rehearsal = decision.kind or Kind.DISABLE, decision.verdict is Verdict.REHEARSE
        begin = now
        if decision.verdict is Verdict.WAIT:
            begin = now + max(rule.stable_for, self._history.cooldown_left(rule, now))
        elif not rehearsal:
            # Else alerts, as many as come, would each ask Statsig about a gate that is known to be off.
            begin = now + min(max(0.0, self._history.last_idle(rule) + IDLE_PAUSE - now), IDLE_PAUSE)
        patience = REHEARSAL_TIME if rehearsal else self._give_up_after
        since = begin if kind is Kind.ENABLE or rehearsal else alert.at
        action = self._database.execute(
            'INSERT INTO actions (request_id, rule, rule_scope, gate, kind, rehearsal, by, monitor_id, cycle, scope, '
            'decided_at, begin_at, due_at, give_up_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
            (
                *(alert.request, rule.name, _scope(rule), rule.gate, kind, rehearsal, by if rehearsal else 'relay'),
                *(alert.monitor_id, alert.cycle, alert.scope, now, begin, begin, since + patience),
            ),
        ).lastrowid
        number = int(action or 0)
        self._decisions.write(alert.request, rule, decision, number, now)
        return number

    def call_off(self, rule: Rule, kind: Kind, now: float) -> None:
        """Ends what has changed nothing yet. What has sent a change is told, and finds out what became of it."""
        why = 'the alert recovered' if kind is Kind.DISABLE else 'a monitor alerts again'
        with self._database.lock:
            found = self._database.execute(
                f"{SELECT_ACTIONS} WHERE a.state = 'waiting' AND a.gate = ? AND a.kind = ? AND a.rehearsal = 0",
                (rule.gate, kind),
            ).fetchall()
        for action in map(action_of, found):
            if kind is Kind.DISABLE and not (action.rule == rule.name and self._is_over(action)):
                continue
            # Due at once: something may have to wait until it is known what became of it.
            self._database.execute('UPDATE actions SET called_off = ?, due_at = ? WHERE id = ?', (why, now, action.id))
            if not action.changes:
                self.end(action, 'cancelled', why)
            else:
                self._step(action.id, f'called off: {why}', now)

    def _is_over(self, action: Action) -> bool:
        return self._alerts.has_ended(action.rule, action.monitor_id, alert_key(action.cycle, action.scope))

    def due(self, but: Collection[int] = ()) -> list[Action]:
        """What is to be done now, real actions first; `but` are in somebody's hands.

        A clock that was set back has left times that are long to come: a step in the future tells. Turning off goes on
        then, and turning on waits for so much longer.
        """
        now = self._clock()
        with self._database.lock:
            rows = self._database.execute(
                f"{SELECT_ACTIONS} WHERE a.state = 'waiting' AND a.by = 'relay' "  # noqa: S608
                "AND (a.due_at <= ? OR (a.kind = 'disable' "
                'AND (SELECT s.at FROM steps s WHERE s.action_id = a.id ORDER BY s.id DESC LIMIT 1) > ?)) '
                'ORDER BY a.rehearsal, a.id LIMIT 100',
                (now, now),
            ).fetchall()
        busy = set(but)
        return [action for action in map(action_of, rows) if action.id not in busy]

    def action(self, number: int) -> Action:
        with self._database.lock:
            return action_of(self._database.execute(f'{SELECT_ACTIONS} WHERE a.id = ?', (number,)).fetchone())

    def rule_of(self, action: Action) -> Rule | None:
        """The rule as it is configured now, if it still means what was decided."""
        rule = self._rules.get(action.rule)
        if rule is None or (rule.gate, rule.monitor_id, _scope(rule)) != (
            *(action.gate, action.monitor_id, action.rule_scope),
        ):
            return None
        if not action.rehearsal and (rule.dry_run or (action.kind is Kind.ENABLE and not rule.on_recovery)):
            return None
        return rule

    def may_be_quiet(self, action: Action) -> bool:
        """Whether it is known that nothing alerts: not while Datadog is to be asked and does not answer."""
        rule = self.rule_of(action)
        if rule is None or self._look_interval is None:
            return True
        with self._database.lock:
            return self._history.looked_since(rule, self._clock() - 2 * self._look_interval - LOOK_TIME)

    def mark_when_turned_off(self, action: Action) -> str:
        rule = self._rules.get(action.rule)
        with self._database.lock:
            found = self._history.turned_off(rule) if rule else None
        return found[1] if found else ''

    # What happens to it

    def step(self, action: Action, what: str) -> None:
        with self._database.transaction():
            self._step(action.id, what, self._clock())

    def found(self, action: Action, state: str) -> None:
        """The gate as it was before this action touched it."""
        with self._database.transaction():
            if not action.gate_before and not action.changes:
                self._database.execute('UPDATE actions SET gate_before = ? WHERE id = ?', (state, action.id))
            self._step(action.id, f'read: the gate is {state}', self._clock())

    def claim_change(self, action: Action, gate: Gate) -> bool:
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
                self.end(current, *refusal)
                return False
            self._database.execute(
                'UPDATE actions SET changes = changes + 1, first_change_at = coalesce(first_change_at, ?), '
                "settled_before = settled_at, settled_at = ?, mark_before = ?, mark_answered = '' WHERE id = ?",
                (now, now + SETTLING, gate.mark, action.id),
            )
            self._step(action.id, f'sending: PUT {action.kind}, {current.changes + 1} of {MOST_CHANGES}', now)
        return True

    def _why_not(self, action: Action, rule: Rule, now: float) -> tuple[str, str] | None:
        if action.changes >= MOST_CHANGES:
            return 'failed', f'{MOST_CHANGES} PUTs were sent, and the gate is not {action.goal}'
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
        elif self._history.acted_in(rule.gate, action.monitor_id, action.cycle, but=action.id):
            return 'refused', 'this gate was acted upon in this alert cycle'
        return None

    def not_sent(self, action: Action, why: str) -> None:
        """The PUT that was claimed has not left this host, for certain."""
        with self._database.transaction():
            self._database.execute(
                'UPDATE actions SET changes = changes - 1, first_change_at = CASE changes WHEN 1 THEN NULL '
                'ELSE first_change_at END WHERE id = ? AND changes > 0',
                (action.id,),
            )
            self._settle(action)
            self._step(action.id, f'not sent: {why}', self._clock())

    def answered(self, action: Action, gate: Gate | None) -> None:
        """Statsig has answered a PUT with success. gate: as that answer says, where it does."""
        is_done = gate is not None and gate.enabled is (action.kind is Kind.ENABLE)
        with self._database.transaction():
            self._database.execute(
                'UPDATE actions SET answered = 1, mark_answered = ? WHERE id = ?',
                (gate.mark if gate and is_done else '', action.id),
            )
            self._settle(action)
            self._step(action.id, f'answered: Statsig accepted PUT {action.kind}', self._clock())

    def retry(
        self, action: Action, delay: float, why: str, *, put_failed: bool = False, put_refused: bool = False
    ) -> None:
        """put_failed: the next PUT waits longer, in the hope of another answer; the gate is read meanwhile.

        put_refused: Statsig has answered it, so that it will have no effect later.
        """
        now = self._clock()
        with self._database.transaction():
            if put_refused:
                self._settle(action)
            put_after = now + pause_after_put(action.changes, self._give_up_after) if put_failed else action.put_after
            self._database.execute(
                'UPDATE actions SET due_at = ?, put_after = ?, attempts = attempts + 1 '
                "WHERE id = ? AND state = 'waiting'",
                (self._due_again(action, now, delay), put_after, action.id),
            )
            self._step(action.id, f'again in {delay:.1f} s: {why}', now)

    def _due_again(self, action: Action, now: float, delay: float) -> float:
        if now < action.give_up_at:
            # Not beyond the end: that it was given up is told when it is, whatever Retry-After asks for.
            return min(now + delay, action.give_up_at)
        return now + min(delay, SETTLING)

    def _settle(self, action: Action) -> None:
        """It is known what became of the last PUT; an earlier one that was not answered may still arrive."""
        self._database.execute('UPDATE actions SET settled_at = settled_before WHERE id = ?', (action.id,))

    def put_left(self, action: Action) -> float:
        """Seconds until the next PUT may be sent; a time that no pause reaches is of a clock that was set back."""
        if not 0 < action.changes < MOST_CHANGES:
            return 0.0
        left = action.put_after - self._clock()
        return left if 0 < left <= pause_after_put(action.changes, self._give_up_after) else 0.0

    # How it ends

    def end_changed(self, action: Action, gate: Gate, *, at_once: bool) -> None:
        """The gate is as it should be after a PUT. at_once: it was read right after Statsig had accepted that."""
        ours = action.answered and is_ours(action.sent, gate, at_once=at_once)
        if not action.answered:
            why = 'a PUT was sent and its answer did not arrive: it may have been this action, or somebody else'
        else:
            why = '' if ours else 'somebody else may have changed it meanwhile'
            why += ', so it is not turned on again' if why and action.kind is Kind.DISABLE else ''
        self.end(action, f'{action.kind}d', why, gate, owned=ours, nothing_left=True)

    def end(
        self,
        action: Action,
        outcome: str,
        why: str = '',
        gate: Gate | None = None,
        *,
        owned: bool = False,
        nothing_left: bool = False,
    ) -> None:
        """gate: as it was last read. owned: this action, and nobody else, has provably made it so. nothing_left: for
        the rule to undo, since the gate is on, or was changed by somebody else.
        """
        now = self._clock()
        with self._database.transaction():
            current = self.action(action.id)
            if current.state != 'waiting':
                return
            self._database.execute(
                "UPDATE actions SET state = 'ended', outcome = ?, why = ?, ended_at = ? WHERE id = ?",
                (outcome, why, now, action.id),
            )
            if gate:
                self._database.execute(
                    'UPDATE actions SET gate_after = ?, mark = ?, owned = ? WHERE id = ?',
                    (gate.state, gate.mark, owned and action.kind is Kind.DISABLE, action.id),
                )
            if action.kind is Kind.DISABLE and owned:
                # Whatever turned it off before, a person or another rule has turned it on since.
                self._database.execute(
                    'UPDATE actions SET undone = 1 WHERE gate = ? AND owned = 1 AND id != ?', (action.gate, action.id)
                )
            if action.kind is Kind.ENABLE and nothing_left:
                self._database.execute(
                    'UPDATE actions SET undone = 1 WHERE rule = ? AND gate = ? AND owned = 1',
                    (action.rule, action.gate),
                )
            self._step(action.id, f'ended: {outcome}{f", {why}" if why else ""}', now)
            self._go_on(current, outcome, now)

    def _go_on(self, action: Action, outcome: str, now: float) -> None:
        """What an end leaves to be done: by another alert, or by a recovery that came too early."""
        rule = self.rule_of(action)
        if rule is None or action.rehearsal:
            return
        came_to_nothing = outcome in ('gave_up', 'unknown') or (outcome == 'cancelled' and action.called_off)
        if action.kind is Kind.DISABLE and came_to_nothing:
            self._hand_over(action, rule, now)
        if action.called_off and self._history.is_to_undo(rule):
            why = on_again(rule, self._history.cooldown_left(rule, now))
            self.plan(rule, Decision(Verdict.WAIT, Reason.NONE, why, Kind.ENABLE), action.alert, now)
            self._step(action.id, 'the last alert had recovered while this was under way', now)

    def may_still_be_turned_on(self, gate: str) -> bool:
        """By a PUT that was sent and not answered."""
        found = self._database.one(
            "SELECT 1 FROM actions WHERE gate = ? AND kind = 'enable' AND settled_at > 0 "
            'AND settled_at > ? AND settled_at <= ?',
            *(gate, self._clock(), self._clock() + SETTLING),
        )
        return found is not None

    def is_open(self, action: Action) -> bool:
        """Whether it is not known yet what became of a PUT, and nobody waits for the end of this action."""
        if not self._clock() < action.settled_at <= self._clock() + SETTLING:
            return False
        since = self._clock() - self._give_up_after
        return action.kind is Kind.ENABLE or not self._alerts.is_one_put_off(action.rule, since)

    def _hand_over(self, action: Action, rule: Rule, now: float) -> None:
        """An alert that came meanwhile was refused because of this action: now it is its turn."""
        while alert := self._alerts.next_put_off(rule.name, now - self._give_up_after):
            if self._history.acted_in(rule.gate, alert.monitor_id, alert.cycle, or_will=True):
                continue
            why = f'put off until the action before was over ({action.called_off or "given up"}), and not over itself'
            self.plan(rule, Decision(Verdict.ACT, Reason.NONE, why, Kind.DISABLE), alert, now)
            return

    def ended_and_untold(self, most: int) -> list[Action]:
        with self._database.lock:
            rows = self._database.execute(
                f"{SELECT_ACTIONS} WHERE a.told = 0 AND a.state = 'ended' ORDER BY a.id LIMIT ?", (most,)
            ).fetchall()
        return [action_of(row) for row in rows]

    def _step(self, action: int, what: str, now: float) -> None:
        self._database.execute('INSERT INTO steps (action_id, at, what) VALUES (?, ?, ?)', (action, now, what))


def _scope(rule: Rule) -> str:
    return ','.join(sorted(rule.scope))
