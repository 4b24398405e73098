"""What the Console API answers, as small frozen records.

Each `parse_*` function takes one raw JSON value of an answer and returns its record, or raises `MalformedRecordError`:
one bad record never costs the others. Shapes are those of the official OpenAPI document (Console API 20240601).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypedDict

JSON = Any


class MalformedRecordError(ValueError):
    """A record of an answer cannot be read. The message names the field and what it held, cut short."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One entry of `/console/v1/audit_logs`: somebody changed something.

    `timestamp` is epoch seconds (the API's resolution is one second). `changes` is `{field: {'old': …, 'new': …}}`,
    often empty; `change_log` is Statsig's own text, possibly of several lines. Everything but `id`, `name`, `action`
    and `timestamp` may be empty: those four (from five fields) are what makes an entry worth delivering.
    """

    id: str
    name: str
    action: str
    timestamp: int
    change_log: str = ''
    changes: Mapping[str, JSON] | None = None
    author: str = ''
    author_id: str = ''
    author_email: str = ''
    tags: tuple[str, ...] = ()
    target_apps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Gate:
    """A feature gate of `/console/v1/gates`. `checks_per_hour` is None where the API does not say."""

    id: str
    name: str
    status: str
    type: str
    type_reason: str
    enabled: bool | None
    checks_per_hour: float | None
    team: str
    tags: tuple[str, ...]
    target_apps: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Experiment:
    """An experiment of `/console/v1/experiments`. `health` is '' where the API gives no `healthCheckStatus`."""

    id: str
    name: str
    status: str
    health: str
    layer_id: str
    start_time: float
    team: str
    tags: tuple[str, ...]
    target_apps: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Entity:
    """A dynamic config, layer, holdout or segment: what this project needs of each is the same."""

    id: str
    name: str
    enabled: bool | None
    team: str
    tags: tuple[str, ...]
    target_apps: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ExposureCount:
    """Exposures of one gate, experiment or dynamic config over two rolling windows (not increments)."""

    id: str
    past_day: float
    past_7_days: float


def parse_audit_entry(raw: JSON) -> AuditEntry:
    """An entry needs a readable `id`, `date`, `time`, `actionType` and `name`; whatever the rest looks like, it counts.

    Raises MalformedRecordError.
    """
    fields = _object(raw)
    changes = fields.get('changes')
    return AuditEntry(
        id=_required_text(fields, 'id'),
        name=_required_text(fields, 'name', may_be_empty=True),
        action=_required_text(fields, 'actionType'),
        timestamp=parse_audit_time(fields.get('date'), fields.get('time')),
        change_log=_text(fields.get('changeLog')),
        changes=changes if isinstance(changes, Mapping) else None,
        author=_text(fields.get('updatedBy')),
        author_id=_text(fields.get('updatedByUserID')),
        author_email=_text(fields.get('modifierEmail')),
        tags=_texts(fields.get('tags')),
        target_apps=_texts(fields.get('targetAppIDs')),
    )


_MONTHS = {
    name: number
    for number, name in enumerate(
        ('jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'), start=1
    )
}
LARGEST_OFFSET = timedelta(hours=15)
_DATE = re.compile(r'\s*(?:[A-Za-z]{3,9},?\s+)?([A-Za-z]{3})[a-z]*\.?\s+(\d{1,2}),?\s+(\d{4})\s*')
_TIME = re.compile(
    r'\s*(\d{1,2}):(\d{2}):(\d{2})(?:\.\d+)?'
    r'\s*(?:(?:GMT|UTC|Z)\s*(?:([+-])(\d{2}):?(\d{2}))?)?\s*(?:\(.*\))?\s*'
)


def parse_audit_time(date: JSON, time: JSON) -> int:
    """Epoch seconds of `date` = "Mon Sep 26 2022" and `time` = "23:46:14 GMT+0000 (Coordinated Universal Time)".

    These are the two halves of JavaScript's `Date.toString()`, so the offset may differ from +0000; a time without
    one is taken as UTC. Read without `strptime`, whose month names hang on the host's locale.
    Raises MalformedRecordError.
    """
    day = _DATE.fullmatch(date) if isinstance(date, str) else None
    clock = _TIME.fullmatch(time) if isinstance(time, str) else None
    if day is None or day[1].lower() not in _MONTHS:
        raise MalformedRecordError(f'`date` is {_shown(date)}, expected a day such as "Mon Sep 26 2022"')
    if clock is None:
        raise MalformedRecordError(f'`time` is {_shown(time)}, expected a time such as "23:46:14 GMT+0000"')
    offset = timedelta(hours=int(clock[5] or 0), minutes=int(clock[6] or 0))
    if offset > LARGEST_OFFSET:
        raise MalformedRecordError(f'`time` is {_shown(time)}, with an offset that no time zone has')
    try:
        moment = datetime(
            int(day[3]), _MONTHS[day[1].lower()], int(day[2]), int(clock[1]), int(clock[2]), int(clock[3])
        ).replace(tzinfo=UTC)
        return int((moment + offset if clock[4] == '-' else moment - offset).timestamp())
    except (ValueError, OverflowError) as error:
        raise MalformedRecordError(f'`date` and `time` are {_shown(date)}, {_shown(time)}: {error}') from None


def parse_gate(raw: JSON) -> Gate:
    """Raises MalformedRecordError when there is no readable `id`."""
    fields = _object(raw)
    return Gate(
        **_shared(fields),
        status=_text(fields.get('status')),
        type=_text(fields.get('type')),
        type_reason=_text(fields.get('typeReason')),
        enabled=_flag(fields.get('isEnabled')),
        checks_per_hour=_number(fields.get('checksPerHour')),
    )


def parse_experiment(raw: JSON) -> Experiment:
    """Raises MalformedRecordError when there is no readable `id`."""
    fields = _object(raw)
    return Experiment(
        **_shared(fields),
        status=_text(fields.get('status')),
        health=_text(fields.get('healthCheckStatus')),
        layer_id=_text(fields.get('layerID')),
        start_time=_number(fields.get('startTime')) or 0.0,
    )


def parse_entity(raw: JSON) -> Entity:
    """A dynamic config, layer, holdout or segment. Raises MalformedRecordError when there is no readable `id`."""
    fields = _object(raw)
    return Entity(**_shared(fields), enabled=_flag(fields.get('isEnabled')))


class _Shared(TypedDict):
    id: str
    name: str
    team: str
    tags: tuple[str, ...]
    target_apps: tuple[str, ...]


def _shared(fields: Mapping[str, JSON]) -> _Shared:
    """What gates, experiments and all the others have in common."""
    entity_id = _required_text(fields, 'id')
    return {
        'id': entity_id,
        'name': _text(fields.get('name')) or entity_id,
        'team': _text(fields.get('team')),
        'tags': _texts(fields.get('tags')),
        'target_apps': _texts(fields.get('targetApps')),
    }


def parse_exposure_count(raw: JSON) -> ExposureCount:
    """Raises MalformedRecordError when the id or one of the two figures is missing: no figure is ever made up."""
    fields = _object(raw)
    past_day, past_7_days = _number(fields.get('pastDay')), _number(fields.get('past7Days'))
    if past_day is None or past_7_days is None:
        raise MalformedRecordError(
            f'`pastDay` and `past7Days` are {_shown(fields.get("pastDay"))}, {_shown(fields.get("past7Days"))}, '
            'expected two numbers'
        )
    return ExposureCount(id=_required_text(fields, 'id'), past_day=past_day, past_7_days=past_7_days)


def _object(raw: JSON) -> Mapping[str, JSON]:
    if not isinstance(raw, Mapping):
        raise MalformedRecordError(f'the record is {_shown(raw)}, expected an object')
    return raw


def _required_text(fields: Mapping[str, JSON], field: str, may_be_empty: bool = False) -> str:
    value = fields.get(field)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not (value.strip() or may_be_empty):
        raise MalformedRecordError(f'`{field}` is {_shown(value)}, expected text')
    return value


def _text(value: JSON) -> str:
    return value if isinstance(value, str) else ''


def _texts(value: JSON) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,) if value else ()
    return tuple(item for item in value if isinstance(item, str) and item) if isinstance(value, list) else ()


def _flag(value: JSON) -> bool | None:
    return value if isinstance(value, bool) else None


def _number(value: JSON) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return value if -1e300 < value < 1e300 else None


def _shown(value: JSON) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else f'{shown[:57]}...'
