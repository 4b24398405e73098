"""Which fields, by their names, hold people or secrets, and which texts are secrets by their looks.

The names are those of Statsig's OpenAPI document (tests/datadog/test_sensitive_fields.py has the decision for each) and
of the audit log, whose fields are published nowhere: hence words rather than a list of fields.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

_WORDS = re.compile(r'IDs?(?![a-z])|[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_]')

# About the people who work in Statsig. `userIDs` and the like are not here: they are the users of the customer.
_SOMEBODY = re.compile(
    r'(?:(?:co)?owner|author|creator|modifier|reviewer|approver|submitter|committer|actor|collaborator|contributor'
    r'|maintainer|watcher|stakeholder|subscriber|follower|assignee|requester|requestor|inviter?|invitee|email|member'
    r'|admin|administrator|employee|teammate|person|people|recipient)(?:s|ids?|names?|emails?)?'
    r'|[a-z]+edby(?:ids?|names?|emails?)?|assignedto|e?mailaddress(?:es)?|surname|(?:first|last|full|user|nick)names?'
)
_TOGETHER = frozenset(
    {('assigned', 'to'), ('last', 'editor'), ('on', 'call'), ('e', 'mail'), ('e', 'mails')}
    | {(first, last) for first in ('first', 'last', 'full', 'middle', 'user', 'nick') for last in ('name', 'names')}
)
# Of a person, and yet not who it is: `ownerType`, `emailVerified`.
_ASPECT = re.compile(r'(?:type|role|status|permission|kind|count)s?|verified|enabled|required|only|access|domains?')
# `groupBy` and its like are followed by a column, `createdBy` by a person.
_BY_COLUMN = re.compile(
    r'(?:group|order|sort|filter|partition|cluster|split|limit|multiply|increment|scal|rank|index|segment|bucket|key|join'
    r'|aggregat|deduplicat|stratif|normaliz|adjust|weight|measur|stepp?|sampl|power|increas|decreas|divid|multipli)'
    r'(?:e|y|d|ed|ied|ped)?|down|stand|near|close'
)
_OF_A_PERSON = frozenset({'user', 'users', 'id', 'ids', 'name', 'names', 'email', 'emails', 'person', 'member'})
# What the keys of an object about a person are made of; any other key is somebody's name.
_KEY_WORDS = _OF_A_PERSON | {
    *('old', 'new', 'added', 'removed', 'type', 'types', 'role', 'roles', 'status', 'first', 'last', 'middle', 'full'),
    *('display', 'address', 'team', 'teams', 'group', 'groups', 'allowed', 'is', 'time', 'at', 'date', 'key', 'value'),
    *('created', 'updated', 'modified', 'permission', 'permissions', 'verified', 'enabled', 'required', 'count', 'url'),
    *('review', 'by', 'to', 'primary', 'secondary', 'default', 'all', 'members', 'admins', 'active', 'title', 'list'),
}

# Never shown, whatever the value: the last words of a field.
_SECRET = re.compile(
    r'(?:^|.* )(?:password|passwd|pwd|pass phrase|passphrase|secret|(?:private|api|access|secret|signing|encryption'
    r'|shared|webhook|service account|storage|master) ?key|(?:access|api|auth|refresh|bearer|id|session|secret|personal'
    r'|sas|bot|security) ?token|credential|connection string|authorization|workflow header|pem)s?'
)
# Secrets where the value looks like one: `key` is also what an item of a list is known by, `token` a word of design.
_PERHAPS_SECRET = re.compile(r'(?:^|.* )(?:token|key|auth|bearer|signature|header|hash)s?')

# Without one of these in it a field is none of the above: most are not, and need no closer look.
_TELLING = (
    *('owner', 'author', 'creat', 'modif', 'review', 'approv', 'submit', 'commit', 'act', 'coll', 'contrib'),
    *('maintain', 'watch', 'stake', 'subscri', 'follow', 'assign', 'request', 'invit', 'mail', 'member', 'admin'),
    *(
        'employ',
        'mate',
        'person',
        'people',
        'recipient',
        'by',
        'name',
        'editor',
        'call',
        'pass',
        'pwd',
        'secret',
        'key',
    ),
    *('user', 'token', 'cred', 'connect', 'auth', 'header', 'pem', 'bearer', 'sign', 'hash'),
)

# Datadog's own scanner knows hundreds; these are what Statsig and the warehouses it reads from give out.
_KEY = r'(?:[\w-]{0,40}?[A-Za-z0-9]{20,}[\w-]*|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})'
_SECRET_TEXT = (
    rf'(?<![A-Za-z0-9])(?:console|secret|client)-{_KEY}'
    r'|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)'
    r'|(?<![A-Za-z0-9])(?:AKIA|ASIA)[A-Z0-9]{16}'
    r'|(?<![A-Za-z0-9])(?:gh[pousr]_|github_pat_|glpat-|xox[a-z]-|[sr]k_(?:live|test)_|dapi|AIza|whsec_)[\w-]{16,}'
    r'|(?<![A-Za-z0-9])eyJ[\w-]{8,}\.eyJ[\w-]{8,}(?:\.[\w-]*)?'
    r'|(?<=://)[^\s/:@"]{0,100}:[^\s/@"]{1,200}(?=@)'
)
# In text: `"privateKey": "…"` of JSON that nothing has read, `password=…`. Of a private key the escapes go with it.
_NAMED = (
    r'(?:(?i:password|passwd|pass_?phrase|secret|(?:private|api|access|secret|signing|encryption)[_-]?key'
    r'|(?:access|api|auth|refresh|bearer)[_-]?token|credentials?|authorization))'
)
_QUOTE = r'\\{0,3}["\']'
_SECRET_IN_TEXT = re.compile(
    rf'(?P<secret>{_SECRET_TEXT})'
    rf'|(?P<name>{_NAMED}(?:{_QUOTE})?\s{{0,3}}[:=]\s{{0,3}}(?P<quote>{_QUOTE}))(?:(?!(?P=quote)).)*'
    rf'|(?P<bare>{_NAMED}(?:{_QUOTE})?\s{{0,3}}[:=]\s{{0,3}})(?:(?i:bearer|basic|token)\s+)?(?![\s"\'\\{{\[(])[^\s,;"\'}}\])]{{6,}}'
    r'|(?P<scheme>(?<![^\W_])(?i:bearer)\s+)[\w.~+/=-]{16,}',
    re.DOTALL,
)
_TELLTALES = (
    *('console-', 'secret', 'client-', 'private', 'akia', 'asia', 'gh', 'glpat-', 'xox', 'k_live_', 'k_test_', 'dapi'),
    *('aiza', 'whsec_', 'eyj', '://', 'passw', 'pass', 'key', 'token', 'credential', 'authorization', 'bearer'),
)
_ONE_WORD = re.compile(r'[\w.~+/=:-]+')
_RUN = re.compile(r'[A-Za-z0-9]{16,}')
_DIGIT_TURNS = re.compile(r'(?<=[A-Za-z])[0-9]|(?<=[0-9])[A-Za-z]')
_CASE_TURNS = re.compile(r'(?<=[a-z])[A-Z]')

SECRET = '(secret)'  # noqa: S105


@lru_cache(maxsize=4_000)
def words_of(field: str) -> tuple[str, ...]:
    """`updatedByUserID` is `updated`, `by`, `user`, `id`."""
    return tuple(word.lower() for word in _WORDS.findall(field[:200]))


class Meaning(NamedTuple):
    """What a field holds by its name; `perhaps_secret` if the value looks like it."""

    people: bool = False
    secret: bool = False
    perhaps_secret: bool = False


def meaning_of(field: str) -> Meaning:
    # Where there are thousands of fields, mostly a number tells them apart.
    return _meaning_of(field[:200].rstrip('0123456789'))


@lru_cache(maxsize=4_000)  # the same fields come again and again
def _meaning_of(field: str) -> Meaning:
    if not may_mean_something(field):
        return _NOTHING
    words = words_of(field)
    name = ' '.join(words)
    return Meaning(
        _is_about_people(words), _SECRET.fullmatch(name) is not None, _PERHAPS_SECRET.fullmatch(name) is not None
    )


_NOTHING = Meaning()


def may_mean_something(fields: str) -> bool:
    """Whether a field, or one of several, takes a closer look."""
    lowered = fields.lower()
    return any(part in lowered for part in _TELLING)


def is_about_people(field: str) -> bool:
    """Whether a field of Statsig's, such as `ownerEmail` or `allowedReviewers`, holds somebody's name or address."""
    return meaning_of(field).people


def _is_about_people(words: tuple[str, ...]) -> bool:
    if not words or _ASPECT.fullmatch(words[-1]):
        return False
    return (
        any(map(_SOMEBODY.fullmatch, words)) or any(pair in _TOGETHER for pair in pairwise(words)) or _ends_in_by(words)
    )


def _ends_in_by(words: tuple[str, ...]) -> bool:
    if 'by' not in words:
        return False
    at = words.index('by')
    return _OF_A_PERSON.issuperset(words[at + 1 :]) and not (at and _BY_COLUMN.fullmatch(words[at - 1]))


@lru_cache(maxsize=4_000)
def is_key_of_a_person(key: str) -> bool:
    """Whether a key within a field about people is a field's name (`ownerName`) rather than a person's."""
    words = words_of(key)
    return ' ' not in key and bool(words) and all(word in _KEY_WORDS or _SOMEBODY.fullmatch(word) for word in words)


def is_name(key: str) -> bool:
    """Whether a key of an object about a person holds the name (`displayName`); `old` and `new` hold all of it."""
    return key in ('old', 'new') or any(word.startswith('name') or word.endswith('name') for word in words_of(key))


def looks_like_a_secret(value: Any) -> bool:
    """One word in which letters and digits alternate as in nothing that people write: `9fK2mQx71bZr4Tw8`."""
    if isinstance(value, list):
        return any(map(looks_like_a_secret, value[:50]))
    if not isinstance(value, str) or len(value) < 16:
        return False
    if _SECRET_IN_TEXT.search(value[:500]):
        return True
    return _ONE_WORD.fullmatch(value[:500]) is not None and any(map(_looks_random, _RUN.findall(value[:500])))


def _looks_random(run: str) -> bool:
    by_digits = len(_DIGIT_TURNS.findall(run))
    return by_digits >= 3 or (by_digits > 0 and by_digits + len(_CASE_TURNS.findall(run)) >= 6)


def without_secrets(text: str) -> str:
    """Texts that are secrets by their looks or by what stands before them, as `(secret)`."""
    return _SECRET_IN_TEXT.sub(_hidden, text) if may_hold_secrets(text) else text


def may_hold_secrets(text: str) -> bool:
    """Whether it takes a closer look, which costs much more."""
    lowered = text.lower()
    for telltale in _TELLTALES:  # noqa: SIM110 - `any` takes three times as long
        if telltale in lowered:
            return True
    return False


SURROUNDINGS = 4_400  # characters looked at


def start_outside_secrets(text: str, start: int) -> int:
    """`start`, or where the secret begins that it would cut in two: half a secret would no longer be found."""
    first = max(0, start - SURROUNDINGS + 400)
    around = text[first : start + 400]
    spans = (found.span() for found in _SECRET_IN_TEXT.finditer(around)) if may_hold_secrets(around) else ()
    return next((first + begin for begin, end in spans if first + begin < start < first + end), start)


def _hidden(found: re.Match[str]) -> str:
    return f'{found["name"] or found["bare"] or found["scheme"] or ""}{SECRET}'
