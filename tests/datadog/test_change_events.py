"""Change events: their schema and limits as Datadog's own client judges them. How they read is in docs/events.md."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from statsig.console.records import AuditEntry, parse_audit_entry
from statsig.datadog.actions import classify
from statsig.datadog.change_event import MAX_VALUES, change_event_of
from statsig.datadog.directory import Directory
from statsig.datadog.event import event_of as event_of_notice
from statsig.datadog.notice import notice_of
from statsig.datadog.tag_rules import parse_tag_rules
from statsig.sandbox.agent_event_platform import EVENT_MANAGEMENT, reason_to_refuse_platform_event
from tests.datadog.entries import CASES, NOW, changed, rule
from tests.datadog.official import refusal_of_change_event
from tests.datadog.strategies import ANY_JSON, ENTRIES, TEXT

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


THIRTY = {f'k{number}': number for number in range(30)}
MAILS = [f'user{number}@example.com' for number in range(40)]


def mails(addresses: list[str]) -> Any:
    return [{'type': 'email', 'operator': 'any', 'targetValue': addresses}]


@pytest.mark.parametrize(
    ('changes', 'before', 'after'),
    [
        (
            {'defaultValue': changed(THIRTY, THIRTY | {'k25': 99})},
            {'defaultValue': {'k25': 25}},
            {'defaultValue': {'k25': 99}},
        ),
        (
            {
                'rules': changed(
                    [rule(returnValueJSON=json.dumps(THIRTY))], [rule(returnValueJSON=json.dumps(THIRTY | {'k25': 99}))]
                )
            },
            {'rules': {'beta users': {'returnValueJSON': {'k25': 25}}}},
            {'rules': {'beta users': {'returnValueJSON': {'k25': 99}}}},
        ),
        (
            {'rules': changed([rule(conditions=mails(MAILS))], [rule(conditions=mails([*MAILS[:-1], 'new@x.com']))])},
            {'rules': {'beta users': {'conditions': [{'targetValue': ['user39@example.com']}]}}},
            {'rules': {'beta users': {'conditions': [{'targetValue': ['new@x.com']}]}}},
        ),
        ({'tags': changed(MAILS, [*MAILS, 'new'])}, {'tags': []}, {'tags': ['new']}),
        (
            {'defaultValue': changed([THIRTY, 'b', 'c', 'd'], [THIRTY, 'c', 'd', 'e'])},
            {'defaultValue': ['b']},
            {'defaultValue': ['e']},
        ),
        ({'tags': changed(['a', 'b', 'c'], ['a', 'c', 'b'])}, {'tags': ['b', 'c']}, {'tags': ['c', 'b']}),
        (
            {'description': changed('x' * 2000 + 'old', 'x' * 2000 + 'new')},
            {'description': '…' + 'x' * 20 + 'old'},
            {'description': '…' + 'x' * 20 + 'new'},
        ),
        ({'owner': changed(None, {'ownerName': 'Jane'})}, {'owner': None}, {'owner': {'ownerName': 'Jane'}}),
    ],
    ids=['key', 'json', 'condition', 'list', 'mixed list', 'order', 'text', 'nothing'],
)
def test_the_values_are_what_differs_however_much_stands_around_it(changes: Any, before: Any, after: Any) -> None:
    shown = values_of(changes)

    # What tells which item it is stays beside it.
    assert [_without_context(side) for side in shown] == [_without_context(before), _without_context(after)]


def _without_context(value: Any) -> Any:
    if isinstance(value, dict):
        left_out = ('type', 'operator') if 'targetValue' in value else ()
        return {key: _without_context(item) for key, item in value.items() if key not in left_out}
    return [_without_context(item) for item in value] if isinstance(value, list) else value


def test_rules_reordered_far_down_are_shown_from_there_on() -> None:
    rules = [rule(f'r{number}', f'id{number}') for number in range(40)]

    assert values_of({'rules': changed(rules, [*rules[:37], rules[38], rules[37], rules[39]])}) == (
        {'rules order': ['r37', 'r38']},
        {'rules order': ['r38', 'r37']},
    )


def test_fields_that_look_alike_are_kept_apart() -> None:
    items = changed([], [{'id': '1', 'name': 'r'}])

    assert values_of({'rules ': changed(1, 2), 'rules': items}) == (
        {'rules': 1, 'rules (2)': {}},
        {'rules': 2, 'rules (2)': {'r': {'id': '1', 'name': 'r'}}},
    )
    assert values_of({'a': changed(1, 2), 'a ': changed(3, 4), ' ': changed(5, 6)}) == (
        {'a': 1, 'a (2)': 3, 'field': 5},
        {'a': 2, 'a (2)': 4, 'field': 6},
    )


def test_a_change_too_large_is_left_out_and_those_behind_it_are_not() -> None:
    large = {f'k{number}': 'x' * 1100 for number in range(15)}
    changes = {'defaultValue': changed(large, dict.fromkeys(large, 'y' * 1100)), 'isEnabled': changed(True, False)}

    change = change_of(replace(GATE, changes=changes))

    assert (change['prev_value'], change['new_value']) == ({'isEnabled': True}, {'isEnabled': False})
    assert change['change_metadata']['statsig']['changes_left_out'] == 1


def test_values_that_take_too_much_room_are_left_out_and_counted() -> None:
    changes = {f'field{number}': changed('a' * 1100, 'b' * 1100) for number in range(30)}

    change = change_of(replace(GATE, changes=changes))

    shown = len(change['new_value'])
    assert 5 < shown < 30
    assert list(change['new_value']) == [f'field{number}' for number in range(shown)]
    assert change['change_metadata']['statsig']['changes_left_out'] == 30 - shown
    assert len(json.dumps([change['prev_value'], change['new_value']])) <= MAX_VALUES + 200


@pytest.mark.parametrize(('fields', 'left_out'), [(60, None), (61, 1), (101, 41)])
def test_changes_beyond_those_that_are_told_are_counted_too(fields: int, left_out: int | None) -> None:
    changes = {f'f{number}': changed(0, 1) for number in range(fields)}

    metadata = change_of(replace(GATE, changes=changes))['change_metadata']['statsig']

    assert metadata.get('changes_left_out') == left_out


def test_a_change_that_differs_only_beyond_what_is_shown_is_counted_rather_than_shown_alike() -> None:
    before, after = ({'a': {'b': {'c': {'d': {'e': {'f': {'g': {'h': {'i': side}}}}}}}}} for side in (1, 2))

    change = change_of(replace(GATE, changes={'defaultValue': changed(before, after)}))

    assert 'prev_value' not in change
    assert change['change_metadata']['statsig']['changes_left_out'] == 1


@pytest.mark.parametrize(
    'action', ['config_review_create', 'config_review_accept', 'config_review_reject', 'config_review_delete']
)
def test_what_is_only_up_for_review_is_no_change_event_and_its_event_says_so(action: str) -> None:
    entry = replace(GATE, action=action)
    notice = notice_of(entry, project='acme', now=NOW)

    assert change_event_of(notice) is None
    assert 'Proposed, and not in force yet:\n\n- enabled → disabled' in event_of_notice(notice).text
    assert not [tag for tag in notice.tags if tag.startswith('environment:')]


@pytest.mark.parametrize('action', ['config_revert', 'config_review_commit', 'experiment_pause_assignment'])
def test_what_is_in_force_and_does_not_say_where_counts_for_production(action: str) -> None:
    event = event_of(replace(GATE, action=action, changes=None))

    assert 'environment:production' in event['tags']


def test_the_message_carries_neither_markup_nor_mentions() -> None:
    hostile = rule('%%% [click](http://evil) @slack-ops (@all) <img src=x>')

    message = event_of(replace(GATE, name='@all %%%', changes={'rules': changed([], [hostile])}))['message']

    assert 'rule "% [click] (http://evil) ＠slack-ops (＠all) ‹img src=x›" added' in message
    assert not [mark for mark in ('%%%', '<', '>', '@', '](') if mark in message]


def test_services_are_spelt_as_datadog_spells_them_and_named_once() -> None:
    change = change_of(GATE, tags=['service:Check Out', 'service:check_out', 'service:', 'env:prod'])

    assert change['impacted_resources'] == [{'name': 'check_out', 'type': 'service'}]


def test_an_author_without_id_and_address_is_taken_for_a_system() -> None:
    entry = replace(GATE, author='Statsig', author_id='', author_email='')

    assert change_of(entry)['author'] == {'name': 'Statsig', 'type': 'system'}


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


@given(ANY_JSON, ANY_JSON)
def test_values_that_differ_are_never_shown_alike(before: Any, after: Any) -> None:
    entry = replace(GATE, changes={'someField': changed(before, after)})
    assume(body_of(entry) is not None and notice_of(entry, project='acme', now=NOW).reading.changes)

    change = change_of(entry)

    if 'prev_value' in change:
        assert json.dumps(change['prev_value']) != json.dumps(change['new_value'])
    else:
        assert change['change_metadata']['statsig']['changes_left_out'] == 1


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
    assert attributes['new_value'] == {'(hidden)': 1, '(hidden) (2)': {'x': {'name': 'x'}}}
