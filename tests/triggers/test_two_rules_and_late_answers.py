"""What goes wrong only where things meet: two rules about a gate, answers that stay away, clocks that are set back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from statsig.relay.triggers.kill_switch import SwitchError
from statsig.relay.triggers.rules import Kind, Rule
from tests.triggers.played_statsig import PlayedWorld
from tests.triggers.relay_with_triggers import GATE, rows

RULE = Rule('checkout errors', '1', GATE, dry_run=False, on_recovery=True, cooldown=0, stable_for=60)
LATENCY = replace(RULE, name='latency', monitor_id='2')
NO_ANSWER = SwitchError('no answer in time')
Opened = Callable[..., PlayedWorld]


@pytest.fixture
def opened(tmp_path: Path) -> Opened:
    return lambda *rules: PlayedWorld(tmp_path, *(rules or (RULE,)))


def time_passes(world: PlayedWorld, seconds: int, step: float = 5.0) -> None:
    for _ in range(int(seconds / step)):
        world.act(step)


def fails() -> None:
    raise NO_ANSWER


def test_a_recovery_calls_off_turning_off_beside_another_rules_turning_on(opened: Opened) -> None:
    """Of two rules of a monitor the first has its change of before to undo, and the second one still to be made."""
    world = opened(RULE, replace(RULE, name='for good', on_recovery=False))
    world.hear('Triggered', 'a')
    world.act()
    world.switch.before_reading = fails
    world.hear('Triggered')  # without a cycle key both act
    world.act()
    world.hear('Recovered')
    world.hear('Recovered', 'a')

    assert ('disable', '') not in world.outcomes()
    world.switch.before_reading = lambda: None
    time_passes(world, 200)

    assert world.switch.puts == [Kind.DISABLE, Kind.ENABLE]
    assert world.switch.gate.enabled


def test_after_the_time_to_give_up_the_gate_is_read_with_pauses(opened: Opened) -> None:
    world = opened()
    world.switch.before_reading = fails
    world.hear('Triggered', 'a')
    time_passes(world, 870, 30)
    world.switch.before_reading, world.switch.trouble = (lambda: None), NO_ANSWER
    world.clock.now += 25
    world.executor.attempt(world.journal.actions.action(1))
    world.hear('Recovered', 'a')
    world.act(10)
    before = world.switch.reads

    time_passes(world, 5, 0.01)

    assert world.switch.reads - before <= 5


def test_turning_on_that_was_called_off_and_is_not_over_is_taken_up_again(opened: Opened) -> None:
    """The PUT was not answered, and an alert came and went before it was known what became of it."""
    world = opened()
    world.hear('Triggered', 'a', 'host:a')
    world.act()
    world.hear('Recovered', 'a', 'host:a')
    world.switch.trouble = NO_ANSWER
    world.act(60)
    world.switch.trouble = None
    world.hear('Triggered', 'b', 'host:b')
    world.act(5)

    world.hear('Recovered', 'b', 'host:b')
    time_passes(world, 600)

    assert world.switch.gate.enabled


def test_of_two_rules_the_one_that_turned_it_off_last_turns_it_on(opened: Opened) -> None:
    world = opened(RULE, LATENCY)
    world.hear('Triggered', 'a')
    world.act()
    world.switch.arrive(Kind.ENABLE)  # a person
    world.hear('Triggered', 'b', monitor='2')
    world.act()
    world.hear('Recovered', 'b', monitor='2')
    world.act(5)

    world.hear('Recovered', 'a')
    time_passes(world, 600)

    assert world.switch.gate.enabled
    (enabling,) = rows(world.directory, "SELECT rule FROM actions WHERE kind = 'enable' AND outcome = 'enabled'")
    assert enabling['rule'] == LATENCY.name


@pytest.mark.parametrize(
    'second', [None, SwitchError('answered 503', refused=True), SwitchError('no connection', unsent=True)]
)
def test_what_the_second_put_is_answered_says_nothing_of_the_first(opened: Opened, second: SwitchError | None) -> None:
    world = opened()
    world.hear('Triggered', 'a', 'host:a')
    world.act()
    world.hear('Recovered', 'a', 'host:a')
    world.switch.trouble = NO_ANSWER
    world.act(60)
    world.switch.trouble = second
    while len(world.switch.puts) < 3:
        world.act(1)
    world.switch.trouble = None
    world.hear('Triggered', 'b', 'host:b')
    time_passes(world, 4, 1)

    world.switch.arrive(Kind.ENABLE)  # the first of the two
    time_passes(world, 300)

    assert not world.switch.gate.enabled
    assert world.outcomes()[-1] == ('disable', 'disabled')


@pytest.mark.parametrize('seconds', [600, 3600])
@pytest.mark.parametrize('trouble', [NO_ANSWER, SwitchError('no connection', unsent=True)])
def test_a_clock_that_is_set_back_stalls_no_alert(opened: Opened, seconds: int, trouble: SwitchError) -> None:
    world = opened()
    world.switch.trouble = trouble
    world.hear('Triggered', 'a')
    world.act()
    world.clock.now -= seconds
    world.switch.trouble = None

    time_passes(world, 10, 1)

    assert world.outcomes() == [('disable', 'disabled')]


def test_a_clock_that_is_set_back_keeps_no_put_on_its_way(opened: Opened) -> None:
    world = opened()
    world.hear('Triggered', 'a', 'host:a')
    world.act()
    world.hear('Recovered', 'a', 'host:a')
    world.switch.trouble = NO_ANSWER
    world.act(60)
    world.clock.now -= 3600
    world.switch.trouble = None

    world.hear('Triggered', 'b', 'host:b')
    time_passes(world, 60)

    assert world.outcomes() == [('disable', 'disabled'), ('enable', 'cancelled'), ('disable', 'already_off')]
