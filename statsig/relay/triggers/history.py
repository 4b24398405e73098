"""What the journal knows: cycles, cooldowns, the breaker, what is under way, what is off because of whom. As it is read
from disk each time, it survives a restart and holds for all processes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

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
        self._rules = rules
        self._off = directory / OFF_FILE

    @property
    def switched_off(self) -> bool:
        return self._off.exists()

    def facts(self, notification: Notification, rule: Rule, now: float) -> Facts:
        key = notification.alert_key
        last_change = self._database.one(
            "SELECT max(first_change_at) FROM actions WHERE rule = ? AND kind = 'disable' AND rehearsal = 0", rule.name
        )
        alert = (rule.name, notification.monitor_id, key)
        return Facts(
            now=now,
            switched_off=self.switched_off,
            cycle_used=bool(
                self._database.one(
                    "SELECT 1 FROM actions WHERE rule = ? AND monitor_id = ? AND cycle = ? AND cycle != '' "
                    "AND kind = 'disable' AND rehearsal = 0 AND (changes > 0 OR state = 'waiting')",
                    *(rule.name, notification.monitor_id, notification.cycle),
                )
            ),
            cycle_over=bool(
                notification.cycle
                and self._database.one(
                    "SELECT 1 FROM alerts WHERE rule = ? AND monitor_id = ? AND key = ? AND state = 'over'", *alert
                )
            ),
            under_way=self.under_way(notification, rule),
            cooldown_left=max(0.0, last_change + rule.cooldown - now) if last_change is not None else 0.0,
            actions_in_hour=self.actions_in_hour(now),
            turned_off=self.turned_off(rule) is not None,
            still_alerting=self.alerting(rule, notification),
            rehearsed=bool(
                self._database.one(
                    "SELECT 1 FROM actions WHERE rule = ? AND rehearsal = 1 AND by = 'relay' AND decided_at > ?",
                    *(rule.name, now - REHEARSAL_PAUSE),
                )
            ),
        )

    def under_way(self, notification: Notification, rule: Rule) -> Kind | None:
        """For an alert, any action of the rule; for a recovery, an action of another alert does not count."""
        waiting = self._database.execute(
            "SELECT kind, cycle, scope FROM actions WHERE rule = ? AND state = 'waiting' AND rehearsal = 0",
            (rule.name,),
        ).fetchall()
        for kind, cycle, scope in sorted(waiting):
            if kind == Kind.ENABLE or notification.is_alert or notification.is_of_alert(cycle, scope):
                return Kind(kind)
        return None

    def alerting(self, rule: Rule, but: Notification | None = None) -> bool:
        """Whether an alert is not over, of any rule about the same gate; `but` one that is just ending."""
        about_the_gate = [name for name, other in self._rules.items() if other.gate == rule.gate]
        ending = (but.monitor_id, but.alert_key) if but else ('', '')
        found = self._database.one(
            "SELECT 1 FROM alerts WHERE state = 'alerting' AND NOT (monitor_id = ? AND key = ?) "  # noqa: S608
            f'AND rule IN ({", ".join("?" * len(about_the_gate))}) LIMIT 1',
            *(*ending, *about_the_gate),
        )
        return found is not None

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
