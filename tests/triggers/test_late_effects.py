"""A PUT that was not answered may take effect at any moment: that it has not yet is no reason to rest."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from statsig.relay.triggers.actions import SETTLING
from statsig.relay.triggers.executor import Executor
from statsig.relay.triggers.kill_switch import SwitchError
from statsig.relay.triggers.rules import Kind, Rule
from tests.relay.dogstatsd_receiver import wait_until
from tests.triggers.played_statsig import PlayedWorld
from tests.triggers.relay_with_triggers import GATE

RULE = Rule('checkout errors', '1', GATE, dry_run=False, on_recovery=True, cooldown=0, stable_for=60)
NO_ANSWER = SwitchError('no answer in time')


@pytest.fixture
def world(tmp_path: Path) -> PlayedWorld:
    return PlayedWorld(tmp_path, RULE)


def test_turning_on_late_during_the_next_alert_is_undone_at_once(world: PlayedWorld) -> None:
    world.hear('Triggered', 'a', 'host:a')
    world.act()
    world.hear('Recovered', 'a', 'host:a')
    world.switch.trouble = NO_ANSWER
    world.act(60)  # the gate is to be turned on, and nobody knows whether it will be

    world.hear('Triggered', 'b', 'host:b')
    world.switch.trouble = None
    for _ in range(5):
        world.act(2)
    assert world.outcomes()[2] == ('disable', ''), 'off for now, but it does not rest yet'
    world.switch.arrive(Kind.ENABLE)
    world.act(30)
    assert not world.switch.gate.enabled

    world.act(30)

    assert world.outcomes()[2] == ('disable', 'disabled')


def test_when_the_put_never_arrives_it_rests_in_the_end(world: PlayedWorld) -> None:
    world.hear('Triggered', 'a', 'host:a')
    world.act()
    world.hear('Recovered', 'a', 'host:a')
    world.switch.trouble = NO_ANSWER
    world.act(60)

    world.hear('Triggered', 'b', 'host:b')
    for _ in range(12):
        world.act(8)

    assert world.outcomes() == [('disable', 'disabled'), ('enable', 'cancelled'), ('disable', 'already_off')]


def test_turning_off_late_after_the_recovery_is_told(world: PlayedWorld) -> None:
    world.switch.trouble = NO_ANSWER
    world.hear('Triggered', 'a')
    world.act()
    world.hear('Recovered', 'a')
    world.act(2)
    assert world.outcomes() == [('disable', '')]

    world.switch.arrive(Kind.DISABLE)
    world.act(20)

    assert world.outcomes() == [('disable', 'disabled')]


def test_what_was_called_off_and_never_took_effect_is_cancelled_in_the_end(world: PlayedWorld) -> None:
    world.switch.trouble = NO_ANSWER
    world.hear('Triggered', 'a')
    world.act()
    world.hear('Recovered', 'a')

    world.act(SETTLING)

    assert world.outcomes() == [('disable', 'cancelled')]
    assert world.switch.puts == [Kind.DISABLE]


def test_another_open_alert_does_not_wait_for_that(world: PlayedWorld) -> None:
    world.switch.trouble = NO_ANSWER
    world.hear('Triggered', 'a', 'host:a')
    world.act()
    world.hear('Triggered', 'b', 'host:b')
    world.hear('Recovered', 'a', 'host:a')
    world.switch.trouble = None

    world.act(1)
    world.act()

    assert world.outcomes() == [('disable', 'cancelled'), ('disable', 'disabled')]


def test_a_recovery_during_a_put_for_which_there_is_no_connection_ends_the_action(world: PlayedWorld) -> None:
    """It must not be looked at again and again without a pause."""
    world.switch.trouble = SwitchError('no connection', unsent=True)
    world.switch.before_answer = lambda: world.hear('Recovered', 'a')
    world.hear('Triggered', 'a')

    for _ in range(20):
        world.act(1)

    assert world.outcomes() == [('disable', 'cancelled')]
    assert world.switch.reads == 2


def test_after_a_recovery_no_put_is_claimed(world: PlayedWorld) -> None:
    world.switch.trouble = NO_ANSWER
    world.hear('Triggered', 'a')
    world.act()
    world.hear('Recovered', 'a')
    action = world.journal.actions.action(1)

    assert not world.journal.actions.claim_change(action, world.switch.gate)


def test_a_clock_that_steps_back_during_retries_holds_up_nothing(world: PlayedWorld) -> None:
    world.switch.trouble = SwitchError('no connection', unsent=True)
    world.hear('Triggered', 'a')
    world.act()
    world.clock.now -= 3600
    world.switch.trouble = None

    world.act(1)

    assert world.outcomes() == [('disable', 'disabled')]


def test_a_rule_that_is_in_dry_run_by_now_sends_no_second_put(world: PlayedWorld) -> None:
    world.switch.trouble = SwitchError('answered 500', refused=True)
    world.hear('Triggered', 'a')
    world.act()
    world.journal._rules[RULE.name] = replace(RULE, dry_run=True)
    world.switch.trouble = None

    world.act(20)

    assert world.outcomes() == [('disable', 'cancelled')]
    assert world.switch.puts == [Kind.DISABLE]


def is_all_done(world: PlayedWorld) -> bool:
    world.executor.run_due()
    return all(outcome for _, outcome in world.outcomes())


def test_one_thing_at_a_time_is_done_about_a_gate(tmp_path: Path) -> None:
    """Two rules, two monitors, one gate: whoever is second finds it off."""
    world = PlayedWorld(tmp_path, RULE, Rule('latency', '2', GATE, dry_run=False, cooldown=0))
    world.executor = Executor(world.journal.actions, lambda: world.switch, world.clock, stopping=threading.Event())
    let_go = threading.Event()
    world.switch.before_answer = lambda: let_go.wait(20)
    world.hear('Triggered', 'a')
    world.hear('Triggered', 'b', monitor='2')
    world.executor.start()
    world.executor.run_due()
    wait_until(lambda: len(world.switch.puts) == 1)

    world.executor.run_due()
    assert world.switch.reads == 1
    let_go.set()
    wait_until(lambda: is_all_done(world))
    world.executor.stop(20)

    assert world.outcomes() == [('disable', 'disabled'), ('disable', 'already_off')]


def test_a_slow_rehearsal_holds_up_no_change_of_the_same_gate(tmp_path: Path) -> None:
    world = PlayedWorld(tmp_path, RULE, Rule('dry', '2', GATE))
    world.executor = Executor(world.journal.actions, lambda: world.switch, world.clock, stopping=threading.Event())
    let_go, first = threading.Event(), iter([True])
    world.switch.before_reading = lambda: let_go.wait(20) if next(first, False) else None
    world.hear('Triggered', 'a', monitor='2')
    world.executor.start()
    world.executor.run_due()
    wait_until(lambda: world.switch.reads == 1)
    world.hear('Triggered', 'a')

    world.executor.run_due()

    wait_until(lambda: world.outcomes() == [('disable', ''), ('disable', 'disabled')])
    let_go.set()
    world.executor.stop(20)


def test_a_put_that_was_answered_and_had_no_effect_is_not_waited_for(world: PlayedWorld) -> None:
    world.switch.obeys = False
    world.hear('Triggered', 'a')
    world.act()
    world.hear('Recovered', 'a')

    world.act(1)

    assert world.outcomes() == [('disable', 'cancelled')]
