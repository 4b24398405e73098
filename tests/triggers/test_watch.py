"""`mode: watch`: nothing is let in; Datadog is asked."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from statsig.relay.triggers.monitors import changes, groups_of, remembered, scope_tags
from statsig.relay.triggers.notification import Notification
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
    relay = start(rule(scope='env:production', on_recovery='enable', stable_for=0), mode=watch)
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
    assert [each['transition'] for each in relay.rows('SELECT * FROM requests')] == ['Alerting already']
    assert relay.rows('SELECT * FROM actions') == []
    assert is_on(statsig)


def test_a_monitor_that_had_no_groups_at_the_first_look_is_known(
    start: Start, statsig: SandboxServer, datadog: FakeDatadog, watch: dict[str, Any]
) -> None:
    datadog.monitor(123)
    relay = start(mode=watch)
    looked(datadog)
    datadog.monitor(123, env_production=('Alert', int(time.time())))
    assert relay.wait_for_end()['outcome'] == 'disabled'


def test_the_scope_of_the_query_counts_for_a_monitor_without_groups(
    start: Start, statsig: SandboxServer, datadog: FakeDatadog, watch: dict[str, Any]
) -> None:
    query = 'avg(last_5m):sum:trace.errors{env:production,service:checkout} > 1'
    datadog.monitor(123, query=query, _=('OK', None))
    relay = start(rule(scope='env:production, service:checkout'), mode=watch)
    looked(datadog)
    datadog.monitor(123, query=query, _=('Alert', int(time.time())))
    assert relay.wait_for_end()['outcome'] == 'disabled'


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


Groups = dict[str, tuple[str, str]]


def notified(*looks: Groups) -> list[tuple[str, str, str]]:
    """After the last of these looks."""
    before: Groups = {}
    found: list[Notification] = []
    for look in looks:
        now = remembered(before, look)
        found = changes('7', before, now, {'name': 'x'})
        before = now
    return [(each.transition, each.scope, each.cycle) for each in found]


def test_only_changes_are_notifications() -> None:
    assert notified({'*': ('OK', '')}, {'*': ('OK', '')}) == []
    assert notified({'*': ('OK', '')}, {'*': ('Alert', '7 * 5')}) == [('Triggered', '', '7 * 5')]
    assert notified({'*': ('Alert', '7 * 5')}, {'*': ('Alert', '7 * 5')}) == []
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


def test_what_alerts_at_the_first_look_is_told_as_such() -> None:
    assert notified({'a:1': ('Alert', '7 a:1 5'), 'b:1': ('OK', ''), 'c:1': ('No Data', '')}) == [
        ('Alerting already', 'a:1', '7 a:1 5')
    ]
    (found,) = changes('7', {}, {'*': ('Alert', '')}, {})
    assert found.is_open
    assert not found.is_alert
    assert notified({'*': ('Alert', '')}, {'*': ('OK', '')}) == [('Recovered', '', '')]


def test_an_alert_whose_group_disappears_is_over() -> None:
    both = {'a:1': ('Alert', '7 a:1 5'), 'b:1': ('OK', '')}
    assert notified(both, {'b:1': ('OK', '')}) == [('Recovered', 'a:1', '7 a:1 5')]
    assert notified(both, both, {'b:1': ('OK', '')}, {'b:1': ('OK', '')}) == []
    # Without groups it is one group, the whole; and it is not over because groups appear beside it, but gone.
    assert notified(both, {'*': ('OK', '')}) == [('Recovered', 'a:1', '7 a:1 5')]
    assert notified({'*': ('Alert', '')}, {'a:1': ('OK', '')}) == [('Recovered', '', '')]
    # What did not alert may go in silence.
    assert notified({'a:1': ('No Data', ''), 'b:1': ('OK', '')}, {'b:1': ('OK', '')}) == []
    assert notified({'*': ('No Data', '')}, {'a:1': ('OK', '')}) == []
    assert notified({'*': ('No Data', '')}, {'a:1': ('Alert', '7 a:1 5')}) == [('Triggered', 'a:1', '7 a:1 5')]


def test_an_alert_anew_ends_the_one_before_first() -> None:
    anew = [('Recovered', '', '7 * 5'), ('Triggered', '', '7 * 9')]
    alert, other = {'*': ('Alert', '7 * 5')}, {'*': ('Alert', '7 * 9')}
    assert notified(alert, other) == anew
    assert notified(alert, other, other) == []
    assert notified(alert, {'*': ('No Data', '7 * 5')}, other) == anew
    # The time of a trigger may come and go: that is the same alert.
    assert notified(alert, {'*': ('Alert', '')}) == []
    assert notified({'*': ('Alert', '')}, alert) == []
    assert notified({'*': ('Alert', '')}, alert, {'*': ('OK', '')}) == [('Recovered', '', '')]
    # Recoveries come first: they must not call off what another group has just begun.
    assert notified({'a': ('OK', ''), 'b': ('Alert', 'b 5')}, {'a': ('Alert', 'a 9'), 'b': ('OK', 'b 5')}) == [
        *(('Recovered', 'b', 'b 5'), ('Triggered', 'a', 'a 9'))
    ]


@pytest.mark.parametrize('status', ['No Data', 'Warn', 'Ignored', 'Skipped', 'Unknown'])
def test_an_alert_is_not_over_before_its_group_is_ok(status: str) -> None:
    alert, since = {'*': ('Alert', '7 * 5')}, {'*': (status, '7 * 8')}
    assert notified(alert, since) == [(status, '', '7 * 5')]
    assert notified(alert, since, since) == []
    assert notified(alert, since, {'*': ('OK', '7 * 8')}) == [('Recovered', '', '7 * 5')]
    assert notified(alert, since, {'*': ('Alert', '7 * 5')}) == [('Re-Triggered', '', '7 * 5')]
    assert notified(alert, since, {'a': ('OK', '')}) == [('Recovered', '', '7 * 5')]
    # Nor does an alert begin that way: what was over before stays over.
    assert notified({'*': ('OK', '7 * 5')}, since, {'*': ('Alert', '7 * 9')}) == [('Triggered', '', '7 * 9')]


@pytest.mark.parametrize(
    ('query', 'tags'),
    [
        (
            'avg(last_5m):sum:trace.errors{env:production,service:checkout} by {host} > 1',
            'env:production service:checkout',
        ),
        ('avg(last_5m):sum:x{env:production AND service:checkout}by{host} > 1', 'env:production service:checkout'),
        ('avg(last_5m):sum:x{ env:production , url:a/b-c.d:80 } > 1', 'env:production url:a/b-c.d:80'),
        ("avg(last_4h):anomalies(avg:x{env:production}, 'basic', 2) >= 1", 'env:production'),
        ('sum:trace.errors{env:production,!region:eu,host:web-*} by {service}', 'env:production'),
        ('avg(last_5m):sum:x{!env:staging,team:a,host:web-*,-b:c,$d,e} > 1', 'team:a'),
        ('avg(last_5m):sum:x{NOT env:staging AND team:a} > 1', 'team:a'),
        ('avg(last_5m):sum:x{env:a OR env:b AND team:c} > 1', ''),
        ('avg(last_5m):sum:x{env:a or env:b,team:c} > 1', ''),
        ('avg(last_5m):sum:x{(env:a OR env:b) AND team:c} > 1', ''),
        ('avg(last_5m):sum:x{NOT (env:a AND env:b AND env:c)} > 1', ''),
        ('avg(last_5m):sum:x{env IN (a:1,b:2,c:3),d:4} > 1', ''),
        ('avg(last_5m):sum:x{env:a} / sum:y{env:a} > 1', ''),
        ('avg(last_5m):sum:x{env:a} / sum:y.by{env:b} > 1', ''),
        *(('avg(last_5m):sum:x{*} by {host} > 1', ''), ('avg(last_5m):sum:x{{env:a}} > 1', ''), ('1 && 2', '')),
        *(('logs("a {env:b}").last("5m") > 1', ''), ('"a.b".over("env:c").last(2)', ''), ('', '')),
    ],
)
def test_the_tags_that_hold_for_all_that_a_query_looks_at(query: str, tags: str) -> None:
    assert scope_tags(query) == tags.split()


def test_without_groups_the_overall_state_counts() -> None:
    assert groups_of({'id': 7, 'overall_state': 'Alert'}, '7') == {'*': ('Alert', '')}


def test_the_monitors_tags_count_for_the_scope_of_a_rule() -> None:
    answer = {'name': 'x', 'tags': ['env:production', 7, 'team:payments']}

    (found,) = changes('7', {'*': ('OK', '')}, {'*': ('Alert', '')}, answer)

    assert found.about == {'env:production', 'team:payments'}


def test_tags_are_never_cut_into_others() -> None:
    answer = {'tags': [*(f'{number:03}{"x" * 195}' for number in range(19)), *(f'{"y" * 204}', 'env:production-copy')]}

    (found,) = changes('7', {'*': ('OK', '')}, {'*': ('Alert', '')}, answer)

    assert {each for each in found.about if each.startswith('env')} == {'env:production-copy'}
