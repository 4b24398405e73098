"""What people are told, whatever strangers have written into titles and cycles."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from statsig.datadog.dogstatsd import DogStatsdAddress
from statsig.datadog.dogstatsd_events import DogStatsdEvents
from statsig.relay.triggers.actions import Action
from statsig.relay.triggers.decision import Decision, Reason, Verdict
from statsig.relay.triggers.journal import Decided
from statsig.relay.triggers.report import _OUTCOMES, Links, Reporter, action_event
from statsig.relay.triggers.rules import Kind
from statsig.sandbox.dogstatsd_listener import parsed_event

LINKS = Links('sandbox', 'https://app.datadoghq.com')
EVENTS = DogStatsdEvents(DogStatsdAddress(path='/nowhere'))
WIDE = st.text(st.characters(codec='utf-8') | st.sampled_from('&<>*%@|\n`\\😀'), max_size=400)


def action(outcome: str = 'disabled', title: str = '', cycle: str = '', why: str = '', rule: str = 'r') -> Action:
    return Action(
        *(1, rule, 'checkout_v2', Kind.DISABLE, False, '123', cycle, '', 1000.0, 1000.0, 1900.0, 'ended', ''),
        *(1, 1000.1, True, 0, 'on', 'off', outcome, why, 1001.0, '', title),
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


def refused(number: int, at: float, reason: Reason = Reason.COOLDOWN) -> Decided:
    return Decided(number, 'r', 'g', Decision(Verdict.REFUSED, reason, 'why'), None, '', at, '123')


def test_refusals_of_a_kind_are_told_once_a_minute_and_all_counted() -> None:
    reporter = Reporter(LINKS)
    report = reporter.report([refused(n, 1000.0 + n) for n in range(59)] + [refused(99, 1001.0, Reason.BREAKER)], [])
    assert len(report.events) == 2
    assert {sample.tags[2]: sample.value for sample in report.samples} == {
        'outcome:refused_cooldown': 59,
        'outcome:refused_breaker': 1,
    }
    assert len(reporter.report([refused(100, 1061.0)], []).events) == 1
