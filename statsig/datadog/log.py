"""A notice as a structured log: the whole entry, for a SIEM and for keeping, under Datadog's standard attributes.

https://docs.datadoghq.com/standard-attributes/: `usr.*` is who did it, `evt.*` what was done.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import accumulate

from statsig.datadog.changes import Change
from statsig.datadog.markdown import clean
from statsig.datadog.notice import Notice
from statsig.datadog.values import JSON, iso

SOURCE = 'statsig'

# Datadog recommends to keep a log below 25 KB; it takes 1 MB.
MAX_BYTES = 25_000
_MAX_PROJECT = 128
_MAX_TAG_BYTES = 8_000
_MAX_NOTE_BYTES = 6_000
_MAX_ENVIRONMENT_BYTES = 3_000

# The words of Datadog's log statuses.
_STATUS = {'warning': 'warning', 'success': 'ok', 'info': 'info'}


def log_of(notice: Notice) -> dict[str, JSON]:
    """The attributes of one log, at most 25 KB of JSON: where that is too little, changes are left out from the end,
    counted in `statsig.changes_left_out`. `timestamp` is epoch seconds, `ddtags` the tags as one text. Never raises.
    """
    reading = notice.reading
    action = reading.action
    told: dict[str, JSON] = {
        'project': clean(notice.project[:_MAX_PROJECT]),
        'kind': action.kind,
        'name': reading.name,
        'verb': action.verb,
        'part': action.part,
        'group': action.group,
        'is_change': action.is_change,
        'environments': _within(_MAX_ENVIRONMENT_BYTES, reading.environments),
        'team': notice.team,
        'happened_at': iso(notice.entry.timestamp),
        'link': notice.link,
        'change_log': '\n'.join(_within(_MAX_NOTE_BYTES, reading.note)),
        'changes': [],
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
    _add_changes(log, [change for change in reading.changes if change.field])
    return log


def _said(fields: dict[str, JSON]) -> dict[str, JSON]:
    return {key: value for key, value in fields.items() if value != ''}


def _add_changes(log: dict[str, JSON], changes: list[Change]) -> None:
    told = log['statsig']
    room = MAX_BYTES - _size(log) - _size({'changes_left_out': len(changes)})
    for number, change in enumerate(changes):
        shown = {
            'field': change.field,
            'subject': change.subject,
            'before': change.before,
            'after': change.after,
            'text': change.text,
        }
        room -= _size(shown) + 2
        if room < 0:
            told['changes_left_out'] = len(changes) - number
            return
        told['changes'].append(shown)


def _within(most: int, texts: Sequence[str]) -> list[str]:
    """The first texts that take no more than `most` bytes of JSON."""
    sizes = accumulate(_size(text) + 2 for text in texts)
    return [text for text, size in zip(texts, sizes, strict=True) if size <= most]


def _size(value: JSON) -> int:
    return len(json.dumps(value, ensure_ascii=False).encode('utf-8', 'replace'))
