"""A notice as a change event of Datadog's Events API v2: what Change Tracking shows on services and monitors.

Schema and limits: https://docs.datadoghq.com/api/latest/events/#post-an-event (category `change`). The intake takes no
other keys than these.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from statsig.datadog.changes import Change
from statsig.datadog.markdown import clean, cut
from statsig.datadog.matching import name_of
from statsig.datadog.notice import Notice
from statsig.datadog.text import plain_text_of
from statsig.datadog.values import JSON, iso, same

TRACK = 'event-management'

MAX_TAGS = 100
MAX_NAME = 128
MAX_IMPACTED = 100
# Datadog states limits of shape only (100 properties an object, 10 levels). This one, in bytes of JSON for the values
# before and after together, keeps an event far below what any hop on the way might refuse.
MAX_VALUES = 24_000
_MAX_METADATA_TEXT = 2_000
_MAX_ADDRESS = 320

# Kinds whose change is a change of what code does at runtime; the rest configures Statsig itself. A `config` is a gate,
# a dynamic config or a segment, and the entry does not say which.
_FLAGS = frozenset({'gate', 'experiment', 'autotune', 'layer', 'dynamic_config', 'config', 'param_store'})


def change_event_of(notice: Notice) -> dict[str, JSON] | None:
    """The body of one event, or None for an entry by which nothing has changed. Never raises."""
    reading = notice.reading
    if not reading.action.is_change:
        return None
    before, after, left_out = _values(reading.changes)
    attributes: dict[str, JSON] = {
        'changed_resource': {
            'name': cut(reading.name or reading.kind_label, MAX_NAME),
            'type': 'feature_flag' if reading.action.kind in _FLAGS else 'configuration',
        },
        'change_metadata': _metadata(notice, left_out),
    }
    if reading.author:
        attributes['author'] = {'name': cut(reading.author, MAX_NAME), 'type': 'user'}
    if notice.services:
        attributes['impacted_resources'] = [
            {'name': cut(service, MAX_NAME), 'type': 'service'} for service in notice.services[:MAX_IMPACTED]
        ]
    if before or after:
        attributes |= {'prev_value': before, 'new_value': after}
    event = {
        'category': 'change',
        'integration_id': 'custom-events',
        'title': notice.title,
        'message': plain_text_of(reading, notice.when, notice.link),
        'tags': list(notice.tags_telling_first[:MAX_TAGS]),
        'timestamp': iso(notice.timestamp),
        'attributes': attributes,
    }
    if notice.key:
        event['aggregation_key'] = notice.key
    return {'data': {'type': 'event', 'attributes': event}}


def _metadata(notice: Notice, left_out: int) -> dict[str, JSON]:
    reading = notice.reading
    # What Datadog itself shows is under `dd` and `resource_link`.
    shown: dict[str, JSON] = {
        'team': cut(notice.team, MAX_NAME),
        'user_name': cut(reading.author, MAX_NAME),
        'user_email': cut(reading.author_email, _MAX_ADDRESS),
    }
    told: dict[str, JSON] = {
        'action': notice.action_type,
        'kind': reading.action.kind,
        'group': reading.action.group,
        'project': cut(clean(notice.project), MAX_NAME),
        'environments': list(reading.environments),
        'entry_id': notice.key,
        'happened_at': iso(notice.entry.timestamp),
        'change_log': cut('\n'.join(reading.note), _MAX_METADATA_TEXT),
        'changes_left_out': left_out,
    }
    return {
        'resource_link': notice.link,
        **{key: _filled(values) for key, values in (('dd', shown), ('statsig', told)) if _filled(values)},
    }


def _filled(values: Mapping[str, JSON]) -> dict[str, JSON]:
    return {key: value for key, value in values.items() if value}


def _values(changes: Sequence[Change]) -> tuple[dict[str, JSON], dict[str, JSON], int]:
    """(previous values by field, new values by field, how many changes did not fit).

    Of the items of a list (rules, groups) only those that differ, by name; of an item that stayed, only what differs.
    """
    before: dict[str, JSON] = {}
    after: dict[str, JSON] = {}
    room, left_out = MAX_VALUES, 0
    for change in changes:
        old, new = _differing(change)
        room -= len(json.dumps([change.field, old, new]))
        if change.what == 'unseen' or not change.field or room < 0:
            left_out += 1
        elif change.what == 'item' and not (_is_object(before, change.field) and _is_object(after, change.field)):
            left_out += 1  # another field whose name is hidden too
        elif change.what == 'item':
            _put_item(before.setdefault(change.field, {}), after.setdefault(change.field, {}), change, old, new)
        elif change.what == 'order':
            before[f'{change.field} order'], after[f'{change.field} order'] = old, new
        else:
            before[change.field], after[change.field] = old, new
    return before, after, left_out


def _is_object(values: Mapping[str, JSON], field: str) -> bool:
    return isinstance(values.get(field, {}), dict)


def _put_item(before: dict[str, JSON], after: dict[str, JSON], change: Change, old: JSON, new: JSON) -> None:
    """By its name; a second item of the same name gets a number."""
    name = next(filter(None, (name_of(side) for side in (change.after, change.before) if side)), change.subject)
    number, key = 1, name
    while key in before or key in after:
        number += 1
        key = f'{name} ({number})'
    if change.before is not None:
        before[key] = old
    if change.after is not None:
        after[key] = new


def _differing(change: Change) -> tuple[JSON, JSON]:
    before, after = change.before, change.after
    if change.what == 'order':
        return _names(before), _names(after)
    if not isinstance(before, dict) or not isinstance(after, dict):
        return before, after
    keys = [key for key in {**before, **after} if not same(before.get(key), after.get(key))]
    return {key: before[key] for key in keys if key in before}, {key: after[key] for key in keys if key in after}


def _names(items: JSON) -> list[JSON]:
    return [name_of(item) if isinstance(item, dict) else item for item in items or []]
