"""What a monitor is like according to Datadog, and which notifications follow from how it was before. Pure.

`GET /api/v1/monitor/{id}?group_states=all` answers `state.groups`: name → {status, last_triggered_ts, …}. There is no
cycle key in it; the time of the last alert of a group serves as one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from statsig.relay.triggers.notification import ALREADY, RECOVERED, Notification, key_of, printable

ALERT, OK = 'Alert', 'OK'
MOST_GROUPS = 1000
_WHOLE = '*'  # the group of a monitor without groups
_STILL = f'{ALERT}, then '  # the status of a group that has alerted, is no longer alerting, and is not OK yet
_LATEST = 10**11  # epoch seconds

State = tuple[str, str]  # status, cycle
Groups = Mapping[str, State]
_UNKNOWN: State = (OK, '')  # what was not there did not alert

_BRACES = re.compile(r'((?<=[\s)}])by\s*)?\{([^{}]*)\}', re.IGNORECASE)
_TAG = re.compile(r'[^\W\d][\w./-]*:[\w./:-]+')
_NOT_PLAIN = re.compile(r'[()]|\b(?:OR|IN)\b', re.IGNORECASE)


class AnswerError(ValueError):
    """It is not the monitor that was asked for. The message repeats nothing of it."""


def groups_of(answer: Any, monitor: str) -> dict[str, State]:
    """Never empty: a monitor without groups is one group. Raises AnswerError."""
    if not isinstance(answer, dict) or str(answer.get('id')) != monitor:
        raise AnswerError('not the monitor that was asked for')
    state = answer.get('state')
    groups = state.get('groups') if isinstance(state, dict) else None
    if isinstance(groups, dict) and groups:
        if len(groups) > MOST_GROUPS:
            raise AnswerError(f'more than {MOST_GROUPS} groups')
        return {str(name): _group(monitor, str(name), group) for name, group in groups.items()}
    status = answer.get('overall_state')
    if not isinstance(status, str):
        raise AnswerError('a monitor without a state')
    return {_WHOLE: (status, '')}


def _group(monitor: str, name: str, group: Any) -> State:
    if not isinstance(group, dict) or not isinstance(group.get('status'), str):
        raise AnswerError('a group without a status')
    triggered = group.get('last_triggered_ts')
    is_time = isinstance(triggered, int) and not isinstance(triggered, bool) and 0 < triggered < _LATEST
    return group['status'], f'{monitor} {name} {triggered}' if is_time else ''


def remembered(before: Groups, now: Groups) -> dict[str, State]:
    """What to keep of a look: an alert is open, and has its cycle, until its group is OK or alerts anew."""
    return {group: _kept(before.get(group, _UNKNOWN), state) for group, state in now.items()}


def _kept(was: State, now: State) -> State:
    status, cycle = now
    if not _is_open(was) or status == OK:
        return now
    if status == ALERT:
        alerts_anew = cycle and was[1] and cycle != was[1]
        return now if alerts_anew else (ALERT, was[1])
    return _STILL + status, was[1]


def _is_open(state: State) -> bool:
    return state[0] == ALERT or state[0].startswith(_STILL)


def changes(monitor: str, before: Groups, now: Groups, answer: Any) -> list[Notification]:
    """What has changed between two looks, as `remembered`; recoveries first, so that they call off nothing new.

    At the very first look nothing has: what alerts then may do so for days.
    """
    if before:
        found = [
            (group, transition, cycle)
            for group in (*now, *(group for group in before if group not in now and _is_open(before[group])))
            for transition, cycle in _transitions(before.get(group, _UNKNOWN), now.get(group, _UNKNOWN))
        ]
    else:
        found = [(group, ALREADY, cycle) for group, (status, cycle) in now.items() if status == ALERT]
    found.sort(key=lambda each: each[1] != RECOVERED)
    title, tags = printable(str(answer.get('name', '')))[:200], ','.join(_tags(answer))
    return [
        Notification(
            monitor_id=monitor,
            transition=transition,
            cycle=key_of(printable(cycle)),
            scope='' if group == _WHOLE else printable(group),
            tags=tags,
            title=title,
            happened=float(cycle.rpartition(' ')[2]) if cycle and transition != RECOVERED else None,
            is_seen=True,
        )
        for group, transition, cycle in found
    ]


def _transitions(was: State, now: State) -> list[tuple[str, str]]:
    """Of one group: each with the cycle that it is about."""
    (before, old), (after, cycle) = was, now
    if _is_open(was) and after == OK:
        return [(RECOVERED, old)]
    if _is_open(was) and cycle != old:
        return [(RECOVERED, old), ('Triggered', cycle)]
    if before == after:
        return []
    if after == ALERT:
        return [('Re-Triggered' if _is_open(was) else 'Triggered', cycle)]
    if after == OK:
        return [(RECOVERED, old or cycle)]
    return [(after.removeprefix(_STILL), cycle)]


def _tags(answer: Mapping[str, Any]) -> list[str]:
    tags = answer.get('tags')
    of_monitor = [each for each in tags if isinstance(each, str)] if isinstance(tags, list) else []
    query = answer.get('query')
    return of_monitor + (scope_tags(query) if isinstance(query, str) else [])


def scope_tags(query: str) -> list[str]:
    """The tags that all that a monitor's query looks at has: none rather than one too many.

    Only of a query with one scope in braces. A part that is not a plain tag is left out, such as `!env:staging`; with
    OR, IN, or parentheses a part does not hold by itself, so nothing is taken.
    """
    braces = _BRACES.findall(query)
    scopes = [scope for by, scope in braces if not by]
    is_understood = query.count('{') == query.count('}') == len(braces) and '"' not in query
    if not is_understood or len(scopes) != 1 or _NOT_PLAIN.search(scopes[0]):
        return []
    parts = (part.strip() for part in re.split(r',|\sAND\s', scopes[0]))
    return [part for part in parts if _TAG.fullmatch(part)]
