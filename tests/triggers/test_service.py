"""A relay with triggers on a bad day: a journal that cannot be written, too much at once, a worker that dies."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from statsig.relay.triggers.configuration import TriggersConfiguration, Watch
from statsig.relay.triggers.database import FILE
from statsig.relay.triggers.decision import Limits
from statsig.relay.triggers.journal import MOST_ACTIONS, MOST_DECISIONS, Journal
from statsig.relay.triggers.locks import EXECUTOR
from statsig.relay.triggers.notification import Notification
from statsig.relay.triggers.rules import Rule
from statsig.relay.triggers.service import MOST_WAITING, Triggers
from statsig.sandbox.server import DEFAULT_KEY, SandboxServer
from tests.clock import Clock
from tests.relay.dogstatsd_receiver import DogStatsdReceiver, wait_until
from tests.triggers.conftest import Start
from tests.triggers.relay_with_triggers import GATE, TriggersRelay, payload, puts, rows

RULE = Rule('checkout errors', '1', GATE, dry_run=False)
ALERT = Notification('1', 'Triggered', 'cycle')


def change(relay: TriggersRelay, statement: str) -> None:
    connection = sqlite3.connect(relay.state_dir / FILE, timeout=10)
    connection.execute(statement)
    connection.commit()
    connection.close()


def test_what_cannot_be_written_down_is_answered_503_and_changes_nothing(start: Start, statsig: SandboxServer) -> None:
    """Datadog sends it again, and by then it can be."""
    relay = start()
    change(relay, 'ALTER TABLE requests RENAME TO gone')

    answer = relay.notify(payload())

    assert (answer.status_code, answer.headers['Retry-After']) == (503, '5')
    assert puts(statsig) == []
    change(relay, 'ALTER TABLE gone RENAME TO requests')
    assert relay.notify(payload()).status_code == 202
    assert relay.wait_for_end()['outcome'] == 'disabled'
    assert relay.running.log.count('Notifications cannot be written down and are answered 503') == 1


def test_an_error_that_nobody_expects_is_said_once_and_ends_no_thread(start: Start, statsig: SandboxServer) -> None:
    """A line of the journal that cannot be read: a kind of action that there is not."""
    relay = start()
    relay.defect_is_expected = True
    relay.notify(payload('Warn'))
    change(
        relay,
        'INSERT INTO actions (request_id, rule, rule_scope, gate, kind, rehearsal, by, monitor_id, cycle, scope, '
        'decided_at, begin_at, due_at, give_up_at) '
        "VALUES (1, 'r', '', 'g', 'explode', 0, 'relay', '1', '', '', 0, 0, 0, 0)",
    )
    wait_until(lambda: 'Actions cannot be carried out: this is a defect of the relay' in relay.running.log)
    change(relay, "DELETE FROM actions WHERE kind = 'explode'")

    assert relay.notify(payload()).status_code == 202

    assert relay.wait_for_end()['outcome'] == 'disabled'
    assert relay.running.log.count('this is a defect') == 1


def configuration(statsig: SandboxServer) -> TriggersConfiguration:
    return TriggersConfiguration(
        tokens=(b'x' * 16,),
        allowed_addresses=(),
        api_key=DEFAULT_KEY,
        api_url=statsig.url,
        project='',
        respect_review_settings=True,
        limits=Limits(),
        give_up_after=900,
        watch=None,
        datadog_site='datadoghq.com',
        rules=(RULE,),
    )


def test_more_than_can_wait_is_turned_away(tmp_path: Path, statsig: SandboxServer) -> None:
    triggers = Triggers(configuration(statsig), tmp_path)  # not started: nothing is taken in
    taken = [triggers.submit(ALERT, '', lambda written: None) for _ in range(MOST_WAITING + 1)]
    assert taken == [True] * MOST_WAITING + [False]


def test_a_thread_that_has_ended_is_seen_in_the_liveness(tmp_path: Path, statsig: SandboxServer) -> None:
    triggers = Triggers(configuration(statsig), tmp_path)
    triggers.start()
    wait_until(lambda: triggers._has_begun)
    assert triggers.is_alive

    triggers._executor._queue.put(None)  # what ends one of its threads

    wait_until(lambda: not triggers.is_alive)
    triggers.stop(10)
    assert triggers.is_alive, 'all were told to end'
    triggers.close()


def test_a_thread_of_the_watch_that_has_ended_is_seen_too(
    tmp_path: Path, statsig: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threading, 'excepthook', lambda _: None)
    watch = Watch(api_key='k', app_key='k', api_url='http://127.0.0.1:9', interval='soon')  # type: ignore[arg-type]
    triggers = Triggers(replace(configuration(statsig), watch=watch), tmp_path)
    triggers.start()
    wait_until(lambda: not triggers.is_alive)
    triggers.stop(1)


def test_an_address_that_is_allowed_gets_in(start: Start) -> None:
    relay = start(allowed_addresses=['10.0.0.0/8', '127.0.0.0/8'])
    assert relay.notify(payload('Warn')).status_code == 202


def test_another_worker_goes_on_when_the_one_that_acts_is_killed(start: Start, statsig: SandboxServer) -> None:
    statsig.knobs.down = True
    relay = start(relay_options={'workers': 2})
    relay.notify(payload())
    wait_until(lambda: bool(relay.rows("SELECT 1 FROM steps WHERE what LIKE 'again in%'")))

    os.kill(holder_of(relay.state_dir / EXECUTOR), signal.SIGKILL)
    statsig.knobs.down = False

    assert relay.wait_for_end()['outcome'] == 'disabled'
    assert puts(statsig) == [f'{GATE}/disable']


def holder_of(lock: Path) -> int:
    inode = lock.stat().st_ino
    for line in Path('/proc/locks').read_text().splitlines():
        fields = line.split()
        if fields[1] == 'FLOCK' and fields[5].endswith(f':{inode}'):
            return int(fields[4])
    raise AssertionError(f'nobody holds {lock}')


def test_refusals_are_told_however_many_other_notifications_come(
    start: Start, statsig: SandboxServer, dogstatsd: DogStatsdReceiver
) -> None:
    relay = start(relay_options={'flush_interval': 1})
    relay.notify(payload())
    relay.wait_for_end()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: relay.notify(payload('Renotify', str(n))), range(600)))

    relay.notify(payload(cycle='another'))

    wait_until(
        lambda: dogstatsd.own('trigger.count', f'gate:{GATE},outcome:refused_cooldown,rule:checkout_errors') == 1
    )
    wait_until(
        lambda: dogstatsd.own('trigger.count', f'gate:{GATE},outcome:recorded_transition,rule:checkout_errors') == 600
    )


def test_the_journal_is_nobody_elses_to_read(start: Start) -> None:
    relay = start()
    relay.notify(payload())
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in relay.state_dir.glob('triggers.sqlite3*')}
    assert set(modes.values()) == {0o600}
    assert len(modes) == 3


def test_of_too_many_lines_the_oldest_go_but_not_those_of_actions(tmp_path: Path) -> None:
    clock = Clock()
    journal = Journal(tmp_path, (RULE,), Limits(), clock, 900)
    journal.receive([(ALERT, 'webhook', '')])
    (action,) = journal.actions.due()
    journal.actions.end(action, 'refused')
    database = journal._database
    with database.transaction():
        database.execute_many(
            'INSERT INTO requests (id, at, source, address, outcome) VALUES (?, ?, ?, ?, ?)',
            ((number, clock(), 'webhook', '', 'decided') for number in range(2, MOST_DECISIONS + 4002)),
        )
        database.execute(
            'INSERT INTO decisions (request_id, at, rule, gate, verdict, reason, why, told) '
            "SELECT id, at, 'r', 'g', 'recorded', '', '', id != 3 FROM requests WHERE id > 1"
        )
    journal.told(replace(journal.untold(), last=0))

    while journal.prune():
        pass

    left = rows(tmp_path, 'SELECT min(id) AS least, count(*) AS number FROM decisions')[0]
    assert left['number'] <= MOST_DECISIONS + 2
    assert [row['id'] for row in rows(tmp_path, 'SELECT id FROM requests ORDER BY id LIMIT 2')] == [1, 3]
    assert rows(tmp_path, 'SELECT 1 FROM decisions WHERE request_id = 2') == []


def test_of_too_many_actions_those_that_changed_nothing_go(tmp_path: Path) -> None:
    journal = Journal(tmp_path, (RULE,), Limits(), Clock(), 900)
    database = journal._database
    with database.transaction():
        for changes, number in ((1, 5), (0, MOST_ACTIONS + 100)):
            database.execute_many(
                'INSERT INTO actions (request_id, rule, rule_scope, gate, kind, rehearsal, by, monitor_id, cycle, '
                'scope, decided_at, begin_at, due_at, give_up_at, state, ended_at, told, changes) '
                "VALUES (0, 'r', '', 'g', 'disable', 0, 'relay', '1', '', '', ?, 0, 0, 0, 'ended', ?, 1, ?)",
                [(Clock()(), Clock()(), changes)] * number,
            )

    journal.prune()

    kept = rows(tmp_path, 'SELECT changes, count(*) AS number FROM actions GROUP BY changes')
    assert [tuple(row.values()) for row in kept] == [(0, MOST_ACTIONS), (1, 5)]


def test_a_rehearsal_that_was_broken_off_goes(tmp_path: Path) -> None:
    clock = Clock()
    journal = Journal(tmp_path, (replace(RULE, dry_run=True),), Limits(), clock, 900)
    journal.receive([(ALERT, 'test', '')], by='test')
    clock.now += 3601

    journal.prune()

    assert rows(tmp_path, 'SELECT * FROM actions') == []


def test_alerts_without_end_are_forgotten_beyond_a_number(tmp_path: Path) -> None:
    clock = Clock()
    journal = Journal(tmp_path, (RULE,), Limits(), clock, 900)
    for batch in range(60):
        journal.receive([(replace(ALERT, cycle=f'{batch} {number}'), 'webhook', '') for number in range(100)])
        clock.now += 1

    journal.prune()

    (kept,) = rows(tmp_path, "SELECT count(*) AS number, min(at) AS oldest FROM alerts WHERE state = 'alerting'")
    assert (kept['number'], kept['oldest']) == (5000, Clock()() + 10)
