"""What the journal knows: cycles, cooldowns, the breaker, what is under way, what is off because of whom. As it is read
from disk each time, it survives a restart and holds for all processes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from statsig.relay.triggers.alerts import Alerts
from statsig.relay.triggers.database import Database
from statsig.relay.triggers.decision import HOUR, Facts
from statsig.relay.triggers.notification import Notification, alert_key
from statsig.relay.triggers.rules import Kind, Rule

OFF_FILE = 'triggers.off'  # while it is there, nothing is changed
REHEARSAL_PAUSE = 10.0  # seconds between two rehearsals of a rule


class History:
    """rules: by name. Raises sqlite3.Error when the disk fails."""

    def __init__(self, database: Database, rules: Mapping[str, Rule], directory: Path) -> None:
        self._database = database
        self._alerts = Alerts(database)
        self._rules = rules
        self._off = directory / OFF_FILE

    @property
    def switched_off(self) -> bool:
        return self._off.exists()

    def facts(self, notification: Notification, rule: Rule, now: float) -> Facts:
        return Facts(
            now=now,
            switched_off=self.switched_off,
            cycle_used=self.acted_in(rule.gate, notification.monitor_id, notification.cycle, or_will=True),
            cycle_over=self._alerts.is_over(rule.name, notification),
            under_way=self.under_way(notification, rule),
            cooldown_left=self.cooldown_left(rule, now),
            actions_in_hour=self.actions_in_hour(now),
            turned_off=self.turned_off(rule) is not None,
            still_alerting=self.alerting(rule),
            rehearsed=bool(
                self._database.one(
                    "SELECT 1 FROM actions WHERE rule = ? AND rehearsal = 1 AND by = 'relay' AND decided_at > ?",
                    *(rule.name, now - REHEARSAL_PAUSE),
                )
            ),
        )

    def acted_in(self, gate: str, monitor_id: str, cycle: str, *, or_will: bool = False, but: int = 0) -> bool:
        """Whether a change of the gate was tried in this alert cycle, by whichever rule; or_will: or waits to be."""
        found = self._database.one(
            "SELECT 1 FROM actions WHERE gate = ? AND monitor_id = ? AND cycle = ? AND cycle != '' AND id != ? "
            "AND kind = 'disable' AND rehearsal = 0 AND (changes > 0 OR (? AND state = 'waiting'))",
            *(gate, monitor_id, cycle, but, or_will),
        )
        return found is not None

    def cooldown_left(self, rule: Rule, now: float) -> float:
        """Seconds. What is known to have changed nothing does not count."""
        last_change = self._database.one(
            'SELECT max(first_change_at) FROM actions WHERE rule = ? AND first_change_at IS NOT NULL '
            "AND kind = 'disable' AND NOT (state = 'ended' AND gate_after = 'on' AND outcome != 'refused')",
            rule.name,
        )
        if last_change is None:
            return 0.0
        # A clock that was ahead for a while has left times that are still to come.
        return min(max(0.0, float(last_change) + rule.cooldown - now), rule.cooldown)

    def last_idle(self, rule: Rule) -> float:
        """When the rule last found its gate off already; 0 if it never did."""
        found = self._database.one(
            "SELECT max(ended_at) FROM actions WHERE rule = ? AND outcome = 'already_off'",
            rule.name,
        )
        return float(found or 0.0)

    def under_way(self, notification: Notification, rule: Rule) -> Kind | None:
        """For an alert, any action of the rule, or turning the gate on by whichever rule; for a recovery, an action of
        another alert does not count. The rule's own comes first: a recovery is to call it off."""
        for about in sorted(self.rules_about(rule.gate), key=lambda name: name != rule.name):
            for kind, monitor_id, cycle, scope in self._waiting(about):
                is_ours = about == rule.name and (
                    notification.is_open or self._alerts.has_ended(about, monitor_id, alert_key(cycle, scope))
                )
                if kind == Kind.ENABLE or is_ours:
                    return Kind(kind)
        return None

    def is_waiting(self, rule: Rule) -> bool:
        """Whether an action of the rule is not over."""
        return bool(self._waiting(rule.name))

    def is_to_undo(self, rule: Rule) -> bool:
        """Whether the rule should turn its gate on again, and nothing is planned yet."""
        wants = rule.on_recovery and not rule.dry_run and self.turned_off(rule) is not None
        return wants and not self.alerting(rule) and not self.is_waiting(rule)

    def _waiting(self, rule: str) -> list[tuple[str, str, str, str]]:
        return sorted(
            self._database.execute(
                'SELECT kind, monitor_id, cycle, scope FROM actions '
                "WHERE rule = ? AND state = 'waiting' AND rehearsal = 0",
                (rule,),
            ).fetchall()
        )

    def rules_about(self, gate: str) -> list[str]:
        return [name for name, rule in self._rules.items() if rule.gate == gate]

    def alerting(self, rule: Rule) -> bool:
        """Whether an alert is not over, of any rule about the same gate."""
        return self._alerts.any_open(self.rules_about(rule.gate))

    def looked_since(self, rule: Rule, since: float) -> bool:
        """Whether Datadog was asked for each monitor of the rules about the gate, and answered."""
        monitors = {self._rules[name].monitor_id for name in self.rules_about(rule.gate)}
        looks = (self._database.one('SELECT min(at) FROM watched WHERE monitor_id = ?', each) for each in monitors)
        return all(at is not None and at >= since for at in looks)

    def actions_in_hour(self, now: float, but: int = 0) -> int:
        """Those that changed something, and those decided that will: what waits for quiet is counted when it acts.

        but: an action that is about to; of those that wait, only the ones before it count then.
        """
        changed = self._database.one(
            'SELECT count(*) FROM actions WHERE first_change_at IS NOT NULL '
            'AND first_change_at BETWEEN ? AND ? AND id != ?',
            *(now - HOUR, now + HOUR, but),
        )
        will = self._database.one(
            "SELECT count(*) FROM actions WHERE state = 'waiting' AND first_change_at IS NULL AND kind = 'disable' "
            'AND rehearsal = 0 AND (? = 0 OR id < ?)',
            *(but, but),
        )
        return int(changed) + int(will)

    def turned_off(self, rule: Rule) -> tuple[int, str] | None:
        """(id, mark) of the action that turned the rule's gate off, where nothing has undone it."""
        found = self._database.execute(
            'SELECT id, mark FROM actions WHERE rule = ? AND gate = ? AND owned = 1 AND undone = 0 '
            'ORDER BY id DESC LIMIT 1',
            (rule.name, rule.gate),
        ).fetchone()
        return (found[0], found[1]) if found else None
