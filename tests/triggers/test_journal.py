"""The journal by itself: what can only be seen between two requests to Statsig."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from statsig.relay.triggers.action import Action
from statsig.relay.triggers.database import FILE, JournalError
from statsig.relay.triggers.decision import MOST_CHANGES, Gate, Limits
from statsig.relay.triggers.journal import Journal
from statsig.relay.triggers.log import read_requests
from statsig.relay.triggers.notification import Notification
from statsig.relay.triggers.rules import Kind, Rule
from tests.clock import Clock
from tests.triggers.relay_with_triggers import rows

RULE = Rule('checkout errors', '1', 'checkout_v2', dry_run=False, on_recovery=True, cooldown=0, stable_for=60)
ALERT = Notification('1', 'Triggered', 'cycle')
RECOVERY = replace(ALERT, transition='Recovered')
ON, OFF = Gate(True, mark='1'), Gate(False, mark='2')


def opened(directory: Path, clock: Clock, *rules: Rule) -> Journal:
    return Journal(directory, rules or (RULE,), Limits(), clock, 900)


def turned_off(journal: Journal, action: Action) -> None:
    """Statsig has accepted the PUT, and shows it."""
    journal.actions.answered(action, OFF)
    journal.actions.end_changed(journal.actions.action(action.id), OFF, at_once=True)


def act_on_alert(journal: Journal) -> Action:
    """The gate is turned off because of ALERT."""
    journal.receive([(ALERT, 'webhook', '')])
    (action,) = journal.actions.due()
    journal.actions.claim_change(action, ON)
    turned_off(journal, action)
    return action


def test_an_alert_that_ends_while_its_change_is_on_its_way_is_undone_as_any_other(tmp_path: Path) -> None:
    clock = Clock()
    journal = opened(tmp_path, clock)
    journal.receive([(ALERT, 'webhook', '')])
    (action,) = journal.actions.due()
    assert journal.actions.claim_change(action, ON)

    journal.receive([(RECOVERY, 'webhook', '')])
    turned_off(journal, action)

    assert journal.actions.due() == []
    clock.now += 61
    (undoing,) = journal.actions.due()
    assert undoing.kind is Kind.ENABLE
    (alert,) = read_requests(tmp_path, 10, acted=True)
    assert [(each['verdict'], each['action']['kind']) for each in alert['decisions']] == [
        ('act', 'disable'),
        ('wait', 'enable'),
    ]
    assert journal.actions.claim_change(undoing, OFF)


def test_two_processes_cannot_both_send_the_last_put(tmp_path: Path) -> None:
    clock = Clock()
    journals = [opened(tmp_path, clock) for _ in range(2)]
    journals[0].receive([(ALERT, 'webhook', '')])
    (action,) = journals[0].actions.due()

    claims = [journals[number % 2].actions.claim_change(action, ON) for number in range(6)]

    assert claims == [True] * MOST_CHANGES + [False] * 3
    assert journals[1].actions.action(action.id).outcome == 'failed'


def test_what_a_recovery_called_off_is_not_sent(tmp_path: Path) -> None:
    journal = opened(tmp_path, Clock())
    journal.receive([(ALERT, 'webhook', '')])
    (action,) = journal.actions.due()

    journal.receive([(RECOVERY, 'webhook', '')])

    assert not journal.actions.claim_change(action, ON)


def test_the_recovery_of_another_group_calls_nothing_off(tmp_path: Path) -> None:
    journal = opened(tmp_path, Clock())
    journal.receive([(ALERT, 'webhook', '')])
    (action,) = journal.actions.due()

    journal.receive([(replace(RECOVERY, cycle='another'), 'webhook', '')])

    assert journal.actions.claim_change(action, ON)


def test_another_rule_about_the_same_gate_keeps_it_off(tmp_path: Path) -> None:
    clock = Clock()
    other = Rule('latency', '2', 'checkout_v2', dry_run=True)
    journal = opened(tmp_path, clock, RULE, other)
    act_on_alert(journal)
    journal.receive([(RECOVERY, 'webhook', '')])

    journal.receive([(replace(ALERT, monitor_id='2'), 'webhook', '')])
    clock.now += 61

    assert [each.rehearsal for each in journal.actions.due()] == [True]


def test_an_alert_that_opens_at_the_last_moment_keeps_the_gate_off(tmp_path: Path) -> None:
    clock = Clock()
    journal = opened(tmp_path, clock)
    act_on_alert(journal)
    journal.receive([(RECOVERY, 'webhook', '')])
    clock.now += 61
    (enabling,) = journal.actions.due()
    journal._alerts.note(RULE.name, replace(ALERT, cycle='another'), 1, clock())

    assert not journal.actions.claim_change(enabling, OFF)
    assert journal.actions.action(enabling.id).why == 'an alert about this gate is not over'


def test_old_lines_go_but_for_what_may_be_undone_and_where_it_came_from(tmp_path: Path) -> None:
    clock = Clock()
    journal = opened(tmp_path, clock)
    action = act_on_alert(journal)
    journal.receive([(replace(ALERT, transition='Warn'), 'webhook', '')])
    journal.told(journal.untold())

    clock.now += 91 * 86400
    journal.prune()

    assert [row['transition'] for row in rows(tmp_path, 'SELECT * FROM requests')] == ['Triggered']
    assert journal.actions.mark_when_turned_off(action) == '2'


def test_a_journal_of_another_version_is_refused(tmp_path: Path) -> None:
    opened(tmp_path, Clock()).close()
    connection = sqlite3.connect(tmp_path / FILE)
    connection.execute('PRAGMA user_version = 99')
    connection.close()
    with pytest.raises(JournalError, match=r'written by another version \(99\)'):
        opened(tmp_path, Clock())


def test_a_directory_that_cannot_be_used_is_said(tmp_path: Path) -> None:
    (tmp_path / 'file').touch()
    with pytest.raises(JournalError, match='state_dir'):
        opened(tmp_path / 'file', Clock())


def test_a_pause_that_statsig_asks_for_does_not_put_off_giving_up(tmp_path: Path) -> None:
    clock = Clock()
    journal = opened(tmp_path, clock)
    journal.receive([(ALERT, 'webhook', '')])
    (action,) = journal.actions.due()

    journal.actions.retry(action, 3600, 'too many requests')

    clock.now += 901
    assert [each.id for each in journal.actions.due()] == [action.id]


def test_a_decision_looks_at_no_more_of_the_open_alerts_than_it_takes_to_see_one(tmp_path: Path) -> None:
    journal = opened(tmp_path, Clock())
    connection = sqlite3.connect(tmp_path / FILE)
    connection.executemany(
        'INSERT INTO alerts (rule, monitor_id, key, cycle, scope, request_id, state, put_off, at) '
        "VALUES (?, '1', ?, '', '', 0, 'alerting', 0, 0)",
        [(RULE.name, f'cycle {number}') for number in range(50_000)],
    )
    connection.commit()
    connection.close()
    steps = []
    journal._database._connection.set_progress_handler(lambda: steps.append(1), 100)

    journal.receive([(replace(ALERT, transition='Renotify'), 'webhook', '')])

    assert len(steps) < 100
