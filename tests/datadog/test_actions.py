from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from statsig.console.records import AuditEntry
from statsig.datadog.action_exceptions import EXCEPTIONS
from statsig.datadog.action_words import VERBS
from statsig.datadog.actions import ALL_KINDS, GROUPS, classify, interpret, selected

# What every action type of the OpenAPI document (May 2026) means. Written down so that a change of the words shows
# all that it changes.
TABLE = Path(__file__).with_name('action_types.tsv')
DOCUMENT = Path(__file__).parents[2].parent / 'shared' / 'statsig-console-openapi.json'

with TABLE.open(encoding='utf-8', newline='') as file:
    ROWS = list(csv.DictReader(file, delimiter='\t'))


def entry(action: str, changes: dict[str, Any] | None = None, change_log: str = '', name: str = 'x') -> AuditEntry:
    return AuditEntry(id='1', name=name, action=action, timestamp=0, change_log=change_log, changes=changes)


@pytest.mark.parametrize('row', ROWS, ids=[row['action type'] for row in ROWS])
def test_an_action_type_means_what_the_table_says(row: dict[str, str]) -> None:
    action = classify(row['action type'])
    effect = 'in force' if action.in_force else '-' if action.is_change else 'no change'

    found = (action.group, action.kind, action.verb, action.part or '-', effect)
    assert found == (row['group'], row['kind'], row['verb'], row['part'], row['effect'])
    assert action.group in GROUPS
    assert action.kind in ALL_KINDS


def test_there_are_407_and_every_exception_is_one_of_them() -> None:
    known = {row['action type'] for row in ROWS}

    assert len(known) == 407
    assert set(EXCEPTIONS) <= known


def test_every_one_has_a_group_and_a_kind_of_its_own() -> None:
    assert [row['action type'] for row in ROWS if 'other' in (row['group'], row['kind'])] == []


@pytest.mark.skipif(not DOCUMENT.exists(), reason=f'{DOCUMENT.name} belongs into ../shared/')
def test_the_table_has_the_action_types_of_the_document() -> None:
    operation = json.loads(DOCUMENT.read_text(encoding='utf-8'))['paths']['/console/v1/audit_logs']['get']
    (parameter,) = [each for each in operation['parameters'] if each['name'] == 'actionTypes']

    assert sorted(_enum(parameter['schema'])) == sorted(row['action type'] for row in ROWS)


def _enum(schema: Any) -> list[str]:
    if isinstance(schema, dict):
        return schema['enum'] if 'enum' in schema else next((f for v in schema.values() if (f := _enum(v))), [])
    return next((found for each in schema if (found := _enum(each))), []) if isinstance(schema, list) else []


@pytest.mark.parametrize(
    ('action_type', 'kind', 'verb', 'group'),
    [
        ('gate_clone', 'gate', 'cloned', 'rollouts'),
        ('disable_feature_gate', 'gate', 'disabled', 'rollouts'),
        ('experiment_resume', 'experiment', 'resumed', 'experiments'),
        ('create_ai_config_prompt', 'ai_config', 'created', 'ai'),
        ('sdk_key_revoke', 'sdk_key', 'revoked', 'access'),
        ('metric_review_publish', 'metric', 'published', 'reviews'),
        ('gate-launch', 'gate', 'launched', 'rollouts'),
        ('GATE_CREATE', 'gate', 'created', 'rollouts'),
        ('frobnicate', 'other', 'updated', 'other'),
        ('', 'other', 'updated', 'other'),
    ],
)
def test_one_that_is_yet_to_come_is_read_by_its_words(action_type: str, kind: str, verb: str, group: str) -> None:
    action = classify(action_type)

    assert (action.kind, action.verb, action.group) == (kind, verb, group)


def test_verbs_are_said_of_the_thing() -> None:
    assert {
        verb for verb in VERBS.values() if not verb.split()[0].endswith(('ed', 'set', 'frozen', 'hidden', 'withdrawn'))
    } == set()


@pytest.mark.parametrize(
    ('action', 'changes', 'text', 'verb'),
    [
        ('config_state_toggle', {'isEnabled': {'old': True, 'new': False}}, '', 'disabled'),
        ('config_state_toggle', {'isEnabled': {'old': False, 'new': True}}, '', 'enabled'),
        ('config_state_toggle', {'enabled': {'old': 'true', 'new': 'false'}}, '', 'disabled'),
        ('config_state_toggle', {'status': {'old': 'In Progress', 'new': 'Disabled'}}, '', 'disabled'),
        ('config_state_toggle', {}, 'Disabled Gate', 'disabled'),
        ('config_state_toggle', None, 'Turned on the gate', 'enabled'),
        ('config_state_toggle', None, 'Enabled Gate "disabled_for_now"', 'enabled'),
        ('config_state_toggle', None, 'Gate State', 'toggled'),
        (
            'gate_update',
            {'description': {'old': 'a', 'new': 'b'}, 'isEnabled': {'old': True, 'new': False}},
            '',
            'disabled',
        ),
        ('gate_update', {'status': {'old': 'In Progress', 'new': 'Launched'}}, '', 'launched'),
        ('gate_update', {'isEnabled': {'old': None, 'new': True}}, '', 'updated'),
        ('gate_update', {'measureMetricLifts': {'old': False, 'new': True}}, 'Disabled', 'updated'),
        ('experiment_edit', {'status': {'old': 'active', 'new': 'abandoned'}}, '', 'abandoned'),
        ('update_gate_analytics_enabled', {'analyticsEnabled': {'old': True, 'new': False}}, '', 'disabled'),
        ('integration_set_enabled', {'enabled': {'old': False, 'new': True}}, '', 'enabled'),
        ('gate_create', {'isEnabled': {'old': True, 'new': False}}, '', 'created'),
    ],
)
def test_the_entry_says_which_way_a_switch_went(action: str, changes: Any, text: str, verb: str) -> None:
    assert interpret(entry(action, changes, text)).verb == verb


@pytest.mark.parametrize(
    ('changes', 'text', 'kind'),
    [
        (None, 'Updated Gate', 'gate'),
        (None, 'Removed tag from Dynamic Config', 'dynamic_config'),
        (None, 'Updated DynamicConfig', 'dynamic_config'),
        (None, 'Edited Segment', 'segment'),
        (None, 'Updated rule "gate keepers"', 'config'),
        (None, 'Removed Tag from Config', 'config'),
        ({'isEnabled': {'old': True, 'new': False}}, '', 'gate'),
        ({'rules': {'old': [], 'new': [{'returnValueJSON': 'true'}]}}, '', 'gate'),
        ({'rules': {'old': [], 'new': [{'returnValue': {'a': 1}}]}}, '', 'dynamic_config'),
        ({'defaultValueJson5': {'old': '{}', 'new': '{"a": 1}'}}, '', 'dynamic_config'),
        ({'description': {'old': '', 'new': 'a gate'}}, '', 'config'),
    ],
)
def test_what_a_config_is_comes_from_the_entry(changes: Any, text: str, kind: str) -> None:
    assert interpret(entry('config_update', changes, text)).kind == kind


def production_rule(share: int) -> dict[str, Any]:
    return {'id': 'r', 'name': 'r', 'passPercentage': share, 'environments': ['production']}


STAGING = {'rules': {'old': [], 'new': [{'id': 'r', 'name': 'r', 'passPercentage': 1, 'environments': ['staging']}]}}
IN_PRODUCTION = {'rules': {'old': [production_rule(1)], 'new': [production_rule(2)]}}


@pytest.mark.parametrize(
    ('given', 'include', 'exclude', 'delivered'),
    [
        (entry('gate_create'), [], [], True),
        (entry('gate_create'), ['gate_*'], [], True),
        (entry('gate_create'), ['experiment_*', 'gate_?reate'], [], True),
        (entry('gate_create'), ['experiment_*'], [], False),
        (entry('gate_create'), ['gate_*'], ['*_create'], False),
        (entry('gate_create'), [], ['rollouts'], False),
        (entry('SSO_disable'), ['sso_*'], [], True),
        (entry('sdk_key_create'), ['access'], [], True),
        (entry('sdk_key_create'), ['Access'], [], True),
        (entry('sdk_key_create'), ['billing'], [], False),
        (entry('experiment_start'), ['experiments'], [], True),
        (entry('experiment_start'), ['rollouts'], [], True),
        (entry('experiment_create'), ['rollouts'], [], False),
        (entry('hypothesis_edit'), ['rollouts'], [], False),
        (entry('config_review_commit'), ['rollouts'], [], True),
        (entry('config_review_create'), ['rollouts'], [], False),
        (entry('gate_update_owners'), ['rollouts'], [], False),
        (entry('config_conditions_update', IN_PRODUCTION), ['production'], [], True),
        (entry('config_conditions_update', STAGING), ['production'], [], False),
        (entry('config_conditions_update'), ['production'], [], True),
        (entry('config_state_toggle', {'isEnabled': {'old': True, 'new': False}}), ['production'], [], True),
        (entry('config_delete'), ['production'], [], True),
        (entry('gate_update', {'description': {'old': 'a', 'new': 'b'}}), ['production'], [], False),
        (entry('integration_set_enabled', {'enabled': {'old': True, 'new': False}}), ['production'], [], False),
        (entry('user_login'), ['production'], [], False),
        (entry('config_conditions_update', IN_PRODUCTION), [], ['production'], False),
    ],
)
def test_selection(given: AuditEntry, include: list[str], exclude: list[str], delivered: bool) -> None:
    assert selected(given, include, exclude) is delivered


def change(field: str, old: Any, new: Any) -> dict[str, Any]:
    return {field: {'old': old, 'new': new}}


# What is in force by its action type alone is the column `effect` of the table. Here is what an SRE could doubt.
@pytest.mark.parametrize(
    ('given', 'rollouts', 'production'),
    [
        (entry('config_state_toggle', change('isEnabled', True, False)), True, True),
        (entry('gate_update', change('description', 'a', 'b')), False, False),
        (entry('gate_update', change('monitoringMetrics', [], [{'name': 'm'}])), False, False),
        (entry('gate_update', change('measureMetricLifts', False, True)), False, False),
        (entry('gate_update', change('status', 'In Progress', 'Launched')), True, True),
        (entry('holdout_update', change('passPercentage', 5, 10)), True, True),  # holds the letters "tag"
        (entry('holdout_update', change('stagedLimit', 5, 10)), True, True),
        (entry('gate_update', STAGING), True, False),
        (entry('config_environments_update', change('environments', ['staging'], ['staging', 'qa'])), True, False),
        (entry('config_environments_update', change('environments', ['qa'], ['qa', 'production'])), True, True),
        (entry('config_edit_target_apps', change('targetApps', ['web'], [])), True, True),
        (entry('config_revert', change_log='Reverted'), True, True),
        (entry('config_review_create', IN_PRODUCTION), False, False),  # only asked for
        (entry('config_review_accept', IN_PRODUCTION), False, False),
        (entry('config_review_commit', IN_PRODUCTION), True, True),
        (entry('update_gate_analytics_enabled', change('enabled', True, False)), False, False),
        (entry('experiment_create', change('groups', [], [{'name': 'Test', 'size': 50}])), False, False),
        (entry('experiment_start', change('status', 'setup', 'active')), True, True),
        (entry('experiment_rollout'), True, True),
        (entry('experiment_edit', change('hypothesis', 'a', 'b')), False, False),
        (entry('experiment_edit', change('allocation', 10, 20)), True, True),
        (entry('key_experiment_metrics_edit', change('primaryMetrics', [], [{'name': 'm'}])), False, False),
        (entry('update_company_experiment_exclusion_segment'), True, True),
        (entry('ID_list_update', change('count', 1, 2)), True, True),
        (entry('release_pipeline_create'), False, False),
        (entry('release_pipeline_trigger_create'), True, True),
        (entry('release_pipeline_waiting_for_review'), False, False),
        (entry('sdk_key_create'), False, False),
        (entry('sdk_key_deactivate'), True, True),
        (entry('sdk_key_delete'), True, True),
        (entry('sdk_key_update_environments', change('environments', ['production'], [])), True, True),
        (entry('sdk_key_update_environments', change('environments', ['qa'], [])), True, False),
        (entry('sdk_key_update_description'), False, False),
        (entry('secret_key_regenerate'), True, True),
        (entry('edit_ai_config_version', change('prompts', [], [{'role': 'system'}])), True, True),
        (entry('set_ai_config_baseline_version', change('baselineVersion', 'v1', 'v2')), True, True),
        (entry('create_ai_config_version'), False, False),
        (entry('company_environments_edit', change('environments', [], [{'name': 'production'}])), False, True),
        (entry('archive_org_project'), True, True),
        (entry('user_role_update', change('role', 'Member', 'Admin')), False, False),
        (entry('integration_set_enabled', change('enabled', True, False)), False, False),
        (entry('set_plan_type'), False, False),
        (entry('metric_edit_definition'), False, False),
    ],
)
def test_the_presets_select_what_can_change_what_users_get(given: AuditEntry, rollouts: bool, production: bool) -> None:
    assert (selected(given, ['rollouts']), selected(given, ['production'])) == (rollouts, production)


@pytest.mark.parametrize(
    ('action', 'changes', 'verb', 'part'),
    [
        ('config_review_commit', change('isEnabled', True, False), 'disabled', ''),
        ('config_review_commit', IN_PRODUCTION, 'committed', 'review'),
        ('config_review_accept', change('isEnabled', True, False), 'accepted', 'review'),
        ('gate_update', {**change('isEnabled', True, False), **change('status', 'x', 'Archived')}, 'archived', ''),
    ],
)
def test_an_update_is_told_by_the_weightiest_of_what_it_did(
    action: str, changes: dict[str, Any], verb: str, part: str
) -> None:
    found = interpret(entry(action, changes))

    assert (found.verb, found.part) == (verb, part)


@pytest.mark.parametrize(('action_type', 'is_guess'), [('gate_quantum_flux', True), ('gate_quantum_sync', False)])
def test_a_deed_that_no_word_tells_is_known_to_be_a_guess(action_type: str, is_guess: bool) -> None:
    assert classify(action_type).is_guess is is_guess


def test_none_of_the_known_ones_is_a_guess() -> None:
    assert [row['action type'] for row in ROWS if classify(row['action type']).is_guess] == []
