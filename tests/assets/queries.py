"""Datadog's queries, as far as our boards and monitors use them: what they ask for, taken apart.

Only what is known here is accepted: a query that cannot be taken apart is a ValueError, so nothing goes unseen.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count

from tests.assets.files import JsonObject, widgets

_METRIC = re.compile(
    r'(?P<aggregator>avg|sum|min|max|p95):(?P<name>[a-z0-9_.]+)\{(?P<filters>[^{}]+)\}'
    r'(?: by \{(?P<by>[a-z0-9_,]+)\})?(?P<as_count>\.as_count\(\))?'
)
_EXPRESSION = re.compile(r'(?:METRIC|default_zero\(|cutoff_min\(|day_before\(|\d+|[-+*/(), ])+')
_MONITOR = re.compile(
    r'(?P<time>(?:avg|sum|min|max)\(last_\d+[mhdw]\)|(?:change|pct_change)\(avg\(last_\d+[mhdw]\),last_\d+[mhdw]\)):'
    r'(?P<expression>.+) (?P<comparator><=|>=|<|>) (?P<threshold>\d+)'
)
_EVENT_MONITOR = re.compile(
    r'events\("(?P<search>[^"]+)"\)\.rollup\("count"\)\.by\("(?P<by>[a-z_,]+)"\)\.last\("(?P<window>\d+[mhd])"\) '
    r'(?P<comparator><=|>=|<|>) (?P<threshold>\d+)'
)
_TERM = re.compile(r'(?P<negated>[-!]?)(?P<key>[a-z_]+):(?P<values>\([^()]+\)|[^\s()]+)')
_IN = re.compile(r'(?P<key>[a-z_]+) IN \((?P<values>[^()]+)\)')


@dataclass(frozen=True)
class Filter:
    """One condition on tags: any of the values, or, `negated`, none of them. `*` is any value at all."""

    key: str
    values: tuple[str, ...]
    negated: bool = False

    def admits(self, tags: Iterable[str]) -> bool:
        present = {value for key, _, value in (tag.partition(':') for tag in tags) if key == self.key}
        found = bool(present) if self.values == ('*',) else not present.isdisjoint(self.values)
        return found is not self.negated


@dataclass(frozen=True)
class MetricQuery:
    aggregator: str
    metric: str
    filters: tuple[Filter, ...]
    by: tuple[str, ...]
    as_count: bool

    def admits(self, metric: str, tags: Sequence[str]) -> bool:
        """Whether a submitted series is among what is asked for, under a name for each `by`."""
        keys = {tag.partition(':')[0] for tag in tags}
        return metric == self.metric and keys.issuperset(self.by) and all(each.admits(tags) for each in self.filters)


@dataclass(frozen=True)
class EventQuery:
    filters: tuple[Filter, ...]
    by: tuple[str, ...] = ()

    def admits(self, tags: Sequence[str]) -> bool:
        keys = {tag.partition(':')[0] for tag in tags}
        return keys.issuperset(self.by) and all(each.admits(tags) for each in self.filters)


@dataclass(frozen=True)
class Condition:
    """What a monitor asks. `time` is how points of `expression`, or events, are put together over time."""

    time: str
    expression: str
    metrics: tuple[MetricQuery, ...]
    events: tuple[EventQuery, ...]
    comparator: str
    threshold: float

    @property
    def queries(self) -> list[MetricQuery | EventQuery]:
        return [*self.metrics, *self.events]

    @property
    def by(self) -> frozenset[str]:
        return frozenset(tag for query in self.queries for tag in query.by)


def metric_queries(expression: str, variables: Mapping[str, Filter]) -> tuple[MetricQuery, ...]:
    """Of an expression such as `avg:a{*} by {name} / 7`."""
    rest = _METRIC.sub('METRIC', expression)
    if not _EXPRESSION.fullmatch(rest) or rest.count('(') != rest.count(')'):
        raise ValueError(f'not understood: {expression}')
    return tuple(
        MetricQuery(
            found['aggregator'],
            found['name'],
            tuple(_metric_filters(found['filters'], variables)),
            tuple(filter(None, (found['by'] or '').split(','))),
            bool(found['as_count']),
        )
        for found in _METRIC.finditer(expression)
    )


def as_formula(expression: str) -> str:
    """The expression with `query0`, `query1`, … in the places of its metric queries."""
    numbers = count()
    return _METRIC.sub(lambda _: f'query{next(numbers)}', expression)


def _metric_filters(text: str, variables: Mapping[str, Filter]) -> Iterator[Filter]:
    if text == '*':
        return
    for part in text.split(' AND ') if ' AND ' in text else text.split(','):
        if part.startswith('$'):
            yield _variable(part, variables)
        elif term := _IN.fullmatch(part):
            yield Filter(term['key'], tuple(term['values'].split(',')))
        elif term := _TERM.fullmatch(part):
            yield Filter(term['key'], (term['values'],), bool(term['negated']))
        else:
            raise ValueError(f'not understood: {part} in {text}')


def event_query(search: str, variables: Mapping[str, Filter], by: str = '') -> EventQuery:
    """Of a search such as `statsig_kind:(gate OR config) -statsig_late:true name:$gate.value`."""
    terms = [*_TERM.finditer(search)]
    if ' '.join(term[0] for term in terms) != search:
        raise ValueError(f'not understood: {search}')
    filters = []
    for term in terms:
        values = tuple(term['values'].strip('()').split(' OR '))
        if values[0].startswith('$'):
            variable = _variable(values[0].removesuffix('.value'), variables)
            if variable.key != term['key']:
                raise ValueError(f'{search} compares {term["key"]} with {values[0]}, which is a {variable.key}')
            values = variable.values
        filters.append(Filter(term['key'], values, bool(term['negated'])))
    return EventQuery(tuple(filters), tuple(filter(None, by.split(','))))


def _variable(name: str, variables: Mapping[str, Filter]) -> Filter:
    if name.removeprefix('$') not in variables:
        raise ValueError(f'{name} is no template variable of the dashboard')
    return variables[name.removeprefix('$')]


def template_variables(board: JsonObject) -> dict[str, Filter]:
    """What each stands for until somebody chooses."""
    return {each['name']: Filter(each['prefix'], (each['default'],)) for each in board['template_variables']}


def board_queries(board: JsonObject) -> Iterator[tuple[str, MetricQuery | EventQuery]]:
    """(title of the widget, a query of it), for all of them."""
    variables = template_variables(board)
    for widget in widgets(board):
        definition = widget['definition']
        title = definition.get('title', '')
        for overlay in definition.get('events', []):
            yield title, event_query(overlay['q'], variables)
        if ('requests' in definition) is (definition['type'] in ('group', 'note', 'manage_status')):
            raise ValueError(f'not understood: {title}')
        for request in definition.get('requests', []):
            if definition['type'] == 'list_stream':
                yield title, event_query(request['query']['query_string'], variables)
                continue
            for query in request['queries']:
                yield from ((title, each) for each in metric_queries(query['query'], variables))


def monitor_condition(definition: JsonObject) -> Condition:
    if definition['type'] == 'event-v2 alert' and (found := _EVENT_MONITOR.fullmatch(definition['query'])):
        events = (event_query(found['search'], {}, found['by']),)
        time, threshold = f'count(last_{found["window"]})', float(found['threshold'])
        return Condition(time, '', (), events, found['comparator'], threshold)
    if definition['type'] == 'query alert' and (found := _MONITOR.fullmatch(definition['query'])):
        queries = metric_queries(found['expression'], {})
        return Condition(
            found['time'], found['expression'], queries, (), found['comparator'], float(found['threshold'])
        )
    raise ValueError(f'not understood: {definition["type"]} {definition["query"]}')
