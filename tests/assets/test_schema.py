"""Datadog's own API client takes every dashboard and monitor for what it is, down to the last key."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from datadog_api_client.configuration import Configuration
from datadog_api_client.exceptions import ApiTypeError, ApiValueError
from datadog_api_client.model_utils import (
    ModelComposed,
    ModelNormal,
    OpenApiModel,
    UnparsedObject,
    validate_and_convert_types,
)
from datadog_api_client.v1.model.dashboard import Dashboard
from datadog_api_client.v1.model.monitor import Monitor
from datadog_api_client.v2.model.downtime_create_request import DowntimeCreateRequest

from tests.assets.documentation import downtime
from tests.assets.files import JsonObject, dashboards, every_dashboard, monitors

# What integrations-core wants around a monitor, and at most so many characters of it.
FRAME = {'version', 'created_at', 'last_updated_at', 'title', 'description', 'tags', 'definition'}
MAX_DESCRIPTION = 300


def problems(raw: JsonObject, model: type[OpenApiModel]) -> list[str]:
    """What the model does not know or takes for something else. By itself the client keeps both silently: it must get
    on with an API that is newer than it is."""
    try:
        parsed = validate_and_convert_types(raw, (model,), ['it'], True, True, Configuration())
    except (ApiTypeError, ApiValueError) as error:
        return [str(error)]
    return [*_unknown(parsed, model.__name__)]


def _unknown(value: Any, where: str) -> Iterator[str]:
    if isinstance(value, UnparsedObject) or getattr(value, '_unparsed', False) is True:
        inner = [*_within(value, where)]
        yield from inner or [f'{where} is not of its type']
    else:
        yield from _within(value, where)


def _within(value: Any, where: str) -> Iterator[str]:
    if isinstance(value, list):
        for number, item in enumerate(value):
            yield from _unknown(item, f'{where}[{number}]')
    elif isinstance(value, ModelComposed):
        for instance in value._composed_instances:
            yield from _unknown(instance, where)
    elif isinstance(value, ModelNormal):
        for key, item in value._data_store.items():
            if key in value.attribute_map:
                yield from _unknown(item, f'{where}.{key}')
            else:
                yield f'{where}.{key} is unknown'


@pytest.mark.parametrize('file', every_dashboard())
def test_a_dashboard_is_one_for_datadogs_client(file: str) -> None:
    assert problems(every_dashboard()[file], Dashboard) == []


@pytest.mark.parametrize('file', monitors())
def test_a_monitor_is_one_for_datadogs_client(file: str) -> None:
    assert problems(monitors()[file]['definition'], Monitor) == []


def test_the_downtime_of_the_documentation_is_one_for_datadogs_client() -> None:
    assert problems(downtime(), DowntimeCreateRequest) == []


@pytest.mark.parametrize('file', monitors())
def test_a_monitor_has_the_frame_that_an_integration_wants(file: str) -> None:
    monitor = monitors()[file]

    assert set(monitor) == FRAME
    assert monitor['version'] == 2
    assert date.fromisoformat(monitor['created_at']) <= date.fromisoformat(monitor['last_updated_at'])
    assert 0 < len(monitor['description']) <= MAX_DESCRIPTION
    assert monitor['tags'] == monitor['definition']['tags'] == ['integration:statsig']
    assert 1 <= monitor['definition']['priority'] <= 5


@pytest.mark.parametrize('file', every_dashboard())
def test_a_dashboard_has_what_an_integration_wants(file: str) -> None:
    board = every_dashboard()[file]

    assert re.fullmatch('Statsig - [A-Z].+', board['title'])
    assert 0 < len(board['description']) <= MAX_DESCRIPTION
    assert (board['layout_type'], board['reflow_type']) == ('ordered', 'fixed')
    keys = {'name', 'prefix', 'available_values', 'default'}
    assert [each for each in board['template_variables'] if set(each) != keys] == []


def test_the_boards_can_be_narrowed_down_to_what_somebody_looks_for() -> None:
    variables = {file: [each['name'] for each in board['template_variables']] for file, board in dashboards().items()}

    assert variables == {
        'statsig_overview.json': ['project'],
        'statsig_feature_rollout.json': ['project', 'gate', 'environment', 'service', 'env'],
    }


# Places in the files, and what is put there instead. Each must be noticed.
@pytest.mark.parametrize(
    ('kind', 'place', 'wrong'),
    [
        ('dashboard', 'widgets 0 definition type', 'groupe'),
        ('dashboard', 'widgets 0 definition colour', 'blue'),
        ('dashboard', 'widgets 0 layout x', 'left'),
        ('dashboard', 'widgets 0 definition widgets 0 definition requests 0 formulas 0 formel', 'x'),
        ('dashboard', 'widgets 0 definition widgets 0 definition requests 0 queries 0 aggregator', 'x'),
        ('dashboard', 'widgets 0 definition widgets 0 definition requests 0 queries 0 querry', 'x'),
        ('dashboard', 'widgets 0 definition widgets 0 definition events 0 query', 'x'),
        ('dashboard', 'template_variables 0 prefixes', []),
        ('dashboard', 'reflow_type', 'loose'),
        ('monitor', 'type', 'metrics alert'),
        ('monitor', 'name', 7),
        ('monitor', 'mesage', 'x'),
        ('monitor', 'options on_missing_data', 'panic'),
        ('monitor', 'options thresholds critical', 'high'),
        ('monitor', 'options thresholds warn', 1),
        ('monitor', 'options notify_nodata', True),
        ('downtime', 'data attributes schedule recurrences 0 rule', 'x'),
        ('downtime', 'data type', 'downtimes'),
    ],
)
def test_a_broken_file_is_noticed(kind: str, place: str, wrong: Any) -> None:
    board = dashboards()['statsig_overview.json']
    # One graph with an overlay stands for all: a whole dashboard takes a second.
    board['widgets'] = [each for each in board['widgets'] if each['definition']['title'].startswith('Exposures')]
    del board['widgets'][0]['definition']['widgets'][1:]
    raw, model = {
        'dashboard': (board, Dashboard),
        'monitor': (monitors()['api_unreachable.json']['definition'], Monitor),
        'downtime': (downtime(), DowntimeCreateRequest),
    }[kind]
    spoilt: Any = copy.deepcopy(raw)
    *path, last = place.split()
    parent = spoilt
    for step in path:
        parent = parent[int(step) if step.isdecimal() else step]
    parent[last] = wrong

    assert problems(raw, model) == []
    assert problems(spoilt, model) != []
