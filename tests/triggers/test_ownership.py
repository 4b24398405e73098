"""Whose doing it is that a gate is off: only what this rule has done, and nobody has touched since, is undone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from statsig.relay.triggers.decision import Gate, Sent, is_ours
from statsig.sandbox.knobs import Fault, Request
from statsig.sandbox.server import SandboxServer
from tests.relay.dogstatsd_receiver import wait_until
from tests.triggers.conftest import Start
from tests.triggers.relay_with_triggers import GATE, TriggersRelay, is_on, payload, puts, rule

RULE = rule(on_recovery='enable', cooldown=0, stable_for=0)


class Requests:
    """Those to Statsig, in their order; something can be done just before one of them is answered."""

    def __init__(self, statsig: SandboxServer) -> None:
        self.seen = 0
        self._before: dict[int, Callable[[], object]] = {}
        statsig.knobs.before_request = self._arrived

    def before(self, number: int, do: Callable[[], object]) -> None:
        self._before[number] = do

    def _arrived(self, _: Request) -> None:
        self.seen += 1
        if do := self._before.pop(self.seen, None):
            do()


def decided(relay: TriggersRelay) -> str:
    """The reason of the last decision."""
    return str(relay.rows('SELECT reason FROM decisions ORDER BY id')[-1]['reason'])


def test_what_a_person_did_while_the_gate_could_not_be_read_back_is_theirs(
    start: Start, statsig: SandboxServer
) -> None:
    """The PUT is accepted. Then nothing can be read, and meanwhile a person turns the gate on and off again."""
    requests = Requests(statsig)
    statsig.fail_next(f'/console/v1/gates/{GATE}', Fault.of_status(500), skip=2, times=3)

    def on_and_off() -> None:
        statsig.project.set_gate_enabled(GATE, True)
        statsig.project.set_gate_enabled(GATE, False)

    requests.before(6, on_and_off)  # read, PUT, three times in vain; now it is read
    relay = start(RULE)
    relay.notify(payload())
    action = relay.wait_for_end()

    relay.notify(payload('Recovered'))

    assert action['outcome'] == 'disabled'
    assert 'somebody else may have changed it meanwhile' in action['why']
    assert decided(relay) == 'nothing_to_undo'
    assert not is_on(statsig)


def test_without_anybody_else_a_change_that_is_read_back_late_is_the_rules_own(
    start: Start, statsig: SandboxServer
) -> None:
    statsig.fail_next(f'/console/v1/gates/{GATE}', Fault.of_status(500), skip=2, times=3)
    relay = start(RULE)
    relay.notify(payload())
    relay.wait_for_end()

    relay.notify(payload('Recovered'))

    assert relay.wait_for_end(2)['outcome'] == 'enabled'


def test_what_a_person_turned_off_after_a_put_without_effect_is_theirs(start: Start, statsig: SandboxServer) -> None:
    """`html` answers 200 and does nothing, as a proxy might."""
    requests = Requests(statsig)
    statsig.fail_next(f'/console/v1/gates/{GATE}/disable', Fault('html'))
    requests.before(3, lambda: statsig.project.set_gate_enabled(GATE, False))
    relay = start(RULE)
    relay.notify(payload())
    relay.wait_for_end()

    relay.notify(payload('Recovered'))

    assert decided(relay) == 'nothing_to_undo'
    assert puts(statsig) == [f'{GATE}/disable']


def test_a_gate_that_a_person_turned_on_after_the_change_stays_on(start: Start, statsig: SandboxServer) -> None:
    """They know better: the same action does not turn it off once more."""
    requests = Requests(statsig)
    statsig.fail_next(f'/console/v1/gates/{GATE}', Fault.of_status(500), skip=2, times=3)
    requests.before(6, lambda: statsig.project.set_gate_enabled(GATE, True))
    relay = start(RULE)

    relay.notify(payload())

    action = relay.wait_for_end()
    assert (action['outcome'], action['changes']) == ('refused', 1)
    assert action['why'] == 'somebody has changed the gate since Statsig accepted this change'
    assert is_on(statsig)


def test_when_nothing_can_be_read_after_an_accepted_put_nobody_claims_that_the_gate_is_on(
    start: Start, statsig: SandboxServer
) -> None:
    requests = Requests(statsig)
    requests.before(3, lambda: statsig.knobs.status_for.update({'/console/v1/gates': Fault.of_status(401)}))
    relay = start(RULE)

    relay.notify(payload())

    wait_until(lambda: requests.seen >= 3)
    action = relay.wait_for_end()
    assert action['outcome'] == 'unknown'
    assert action['why'].startswith('Statsig accepted a PUT, and whether it had an effect cannot be read: ')


marks = st.sampled_from(['', '1', '2', '3'])


@given(before=marks, answered=marks, seen=marks, at_once=st.booleans())
def test_a_gate_that_looks_as_before_or_otherwise_than_statsig_answered_is_nobodys(
    before: str, answered: str, seen: str, at_once: bool
) -> None:
    if is_ours(Sent(before, answered), Gate(False, mark=seen), at_once=at_once):
        assert answered
        assert seen not in ('', before)
        assert seen == answered or (at_once and answered == before)


@pytest.mark.parametrize(('answered', 'at_once'), [('2', False), ('2', True), ('1', True)])
def test_a_gate_as_statsig_answered_it_is_the_rules_own(answered: str, at_once: bool) -> None:
    assert is_ours(Sent('1', answered), Gate(False, mark='2'), at_once=at_once)
