"""The Agent in a box refuses change events and logs where Datadog would, and judges as Datadog's own client does."""

from __future__ import annotations

import copy
import json
import time
from typing import Any

import pytest

from statsig.sandbox.agent_event_platform import (
    EVENT_MANAGEMENT,
    reason_to_refuse_log,
    reason_to_refuse_platform_event,
)
from tests.datadog.official import refusal_of_change_event

NOW = 1_795_014_300.0
CHANGE: dict[str, Any] = {
    'data': {
        'type': 'event',
        'attributes': {
            'category': 'change',
            'integration_id': 'custom-events',
            'title': 't',
            'message': 'm',
            'aggregation_key': 'k',
            'tags': ['a:b'],
            'timestamp': '2026-11-18T15:04:00Z',
            'attributes': {
                'changed_resource': {'name': 'checkout_v2', 'type': 'feature_flag'},
                'author': {'name': 'Jane Doe', 'type': 'user'},
                'impacted_resources': [{'name': 'checkout', 'type': 'service'}],
                'prev_value': {'enabled': True},
                'new_value': {'enabled': False},
                'change_metadata': {'resource_link': 'https://example.com'},
            },
        },
    }
}
SERVICE = {'name': 's', 'type': 'service'}


def reason(body: Any, track: str = EVENT_MANAGEMENT) -> str:
    return reason_to_refuse_platform_event(track, json.dumps(body), frozenset({EVENT_MANAGEMENT}), NOW)


def altered(path: str, value: Any) -> Any:
    """CHANGE with another value at `path`, below `data.attributes`."""
    body = copy.deepcopy(CHANGE)
    *parents, last = path.split('.')
    target = body['data']['attributes']
    for parent in parents:
        target = target[parent]
    target[last] = value
    return body


def nested(depth: int) -> Any:
    return {'a': nested(depth - 1)} if depth else 1


@pytest.mark.parametrize(
    ('path', 'taken', 'refused'),
    [
        ('title', 'x' * 500, 'x' * 501),
        ('title', 'x', ''),
        ('message', 'x' * 4000, 'x' * 4001),
        ('aggregation_key', 'x' * 100, 'x' * 101),
        ('tags', ['a:b'] * 100, ['a:b'] * 101),
        ('tags', ['a:b'], []),
        ('category', 'change', 'deployment'),
        ('integration_id', 'custom-events', 'statsig'),
        ('attributes.changed_resource.name', 'x' * 128, 'x' * 129),
        ('attributes.changed_resource.type', 'configuration', 'gate'),
        ('attributes.author.name', 'x' * 128, 'x' * 129),
        ('attributes.author.type', 'automation', 'robot'),
        ('attributes.impacted_resources', [SERVICE] * 100, [SERVICE] * 101),
        ('attributes.prev_value', {'a': 1}, [1]),
    ],
)
def test_at_a_limit_it_is_taken_and_one_past_it_refused_here_and_by_datadogs_client(
    path: str, taken: Any, refused: Any
) -> None:
    assert (reason(altered(path, taken)), refusal_of_change_event(altered(path, taken))) == ('', '')
    assert reason(altered(path, refused))
    assert refusal_of_change_event(altered(path, refused))


def test_a_key_too_many_is_refused_here_and_by_datadogs_client() -> None:
    for path in ('priority', 'attributes.link'):
        assert reason(altered(path, 'x')).endswith('is no key of a change event')
        assert refusal_of_change_event(altered(path, 'x'))


@pytest.mark.parametrize(
    ('path', 'taken', 'refused', 'said'),
    [
        ('timestamp', '2026-11-17T21:05:00Z', '2026-11-17T21:04:00Z', 'the event is 18.0 h old'),
        ('attributes.change_metadata', nested(10), nested(11), 'nested more than 10 levels deep'),
        (
            'attributes.new_value',
            {'a': dict.fromkeys(map(str, range(100)), 1)},
            {'a': dict.fromkeys(map(str, range(101)), 1)},
            'an object of 101 properties',
        ),
    ],
)
def test_limits_that_datadog_states_in_words_only(path: str, taken: Any, refused: Any, said: str) -> None:
    assert reason(altered(path, taken)) == ''
    assert said in reason(altered(path, refused))


def test_what_is_no_change_event_is_refused() -> None:
    assert reason({}) == "the body is not that of a change event: KeyError: 'data'"
    assert reason([1]).startswith('the body is not that of a change event')
    assert reason(CHANGE, track='statsig') == 'unknown eventType=statsig'


def test_logs_have_limits_too() -> None:
    now = time.time()
    empty = len(json.dumps({'timestamp': int(now * 1000), 'message': ''}))

    def refusal(length: int = 1, age: float = 0) -> str:
        return reason_to_refuse_log({'timestamp': int((now - age) * 1000), 'message': 'x' * length}, now)

    assert refusal(length=1_000_000 - empty) == ''
    assert refusal(length=1_000_001 - empty) == 'the log has 1000001 bytes, at most 1000000 are taken'
    assert refusal(age=18 * 3600 - 60) == ''
    assert refusal(age=18 * 3600 + 60) == 'the log is 18.0 h old, at most 18 h are taken'
