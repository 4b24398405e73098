"""What a Datadog monitor tells us: the payload's template, and a strict reading of what arrives."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

ALERTS = ('Triggered', 'Re-Triggered')
RECOVERED = 'Recovered'
ALREADY = 'Alerting already'  # not Datadog's: what `mode: watch` finds alerting at its very first look

# What the webhook's payload must be in Datadog. The title is last: it is the only text that people write.
TEMPLATE: Mapping[str, str] = {
    'monitor_id': '$ALERT_ID',
    'transition': '$ALERT_TRANSITION',
    'cycle_key': '$ALERT_CYCLE_KEY',
    'scope': '$ALERT_SCOPE',
    'tags': '$TAGS',
    'date': '$DATE',
    'link': '$LINK',
    'title': '$EVENT_TITLE',
}
_REQUIRED = ('monitor_id', 'transition', 'cycle_key', 'title')
_LONGEST = 4000  # characters of one field
_LONGEST_KEY, _LONGEST_SHOWN = 200, 300  # characters that are kept of what is compared, and of what is shown
_VARIABLE = re.compile(r'\$[A-Z_]+(\[[^\]]*\])?')
_NO_KEY = ('', '0', '-1', 'none', 'null', 'n/a', 'undefined')


class UnreadableError(ValueError):
    """The body is not what the template makes; the message says in which respect, and repeats nothing of it."""


@dataclass(frozen=True, slots=True)
class Notification:
    """One message of a monitor. Texts are as they came; a variable that Datadog did not fill in is ''.

    cycle: the same from an alert's start to its end, or '' where there is none that can be used.
    happened: epoch seconds, or None. is_seen: a look at the monitor has found it, so it is no message that may be late.
    """

    monitor_id: str
    transition: str
    cycle: str = ''
    scope: str = ''
    tags: str = ''
    title: str = ''
    link: str = ''
    happened: float | None = None
    is_test: bool = False
    is_seen: bool = False

    @property
    def is_alert(self) -> bool:
        return self.transition in ALERTS

    @property
    def is_open(self) -> bool:
        """Whether an alert is open from now on: one to act upon, or one that began before anybody looked."""
        return self.is_alert or self.transition == ALREADY

    @property
    def is_recovery(self) -> bool:
        return self.transition == RECOVERED

    @property
    def about(self) -> frozenset[str]:
        """The tags of what alerts: those of its group, and the monitor's."""
        texts = (self.scope.lower(), self.tags.lower())  # Datadog's tags are in lower case
        return frozenset(part for text in texts for part in map(str.strip, text.split(',')) if part)

    @property
    def scope_key(self) -> str:
        """The scope, in as much room as the journal has for it."""
        return key_of(self.scope)

    @property
    def alert_key(self) -> str:
        """Tells one alert of a monitor from another as well as possible."""
        return alert_key(self.cycle, self.scope_key)


def template() -> str:
    """The payload to paste into Datadog."""
    return json.dumps(TEMPLATE, indent=2)


def parse(body: bytes) -> Notification:
    """Raises UnreadableError."""
    fields = _fields(body)
    title = fields['title']
    return Notification(
        monitor_id=fields['monitor_id'],
        transition=fields['transition'],
        cycle='' if fields['cycle_key'].lower() in _NO_KEY else key_of(fields['cycle_key']),
        scope=fields['scope'],
        tags=fields['tags'],
        title=title[:_LONGEST_SHOWN],
        link=fields['link'][:_LONGEST_SHOWN],
        happened=_seconds(fields['date']),
        is_test='[TEST]' in title,
    )


def alert_key(cycle: str, scope_key: str) -> str:
    """Both: whether two groups can be in a cycle of one key is not documented."""
    return f'{cycle} | {scope_key}'


def key_of(text: str) -> str:
    """As different as the text itself, and not as long."""
    if len(text) <= _LONGEST_KEY:
        return text
    return f'{text[: _LONGEST_KEY - 60]}… {hashlib.sha256(text.encode()).hexdigest()[:40]}'


def _fields(body: bytes) -> dict[str, str]:
    try:
        values = json.loads(body.decode('utf-8'), object_pairs_hook=_once, parse_constant=_no_constant)
    except UnreadableError:
        raise
    except (ValueError, RecursionError):
        raise UnreadableError(
            'it is not JSON: is the payload in Datadog the template, and is there no quotation mark in the name of '
            'the monitor?'
        ) from None
    if not isinstance(values, dict):
        raise UnreadableError('it is no JSON object')
    if unknown := values.keys() - TEMPLATE.keys():
        raise UnreadableError(f'{len(unknown)} of its fields are not in the template')
    if missing := [name for name in _REQUIRED if name not in values]:
        raise UnreadableError(f'the field {missing[0]} is missing')
    return {name: _text(name, values.get(name, '')) for name in TEMPLATE}


def _text(name: str, value: Any) -> str:
    """A variable that does not apply arrives empty, or as its own name."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**18:
        value = str(value)
    if not isinstance(value, str):
        raise UnreadableError(f'the field {name} is no text')
    if len(value) > _LONGEST:
        raise UnreadableError(f'the field {name} is longer than {_LONGEST} characters')
    # Halves of surrogate pairs can stand in JSON, and nowhere else.
    text = value.encode('utf-8', 'replace').decode('utf-8')
    text = printable(text).strip()
    return '' if _VARIABLE.fullmatch(text) else text


def printable(text: str) -> str:
    """A terminal that shows the journal takes no orders from it."""
    return ''.join(each if each.isprintable() else ' ' for each in text)


def _seconds(text: str) -> float | None:
    try:
        milliseconds = float(text)
    except ValueError:
        return None
    return milliseconds / 1000 if math.isfinite(milliseconds) and milliseconds > 0 else None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise UnreadableError('a field stands in it twice')
    return found


def _no_constant(_: str) -> None:
    raise UnreadableError('a number in it is none')
