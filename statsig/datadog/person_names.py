"""Finding known people in text, however their names and addresses are spelt there.

Which spellings count. Of a name of several parts, `Jane Doe`: the parts in either order, with an initial or a known
middle name between, joined by anything short that is no letter (`doe_jane`, `Jane/Doe`, `Jane (Doe)`, `janedoe`); the
first name as an initial (`J. Doe`, `jdoe`); the last name as one (`jane.d`, `Jane D.`).

One part alone, first name or last, counts only where it is written as a name is, with a capital (`Jane's`), or after
`@`: people are called Page, Price, Mark and Will, and a rule for the landing page is not about Mark Page. For the same
reason a part that is a word of Statsig's or of teams (`Test` of `Test User`) never counts alone. A name of a single
part counts in any letter case.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from typing import Literal
from urllib.parse import unquote

from statsig.datadog.allowance import Allowance

HIDDEN = '(hidden)'

_LONGEST_NAME = 320
_MOST_PARTS = 6
# A text that holds more known names than this is about people, and is hidden whole.
_MOST_IN_A_TEXT = 12
_LONGEST_LIST = 100_000
_PATTERN = 5_000  # what it costs to make the pattern of a name

_PART = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_RUN = re.compile(r'[^\W_]+')
_LETTERS = re.compile(r'[^\W\d_]+')
_HUMP = re.compile(r'[A-Z][a-z]+')
# Scripts that set no spaces between words, where a name stands next to letters.
_UNSPACED = re.compile(r'[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]')
_BETWEEN = r'[\W_]{0,4}'
_MIDDLE_NAME = r'(?:[^\W\d_][._-]|(?-i:[^\W\d_a-z])[^\W\d_]{0,20})'
# Loosely joined, the last name before the first would be found in many a sentence: `the page: mark it`.
_REVERSED = r'(?:,?\s{0,2}|[._+/-]{0,2})'
_STARTS, _ENDS = r'(?<![^\W_])', r'(?![^\W_])'

_STOP = r'\s"\'`<>(),;:|\[\]{}=/?&\\'
_ADDRESS = re.compile(
    rf'(?:"[^"@]{{1,64}}"|(?<![^{_STOP}@＠])[^{_STOP}@＠]+)(?:[@＠]|%40)[^{_STOP}]*'
    rf'|(?<![^{_STOP}])[^{_STOP}]+\s?[\[(]\s?(?:at|@)\s?[\])]\s?[^{_STOP}]+',
    re.IGNORECASE,
)
_INVISIBLE = re.compile('[\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]')
_ACCENTS = re.compile('[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]')
_ESCAPED_CHARACTER = re.compile(r'(?<!\\)\\+u([0-9a-fA-F]{4})')
_ESCAPED_SPACE = re.compile(r'(?<!\\)\\+[nrt"/]')

# No names, though people, teams and mailboxes are called so.
# fmt: off
_ORDINARY = frozenset(
    {
        'account', 'admin', 'administrator', 'alert', 'alerts', 'all', 'analytics', 'android', 'api', 'app',
        'apps', 'audit', 'automation', 'backend', 'beta', 'billing', 'bot', 'business', 'checkout', 'client',
        'company', 'config', 'console', 'contact', 'control', 'core', 'customer', 'data', 'default', 'demo',
        'deploy', 'der', 'design', 'dev', 'developer', 'developers', 'development', 'devops', 'dos', 'dr',
        'email', 'engineer', 'engineering', 'engineers', 'events', 'experiment', 'experimentation',
        'experiments', 'feature', 'features', 'finance', 'frontend', 'gate', 'gates', 'group', 'growth',
        'hello', 'help', 'holdout', 'info', 'infra', 'integration', 'integrations', 'internal', 'ios', 'jr',
        'key', 'las', 'layer', 'lead', 'legal', 'los', 'mail', 'manager', 'marketing', 'member', 'metric',
        'metrics', 'mobile', 'mr', 'mrs', 'ms', 'new', 'none', 'noreply', 'notifications', 'null', 'office',
        'old', 'oncall', 'ops', 'owner', 'owners', 'payments', 'people', 'platform', 'post', 'private',
        'prod', 'product', 'production', 'prof', 'project', 'public', 'qa', 'release', 'reply', 'research',
        'reviewer', 'reviewers', 'rollout', 'root', 'rule', 'sales', 'scheduler', 'sdk', 'search', 'security',
        'segment', 'server', 'service', 'services', 'shared', 'sr', 'sre', 'staff', 'staging', 'statsig',
        'store', 'support', 'system', 'team', 'teams', 'test', 'tester', 'testing', 'tests', 'the', 'token',
        'tool', 'tools', 'unknown', 'user', 'users', 'van', 'von', 'web', 'webhook',
    }
)
# fmt: on


def has_address(text: str) -> bool:
    return _may_hold_address(text) and _ADDRESS.search(text) is not None


def names_in(text: str) -> Iterable[str]:
    """The names in a text that holds people and nothing else, one or a list: `john.roe@x.com, Kim Poe`.

    Of an address the part before `@`, without what follows a `+`.
    """
    text = _plain(text[:_LONGEST_LIST])
    if _may_hold_address(text):
        for address in _ADDRESS.findall(text):
            local = re.split(r'[@＠]|%40', address)[0].partition('+')[0].strip('"')
            if len(local) > 2 and local.lower() not in _ORDINARY:
                yield local
        text = _ADDRESS.sub('\n', text)
    for entry in re.split(r'[\n;|<>]', text):
        pieces = [piece for piece in re.split(r',|\s(?:and|&)\s', entry) if _PART.search(piece)]
        # `Doe, Jane` is one person, `Jane Doe, Kim Poe` are two.
        is_one = len(pieces) == 2 and ',' in entry and not any(len(_PART.findall(piece)) > 1 for piece in pieces)
        yield from [entry] if is_one else pieces


@dataclass(frozen=True, slots=True)
class KnownNames:
    """The names by the words that one of their spellings must contain; so that looking for very many takes no longer
    than for a few."""

    by_word: Mapping[str, tuple[str, ...]]
    made: set[tuple[str, ...]] = field(default_factory=set)  # of which names there is a pattern

    @classmethod
    def of(cls, names: Iterable[str], ids: Iterable[str] = ()) -> KnownNames:
        """`ids` (Statsig's, of people) are looked for as they are."""
        by_word: dict[str, dict[str, None]] = {}
        for name in names:
            parts = _parts(name)
            for word in _words_to_look_up(parts):
                by_word.setdefault(word, {})[' '.join(parts)] = None
        for name in ids:
            if len(_RUN.sub('x' * 3, name)) >= 3 and (run := max(_RUN.findall(name), key=len, default='')):
                by_word.setdefault(_folded(run), {})[f'={name[:_LONGEST_NAME]}'] = None
        return cls({word: tuple(found) for word, found in by_word.items()})

    def hide(self, text: str, allowance: Allowance) -> str:
        """The text without these names and without whatever looks like an e-mail address. What the allowance has no
        room for is hidden whole."""
        shown = self._hide(text, allowance)
        # Only where something was spelt so that it was missed, the text is sent in its plain spelling.
        for plainer in (_plain, _without_accents):
            plain = plainer(shown)
            if plain != shown and (hidden := self._hide(plain, allowance)) != plain:
                shown = hidden
        return shown

    def _hide(self, text: str, allowance: Allowance) -> str:
        if not allowance.take(len(text) if text.isascii() else 4 * len(text)):
            return HIDDEN
        found = self._candidates(text)
        making = 0 if found in self.made else _PATTERN
        if len(found) > _MOST_IN_A_TEXT or not allowance.take(len(found) * (2 * len(text) + making)):
            return HIDDEN
        self.made.add(found)
        hidden = _pattern_of(found).sub(HIDDEN, text) if found else text
        return _ADDRESS.sub(HIDDEN, hidden) if _may_hold_address(hidden) else hidden

    def _candidates(self, text: str) -> tuple[str, ...]:
        if not self.by_word:
            return ()
        folded = _folded(text)
        words = {*_LETTERS.findall(folded), *_RUN.findall(folded), *map(_folded, _HUMP.findall(text))}
        if not folded.isascii() and _UNSPACED.search(folded):
            joined = ''.join(_RUN.findall(folded))
            words.update(map(''.join, pairwise(joined)))
        known = words & self.by_word.keys()
        return tuple(sorted({name for word in known for name in self.by_word[word]})) if known else ()


def _may_hold_address(text: str) -> bool:
    return '@' in text or '＠' in text or '%40' in text or '(at' in text or '[at' in text


def _plain(text: str) -> str:
    """A text as it would be read: without the escapes of JSON, URLs and HTML, letters with accents as one character."""
    if '\\' in text:
        text = _ESCAPED_CHARACTER.sub(lambda found: chr(int(found[1], 16)), text)
        text = _ESCAPED_SPACE.sub(' ', text)
    if '%' in text:
        text = unquote(unquote(text))
    if '&' in text:
        text = html.unescape(text)
    return text if text.isascii() else _INVISIBLE.sub('', _normalized('NFKC', text))


def _without_accents(text: str) -> str:
    if text.isascii():
        return text
    return unicodedata.normalize('NFC', _ACCENTS.sub('', _normalized('NFKD', text)))


def _normalized(form: Literal['NFKC', 'NFKD'], text: str) -> str:
    """In one form, wide letters as ordinary ones. There are characters that become eighteen: of those only a few."""
    normal = unicodedata.normalize(form, text)
    return normal if len(normal) <= 2 * len(text) + 100 else text


def _folded(text: str) -> str:
    """Lower case, without accents: to look up words, in which `José` and `Jose` are the same."""
    return _without_accents(text).lower()


def _parts(name: str) -> list[str]:
    parts = _PART.findall(_plain(name[:_LONGEST_NAME]).replace('_', ' '))
    if len(parts) > 1:
        # The second Jane Doe is `jane.doe2`.
        parts = [*parts[:-1], stem if len(stem := parts[-1].rstrip('0123456789')) >= 2 else parts[-1]]
    return parts


def _words_to_look_up(parts: list[str]) -> Iterable[str]:
    if not parts or (len(parts) == 1 and not _counts_alone(parts[0])):
        return
    folded = [_folded(part) for part in parts]
    words = {run for part in folded for run in (*_LETTERS.findall(part), *_RUN.findall(part))}
    first, *rest = [''.join(_RUN.findall(part)) for part in folded]  # O'Brien as obrien
    last, glued = (rest or [first])[-1], ''.join((first, *rest))
    words |= {first, *rest, glued, ''.join(rest), *((first + last, last + first, first[:1] + last) if rest else ())}
    for each in (glued, last + first, *folded):
        if _UNSPACED.search(each):
            words.add(each[:2])
    yield from (word for word in words if len(word) > 1)


def _counts_alone(part: str) -> bool:
    return _folded(part) not in _ORDINARY and len(part) >= 2


@lru_cache(maxsize=256)
def _pattern_of(names: tuple[str, ...]) -> re.Pattern[str]:
    whole: list[str] = []
    alone: list[str] = []
    for name in sorted(names, key=len, reverse=True):
        if name.startswith('='):
            whole.append(re.escape(name[1:]))
            continue
        parts = name.split(' ')
        whole += _spellings(parts)
        if 1 < len(parts) <= _MOST_PARTS:
            alone += [_in_camel_case(parts), *_spellings_of_one(parts)]
    spaced = [each for each in whole if not _UNSPACED.search(each)]
    unspaced = [each for each in (*whole, *alone) if _UNSPACED.search(each)]
    alternatives = [
        # A name can be the first half of an address, which goes with it.
        *([rf'{_STARTS}(?:{"|".join(spaced)})\d{{0,4}}(?:(?:[@＠]|%40)[\w.-]*|{_ENDS})'] if spaced else []),
        *unspaced,
        *(each for each in alone if not _UNSPACED.search(each)),
    ]
    return re.compile('|'.join(alternatives), re.IGNORECASE)


def _spellings(parts: list[str]) -> list[str]:
    spelt = [_spelt(part) for part in parts]
    if len(parts) == 1:
        short = len(parts[0]) < 3 and not _UNSPACED.search(parts[0])
        return [f'(?-i:{"|".join(sorted({parts[0], parts[0].title(), parts[0].title().upper()}))})'] if short else spelt
    in_order = _BETWEEN.join(spelt)
    if len(parts) > _MOST_PARTS:
        return [in_order]
    first, *middle, last = spelt
    between = rf'{_BETWEEN}(?:(?:{"|".join((*middle, _MIDDLE_NAME))}){_BETWEEN}){{0,3}}'
    return [
        in_order,
        f'{first}{between}{last}',
        f'{last}{_REVERSED}{first}',
        *([f'{_BETWEEN.join((*middle, last))}{_REVERSED}{first}'] if middle else []),
        *(_with_initials(parts) if min(len(parts[0]), len(parts[-1])) >= 3 else []),
    ]


def _with_initials(parts: list[str]) -> list[str]:
    first, last = parts[0], parts[-1]
    initial, final = re.escape(first[0]), re.escape(last[0])
    return [
        rf'{initial}(?:[._-]\s?(?:[^\W\d_][._-]\s?)?)?{_spelt(last)}',
        rf'(?-i:{initial.upper()})\s(?:[^\W\d_]\.?\s)?(?-i:{_capital(last)})',
        rf'{_spelt(first)}[._-]{final}',
        rf'(?-i:{_capital(first)})\s(?-i:{final.upper()})',
    ]


def _in_camel_case(parts: list[str]) -> str:
    """Within a word: `testJaneDoeTwo`."""
    humps = [_spelt(part.capitalize()) for part in (parts[0], parts[-1])]
    return f'(?-i:(?:{"".join(humps)}|{"".join(reversed(humps))})(?![a-z]))'


def _spellings_of_one(parts: list[str]) -> list[str]:
    """Of one part alone, where it is written as a name is."""
    are_lower = all(map(str.islower, parts))
    found = []
    for part in parts:
        if _UNSPACED.search(part):
            found += [_spelt(part)] if len(part) > 1 else []
        elif len(part) >= 3 and _counts_alone(part) and (are_lower or not part.islower()) and not part.isdecimal():
            upper = re.escape(part.upper())
            found += [
                rf'{_STARTS}(?-i:{_capital(part)}){_ENDS}',
                rf'(?<![\w-])(?-i:{upper})(?![\w-])',  # not the first word of MAX_RETRIES
                rf'(?<=[@＠]){_spelt(part)}{_ENDS}',
            ]
    return found


def _capital(part: str) -> str:
    """As a name is written: `Doe`, `DOE`, and as it is known, `McDonald`."""
    forms = {part.title(), part.capitalize(), part if not part.islower() else part.title()}
    return '|'.join(sorted(_spelt(form) for form in forms))


def _spelt(part: str) -> str:
    """Each letter with its accent or without."""
    return ''.join(map(_letter, part))


@lru_cache(maxsize=2_000)
def _letter(letter: str) -> str:
    if letter in "'’":
        return "['’]?"
    base = unicodedata.normalize('NFD', letter)[0]
    return re.escape(letter) if base == letter or _UNSPACED.match(letter) else f'[{letter}{base}]'
