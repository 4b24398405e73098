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
from itertools import chain, islice
from typing import Any

from statsig.datadog.person_names import HIDDEN, KnownNames, has_address, names_in
from statsig.datadog.sensitive_fields import (
    SECRET,
    is_about_people,
    is_key_of_a_person,
    is_name,
    looks_like_a_secret,
    meaning_of,
    start_outside_secrets,
    without_secrets,
    words_of,
)

__all__ = ['HIDDEN', 'NOTHING_HIDDEN', 'SECRET', 'Redaction', 'hide_people', 'people_in', 'redaction_of']

_LONGEST_NAME = 320
_MAX_SEARCHED = 20_000
_MAX_READ = 250_000
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
    secrets: re.Pattern[str] | None = None
    everything: bool = False

    def text(self, text: str) -> str:
        if self.everything:
            return HIDDEN if text else text
        if self.secrets is not None:
            text = self.secrets.sub(SECRET, text)
        text = without_secrets(text)
        return self.names.hide(text) if self.names is not None else text

    def start_of(self, text: str, limit: int) -> str:
        """The redacted start of a long text, enough of it to be cut to `limit`.

        Names are hidden before anything is cut, and what a cut name would leave behind is dropped: half a name would
        no longer be found.
        """
        if len(text) <= 4 * limit + _LONGEST_NAME:
            return self.text(text)
        start = self.text(text[: 4 * limit + _LONGEST_NAME])
        return start[: max(0, len(start) - _LONGEST_NAME)]

    def may_start_at(self, text: str, start: int) -> int:
        """Where a text may be cut so that it can be told from about `start` on: not within what is to be hidden."""
        return 0 if self.active or self.secrets is not None else start_outside_secrets(text, start)

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
        # Of a longer one the rest goes with it.
        secrets=re.compile('|'.join(rf'{re.escape(each)}[^\s"\']*' for each in secrets)) if secrets else None,
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
    """`is_cut`: there was more about people than could be looked at."""

    keyed_by_people: bool
    names: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list)
    is_cut: bool = False
    read: int = 0

    def person(self, key: str, value: str) -> None:
        if words_of(key)[-1:] in (('id',), ('ids',)):
            self.ids.append(value)
        else:
            self.names.extend(names_in(value))

    def opened(self, text: str) -> Any:
        """What a text of JSON holds, as long as there are not too many of them."""
        self.read += len(text)
        try:
            return json.loads(text) if self.read <= _MAX_READ else None
        except (ValueError, RecursionError):
            return None


def _search(changes: Any, people: bool, keyed_by_people: bool = False) -> _Found:
    """Looks at a bounded number of values: what matters first, then those next to the top."""
    found = _Found(keyed_by_people)
    waiting: deque[_Item] = deque([('', changes, _About.ANYTHING)])
    looked_at = 0
    while waiting:
        key, value, about = waiting.popleft()
        room = _MAX_SEARCHED - looked_at
        if room <= 0:
            found.is_cut = found.is_cut or about is _About.PEOPLE
            continue
        looked_at += 1
        if isinstance(value, str):
            _take(found, key, value, about, waiting)
            continue
        looked_at += min(len(value), room)
        found.is_cut = found.is_cut or (about is _About.PEOPLE and len(value) > room)
        if isinstance(value, dict):
            inner = list(_of_object(found, key, value, about, room, people))
        else:
            inner = [(key, item, about) for item in value[:room] if isinstance(item, (str, dict, list))]
        waiting.extend(each for each in inner if each[2] is _About.ANYTHING)
        waiting.extendleft(each for each in inner if each[2] is not _About.ANYTHING)
    return found


def _take(found: _Found, key: str, text: str, about: _About, waiting: deque[_Item]) -> None:
    if about is _About.PEOPLE:
        found.person(key, text)
    elif about is _About.SECRETS:
        found.secrets += [text] if _is_no_word(text) else []
    elif text.startswith(('{', '[')) and isinstance(inner := found.opened(text), (dict, list)):
        waiting.append((key, inner, about))


def _of_object(
    found: _Found, above: str, value: dict[Any, Any], about: _About, room: int, people: bool
) -> Iterator[_Item]:
    """The items of an object that may matter; the keys that are names are taken at once."""
    both = _first_and_last(value) if about is _About.PEOPLE else ''
    if both:
        found.names.append(both)
    for key, item in islice(value.items(), room):
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
