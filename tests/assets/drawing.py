"""`python -m tests.assets.drawing DIRECTORY` draws both dashboards with what the check sends of the sandbox.

To look at the order of reading before anything is imported; Datadog draws them in its own way. The pictures in
docs/images are these, and one for the first screen of the README: draw them again (`make pictures`) after a change of a
dashboard, or of what the check sends.
"""

from __future__ import annotations

import copy
import re
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from html import escape
from pathlib import Path

from statsig.datadog.event import DatadogEvent
from statsig.sandbox.life import Life
from statsig.sandbox.project import SandboxProject
from statsig.sandbox.server import SandboxServer
from tests.assets.alerting import evaluated, select
from tests.assets.files import JsonObject, dashboards
from tests.assets.history import HOUR, MINUTE, History, StillClock, World
from tests.assets.invented import LABEL, add_service
from tests.assets.queries import Filter, MetricQuery, event_query, metric_queries, template_variables

HOURS = 12
ROLLED_OUT, SWITCHED_OFF = 34, 41  # steps of 10 minutes
COLUMN, ROW, GAP, HEAD = 110, 46, 3, 20
TITLE, MARGIN = 84, 12
CAPTION = (
    f'A drawing of the layout with what the check sends of {HOURS} hours of the sandbox. Not a screenshot of Datadog.'
)
OF_A_SERVICE = ' Error rate, latency and requests of the service are invented.'
CHOSEN = {'gate': 'checkout_v2', 'service': 'checkout', 'env': 'prod'}
COLOURS = ('#6b5ca5', '#3f8fd2', '#2a9d8f', '#e9a23b', '#d1495b', '#8d99ae', '#4a7c59', '#b56576', '#355070', '#e07a5f')
GROUPS = {
    'vivid_blue': '#3f6fd8',
    'vivid_purple': '#7d4fc0',
    'vivid_orange': '#d9772b',
    'vivid_green': '#3c9a5f',
    'vivid_yellow': '#b88d14',
    'vivid_pink': '#c2478f',
    'gray': '#777777',
}
PALETTES = {'white_on_green': '#2a9d5f', 'white_on_yellow': '#d9a400', 'white_on_red': '#c9302c'}
TITLES = {'warning': '#b35c00', 'success': '#1a7f4b', 'info': '#222222'}
MARK = '#c026d3'

Lines = Mapping[str, Sequence[tuple[float, float]]]


def half_a_day() -> History:
    """Some changes an hour, and a story of one gate: rolled out further, a service gets worse, switched off."""
    project = SandboxProject(seed=1, clock=StillClock())
    life = Life(project, seed=4, changes_per_hour=3)
    rolled_out = switched_off = start = project.clock()
    with SandboxServer(project) as server:
        world = World(server)
        for step in range(round(HOURS * HOUR / (10 * MINUTE))):
            world.wait(9 * MINUTE)
            life.advance(10 * MINUTE, within=MINUTE)
            if step == ROLLED_OUT:
                _roll_out(project, 'checkout_v2', 50)
                rolled_out = world.now
            if step == SWITCHED_OFF:
                project.set_gate_enabled('checkout_v2', False)
                switched_off = world.now
            world.run(MINUTE, every=MINUTE)
    add_service(world.history, start, (rolled_out, switched_off))
    return world.history


def _roll_out(project: SandboxProject, name: str, percentage: int) -> None:
    rules = copy.deepcopy(project.gates[name]['rules'])
    rules[-1]['passPercentage'] = percentage
    project.change('gate', name, 'gate_update', {'rules': rules}, change_log=f'Rolled out to {percentage}%')


def shortened(board: JsonObject, rows: Sequence[int]) -> JsonObject:
    """Of the first groups so many rows each: widgets that begin below are left out, those that go on below are cut."""
    short = copy.deepcopy(board)
    short['title'] += ' (shortened)'
    short['widgets'] = short['widgets'][: len(rows)]
    for group, height in zip(short['widgets'], rows, strict=True):
        members = [each for each in group['definition']['widgets'] if each['layout']['y'] < height]
        for each in members:
            each['layout']['height'] = min(each['layout']['height'], height - each['layout']['y'])
        group['definition']['widgets'] = members
        group['layout']['height'] = height + 1
    return short


def drawing(board: JsonObject, history: History, column: int = COLUMN) -> str:
    """The dashboard as SVG, `column` pixels for each of its 12 columns."""
    variables = {
        name: replace(found, values=(CHOSEN.get(name, *found.values),) if name in CHOSEN else found.values)
        for name, found in template_variables(board).items()
    }
    height = TITLE + sum(group['layout']['height'] * ROW + 8 for group in board['widgets'])
    width = 12 * column + 2 * MARGIN
    caption = CAPTION + (OF_A_SERVICE if 'service' in variables else '')
    chosen = '   '.join(f'{name}: {found.values[0]}' for name, found in variables.items())
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif">',
        f'<rect width="{width}" height="{height}" fill="#f4f5f8"/>',
        text(MARGIN, 24, board['title'], size=17, weight='bold'),
        text(MARGIN, 44, caption, fill='#a11111'),
        text(MARGIN, 66, chosen, fill='#444444'),
    ]
    top = TITLE
    for group in board['widgets']:
        definition, rows = group['definition'], group['layout']['height']
        colour = GROUPS[definition['background_color']]
        parts.append(f'<rect x="{MARGIN}" y="{top}" width="{12 * column}" height="{ROW - 12}" rx="3" fill="{colour}"/>')
        parts.append(text(MARGIN + 10, top + 22, definition['title'], size=13, fill='#ffffff', weight='bold'))
        for widget in definition['widgets']:
            parts += _widget(widget, top + ROW - 8, column, variables, history)
        top += rows * ROW + 8
    return '\n'.join([*parts, '</svg>', ''])


def _widget(
    widget: JsonObject, top: int, column: int, variables: Mapping[str, Filter], history: History
) -> Iterator[str]:
    layout, definition = widget['layout'], widget['definition']
    x, y = MARGIN + layout['x'] * column + GAP, top + layout['y'] * ROW
    width, height = layout['width'] * column - 2 * GAP, layout['height'] * ROW - 2 * GAP
    # An inner <svg> cuts off what has no room, as Datadog does.
    yield f'<svg x="{x}" y="{y}" width="{width}" height="{height}">'
    yield f'<rect width="{width}" height="{height}" fill="#ffffff" stroke="#cfd4dd"/>'
    if 'title' in definition:
        yield text(6, 15, definition['title'], weight='bold')
    match definition['type']:
        case 'note':
            yield from _note(definition['content'], width)
        case 'manage_status':
            yield text(8, 40, '(Datadog lists the monitors here.)', fill='#999999')
        case 'list_stream':
            yield from _stream(definition['requests'][0]['query'], height, variables, history)
        case 'timeseries':
            yield from _graph(definition, width, height, variables, history)
        case 'query_value':
            yield from _number(definition, width, height, variables, history)
        case 'toplist':
            yield from _bars(definition['requests'][0], width, height, variables, history)
        case 'query_table':
            yield from _table(definition['requests'][0], width, height, variables, history)
        case unknown:
            raise ValueError(f'not understood: {unknown}')
    yield '</svg>'


def text(
    x: float, y: float, words: str, *, size: int = 11, fill: str = '#222222', weight: str = '', at: str = ''
) -> str:
    more = (f' font-weight="{weight}"' if weight else '') + (f' text-anchor="{at}"' if at else '')
    return f'<text x="{x:.0f}" y="{y:.0f}" font-size="{size}" fill="{fill}"{more}>{escape(words)}</text>'


def short(value: float) -> str:
    for limit, letter in ((1e9, 'G'), (1e6, 'M'), (1e3, 'k')):
        if abs(value) >= limit:
            return f'{value / limit:.1f} {letter}'
    return f'{value:.0f}' if value == int(value) else f'{value:.2f}'


def _note(content: str, width: int) -> Iterator[str]:
    plain = re.sub(r'[*`]', '', content).split('\n\n')
    lines = [line for part in plain for line in (*textwrap.wrap(part, int(width / 5.4)), '')]
    yield from (text(8, 18 + 15 * number, line) for number, line in enumerate(lines))


def _stream(query: JsonObject, height: int, variables: Mapping[str, Filter], history: History) -> Iterator[str]:
    search, y = event_query(query['query_string'], variables), HEAD + 16
    for event in (event for event in reversed(history.events) if search.admits(event.tags)):
        changes = [line[2:] for line in event.text.split('\n') if line.startswith('- ')]
        changes = changes[:2] if query['event_size'] == 'l' else []
        if y + 15 * len(changes) > height:
            return
        yield text(8, y, f'{_clock(event.timestamp)}  {event.title}', fill=TITLES[event.alert_type])
        for line in changes:
            y += 15
            yield text(52, y, re.sub(r'\\(.)', r'\1', line), fill='#666666')
        y += 20


def _clock(timestamp: float) -> str:
    return f'{datetime.fromtimestamp(timestamp, UTC):%H:%M}'


def _last(query: MetricQuery, history: History, span: float = HOURS * HOUR) -> dict[str, float]:
    """By group, of the latest `span` seconds: the last value of a gauge, the sum of a count."""
    recent = {
        group: {time: value for time, value in points.items() if history.now - span <= time}
        for group, points in select(query, history).items()
    }
    return {
        ', '.join(group): sum(points.values()) if query.as_count else points[max(points)]
        for group, points in recent.items()
        if points
    }


def _number(
    definition: JsonObject, width: int, height: int, variables: Mapping[str, Filter], history: History
) -> Iterator[str]:
    (request,) = definition['requests']
    (query,) = metric_queries(request['queries'][0]['query'], variables)
    span = HOURS * HOUR
    if 'time' in definition:
        span = int(definition['time']['live_span'].removesuffix('m')) * MINUTE
    found = _last(query, history, span).values()
    if not found and not request['formulas'][0]['formula'].startswith('default_zero('):
        yield text(width / 2, (height + HEAD) / 2 + 10, 'No data', size=20, fill='#999999', at='middle')
        return
    value = sum(found)
    compare = {'>=': value.__ge__, '<=': value.__le__, '<': value.__lt__, '>': value.__gt__}
    formats = [each for each in request.get('conditional_formats', []) if compare[each['comparator']](each['value'])]
    colour = PALETTES[formats[0]['palette']] if formats else '#ffffff'
    yield f'<rect x="1" y="{HEAD}" width="{width - 2}" height="{height - HEAD - 1}" fill="{colour}"/>'
    fill = '#ffffff' if formats else '#222222'
    yield text(width / 2, (height + HEAD) / 2 + 10, short(value), size=28, fill=fill, at='middle')


def _bars(
    request: JsonObject, width: int, height: int, variables: Mapping[str, Filter], history: History
) -> Iterator[str]:
    (query,) = metric_queries(request['queries'][0]['query'], variables)
    is_falling = request['sort']['order_by'][0]['order'] == 'desc'
    rows = sorted(_last(query, history).items(), key=lambda row: row[1], reverse=is_falling)
    most = max((value for _, value in rows), default=1) or 1
    for number, (name, value) in enumerate(rows[: (height - HEAD) // 21]):
        y = HEAD + 21 * number
        yield f'<rect x="6" y="{y}" width="{max(2.0, (width - 12) * value / most):.0f}" height="18" fill="#cfe0fa"/>'
        yield text(12, y + 13, f'{short(value)}   {name}')


def _table(
    request: JsonObject, width: int, height: int, variables: Mapping[str, Filter], history: History
) -> Iterator[str]:
    queries = [metric_queries(each['query'], variables)[0] for each in request['queries']]
    columns = [_last(query, history) for query in queries]
    names = sorted(columns[0], key=lambda name: -columns[0][name])
    right = [width - 10 - 75 * number for number in reversed(range(len(columns)))]
    for x, formula in zip(right, request['formulas'], strict=True):
        yield text(x, HEAD + 14, formula['alias'], fill='#777777', at='end')
    for number, name in enumerate(names[: (height - HEAD) // 19 - 1]):
        y = HEAD + 33 + 19 * number
        yield text(8, y, name)
        for x, column in zip(right, columns, strict=True):
            yield text(x, y, short(column[name]) if name in column else '–', at='end')


def _graph(
    definition: JsonObject, width: int, height: int, variables: Mapping[str, Filter], history: History
) -> Iterator[str]:
    overlays = [event_query(each['q'], variables) for each in definition.get('events', [])]
    events = [event for event in history.events if any(each.admits(event.tags) for each in overlays)]
    lines: dict[str, Sequence[tuple[float, float]]] = {}
    is_ours = True
    for request in definition['requests']:
        queries = {each['name']: metric_queries(each['query'], variables)[0] for each in request['queries']}
        is_ours = is_ours and all(query.metric.startswith('statsig.') for query in queries.values())
        tables = {name: select(query, history) for name, query in queries.items()}
        for group, points in evaluated(request['formulas'][0]['formula'], tables).items():
            lines[', '.join(group) or request['formulas'][0].get('alias', 'all')] = sorted(points.items())
    lines = dict(sorted(lines.items(), key=lambda line: -max(value for _, value in line[1])))
    as_bars = definition['requests'][0]['display_type'] == 'bars'
    bottom = height - 32
    yield from _plot(lines, events, width, bottom, history.now, as_bars)
    if not is_ours:
        yield text(width - 8, 15, LABEL, fill='#a11111', at='end')
    x = 8.0
    for number, name in enumerate(lines):
        yield f'<rect x="{x:.0f}" y="{height - 14}" width="8" height="8" fill="{COLOURS[number % len(COLOURS)]}"/>'
        yield text(x + 12, height - 6, name, size=9, fill='#555555')
        x += 20 + 5.2 * len(name)


def _plot(
    lines: Lines, events: Iterable[DatadogEvent], width: int, bottom: int, end: float, as_bars: bool
) -> Iterator[str]:
    start = end - HOURS * HOUR
    most = max((value for points in lines.values() for _, value in points), default=1) or 1

    def across(time: float) -> float:
        return 44 + (time - start) / (end - start) * (width - 56)

    def up(value: float) -> float:
        return bottom - value / most * (bottom - HEAD - 12)

    for value in (0, most / 2, most):
        yield f'<line x1="44" x2="{width - 12}" y1="{up(value):.0f}" y2="{up(value):.0f}" stroke="#e8e8e8"/>'
        yield text(40, up(value) + 3, short(value) if lines else '', size=9, fill='#777777', at='end')
    for quarter in range(5):
        time = start + quarter * (end - start) / 4
        yield text(across(time), bottom + 12, _clock(time), size=9, fill='#777777', at='middle')
    for number, points in enumerate(lines.values()):
        colour = COLOURS[number % len(COLOURS)]
        if as_bars:
            for time, value in points:
                yield f'<path d="M{across(time):.0f} {bottom}V{up(value):.0f}" stroke="{colour}" stroke-width="3"/>'
        else:
            path = ' '.join(f'{across(time):.0f},{up(value):.1f}' for time, value in points)
            yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.4"/>'
    for event in events:
        x = across(event.timestamp)
        yield f'<path d="M{x:.0f} {HEAD + 6}V{bottom}" stroke="{MARK}" stroke-dasharray="3 2" opacity="0.8"/>'


def pictures(history: History) -> dict[str, str]:
    """By file name, as they lie in docs/images."""
    boards = dashboards()
    drawn = {file.replace('.json', '.svg'): drawing(board, history) for file, board in boards.items()}
    first = shortened(boards['statsig_feature_rollout.json'], (8, 4))
    return {**drawn, 'first_look.svg': drawing(first, history, column=98)}


def main(directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    for name, picture in pictures(half_a_day()).items():
        (directory / name).write_text(picture, encoding='utf-8')


if __name__ == '__main__':
    main(Path(sys.argv[1]))
