"""Logs: what they hold and how large they get. How they read is in docs/events.md."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from statsig.console.records import AuditEntry
from statsig.datadog.directory import Directory
from statsig.datadog.log import MAX_BYTES, log_of
from statsig.datadog.notice import notice_of
from statsig.datadog.tag_rules import parse_tag_rules
from tests.datadog.entries import NOW, changed, rule
from tests.datadog.strategies import ENTRIES, TEXT

GATE = AuditEntry(
    id='entry1',
    name='checkout_v2',
    action='gate_update',
    timestamp=NOW - 60,
    change_log='Turned off\nby hand',
    tags=('Payments',),
    target_apps=('web',),
    author='Jane Doe',
    author_id='u-4711',
    author_email='jd99@example.com',
    changes={'isEnabled': changed(True, False)},
)


def a_log_of(entry: AuditEntry, **options: Any) -> Any:
    return log_of(notice_of(entry, **{'project': 'acme', 'now': NOW, **options}))


def size(log: Any) -> int:
    return len(json.dumps(log, ensure_ascii=False).encode())


def test_a_log_is_the_whole_entry_under_datadogs_standard_attributes() -> None:
    rules = parse_tag_rules([{'match': 'gate:*', 'tags': ['service:checkout']}])
    directory = Directory({'checkout_v2': {'gate': 'Growth'}})

    assert a_log_of(GATE, tag_rules=rules, directory=directory, tags=['env:prod,eu']) == {
        'message': 'Gate checkout_v2 disabled by Jane Doe',
        'timestamp': NOW - 60,
        'status': 'warning',
        'service': 'checkout',
        'ddtags': 'statsig_action:gate_update,statsig_group:rollouts,statsig_kind:gate,name:checkout_v2,'
        'environment:all,environment:production,statsig_project:acme,statsig_team:growth,service:checkout,env:prod_eu,'
        'statsig_tag:payments,target_app:web',
        'evt': {'name': 'gate_update', 'category': 'rollouts', 'outcome': 'success', 'id': 'entry1'},
        'usr': {'name': 'Jane Doe', 'email': 'jd99@example.com', 'id': 'u-4711'},
        'statsig': {
            'project': 'acme',
            'kind': 'gate',
            'name': 'checkout_v2',
            'verb': 'disabled',
            'group': 'rollouts',
            'is_change': True,
            'environments': ['all', 'production'],
            'team': 'Growth',
            'happened_at': '2026-11-18T15:04:00Z',
            'link': 'https://console.statsig.com/acme/gates/checkout_v2',
            'change_log': 'Turned off\nby hand',
            'tags': ['Payments'],
            'target_apps': ['web'],
            'changes': [{'field': 'isEnabled', 'text': 'enabled → disabled', 'before': True, 'after': False}],
        },
    }


@pytest.mark.parametrize(
    ('action', 'status', 'category'),
    [
        ('gate_create', 'info', 'rollouts'),
        ('config_delete', 'warning', 'rollouts'),
        ('experiment_rollout', 'ok', 'experiments'),
        ('user_login', 'info', 'authentication'),
    ],
)
def test_status_and_category(action: str, status: str, category: str) -> None:
    log = a_log_of(replace(GATE, action=action, changes=None))

    assert (log['status'], log['evt']['category']) == (status, category)


def test_with_hide_author_nobody_is_named() -> None:
    log = a_log_of(GATE, hide_author=True)

    assert log['usr'] == {}
    assert log['message'] == 'Gate checkout_v2 disabled'


def test_an_entry_too_old_for_datadog_is_sent_with_the_present_and_says_when_it_was() -> None:
    log = a_log_of(replace(GATE, timestamp=NOW - 20 * 3600))

    assert log['timestamp'] == NOW
    assert log['statsig']['happened_at'] == '2026-11-17T19:05:00Z'
    assert 'statsig_late:true' in log['ddtags']


def test_a_log_that_grows_beyond_25_kb_goes_without_some_values() -> None:
    def log_with(changes: int, length: int) -> Any:
        values = changed('a' * length, 'b' * length)
        return a_log_of(replace(GATE, changes={f'f{number}': values for number in range(changes)}))

    small, large = log_with(20, 200)['statsig'], log_with(50, 1100)['statsig']

    assert [sorted(change) for change in small['changes']] == [['after', 'before', 'field', 'text']] * 20
    assert 'changes_left_out' not in small
    with_values = ['before' in change for change in large['changes']]
    assert len(with_values) == 50
    assert with_values == [True] * with_values.count(True) + [False] * with_values.count(False)
    assert 0 < with_values.count(True) < 50
    assert 'changes_left_out' not in large
    assert MAX_BYTES - 3_000 < size(log_with(50, 1100)) <= MAX_BYTES


def test_changes_that_do_not_fit_even_in_words_are_counted() -> None:
    changes = {f'{number}{"f" * 70}': changed('語' * 110, '字' * 110) for number in range(60)}

    told = a_log_of(replace(GATE, changes=changes))['statsig']

    assert told['changes_left_out'] == 60 - len(told['changes']) > 0


def test_changes_that_are_not_told_and_items_that_are_not_compared_are_counted() -> None:
    before = [rule(f'rule {number}', f'r{number}') for number in range(500)]
    rules = changed(before, [each | {'passPercentage': 20} for each in before])

    told = a_log_of(replace(GATE, changes={'rules': rules}))['statsig']

    assert len(told['changes']) + told['changes_left_out'] == 400
    assert told['items_not_compared'] == 100


def test_what_is_cut_says_so() -> None:
    log = a_log_of(
        replace(
            GATE,
            change_log='\n'.join(f'line {number} {"x" * 400}' for number in range(50)),
            tags=tuple(f'tag {number} {"x" * 80}' for number in range(150)),
        ),
        project='p' * 200,
    )['statsig']

    lines = log['change_log'].split('\n')
    assert lines[-1] == f'… {50 - (len(lines) - 1)} more'
    assert log['tags'][-1] == f'… {150 - (len(log["tags"]) - 1)} more'
    assert log['project'] == 'p' * 127 + '…'


@given(ENTRIES, TEXT, st.booleans())
def test_no_entry_makes_a_log_that_is_too_large_or_no_json(entry: AuditEntry, project: str, hide: bool) -> None:
    log = a_log_of(entry, project=project, hide_author=hide)

    assert size(log) <= MAX_BYTES
    assert json.loads(json.dumps(log, allow_nan=False)) == log


@pytest.mark.parametrize('sign', ['n', '語', '😀', '"', '\\'])
def test_even_an_entry_that_is_all_names_and_tags_stays_below_25_kb(sign: str) -> None:
    environments = [f'{sign * 190}{number}' for number in range(30)]
    entry = replace(
        GATE,
        name=sign * 400,
        action=sign * 400,
        author=sign * 400,
        author_email=sign * 400,
        author_id=sign * 400,
        change_log='\n'.join([sign * 400] * 200),
        changes={'environments': changed([], environments)},
        tags=tuple(f'{sign * 190}{number}' for number in range(50)),
        target_apps=tuple(f'{sign * 190}{number}' for number in range(50)),
    )

    assert size(a_log_of(entry, project=sign * 400, tags=[sign * 199] * 50)) <= MAX_BYTES
