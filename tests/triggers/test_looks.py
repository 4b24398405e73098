"""What follows from looks at a monitor, one after the other, with a clock of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from statsig.relay.triggers.monitors import changes, groups_of, remembered
from statsig.relay.triggers.rules import Kind, Rule
from tests.triggers.played_statsig import PlayedWorld
from tests.triggers.relay_with_triggers import GATE

RULE = Rule('checkout errors', '1', GATE, dry_run=False, on_recovery=True, cooldown=0, stable_for=120)
INTERVAL = 30.0


class World(PlayedWorld):
    def __init__(self, directory: Path) -> None:
        super().__init__(directory, RULE, look_interval=INTERVAL)

    def look(self, **groups: tuple[str, float]) -> None:
        self.clock.now += 30
        states = {name: {'status': status, 'last_triggered_ts': int(at)} for name, (status, at) in groups.items()}
        answer: dict[str, Any] = {'id': 1, 'name': '', 'overall_state': 'OK', 'state': {'groups': states}}
        before = self.journal.watched('1')
        now = remembered(before, groups_of(answer, '1'))
        self.journal.look('1', now, changes('1', before, now, answer))
        self.act()


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
