"""What people are told, whatever strangers have written into titles and cycles."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from statsig.datadog.dogstatsd import DogStatsdAddress
from statsig.datadog.dogstatsd_events import DogStatsdEvents
from statsig.relay.triggers.action import Action
from statsig.relay.triggers.decided import Decided
from statsig.relay.triggers.decision import Decision, Reason, Verdict
from statsig.relay.triggers.report import _OUTCOMES, Links, Reporter, action_event, site_address
from statsig.relay.triggers.rules import Kind, Rule
from statsig.sandbox.dogstatsd_listener import parsed_event

LINKS = Links('sandbox', 'https://app.datadoghq.com')
EVENTS = DogStatsdEvents(DogStatsdAddress(path='/nowhere'))
WIDE = st.text(st.characters(codec='utf-8') | st.sampled_from('&<>*%@|\n`\\😀'), max_size=400)


RULES = [Rule('r', '123', 'g', dry_run=False), Rule('in dry run', '123', 'g')]


def action(
    outcome: str = 'disabled',
    title: str = '',
    cycle: str = '',
    why: str = '',
    rule: str = 'r',
    rehearsal: bool = False,
    kind: Kind = Kind.DISABLE,
    begin_at: float = 1000.0,
) -> Action:
    return Action(
        id=1,
        request_id=1,
        rule=rule,
        rule_scope='',
        gate='checkout_v2',
        kind=kind,
        rehearsal=rehearsal,
        monitor_id='123',
        cycle=cycle,
        scope='',
        decided_at=1000.0,
        begin_at=begin_at,
        due_at=1000.9,
        put_after=0.0,
        settled_at=0.0,
        give_up_at=1900.0,
        state='ended',
        called_off='',
        changes=1,
        first_change_at=1000.1,
        answered=True,
        mark_before='',
        mark_answered='',
        attempts=0,
        gate_before='on',
        gate_after='off',
        outcome=outcome,
        why=why,
        ended_at=1001.0,
        link='',
        title=title,
    )


@example(outcome='disabled', title='a\\new', cycle='\\n', why='\\n', rule='\\n')
@given(outcome=st.sampled_from([*_OUTCOMES]), title=WIDE, cycle=WIDE, why=WIDE, rule=WIDE)
def test_every_event_fits_into_a_datagram_and_stays_in_its_frame(
    outcome: str, title: str, cycle: str, why: str, rule: str
) -> None:
    event = action_event(action(outcome, title, cycle, why, rule), LINKS)
    received = parsed_event(EVENTS.datagram(event))
    assert received.text == event.text
    assert set(received.tags) == set(event.tags)
    assert len(event.title) <= 100
    assert event.text.count('%%%') == 2
    assert len(event.text) <= 4000


@pytest.mark.parametrize('outcome', ['failed', 'gave_up', 'refused_by_statsig', 'cancelled'])
def test_a_rehearsal_that_comes_to_nothing_alarms_nobody(outcome: str) -> None:
    event = action_event(action(outcome, rehearsal=True), LINKS)
    said = f'Gate checkout_v2 left as it is: rehearsal {outcome.replace("_", " ")} (dry run) by trigger r'
    assert (event.title, event.alert_type) == (said, 'info')


def test_a_put_whose_fate_nobody_knows_is_an_error() -> None:
    event = action_event(action('unknown'), LINKS)
    assert (event.title, event.alert_type) == ('Gate checkout_v2 NOT known to be turned off by trigger r', 'error')


def test_the_time_it_took_is_that_of_all_attempts() -> None:
    assert '- 1 PUT, 1.0 s' in action_event(action(), LINKS).text


def test_the_time_it_took_is_not_that_of_waiting_for_quiet() -> None:
    assert '- 1 PUT, 0.5 s' in action_event(action('enabled', kind=Kind.ENABLE, begin_at=1000.5), LINKS).text


def refused(
    at: float, reason: Reason = Reason.COOLDOWN, rule: str = 'r', times: int = 1, is_test: bool = False
) -> Decided:
    return Decided(rule, 'g', Decision(Verdict.REFUSED, reason, 'why'), None, '', at, '123', times, is_test)


def test_refusals_of_a_kind_are_told_once_a_minute_and_all_counted() -> None:
    reporter = Reporter(LINKS, RULES)
    report = reporter.report([refused(1000.0, times=59), refused(1001.0, Reason.BREAKER), refused(1059.0)], [])
    assert len(report.events) == 2
    assert {sample.tags[2]: sample.value for sample in report.samples} == {
        'outcome:refused_cooldown': 60,
        'outcome:refused_breaker': 1,
    }
    assert len(reporter.report([refused(1061.0)], []).events) == 1


@pytest.mark.parametrize(
    ('reason', 'rule', 'alert_type'),
    [
        (Reason.SWITCHED_OFF, 'r', 'warning'),
        (Reason.STALE, 'r', 'warning'),
        (Reason.COOLDOWN, 'r', 'warning'),
        (Reason.BREAKER, 'r', 'error'),
        (Reason.CYCLE_USED, 'r', 'info'),
        (Reason.CYCLE_OVER, 'r', 'info'),
        (Reason.UNDER_WAY, 'r', 'info'),
        (Reason.COOLDOWN, 'in dry run', 'info'),
    ],
)
def test_a_refusal_that_leaves_a_gate_on_is_a_warning_and_says_what_to_do(
    reason: Reason, rule: str, alert_type: str
) -> None:
    (event,) = Reporter(LINKS, RULES).report([refused(1000.0, reason, rule)], []).events
    assert event.alert_type == alert_type
    assert ('switch it there by hand' in event.text) is (alert_type != 'info')
    assert 'https://console.statsig.com/sandbox/gates/g' in event.text


def test_a_refused_test_of_a_monitor_alarms_nobody() -> None:
    (event,) = Reporter(LINKS, RULES).report([refused(1000.0, is_test=True)], []).events
    assert event.alert_type == 'info'


@pytest.mark.parametrize(
    ('site', 'address'),
    [  # https://docs.datadoghq.com/getting_started/site/
        ('datadoghq.com', 'https://app.datadoghq.com'),
        ('us3.datadoghq.com', 'https://us3.datadoghq.com'),
        ('us5.datadoghq.com', 'https://us5.datadoghq.com'),
        ('datadoghq.eu', 'https://app.datadoghq.eu'),
        ('ap1.datadoghq.com', 'https://ap1.datadoghq.com'),
        ('ap2.datadoghq.com', 'https://ap2.datadoghq.com'),
        ('ddog-gov.com', 'https://app.ddog-gov.com'),
        ('us2.ddog-gov.com', 'https://us2.ddog-gov.com'),
    ],
)
def test_links_lead_to_the_pages_of_the_site(site: str, address: str) -> None:
    event = action_event(action(), Links('sandbox', site_address(site)))
    assert f'[Monitor in Datadog]({address}/monitors/123)' in event.text
