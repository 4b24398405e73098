"""`hide_author`: no names or e-mail addresses of people leave.

Work is bounded, and where a bound is met more is hidden, never less.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any

from statsig.datadog.markdown import clean
from statsig.datadog.names import NO_NAMES, Names

HIDDEN = '(hidden)'
# Among names: there may be more than those given, so no text can be shown.
ANYBODY = '(anybody)'

# Fields about the people who work in Statsig: their values are hidden whole, whatever shape they have.
_PEOPLE_WORDS = (
    *('owner', 'author', 'creator', 'createdby', 'updatedby', 'modifier', 'modifiedby', 'reviewer', 'approver'),
    *('email', 'member', 'invite', 'subscriber', 'follower', 'admin', 'assignee', 'username', 'firstname', 'lastname'),
)
_NOT_PEOPLE = re.compile(r'(type|role|status|permission|kind)s?$|^displayname$')
_LONGEST_FIELD = 200
_SIGNS = r"""\s"'`<>(),;:|\[\]{}=/?&"""  # what an address ends at
# Tried once in each run of other signs, at its start. What begins with @ is a domain, unless it has a second one.
_ADDRESS = re.compile(rf'(?<![^{_SIGNS}])[@＠]*[^{_SIGNS}@＠]+?(?:[@＠]|%40)[^{_SIGNS}]*', re.IGNORECASE)
_RUN = re.compile(rf'[^{_SIGNS}]*')
_LONGEST_ADDRESS = 320
_MAX_NAMES = 200
# Items of lists and keys of objects, or as much work: a list or object, keys that no object had before, a field.
_MAX_SEARCHED = 200_000
_OBJECT, _NEW_KEYS, _FIELD = 5, 40, 20
_NESTED = frozenset({dict, list})


@lru_cache(maxsize=2_000)
def is_about_people(field: str) -> bool:
    """Whether a field of Statsig's, such as `ownerEmail` or `allowedReviewers`, holds somebody's name or address.

    One too long to be Statsig's may be anything.
    """
    plain = field.replace('_', '').lower()
    return len(field) > _LONGEST_FIELD or (_NOT_PEOPLE.search(plain) is None and _has_people_word(plain))


def _has_people_word(text: str) -> bool:
    return any(word in text for word in _PEOPLE_WORDS)


@dataclass(frozen=True, slots=True)
class Redaction:
    """What is to be hidden. `active` False: nothing is. `names` None: all text is, because it may hold any name.

    Made by `hide_people`; replaces the names given to that, and whatever looks like an e-mail address.
    """

    active: bool = False
    names: Names | None = NO_NAMES

    def start_of(self, text: str, limit: int) -> str:
        """The redacted start of a text as one clean line: whole where that has no more than `limit` characters,
        otherwise enough of it to be cut to so many.

        Half a name or address would no longer be known as one: where the text is long, what may be one is dropped.
        """
        window = limit + 2 * _LONGEST_ADDRESS
        line = clean(text[:window])
        is_cut = len(text) > window or (self.active and len(line) > limit + _LONGEST_ADDRESS)
        if self.active:
            line = self._hidden(_without_end(line[: limit + _LONGEST_ADDRESS]) if is_cut else line, is_cut)
        return f'{line}…' if is_cut and len(line) <= limit else line

    def hides(self, field: str) -> bool:
        return self.active and is_about_people(field)

    def _hidden(self, text: str, is_cut: bool) -> str:
        if self.names is None:
            return HIDDEN if text else text
        hidden = self.names.replaced(text, HIDDEN, is_cut)
        return _ADDRESS.sub(HIDDEN, hidden) if '@' in hidden or '＠' in hidden or '%40' in hidden else hidden


NOTHING_HIDDEN = Redaction()


def hide_people(names: Iterable[str]) -> Redaction:
    """Hides these names wherever they occur, in any letter case: `Jane Doe`, `jane.doe`, `jane_doe`, `janedoe`.

    Names of fewer than three letters are left out unless they have two parts: they would hide half of every text.
    Among more than 200 names, or where ANYBODY is one, all text is hidden.
    """
    distinct = dict.fromkeys(islice(names, 10 * _MAX_NAMES))
    if ANYBODY in distinct or len(distinct) > _MAX_NAMES:
        return Redaction(True, None)
    return Redaction(True, Names.of(distinct))


def people_in(changes: Any) -> tuple[str, ...]:
    """The names in the fields of `changes` that are about people, so that they can be hidden in free text too.

    Where there is more than can be searched, or more names than can be hidden, ANYBODY is among them.
    """
    found: dict[str, None] = {}
    fields_of: dict[tuple[str, ...], frozenset[str]] = {}  # of keys that objects have: those about people
    of_people: list[Any] = []  # what is yet to be searched: the values of fields about people
    others: list[Any] = [changes]
    left = _MAX_SEARCHED
    while of_people or others:
        if left < 0 or len(found) > _MAX_NAMES:
            return (*found, ANYBODY)
        is_of_people = bool(of_people)
        value = of_people.pop() if is_of_people else others.pop()
        if type(value) is dict:
            keys = tuple(value)
            left -= _OBJECT + len(keys) // 2
            fields = fields_of.get(keys)
            if fields is None:
                fields = fields_of[keys] = _fields_about_people(keys)
                left -= _NEW_KEYS + _FIELD * len(fields)
            if is_of_people:
                fields = fields.union(filter(_is_name, keys))
            if fields:
                of_people += map(value.__getitem__, fields)
                others += [item for key, item in value.items() if type(item) in _NESTED and key not in fields]
            else:
                others += [item for item in value.values() if type(item) in _NESTED]
        elif type(value) is list:
            left -= _OBJECT + len(value) // 4
            if is_of_people:
                of_people += value
            elif not _NESTED.isdisjoint(map(type, value)):
                left -= len(value) // 2
                others += [item for item in value if type(item) in _NESTED]
        elif isinstance(value, str):
            found[value] = None
    return tuple(found)


def _fields_about_people(keys: tuple[str, ...]) -> frozenset[str]:
    """Few have any, which is seen at once."""
    together = '\n'.join(keys).replace('_', '').lower()
    is_any = _has_people_word(together) or max(map(len, keys), default=0) > _LONGEST_FIELD
    return frozenset(filter(is_about_people, keys)) if is_any else frozenset()


def _is_name(key: str) -> bool:
    return key in ('old', 'new') or 'name' in key.lower()


def _without_end(line: str) -> str:
    """Without the last run of signs that could be the first half of an address."""
    run = _RUN.match(line[: -_LONGEST_ADDRESS - 1 : -1])
    return line[: len(line) - (run.end() if run else 0)]
