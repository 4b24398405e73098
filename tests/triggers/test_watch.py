"""`mode: watch`: nothing is let in; Datadog is asked."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any, cast

import pytest

from statsig.relay.triggers import monitor_client
from statsig.relay.triggers.configuration import Watch
from statsig.relay.triggers.journal import Journal
from statsig.relay.triggers.monitor_client import AskError, ask, connect, refused
from statsig.relay.triggers.monitors import changes, groups_of, remembered, scope_tags
from statsig.relay.triggers.notification import Notification
from statsig.relay.triggers.rules import Rule
from statsig.relay.triggers.watch import Watcher, pause
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


def test_a_redirect_is_told_and_the_keys_go_to_no_other_host(
    start: Start, datadog: FakeDatadog, watch: dict[str, Any]
) -> None:
    with FakeDatadog() as elsewhere:
        elsewhere.monitor(123, _=('OK', None))
        datadog.status = 302
        datadog.extra = {'Location': f'{elsewhere.url}/api/v1/monitor/123?group_states=all'}
        relay = start(mode=watch)
        looked(datadog, 3)
        assert elsewhere.looks == 0
    assert 'Datadog answered 302: a redirect, which is not followed' in relay.running.log


@pytest.mark.parametrize(
    ('status', 'said'),
    [
        (401, 'answered 401: datadog_api_key or datadog_app_key is not valid'),
        (403, 'answered 403: a key is not valid at datadog_site, or datadog_app_key lacks the scope monitors_read'),
        (404, 'answered 404: there is no such monitor'),
        (418, 'answered 418'),
        (503, 'answered 503: the trouble is at Datadog'),
    ],
)
def test_each_status_has_its_own_advice(status: int, said: str) -> None:
    assert str(refused(status, None)).startswith(f'Datadog {said}')


def test_the_status_is_told_and_nothing_of_the_answer(
    start: Start, datadog: FakeDatadog, watch: dict[str, Any]
) -> None:
    datadog.status = 403
    relay = start(mode=watch)
    wait_until(lambda: 'Monitor 123 is not watched: Datadog answered 403: a key is not valid' in relay.running.log)
    assert 'secret' not in relay.running.log
    assert API_KEY not in relay.running.log


def test_silence_and_refused_connections_are_told_apart(datadog: FakeDatadog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(monitor_client, '_TIMEOUT', 0.2)
    datadog.delay = 0.5
    connect(Watch(API_KEY, APP_KEY, datadog.url, 1.0))
    with pytest.raises(AskError, match=r'^Datadog did not answer within 0.2 s$'):
        ask('123')
    connect(Watch(API_KEY, APP_KEY, 'http://127.0.0.1:1', 1.0))
    with pytest.raises(AskError, match=r'^Datadog cannot be reached \(ConnectionError\)$'):
        ask('123')


def test_after_429_nothing_is_asked_before_the_limit_is_reset(
    start: Start, datadog: FakeDatadog, watch: dict[str, Any]
) -> None:
    datadog.monitor(123, _=('OK', None))
    datadog.status, datadog.extra = 429, {'X-RateLimit-Reset': '3'}
    relay = start(mode=watch)
    wait_until(lambda: datadog.looks == 1)
    datadog.status = None
    wait_until(lambda: bool(relay.rows('SELECT * FROM watched')))
    first, second = datadog.asked_at[:2]
    assert second - first > 3
    assert 'answered 429: the rate limit is used up' in relay.running.log


@pytest.mark.parametrize(
    ('header', 'last', 'interval', 'expected'),
    [
        *(('0', 0, 30, 1), ('17', 240, 30, 18), ('3600', 0, 30, 3601)),
        *((None, 0, 30, 60), (None, 60, 30, 120), (None, 400, 30, 600), (None, 0, 3600, 600)),
        *(('-1', 0, 30, 60), ('soon', 0, 30, 60), ('99999', 0, 30, 60), ('9' * 400, 0, 30, 60), ('', 0, 30, 60)),
    ],
)
def test_how_long_nothing_is_asked_after_429(header: str | None, last: float, interval: float, expected: float) -> None:
    assert pause(refused(429, header).reset, last, interval) == expected


def test_a_slow_datadog_is_asked_for_four_monitors_at_once(
    start: Start, datadog: FakeDatadog, watch: dict[str, Any]
) -> None:
    numbers = range(1, 13)
    for number in numbers:
        datadog.monitor(number, _=('OK', None))
    datadog.delay = 1.0
    relay = start(*(rule(name=str(number), monitor_id=number) for number in numbers), mode=watch)
    wait_until(lambda: len(relay.rows('SELECT DISTINCT monitor_id FROM watched')) == len(numbers), 20)
    assert datadog.asked_at[11] - datadog.asked_at[0] < 6  # 11 s, one after the other
    looked(datadog, 12)
    assert datadog.most_at_once == 4
    assert datadog.most_at_once_of_one == 1


def test_the_interval_is_from_start_to_start(start: Start, datadog: FakeDatadog, watch: dict[str, Any]) -> None:
    watch['watch']['interval'] = 2
    datadog.monitor(123, _=('OK', None))
    datadog.delay = 1.0
    start(mode=watch)
    wait_until(lambda: datadog.looks == 4, 20)
    first, *_, fourth = datadog.asked_at
    assert 5 < fourth - first < 8  # 2 s from start to start, not 3 s


@pytest.mark.parametrize('body', [b'[' * 200_000, b'<html>', b'{"errors": ["secret"]}'])
def test_an_answer_that_nobody_expects_does_not_end_the_watching(
    start: Start, datadog: FakeDatadog, watch: dict[str, Any], body: bytes
) -> None:
    datadog.monitor(123, _=('OK', None))
    datadog.body = body
    relay = start(mode=watch)
    looked(datadog, 3)
    assert relay.running.log.count('Monitor 123 is not watched: Datadog answered something else than a monitor') == 1
    assert 'secret' not in relay.running.log
    datadog.body = None
    wait_until(lambda: bool(relay.rows('SELECT * FROM watched')))


def test_an_error_of_this_program_does_not_end_the_watching(caplog: pytest.LogCaptureFixture) -> None:
    with FakeDatadog() as datadog:
        datadog.monitor(123, _=('OK', None))
        stopping = threading.Event()
        watched = Watch(API_KEY, APP_KEY, datadog.url, 1.0)
        Watcher(watched, [Rule('x', '123', 'x')], cast(Journal, Broken()), stopping, lambda: None).start()
        looked(datadog, 3)
        stopping.set()
    assert [each.message for each in caplog.records if each.name.startswith('statsig')] == [
        'Monitor 123 is not watched: an error of this program, KeyError'
    ]


class Broken:
    """A journal with a defect."""

    def watched(self, _: str) -> dict[str, tuple[str, str]]:
        raise KeyError(API_KEY)


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
