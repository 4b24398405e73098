"""`hide_author`: no names or e-mail addresses of people leave."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import count, islice
from typing import Any

HIDDEN = '(hidden)'

# Fields about the people who work in Statsig: their values are hidden whole, whatever shape they have.
_PEOPLE = re.compile(
    r'owner|author|creator|createdby|updatedby|modifier|modifiedby|reviewer|approver|email|member|invite'
    r'|subscriber|follower|admin|assignee|username|firstname|lastname'
)
_NOT_PEOPLE = re.compile(r'(type|role|status|permission|kind)s?$|^displayname$')
_TOKEN = re.compile(r"""[^\s"'`<>(),;:|\[\]{}=/?&]+""")
_AT = re.compile(r'[^@＠]+(?:[@＠]|%40)', re.IGNORECASE)
_LONGEST_NAME = 320
_MAX_NAMES = 50
_MAX_SEARCHED = 20_000


@lru_cache(maxsize=2_000)
def is_about_people(field: str) -> bool:
    """Whether a field of Statsig's, such as `ownerEmail` or `allowedReviewers`, holds somebody's name or address."""
    plain = field.replace('_', '').lower()
    return _NOT_PEOPLE.search(plain) is None and _PEOPLE.search(plain) is not None


@dataclass(frozen=True, slots=True)
class Redaction:
    """What is to be hidden. `active` False: nothing is.

    Made by `hide_people`; `text` replaces the names given to that, and whatever looks like an e-mail address.
    """

    active: bool = False
    names: re.Pattern[str] | None = None

    def text(self, text: str) -> str:
        if not self.active:
            return text
        hidden = self.names.sub(HIDDEN, text) if self.names else text
        return _TOKEN.sub(_hide_address, hidden) if '@' in hidden or '＠' in hidden or '%40' in hidden else hidden

    def start_of(self, text: str, limit: int) -> str:
        """The redacted start of a long text, enough of it to be cut to `limit`.

        Names are hidden before anything is cut, and what a cut name would leave behind is dropped: half a name would
        no longer be found.
        """
        if not self.active:
            return text[: 4 * limit + _LONGEST_NAME]
        if len(text) <= 4 * limit + _LONGEST_NAME:
            return self.text(text)
        start = self.text(text[: 4 * limit + _LONGEST_NAME])
        return start[: max(0, len(start) - _LONGEST_NAME)]

    def hides(self, field: str) -> bool:
        return self.active and is_about_people(field)


NOTHING_HIDDEN = Redaction()


def hide_people(names: Iterable[str]) -> Redaction:
    """Hides these names wherever they occur, in any letter case: `Jane Doe`, `jane.doe`, `jane_doe`, `janedoe`.

    Names of fewer than three letters are left out unless they have two parts: they would hide half of every text.
    """
    patterns = dict.fromkeys(filter(None, (_pattern(name) for name in names)))
    longest_first = sorted(patterns, key=len, reverse=True)[:_MAX_NAMES]
    if not longest_first:
        return Redaction(active=True)
    # A name can be the first half of an address, which goes with it.
    any_name = rf'(?<![^\W_])(?:{"|".join(longest_first)})(?![^\W_]|%40)'
    address = rf'(?<![^\W_])(?:{"|".join(longest_first)})(?:[@＠]|%40)[\w.-]*'
    return Redaction(True, re.compile(f'{address}|{any_name}', re.IGNORECASE))


def people_in(changes: Any) -> tuple[str, ...]:
    """The names in the fields of `changes` that are about people, so that they can be hidden in free text too."""
    found: list[str] = []
    _collect(changes, False, found, 4, count())
    return tuple(dict.fromkeys(found))[:_MAX_NAMES]


def _collect(value: Any, about_people: bool, found: list[str], depth: int, seen: Iterator[int]) -> None:
    if len(found) >= _MAX_NAMES or depth < 0 or next(seen) > _MAX_SEARCHED:
        return
    if isinstance(value, str) and about_people:
        found.append(value)
    elif isinstance(value, dict):
        for key, item in islice(value.items(), 200):
            names_somebody = isinstance(key, str) and (is_about_people(key) or (about_people and _is_name(key)))
            if names_somebody or isinstance(item, (dict, list)):
                _collect(item, names_somebody, found, depth - 1, seen)
    elif isinstance(value, list) and about_people:
        for item in value[:200]:
            _collect(item, True, found, depth - 1, seen)


def _is_name(key: str) -> bool:
    return key in ('old', 'new') or 'name' in key.lower()


def _pattern(name: str) -> str:
    parts = re.findall(r'\w+', name[:_LONGEST_NAME].replace('_', ' '))
    if sum(map(len, parts)) < 3 and len(parts) < 2:
        return ''
    return r'[\s._\-+]*'.join(map(re.escape, parts))


def _hide_address(token: re.Match[str]) -> str:
    return HIDDEN if _AT.match(token[0]) else token[0]
