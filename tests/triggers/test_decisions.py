"""Every combination of what a monitor says, what a rule wants and what is known: what is done, and what is never done.

The expectation is written down once more, in the words of the promises, and not as the code goes about it.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from statsig.relay.triggers.decision import Facts, Gate, Limits, Reason, Step, Verdict, decide, next_step
from statsig.relay.triggers.notification import Notification
from statsig.relay.triggers.rules import Kind, Rule

TRANSITIONS = (
    *('Triggered', 'Re-Triggered', 'Recovered', 'No Data', 'Re-No Data', 'Warn', 'Re-Warn', 'Renotify'),
    *('', 'triggered', 'TRIGGERED', 'Alert'),
)
RULE = Rule('checkout errors', '1', 'checkout_v2', frozenset({'env:production'}), dry_run=False)
RULES = {
    'as it is': RULE,
    'enables again': replace(RULE, on_recovery=True),
    'everywhere': replace(RULE, scope=frozenset()),
}
GATES = {
    'on': Gate(True, 'In Progress', mark='1'),
    'off': Gate(False, 'Disabled', mark='1'),
    'archived': Gate(True, 'Archived', mark='1'),
}
FACTS = Facts(now=1000.0)
LIMITS = Limits(5, 900.0)


def outcome(notification: Notification, rule: Rule, facts: Facts, gate: Gate) -> str:
    """What happens in the end: nothing, refused, would …, disable or enable."""
    decision = decide(notification, rule, facts, LIMITS)
    if decision.verdict in (Verdict.RECORDED, Verdict.REFUSED):
        return 'refused' if decision.verdict is Verdict.REFUSED else 'nothing'
    assert decision.kind is not None
    step, _ = next_step(decision.kind, gate, mark_when_turned_off='1')
    done = {Step.SETTLED: 'nothing', Step.LEAVE: 'refused', Step.CHANGE: str(decision.kind)}[step]
    return f'would {done}' if decision.verdict is Verdict.REHEARSE else done


TABLE = list(
    product(
        TRANSITIONS,
        RULES,
        ('env:production', 'env:staging'),
        GATES,
        (False, True),
        (False, True),
        (0, 5),
        (False, True),
    )
)


@pytest.mark.parametrize('transition', TRANSITIONS)
def test_every_combination(transition: str) -> None:
    for case in TABLE:
        if case[0] != transition:
            continue
        _, name, scope, gate, dry_run, cycle_seen, in_hour, is_test = case
        rule = replace(RULES[name], dry_run=dry_run)
        notification = Notification('1', transition, 'cycle', scope, is_test=is_test)
        # A cycle that was acted in is one in which this rule has turned the gate off.
        facts = replace(FACTS, cycle_used=cycle_seen, turned_off=cycle_seen, actions_in_hour=in_hour)

        assert outcome(notification, rule, facts, GATES[gate]) == expected(*case), case


def expected(
    transition: str, rule: str, scope: str, gate: str, dry_run: bool, cycle_seen: bool, in_hour: int, is_test: bool
) -> str:
    concerned = rule == 'everywhere' or scope == 'env:production'
    alert = transition in ('Triggered', 'Re-Triggered')
    recovery = transition == 'Recovered' and rule == 'enables again' and cycle_seen
    if not concerned or not (alert or recovery):
        return 'nothing'
    if in_hour >= 5 or (alert and cycle_seen):
        return 'refused'
    would = 'would ' if dry_run or is_test else ''
    if alert:
        return would + {'on': 'disable', 'off': 'nothing', 'archived': 'refused'}[gate]
    return would + {'on': 'nothing', 'off': 'enable', 'archived': 'nothing'}[gate]


def test_the_table_is_complete() -> None:
    assert len(TABLE) == 12 * 3 * 2 * 3 * 2 * 2 * 2 * 2


ALERT = Notification('1', 'Triggered', 'cycle', 'env:production')
RECOVERY = replace(ALERT, transition='Recovered')


@pytest.mark.parametrize(
    ('facts', 'reason'),
    [
        ({'switched_off': True}, Reason.SWITCHED_OFF),
        ({'cycle_over': True}, Reason.CYCLE_OVER),
        ({'under_way': Kind.DISABLE}, Reason.UNDER_WAY),
        ({'cooldown_left': 0.5}, Reason.COOLDOWN),
        ({'actions_in_hour': 6}, Reason.BREAKER),
    ],
)
def test_an_alert_is_refused(facts: dict[str, object], reason: Reason) -> None:
    decision = decide(ALERT, RULE, replace(FACTS, **facts), LIMITS)  # type: ignore[arg-type]
    assert (decision.verdict, decision.reason, decision.kind) == (Verdict.REFUSED, reason, Kind.DISABLE)
    assert decision.why


@pytest.mark.parametrize(
    ('facts', 'reason'),
    [
        ({'turned_off': False}, Reason.NOTHING_TO_UNDO),
        ({'still_alerting': True}, Reason.STILL_ALERTING),
        ({'under_way': Kind.ENABLE}, Reason.UNDER_WAY),
        ({'switched_off': True}, Reason.SWITCHED_OFF),
        ({'actions_in_hour': 5}, Reason.BREAKER),
    ],
)
def test_a_recovery_turns_nothing_on(facts: dict[str, object], reason: Reason) -> None:
    known = replace(FACTS, turned_off=True)
    decision = decide(RECOVERY, replace(RULE, on_recovery=True), replace(known, **facts), LIMITS)  # type: ignore[arg-type]
    assert decision.verdict in (Verdict.RECORDED, Verdict.REFUSED)
    assert decision.reason is reason


def test_an_old_alert_is_refused() -> None:
    assert decide(replace(ALERT, happened=99.0), RULE, FACTS, LIMITS).reason is Reason.STALE
    assert decide(replace(ALERT, happened=101.0), RULE, FACTS, LIMITS).verdict is Verdict.ACT
    assert decide(replace(ALERT, happened=5000.0), RULE, FACTS, LIMITS).verdict is Verdict.ACT


def test_a_recovery_calls_off_and_a_test_of_one_does_not() -> None:
    facts = replace(FACTS, under_way=Kind.DISABLE)
    assert decide(RECOVERY, RULE, facts, LIMITS).cancels is Kind.DISABLE
    assert decide(replace(RECOVERY, is_test=True), RULE, facts, LIMITS).cancels is None


def test_an_alert_calls_off_turning_on_whatever_else_is_in_its_way() -> None:
    for facts in ({}, {'cooldown_left': 9.0}, {'actions_in_hour': 9}, {'switched_off': True}):
        known = replace(FACTS, under_way=Kind.ENABLE, **facts)
        assert decide(ALERT, RULE, known, LIMITS).cancels is Kind.ENABLE
        other = replace(known, under_way=Kind.DISABLE)
        assert decide(ALERT, RULE, other, LIMITS).cancels is Kind.ENABLE, 'it may be under way as well'
    assert decide(replace(ALERT, is_test=True), RULE, replace(FACTS, under_way=Kind.ENABLE), LIMITS).cancels is None


def test_without_a_cycle_key_a_seen_cycle_means_nothing_and_the_reason_says_so() -> None:
    decision = decide(replace(ALERT, cycle=''), RULE, replace(FACTS, cycle_used=True), LIMITS)
    assert decision.verdict is Verdict.ACT
    assert 'only the cooldown protects' in decision.why


@pytest.mark.parametrize('mark', ['', '2'])
def test_a_gate_that_somebody_changed_is_not_turned_on(mark: str) -> None:
    assert next_step(Kind.ENABLE, Gate(False, mark=mark), '1')[0] is Step.LEAVE
    assert next_step(Kind.ENABLE, Gate(False, mark=mark), '')[0] is Step.LEAVE
