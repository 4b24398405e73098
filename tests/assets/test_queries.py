"""What the dashboards and monitors ask for is what the check sends."""

from __future__ import annotations

import copy
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from statsig.datadog.actions import ALL_KINDS, GROUPS
from statsig.datadog.metrics import METRICS
from statsig.sandbox.agent import Run
from tests.assets import documentation
from tests.assets.files import ROOT, JsonObject, dashboards, monitors, widgets
from tests.assets.queries import (
    EventQuery,
    MetricQuery,
    board_queries,
    event_query,
    metric_queries,
    monitor_condition,
    template_variables,
)

OURS = {f'statsig.{metric.name}': metric for metric in METRICS}
EVERYWHERE = ('statsig_project',)

# Of Datadog's own: what APM counts of a service's requests, by the operation with which the tracer of a language or a
# framework opens them (docs.datadoghq.com, Trace Metrics). No metric of that kind has a name common to all.
OPERATIONS = (
    *('http.request', 'http.server.request', 'web.request', 'servlet.request', 'flask.request', 'django.request'),
    *('fastapi.request', 'express.request', 'rack.request', 'aspnet_core.request'),
)
DATADOGS = {f'trace.{operation}{suffix}' for operation in OPERATIONS for suffix in ('', '.hits', '.errors')}
TAGS_OF_DATADOGS = {'service', 'env'}

EVENT_TAGS = {'statsig_action', 'statsig_group', 'statsig_kind', 'name', 'environment', 'statsig_project'} | {
    *('statsig_tag', 'target_app', 'statsig_team', 'statsig_late'),
}
VALUES = {'statsig_group': set(GROUPS), 'statsig_kind': set(ALL_KINDS), 'statsig_late': {'true'}}


def problems(query: MetricQuery | EventQuery) -> Iterator[str]:
    """What in a query the check, or Datadog's APM, never sends."""
    if isinstance(query, EventQuery):
        yield from (f'{each.key} is no tag of our events' for each in query.filters if each.key not in EVENT_TAGS)
        yield from (f'{key} is no tag of our events' for key in query.by if key not in EVENT_TAGS)
        for each in query.filters:
            unknown = set(each.values) - VALUES.get(each.key, set(each.values))
            yield from (f'{each.key} is never {value}' for value in unknown)
        return
    used = {*query.by, *(each.key for each in query.filters)}
    if query.metric in DATADOGS:
        yield from (f'{query.metric} has no tag {tag}' for tag in used - TAGS_OF_DATADOGS)
    elif query.metric not in OURS:
        yield f'{query.metric} is not sent'
    else:
        metric = OURS[query.metric]
        yield from (f'{query.metric} has no tag {tag}' for tag in used - {*metric.tags, *EVERYWHERE})
        if query.as_count is not (metric.type == 'count'):
            yield f'{query.metric} is a {metric.type}, asked for {"as" if query.as_count else "not as"} a count'


def all_queries() -> list[tuple[str, str, MetricQuery | EventQuery]]:
    found = [(file, title, query) for file, board in dashboards().items() for title, query in board_queries(board)]
    for file, monitor in monitors().items():
        condition = monitor_condition(monitor['definition'])
        found += [(file, 'its condition', query) for query in condition.queries]
    return found


def test_every_query_names_what_is_sent() -> None:
    queries = all_queries()

    assert {file for file, _, _ in queries} == {*dashboards(), *monitors()}
    assert [(file, title, found) for file, title, query in queries for found in problems(query)] == []


def test_every_query_finds_something_in_what_the_check_really_submits(submitted: Run) -> None:
    metrics = [(metric.name, metric.tags) for metric in submitted.metrics]
    events = [event.tags for event in submitted.events]

    def is_answered(query: MetricQuery | EventQuery) -> bool:
        if isinstance(query, EventQuery):
            return any(query.admits(tags) for tags in events)
        return query.metric in DATADOGS or any(query.admits(name, tags) for name, tags in metrics)

    assert (submitted.error, submitted.refused) == ('', ())
    assert [(file, title, query) for file, title, query in all_queries() if not is_answered(query)] == []


def test_the_tags_of_events_are_those_that_are_rendered(submitted: Run) -> None:
    rendered = {tag.partition(':')[0] for event in submitted.events for tag in event.tags}
    # Of a project in which nothing is late.
    assert rendered == EVENT_TAGS - {'statsig_late'}


def test_the_overview_shows_every_metric_that_is_sent() -> None:
    queries = [query for _, query in board_queries(dashboards()['statsig_overview.json'])]

    assert set(OURS) - {query.metric for query in queries if isinstance(query, MetricQuery)} == set()


@pytest.mark.parametrize('file', dashboards())
def test_a_single_number_of_a_gauge_is_the_last_one_and_of_a_count_the_sum(file: str) -> None:
    for widget in widgets(dashboards()[file]):
        for request in widget['definition'].get('requests', []):
            for query in request.get('queries', []) if request['response_format'] == 'scalar' else []:
                is_count = '.as_count()' in query['query']
                assert query['aggregator'] == ('sum' if is_count else 'last'), widget['definition']['title']


@pytest.mark.parametrize('file', dashboards())
def test_formulas_use_the_queries_beside_them_and_all_of_them(file: str) -> None:
    for widget in widgets(dashboards()[file]):
        for request in widget['definition'].get('requests', []):
            names = [query['name'] for query in request.get('queries', [])]
            formulas = ' '.join(formula['formula'] for formula in request.get('formulas', []))
            words = set(formulas.replace('(', ' ').replace(')', ' ').split()) - {'default_zero', '*', '/', '100'}
            assert words == set(names), widget['definition']['title']


def test_no_monitor_adds_up_over_time_what_is_a_total_already() -> None:
    for file, monitor in monitors().items():
        condition = monitor_condition(monitor['definition'])
        gauges = [query.metric for query in condition.metrics if OURS[query.metric].type == 'gauge']
        assert not (gauges and condition.time.startswith('sum(')), file


@pytest.mark.parametrize(
    ('file', 'metrics'),
    [
        ('statsig_overview.json', ('check_gate.count', 'get_experiment.count', 'get_config.count', 'get_layer.count')),
        ('statsig_feature_rollout.json', ('trace.http.request', 'trace.http.request.errors', 'check_gate.count')),
    ],
)
def test_changes_are_marked_on_the_graphs_of_exposures_error_rate_and_latency(
    file: str, metrics: tuple[str, ...]
) -> None:
    graphs = [widget['definition'] for widget in widgets(dashboards()[file])]
    graphs = [graph for graph in graphs if graph['type'] == 'timeseries' and 'events' in graph]
    marked = ' '.join(query['query'] for graph in graphs for each in graph['requests'] for query in each['queries'])

    assert [metric for metric in metrics if f'{metric}{{' not in marked] == []


def _overlays(file: str) -> list[tuple[str, EventQuery]]:
    variables = template_variables(dashboards()[file])
    return [
        (widget['definition']['title'], event_query(each['q'], variables))
        for widget in widgets(dashboards()[file])
        for each in widget['definition'].get('events', [])
    ]


def _listed(file: str, title: str) -> EventQuery:
    (widget,) = (each for each in widgets(dashboards()[file]) if each['definition'].get('title') == title)
    query = widget['definition']['requests'][0]['query']['query_string']
    return event_query(query, template_variables(dashboards()[file]))


@pytest.mark.parametrize('file', dashboards())
def test_no_graph_marks_a_change_at_the_time_at_which_it_was_sent_late(file: str) -> None:
    """A late event carries the present time: on a graph it would accuse the wrong moment. Lists say when it was."""
    kinds = [f'statsig_kind:{kind}' for kind in ('gate', 'config', 'experiment', 'dynamic_config', 'layer')]
    everywhere = ('statsig_project:sandbox', 'name:checkout_v2', 'environment:production')
    events = [(kind, f'statsig_group:{group}', *everywhere) for kind in kinds for group in ('rollouts', 'experiments')]
    overlays = _overlays(file)
    assert overlays

    for title, overlay in overlays:
        assert any(overlay.admits(tags) for tags in events), title
        assert not any(overlay.admits((*tags, 'statsig_late:true')) for tags in events), title
    for _, query in board_queries(dashboards()[file]):
        if isinstance(query, EventQuery) and query not in [overlay for _, overlay in overlays]:
            assert not [each for each in query.filters if each.key == 'statsig_late'], 'a list leaves nothing out'


def test_beside_the_changes_of_the_chosen_gate_stand_those_of_every_other() -> None:
    listed = _listed('statsig_feature_rollout.json', 'All changes in this environment')
    where = ('statsig_project:sandbox', 'statsig_group:rollouts', 'environment:production')

    assert listed.admits((*where, 'statsig_kind:gate', 'name:another_gate'))
    assert listed.admits((*where, 'statsig_kind:dynamic_config', 'name:limits'))
    assert not listed.admits((*where[:2], 'environment:staging', 'statsig_kind:gate', 'name:another_gate'))


def broken(change: Callable[[JsonObject], None], file: str) -> list[str]:
    """The problems of a dashboard with a change made to a copy of it."""
    board = copy.deepcopy(dashboards()[file])
    change(board)
    try:
        return [problem for _, query in board_queries(board) for problem in problems(query)]
    except ValueError as error:
        return [str(error)]


def _in_first_query(old: str, new: str) -> Callable[[JsonObject], None]:
    def change(board: JsonObject) -> None:
        for widget in widgets(board):
            for request in widget['definition'].get('requests', []):
                for query in request.get('queries', []):
                    if old in query['query']:
                        query['query'] = query['query'].replace(old, new)
                        return
        raise AssertionError(f'{old} is in no query')

    return change


def _in_first_overlay(old: str, new: str) -> Callable[[JsonObject], None]:
    def change(board: JsonObject) -> None:
        overlays = [each for widget in widgets(board) for each in widget['definition'].get('events', [])]
        overlay = next(each for each in overlays if old in each['q'])
        overlay['q'] = overlay['q'].replace(old, new)

    return change


@pytest.mark.parametrize(
    ('change', 'problem'),
    [
        (_in_first_query('check_gate.count', 'check_gate.counts'), 'statsig.check_gate.counts is not sent'),
        (_in_first_query('by {name}', 'by {gate}'), 'statsig.gate.checks_per_hour has no tag gate'),
        (_in_first_query('type:stale', 'kind:stale'), 'statsig.gates.count has no tag kind'),
        (_in_first_query('{$project}', '{$projects}'), '$projects is no template variable of the dashboard'),
        (_in_first_query('.as_count()', ''), 'statsig.audit_log.entries is a count, asked for not as a count'),
        (
            _in_first_query('check_gate.count{$project} by {name}', 'check_gate.count{*}.as_count()'),
            'statsig.check_gate.count is a gauge, asked for as a count',
        ),
        (_in_first_query('avg:statsig.check_gate', 'top(avg:statsig.check_gate'), 'not understood: top(avg:'),
        (_in_first_overlay('experiments', 'trials'), 'statsig_group is never trials'),
        (_in_first_overlay('statsig_kind', 'kind'), 'kind is no tag of our events'),
        (_in_first_overlay('statsig_project:', 'name:'), 'name with $project.value, which is a statsig_project'),
        (_in_first_overlay('statsig_group:', 'tags:statsig_group:'), 'tags is no tag of our events'),
    ],
)
def test_a_broken_query_is_found(change: Callable[[JsonObject], None], problem: str) -> None:
    (found, *_) = broken(change, 'statsig_overview.json')

    assert problem in found


def test_a_metric_of_datadogs_own_is_known_by_name_and_by_tag() -> None:
    unknown, odd = metric_queries('sum:trace.http.requests.hits{*} / sum:trace.http.request.hits{*} by {name}', {})

    assert [*problems(unknown)] == ['trace.http.requests.hits is not sent']
    assert [*problems(odd)] == ['trace.http.request.hits has no tag name']


def test_the_recipe_for_another_namespace_renames_every_metric_of_ours_and_nothing_else(tmp_path: Path) -> None:
    shutil.copytree(ROOT / 'assets', tmp_path / 'assets')
    (recipe,) = re.findall(r'^sed -i .*$', documentation.PAGE, re.MULTILINE)

    subprocess.run(recipe, shell=True, cwd=tmp_path, check=True)

    for file in (*(ROOT / 'assets/dashboards').iterdir(), *(ROOT / 'assets/monitors').iterdir()):
        before = file.read_text(encoding='utf-8')
        after = (tmp_path / file.relative_to(ROOT)).read_text(encoding='utf-8')
        assert not re.search(r'\b(avg|sum|min|max):statsig\.', after)
        assert re.sub(r'\b(avg|sum|min|max):flags\.', r'\1:statsig.', after) == before
