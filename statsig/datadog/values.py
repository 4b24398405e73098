"""JSON values of Statsig's in a person's words, on one line, cut to a bearable length.

Everything here takes any JSON whatever, looks at a bounded part of it, and never raises.
"""

from __future__ import annotations

import json
import marshal
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from itertools import islice
from typing import Any

from statsig.datadog.allowance import Allowance, cost_of_reading
from statsig.datadog.markdown import clean, cut
from statsig.datadog.redaction import HIDDEN, NOTHING_HIDDEN, Redaction
from statsig.datadog.sensitive_fields import without_secrets

JSON = Any

MAX_READ = 600_000
MAX_EXAMINED = 300
MAX_MATCHED = 1_500  # items of all lists in which it is looked for what became of which
MAX_SENT = 25_000  # characters, of all texts or of one structure: no change event and no log has room for more
MAX_SENT_PARTS = 20  # of one object or list
_NAME = 20_000  # what a short name may cost at the most
_TEXT, _PART = 150, 40  # what a text costs beside its characters, and what a part of a value does
_MOST_UNREAD = 2_000  # characters of a text of JSON that nobody could read, to be shown where people are hidden
_BEYOND = 320  # characters of a long text looked at beyond those that are shown
_NESTED = frozenset({dict, list, tuple})
_WORDS_OF_JSON: dict[str, bool | None] = {'true': True, 'false': False, 'null': None}
_ACRONYMS = {word.lower(): word for word in ('AI', 'API', 'ID', 'IDs', 'IP', 'OS', 'SDK', 'SQL', 'SSO', 'URL', 'URLs')}
_DURATIONS = (('days', 86_400_000), ('h', 3_600_000), ('min', 60_000), ('s', 1_000))
_CAPITALISED = re.compile(r'[^\W\d_a-z][a-z\'’]')
_WORD_STARTS = re.compile(r'(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z]{2})')


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of a change is told: changes of an entry, items of a list, characters, levels of nesting, and parts of
    a value that is sent as structure."""

    changes: int = 60
    items: int = 8
    value: int = 120
    text: int = 600
    depth: int = 5
    parts: int = 500


class Unread(str):
    """Text that looks like JSON and is told as the text it is, since it is none, or too long, or one too many."""

    __slots__ = ()


@dataclass(slots=True)
class Work:
    """What an entry may cost beyond what is looked at anyway: more than can be shown of one, whatever it holds.

    `told` and `sent`: making texts safe and clearing them of secrets and people, for words and for structures.
    `read` and `contrasted`: text of JSON within other values, as `cost_of_reading` counts, for words and for
    structures. `matched`: items of lists. `structured`: characters of all structures, twice as many as have room in
    what is sent, for one that is too large keeps no smaller one out.
    """

    told: Allowance = field(default_factory=lambda: Allowance(150_000))
    sent: Allowance = field(default_factory=lambda: Allowance(150_000))
    read: Allowance = field(default_factory=lambda: Allowance(MAX_READ // 3))
    contrasted: Allowance = field(default_factory=lambda: Allowance(MAX_READ // 3))
    matched: Allowance = field(default_factory=lambda: Allowance(MAX_MATCHED))
    structured: Allowance = field(default_factory=lambda: Allowance(2 * MAX_SENT))

    @property
    def has_room_for_structure(self) -> bool:
        return self.structured.left > 0 and self.sent.left > _TEXT + _PART


def fingerprint(value: JSON) -> bytes | int:
    """Equal for values that are equal as JSON (with the keys of inner objects in the same order), so that each of many
    need not be compared with each. Takes time that grows with the size of the value alone."""
    try:
        # The last version of the format in which equal values always look alike.
        return marshal.dumps(sorted(value.items()) if isinstance(value, dict) else value, 2)
    except ValueError:
        return id(value)  # too deep


def same(before: JSON, after: JSON) -> bool:
    """Equal as JSON: `1` and `true` differ, though Python calls them equal. (Within lists and objects they do not.)"""
    if isinstance(before, bool) is not isinstance(after, bool):
        return False
    if isinstance(before, float) and isinstance(after, float) and math.isnan(before) and math.isnan(after):
        return True
    try:
        return bool(before == after)
    except RecursionError:
        return False


def is_scalar(value: JSON) -> bool:
    return value is None or isinstance(value, (str, int, float))


def are_scalars(values: Sequence[JSON]) -> bool:
    return _NESTED.isdisjoint(map(type, values))


def label_of(field: JSON) -> str:
    """A field's name in words: `monitoringMetrics` and `monitoring_metrics` are `monitoring metrics`.

    Like all labels it is still whole: `Words.name` cuts it when it is told, after hiding what is to be hidden.
    """
    return _label_of(field[:1000]) if isinstance(field, str) else 'field'


@lru_cache(maxsize=2_000)  # the same fields come again and again
def _label_of(field: str) -> str:
    name = clean(field)
    if _CAPITALISED.match(name) or without_secrets(name) != name:
        return name  # no field of Statsig's: somebody's name or a secret, perhaps, to be hidden as it is written
    words = _WORD_STARTS.sub(' ', name.replace('_', ' ')).split()
    told = (word if word[:2].isupper() else _ACRONYMS.get(word.lower(), word.lower()) for word in words)
    return ' '.join(told) or 'field'


def parsed(value: JSON, allowance: Allowance | None = None) -> JSON:
    """What a string of JSON holds, where it is an object or a list; anything else as it is.

    Statsig's audit log carries return values as text (`returnValueJSON`, `defaultValueJson5`). What cannot be read, or
    costs more than the allowance has left (by itself: more than MAX_READ), comes back as `Unread`.
    """
    if not _looks_like_json(value):
        return value
    if not (allowance or Allowance(MAX_READ)).take(cost_of_reading(value)):
        return Unread(value)
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return Unread(value)


def parsed_pair(before: JSON, after: JSON, allowance: Allowance) -> tuple[JSON, JSON]:
    """Both as what they hold, or both as the text they are: one of each could not be compared."""
    cost = sum(cost_of_reading(side) for side in (before, after) if _looks_like_json(side))
    if not allowance.take(cost):
        nothing = Allowance(0)
        return parsed(before, nothing), parsed(after, nothing)
    return parsed(before), parsed(after)


def _looks_like_json(value: JSON) -> bool:
    return isinstance(value, str) and not isinstance(value, Unread) and value.lstrip()[:1] in ('{', '[')


def parsed_value(value: JSON, allowance: Allowance | None = None) -> JSON:
    """As `parsed`, for fields that hold nothing but JSON: there, the text `true` is the value true."""
    return truth(value) if isinstance(value, str) and len(value) < 6 else parsed(value, allowance)


def truth(value: JSON) -> JSON:
    """The text `true`, `false` or `null` as what it means; anything else as it is."""
    return _WORDS_OF_JSON.get(value, value) if isinstance(value, str) else value


@dataclass(slots=True)
class _Room:
    """What is left of one value: its parts, its characters as JSON (or a few more), and the longest text in it."""

    parts: int
    characters: int
    longest: int


@dataclass(frozen=True, slots=True)
class Words:
    """Turns values of one entry into words within limits, hiding what is to be hidden.

    What is left when the entry has cost what it may (`work`) is told as `…`.
    """

    limits: Limits = Limits()
    redaction: Redaction = NOTHING_HIDDEN
    work: Work = field(default_factory=Work)

    def name(self, value: JSON) -> str:
        """A name as it is written, without quotes. A short one always: there are not many in what is told."""
        if isinstance(value, str):
            return self._line(value, 80, Allowance(_NAME) if len(value) <= 80 else None)
        return self.plain(value)

    def plain(self, value: JSON) -> str:
        """A value of a known field: text without quotes."""
        return (self._line(value, self.limits.value) or 'none') if isinstance(value, str) else self.quoted(value)

    def held(self, field: str, value: JSON) -> str:
        """A value of the user's own field, as `quoted`."""
        return self.redaction.mask(field, value) or self.quoted(value)

    def quoted(self, value: JSON) -> str:
        """A value of any field: text in quotes, so that "true" and true can be told apart."""
        if value is None:
            return 'none'
        if isinstance(value, bool):
            return 'true' if value else 'false'
        if isinstance(value, (int, float)):
            return number(value)
        if isinstance(value, str):
            return f'"{self._line(value, self.limits.value)}"{_size_of_cut(value, self.limits.value)}'
        return self._compact(value)

    def percent(self, value: JSON) -> str:
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return f'{number(value)} %' if is_number else self.plain(value)

    def time(self, value: JSON) -> str:
        """Epoch seconds or milliseconds as a time in UTC; what is not one of them as it is."""
        if isinstance(value, (int, float)) and 1e9 <= value < 1e13:
            return utc(value / 1000 if value >= 1e11 else value)
        return self.plain(value)

    def duration(self, value: JSON) -> str:
        """Milliseconds as people say them: `24 h`, `90 s`; what is no number as it is."""
        if not isinstance(value, (int, float)) or isinstance(value, bool) or value <= 0:
            return self.plain(value)
        unit, size = next((each for each in _DURATIONS if value % each[1] == 0), ('ms', 1))
        return f'{number(value / size if size > 1 else value)} {unit}'

    def listed(self, values: Sequence[JSON], quoted: bool = False) -> str:
        """`a, b, c and 5 more`"""
        shown = [self.quoted(item) if quoted else self.plain(item) for item in values[: self.limits.items]]
        more = len(values) - len(shown)
        return ', '.join(shown) + (f' and {more} more' if more > 0 else '')

    def shrunk(self, value: JSON, field: str = '') -> JSON:
        """The value itself, bounded and with people hidden: fit to be sent as structure."""
        if value is None:
            return None
        most = min(MAX_SENT, self.work.structured.left)
        room = _Room(self.limits.parts, most, 10 * self.limits.value)
        shrunk = self._shrunk(value, self.limits.depth, field, room, self.work.sent)
        self.work.structured.take(most - max(0, room.characters))
        if shrunk == '…' and isinstance(value, (dict, list)):
            # An object stays one.
            return {'…': f'{len(value)} more'} if isinstance(value, dict) else [f'… {len(value)} more']
        return shrunk

    def _shrunk(self, value: JSON, depth: int, field: str, room: _Room, allowance: Allowance) -> JSON:
        room.parts -= 1
        room.characters -= 2
        if room.parts < 0 or room.characters < 0 or not allowance.take(_PART):
            return '…'
        if is_scalar(value) and (mask := self.redaction.mask(field, value)):
            return mask
        if isinstance(value, str):
            text = self._line(value, room.longest, allowance)
            room.characters -= len(text)
            return text
        if isinstance(value, float) and not math.isfinite(value):
            return None
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 2**63:
            return number(value)
        if is_scalar(value):
            return value
        if depth <= 0 or not isinstance(value, (dict, list, tuple)):
            return '…'
        if isinstance(value, dict):
            hidden = self.redaction.hides(field)
            shrunk: dict[str, JSON] = {}
            for key, item in islice(value.items(), MAX_SENT_PARTS):
                hides_key = self.redaction.hides_key(field, key)
                name = HIDDEN if hides_key else self._line(str(key), 100, allowance)
                room.characters -= len(name)
                inner = self._shrunk(item, depth - 1, field if hidden else str(key), room, allowance)
                shrunk[name if name not in shrunk else f'{name} ({len(shrunk) + 1})'] = inner
            more = len(value) - MAX_SENT_PARTS
            return shrunk | ({'…': f'{more} more'} if more > 0 else {})
        items = [self._shrunk(item, depth - 1, field, room, allowance) for item in value[:MAX_SENT_PARTS]]
        more = len(value) - MAX_SENT_PARTS
        return items + ([f'… {more} more'] if more > 0 else [])

    def _compact(self, value: JSON) -> str:
        limit = self.limits.value
        shrunk = self._shrunk(value, 3, '', _Room(limit, limit, limit), self.work.told)
        return cut(clean(json.dumps(shrunk, ensure_ascii=False)), limit)

    def _line(self, text: str, limit: int, allowance: Allowance | None = None) -> str:
        allowance = allowance or self.work.told
        if self.redaction.active and isinstance(text, Unread) and len(text) > _MOST_UNREAD:
            return HIDDEN  # nobody has looked for people in it
        if not allowance.take(_TEXT + min(len(text), limit + _BEYOND)):
            return '…'
        return cut(clean(self.redaction.start_of(text, limit, allowance)), limit)


def number(value: float) -> str:
    """A number as people write it: 50, 0.5, 12.25."""
    if isinstance(value, int):
        return str(value) if abs(value) < 10**30 else f'about 1e{int(value.bit_length() * 0.30103)}'
    return f'{value:.10g}'


def utc(seconds: float) -> str:
    """`2026-11-18 15:04 UTC`; seconds beyond the calendar as a number."""
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime('%Y-%m-%d %H:%M UTC')
    except (ValueError, OverflowError, OSError):
        return f'{number(seconds)} s after 1970'


def iso(seconds: float) -> str:
    """ISO 8601, `2026-11-18T15:04:00Z`; '' for seconds beyond the calendar."""
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime('%Y-%m-%dT%H:%M:%SZ')
    except (ValueError, OverflowError, OSError):
        return ''


def _size_of_cut(text: str, limit: int) -> str:
    return f' (cut, {len(text):,} characters)' if len(text) > limit else ''
