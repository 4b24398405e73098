"""Change events: their schema and limits as Datadog's own client judges them. How they read is in docs/events.md."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from statsig.console.records import AuditEntry, parse_audit_entry
from statsig.datadog.actions import classify
from statsig.datadog.change_event import MAX_VALUES, change_event_of
from statsig.datadog.directory import Directory
from statsig.datadog.notice import notice_of
from statsig.datadog.tag_rules import parse_tag_rules
from statsig.sandbox.agent_event_platform import EVENT_MANAGEMENT, reason_to_refuse_platform_event
from tests.datadog.entries import CASES, NOW, changed, rule
from tests.datadog.official import refusal_of_change_event
from tests.datadog.strategies import ENTRIES, TEXT

GATE = AuditEntry(
    id='entry1',
    name='checkout_v2',
    action='gate_update',
    timestamp=NOW - 60,
    author='Jane Doe',
    author_id='u-4711',
    author_email='jd99@example.com',
    changes={'isEnabled': changed(True, False)},
)


def body_of(entry: AuditEntry, **options: Any) -> Any:
    return change_event_of(notice_of(entry, **{'project': 'acme', 'now': NOW, **options}))


def event_of(entry: AuditEntry, **options: Any) -> Any:
    return body_of(entry, **options)['data']['attributes']


def change_of(entry: AuditEntry, **options: Any) -> Any:
    return event_of(entry, **options)['attributes']


def values_of(changes: Any) -> tuple[Any, Any]:
    change = change_of(replace(GATE, changes=changes))
    return change['prev_value'], change['new_value']


@pytest.mark.parametrize(('case', 'raw', 'options'), CASES, ids=[case for case, _, _ in CASES])
def test_every_real_looking_change_is_one_that_datadogs_client_would_send(
    case: str, raw: dict[str, Any], options: dict[str, Any]
) -> None:
    entry = parse_audit_entry(raw)
    body = body_of(entry, hide_author=options.get('hide_author', False))

    assert (body is not None) is classify(entry.action).is_change
    assert body is None or refusal_of_change_event(body) == ''


def test_a_change_names_what_who_where_and_which_services() -> None:
    rules = parse_tag_rules([{'match': 'gate:checkout_*', 'tags': ['service:checkout', 'service:cart', 'env:prod']}])
    directory = Directory({'checkout_v2': {'gate': 'Growth'}})

    assert change_of(GATE, tag_rules=rules, directory=directory) == {
        'changed_resource': {'name': 'checkout_v2', 'type': 'feature_flag'},
        'author': {'name': 'Jane Doe', 'type': 'user'},
        'impacted_resources': [{'name': 'checkout', 'type': 'service'}, {'name': 'cart', 'type': 'service'}],
        'prev_value': {'isEnabled': True},
        'new_value': {'isEnabled': False},
        'change_metadata': {
            'resource_link': 'https://console.statsig.com/acme/gates/checkout_v2',
            'dd': {'team': 'Growth', 'user_name': 'Jane Doe', 'user_email': 'jd99@example.com'},
            'statsig': {
                'action': 'gate_update',
                'kind': 'gate',
                'group': 'rollouts',
                'project': 'acme',
                'environments': ['all', 'production'],
                'entry_id': 'entry1',
                'happened_at': '2026-11-18T15:04:00Z',
            },
        },
    }


def test_beside_it_stands_what_the_event_says_too() -> None:
    event = event_of(GATE)

    assert event['title'] == 'Gate checkout_v2 disabled by Jane Doe'
    assert event['message'] == (
        'Gate checkout_v2 disabled by Jane Doe\n\n• enabled → disabled\n\n'
        'Open in Statsig: https://console.statsig.com/acme/gates/checkout_v2'
    )
    assert (event['timestamp'], event['aggregation_key']) == ('2026-11-18T15:04:00Z', 'entry1')
    assert 'name:checkout_v2' in event['tags']


@pytest.mark.parametrize(
    ('action', 'kind'),
    [
        ('gate_update', 'feature_flag'),
        ('experiment_start', 'feature_flag'),
        ('layer_create', 'feature_flag'),
        ('dynamic_config_create', 'feature_flag'),
        ('config_delete', 'feature_flag'),
        ('holdout_create', 'configuration'),
        ('user_role_update', 'configuration'),
        ('SSO_disable', 'configuration'),
        ('metric_create', 'configuration'),
    ],
)
def test_what_code_reads_at_runtime_is_a_feature_flag_and_the_rest_configuration(action: str, kind: str) -> None:
    assert change_of(replace(GATE, action=action))['changed_resource']['type'] == kind


@pytest.mark.parametrize('action', ['user_login', 'pulse_results_export', 'experiment_discussion_post_create'])
def test_where_nothing_has_changed_there_is_no_change_event(action: str) -> None:
    assert body_of(replace(GATE, action=action)) is None


def test_a_change_without_a_name_goes_by_its_kind() -> None:
    assert change_of(replace(GATE, action='SSO_disable', name=''))['changed_resource']['name'] == 'Organization'


def test_a_rule_shows_only_what_is_other_than_before() -> None:
    assert values_of({'rules': changed([rule()], [rule(passPercentage=50)])}) == (
        {'rules': {'beta users': {'passPercentage': 10}}},
        {'rules': {'beta users': {'passPercentage': 50}}},
    )


def test_rules_that_came_and_went_are_on_one_side_only_and_their_order_by_name() -> None:
    before, after = values_of({'rules': changed([rule('a', '1'), rule('b', '2')], [rule('b', '2'), rule('a', '1')])})
    assert (before, after) == ({'rules order': ['a', 'b']}, {'rules order': ['b', 'a']})

    before, after = values_of({'rules': changed([rule('a', '1')], [rule('b', '2')])})
    assert list(before['rules']) == ['a']
    assert list(after['rules']) == ['b']


def test_two_rules_of_one_name_are_kept_apart() -> None:
    before, _ = values_of({'rules': changed([rule('a', '1'), rule('a', '2')], [])})

    assert list(before['rules']) == ['a', 'a (2)']


def test_text_that_holds_json_becomes_structure() -> None:
    assert values_of({'defaultValueJson5': changed('{"color": "red", "size": 1}', '{"color": "blue", "size": 1}')}) == (
        {'defaultValueJson5': {'color': 'red'}},
        {'defaultValueJson5': {'color': 'blue'}},
    )


def test_values_that_take_too_much_room_are_left_out_and_counted() -> None:
    changes = {f'field{number}': changed('a' * 1100, 'b' * 1100) for number in range(30)}

    change = change_of(replace(GATE, changes=changes))

    shown = len(change['new_value'])
    assert 5 < shown < 30
    assert list(change['new_value']) == [f'field{number}' for number in range(shown)]
    assert change['change_metadata']['statsig']['changes_left_out'] == 30 - shown
    assert len(json.dumps([change['prev_value'], change['new_value']])) <= MAX_VALUES + 200


def test_with_hide_author_there_is_no_author() -> None:
    event = event_of(GATE, hide_author=True)

    assert 'author' not in event['attributes']
    assert 'dd' not in event['attributes']['change_metadata']
    assert event['title'] == 'Gate checkout_v2 disabled'


SERVICES = [{'match': 'gate:*', 'tags': [f'service:s{number}' for number in range(100)]}]


@pytest.mark.parametrize(
    ('entry', 'options', 'past'),
    [
        (replace(GATE, name='n' * 128), {}, replace(GATE, name='n' * 129)),
        (replace(GATE, author='n' * 128), {}, replace(GATE, author='n' * 129)),
        (replace(GATE, id='i' * 100), {}, replace(GATE, id='i' * 101)),
        (replace(GATE, tags=tuple(f't{n}' for n in range(50))), {'rules': SERVICES}, GATE),
        (replace(GATE, changes={f'f{n}': changed(0, 1) for n in range(60)}), {}, replace(GATE, changes={})),
        (replace(GATE, changes={f'f{n}': changed(0, 1) for n in range(101)}), {}, GATE),
        (replace(GATE, change_log='\n'.join(['word ' * 90] * 20)), {}, GATE),
    ],
    ids=['resource', 'author', 'key', 'tags and services', 'fields', 'more fields', 'long'],
)
def test_at_a_limit_and_past_it_datadogs_client_takes_it(entry: AuditEntry, options: Any, past: AuditEntry) -> None:
    rules = parse_tag_rules(options.get('rules'))

    assert refusal_of_change_event(body_of(entry, tag_rules=rules)) == ''
    assert refusal_of_change_event(body_of(past, tag_rules=rules)) == ''


def test_names_at_their_limit_are_whole_and_longer_ones_are_cut() -> None:
    assert change_of(replace(GATE, name='n' * 128))['changed_resource']['name'] == 'n' * 128
    assert change_of(replace(GATE, name='n' * 129))['changed_resource']['name'] == 'n' * 127 + '…'
    assert change_of(replace(GATE, author='n' * 128))['author']['name'] == 'n' * 128
    assert change_of(replace(GATE, author='n' * 129))['author']['name'] == 'n' * 127 + '…'
    service = [{'match': 'gate:*', 'tags': [f'service:{"s" * 128}', f'service:{"t" * 129}']}]
    named = change_of(GATE, tag_rules=parse_tag_rules(service))['impacted_resources']
    assert [each['name'] for each in named] == ['s' * 128, 't' * 127 + '…']


def test_of_more_than_100_tags_those_of_statsig_are_left_out_first() -> None:
    entry = replace(GATE, tags=tuple(f't{n}' for n in range(50)), target_apps=tuple(f'a{n}' for n in range(50)))

    tags = event_of(entry, tag_rules=parse_tag_rules([{'match': 'gate:*', 'tags': ['service:checkout']}]))['tags']

    assert len(tags) == 100
    assert 'service:checkout' in tags
    assert 'environment:production' in tags
    assert 'target_app:a49' not in tags


def test_of_more_than_100_services_the_first_100_are_impacted() -> None:
    rules = parse_tag_rules([{'match': 'gate:*', 'tags': [f'service:s{number}' for number in range(101)]}])

    impacted = change_of(GATE, tag_rules=rules)['impacted_resources']

    assert [each['name'] for each in impacted] == [f's{number}' for number in range(100)]


@given(ENTRIES, TEXT, st.booleans())
def test_no_entry_makes_a_change_event_that_datadog_would_refuse(entry: AuditEntry, project: str, hide: bool) -> None:
    body = body_of(entry, project=project, hide_author=hide)

    if body is not None:
        assert refusal_of_change_event(body) == ''
        assert (
            reason_to_refuse_platform_event(EVENT_MANAGEMENT, json.dumps(body), frozenset({EVENT_MANAGEMENT}), NOW)
            == ''
        )
        assert json.dumps(body).isascii()


def test_two_fields_whose_names_are_hidden_are_no_trouble() -> None:
    changes = {'Jane Doe': changed(None, 1), 'jane_doe': changed([], [{'name': 'x'}])}
    entry = AuditEntry('1', 'x', 'gate_update', NOW, changes=changes, author='Jane Doe')

    event = change_event_of(notice_of(entry, project='acme', now=NOW, hide_author=True))

    assert event is not None
    attributes = event['data']['attributes']['attributes']
    assert attributes['new_value'] == {'(hidden)': 1}
    assert attributes['change_metadata']['statsig']['changes_left_out'] == 1
