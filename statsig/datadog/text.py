"""A reading as text: the title for timelines, and what changed, in Markdown or plain."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from statsig.datadog.markdown import cut, escape
from statsig.datadog.reading import Reading

MAX_TITLE = 100
MAX_TEXT = 4000

# Escaping makes a text of nothing but signs several times as long.
_MAX_LINE = 1200
# datadogpy writes a line end as these two characters, and the Agent takes them for one wherever they stand.
_LINE_END = r'\n'
_LITERAL_LINE_END = re.compile(r'\\\\(?=n)')
_MENTION = re.compile(r'(?<![^\W_])@')


@dataclass(frozen=True, slots=True)
class _Markup:
    opening: str
    closing: str
    strong: str
    bullet: str
    link: str
    safe: Callable[[str], str]
    size: Callable[[str], int] = len


# Datadog renders an event's text as Markdown between these, and only there.
_MARKDOWN = _Markup('%%% \n', '\n %%%', '**{}**', '- ', '[Open in Statsig]({})', escape)
_MARKDOWN_IN_BYTES = replace(
    _MARKDOWN,
    # A backslash stands there as two, which Markdown shows as one. As an entity it is followed by no `n`.
    safe=lambda line: escape_for_dogstatsd(line),
    size=lambda text: len(text.replace('\n', _LINE_END).encode(errors='replace')),
)
_PLAIN = _Markup('', '', '{}', '• ', 'Open in Statsig: {}', lambda line: inert(line))


def escape_for_dogstatsd(line: str) -> str:
    """As `escape`, for the text of an event that goes through DogStatsD."""
    return _LITERAL_LINE_END.sub('&#92;', escape(line))


def inert(line: str) -> str:
    """A line of plain text that means nothing in the places where it is shown or forwarded, some of which read markup
    or mentions into it: those know a mention by the `@` that no letter or digit precedes."""
    plain = re.sub('%%%+', '%', line.replace('<', '‹').replace('>', '›')).replace('](', '] (')
    return _MENTION.sub('＠', plain)


def title_of(reading: Reading) -> str:
    """Kind, name, deed and author on one line of at most 100 characters; where it grows too long the name gives way."""
    by = f' by {cut(reading.author, 30)}' if reading.names_author else ''
    start, end = f'{reading.kind_label} ', f'{cut(reading.deed, 50)}{by}'
    name = cut(reading.name, MAX_TITLE - len(start) - len(end))
    title = (
        f'{start}{name}{end}' if name else f'{reading.kind_label}{end.replace(":", "", 1) if end[0] == ":" else end}'
    )
    return cut(inert(title), MAX_TITLE)


def markdown_of(reading: Reading, when: str, url: str) -> str:
    """What happened, before → after, and the link to Statsig, as Datadog's Markdown of at most 4000 characters.

    `when` is a sentence on the time, or ''.
    """
    return _text(reading, when, url, _MARKDOWN)


def short_markdown_of(reading: Reading, when: str, url: str) -> str:
    """As `markdown_of`, of at most 4000 bytes as DogStatsD carries them, and without a backslash before an `n`."""
    return _text(reading, when, url, _MARKDOWN_IN_BYTES)


def plain_text_of(reading: Reading, when: str, url: str) -> str:
    """The same without markup, for places of which nobody knows whether they render any."""
    return _text(reading, when, url, _PLAIN)


def _text(reading: Reading, when: str, url: str, markup: _Markup) -> str:
    safe = markup.safe
    by = f' by {safe(cut(reading.author, 80))}' if reading.names_author else ''
    name = f' {markup.strong.format(safe(cut(reading.name, 150)))}' if reading.name else ''
    proposed = ['Proposed, and not in force yet:', ''] if reading.is_proposal else []
    head = [f'{safe(reading.kind_label)}{name}{safe(reading.deed)}{by}', '', *([when, ''] if when else []), *proposed]
    tail = ['', markup.link.format(url)]
    body, what, more = _body(reading, markup)
    room = MAX_TEXT - markup.size(markup.opening + '\n'.join((*head, *tail)) + markup.closing) - 200
    kept = _fitting(body, room, markup.size)
    left_out = len(body) - len(kept)
    if left_out:
        kept.append(f'{markup.bullet}… {left_out:,} more {what}{"" if left_out == 1 else "s"} left out for length')
    lines = (*head, *kept, *more, *tail) if kept or more else (*head[:-1], *tail)
    return markup.opening + '\n'.join(lines) + markup.closing


def _body(reading: Reading, markup: _Markup) -> tuple[list[str], str, tuple[str, ...]]:
    """(lines, what each of them is, a last line on what was left out before): the changes, or else Statsig's text."""
    told = [f'{markup.bullet}{_line(change.text, markup)}' for change in reading.changes]
    if told or str(reading.left_out):
        return told, 'change', (f'{markup.bullet}… {reading.left_out}',) if str(reading.left_out) else ()
    if len(reading.note) == 1:
        return [_line(reading.note[0], markup)], 'line', ()
    return [f'{markup.bullet}{_line(line, markup)}' for line in reading.note], 'line', ()


def _line(text: str, markup: _Markup) -> str:
    safe = markup.safe(text)
    return safe if markup.size(safe) <= _MAX_LINE else markup.safe(cut(text, _MAX_LINE // 5))


def _fitting(lines: Sequence[str], room: int, size: Callable[[str], int]) -> list[str]:
    """The first lines, whole, that have room."""
    kept: list[str] = []
    for line in lines:
        room -= size(f'{line}\n')
        if room < 0:
            break
        kept.append(line)
    return kept
