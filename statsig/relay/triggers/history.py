"""What the journal knows: cycles, cooldowns, the breaker, what is under way, what is off because of whom. As it is read
from disk each time, it survives a restart and holds for all processes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from statsig.relay.triggers.alerts import Alerts
from statsig.relay.triggers.database import Database
from statsig.relay.triggers.decision import HOUR, Facts
from statsig.relay.triggers.notification import Notification
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
            "SELECT max(first_change_at) FROM actions WHERE rule = ? AND kind = 'disable' AND rehearsal = 0 "
            "AND NOT (state = 'ended' AND gate_after = 'on' AND outcome != 'refused')",
            rule.name,
        )
        return max(0.0, last_change + rule.cooldown - now) if last_change is not None else 0.0

    def last_idle(self, rule: Rule) -> float:
        """When the rule last found its gate off already; 0 if it never did."""
        found = self._database.one(
            "SELECT max(ended_at) FROM actions WHERE rule = ? AND kind = 'disable' AND state = 'ended' "
            "AND outcome = 'already_off'",
            rule.name,
        )
        return float(found or 0.0)

    def under_way(self, notification: Notification, rule: Rule) -> Kind | None:
        """For an alert, any action of the rule; for a recovery, an action of another alert does not count."""
        waiting = self._database.execute(
            "SELECT kind, cycle, scope FROM actions WHERE rule = ? AND state = 'waiting' AND rehearsal = 0",
            (rule.name,),
        ).fetchall()
        for kind, cycle, scope in sorted(waiting):
            if kind == Kind.ENABLE or notification.is_open or notification.is_of_alert(cycle, scope):
                return Kind(kind)
        return None

    def alerting(self, rule: Rule) -> bool:
        """Whether an alert is not over, of any rule about the same gate."""
        return self._alerts.any_open([name for name, other in self._rules.items() if other.gate == rule.gate])

    def actions_in_hour(self, now: float, but: int = 0) -> int:
        """Those that changed something, and those decided that will: what waits for quiet is counted when it acts."""
        return int(
            self._database.one(
                'SELECT count(*) FROM actions WHERE rehearsal = 0 AND id != ? AND '
                "(first_change_at > ? OR (first_change_at IS NULL AND state = 'waiting' AND kind = 'disable'))",
                *(but, now - HOUR),
            )
        )

    def turned_off(self, rule: Rule) -> tuple[int, str] | None:
        """(id, mark) of the action that turned the rule's gate off, where nothing has undone it."""
        found = self._database.execute(
            "SELECT id, mark FROM actions WHERE rule = ? AND gate = ? AND kind = 'disable' AND owned = 1 "
            'AND undone = 0 ORDER BY id DESC LIMIT 1',
            (rule.name, rule.gate),
        ).fetchone()
        return (found[0], found[1]) if found else None
