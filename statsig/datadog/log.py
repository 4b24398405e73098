"""A notice as a structured log: the whole entry, for a SIEM and for keeping, under Datadog's standard attributes.

https://docs.datadoghq.com/standard-attributes/: `usr.*` is who did it, `evt.*` what was done.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import accumulate

from statsig.datadog.markdown import clean, cut
from statsig.datadog.notice import Notice
from statsig.datadog.reading import Reading
from statsig.datadog.values import JSON, iso

SOURCE = 'statsig'

# Datadog recommends to keep a log below 25 KB; it takes 1 MB.
MAX_BYTES = 25_000
_MAX_PROJECT = 128
_MAX_TAG_BYTES = 6_000
_MAX_NOTE_BYTES = 5_000
_MAX_LIST_BYTES = 1_500
_MAX_LISTED = 100

# The words of Datadog's log statuses.
_STATUS = {'warning': 'warning', 'success': 'ok', 'info': 'info'}


def log_of(notice: Notice) -> dict[str, JSON]:
    """The attributes of one log, at most 25 KB of JSON: changes for which that is too little are counted in
    `statsig.changes_left_out`. `timestamp` is epoch seconds, `ddtags` the tags as one text. Never raises.
    """
    reading = notice.reading
    action = reading.action
    told: dict[str, JSON] = {
        'project': cut(clean(notice.project[: 2 * _MAX_PROJECT]), _MAX_PROJECT),
        'kind': action.kind,
        'name': reading.name,
        'verb': action.verb,
        'part': action.part,
        'group': action.group,
        'is_change': action.is_change,
        'environments': _listed(reading.environments, reading),
        'team': notice.team,
        'happened_at': iso(notice.entry.timestamp),
        'link': notice.link,
        'change_log': '\n'.join(_within(_MAX_NOTE_BYTES, reading.note, len(reading.note))),
        'tags': _listed(notice.entry.tags, reading),
        'target_apps': _listed(notice.entry.target_apps, reading),
    }
    log: dict[str, JSON] = {
        'message': notice.title,
        'timestamp': notice.timestamp,
        'status': _STATUS[notice.alert_type],
        'ddtags': ','.join(_within(_MAX_TAG_BYTES, [each.replace(',', '_') for each in notice.tags_telling_first])),
        'evt': {
            'name': notice.action_type,
            'category': 'authentication' if action.verb == 'logged in' else action.group,
            # The audit log holds what has been done; what Statsig refused is not in it.
            'outcome': 'success',
            'id': notice.key,
        },
        'usr': _said({'name': reading.author, 'email': reading.author_email, 'id': reading.author_id}),
        'statsig': _said(told),
    }
    if notice.services:
        log['service'] = notice.services[0]
    _add_changes(log, reading)
    return log


def _said(fields: dict[str, JSON]) -> dict[str, JSON]:
    return {key: value for key, value in fields.items() if value or value is False}


def _add_changes(log: dict[str, JSON], reading: Reading) -> None:
    """In words as many as have room, and then with their values as many as have."""
    beside = {'items_not_compared': reading.left_out.items, 'fields_not_examined': reading.left_out.fields}
    room = MAX_BYTES - _size(log) - _size({**beside, 'changes_left_out': 10**9, 'changes': []})
    changes: list[dict[str, JSON]] = []
    for change in reading.changes:
        words = _said({'field': change.field, 'subject': change.subject, 'text': change.text})
        if _size(words) + 2 <= room:
            room -= _size(words) + 2
            changes.append(words)
        else:
            break
    for words, change in zip(changes, reading.changes, strict=False):
        values = {'before': change.before, 'after': change.after}
        if change.shows_a_difference and _size(values) <= room:
            room -= _size(values)
            words |= values
    left_out = reading.left_out.changes + len(reading.changes) - len(changes)
    log['statsig'] |= _said({'changes': changes, 'changes_left_out': left_out, **beside})


def _listed(names: Sequence[str], reading: Reading) -> list[str]:
    return _within(_MAX_LIST_BYTES, [reading.shown(name) for name in names[:_MAX_LISTED]], len(names))


def _within(most: int, texts: Sequence[str], total: int = 0) -> list[str]:
    """The first texts that take no more than `most` bytes of JSON; and how many more there are of a total, if given."""
    sizes = accumulate(_size(text) + 2 for text in texts)
    kept = [text for text, size in zip(texts, sizes, strict=True) if size <= most]
    return [*kept, f'… {total - len(kept):,} more'] if total > len(kept) else kept


def _size(value: JSON) -> int:
    return len(json.dumps(value, ensure_ascii=False).encode('utf-8', 'replace'))
