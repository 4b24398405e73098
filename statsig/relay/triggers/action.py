"""Something to be done at Statsig, as the journal holds it."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

from statsig.relay.triggers.alerts import Alert
from statsig.relay.triggers.decision import Sent
from statsig.relay.triggers.rules import Kind


@dataclass(frozen=True, slots=True)
class Action:
    """Times in epoch seconds; `changes` is how many PUTs were sent so far. The names are those of the columns.

    rule_scope: what the rule asked for when this was decided. begin_at: when it was first due. put_after: no other PUT
    before. settled_at: until then a PUT may still arrive at Statsig; 0 if it has, or never will. answered: Statsig has
    answered a PUT with success. called_off: why the action should end, or ''.
    """

    id: int
    request_id: int
    rule: str
    rule_scope: str
    gate: str
    kind: Kind
    rehearsal: bool
    monitor_id: str
    cycle: str
    scope: str
    decided_at: float
    begin_at: float
    due_at: float
    put_after: float
    settled_at: float
    give_up_at: float
    state: str
    called_off: str
    changes: int
    first_change_at: float | None
    answered: bool
    mark_before: str
    mark_answered: str
    attempts: int
    gate_before: str
    gate_after: str
    outcome: str
    why: str
    ended_at: float | None
    link: str
    title: str

    @property
    def sent(self) -> Sent:
        return Sent(self.mark_before, self.mark_answered)

    @property
    def alert(self) -> Alert:
        return Alert(self.monitor_id, self.cycle, self.scope, self.request_id, self.decided_at)

    @property
    def goal(self) -> str:
        return 'off' if self.kind is Kind.DISABLE else 'on'


_COLUMNS = ', '.join(f'a.{field.name}' for field in fields(Action)[:-2])
SELECT_ACTIONS = (
    f"SELECT {_COLUMNS}, coalesce(r.link, ''), coalesce(r.title, '') "  # noqa: S608 (names of our own)
    'FROM actions a LEFT JOIN requests r ON r.id = a.request_id'
)


def action_of(row: tuple[Any, ...]) -> Action:
    """A row of SELECT_ACTIONS."""
    action = Action(*row)
    return replace(action, kind=Kind(action.kind), rehearsal=bool(action.rehearsal), answered=bool(action.answered))
