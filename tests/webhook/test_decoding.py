from __future__ import annotations

import json
import tracemalloc
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from statsig.webhook.counting import Context, Kind, context_of
from statsig.webhook.decoding import MalformedBodyError, decode
from tests.webhook.deliveries import body, exposure, gate

CHECKOUT = Context(Kind.GATE, 'production', 'checkout', 'true')
DEEP = b'[' * 200_000 + b']' * 200_000


def contexts(given: bytes) -> list[Context]:
    return [context_of(event, 'production') for event in decode(given).events]


@pytest.mark.parametrize(
    'given',
    [
        body(gate()),
        b'{"data": %s}' % body(gate()),
        b'{"projectID": "p", "data": %s, "more": {}}' % body(gate()),
        b' \r\n[ %s ]\n' % body(gate())[1:-1],
    ],
    ids=['a bare list', 'under data', 'under data beside other things', 'white space'],
)
def test_both_shapes_are_known(given: bytes) -> None:
    assert contexts(given) == [CHECKOUT]


@pytest.mark.parametrize('given', [b'[]', b'{"data": []}'])
def test_no_events_are_no_error(given: bytes) -> None:
    assert decode(given).events == []


@pytest.mark.parametrize(
    'given',
    [b'', b'null', b'1', b'"text"', b'{}', b'{"data": 1}', b'{"data": {}}', b'{"events": []}', b'[', b'[] []', b'[}',
     b'[{"eventName": "a"}', b'["a', b'{"data": [}', b'{"data": []', b'\x1f\x8b', b'\xff', DEEP[:200_000]],
)  # fmt: skip
def test_what_is_no_list_of_events_is_malformed(given: bytes) -> None:
    with pytest.raises(MalformedBodyError):
        decode(given)


@pytest.mark.parametrize(
    ('bad', 'malformed'),
    [
        (b'7', 1),
        (b'null', 1),
        (b'"text"', 1),
        (b'[]', 1),
        (b'{"eventName": }', 1),
        (b'{"eventName": "a" "b"}', 1),
        (b'', 1),
        (DEEP, 1),
        (b'{"eventName": "x", "value": %s}' % DEEP, 1),
        (b'{"eventName": "x", "value": 1%s}' % (b'0' * 9000), 0),
        (b'{"eventName": "x", "value": NaN}', 0),
        (b'{"eventName": "x", "value": "half a pair \\ud83d"}', 0),
        (b'{"eventName": "x", "value": "not UTF-8 \xff"}', 0),
        (b'{"eventName": "x", "value": "\\"],[{\\\\"}', 0),
        (b'{"eventName": 1}', 0),
        (b'{"user": "me", "metadata": [], "statsigMetadata": null}', 0),
        (b'{}', 0),
    ],
)
def test_one_bad_event_never_costs_the_others(bad: bytes, malformed: int) -> None:
    for shape in (b'[%b, %b, %b]', b'{"data": [%b, %b, %b]}'):
        found = decode(shape % (body(gate())[1:-1], bad, body(gate())[1:-1]))

        shown = [context_of(event, 'production') for event in found.events]
        assert shown.count(CHECKOUT) == 2
        assert (len(found.events), found.malformed) == (3 - malformed, malformed)


@pytest.mark.parametrize(
    ('event', 'context'),
    [
        (gate(7, True), Context(Kind.GATE, 'production', '7', 'true')),
        (gate(7.5, False), Context(Kind.GATE, 'production', '7.5', 'false')),
        (gate('a', 1), Context(Kind.GATE, 'production', 'a', '1')),
        (exposure('experiment', config=5, experimentGroupName=0), Context(Kind.EXPERIMENT, 'production', '5', '0')),
        (exposure('layer', config=['a']), Context(Kind.LAYER, 'production', 'unknown', '')),
        (exposure('config', config=None), Context(Kind.CONFIG, 'production', 'unknown', '')),
        ({'eventName': 404}, Context(Kind.CUSTOM, 'production', '404', '')),
        ({'eventName': None, 'user': None, 'metadata': None}, Context(Kind.CUSTOM, 'production', 'unknown', '')),
        ({'eventName': 'a', 'user': {'statsigEnvironment': 'x'}}, Context(Kind.CUSTOM, 'production', 'a', '')),
    ],
)
def test_numbers_become_text_and_the_rest_counts_as_missing(event: Any, context: Context) -> None:
    assert contexts(body(event)) == [context]


@pytest.mark.parametrize(
    'given',
    [b'[%s]' % b','.join([b'1'] * 2_000_000), b'[%s]' % b','.join([b'{}'] * 2_000_000), b'[%s' % (b'[{' * 2_000_000)],
    ids=['numbers', 'empty events', 'brackets'],
)
def test_bodies_of_punctuation_are_refused_before_they_take_memory(given: bytes) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(MalformedBodyError):
            decode(given)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2 * len(given)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
keys = st.sampled_from(
    ['eventName', 'user', 'metadata', 'statsigMetadata', 'statsigEnvironment', 'tier', 'gate', 'gateValue', 'config']
)
events = st.dictionaries(keys, json_values | st.dictionaries(keys, json_values, max_size=4), max_size=6)


@given(st.lists(events | json_values, max_size=6))
def test_every_item_of_any_json_list_is_an_event_or_malformed(items: Sequence[Any]) -> None:
    found = decode(json.dumps(items).encode())

    assert len(found.events) == sum(isinstance(item, dict) for item in items)
    assert len(found.events) + found.malformed == len(items)


@given(st.lists(events, max_size=5))
def test_the_careful_way_finds_what_the_fast_way_finds(items: Sequence[Any]) -> None:
    """A bad item beside them makes the decoder look at each on its own; it must see the same."""
    plain = contexts(json.dumps(items).encode())
    beside_a_bad_one = contexts(json.dumps([*items, 'no event']).encode())
    beside_half_a_pair = contexts(json.dumps([*items, {'eventName': '\ud83d'}]).encode())

    assert beside_a_bad_one == plain
    assert beside_half_a_pair[:-1] == plain


@given(st.binary(max_size=200) | st.text(alphabet='[]{},:"\\ \tabdt01', max_size=60).map(str.encode))
def test_bytes_decode_or_are_malformed(given: bytes) -> None:
    try:
        found = decode(given)
    except MalformedBodyError:
        return
    assert found.malformed >= 0
    assert all(isinstance(context_of(event, 'production'), Context) for event in found.events)


def test_among_very_many_events_a_bad_one_costs_none_of_the_others() -> None:
    events = [b'{"eventName":"an event of some length","metadata":{}}'] * 250_000

    found = decode(b'[' + b','.join([*events, b'{"eventName":"x","metadata":{"gate":5,"gateValue":[]}}']) + b']')

    assert (len(found.events), found.malformed) == (250_001, 0)


def test_figures_within_events_do_not_make_a_body_one_of_punctuation() -> None:
    figures = b','.join([b'12'] * 2000)
    events = [b'{"eventName":"x","user":{"custom":{"v":[' + figures + b']}}}'] * 300

    assert len(decode(b'[' + b','.join(events) + b']').events) == 300
