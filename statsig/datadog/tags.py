"""Tags as Datadog's backend keeps them.

Datadog lowercases a tag, turns what is not a letter, a digit or one of `_-:./` into `_`, and cuts it at 200 characters.
Doing the same before sending makes the tag that is sent the tag that is shown, and keeps the Agent from aggregating
under two spellings what becomes one in the backend.

Two different names may normalise alike: `Beta Users` and `beta_users` are one tag value, so their metrics meet in one
series. Statsig's ids of gates, experiments and configs differ in more than that in practice; display names may not.
"""

from __future__ import annotations

import re
from functools import lru_cache

MAX_LENGTH = 200
UNKNOWN = 'unknown'

_UNDERSCORES = re.compile(r'__+')


@lru_cache(maxsize=16_384)  # the same names come again in every run
def tag(key: str, value: str) -> str:
    """`key:value`, normalised: lower case, at most 200 characters, letters, digits and `_-:./` only.

    A value of which nothing remains becomes `unknown`: Datadog does not keep a tag that ends in a colon, and a tag
    without its value would silently drop out of every `by {key}`. Applied to its own result it changes nothing.
    """
    head = normalise_key(key)
    tail = _normalise(value)
    return f'{head}:{tail or UNKNOWN}'[:MAX_LENGTH].rstrip('_:')


def normalise(raw: str) -> str:
    """A whole tag as someone wrote it, `service:checkout` or a bare `canary`; '' when nothing of it remains."""
    key, colon, value = raw.strip().partition(':')
    if not colon:
        return _letter_first(_normalise(key))[:MAX_LENGTH].rstrip('_:')
    return tag(key, value)


def normalise_key(key: str) -> str:
    """A tag's key: as the value, but it starts with a letter and is short enough to leave the value room."""
    return _letter_first(_normalise(key.replace(':', '_')))[: MAX_LENGTH // 2].rstrip('_') or 'tag'


def _normalise(text: str) -> str:
    # The first cut bounds the work and leaves room for what lowering may add; the second is Datadog's.
    lowered = text[: 4 * MAX_LENGTH].strip().lower()
    kept = ''.join(character if _allowed(character) else '_' for character in lowered)
    return _UNDERSCORES.sub('_', kept)[:MAX_LENGTH].rstrip('_:')


def _allowed(character: str) -> bool:
    return character.isalpha() or character.isdecimal() or character in '-:./'


def _letter_first(text: str) -> str:
    start = next((i for i, c in enumerate(text) if c.isalpha()), len(text))
    return text[start:]
