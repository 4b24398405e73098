"""A notice as a change event of Datadog's Events API v2: what Change Tracking shows on services and monitors.

Schema and limits: https://docs.datadoghq.com/api/latest/events/#post-an-event (category `change`). The intake takes no
other keys than these.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from statsig.datadog.changes import Change
from statsig.datadog.markdown import clean, cut
from statsig.datadog.notice import Notice
from statsig.datadog.reading import Reading
from statsig.datadog.text import plain_text_of
from statsig.datadog.values import JSON, iso

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
    sides = _sides(reading)
    attributes: dict[str, JSON] = {
        'changed_resource': {
            'name': cut(reading.name or reading.kind_label, MAX_NAME),
            'type': 'feature_flag' if reading.action.kind in _FLAGS else 'configuration',
        },
        'change_metadata': _metadata(notice, sides.left_out),
    }
    if reading.author:
        # Statsig does not say what an author is. Who has neither an id nor an address is most likely Statsig itself.
        is_person = reading.author_id or reading.author_email
        attributes['author'] = {'name': cut(reading.author, MAX_NAME), 'type': 'user' if is_person else 'system'}
    if notice.services:
        attributes['impacted_resources'] = [
            {'name': cut(service, MAX_NAME), 'type': 'service'} for service in notice.services[:MAX_IMPACTED]
        ]
    if sides.before or sides.after:
        attributes |= {'prev_value': sides.before, 'new_value': sides.after}
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


def _metadata(notice: Notice, without_room: int) -> dict[str, JSON]:
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
        'changes_left_out': reading.left_out.changes + without_room,
        'items_not_compared': reading.left_out.items,
        'fields_not_examined': reading.left_out.fields,
    }
    return {
        'resource_link': notice.link,
        **{key: _filled(values) for key, values in (('dd', shown), ('statsig', told)) if _filled(values)},
    }


def _filled(values: Mapping[str, JSON]) -> dict[str, JSON]:
    return {key: value for key, value in values.items() if value}


@dataclass(slots=True)
class _Sides:
    """Previous and new values under their fields; `left_out` counts the changes that are not among them."""

    before: dict[str, JSON]
    after: dict[str, JSON]
    left_out: int = 0


def _sides(reading: Reading) -> _Sides:
    """Of the items of a list (rules, groups) only those that differ, by name; of an item that stayed, what differs."""
    sides, room = _Sides({}, {}), MAX_VALUES
    keys: dict[str, str] = {}  # under which key the items of a field are
    for change in reading.changes:
        size = len(json.dumps([change.field, change.before, change.after]))
        if size > room or not change.shows_a_difference:
            sides.left_out += 1
            continue
        room -= size
        if change.what == 'item':
            key = keys.setdefault(change.field, '') or _unused(change.field, sides)
            keys[change.field] = key
            before, after = sides.before.setdefault(key, {}), sides.after.setdefault(key, {})
            _put_item(_Sides(before, after), change)
        else:
            key = _unused(f'{change.field} order' if change.what == 'order' else change.field, sides)
            sides.before[key], sides.after[key] = change.before, change.after
    return sides


def _put_item(items: _Sides, change: Change) -> None:
    key = _unused(change.name or change.subject, items)
    if change.before is not None:
        items.before[key] = change.before
    if change.after is not None:
        items.after[key] = change.after


def _unused(name: str, sides: _Sides) -> str:
    """The name, or with a number behind it, where something else has that name already: cut or hidden, two may."""
    number, key = 1, name or 'field'
    while key in sides.before or key in sides.after:
        number += 1
        key = f'{name or "field"} ({number})'
    return key
