"""A monitor says what happened and what to do and calls nobody; its thresholds are those of its query."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from datadog_checks.statsig.config_models import InstanceConfig
from tests.assets import documentation
from tests.assets.files import JsonObject, dashboards, monitors
from tests.assets.queries import monitor_condition

OUT_OF_HOURS = monitors()['gate_changed_out_of_hours.json']['definition']
ISSUE = {
    *('api_unreachable.json', 'audit_log_lagging.json', 'audit_log_not_read.json', 'gate_exposures_stopped.json'),
    *('gate_exposures_jumped.json', 'experiment_health_failed.json', 'gate_changed_out_of_hours.json'),
    'stale_gates_growing.json',
}
# A condition on the state of the monitor, or on an expression; what Datadog puts in; a remark that only editors see.
_CONDITION = re.compile(r'\{\{[#^](\w+)(?: [^{}]*)?\}\}(.*?)\{\{/\1\}\}', re.DOTALL)
_VALUE = re.compile(r'\{\{(value|event\.title|\w+\.name)\}\}')
_REMARK = re.compile(r'\{\{!--.*?--\}\}', re.DOTALL)


def test_there_is_a_monitor_for_each_thing_that_can_go_wrong() -> None:
    assert set(monitors()) == ISSUE


@pytest.fixture(params=monitors())
def definition(request: pytest.FixtureRequest) -> JsonObject:
    found: JsonObject = monitors()[request.param]['definition']
    return found


def test_thresholds_are_those_of_the_query(definition: JsonObject) -> None:
    condition = monitor_condition(definition)
    thresholds = definition['options']['thresholds']

    assert thresholds['critical'] == condition.threshold
    if 'warning' in thresholds:
        assert (thresholds['warning'] < thresholds['critical']) is condition.comparator.startswith('>')


def test_the_message_says_what_happened_and_what_to_do(definition: JsonObject) -> None:
    message = definition['message']
    states = {state for state, _ in _CONDITION.findall(message)}

    assert states >= {'is_alert', 'is_recovery'}, 'without one, the recovery repeats the alert'
    assert states <= {'is_alert', 'is_no_data', 'is_recovery'}
    assert '**What to do**\n' in message
    assert ('is_no_data' in states) is (definition['options']['on_missing_data'] == 'show_and_notify_no_data')


def test_the_message_calls_nobody_but_says_where_to_put_whom_to_call(definition: JsonObject) -> None:
    assert '@' not in definition['message']
    assert any('handle' in remark for remark in _REMARK.findall(definition['message']))


def test_braces_of_name_and_message_are_in_order_and_name_what_the_monitor_knows(definition: JsonObject) -> None:
    text = definition['name'] + _REMARK.sub('', definition['message'])
    while _CONDITION.search(text):  # they may stand in each other
        text = _CONDITION.sub(lambda found: found[2], text)
    values = set(_VALUE.findall(text))

    assert not re.search(r'[{}]', _VALUE.sub('', text))
    condition = monitor_condition(definition)
    assert values - {'event.title' if condition.events else 'value'} <= {f'{tag}.name' for tag in condition.by}


def test_options_and_dashboards_that_the_message_names_exist(definition: JsonObject) -> None:
    options = {field.alias or name for name, field in InstanceConfig.model_fields.items()}
    named = set(re.findall(r'`([a-z]+(?:_[a-z]+)+)`', definition['message']))
    boards = set(re.findall(r'\*(Statsig - [^*]+)\*', definition['message']))

    assert named - options == set()
    assert boards - {board['title'] for board in dashboards().values()} == set()


def _holds(condition: tuple[str, str], moment: datetime) -> bool:
    """What Datadog makes of `is_exact_match` with an expression in the time at which the monitor triggered."""
    expression, values = condition
    milliseconds = moment.timestamp() * 1000
    found: Any = re.fullmatch(r'int\(last_triggered_at_epoch / (\d+) % (\d+)\)', expression)
    return str(int(milliseconds / int(found[1]) % int(found[2]))) in re.findall(r'"(\d+)"', values)


def test_out_of_hours_somebody_is_called_at_night_and_on_weekends_and_never_at_work() -> None:
    conditions = re.findall(r'\{\{#is_exact_match \(eval "([^"]+)"\)((?: "\d+")+)\}\}', OUT_OF_HOURS['message'])
    monday = datetime(2026, 11, 23, tzinfo=UTC)
    week = [monday + timedelta(minutes=30 * halves) for halves in range(7 * 48)]

    calling = {moment for moment in week if any(_holds(condition, moment) for condition in conditions)}

    at_work = {moment for moment in week if moment.weekday() < 5 and 8 <= moment.hour < 18}
    assert calling == set(week) - at_work


def test_out_of_hours_the_only_places_for_a_handle_are_the_two_that_depend_on_the_time_of_an_alert() -> None:
    """In any other place somebody would be called at work, or once more when the monitor recovers."""
    alert = dict(_CONDITION.findall(OUT_OF_HOURS['message']))['is_alert']
    by_time = [inside for state, inside in _CONDITION.findall(alert) if state == 'is_exact_match']

    assert [len(_REMARK.findall(inside)) for inside in by_time] == [1, 1]
    assert len(_REMARK.findall(OUT_OF_HOURS['message'])) == 2


def test_the_name_of_a_monitor_fits_all_that_its_query_takes() -> None:
    (query,) = monitor_condition(OUT_OF_HOURS).events
    (kinds,) = (each.values for each in query.filters if each.key == 'statsig_kind')

    assert set(kinds) == {'gate', 'config'}
    assert 'gate' not in OUT_OF_HOURS['name'], 'it takes changes of configs too'


def test_the_query_that_the_documentation_offers_instead_is_one() -> None:
    condition = monitor_condition({'type': 'query alert', 'query': documentation.query()})

    assert {query.metric for query in condition.metrics} == {
        *('statsig.check_gate.count', 'statsig.check_gate.past_7_days.count'),
    }
