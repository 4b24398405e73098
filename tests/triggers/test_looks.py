"""What follows from looks at a monitor, one after the other, with a clock of its own."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from statsig.relay.triggers.decision import Gate, Limits
from statsig.relay.triggers.executor import Executor
from statsig.relay.triggers.journal import Journal
from statsig.relay.triggers.kill_switch import KillSwitch
from statsig.relay.triggers.monitors import changes, groups_of, remembered
from statsig.relay.triggers.rules import Kind, Rule
from tests.clock import Clock
from tests.triggers.relay_with_triggers import GATE, rows

RULE = Rule('checkout errors', '1', GATE, dry_run=False, on_recovery=True, cooldown=0, stable_for=120)
INTERVAL = 30.0


class Obedient(KillSwitch):
    """A gate that does as it is told, without Statsig."""

    def __init__(self) -> None:
        self.gate = Gate(True, mark='0')
        self.puts: list[Kind] = []

    def read(self, gate: str) -> Gate:
        return self.gate

    def put(self, kind: Kind, gate: str) -> Gate:
        self.puts.append(kind)
        self.gate = Gate(kind is Kind.ENABLE, mark=str(len(self.puts)))
        return self.gate


class World:
    def __init__(self, directory: Path) -> None:
        self.directory, self.clock, self.switch = directory, Clock(), Obedient()
        self.journal = Journal(directory, (RULE,), Limits(), self.clock, 900, INTERVAL)
        self.executor = Executor(self.journal.actions, lambda: self.switch, self.clock, threading.Event())

    def look(self, **groups: tuple[str, float]) -> None:
        self.clock.now += 30
        states = {name: {'status': status, 'last_triggered_ts': int(at)} for name, (status, at) in groups.items()}
        answer: dict[str, Any] = {'id': 1, 'name': '', 'overall_state': 'OK', 'state': {'groups': states}}
        before = self.journal.watched('1')
        now = remembered(before, groups_of(answer, '1'))
        self.journal.look('1', now, changes('1', before, now, answer))
        self.act()

    def act(self) -> None:
        for action in self.journal.actions.due():
            self.executor.attempt(action)

    def waits_to_turn_on(self) -> bool:
        return bool(rows(self.directory, "SELECT 1 FROM actions WHERE kind = 'enable' AND state = 'waiting'"))


def test_a_group_that_is_missing_from_one_answer_alerts_when_it_is_back(tmp_path: Path) -> None:
    world = World(tmp_path)
    begun = world.clock.now + 30
    world.look(a=('OK', 0), b=('OK', 0))
    world.look(a=('OK', 0), b=('Alert', begun))
    world.look(a=('OK', 0))
    assert world.waits_to_turn_on()

    world.look(a=('OK', 0), b=('Alert', begun))
    assert not world.waits_to_turn_on()
    for _ in range(30):
        world.look(a=('OK', 0), b=('Alert', begun))

    assert world.switch.puts == [Kind.DISABLE]


def test_nothing_is_turned_on_while_nobody_knows_whether_it_is_quiet(tmp_path: Path) -> None:
    """Datadog does not answer from the recovery on, and the monitor may alert again for all that is known."""
    world = World(tmp_path)
    world.look(a=('OK', 0))
    world.look(a=('Alert', world.clock.now))
    world.look(a=('OK', 0))
    for _ in range(5):
        world.clock.now += 30
        world.act()
    assert world.switch.puts == [Kind.DISABLE]

    world.look(a=('OK', 0))
    world.clock.now += 30
    world.act()

    assert world.switch.puts == [Kind.DISABLE, Kind.ENABLE]


def test_an_alert_that_nobody_saw_end_counts_until_somebody_looks(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.look(a=('OK', 0))
    world.look(a=('Alert', world.clock.now))
    world.look(a=('OK', 0))
    world.clock.now += 150
    world.act()

    world.look(a=('Alert', world.clock.now))
    world.clock.now += 30
    world.act()

    assert world.switch.puts == [Kind.DISABLE]
    assert not world.waits_to_turn_on()
