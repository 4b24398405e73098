"""What Datadog's intakes behind the Agent's event platform would not take: change events and logs beyond their limits.

Change events: https://docs.datadoghq.com/api/latest/events/#post-an-event. Nothing of this is checked by the Agent.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

EVENT_MANAGEMENT = 'event-management'
MAX_AGE = 18 * 3600
MAX_LOG_BYTES = 1_000_000

_KEYS = frozenset(
    {'category', 'integration_id', 'title', 'message', 'tags', 'timestamp', 'attributes', 'aggregation_key', 'host'}
)
_CHANGE_KEYS = frozenset(
    {'changed_resource', 'author', 'impacted_resources', 'prev_value', 'new_value', 'change_metadata'}
)
_RESOURCES = ('feature_flag', 'configuration')
_AUTHORS = ('user', 'system', 'api', 'automation')
_MAX_PROPERTIES, _MAX_DEPTH = 100, 10


def reason_to_refuse_platform_event(track: str, body: str, tracks: frozenset[str], now: float) -> str:
    """Why what a check sent on a track is lost; '' where it is taken. Other tracks' bodies need only be JSON."""
    if track not in tracks:
        return f'unknown eventType={track}'  # the Agent's own words, in its log
    try:
        decoded = json.loads(body)
    except ValueError:
        return 'the body is not JSON'
    return _reason_to_refuse_event(decoded, now) if track == EVENT_MANAGEMENT else ''


def reason_to_refuse_log(attributes: Mapping[str, Any], now: float) -> str:
    """`timestamp` is in milliseconds here, as base makes it."""
    size = len(json.dumps(attributes, ensure_ascii=False).encode())
    if size > MAX_LOG_BYTES:
        return f'the log has {size} bytes, at most {MAX_LOG_BYTES} are taken'
    age = now - attributes.get('timestamp', now * 1000) / 1000
    return f'the log is {age / 3600:.1f} h old, at most 18 h are taken' if age > MAX_AGE else ''


def _reason_to_refuse_event(body: Any, now: float) -> str:
    try:
        if body['data']['type'] != 'event':
            return '`data.type` is not `event`'
        event = body['data']['attributes']
        change = event['attributes']
        surplus = sorted((set(event) - _KEYS) | (set(change) - _CHANGE_KEYS))
        if surplus:
            return f'`{surplus[0]}` is no key of a change event'
        if event['category'] != 'change' or event.get('integration_id', 'custom-events') != 'custom-events':
            return '`category` or `integration_id` is not one that is taken'
        checks = [
            _text('title', event['title'], 500),
            _text('message', event.get('message', '-'), 4000),
            _text('aggregation_key', event.get('aggregation_key', '-'), 100),
            ''
            if 1 <= len(event.get('tags', '-')) <= 100
            else f'there are {len(event["tags"])} tags, 1 to 100 are taken',
            _time(event.get('timestamp'), now),
            _named('changed_resource', change['changed_resource'], _RESOURCES),
            _named('author', change.get('author', {'name': '-', 'type': 'user'}), _AUTHORS),
            '' if len(change.get('impacted_resources', ())) <= 100 else 'more than 100 impacted resources',
            *(_named('impacted_resources', each, ('service',)) for each in change.get('impacted_resources', ())),
            *(_shape(key, change.get(key, {}), 1) for key in ('prev_value', 'new_value', 'change_metadata')),
        ]
    except (KeyError, TypeError, ValueError) as error:
        return f'the body is not that of a change event: {type(error).__name__}: {error}'
    return next(filter(None, checks), '')


def _text(key: str, value: str, most: int) -> str:
    return '' if 1 <= len(value) <= most else f'`{key}` has {len(value)} characters, 1 to {most} are taken'


def _named(key: str, value: Mapping[str, str], types: tuple[str, ...]) -> str:
    if set(value) != {'name', 'type'} or value['type'] not in types:
        return f'`{key}` is not a name and one of {", ".join(types)}'
    return _text(f'{key}.name', value['name'], 128)


def _time(value: str | None, now: float) -> str:
    age = 0.0 if value is None else now - datetime.fromisoformat(value).timestamp()
    return f'the event is {age / 3600:.1f} h old, at most 18 h are taken' if age > MAX_AGE else ''


def _shape(key: str, value: Any, depth: int) -> str:
    if depth == 1 and not isinstance(value, dict):
        return f'`{key}` is not an object'
    if depth > _MAX_DEPTH and isinstance(value, dict | list):
        return f'`{key}` is nested more than {_MAX_DEPTH} levels deep'
    if isinstance(value, dict) and len(value) > _MAX_PROPERTIES:
        return f'`{key}` has an object of {len(value)} properties, at most {_MAX_PROPERTIES} are taken'
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return next(filter(None, (_shape(key, item, depth + 1) for item in inner)), '')
