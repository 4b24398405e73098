from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from statsig.webhook.counting import Context, Count, CountingRules, Counts, Kind, Tally, weight
from statsig.webhook.decoding import decode
from tests.clock import NOW
from tests.webhook.deliveries import body, exposure, gate

HOUR = 3600.0


def count(*events: Any, **rules: Any) -> Counts:
    tally = Tally(CountingRules(**rules))
    tally.add(decode(body(*events)), 0)
    return tally.take(NOW)


@pytest.mark.parametrize(
    ('event', 'context'),
    [
        (gate('checkout', 'false'), Context(Kind.GATE, 'production', 'checkout', 'false')),
        (exposure('holdout', gate='h', gateValue='true'), Context(Kind.HOLDOUT, 'production', 'h', 'true')),
        (exposure('config', config='c', ruleID='r'), Context(Kind.CONFIG, 'production', 'c', '')),
        (exposure('experiment', config='e', experimentGroupName='B'), Context(Kind.EXPERIMENT, 'production', 'e', 'B')),
        (exposure('layer', config='l', allocatedExperiment='e'), Context(Kind.LAYER, 'production', 'l', '')),
        ({'eventName': 'purchase', 'value': 3}, Context(Kind.CUSTOM, 'production', 'purchase', '')),
        ({'eventName': 'statsig::diagnostics'}, Context(Kind.CUSTOM, 'production', 'statsig::diagnostics', '')),
        (exposure('gate'), Context(Kind.GATE, 'production', 'unknown', 'unknown')),
        (exposure('experiment'), Context(Kind.EXPERIMENT, 'production', 'unknown', 'unknown')),
        ({}, Context(Kind.CUSTOM, 'production', 'unknown', '')),
    ],
)
def test_each_kind_of_event_has_its_context(event: Any, context: Context) -> None:
    assert count(event, event).by_context == {context: Count(2, 2)}


@pytest.mark.parametrize(
    ('tier', 'environment'), [('Staging', 'staging'), ('PRODUCTION', 'production'), (None, 'beta'), (' ', 'beta')]
)
def test_environments_are_lower_case_and_have_a_default(tier: str | None, environment: str) -> None:
    (context,) = count(gate(tier=tier), default_environment='beta').by_context
    assert context.environment == environment


def test_what_another_environment_sent_is_left_out_and_counted() -> None:
    counts = count(
        gate(tier='Production'), gate(tier='staging'), gate(tier=None), environments=frozenset({'production'})
    )
    assert sum(each.events for each in counts.by_context.values()) == 2
    assert counts.filtered == 1


def test_a_config_change_is_never_counted_as_an_event() -> None:
    counts = count({'eventName': 'statsig::config_change', 'metadata': {'name': 'checkout', 'type': 'Gate'}})
    assert counts.by_context == {}
    assert counts.config_changes == 1


@pytest.mark.parametrize(
    ('sampling', 'stands_for'),
    [
        ({}, 1),
        ({'samplingRate': 10}, 10),
        ({'samplingRate': '10'}, 10),
        ({'samplingRate': '1_0'}, 1),
        ({'samplingRate': '١٠'}, 1),
        ({'samplingRate': 10.0}, 10),
        ({'samplingRate': 10, 'samplingMode': 'on'}, 10),
        ({'samplingRate': 10, 'samplingMode': None}, 10),
        ({'samplingRate': 10, 'samplingMode': 'shadow'}, 1),
        ({'samplingRate': 0}, 1),
        ({'samplingRate': -5}, 1),
        ({'samplingRate': 2.5}, 1),
        ({'samplingRate': 1e300}, 1),
        ({'samplingRate': 10**400}, 1),
        ({'samplingRate': 'often'}, 1),
        ({'samplingRate': 'nan'}, 1),
        ({'samplingRate': True}, 1),
        ({'samplingRate': [10]}, 1),
        ({'samplingRate': None}, 1),
        (None, 1),
    ],
)
def test_a_sampled_event_stands_for_as_many_as_its_rate_says(sampling: Any, stands_for: int) -> None:
    (event,) = decode(body({**gate(), 'statsigMetadata': sampling})).events
    assert weight(event) == stands_for

    (counted,) = count({**gate(), 'statsigMetadata': sampling}, gate()).by_context.values()
    assert counted == Count(2, 1 + stands_for)


def test_what_was_taken_is_not_counted_again() -> None:
    tally = Tally(CountingRules())
    tally.add(decode(body(gate())), 0)
    tally.take(NOW)
    assert tally.take(NOW).by_context == {}


LIMIT = 200


@pytest.mark.parametrize(
    'event',
    [
        lambda number: gate(f'gate_{number}'),
        lambda number: gate('checkout', f'value_{number}'),
        lambda number: gate(tier=f'tier_{number}'),
        lambda number: exposure('experiment', config='e', experimentGroupName=f'group_{number}'),
        lambda number: {'eventName': f'event_{number}'},
        lambda number: exposure('layer', tier=f'tier_{number}', config=f'layer_{number}'),
    ],
    ids=['name', 'value', 'environment', 'group', 'custom event', 'everything'],
)
def test_whichever_tag_explodes_there_are_never_too_many_contexts(event: Any) -> None:
    tally = Tally(CountingRules(max_contexts=LIMIT))
    seen: set[Context] = set()
    events = 0
    for flush in range(5):
        tally.add(decode(body(*(event(number) for number in range(flush * 1000, flush * 1000 + 1000)))), 0)
        counts = tally.take(NOW + flush)
        seen |= set(counts.by_context)
        events += sum(each.events for each in counts.by_context.values())
        assert len(seen) <= counts.contexts <= LIMIT
    assert events == 5000


def test_beyond_the_limit_name_and_unusual_tags_become_other_and_the_few_usual_ones_stay() -> None:
    usual = [gate(f'gate_{number}') for number in range(LIMIT)]
    beyond = [gate('late', 'true', 'Staging'), gate('late', 'false', 'qa'), gate('late', 'maybe', None)]
    counts = count(*usual, *beyond, max_contexts=LIMIT)

    others = {context for context in counts.by_context if context.name == 'other'}
    assert others == {
        Context(Kind.GATE, 'production', 'other', 'true'),
        Context(Kind.GATE, 'staging', 'other', 'true'),
        Context(Kind.GATE, 'other', 'other', 'false'),
        Context(Kind.GATE, 'production', 'other', 'other'),
    }
    assert counts.overflow == sum(counts.by_context[context].events for context in others)


def test_known_contexts_stay_themselves_while_others_overflow() -> None:
    tally = Tally(CountingRules(max_contexts=LIMIT))
    tally.add(decode(body(gate('checkout'))), 0)
    tally.take(NOW)
    tally.add(decode(body(*(gate(f'gate_{number}') for number in range(1000)), gate('checkout'))), 0)
    assert tally.take(NOW).by_context[Context(Kind.GATE, 'production', 'checkout', 'true')] == Count(1, 1)


def test_a_new_hour_has_room_again_but_for_what_was_sent_in_it_already() -> None:
    tally = Tally(CountingRules(max_contexts=LIMIT))
    sent_in_second_hour: set[Context] = set()
    for flush, now in enumerate((NOW + 10, NOW + HOUR - 1, NOW + HOUR + 9, NOW + HOUR + 19)):
        tally.add(decode(body(*(gate(f'gate_{flush}_{number}') for number in range(1000)))), 0)
        counts = tally.take(now)
        if now >= NOW + HOUR:
            sent_in_second_hour |= set(counts.by_context)
    fresh = {context.name for context in sent_in_second_hour if context.name.startswith('gate_3')}
    assert fresh
    assert len(sent_in_second_hour) <= LIMIT


def test_a_million_names_take_no_more_memory_than_a_few() -> None:
    tally = Tally(CountingRules(max_contexts=LIMIT))
    for start in range(0, 1_000_000, 50_000):
        tally.add(decode(body(*({'eventName': f'event_{n}'} for n in range(start, start + 50_000)))), 0)
        assert len(tally._held) <= 8192
        assert len(tally._counts) <= LIMIT
    counts = tally.take(NOW)
    assert sum(each.events for each in counts.by_context.values()) == 1_000_000


event_strategy = st.builds(
    gate,
    st.sampled_from(['a', 'b', 'ü', '']),
    st.sampled_from(['true', 'false', True, None]),
    st.sampled_from(['x', None]),
)


@given(st.lists(st.lists(event_strategy, max_size=20), max_size=5))
def test_however_events_are_batched_they_add_up_to_the_same(batches: list[list[Any]]) -> None:
    apart, together = Tally(CountingRules()), Tally(CountingRules())
    sums: Counter[Context] = Counter()
    for batch in batches:
        apart.add(decode(json.dumps(batch).encode()), 100)
        for context, counted in apart.take(NOW).by_context.items():
            sums[context] += counted.events
    together.add(decode(json.dumps([event for batch in batches for event in batch]).encode()), 100)

    assert sums == {context: counted.events for context, counted in together.take(NOW).by_context.items()}
