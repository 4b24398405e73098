"""What is to happen when which monitor alerts."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from statsig.relay.triggers.notification import Notification


class Kind(StrEnum):
    """What is done to a gate."""

    DISABLE = 'disable'
    ENABLE = 'enable'


@dataclass(frozen=True, slots=True)
class Rule:
    """scope: tags that all must be on what alerts; empty: whatever alerts. cooldown, stable_for: seconds."""

    name: str
    monitor_id: str
    gate: str
    scope: frozenset[str] = frozenset()
    cooldown: float = 900.0
    dry_run: bool = True
    on_recovery: bool = False
    stable_for: float = 600.0

    def concerns(self, notification: Notification) -> bool:
        return self.monitor_id == notification.monitor_id

    def in_scope(self, notification: Notification) -> bool:
        return self.scope <= notification.about
