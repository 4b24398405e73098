"""What never leaves: secrets, and with `hide_author` names and e-mail addresses of people.

A field about people (`ownerEmail`) and one that holds a secret (`privateKey`) are hidden whole; and what stood in them
is hidden wherever else it occurs in the entry.
"""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from itertools import chain
from typing import Any

from statsig.datadog.allowance import Allowance, cost_of_reading, unlimited
from statsig.datadog.person_names import HIDDEN, KnownNames, has_address, names_in
from statsig.datadog.sensitive_fields import (
    SECRET,
    SURROUNDINGS,
    is_about_people,
    is_key_of_a_person,
    is_name,
    looks_like_a_secret,
    may_hold_secrets,
    may_mean_something,
    meaning_of,
    start_outside_secrets,
    without_secrets,
    words_of,
)

__all__ = ['HIDDEN', 'NOTHING_HIDDEN', 'SECRET', 'Redaction', 'hide_people', 'people_in', 'redaction_of']

_LONGEST_NAME = 320
# Parts of a change, those that need a closer look counted ten times.
_MAX_SEARCHED = 150_000
_OBJECT, _CLOSELY = 4, 10
_MAX_READ = 150_000
_MAX_NAMED = 20_000  # letters of all names
_MAX_SECRETS = 200
_LONGEST_SECRET = 64
_FIRST, _LAST = ('firstName', 'first_name'), ('lastName', 'last_name')


@dataclass(frozen=True, slots=True)
class Redaction:
    """What is to be hidden. Secrets always are; people where it is `active`.

    `everything`: there were more people in the entry than could be looked for, so that no text can be trusted.
    """

    active: bool = False
    names: KnownNames | None = None
    secrets: tuple[str, ...] = ()
    everything: bool = False

    def text(self, text: str, allowance: Allowance | None = None) -> str:
        """What the allowance has no room for is hidden whole."""
        allowance = allowance or unlimited()
        if self.everything:
            return HIDDEN if text else text
        if self.secrets:
            if not allowance.take(len(text) * (1 + len(self.secrets) // 20)):
                return SECRET
            for secret in self.secrets:
                if secret in text:
                    text = re.sub(rf'{re.escape(secret)}[^\s"\']*', SECRET, text)
        if may_hold_secrets(text):
            if not allowance.take(7 * len(text)):
                return SECRET
            text = without_secrets(text)
        return self.names.hide(text, allowance) if self.names is not None else text

    def start_of(self, text: str, limit: int, allowance: Allowance | None = None) -> str:
        """The redacted start of a long text, enough of it to be cut to `limit`.

        Names are hidden before anything is cut, and what a cut name would leave behind is dropped: half a name would
        no longer be found.
        """
        longest = min(4 * limit, limit + _LONGEST_NAME) + _LONGEST_NAME
        if len(text) <= longest:
            return self.text(text, allowance)
        start = self.text(text[:longest], allowance)
        return start if start in (HIDDEN, SECRET) else start[: max(0, len(start) - _LONGEST_NAME)]

    def may_start_at(self, text: str, start: int, allowance: Allowance) -> int:
        """Where a text may be cut so that it can be told from about `start` on: not within what is to be hidden."""
        if self.active or self.secrets or not allowance.take(7 * SURROUNDINGS if start else 0):
            return 0
        return start_outside_secrets(text, start) if start else 0

    def hides(self, field: str) -> bool:
        """Whether a field is hidden whole, by its name."""
        meaning = meaning_of(field)
        return meaning.secret or (self.active and meaning.people)

    def mask(self, field: str, *values: Any) -> str:
        """`(secret)` or `(hidden)` instead of these values of a field; '' where they may be shown, as numbers may that
        count people."""
        meaning = meaning_of(field)
        if meaning.secret and not all(value is None or isinstance(value, bool) for value in values):
            return SECRET
        if meaning.perhaps_secret and any(map(looks_like_a_secret, values)):
            return SECRET
        if not self.active or not meaning.people:
            return ''
        return '' if all(value is None or isinstance(value, (bool, int, float)) for value in values) else HIDDEN

    def hides_key(self, field: str, key: str) -> bool:
        """Whether a key of an object is a person, as in `owners: {"Jane Doe": 1}`."""
        return self.active and is_about_people(field) and not is_key_of_a_person(key)


NOTHING_HIDDEN = Redaction()


def redaction_of(
    changes: Any, people: bool, names: Iterable[str] = (), ids: Iterable[str] = (), keyed_by_people: bool = False
) -> Redaction:
    """Hides the secrets of an entry's `changes` and, with `people`, who stands in them, these names and ids (of
    people), and whatever looks like an e-mail address. `keyed_by_people`: keys may be names under any field."""
    found = _search(changes, people, keyed_by_people)
    secrets = sorted({value[:_LONGEST_SECRET] for value in found.secrets}, key=len, reverse=True)[:_MAX_SECRETS]
    return Redaction(
        active=people,
        names=KnownNames.of(chain(names, found.names), chain(ids, found.ids)) if people else None,
        secrets=tuple(secrets),
        everything=people and found.is_cut,
    )


def hide_people(names: Iterable[str]) -> Redaction:
    """Hides these names wherever they occur, however they are spelt."""
    return Redaction(active=True, names=KnownNames.of(name for each in names for name in names_in(each)))


def people_in(changes: Any) -> tuple[str, ...]:
    """The names in the fields of `changes` that are about people, so that they can be hidden in free text too."""
    return tuple(dict.fromkeys(_search(changes, True).names))


class _About(Enum):
    ANYTHING = 0
    PEOPLE = 1
    # `user` is a person or one of the customer's users, of whom all but the name is told.
    USER = 2
    SECRETS = 3


_Item = tuple[str, Any, _About]  # the name of its field, a text, object or list, and what it is about


@dataclass(slots=True)
class _Found:
    """`is_cut`: there was more than could be looked at. `named`: letters of the names."""

    keyed_by_people: bool
    names: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list)
    is_cut: bool = False
    read: int = 0
    named: int = 0

    def person(self, key: str, value: str) -> None:
        self.named += len(value)
        if words_of(key)[-1:] in (('id',), ('ids',)):
            self.ids.append(value)
        else:
            self.names.extend(names_in(value))

    def opened(self, text: str) -> Any:
        """What a text of JSON holds, as long as there are not too many of them."""
        self.read += cost_of_reading(text)
        try:
            return json.loads(text) if self.read <= _MAX_READ else None
        except (ValueError, RecursionError):
            return None


def _search(changes: Any, people: bool, keyed_by_people: bool = False) -> _Found:
    """Looks at a bounded number of values, at what matters first."""
    found = _Found(keyed_by_people)
    plain = _PlainObjects()
    waiting: deque[_Item] = deque()
    others: list[Any] = [changes]  # of plain fields
    left = _MAX_SEARCHED
    while waiting or others:
        if left <= 0 or found.named > _MAX_NAMED:
            found.is_cut = True
            break
        if waiting:
            key, value, about = waiting.popleft()
            left -= _CLOSELY * (1 if isinstance(value, str) else 1 + len(value))
            others += _look_closely(found, key, value, about, people, waiting)
            continue
        value = others.pop()
        if isinstance(value, dict):
            keys = tuple(value)
            left -= _OBJECT + len(keys) // 2
            is_plain = plain.known.get(keys)
            if is_plain is None:
                is_plain, cost = plain.learn(keys)
                left -= cost
            if is_plain and not keyed_by_people:
                others += [
                    each
                    for each in value.values()
                    if type(each) in _NESTED or (type(each) is str and each[:1] in _OPENING)
                ]
            else:
                waiting.append(('', value, _About.ANYTHING))
        elif isinstance(value, list):
            left -= _OBJECT + len(value) // 4
            types = set(map(type, value))
            if types == _TEXT_ONLY and not _opens_something(''.join(value)):
                continue
            if not _LOOKED_INTO.isdisjoint(types):
                left -= len(value) // 2
                others += [
                    each for each in value if type(each) in _NESTED or (type(each) is str and each[:1] in _OPENING)
                ]
        elif isinstance(value, str):
            left -= _CLOSELY
            _take(found, '', value, _About.ANYTHING, waiting)
    return found


def _look_closely(found: _Found, key: str, value: Any, about: _About, people: bool, waiting: deque[_Item]) -> list[Any]:
    """Adds what is to be looked at closely in its turn to `waiting`; gives the rest."""
    rest: list[Any] = []
    if isinstance(value, str):
        _take(found, key, value, about, waiting)
    elif isinstance(value, dict):
        for item in list(_of_object(found, key, value, about, people)):
            if item[2] is not _About.ANYTHING:
                waiting.appendleft(item)
            elif found.keyed_by_people or not _is_plain(item[0]):
                waiting.append(item)
            else:
                rest.append(item[1])
    else:
        inner = [(key, item, about) for item in value if isinstance(item, (str, dict, list))]
        (waiting.extend if about is _About.ANYTHING else waiting.extendleft)(inner)
    return rest


_NESTED = frozenset({dict, list})
_LOOKED_INTO = _NESTED | {str}
_OPENING = frozenset('{[')
_TEXT_ONLY = frozenset({str})
_MOST_KEYS = 50


def _opens_something(text: str) -> bool:
    return '{' in text or '[' in text


@dataclass(slots=True)
class _PlainObjects:
    """Which objects have no field that could be about people or hold a secret: most, and many have the same fields."""

    known: dict[tuple[str, ...], bool] = field(default_factory=dict)
    keys: set[str] = field(default_factory=set)  # those that mean nothing

    def learn(self, fields: tuple[str, ...]) -> tuple[bool, int]:
        """Whether an object of these fields is plain, and what it cost to find out."""
        keys = [key for key in fields if key not in self.keys]
        telling = keys if may_mean_something('\n'.join(keys)) else []
        plain = set(keys).difference(telling).union(key for key in telling[:_MOST_KEYS] if _is_plain(key))
        self.keys |= plain
        self.known[fields] = len(plain) == len(keys)
        return self.known[fields], _CLOSELY * (4 + len(keys) // 20 + len(telling))


def _is_plain(key: str) -> bool:
    return not any(meaning_of(key)) and words_of(key) not in (('user',), ('users',))


def _take(found: _Found, key: str, text: str, about: _About, waiting: deque[_Item]) -> None:
    if about is _About.PEOPLE:
        found.person(key, text)
    elif about is _About.SECRETS:
        found.secrets += [text] if _is_no_word(text) else []
    elif text.startswith(('{', '[')) and isinstance(inner := found.opened(text), (dict, list)):
        waiting.append((key, inner, about))


def _of_object(found: _Found, above: str, value: dict[Any, Any], about: _About, people: bool) -> Iterator[_Item]:
    """The items of an object that may matter; the keys that are names are taken at once."""
    both = _first_and_last(value) if about is _About.PEOPLE else ''
    if both:
        found.names.append(both)
    for key, item in value.items():
        key = str(key)
        if both and key in _FIRST + _LAST:
            continue
        field = above if key in ('old', 'new') else key
        is_person = about is _About.PEOPLE and not is_key_of_a_person(key)
        if is_person or (found.keyed_by_people and _names_somebody(key)):
            found.names.extend(names_in(key))
        if isinstance(item, (dict, list)) or (isinstance(item, str) and (not is_person or _names_somebody(item))):
            yield field, item, _about(field, key, item, about, people)


def _first_and_last(value: dict[Any, Any]) -> str:
    """`John Roe`, of which the parts alone may be any word."""
    found = [next((value[key] for key in keys if isinstance(value.get(key), str)), '') for keys in (_FIRST, _LAST)]
    return ' '.join(found) if all(found) else ''


def _about(field: str, key: str, item: Any, about: _About, people: bool) -> _About:
    meaning = meaning_of(field)
    if about is _About.SECRETS or meaning.secret or (meaning.perhaps_secret and looks_like_a_secret(item)):
        return _About.SECRETS
    if not people:
        return _About.ANYTHING
    if meaning.people:
        return _About.PEOPLE
    has_parts = isinstance(item, (dict, list))
    if about is _About.PEOPLE:
        # An aspect of a person, such as the role, is no name.
        return about if has_parts or is_name(key) or not is_key_of_a_person(key) else _About.ANYTHING
    if about is _About.USER:
        return about if has_parts else _About.PEOPLE if is_name(key) and key == field else _About.ANYTHING
    return _About.USER if has_parts and words_of(key) in (('user',), ('users',)) else _About.ANYTHING


def _names_somebody(text: str) -> bool:
    return has_address(text) or len(text.split()) > 1


def _is_no_word(text: str) -> bool:
    """Short and ordinary values of secret fields (`required`) are hidden there, and not wherever else they occur."""
    return len(text) >= 6 and not text.isalpha() and ' ' not in text.strip()
