"""Config changes from the webhook become events, within seconds and once."""

from __future__ import annotations

import time
from typing import Any

from statsig.sandbox.webhook_sender import Happening, Sent
from tests.relay.conftest import StartRelay
from tests.relay.dogstatsd_receiver import DogStatsdReceiver, wait_until
from tests.relay.test_counts import happening

FOREVER = 600  # seconds between two flushes: what comes before the end does not wait for one


def change(name: str, environments: str = 'production', **metadata: Any) -> Happening:
    said = {'type': 'Gate', 'name': name, 'action': 'updated', 'projectID': 'acme', 'environments': environments}
    event = {
        'eventName': 'statsig::config_change',
        'user': {'name': 'Jane Doe', 'email': 'jane@example.com'},
        'timestamp': time.time_ns() // 1_000_000,
        'metadata': {**said, **metadata},
    }
    return Happening(event, Sent('statsig::config_change', None, name, ''))


def titles(receiver: DogStatsdReceiver) -> list[str]:
    return [event.title for event in receiver.received_events()]


def test_a_config_change_is_an_event_at_once_and_once(start_relay: StartRelay, receiver: DogStatsdReceiver) -> None:
    relay = start_relay(receiver, {'config_changes': True}, flush_interval=FOREVER, tags=['team:growth'])
    delivery = [change('checkout_v2', 'development,Production'), happening('checkout_v2')]
    with relay.sender() as statsig:
        assert [statsig.deliver(delivery, shape) for shape in ('data', 'data', 'data')] == [200, 200, 200]
        wait_until(lambda: bool(titles(receiver)))
        assert statsig.deliver([change('later')], 'data', compressed=True) == 200
        wait_until(lambda: len(titles(receiver)) == 2)
    assert relay.stop() == 0
    receiver.stop()

    assert titles(receiver) == ['Gate checkout_v2 updated by Jane Doe', 'Gate later updated by Jane Doe']
    tags = receiver.received_events()[0].tags
    assert {'statsig_source:webhook', 'environment:development', 'environment:production', 'team:growth'} <= set(tags)
    assert receiver.events() == 1, 'a config change is never counted as an event'
    assert receiver.own('config_changes', 'outcome:sent,team:growth') == 2
    assert receiver.own('events', 'outcome:config_change,team:growth') == 2


def test_without_the_option_they_are_counted_and_no_more(
    start_relay: StartRelay, unix_receiver: DogStatsdReceiver
) -> None:
    relay = start_relay(unix_receiver)
    with relay.sender() as statsig:
        assert statsig.deliver([change('checkout_v2')], 'data') == 200
    relay.stop()
    unix_receiver.stop()
    assert titles(unix_receiver) == []
    assert unix_receiver.own('events', 'outcome:config_change') == 1


def test_the_environments_that_are_counted_are_those_whose_changes_are_sent(
    start_relay: StartRelay, unix_receiver: DogStatsdReceiver
) -> None:
    relay = start_relay(unix_receiver, {'config_changes': True, 'environments': ['Production'], 'hide_author': True})
    with relay.sender() as statsig:
        statsig.deliver([change('a', 'development'), change('b', 'staging,Production'), change('c', '')], 'data')
    relay.stop()
    unix_receiver.stop()
    assert titles(unix_receiver) == ['Gate b updated', 'Gate c updated']
    assert unix_receiver.own('config_changes', 'outcome:filtered') == 1


def test_counts_that_wait_leave_them_their_room(start_relay: StartRelay, unix_receiver: DogStatsdReceiver) -> None:
    unix_receiver.stop()
    relay = start_relay(unix_receiver, {'config_changes': True, 'max_contexts': 50_000})
    with relay.sender() as statsig:
        for number in range(45):
            assert statsig.deliver([happening(f'gate_{number}_{each}') for each in range(1000)], 'data') == 200
        wait_until(lambda: 'takes no datagrams' in relay.log)
        assert statsig.deliver([change('checkout_v2')], 'data') == 200
    assert 'became no events' not in relay.log
    unix_receiver.start()
    wait_until(lambda: titles(unix_receiver) == ['Gate checkout_v2 updated by Jane Doe'])


def test_they_wait_for_dogstatsd_in_bounds(start_relay: StartRelay, unix_receiver: DogStatsdReceiver) -> None:
    unix_receiver.stop()
    relay = start_relay(unix_receiver, {'config_changes': True}, flush_interval=FOREVER)
    with relay.sender() as statsig:
        for number in range(7):
            changes = [change(f'gate_{number}_{position}') for position in range(100)]
            assert statsig.deliver([*changes, happening('checkout')], 'data') == 200
    assert '100 config changes became no events' in relay.log
    unix_receiver.start()
    wait_until(lambda: len(titles(unix_receiver)) == 500)
    assert relay.stop() == 0
    unix_receiver.stop()

    expected = [f'Gate gate_{number}_{position} updated by Jane Doe' for number in range(5) for position in range(100)]
    assert titles(unix_receiver) == expected
    assert unix_receiver.events() == 7
    outcomes = {what: unix_receiver.own('config_changes', f'outcome:{what}') for what in ('sent', 'dropped')}
    assert outcomes == {'sent': 500, 'dropped': 200}
