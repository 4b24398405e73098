"""`mode: watch`: nothing is let in; Datadog is asked."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from statsig.relay.triggers.watch import changes, groups_of
from statsig.sandbox.server import SandboxServer
from tests.relay.dogstatsd_receiver import wait_until
from tests.triggers.conftest import Start
from tests.triggers.fake_datadog import API_KEY, APP_KEY, FakeDatadog
from tests.triggers.relay_with_triggers import is_on, payload, puts, rule


@pytest.fixture
def datadog() -> Iterator[FakeDatadog]:
    with FakeDatadog() as running:
        yield running


@pytest.fixture
def watch(datadog: FakeDatadog, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setenv('FAKE_API_KEY', API_KEY)
    monkeypatch.setenv('FAKE_APP_KEY', APP_KEY)
    keys = {'datadog_api_key': '${FAKE_API_KEY}', 'datadog_app_key': '${FAKE_APP_KEY}'}
    return {'watch': {**keys, 'datadog_api_url': datadog.url, 'interval': 1}}


def looked(datadog: FakeDatadog, times: int = 2) -> None:
    seen = datadog.looks
    wait_until(lambda: datadog.looks >= seen + times)


def test_the_change_to_alert_turns_the_gate_off_and_recovery_on_again(
    start: Start, statsig: SandboxServer, datadog: FakeDatadog, watch: dict[str, Any]
) -> None:
    datadog.monitor(123, env_production=('OK', None))
    relay = start(rule(scope='env:production', on_recovery='enable', cooldown=0, stable_for=0), mode=watch)
    looked(datadog)
    assert relay.notify(payload()).status_code == 404  # nobody is let in

    now = int(time.time())
    datadog.monitor(123, env_production=('Alert', now))
    assert relay.wait_for_end()['outcome'] == 'disabled'
    looked(datadog)
    datadog.monitor(123, env_production=('OK', now))

    assert relay.wait_for_end(2)['outcome'] == 'enabled'
    assert is_on(statsig)
    assert puts(statsig) == ['checkout_v2/disable', 'checkout_v2/enable']


def test_what_alerts_already_at_the_first_look_is_left_alone(
    start: Start, statsig: SandboxServer, datadog: FakeDatadog, watch: dict[str, Any]
) -> None:
    datadog.monitor(123, _=('Alert', int(time.time()) - 10))
    relay = start(mode=watch)
    looked(datadog, 3)
    assert relay.rows('SELECT * FROM requests') == []
    assert is_on(statsig)


def test_a_change_during_a_restart_is_not_missed(
    start: Start, statsig: SandboxServer, datadog: FakeDatadog, watch: dict[str, Any]
) -> None:
    datadog.monitor(123, _=('OK', None))
    relay = start(mode=watch)
    looked(datadog)
    relay.running.kill()

    datadog.monitor(123, _=('Alert', int(time.time())))
    relay = start(mode=watch)

    assert relay.wait_for_end()['outcome'] == 'disabled'
    assert not is_on(statsig)


def test_datadog_that_does_not_answer_is_said_once_without_keys(
    start: Start, datadog: FakeDatadog, watch: dict[str, Any]
) -> None:
    datadog.monitor(123, _=('OK', None))
    datadog.down = True
    relay = start(mode=watch)
    looked(datadog, 3)
    assert relay.running.log.count('Monitor 123 is not watched') == 1
    assert API_KEY not in relay.running.log
    assert APP_KEY not in relay.running.log
    datadog.down = False
    wait_until(lambda: bool(relay.rows('SELECT * FROM watched')))


def notified(before: dict[str, tuple[str, str]], now: dict[str, tuple[str, str]]) -> list[tuple[str, str, str]]:
    found = changes('7', before, now, {'name': 'x'})
    return [(each.transition, each.scope, each.cycle) for each in found]


def test_only_changes_are_notifications() -> None:
    assert notified({}, {'*': ('Alert', '7 * 5')}) == []
    assert notified({'*': ('OK', '')}, {'*': ('OK', '')}) == []
    assert notified({'*': ('OK', '')}, {'*': ('Alert', '7 * 5')}) == [('Triggered', '', '7 * 5')]
    assert notified({'*': ('Alert', '7 * 5')}, {'*': ('Alert', '7 * 5')}) == []
    assert notified({'*': ('Alert', '7 * 5')}, {'*': ('Alert', '7 * 9')}) == [('Triggered', '', '7 * 9')]
    assert notified({'*': ('Alert', '7 * 5')}, {'*': ('OK', '7 * 5')}) == [('Recovered', '', '7 * 5')]
    assert notified({'*': ('Alert', '7 * 5')}, {'*': ('No Data', '7 * 5')}) == [('No Data', '', '7 * 5')]
    # A group that appears: it was not there, so it was not alerting.
    appears = {'a:1': ('OK', ''), 'b:1': ('Alert', '7 b:1 5')}
    assert notified({'a:1': ('OK', '')}, appears) == [('Triggered', 'b:1', '7 b:1 5')]


@pytest.mark.parametrize(
    'answer',
    [
        *(None, [], {}, {'id': 8}, {'id': 7}, {'id': 7, 'state': {'groups': {'*': 'Alert'}}}),
        {'id': 7, 'state': {'groups': {str(n): {'status': 'OK'} for n in range(1001)}}},
    ],
)
def test_an_answer_that_is_not_understood_is_no_state(answer: Any) -> None:
    with pytest.raises(ValueError, match=r'.'):
        groups_of(answer, '7')


def test_without_groups_the_overall_state_counts() -> None:
    assert groups_of({'id': 7, 'overall_state': 'Alert'}, '7') == {'*': ('Alert', '')}


def test_the_monitors_tags_count_for_the_scope_of_a_rule() -> None:
    answer = {'name': 'x', 'tags': ['env:production', 7, 'team:payments']}

    (found,) = changes('7', {'*': ('OK', '')}, {'*': ('Alert', '')}, answer)

    assert found.about == {'env:production', 'team:payments'}
