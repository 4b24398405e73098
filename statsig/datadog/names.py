"""Names found in text, in time that grows with the text alone and not with the number of names."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_WORD = re.compile(r'[^\W_]{1,64}')
_BETWEEN = re.compile(r'[\s._\-+]*')
_REST = re.compile(r'[^\W_]*(?:(?:[@＠]|%40)[\w.-]*)?')  # of a very long word, of an address
# A name is known by its first 64 letters, and so many words of one are taken for all of it.
_LONGEST = 64
_MOST_WORDS = 6
_MOST_READ = 320
# A text with more words that could begin a name is hidden whole.
_MOST_BEGINNINGS = 60


@dataclass(frozen=True, slots=True)
class Names:
    """Names without what is between their words, letter case aside (`janedoe`), and everything by which one begins."""

    whole: frozenset[str] = frozenset()
    beginnings: frozenset[str] = frozenset()

    @classmethod
    def of(cls, names: Iterable[str]) -> Names:
        """Those of three letters at least, or of two words."""
        words = (_WORD.findall(name[:_MOST_READ]) for name in names)
        told = (each for each in words if len(each) > 1 or sum(map(len, each)) > 2)
        whole = frozenset(_folded(''.join(each))[:_LONGEST] for each in told)
        return cls(whole, frozenset(name[:end] for name in whole for end in range(1, len(name) + 1)))

    def replaced(self, text: str, mark: str, is_cut: bool) -> str:
        """`text` with `mark` in place of each name, and of the rest of an address that begins with one.

        `is_cut`: more text followed, so a name that has begun when it ends may be one.
        """
        words = (
            _WORD.findall(text.lower())
            if text.isascii()
            else [_folded(word)[:_LONGEST] for word in _WORD.findall(text)]
        )
        if self.beginnings.isdisjoint(words):
            return text
        candidates = [at for at, word in enumerate(words) if word in self.beginnings]
        if len(candidates) > _MOST_BEGINNINGS:
            return mark
        found = list(_WORD.finditer(text))
        kept, done = [], 0
        for first in candidates:
            start = found[first].start()
            last = self._last_word(text, found, words, first, is_cut) if start >= done else None
            if last is not None:
                kept.append(text[done:start])
                rest = _REST.match(text, found[last].end())
                done = rest.end() if rest else found[last].end()
        return mark.join([*kept, text[done:]])

    def _last_word(
        self, text: str, found: list[re.Match[str]], words: list[str], first: int, is_cut: bool
    ) -> int | None:
        """With which word a name ends that begins with the word `first`; None where none does."""
        name, last = '', None
        for at in range(first, len(words)):
            if at > first and not _BETWEEN.fullmatch(text, found[at - 1].end(), found[at].start()):
                return last
            name = f'{name}{words[at]}'[:_LONGEST]
            if name not in self.beginnings:
                return last
            if name in self.whole or at - first >= _MOST_WORDS:
                last = at
        return len(words) - 1 if is_cut else last


NO_NAMES = Names()


def _folded_words(text: str) -> list[str]:
    if text.isascii():
        return _WORD.findall(text.lower())
    return [_folded(word)[:_LONGEST] for word in _WORD.findall(text)]


def _folded(text: str) -> str:
    """Letter case aside, as `re.IGNORECASE` understands it: `İ` and `ı` are forms of `i` too."""
    return text.lower() if text.isascii() else text.casefold().replace('i̇', 'i').replace('ı', 'i')
