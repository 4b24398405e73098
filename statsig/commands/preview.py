"""What would reach Datadog, for people to read: a table of gauges, and events as its event stream shows them."""

from __future__ import annotations

import html
import re
import textwrap
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from statsig.commands.terminal import Terminal, shortened
from statsig.sandbox.agent_intake import Event, Metric

_ALERT_STYLES = {'error': ('✖', 'red'), 'warning': ('▲', 'yellow'), 'success': ('✔', 'green'), 'info': ('●', 'blue')}
_MARKDOWN_BLOCK = re.compile(r'^%%%\s*\n(.*?)\n?\s*%%%$', re.DOTALL)
_ESCAPED = re.compile(r'\\([\\`*_\[\](){}<>&~|!%@$#+\-=.:])')
_LINK = re.compile(r'(?<!\\)\[((?:[^\]\\]|\\.)*)\]\(([^)\s]+)\)')
_BULLET = re.compile(r'^( *)[-*] ', re.MULTILINE)
_EMPHASIS = re.compile(r'(?<!\\)(\*\*|__|`)(.+?)(?<!\\)\1')
BRIEF_LINES = 5
# Tags that a title already says, or that are the same on everything.
_PLAIN_TAGS = ('statsig_project:', 'statsig_kind:', 'statsig_group:')


@dataclass(frozen=True, slots=True)
class Series:
    """One metric with one set of tags; `values` in the order of the runs, None where a run did not send it."""

    name: str
    tags: tuple[str, ...]
    values: tuple[float | None, ...]

    @property
    def first(self) -> float:
        return next(value for value in self.values if value is not None)

    @property
    def last(self) -> float:
        return next(value for value in reversed(self.values) if value is not None)


def gauge_series(runs: Sequence[Iterable[Metric]]) -> list[Series]:
    """Gauges by name, those of one name by their latest value, highest first."""
    found: dict[tuple[str, tuple[str, ...]], list[float | None]] = defaultdict(lambda: [None] * len(runs))
    for number, metrics in enumerate(runs):
        for metric in metrics:
            if metric.type == 'gauge':
                found[metric.name, tuple(sorted(metric.tags))][number] = metric.value
    series = [Series(name, tags, tuple(values)) for (name, tags), values in found.items()]
    return sorted(series, key=lambda one: (one.name, -one.last, one.tags))


def count_sums(runs: Sequence[Iterable[Metric]]) -> dict[str, float]:
    """What the counts of all runs add up to, by metric name."""
    sums: dict[str, float] = defaultdict(float)
    for metric in (metric for metrics in runs for metric in metrics if metric.type == 'count'):
        sums[metric.name] += metric.value
    return dict(sums)


def print_gauges(terminal: Terminal, series: Sequence[Series], per_metric: int) -> None:
    """A row for each of the `per_metric` highest of each metric; of several runs, the first and the latest value."""
    by_name: dict[str, list[Series]] = defaultdict(list)
    for one in series:
        by_name[one.name].append(one)
    several_runs = any(len(one.values) > 1 for one in series)
    head = ('metric', 'tags', *(('first', 'now') if several_runs else ('value',)))
    rows = [tuple(terminal.style(cell, 'dim') for cell in head)]
    number = max((len(_number(value)) for one in series for value in (one.first, one.last)), default=0)
    taken = (len(head) - 2) * (number + 2) + max((len(name) for name in by_name), default=0) + 4
    for name, members in by_name.items():
        for position, one in enumerate(members[:per_metric]):
            more = len(members) - per_metric if position == per_metric - 1 else 0
            values = (_number(one.first), terminal.style(_number(one.last), 'bold' if one.first != one.last else 'dim'))
            cells = values if several_runs else values[:1]
            rows.append(('' if position else name, _tags(terminal, one.tags, terminal.width - taken, more), *cells))
    terminal.table(rows, right=(2, 3))


def many(number: int, what: str, plural: str = '') -> str:
    """`1 event`, `2 events`; `2 deliveries` where the plural is given."""
    return f'{number:,} {what if number == 1 else plural or f"{what}s"}'


def print_event(terminal: Terminal, event: Event, brief: bool = False) -> None:
    """Time, title, text and tags of an event; if brief, its first lines, and as many tags as fit into one."""
    sign, colour = _ALERT_STYLES.get(event.alert_type, _ALERT_STYLES['info'])
    moment = terminal.style(f'{datetime.fromtimestamp(event.timestamp):%H:%M:%S}', 'dim')
    terminal.line(f'  {moment}  {terminal.style(sign, colour)} {terminal.style(event.title, "bold")}')
    indent, width = ' ' * 14, terminal.width - 14
    lines = [line for line in plain_text(event.text).splitlines() if line.strip() and line.strip() != event.title]
    shown = lines[:BRIEF_LINES] if brief else lines
    for wrapped in (wrapped for line in shown for wrapped in _wrapped(line, width)):
        terminal.line(indent + wrapped)
    if len(lines) > len(shown):
        terminal.line(indent + terminal.style(f'… {many(len(lines) - len(shown), "more line")}', 'dim'))
    tags = ' '.join(tag for tag in event.tags if not tag.startswith(_PLAIN_TAGS))
    for wrapped in [shortened(tags, width)] if brief else _wrapped(tags, width):
        terminal.line(indent + terminal.style(wrapped, 'cyan'))


def _wrapped(line: str, width: int) -> list[str]:
    indent = '  ' if line.startswith('• ') else ''
    return textwrap.wrap(line, width, subsequent_indent=indent, break_on_hyphens=False)


def plain_text(text: str) -> str:
    """An event's text without its Markdown: `%%%` frame, bullets, emphasis, backslashes; links show their address."""
    block = _MARKDOWN_BLOCK.match(text.strip())
    if block is None:
        return text
    without_links = _LINK.sub(lambda link: link[2] if link[1] == link[2] else f'{link[1]}: {link[2]}', block[1])
    without_emphasis = _EMPHASIS.sub(r'\2', without_links)
    with_bullets = _BULLET.sub(r'\1• ', without_emphasis)
    return html.unescape(_ESCAPED.sub(r'\1', with_bullets))


def _tags(terminal: Terminal, tags: Sequence[str], width: int, more: int) -> str:
    ending = f' … {more} more' if more > 0 else ''
    shown = ' '.join(tag for tag in tags if not tag.startswith(_PLAIN_TAGS))
    return shortened(shown, width - len(ending)) + terminal.style(ending, 'dim')


def _number(value: float) -> str:
    digits = 0 if value == int(value) or abs(value) >= 100 else 1 if abs(value) >= 1 else 3
    return f'{value:,.{digits}f}'
