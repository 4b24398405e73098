"""A webhook arrives at the relay's port; what becomes of the gate, the journal and what people are told."""

from __future__ import annotations

import contextlib
import json
import threading
from typing import Any

import pytest
import requests

from statsig.sandbox.knobs import Fault, FaultKind, Request
from statsig.sandbox.relay_process import RelayFailedError
from statsig.sandbox.server import DEFAULT_KEY, SandboxServer
from tests.relay.dogstatsd_receiver import DogStatsdReceiver, wait_until
from tests.triggers.conftest import Start
from tests.triggers.relay_with_triggers import (
    GATE,
    PREVIOUS_TOKEN,
    RULE,
    TOKEN,
    is_on,
    payload,
    puts,
    rule,
)


def test_an_alert_turns_the_gate_off_and_says_so(
    start: Start, statsig: SandboxServer, dogstatsd: DogStatsdReceiver
) -> None:
    relay = start(project='sandbox')

    assert relay.notify(payload()).status_code == 202
    action = relay.wait_for_end()

    assert not is_on(statsig)
    assert puts(statsig) == ['checkout_v2/disable']
    assert (action['outcome'], action['gate_before'], action['gate_after']) == ('disabled', 'on', 'off')
    (put,) = [each for each in statsig.requests if each.method == 'PUT']
    assert put.headers['x-respect-review-settings'] == 'true'
    wait_until(lambda: len(dogstatsd.received_events()) == 1)
    event = dogstatsd.received_events()[0]
    assert event.title == 'Gate checkout_v2 turned off by trigger checkout errors'
    assert event.fields['t'] == 'warning'
    assert '(https://console.statsig.com/sandbox/gates/checkout_v2)' in event.text
    assert '(https://app.datadoghq.com/monitors/123)' in event.text
    tags = 'gate:checkout_v2,outcome:disabled,rule:checkout_errors'
    wait_until(lambda: dogstatsd.own('trigger.count', tags) == 1)
    assert relay.running.stop() == 0


def test_the_same_notification_again_changes_nothing(start: Start, statsig: SandboxServer) -> None:
    relay = start(rule(cooldown=0))
    relay.notify(payload())
    relay.wait_for_end()
    statsig.project.set_gate_enabled(GATE, True)

    for transition in ('Triggered', 'Re-Triggered'):
        assert relay.notify(payload(transition)).status_code == 202

    assert is_on(statsig)
    reasons = [each['reason'] for each in relay.rows('SELECT reason FROM decisions ORDER BY id')]
    assert reasons == ['', 'cycle_used', 'cycle_used']


def test_a_dry_run_says_what_it_would_do(start: Start, statsig: SandboxServer, dogstatsd: DogStatsdReceiver) -> None:
    relay = start({'name': RULE, 'monitor_id': 123, 'gate': GATE})  # dry_run is the default

    relay.notify(payload())

    assert relay.wait_for_end()['outcome'] == 'would_disable'
    assert is_on(statsig)
    assert puts(statsig) == []
    wait_until(lambda: len(dogstatsd.received_events()) == 1)
    assert 'would be turned off (dry run)' in dogstatsd.received_events()[0].title


def test_a_test_of_the_monitor_uses_up_no_cycle(start: Start, statsig: SandboxServer) -> None:
    relay = start()

    relay.notify(payload(title='[TEST] [Triggered] Error rate of checkout'))
    assert relay.wait_for_end()['outcome'] == 'would_disable'
    assert is_on(statsig)
    relay.notify(payload())

    assert relay.wait_for_end(2)['outcome'] == 'disabled'


def test_recovery_turns_on_what_this_rule_turned_off(start: Start, statsig: SandboxServer) -> None:
    relay = start(rule(on_recovery='enable', cooldown=0, stable_for=0.5))
    relay.notify(payload())
    relay.wait_for_end()

    relay.notify(payload('Recovered'))

    assert relay.wait_for_end(2)['outcome'] == 'enabled'
    assert is_on(statsig)
    assert puts(statsig) == ['checkout_v2/disable', 'checkout_v2/enable']


def test_recovery_leaves_alone_what_somebody_else_turned_off(start: Start, statsig: SandboxServer) -> None:
    statsig.project.set_gate_enabled(GATE, False)
    relay = start(rule(on_recovery='enable', cooldown=0, stable_for=0))
    relay.notify(payload())
    assert relay.wait_for_end()['outcome'] == 'already_off'

    relay.notify(payload('Recovered'))

    assert relay.rows('SELECT reason FROM decisions ORDER BY id')[-1]['reason'] == 'nothing_to_undo'
    assert puts(statsig) == []


def test_recovery_leaves_alone_what_somebody_has_changed_since(start: Start, statsig: SandboxServer) -> None:
    relay = start(rule(on_recovery='enable', cooldown=0, stable_for=0))
    relay.notify(payload())
    relay.wait_for_end()
    statsig.project.set_gate_enabled(GATE, True)
    statsig.project.set_gate_enabled(GATE, False)

    relay.notify(payload('Recovered'))

    assert relay.wait_for_end(2)['outcome'] == 'refused'
    assert not is_on(statsig)


def test_an_alert_while_the_gate_waits_to_be_turned_on_keeps_it_off(start: Start, statsig: SandboxServer) -> None:
    relay = start(rule(on_recovery='enable', cooldown=0, stable_for=600))
    relay.notify(payload())
    relay.wait_for_end()
    relay.notify(payload('Recovered'))

    relay.notify(payload('Triggered', 'cycle-2'))

    ended = relay.wait_for_end(2)
    assert (ended['kind'], ended['outcome']) == ('enable', 'cancelled')
    assert not is_on(statsig)


def test_an_alarm_that_is_over_turns_nothing_off(start: Start, statsig: SandboxServer) -> None:
    statsig.knobs.down = True
    relay = start()
    relay.notify(payload())
    wait_until(lambda: bool(relay.rows("SELECT 1 FROM steps WHERE what LIKE 'again in%'")))

    relay.notify(payload('Recovered'))
    statsig.knobs.down = False

    assert relay.wait_for_end()['outcome'] == 'cancelled'
    assert is_on(statsig)


def test_a_recovery_that_overtakes_its_alert_counts(start: Start, statsig: SandboxServer) -> None:
    relay = start()
    relay.notify(payload('Recovered'))

    relay.notify(payload())

    assert relay.rows('SELECT reason FROM decisions ORDER BY id')[-1]['reason'] == 'cycle_over'
    assert is_on(statsig)


def test_statsig_that_comes_back_is_told_then(start: Start, statsig: SandboxServer) -> None:
    statsig.knobs.down = True
    relay = start()
    relay.notify(payload())
    wait_until(lambda: bool(relay.rows("SELECT 1 FROM steps WHERE what LIKE 'again in%'")))

    statsig.knobs.down = False

    assert relay.wait_for_end()['outcome'] == 'disabled'
    assert puts(statsig) == ['checkout_v2/disable']


def test_it_gives_up_in_the_end_and_says_so(start: Start, statsig: SandboxServer, dogstatsd: DogStatsdReceiver) -> None:
    statsig.knobs.down = True
    relay = start(give_up_after=1)

    relay.notify(payload())

    assert relay.wait_for_end()['outcome'] == 'gave_up'
    wait_until(lambda: len(dogstatsd.received_events()) == 1)
    assert dogstatsd.received_events()[0].fields['t'] == 'error'


FAULTS: tuple[FaultKind, ...] = (*('timeout', 'truncated_json', 'cut_off', 'wrong_shape', 'reset', 'html', 'redirect'),)


def test_an_answer_that_is_spoilt_does_not_mislead(start: Start, statsig: SandboxServer) -> None:
    """For each way to spoil it, of another gate: the PUT's answer, and the answer to the question what became of it."""
    gates = dict(zip(FAULTS, statsig.project.gates, strict=False))
    for kind, gate in gates.items():
        statsig.project.gates[gate].update(isEnabled=True, status='In Progress')
        statsig.fail_next(f'/console/v1/gates/{gate}/disable', Fault(kind, seconds=0.3))
        statsig.fail_next(f'/console/v1/gates/{gate}', Fault(kind, seconds=0.3), skip=1)
    rules = [rule(name=gate, gate=gate, monitor_id=number) for number, gate in enumerate(gates.values())]
    relay = start(*rules, max_actions_per_hour=100, give_up_after=60)

    for number in range(len(gates)):
        assert relay.notify(payload(monitor_id=str(number))).status_code == 202

    relay.wait_for_end(len(gates))
    assert [each['outcome'] for each in relay.ended()] == ['disabled'] * len(gates)
    assert not any(is_on(statsig, gate) for gate in gates.values())
    for gate in gates.values():
        assert 1 <= puts(statsig).count(f'{gate}/disable') <= 2, gate
    assert all(DEFAULT_KEY not in str(row) for row in relay.rows('SELECT what FROM steps'))


def test_three_puts_and_no_more(start: Start, statsig: SandboxServer, dogstatsd: DogStatsdReceiver) -> None:
    statsig.fail_next(f'/console/v1/gates/{GATE}/disable', Fault.of_status(500), times=None)
    relay = start(give_up_after=6)

    relay.notify(payload())

    action = relay.wait_for_end()
    assert (action['outcome'], action['changes']) == ('failed', 3)
    assert len(puts(statsig)) == 3
    wait_until(lambda: len(dogstatsd.received_events()) == 1)
    assert 'NOT turned off' in dogstatsd.received_events()[0].title


@pytest.mark.parametrize('status', [401, 403, 404])
def test_what_statsig_refuses_is_not_tried_again(start: Start, statsig: SandboxServer, status: int) -> None:
    statsig.knobs.status_for[f'/console/v1/gates/{GATE}/disable'] = Fault.of_status(status, f'no: {DEFAULT_KEY}')
    relay = start()

    relay.notify(payload())

    action = relay.wait_for_end()
    assert action['outcome'] == 'refused_by_statsig'
    assert len(puts(statsig)) == 1
    assert DEFAULT_KEY not in relay.running.log + str(action)


def test_a_gate_that_requires_a_review_is_left_and_said_so(start: Start, statsig: SandboxServer) -> None:
    statsig.project.gates[GATE]['reviewSettings'] = {'requiredReview': True, 'allowedReviewers': []}
    relay = start()

    relay.notify(payload())

    action = relay.wait_for_end()
    assert action['outcome'] == 'refused_by_statsig'
    assert action['why'].endswith('the gate requires a review')
    assert is_on(statsig)


def test_a_redirect_is_not_followed(start: Start, statsig: SandboxServer) -> None:
    with SandboxServer(statsig.project) as elsewhere:
        statsig.knobs.status_for['/console/v1/gates'] = Fault(
            'redirect', location=f'{elsewhere.url}/console/v1/gates/x'
        )
        relay = start(give_up_after=1)
        relay.notify(payload())
        assert relay.wait_for_end()['outcome'] == 'gave_up'
        assert elsewhere.requests == []


def test_the_breaker_leaves_everything_alone_and_tells_somebody(
    start: Start, statsig: SandboxServer, dogstatsd: DogStatsdReceiver
) -> None:
    gates = list(statsig.project.gates)[:4]
    for gate in gates:
        statsig.project.gates[gate].update(isEnabled=True, status='In Progress')
    rules = [rule(name=gate, gate=gate, monitor_id=number + 1) for number, gate in enumerate(gates)]
    relay = start(*rules, max_actions_per_hour=2)

    for number in range(4):
        relay.notify(payload(monitor_id=str(number + 1)))
    relay.wait_for_end(2)

    assert len(puts(statsig)) == 2
    assert [each['reason'] for each in relay.rows('SELECT reason FROM decisions')].count('breaker') == 2
    wait_until(lambda: len([each for each in dogstatsd.received_events() if each.fields['t'] == 'error']) == 2)


def test_the_off_switch(start: Start, statsig: SandboxServer) -> None:
    relay = start()
    (relay.state_dir / 'triggers.off').touch()

    relay.notify(payload())

    assert relay.rows('SELECT reason FROM decisions')[-1]['reason'] == 'switched_off'
    assert is_on(statsig)


def test_a_token_that_is_being_replaced_is_taken(start: Start) -> None:
    relay = start()
    assert relay.notify(payload('No Data'), token=PREVIOUS_TOKEN).status_code == 202
    assert relay.notify(payload('No Data'), token=TOKEN).status_code == 202


REFUSED: list[tuple[Any, dict[str, str], int]] = [
    (payload(), {'Authorization': 'Bearer another-token-0123456789'}, 401),
    (payload(), {'Authorization': f'Basic {TOKEN}'}, 401),
    (payload(), {'Authorization': TOKEN}, 401),
    (payload(), {'Authorization': ''}, 401),
    (payload(), {'Content-Type': 'application/x-www-form-urlencoded'}, 415),
    (payload(), {'Content-Encoding': 'gzip'}, 415),
    ('x' * 70_000, {}, 413),
    (b'{', {}, 400),
    (b'[]', {}, 400),
    (b'\xff', {}, 400),
    ({**payload(), 'more': '1'}, {}, 400),
    ({key: value for key, value in payload().items() if key != 'transition'}, {}, 400),
    ({**payload(), 'transition': ['Triggered']}, {}, 400),
    ({**payload(), 'scope': 'x' * 5000}, {}, 400),
    (json.dumps(payload())[:-1] + ', "transition": "Recovered"}', {}, 400),
]


def test_what_is_not_from_the_template_is_refused(start: Start, statsig: SandboxServer) -> None:
    relay = start()

    answers = [relay.notify(body, **headers).status_code for body, headers, _ in REFUSED]

    assert answers == [status for _, _, status in REFUSED]
    assert relay.running.stop() == 0
    assert statsig.requests == []
    lines = relay.rows('SELECT outcome, times FROM requests ORDER BY times')
    assert [(line['outcome'], line['times']) for line in lines] == [
        *[('too_large', 1), ('media_type', 2), ('unauthorized', 4), ('unreadable', 8)]
    ]
    assert relay.rows('SELECT * FROM decisions') == []


def test_other_addresses_are_refused(start: Start) -> None:
    relay = start(allowed_addresses=['10.0.0.0/8'])
    assert relay.notify(payload()).status_code == 403


def test_wrong_tokens_make_one_line_and_reach_nobody(start: Start, statsig: SandboxServer) -> None:
    relay = start()
    for _ in range(100):
        assert relay.notify(payload(), token='wrong').status_code == 401
    assert relay.running.stop() == 0
    assert statsig.requests == []
    (line,) = relay.rows('SELECT * FROM requests')
    assert (line['outcome'], line['times'], line['address']) == ('unauthorized', 100, '127.0.0.1')


def test_a_second_one_on_the_same_directory_refuses_to_start(start: Start) -> None:
    start()
    with pytest.raises(RelayFailedError, match='another relay with triggers uses'):
        start()


def test_several_workers_act_once(start: Start, statsig: SandboxServer) -> None:
    relay = start(relay_options={'workers': 3})
    answers = [relay.notify(payload()).status_code for _ in range(30)]
    assert answers == [202] * 30
    relay.wait_for_end()
    assert relay.running.stop() == 0
    assert puts(statsig) == ['checkout_v2/disable']
    assert len(relay.rows('SELECT * FROM requests')) == 30


def test_without_a_cycle_key_the_journal_says_what_protects(start: Start, statsig: SandboxServer) -> None:
    relay = start()

    relay.notify(payload(cycle='$ALERT_CYCLE_KEY'))
    relay.wait_for_end()
    relay.notify(payload(cycle=''))

    first, second = relay.rows('SELECT * FROM decisions ORDER BY id')
    assert 'only the cooldown protects' in first['why']
    assert second['reason'] == 'cooldown'
    assert len(puts(statsig)) == 1


def test_a_relay_that_is_killed_goes_on_where_it_was(
    start: Start, statsig: SandboxServer, dogstatsd: DogStatsdReceiver
) -> None:
    """Killed as often as there are requests to Statsig: while each of the first three is under way."""
    relays = [start()]

    is_known = threading.Event()
    is_known.set()

    def kill(_: Request) -> None:
        is_known.wait(20)  # a relay may ask before this test knows that it listens
        statsig.knobs.before_request = None
        relays[-1].running.process.kill()

    statsig.knobs.before_request = kill
    with contextlib.suppress(requests.ConnectionError):  # it may die before it answers
        relays[-1].notify(payload())
    for number in range(3):
        wait_until(lambda: relays[-1].running.process.poll() is not None)
        if number < 2:
            statsig.knobs.before_request = kill
        is_known.clear()
        relays.append(start())
        is_known.set()

    relay = relays[-1]
    action = relay.wait_for_end()
    assert (action['outcome'], action['gate_before'], action['gate_after']) == ('disabled', 'on', 'off')
    assert not is_on(statsig)
    assert len(puts(statsig)) <= action['changes'] <= 3
    wait_until(lambda: len(dogstatsd.received_events()) == 1)


def test_a_rule_that_is_in_dry_run_by_now_does_not_finish_what_was_decided(
    start: Start, statsig: SandboxServer
) -> None:
    statsig.knobs.down = True
    relay = start()
    relay.notify(payload())
    wait_until(lambda: bool(relay.rows("SELECT 1 FROM steps WHERE what LIKE 'again in%'")))
    relay.running.kill()
    statsig.knobs.down = False

    relay = start(rule(dry_run=True))

    assert relay.wait_for_end()['outcome'] == 'cancelled'
    assert is_on(statsig)
