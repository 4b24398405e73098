"""Text of strangers made safe to stand in an event: names, values and notes that anybody in a project can write.

`clean` makes one printable line; `escape` makes a clean line inert in the Markdown that Datadog renders.
"""

from __future__ import annotations

import re

_BREAKS_OUT = re.compile(r'[\\`*_\[\]<>&~|%@]')
_LINE_START = re.compile(r'[#+\-=>]|\d+(?=[.)])')
_ENTITIES = {'<': '&lt;', '>': '&gt;', '&': '&amp;'}


def clean(text: str) -> str:
    """One line of printable characters. What cannot be printed (control characters, line breaks, marks that reverse
    the direction of text, halves of surrogate pairs) becomes a space, and runs of spaces become one."""
    if text.isprintable():
        if '  ' not in text and text[:1] != ' ' and text[-1:] != ' ':
            return text
    else:
        text = ''.join(character if character.isprintable() else ' ' for character in text)
    return ' '.join(text.split())


def escape(line: str) -> str:
    """A clean line as Markdown that renders as the line itself.

    `%%%` ends Datadog's Markdown block and `@` after a space notifies people, so those are escaped as well. What is
    harmless where it stands (`checkout_v2`, `50 %`, `jane@example.com`) stays as it is, for it is also read raw.
    """
    return _escape_start(_BREAKS_OUT.sub(_escape_one, line))


def _escape_one(found: re.Match[str]) -> str:
    character = found[0]
    if character in _ENTITIES:
        return _ENTITIES[character]
    before, after = found.start() - 1, found.end()
    line = found.string
    if character == '%' and '%' not in (line[after : after + 1], line[before : before + 1] if before >= 0 else ''):
        return character
    if character == '@' and before >= 0 and line[before].isalnum():
        return character
    if character == '_' and before >= 0 and line[before].isalnum() and line[after : after + 1].isalnum():
        return character
    return f'\\{character}'


def _escape_start(line: str) -> str:
    found = _LINE_START.match(line)
    if found is None:
        return line
    return f'{line[: found.end()]}\\{line[found.end() :]}' if found[0].isdigit() else f'\\{line}'


def cut(text: str, limit: int) -> str:
    """At most `limit` characters; the last is `…` where something is missing."""
    return text if len(text) <= limit else f'{text[: max(limit - 1, 0)].rstrip()}…'[:limit]
