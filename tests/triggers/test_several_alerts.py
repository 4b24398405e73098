"""Several alerts about one gate: none that is still open is forgotten, and none that is over is acted upon."""

from __future__ import annotations

from pathlib import Path

import pytest

from statsig.relay.triggers.decision import Gate
from statsig.relay.triggers.notification import ALREADY
from statsig.relay.triggers.rules import Kind, Rule
from statsig.sandbox.knobs import Fault, Request
from statsig.sandbox.server import SandboxServer
from tests.relay.dogstatsd_receiver import wait_until
from tests.triggers.conftest import Start
from tests.triggers.played_statsig import PlayedWorld
from tests.triggers.relay_with_triggers import GATE, is_on, payload, puts, rows, rule

RULE = Rule('checkout errors', '1', GATE, dry_run=False, on_recovery=True, cooldown=0, stable_for=60)
ON, OFF = Gate(True, mark='1'), Gate(False, mark='2')
GIVE_UP_AFTER = 900.0


class World(PlayedWorld):
    def __init__(self, directory: Path, *rules: Rule) -> None:
        super().__init__(directory, *(rules or (RULE,)))

    def turn_off(self) -> None:
        """The action that is due succeeds."""
        actions = self.journal.actions
        (action,) = [each for each in actions.due() if each.kind is Kind.DISABLE]
        assert actions.claim_change(action, ON)
        actions.answered(action, OFF)
        actions.end_changed(actions.action(action.id), OFF, at_once=True)


def test_when_the_first_recovers_the_second_is_acted_upon(start: Start, statsig: SandboxServer) -> None:
    statsig.knobs.down = True
    relay = start()
    relay.notify(payload(cycle='of host a', scope='host:a'))
    relay.notify(payload(cycle='of host b', scope='host:b'))
    relay.notify(payload('Recovered', cycle='of host a', scope='host:a'))

    statsig.knobs.down = False

    assert relay.wait_for_end(2)['outcome'] == 'disabled'
    assert not is_on(statsig)
    decisions = relay.rows(
        'SELECT d.verdict, d.reason, r.cycle FROM decisions d JOIN requests r ON r.id = d.request_id ORDER BY d.id'
    )
    assert [tuple(each.values()) for each in decisions] == [
        ('act', '', 'of host a'),
        ('refused', 'under_way', 'of host b'),
        ('act', '', 'of host b'),
        ('recorded', '', 'of host a'),
    ]


def test_when_the_first_recovers_while_its_put_is_lost_the_second_is_acted_upon(
    start: Start, statsig: SandboxServer
) -> None:
    """The PUT of the first had no effect, and Statsig cannot be asked what became of it until it has recovered."""
    statsig.fail_next(f'/console/v1/gates/{GATE}/disable', Fault('reset'))

    def goes_down(request: Request) -> None:
        if request.method == 'PUT':
            statsig.knobs.down, statsig.knobs.before_request = True, None

    statsig.knobs.before_request = goes_down
    relay = start(give_up_after=30)
    relay.notify(payload(cycle='of host a', scope='host:a'))
    wait_until(lambda: statsig.knobs.down)
    relay.notify(payload(cycle='of host b', scope='host:b'))
    relay.notify(payload('Recovered', cycle='of host a', scope='host:a'))

    statsig.knobs.down = False

    assert relay.wait_for_end(2)['outcome'] == 'disabled'
    assert [each['outcome'] for each in relay.ended()] == ['cancelled', 'disabled']
    assert not is_on(statsig)


def test_when_the_first_is_given_up_the_second_has_its_own_time(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.hear('Triggered', 'a', 'host:a')
    world.clock.now += 600
    world.hear('Triggered', 'b', 'host:b')
    (first,) = world.journal.actions.due()
    world.clock.now += 301

    world.journal.actions.end(first, 'gave_up')

    (second,) = world.journal.actions.due()
    assert (second.cycle, second.give_up_at) == ('b', first.decided_at + 600 + GIVE_UP_AFTER)


def test_what_was_put_off_and_has_recovered_is_not_acted_upon(tmp_path: Path) -> None:
    world = World(tmp_path)
    for transition in ('Triggered', 'Recovered'):
        for host in 'ba' if transition == 'Recovered' else 'ab':
            world.hear(transition, host, f'host:{host}')

    assert world.journal.actions.due() == []


def test_what_was_put_off_too_long_ago_is_not_acted_upon(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.hear('Triggered', 'a', 'host:a')
    world.hear('Triggered', 'b', 'host:b')
    world.clock.now += GIVE_UP_AFTER + 1

    world.hear('Recovered', 'a', 'host:a')

    assert world.journal.actions.due() == []


def test_of_two_rules_about_a_gate_and_a_monitor_one_acts_in_a_cycle(start: Start, statsig: SandboxServer) -> None:
    relay = start(rule(name='one', cooldown=0), rule(name='two', cooldown=0))
    relay.notify(payload())
    relay.wait_for_end()
    statsig.project.set_gate_enabled(GATE, True)

    relay.notify(payload('Re-Triggered'))

    assert is_on(statsig)
    assert puts(statsig) == [f'{GATE}/disable']
    reasons = [each['reason'] for each in relay.rows('SELECT reason FROM decisions ORDER BY id')]
    assert reasons == ['', 'cycle_used', 'cycle_used', 'cycle_used']


def test_an_alert_too_old_to_act_upon_still_keeps_the_gate_off(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.hear('Triggered', 'a', 'host:a')
    world.turn_off()
    world.hear('Recovered', 'a', 'host:a')
    assert world.waits_to_turn_on()

    assert world.hear('Triggered', 'b', 'host:b', age=GIVE_UP_AFTER + 1) == 'stale'

    assert not world.waits_to_turn_on()


def test_an_alert_that_was_there_before_the_first_look_still_keeps_the_gate_off(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.hear(ALREADY, 'b', 'host:b')
    world.hear('Triggered', 'a', 'host:a')
    world.turn_off()

    assert world.hear('Recovered', 'a', 'host:a') == 'still_alerting'
    assert not world.waits_to_turn_on()


def test_a_lost_recovery_is_made_up_for_by_the_next_alert_of_the_same_group(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.hear('Triggered', 'a', 'host:a', age=200)
    world.turn_off()
    world.hear('Triggered', 'b', 'host:a', age=100)
    (second,) = world.journal.actions.due()
    world.journal.actions.end(second, 'already_off', '', OFF)

    assert world.hear('Recovered', 'b', 'host:a', age=0) == ''
    assert world.waits_to_turn_on()


def test_a_recovery_that_comes_late_does_not_end_the_alert_after_it(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.hear('Triggered', 'a', 'host:a', age=100)
    world.turn_off()
    world.hear('Triggered', 'b', 'host:a', age=10)

    assert world.hear('Recovered', 'a', 'host:a', age=50) == 'still_alerting'


def test_without_cycle_keys_dates_tell_that_a_recovery_has_overtaken_its_alert(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.hear('Recovered', age=10)

    assert world.hear('Triggered', age=20) == 'cycle_over'
    assert world.hear('Triggered', age=5) == ''


def test_a_gate_is_not_turned_on_before_the_rule_could_turn_it_off_again(tmp_path: Path) -> None:
    world = World(tmp_path, Rule('checkout errors', '1', GATE, dry_run=False, on_recovery=True))  # the defaults
    world.hear('Triggered', 'a')
    world.turn_off()
    world.clock.now += 60
    world.hear('Recovered', 'a')
    (enabling,) = rows(tmp_path, "SELECT * FROM actions WHERE kind = 'enable'")

    world.clock.now = int(enabling['due_at'])
    world.journal.actions.end_changed(world.journal.actions.action(enabling['id']), ON, at_once=True)

    assert enabling['due_at'] == enabling['decided_at'] - 60 + 900
    assert world.hear('Triggered', 'b') == ''


def test_alerts_about_a_gate_that_is_off_ask_statsig_now_and_then(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.hear('Triggered', 'a', 'host:a')
    (action,) = world.journal.actions.due()
    world.journal.actions.end(action, 'already_off', 'nothing to do', OFF)

    world.clock.now += 1
    world.hear('Triggered', 'b', 'host:b')

    assert world.journal.actions.due() == []
    world.clock.now += 4
    assert [each.cycle for each in world.journal.actions.due()] == ['b']


def test_a_clock_that_was_ahead_for_a_while_holds_up_nothing(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.clock.now += 86_400
    world.hear('Triggered', 'a', 'host:a')
    (action,) = world.journal.actions.due()
    world.journal.actions.end(action, 'already_off', 'nothing to do', OFF)
    world.clock.now -= 86_400

    world.hear('Triggered', 'b', 'host:b')

    world.clock.now += 5
    assert [each.cycle for each in world.journal.actions.due()] == ['b']


LATENCY = Rule('latency', '2', GATE, dry_run=False, cooldown=0)


def test_the_last_alert_about_a_gate_counts_whichever_rules_it_is(tmp_path: Path) -> None:
    """The rule that turned it off waits for quiet from the end of the other's alert on."""
    world = World(tmp_path, RULE, LATENCY)
    world.hear('Triggered', 'a')
    world.turn_off()
    world.hear('Triggered', 'b', monitor='2')
    assert world.hear('Recovered', 'a') == 'still_alerting'
    assert not world.waits_to_turn_on()

    world.clock.now += 100
    world.hear('Recovered', 'b', monitor='2')

    (enabling,) = rows(tmp_path, "SELECT * FROM actions WHERE kind = 'enable' AND state = 'waiting'")
    assert (enabling['rule'], enabling['due_at']) == (RULE.name, world.clock.now + 60)
    (line,) = rows(tmp_path, f'SELECT * FROM decisions WHERE action_id = {enabling["id"]}')
    assert line['verdict'] == 'wait'


def test_another_rules_alert_while_the_gate_waits_to_be_turned_on_begins_the_wait_anew(tmp_path: Path) -> None:
    world = World(tmp_path, RULE, LATENCY)
    world.hear('Triggered', 'a')
    world.turn_off()
    world.hear('Recovered', 'a')
    world.clock.now += 50

    world.hear('Triggered', 'b', monitor='2')
    assert not world.waits_to_turn_on()
    (second,) = world.journal.actions.due()
    world.journal.actions.end(second, 'already_off', '', OFF)
    world.hear('Recovered', 'b', monitor='2')

    (enabling,) = rows(tmp_path, "SELECT * FROM actions WHERE kind = 'enable' AND state = 'waiting'")
    assert enabling['due_at'] == world.clock.now + 60


@pytest.mark.parametrize('why', ['triggers are switched off', '5 actions in an hour: max_actions_per_hour'])
def test_what_could_not_be_turned_on_for_a_passing_reason_can_be_later(tmp_path: Path, why: str) -> None:
    world = World(tmp_path)
    world.hear('Triggered', 'a')
    world.turn_off()
    world.hear('Recovered', 'a')
    (enabling,) = rows(tmp_path, "SELECT * FROM actions WHERE kind = 'enable'")
    world.journal.actions.end(world.journal.actions.action(enabling['id']), 'refused', why)

    world.hear('Triggered', 'b')
    (second,) = world.journal.actions.due()
    world.journal.actions.end(second, 'already_off', '', OFF)
    world.hear('Recovered', 'b')

    assert world.waits_to_turn_on()


def test_a_recovery_that_calls_off_an_action_of_a_gate_that_is_off_turns_it_on(tmp_path: Path) -> None:
    """The second alert was about to be looked at when both had recovered."""
    world = World(tmp_path)
    world.hear('Triggered', 'a', 'host:a')
    world.turn_off()
    world.hear('Triggered', 'b', 'host:b')
    world.hear('Recovered', 'a', 'host:a')

    world.hear('Recovered', 'b', 'host:b')

    assert world.waits_to_turn_on()


def test_what_ends_unknown_hands_over(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.hear('Triggered', 'a', 'host:a')
    world.hear('Triggered', 'b', 'host:b')
    (first,) = world.journal.actions.due()

    world.journal.actions.end(first, 'unknown')

    assert [each.cycle for each in world.journal.actions.due()] == ['b']


def test_of_those_that_were_put_off_the_newest_is_next(tmp_path: Path) -> None:
    world = World(tmp_path)
    for number, host in enumerate('abc'):
        world.clock.now += number
        world.hear('Triggered', host, f'host:{host}')

    world.hear('Recovered', 'a', 'host:a')

    assert [each.cycle for each in world.journal.actions.due()] == ['c']


def test_an_alert_that_is_repeated_too_late_is_still_next(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.hear('Triggered', 'a', 'host:a')
    world.hear('Triggered', 'b', 'host:b')
    assert world.hear('Triggered', 'b', 'host:b', age=GIVE_UP_AFTER + 1) == 'stale'

    world.hear('Recovered', 'a', 'host:a')

    assert [each.cycle for each in world.journal.actions.due()] == ['b']


def test_what_another_rule_has_acted_upon_is_not_next(tmp_path: Path) -> None:
    everywhere = Rule('everywhere', '1', GATE, dry_run=False, cooldown=0)
    world = World(tmp_path, Rule('a only', '1', GATE, dry_run=False, cooldown=0), everywhere)
    world.hear('Triggered', 'a', 'host:a')
    world.hear('Triggered', 'b', 'host:b')
    actions = world.journal.actions
    first, second = actions.due()
    assert (first.rule, first.cycle, second.rule, second.cycle) == ('a only', 'a', 'everywhere', 'b')
    assert actions.claim_change(second, ON)

    world.hear('Recovered', 'a', 'host:a')

    assert [each.id for each in actions.due()] == [second.id]


def test_an_alert_that_is_sent_again_after_its_recovery_opens_nothing(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.hear('Triggered', 'a')
    world.turn_off()
    world.hear('Recovered', 'a')

    assert world.hear('Triggered', 'a') == 'cycle_over'

    world.clock.now += 60
    (enabling,) = world.journal.actions.due()
    assert world.journal.actions.claim_change(enabling, OFF)


def test_without_cycle_keys_an_alert_of_the_moment_of_its_recovery_is_over(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.hear('Recovered', age=10)
    assert world.hear('Triggered', age=10) == 'cycle_over'


def test_two_groups_with_one_cycle_key_are_two_alerts(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.hear('Triggered', 'a', 'host:a')
    world.turn_off()
    world.hear('Triggered', 'a', 'host:b')

    assert world.hear('Recovered', 'a', 'host:a') == 'still_alerting'


def test_without_dates_a_recovery_ends_only_its_own_cycle(tmp_path: Path) -> None:
    """It may have been on its way when the next began."""
    world = World(tmp_path)
    world.hear('Triggered', 'a', 'host:a')
    world.turn_off()
    world.hear('Triggered', 'b', 'host:a')

    assert world.hear('Recovered', 'a', 'host:a') == 'still_alerting'
