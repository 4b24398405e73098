"""Limits and promises of an event; how events read is in golden_events.txt."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from statsig.console.records import AuditEntry
from statsig.datadog.actions import classify, selected
from statsig.datadog.change_event import change_event_of
from statsig.datadog.directory import Directory
from statsig.datadog.event import DatadogEvent
from statsig.datadog.event import event_of as event_of_notice
from statsig.datadog.log import log_of
from statsig.datadog.notice import notice_of
from tests.datadog.entries import NOW, changed
from tests.datadog.strategies import ENTRIES, KEYS, TELLING, TELLING_JSON, TEXT

GATE = AuditEntry(
    id='entry1',
    name='checkout_v2',
    action='gate_create',
    timestamp=NOW - 60,
    author='Jane Doe',
    author_email='jd99@example.com',
)


def event_of(entry: AuditEntry, **options: Any) -> DatadogEvent:
    return event_of_notice(notice_of(entry, **{'project': 'acme', 'now': NOW, **options}))


def test_the_agent_gets_exactly_the_keys_it_takes() -> None:
    assert event_of(GATE, tags=['env:prod']).as_agent_event() == {
        'timestamp': NOW - 60,
        'event_type': 'statsig',
        'msg_title': 'Gate checkout_v2 created by Jane Doe',
        'msg_text': '%%% \nGate **checkout_v2** created by Jane Doe\n\n'
        '[Open in Statsig](https://console.statsig.com/acme/gates/checkout_v2)\n %%%',
        'aggregation_key': 'entry1',
        'alert_type': 'info',
        'source_type_name': 'statsig',
        'host': '',
        'tags': [
            'statsig_action:gate_create',
            'statsig_group:rollouts',
            'statsig_kind:gate',
            'name:checkout_v2',
            'statsig_project:acme',
            'env:prod',
        ],
    }


def test_an_entry_of_17_hours_ago_keeps_its_time_and_one_a_second_older_does_not() -> None:
    in_time = event_of(replace(GATE, timestamp=NOW - 17 * 3600))
    late = event_of(replace(GATE, timestamp=NOW - 17 * 3600 - 1))

    assert in_time.timestamp == NOW - 17 * 3600
    assert 'statsig_late:true' not in in_time.tags
    assert late.timestamp == NOW
    assert 'statsig_late:true' in late.tags
    assert 'This happened at 2026-11-17 22:04 UTC and is sent late.' in late.text


def test_an_entry_an_hour_ahead_keeps_its_time_and_one_a_second_further_does_not() -> None:
    near = event_of(replace(GATE, timestamp=NOW + 3600))
    far = event_of(replace(GATE, timestamp=NOW + 3601))

    assert near.timestamp == NOW + 3600
    assert far.timestamp == NOW
    assert 'Statsig dates this 2026-11-18 16:05 UTC, which is still to come.' in far.text


def test_a_title_of_100_characters_is_whole_and_a_longer_one_gives_up_part_of_the_name() -> None:
    room = 100 - len('Gate  created by Jane Doe')

    assert event_of(replace(GATE, name='n' * room)).title == f'Gate {"n" * room} created by Jane Doe'
    assert event_of(replace(GATE, name='n' * (room + 1))).title == f'Gate {"n" * (room - 1)}… created by Jane Doe'


def test_long_names_of_everything_leave_the_verb_and_the_author() -> None:
    title = event_of(replace(GATE, name='n' * 900, author='Jane ' * 90)).title

    assert len(title) <= 100
    assert 'n… created by Jane Jane' in title


@pytest.mark.parametrize('length', [100, 101])
def test_an_aggregation_key_is_the_id_up_to_100_characters(length: int) -> None:
    assert event_of(replace(GATE, id='i' * length)).aggregation_key == 'i' * 100


@pytest.mark.parametrize('age', [18 * 3600, 18 * 3600 + 1, -2 * 3600, -2 * 3600 - 1])
def test_what_datadog_would_refuse_for_its_time_is_sent_as_of_now(age: int) -> None:
    assert event_of(replace(GATE, timestamp=NOW - age)).timestamp == NOW


@pytest.mark.parametrize('length', [195, 196])
def test_a_tag_has_at_most_200_characters(length: int) -> None:
    assert 'name:' + 'n' * 195 in event_of(replace(GATE, name='n' * length)).tags


@pytest.mark.parametrize('number', [50, 51])
def test_at_most_50_tags_and_50_target_apps_of_statsig_become_tags(number: int) -> None:
    names = tuple(f'n{index}' for index in range(number))

    tags = event_of(replace(GATE, tags=names, target_apps=names)).tags

    assert [tag for tag in tags if tag.startswith('statsig_tag:')] == [f'statsig_tag:n{index}' for index in range(50)]
    assert [tag for tag in tags if tag.startswith('target_app:')] == [f'target_app:n{index}' for index in range(50)]


def test_a_text_that_just_fits_is_whole_and_with_one_character_more_it_loses_a_line_and_says_so() -> None:
    def text(length: int) -> str:
        lines = [f'line {number} '.ljust(400, 'x') for number in range(8)]
        return event_of(replace(GATE, change_log='\n'.join([*lines, 'x' * length]))).text

    fits = max(length for length in range(1, 500) if 'left out' not in text(length))

    assert text(fits).count('x' * fits) == 1
    assert 3600 < len(text(fits)) <= 4000
    assert '- … 1 more line left out for length' in text(fits + 1)
    assert len(text(fits + 1)) <= 4000


def test_the_address_stands_in_for_a_missing_name_and_nothing_for_both() -> None:
    assert event_of(replace(GATE, author='')).title == 'Gate checkout_v2 created by jd99@example.com'
    assert event_of(replace(GATE, author='', author_email='')).title == 'Gate checkout_v2 created'


def test_a_text_that_grows_too_long_loses_whole_lines_and_says_how_many() -> None:
    changes = {f'field{number}': changed('a' * 60, 'b' * 60) for number in range(58)}

    text = event_of(replace(GATE, changes=changes)).text

    lines = text.split('\n')
    told = [line for line in lines if line.startswith('- field')]
    assert 3600 < len(text) <= 4000
    assert told[-1] == f'- field{len(told) - 1}: "{"a" * 60}" → "{"b" * 60}"'
    assert f'- … {58 - len(told)} more changes left out for length' in lines
    assert lines[-2:] == ['[Open in Statsig](https://console.statsig.com/acme/gates/checkout_v2)', ' %%%']


def test_changes_beyond_the_limit_and_lines_beyond_the_length_are_both_counted() -> None:
    changes = {f'field{number}': changed('a' * 60, 'b' * 60) for number in range(70)}

    text = event_of(replace(GATE, changes=changes)).text

    assert 'more changes left out for length\n- … 10 more changes\n' in text


def test_a_long_note_loses_whole_lines() -> None:
    text = event_of(replace(GATE, change_log='\n'.join(f'line {number} {"x" * 90}' for number in range(100)))).text

    assert len(text) <= 4000
    assert 'more lines left out for length' in text


@pytest.mark.parametrize('sign', ['<', '&', '*', '%', '\\', '😀', '@'])
def test_signs_that_grow_when_escaped_still_fit(sign: str) -> None:
    hostile = replace(
        GATE,
        timestamp=0,
        name=sign * 500,
        author=sign * 500,
        change_log=sign * 9000,
        changes={f'f{n}': changed([sign * 120 + str(i) for i in range(8)], []) for n in range(3)},
    )

    event = event_of(hostile)

    assert len(event.text) <= 4000
    assert len(event.title) <= 100
    assert event.text.endswith(')\n %%%')
    assert '- f0: − ' in event.text


@pytest.mark.parametrize(
    ('action', 'changes', 'alert'),
    [
        ('config_state_toggle', {'isEnabled': changed(True, False)}, 'warning'),
        ('config_state_toggle', {'isEnabled': changed(False, True)}, 'info'),
        ('config_delete', None, 'warning'),
        ('experiment_abandon', None, 'warning'),
        ('config_revert', None, 'warning'),
        ('delete_layer_parameter', None, 'warning'),
        ('config_review_delete', None, 'info'),
        ('config_remove_tag', None, 'info'),
        ('experiment_discussion_post_delete', None, 'info'),
        ('experiment_rollout', None, 'success'),
        ('experiment_decision_make', None, 'success'),
        ('gate_update', {'status': changed('In Progress', 'Launched')}, 'success'),
        ('gate_create', None, 'info'),
        ('user_login', None, 'info'),
    ],
)
def test_alert_types(action: str, changes: Any, alert: str) -> None:
    assert event_of(replace(GATE, action=action, changes=changes)).alert_type == alert


@pytest.mark.parametrize(
    ('action', 'page'),
    [
        ('gate_create', '/gates/a%20b%2Fc'),
        ('experiment_start', '/experiments/a%20b%2Fc'),
        ('dynamic_config_create', '/dynamic_configs/a%20b%2Fc'),
        ('layer_create', '/layers/a%20b%2Fc'),
        ('holdout_create', '/holdouts/a%20b%2Fc'),
        ('segment_create', '/segments/a%20b%2Fc'),
        ('holdout_delete', ''),
        ('sdk_key_create', ''),
    ],
)
def test_the_link_leads_to_the_page_or_else_to_the_project(action: str, page: str) -> None:
    text = event_of(replace(GATE, action=action, name='a b/c')).text

    assert f'[Open in Statsig](https://console.statsig.com/acme{page})' in text


def test_environments_touched_are_tags() -> None:
    rules = changed([{'id': '1', 'environments': ['qa']}], [{'id': '1', 'environments': ['qa', 'Pre Prod']}])

    assert 'environment:pre_prod' in event_of(replace(GATE, changes={'rules': rules})).tags


def test_a_team_is_a_tag_where_it_is_known() -> None:
    directory = Directory({GATE.name: {'gate': 'Growth'}})

    assert 'statsig_team:growth' in event_of(GATE, directory=directory).tags


@pytest.mark.parametrize(
    ('known', 'title'),
    [
        ({'gate': ''}, 'Gate checkout_v2: tag removed by Jane Doe'),
        ({'dynamic_config': '', 'experiment': ''}, 'Dynamic config checkout_v2: tag removed by Jane Doe'),
        ({'gate': '', 'segment': ''}, 'Config checkout_v2: tag removed by Jane Doe'),
        ({}, 'Config checkout_v2: tag removed by Jane Doe'),
    ],
)
def test_what_statsig_calls_a_config_is_named_by_what_is_listed_under_that_name(
    known: dict[str, str], title: str
) -> None:
    entry = replace(GATE, action='config_remove_tag')

    assert event_of(entry, directory=Directory({GATE.name: known})).title == title


def test_what_the_audit_log_calls_by_its_display_name_is_tagged_with_the_id_as_well_as_figures_are() -> None:
    directory = Directory(ids={'New Checkout Flow': {'gate': 'checkout_v2'}})

    tags = event_of(replace(GATE, name='New Checkout Flow'), directory=directory).tags

    assert {'name:new_checkout_flow', 'name:checkout_v2'} <= set(tags)


HIDING = replace(
    GATE,
    action='gate_update',
    name='jane_doe_test',
    author_id='u-4711',
    change_log='Jane Doe (jd99@example.com, u-4711) asked joe.roe@example.com',
    tags=('janedoe',),
    target_apps=('app of Jane Doe',),
)


@pytest.mark.parametrize(
    'changes',
    [
        None,
        {'description': changed('by jane doe', 'by JD99, JD99@EXAMPLE.COM, joe.roe%40example.com')},
        {'description': changed('', 'Jane Doe ' * 3000)},
        {'description': changed('', 'x' * 110 + ' Jane Doe')},
        {'description': changed('x' * 900 + 'Jane Doe', 'x' * 895 + ' Jane Doe joe.roe@example.com ' * 90)},
        {
            'rules': changed(
                [], [{'name': 'Jane-Doe', 'conditions': [{'type': 'email', 'targetValue': 'joe.roe@example.com'}]}]
            )
        },
        {'Jane Doe': changed({'jane.doe': 1}, {'jane.doe': 2})},
        {'lastModifierName': changed('Joe Roe', 'x'), 'description': changed('', 'joe roe, jd99')},
    ],
)
def test_with_hide_author_no_name_and_no_address_leaves(changes: Any) -> None:
    event = event_of(replace(HIDING, changes=changes), hide_author=True)

    said = repr(event).lower()
    assert not [secret for secret in ('jane', 'doe', 'jd99', 'roe', 'example.com', 'u-4711') if secret in said]
    assert ' by ' not in event.title


def test_a_name_given_to_an_environment_is_hidden_too() -> None:
    changes = {'environments': changed([], ['sandbox of Jane Doe'])}

    assert 'jane' not in repr(event_of(replace(HIDING, name='x', changes=changes), hide_author=True)).lower()


def test_without_hide_author_all_of_it_is_said() -> None:
    event = event_of(HIDING)

    assert event.title.endswith(' by Jane Doe')
    assert 'joe.roe@example.com' in event.text


def test_a_person_that_was_changed_is_hidden_too() -> None:
    event = event_of(AuditEntry('1', 'John Roe', 'user_role_update', NOW, 'John Roe is Admin'), hide_author=True)

    assert 'Roe' not in repr(event)
    assert event.title == 'User (hidden): role updated'


@given(ENTRIES, TEXT, st.booleans())
def test_no_entry_makes_an_event_fail_exceed_a_limit_or_leak_markup(
    entry: AuditEntry, project: str, hide: bool
) -> None:
    event = event_of(entry, project=project, hide_author=hide)

    assert len(event.title) <= 100
    assert event.title.isprintable()
    assert not any(mark in event.title for mark in ('%%%', '<', '>'))
    assert len(event.text) <= 4000
    assert event.text.startswith('%%% \n')
    assert event.text.endswith(')\n %%%')
    assert event.text.count('%%%') == 2
    assert all(line.isprintable() for line in event.text.split('\n'))
    assert not any(mark in event.text for mark in ('<', '>', '](http://', '\n#', '\n- #'))
    assert len(event.aggregation_key) <= 100
    assert NOW - 17 * 3600 <= event.timestamp <= NOW + 3600
    assert all(len(each) <= 200 for each in event.tags)
    assert repr(event.as_agent_event()).encode()
    assert selected(entry, ['production']) in (True, False)
    assert classify(entry.action) == classify(entry.action)


@given(
    st.dictionaries(KEYS | TELLING, st.fixed_dictionaries({'old': TELLING_JSON, 'new': TELLING_JSON}), max_size=3),
    TELLING,
)
def test_wherever_a_name_or_an_address_stands_hide_author_hides_it(changes: Any, text: str) -> None:
    entry = replace(
        GATE,
        name=text,
        author='Zaphod Quux',
        author_email='zq42@hitch.example',
        changes=changes,
        change_log=text * 40,
        tags=(text,),
    )

    notice = notice_of(entry, project='acme', now=NOW, hide_author=True)
    sent = repr((event_of_notice(notice), change_event_of(notice), log_of(notice))).lower()

    assert not [part for part in ('zaphod', 'quux', 'zq42', 'hitch') if part in sent]


# What an entry may cost is used up by these, before what follows is looked at.
FILLINGS: dict[str, Any] = {
    'nothing': {},
    'text': {f'text{n}': changed(f'{n} {"x " * 500}', f'{n} {"y " * 500}') for n in range(59)},
    'values': {f'value{n}': changed([], [[['y ' * 100]] * 10] * 10) for n in range(59)},
    'JSON': {f'json{n}': changed(f'[{"[]," * 9_000}{n}]', f'[{"[]," * 9_000}-1]') for n in range(30)},
    'items': {f'items{n}': changed([], [{'name': f'{item}'} for item in range(300)]) for n in range(10)},
    'people': {'reviewers': changed([], [f'Person{n} Name' for n in range(300)])},
}


@pytest.mark.parametrize('filling', sorted(FILLINGS))
@settings(max_examples=8, phases=[Phase.explicit, Phase.generate])
@given(st.dictionaries(KEYS | TELLING, st.fixed_dictionaries({'old': TELLING_JSON, 'new': TELLING_JSON}), min_size=1))
def test_nor_does_it_leave_where_an_entry_has_cost_what_it_may(filling: str, changes: Any) -> None:
    entry = replace(
        GATE, author='Zaphod Quux', author_email='zq42@hitch.example', changes={**FILLINGS[filling], **changes}
    )

    notice = notice_of(entry, project='acme', now=NOW, hide_author=True)
    sent = repr((event_of_notice(notice), change_event_of(notice), log_of(notice))).lower()

    assert not [part for part in ('zaphod', 'quux', 'zq42', 'hitch') if part in sent]
