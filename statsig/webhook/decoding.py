"""A body becomes events: at once where it is as Statsig's SDKs write it, event by event where it is not.

Two shapes are known: a bare array of events, and `{"data": [event, …]}`. One bad event never costs the others.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
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


_body = msgspec.json.Decoder(list[Event] | _Envelope)
_event = msgspec.json.Decoder(Event)
_raw_list = msgspec.json.Decoder(list[Raw])
_raw_envelope = msgspec.json.Decoder(_RawEnvelope)

# UnicodeDecodeError is a ValueError, as are msgspec's errors from 0.18 on; nesting too deep is a RecursionError.
_UNREADABLE = (ValueError, RecursionError, msgspec.MsgspecError)

# A whole string, a quotation mark without its end, or what gives JSON its structure. `*+` never goes back: a string
# without its end is read once, not once for each mark inside it.
_TOKEN = re.compile(rb'"(?:[^"\\]+|\\.)*+"|["\[\]{},]', re.DOTALL)


def decode(body: bytes) -> Decoded:
    """Raises MalformedBodyError. Takes time in proportion to the body, whatever is in it."""
    try:
        found = _body.decode(body)
    except _UNREADABLE:
        return _decoded_one_by_one(body)
    return Decoded(found.data if isinstance(found, _Envelope) else found)


def _decoded_one_by_one(body: bytes) -> Decoded:
    events: list[Event] = []
    malformed = 0
    for item in _items(body):
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
    depth, start = 0, 1
    for token in _TOKEN.finditer(body):
        text = token[0]
        if text == b'"':
            raise MalformedBodyError
        if text in b'[{':
            depth += 1
        elif text in b']}':
            depth -= 1
        if depth == 0:
            if token.end() != len(body) or text != b']':
                raise MalformedBodyError
            if body[start : token.start()].strip() or start > 1:
                yield body[start : token.start()]
            return
        if depth == 1 and text == b',':
            yield body[start : token.start()]
            start = token.end()
    raise MalformedBodyError


def _event_of(item: bytes | memoryview) -> Event | None:
    try:
        return _event.decode(item)
    except _UNREADABLE:
        pass
    try:
        value = json.loads(bytes(item).decode('utf-8', 'replace'))
    except (ValueError, RecursionError):
        return None
    return _tolerated(value) if isinstance(value, dict) else None


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
