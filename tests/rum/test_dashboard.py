"""assets/dashboards/rum_features.json asks RUM for what RUM has, and for what rum/ puts there."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.datadog.official import refusal_of_dashboard

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / 'assets/dashboards/rum_features.json'
BOARD: dict[str, Any] = json.loads(FILE.read_text(encoding='utf-8'))

# Attributes of RUM's events, of its browser SDK or of Datadog's own making (docs.datadoghq.com, RUM Browser Data
# Collected).
ATTRIBUTES = {
    *('service', 'env', '@type', '@session.id', '@session.type', '@view.largest_contentful_paint'),
    *('@view.error.count', '@view.url_path_group', '@error.handling', '@error.message'),
}
GATE, EXPERIMENT = '@feature_flags.checkout_v2', '@feature_flags.experiment_checkout_button_copy'
FLAGS = {GATE, EXPERIMENT, '@feature_flags.statsig_left_out'}


def widgets(board: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for group in board['widgets']:
        yield from (widget['definition'] for widget in group['definition']['widgets'])


def requests(board: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for widget in widgets(board):
        yield from ((widget['title'], request) for request in widget.get('requests', []))


def facets(query: dict[str, Any]) -> Iterator[str]:
    """All that a query asks for: in its search, to group by, to compute."""
    for term in re.findall(r'[^\s()]+', query['search']['query']):
        if term == 'OR':
            continue
        yield term if term.startswith('$') else term.partition(':')[0]
    for by in query['group_by']:
        yield from filter(None, (by['facet'], by['sort'].get('metric')))
    yield from filter(None, [query['compute'].get('metric')])


def test_it_is_a_dashboard_for_datadogs_client() -> None:
    assert refusal_of_dashboard(BOARD) == ''

    spoilt = json.loads(json.dumps(BOARD).replace('"data_source": "rum"', '"data_source": "room"'))
    assert refusal_of_dashboard(spoilt) != ''


def test_it_asks_for_what_rum_has_and_the_package_puts_there() -> None:
    known = ATTRIBUTES | FLAGS | {f'${variable["name"]}' for variable in BOARD['template_variables']}
    queries = [(title, query) for title, request in requests(BOARD) for query in request['queries']]

    assert len(queries) > 20
    assert {query['data_source'] for _, query in queries} == {'rum'}
    assert [(title, facet) for title, query in queries for facet in facets(query) if facet not in known] == []
    assert {variable['prefix'] for variable in BOARD['template_variables']} - ATTRIBUTES == {GATE, EXPERIMENT}


def test_sessions_errors_lcp_and_crash_free_rate_are_there_by_gate_value_and_by_experiment_group() -> None:
    tables = [widget for widget in widgets(BOARD) if widget['type'] == 'query_table']

    by = [
        {each['facet'] for query in table['requests'][0]['queries'] for each in query['group_by']} for table in tables
    ]
    assert by == [{GATE}, {EXPERIMENT}]
    for table in tables:
        columns = [formula['alias'] for formula in table['requests'][0]['formulas']]
        assert columns == ['sessions', 'views', 'errors per 100 views', 'crash-free sessions', 'LCP, p75']


def test_no_bucket_has_more_broken_sessions_than_sessions() -> None:
    """An error may fall in another bucket of time than its view, or have another value of the flag."""
    found = [
        {query['name']: query for query in request['queries']}
        for _, request in requests(BOARD)
        if any('broken' in formula['formula'] for formula in request['formulas'])
    ]

    assert len(found) == 4
    for queries in found:
        sessions, broken = (queries[name] for name in ('sessions', 'broken'))
        assert sessions['search']['query'] == '(@type:view OR @type:error) @session.type:user $service $env'
        assert broken['search']['query'] == '@type:error @error.handling:unhandled @session.type:user $service $env'
        assert (sessions['compute'], sessions['group_by']) == (broken['compute'], broken['group_by'])


def test_errors_per_view_are_counted_on_the_views() -> None:
    ratios = [
        {query['name']: query for query in request['queries']}
        for _, request in requests(BOARD)
        if any('errors' in formula['formula'] for formula in request['formulas'])
    ]

    assert len(ratios) == 4
    for queries in ratios:
        assert queries['errors']['search'] == queries['views']['search']
        assert queries['errors']['compute'] == {'aggregation': 'sum', 'metric': '@view.error.count'}


def test_formulas_use_the_queries_beside_them_and_all_of_them() -> None:
    for title, request in requests(BOARD):
        formulas = ' '.join(formula['formula'] for formula in request['formulas'])
        words = set(re.findall(r'[a-z_]\w*', formulas)) - {'default_zero'}
        assert words == {query['name'] for query in request['queries']}, title


def test_the_command_of_the_documentation_puts_other_names_everywhere() -> None:
    page = (ROOT / 'docs/rum.md').read_text(encoding='utf-8')
    (command,) = re.findall(r'^sed -e .*\\\n.*$', page, re.MULTILINE)
    command = command.replace('YOUR_GATE', 'new_search').replace('YOUR_EXPERIMENT', 'banner').rpartition(' >')[0]

    changed = subprocess.run(command, shell=True, cwd=ROOT, check=True, capture_output=True, text=True).stdout

    assert refusal_of_dashboard(json.loads(changed)) == ''
    assert 'checkout' not in changed
    assert changed.count('@feature_flags.new_search') == FILE.read_text(encoding='utf-8').count(GATE) > 0
    assert changed.count('@feature_flags.experiment_banner') == FILE.read_text(encoding='utf-8').count(EXPERIMENT) > 0
