"""When a monitor would alert: its query computed over a history, as far as Datadog documents how it does so.

Points are those of the runs themselves: Datadog's roll-ups and interpolation are left out.
"""

from __future__ import annotations

import ast
import operator
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping

from tests.assets.files import JsonObject
from tests.assets.history import DAY, HOUR, MINUTE, History
from tests.assets.queries import MetricQuery, as_formula, monitor_condition

Group = tuple[str, ...]
# By group, and then by time.
Table = Mapping[Group, Mapping[float, float]]

_AGGREGATE: dict[str, Callable[[list[float]], float]] = {
    'avg': lambda values: sum(values) / len(values),
    'sum': sum,
    'min': min,
    'max': max,
    'p95': max,  # of a single series: its points are percentiles already
}
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    '<': operator.lt,
    '<=': operator.le,
    '>': operator.gt,
    '>=': operator.ge,
}
_OPERATE: dict[type[ast.operator], Callable[[float, float], float | None]] = {
    ast.Add: operator.add,
    ast.Mult: operator.mul,
    ast.Div: lambda a, b: a / b if b else None,
}
_UNITS = {'m': MINUTE, 'h': HOUR, 'd': DAY, 'w': 7 * DAY}


def alerting(definition: JsonObject, history: History, now: float) -> set[Group]:
    """The groups for which the monitor alerts: the values of its `by` tags in their order; () where it has none."""
    condition = monitor_condition(definition)
    values = _values(definition, history, now)
    if definition['options']['on_missing_data'] == 'default' and any(query.as_count for query in condition.metrics):
        # Of a count, nothing is zero.
        (query,) = condition.metrics
        values = {group: values.get(group, 0.0) for group in select(query, history)}
    return {group for group, value in values.items() if _COMPARE[condition.comparator](value, condition.threshold)}


def is_without_data(definition: JsonObject, history: History, now: float) -> bool:
    """Whether the monitor has nothing to go by."""
    return not _values(definition, history, now)


def _values(definition: JsonObject, history: History, now: float) -> Mapping[Group, float]:
    """What the monitor compares with its threshold."""
    condition = monitor_condition(definition)
    is_full_window_required = definition['options'].get('require_full_window', False)
    windows = [float(number) * _UNITS[unit] for number, unit in re.findall(r'last_(\d+)([mhdw])', condition.time)]
    if condition.events:
        (query,) = condition.events
        found = [each.tags for each in history.events if now - windows[0] < each.timestamp <= now]
        return Counter(_group(query.by, tags) for tags in found if query.admits(tags))
    tables = {f'query{number}': select(query, history) for number, query in enumerate(condition.metrics)}
    table = evaluated(as_formula(condition.expression), tables)
    if condition.time.startswith('change(avg('):
        window, back = windows
        before, after = _over_time(table, 'avg', now - back, window), _over_time(table, 'avg', now, window)
        return {group: after[group] - before[group] for group in after.keys() & before.keys()}
    values = _over_time(table, condition.time.partition('(')[0], now, windows[0])
    if is_full_window_required:
        return {group: value for group, value in values.items() if _is_full(table[group], now - windows[0], windows[0])}
    return values


def _is_full(points: Mapping[float, float], start: float, window: float) -> bool:
    """Datadog does not say how it tells a full window from another. Here: there is data in its first fifth."""
    return any(start < time <= start + window / 5 for time in points)


def _over_time(table: Table, aggregate: str, now: float, window: float) -> Mapping[Group, float]:
    inside = {
        group: [value for time, value in points.items() if now - window < time <= now]
        for group, points in table.items()
    }
    return {group: _AGGREGATE[aggregate](values) for group, values in inside.items() if values}


def select(query: MetricQuery, history: History) -> Table:
    """What a query finds, each point put together of all series of its group."""
    found: dict[Group, dict[float, list[float]]] = defaultdict(lambda: defaultdict(list))
    for (metric, tags), points in history.series.items():
        if query.admits(metric, tags):
            for time, value in points.items():
                found[_group(query.by, tags)][time].append(value)
    aggregate = _AGGREGATE[query.aggregator]
    return {group: {time: aggregate(each) for time, each in points.items()} for group, points in found.items()}


def _group(by: tuple[str, ...], tags: tuple[str, ...]) -> Group:
    values = dict(tag.split(':', 1) for tag in tags)
    return tuple(values[key] for key in by)


def evaluated(formula: str, tables: Mapping[str, Table]) -> Table:
    """What a formula makes of its queries, by their names."""
    return _table(ast.parse(formula, mode='eval').body, tables)


def _table(formula: ast.expr, tables: Mapping[str, Table]) -> Table:
    match formula:
        case ast.Name(id=name):
            return tables[name]
        case ast.Call(func=ast.Name(id='default_zero'), args=[inner]):
            # Ours have a value at each time, so there is nothing to fill.
            return _table(inner, tables)
        case ast.Call(func=ast.Name(id='cutoff_min'), args=[inner, ast.Constant(value=int(least))]):
            table = _table(inner, tables)
            return {
                group: {time: value for time, value in points.items() if value >= least}
                for group, points in table.items()
            }
        case ast.Call(func=ast.Name(id='day_before'), args=[inner]):
            table = _table(inner, tables)
            return {group: {time + DAY: value for time, value in points.items()} for group, points in table.items()}
        case ast.BinOp(left=left, op=op, right=ast.Constant(value=int(number))):
            table = _table(left, tables)
            constant = {group: dict.fromkeys(points, float(number)) for group, points in table.items()}
            return _combined(table, constant, _OPERATE[type(op)])
        case ast.BinOp(left=left, op=op, right=right):
            return _combined(_table(left, tables), _table(right, tables), _OPERATE[type(op)])
    raise ValueError(f'not understood: {ast.unparse(formula)}')


def _combined(a: Table, b: Table, operate: Callable[[float, float], float | None]) -> Table:
    """Group by group and time by time; where one side has nothing, or is divided by zero, there is nothing."""
    return {
        group: {
            time: value
            for time in a[group].keys() & b[group].keys()
            if (value := operate(a[group][time], b[group][time])) is not None
        }
        for group in a.keys() & b.keys()
    }
