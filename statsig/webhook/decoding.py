"""A body becomes events: at once where it is as Statsig's SDKs write it, event by event where it is not.

Two shapes are known: a bare array of events, and `{"data": [event, …]}`. One bad event never costs the others.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import msgspec
from msgspec import Raw, Struct

from statsig.webhook.events import Environment, Event, Metadata, Sampling, User


class MalformedBodyError(ValueError):
    """The body is no list of events in any known shape."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """`malformed` is the number of list items that are no events."""

    events: Sequence[Event]
    malformed: int = 0


class _Envelope(Struct, gc=False):
    data: list[Event]


class _RawEnvelope(Struct, gc=False):
    data: Raw


class _Named(Struct, gc=False, rename='camel'):
    event_name: Any = None


_body = msgspec.json.Decoder(list[Event] | _Envelope)
_event = msgspec.json.Decoder(Event)
_named = msgspec.json.Decoder(_Named)
_object = msgspec.json.Decoder(dict[str, Any])
_raw_list = msgspec.json.Decoder(list[Raw])
_raw_envelope = msgspec.json.Decoder(_RawEnvelope)

# UnicodeDecodeError is a ValueError, as are msgspec's errors from 0.18 on; nesting too deep is a RecursionError.
_UNREADABLE = (ValueError, RecursionError, msgspec.MsgspecError)

# Up to the next bracket, or bracket or comma, outside of strings. `*+` never goes back: a string without its end is
# read once, not once for each quotation mark inside it.
_STRING = rb'"(?:[^"\\]+|\\.)*+"'
_TO_BRACKET = re.compile(rb'(?:[^\[\]{}"]+|%b)*+([\[\]{}])' % _STRING, re.DOTALL)
_TO_BRACKET_OR_COMMA = re.compile(rb'(?:[^\[\]{}",]+|%b)*+([\[\]{},])' % _STRING, re.DOTALL)

# One event takes 300 bytes and ten brackets. Bodies that are made of little else than punctuation would take seconds
# and a hundred times their size in memory.
_LARGE = 1024 * 1024  # bytes of a body of which that is asked
_LEAST_PER_OBJECT = 16  # bytes
_LEAST_PER_ITEM = 8  # bytes for each comma, where items are looked at one by one
_MOST_ITEMS = 400_000  # that are looked at one by one
_MOST_BRACKETS = 1_200_000


def decode(body: bytes) -> Decoded:
    """Raises MalformedBodyError. Takes time in proportion to the body, whatever is in it."""
    if len(body) > _LARGE and body.count(b'{') > len(body) // _LEAST_PER_OBJECT:
        raise MalformedBodyError
    try:
        found = _body.decode(body)
    except _UNREADABLE:
        return _decoded_one_by_one(body)
    return Decoded(found.data if isinstance(found, _Envelope) else found)


def events_named(body: bytes, event_name: str) -> Iterator[dict[str, Any]]:
    """The events of that name, as they are written, of a body that `decode` takes."""
    for item in islice(_items(body), _MOST_ITEMS):
        try:
            event = _object.decode(item) if _named.decode(item).event_name == event_name else {}
        except _UNREADABLE:
            event = _forgiven(item)
        if event.get('eventName') == event_name:
            yield event


def _decoded_one_by_one(body: bytes) -> Decoded:
    if len(body) > _LARGE and body.count(b',') > len(body) // _LEAST_PER_ITEM:
        raise MalformedBodyError
    events: list[Event] = []
    items = _items(body)
    malformed = max(0, len(items) - _MOST_ITEMS)
    for item in items[:_MOST_ITEMS]:
        event = _event_of(item)
        if event is None:
            malformed += 1
        else:
            events.append(event)
    return Decoded(events, malformed)


def _items(body: bytes) -> Sequence[bytes | memoryview]:
    """The items of the list, each as it is written. Raises MalformedBodyError."""
    try:
        return [memoryview(raw) for raw in _raw_list.decode(_list_in(body))]
    except _UNREADABLE:
        # Something that msgspec cannot even skip: half of a surrogate pair, NaN, a hundred thousand brackets.
        return list(_split(body))


def _list_in(body: bytes) -> bytes | memoryview:
    if body.lstrip()[:1] == b'{':
        return memoryview(_raw_envelope.decode(body).data)
    return body


def _split(body: bytes) -> Iterator[bytes]:
    """The same by brackets and quotation marks alone."""
    body = body.removeprefix(b'\xef\xbb\xbf').strip()
    if body[:1] == b'{':
        envelope = re.match(rb'\{\s*"data"\s*:\s*(?=\[)', body)
        if not envelope or body[-1:] != b'}':
            raise MalformedBodyError
        body = body[envelope.end() : -1].rstrip()
    if body[:1] != b'[':
        raise MalformedBodyError
    position = start = depth = 1
    for _ in range(_MOST_BRACKETS):
        found = (_TO_BRACKET_OR_COMMA if depth == 1 else _TO_BRACKET).match(body, position)
        if not found:
            raise MalformedBodyError
        position, mark = found.end(), found[1]
        if mark in b'[{':
            depth += 1
        elif mark in b']}':
            depth -= 1
        else:
            yield body[start : position - 1]
            start = position
        if depth == 0:
            if position != len(body) or mark != b']':
                raise MalformedBodyError
            if body[start : position - 1].strip() or start > 1:
                yield body[start : position - 1]
            return
    raise MalformedBodyError


def _event_of(item: bytes | memoryview) -> Event | None:
    try:
        return _event.decode(item)
    except _UNREADABLE:
        pass
    event = _forgiven(item)
    return _tolerated(event) if event else None


def _forgiven(item: bytes | memoryview) -> dict[str, Any]:
    """What msgspec refuses: NaN, halves of surrogate pairs, bytes that are no UTF-8. Empty where it is no object."""
    try:
        value = json.loads(bytes(item).decode('utf-8', 'replace'))
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _tolerated(event: dict[str, Any]) -> Event:
    """Numbers where text is expected become text; what is neither counts as missing."""
    environment = _part(_part(event, 'user'), 'statsigEnvironment')
    metadata, statsig = _part(event, 'metadata'), _part(event, 'statsigMetadata')
    return Event(
        event_name=_text(event.get('eventName')),
        user=User(Environment(_text(environment.get('tier')))),
        metadata=Metadata(
            gate=_text(metadata.get('gate')),
            gate_value=_text(metadata.get('gateValue')),
            config=_text(metadata.get('config')),
            experiment_group_name=_text(metadata.get('experimentGroupName')),
        ),
        statsig_metadata=Sampling(_text(statsig.get('samplingRate')), _text(statsig.get('samplingMode'))),
    )


def _part(value: dict[str, Any], key: str) -> dict[str, Any]:
    part = value.get(key)
    return part if isinstance(part, dict) else {}


def _text(value: object) -> str | None:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int | float):
        return str(value)
    return None
