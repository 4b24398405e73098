"""What held when something was decided may not hold any more when it is done: all of it is looked at once more."""

from __future__ import annotations

import socket
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from statsig.relay.triggers.decision import Gate, Limits
from statsig.relay.triggers.executor import Executor
from statsig.relay.triggers.journal import Journal
from statsig.relay.triggers.kill_switch import KillSwitch
from statsig.relay.triggers.notification import Notification
from statsig.relay.triggers.rules import Rule
from statsig.sandbox.knobs import Fault
from statsig.sandbox.server import DEFAULT_KEY, SandboxServer
from tests.clock import Clock
from tests.relay.dogstatsd_receiver import wait_until
from tests.triggers.conftest import Start
from tests.triggers.relay_with_triggers import GATE, is_on, payload, puts, rule

RULE = Rule('checkout errors', '1', GATE, dry_run=False, cooldown=0)
ALERT = Notification('1', 'Triggered', 'cycle')
ON = Gate(True, mark='1')


def opened(directory: Path, *rules: Rule, most: int = 5) -> Journal:
    return Journal(directory, rules or (RULE,), Limits(max_actions_per_hour=most), Clock(), 900)


def test_the_off_switch_holds_for_what_was_decided_before(start: Start, statsig: SandboxServer) -> None:
    statsig.knobs.down = True
    relay = start()
    relay.notify(payload())
    (relay.state_dir / 'triggers.off').touch()

    statsig.knobs.down = False

    action = relay.wait_for_end()
    assert (action['outcome'], action['why']) == ('refused', 'triggers are switched off')
    assert puts(statsig) == []


def test_the_breaker_holds_for_what_was_decided_before_it_was_lowered(tmp_path: Path) -> None:
    other = Rule('another', '2', 'another_gate', dry_run=False)
    journal = opened(tmp_path, RULE, other)
    journal.receive([(ALERT, 'webhook', ''), (replace(ALERT, monitor_id='2'), 'webhook', '')])
    first, second = journal.actions.due()
    journal.actions.claim_change(first, ON)
    journal.close()

    again = opened(tmp_path, RULE, other, most=1)

    assert not again.actions.claim_change(second, ON)
    assert again.actions.action(second.id).why == '1 actions in an hour: max_actions_per_hour'


@pytest.mark.parametrize(
    'changed',
    [
        replace(RULE, dry_run=True),
        replace(RULE, gate='another_gate'),
        replace(RULE, monitor_id='2'),
        replace(RULE, scope=frozenset({'env:staging'})),
        replace(RULE, name='another name'),
    ],
)
def test_a_rule_that_says_something_else_by_now_sends_nothing(tmp_path: Path, changed: Rule) -> None:
    journal = opened(tmp_path)
    journal.receive([(ALERT, 'webhook', '')])
    (action,) = journal.actions.due()
    journal.close()

    again = opened(tmp_path, changed)

    assert again.actions.rule_of(action) is None
    assert not again.actions.claim_change(action, ON)


def test_a_recovery_after_the_first_put_stops_the_second(start: Start, statsig: SandboxServer) -> None:
    statsig.fail_next(f'/console/v1/gates/{GATE}/disable', Fault.of_status(500), times=None)
    relay = start()
    relay.notify(payload())
    wait_until(lambda: puts(statsig) == [f'{GATE}/disable'])

    relay.notify(payload('Recovered'))

    action = relay.wait_for_end()
    assert (action['outcome'], action['why']) == ('cancelled', 'the alert recovered; PUTs without effect: 1')
    assert len(puts(statsig)) == 1


def test_giving_up_holds_after_a_put_too(tmp_path: Path, statsig: SandboxServer) -> None:
    statsig.fail_next(f'/console/v1/gates/{GATE}/disable', Fault.of_status(500))
    clock = Clock()
    journal = Journal(tmp_path, (RULE,), Limits(), clock, 900)
    executor = Executor(
        journal.actions, lambda: KillSwitch(statsig.url, DEFAULT_KEY, True), clock, stopping=threading.Event()
    )
    journal.receive([(ALERT, 'webhook', '')])
    (action,) = journal.actions.due()
    executor.attempt(action)
    clock.now += 901

    executor.attempt(action)

    ended = journal.actions.action(action.id)
    assert (ended.outcome, ended.why) == ('gave_up', 'not done within give_up_after; PUTs without effect: 1')
    assert is_on(statsig)


def test_puts_are_spread_over_the_time_there_is(start: Start, statsig: SandboxServer) -> None:
    """Reading works, changing does not: all three at once would be gone before a hiccup is over."""
    statsig.fail_next(f'/console/v1/gates/{GATE}/disable', Fault.of_status(500), times=2)
    relay = start(give_up_after=9)

    relay.notify(payload())

    action = relay.wait_for_end()
    assert (action['outcome'], action['changes']) == ('disabled', 3)
    sent = [row['at'] for row in relay.rows("SELECT at FROM steps WHERE what LIKE 'sending%' ORDER BY id")]
    assert sent[2] - sent[1] >= 9 / 3


class Unreachable(KillSwitch):
    """The gate can be read, and then what listens is gone."""

    def read(self, gate: str) -> Gate:
        return ON


def test_a_put_for_which_there_was_no_connection_is_not_counted(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    with socket.create_server(('127.0.0.1', 0)) as closed:
        port = closed.getsockname()[1]
    switch = Unreachable(f'http://127.0.0.1:{port}', DEFAULT_KEY, respect_reviews=True)
    executor = Executor(journal.actions, lambda: switch, Clock(), stopping=threading.Event())
    journal.receive([(ALERT, 'webhook', '')])
    (action,) = journal.actions.due()

    for _ in range(5):
        executor.attempt(action)

    waiting = journal.actions.action(action.id)
    assert (waiting.state, waiting.changes, waiting.first_change_at, waiting.put_after) == ('waiting', 0, None, 0)


def test_statsig_that_asks_for_a_pause_gets_it(start: Start, statsig: SandboxServer) -> None:
    limited = Fault.of_status(429, retry_after='2')
    statsig.fail_next(f'/console/v1/gates/{GATE}', limited)
    relay = start()

    relay.notify(payload())

    action = relay.wait_for_end()
    first, second = statsig.requests[0].time, statsig.requests[1].time
    assert action['outcome'] == 'disabled'
    assert second - first >= 2


def test_reviews_can_be_left_out_of_it(start: Start, statsig: SandboxServer) -> None:
    statsig.project.gates[GATE]['reviewSettings'] = {'requiredReview': True, 'allowedReviewers': []}
    relay = start(respect_review_settings=False)

    relay.notify(payload())

    assert relay.wait_for_end()['outcome'] == 'disabled'
    (put,) = [each for each in statsig.requests if each.method == 'PUT']
    assert 'x-respect-review-settings' not in put.headers


@pytest.mark.parametrize('fault', [Fault('blocked'), Fault.of_status(400), Fault.of_status(409)])
def test_a_refusal_that_is_not_statsigs_word_on_it_is_tried_again(
    start: Start, statsig: SandboxServer, fault: Fault
) -> None:
    """A firewall's page with 403, and what says nothing about key or gate."""
    statsig.fail_next(f'/console/v1/gates/{GATE}', fault)
    relay = start()

    relay.notify(payload())

    assert relay.wait_for_end()['outcome'] == 'disabled'


def test_an_answer_about_another_gate_decides_nothing(start: Start, statsig: SandboxServer) -> None:
    other = {'data': {'id': 'another_gate', 'isEnabled': False, 'status': 'Disabled', 'lastModifiedTime': 1}}
    statsig.fail_next(f'/console/v1/gates/{GATE}', Fault('wrong_shape', body=other))
    relay = start()

    relay.notify(payload())

    assert relay.wait_for_end()['outcome'] == 'disabled'


def test_the_cooldown_survives_a_restart(start: Start, statsig: SandboxServer) -> None:
    relay = start()
    relay.notify(payload())
    relay.wait_for_end()
    relay.running.kill()
    statsig.project.set_gate_enabled(GATE, True)

    relay = start()
    relay.notify(payload(cycle='another'))

    assert relay.rows('SELECT reason FROM decisions ORDER BY id')[-1]['reason'] == 'cooldown'
    assert is_on(statsig)


def test_a_put_without_effect_starts_no_cooldown(start: Start, statsig: SandboxServer) -> None:
    statsig.fail_next(f'/console/v1/gates/{GATE}/disable', Fault.of_status(500), times=1)
    relay = start(rule(cooldown=900), give_up_after=900)
    relay.notify(payload(cycle='one', scope='host:a'))
    wait_until(lambda: puts(statsig) == [f'{GATE}/disable'])
    relay.notify(payload('Recovered', cycle='one', scope='host:a'))
    assert relay.wait_for_end()['outcome'] == 'cancelled'

    relay.notify(payload(cycle='two', scope='host:b'))

    assert relay.wait_for_end(2)['outcome'] == 'disabled'
