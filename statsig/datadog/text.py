"""A reading as text: the title for timelines, and what changed, in Markdown or plain."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from statsig.datadog.markdown import cut, escape
from statsig.datadog.reading import Reading

MAX_TITLE = 100
MAX_TEXT = 4000

# Escaping makes a text of nothing but signs several times as long.
_MAX_LINE = 1200


@dataclass(frozen=True, slots=True)
class _Markup:
    opening: str
    closing: str
    strong: str
    bullet: str
    link: str
    safe: Callable[[str], str]


# Datadog renders an event's text as Markdown between these, and only there.
_MARKDOWN = _Markup('%%% \n', '\n %%%', '**{}**', '- ', '[Open in Statsig]({})', escape)
_PLAIN = _Markup('', '', '{}', '• ', 'Open in Statsig: {}', str)


def title_of(reading: Reading) -> str:
    """Kind, name, deed and author on one line of at most 100 characters; where it grows too long the name gives way."""
    by = f' by {cut(reading.author, 30)}' if reading.names_author else ''
    start, end = f'{reading.kind_label} ', f'{cut(reading.deed, 50)}{by}'
    name = cut(reading.name, MAX_TITLE - len(start) - len(end))
    title = (
        f'{start}{name}{end}' if name else f'{reading.kind_label}{end.replace(":", "", 1) if end[0] == ":" else end}'
    )
    # A title is plain text, but it is shown and forwarded in places that read more into it.
    plain = re.sub('%%%+', '%', title.replace('<', '‹').replace('>', '›'))
    return cut(' '.join(f'＠{word[1:]}' if word.startswith('@') else word for word in plain.split()), MAX_TITLE)


def markdown_of(reading: Reading, when: str, url: str) -> str:
    """What happened, before → after, and the link to Statsig, as Datadog's Markdown of at most 4000 characters.

    `when` is a sentence on the time, or ''.
    """
    return _text(reading, when, url, _MARKDOWN)


def plain_text_of(reading: Reading, when: str, url: str) -> str:
    """The same without markup, for places of which nobody knows whether they render any."""
    return _text(reading, when, url, _PLAIN)


def _text(reading: Reading, when: str, url: str, markup: _Markup) -> str:
    safe = markup.safe
    by = f' by {safe(cut(reading.author, 80))}' if reading.names_author else ''
    name = f' {markup.strong.format(safe(cut(reading.name, 150)))}' if reading.name else ''
    deed = reading.deed
    head = [f'{safe(reading.kind_label)}{name}{safe(deed)}{by}', '', *([when, ''] if when else [])]
    tail = ['', markup.link.format(url)]
    body, what, more = _body(reading, markup)
    room = MAX_TEXT - len(markup.opening) - len(markup.closing) - len('\n'.join((*head, *tail))) - 200
    kept = _fitting(body, room)
    left_out = len(body) - len(kept)
    if left_out:
        kept.append(f'{markup.bullet}… {left_out:,} more {what}{"" if left_out == 1 else "s"} left out for length')
    lines = (*head, *kept, *more, *tail) if kept or more else (*head[:-1], *tail)
    return markup.opening + '\n'.join(lines) + markup.closing


def _body(reading: Reading, markup: _Markup) -> tuple[list[str], str, tuple[str, ...]]:
    """(lines, what each of them is, a last line on what was left out before): the changes, or else Statsig's text."""
    told = [f'{markup.bullet}{_line(change.text, markup)}' for change in reading.changes if change.field]
    if told:
        left_out = (change.text for change in reading.changes if not change.field)
        return told, 'change', tuple(f'{markup.bullet}… {markup.safe(text)}' for text in left_out)
    if len(reading.note) == 1:
        return [_line(reading.note[0], markup)], 'line', ()
    return [f'{markup.bullet}{_line(line, markup)}' for line in reading.note], 'line', ()


def _line(text: str, markup: _Markup) -> str:
    safe = markup.safe(text)
    return safe if len(safe) <= _MAX_LINE else markup.safe(cut(text, _MAX_LINE // 5))


def _fitting(lines: Sequence[str], room: int) -> list[str]:
    """The first lines, whole, that have room."""
    kept: list[str] = []
    for line in lines:
        room -= len(line) + 1
        if room < 0:
            break
        kept.append(line)
    return kept
