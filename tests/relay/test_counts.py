"""From Statsig's webhook to DogStatsD: every event that was answered 200 is in the sums, once."""

from __future__ import annotations

import gzip
import json
import random
import time
from typing import Any

import pytest

from statsig.sandbox.project import SandboxProject
from statsig.sandbox.webhook_counts import expected_counts, without_estimates
from statsig.sandbox.webhook_sender import Happening, Sent, WebhookEvents, in_batches
from tests.relay.conftest import StartRelay
from tests.relay.dogstatsd_receiver import DogStatsdReceiver, wait_until


def happening(name: str, tier: str | None = 'production', **extra: Any) -> Happening:
    """One exposure of a gate; its time makes it differ from every other."""
    user = {} if tier is None else {'statsigEnvironment': {'tier': tier}}
    metadata = {'gate': name, 'gateValue': 'true'}
    event = {'eventName': 'statsig::gate_exposure', 'user': user, 'metadata': metadata, 'time': time.time_ns(), **extra}
    return Happening(event, Sent('statsig::gate_exposure', tier, name, 'true'))


def test_the_sandboxs_events_arrive_exactly(start_relay: StartRelay, receiver: DogStatsdReceiver) -> None:
    relay = start_relay(receiver)
    happenings = WebhookEvents(SandboxProject(seed=3)).take(20_000)
    rng = random.Random(3)
    with relay.sender() as statsig:
        assert statsig.verify()
        for batch in in_batches(happenings, rng, 300):
            assert statsig.deliver(batch, rng.choice(('list', 'data')), compressed=rng.random() < 0.5) == 200
        assert relay.stop() == 0
    receiver.stop()

    assert without_estimates(receiver.counts()) == expected_counts(statsig.sent)
    assert receiver.own('events', 'outcome:counted') == 20_000
    assert receiver.own('requests', 'endpoint:statsig,outcome:handshake,status:200') == 1


def test_estimates_weigh_sampled_events(start_relay: StartRelay, unix_receiver: DogStatsdReceiver) -> None:
    relay = start_relay(unix_receiver)
    sampled = happening('checkout', statsigMetadata={'samplingRate': 25})
    shadow = happening('checkout', statsigMetadata={'samplingRate': 25, 'samplingMode': 'shadow'})
    with relay.sender() as statsig:
        statsig.deliver([sampled, shadow, happening('checkout')])
    relay.stop()
    unix_receiver.stop()

    tags = 'environment:production,name:checkout,value:true'
    counts = unix_receiver.counts()
    assert counts == {('statsig.check_gate.count', tags): 3, ('statsig.check_gate.count.estimated', tags): 27}


def test_a_delivery_that_comes_again_is_counted_once(start_relay: StartRelay, unix_receiver: DogStatsdReceiver) -> None:
    relay = start_relay(unix_receiver)
    delivery = [happening('checkout')]
    with relay.sender() as statsig:
        assert [statsig.deliver(delivery) for _ in range(3)] == [200, 200, 200]
    relay.stop()
    unix_receiver.stop()

    assert unix_receiver.events() == 1
    assert unix_receiver.own('requests', 'endpoint:statsig,outcome:redelivered,status:200') == 2


def test_bytes_are_those_of_the_bodies_on_the_wire(start_relay: StartRelay, unix_receiver: DogStatsdReceiver) -> None:
    relay = start_relay(unix_receiver)
    plain = json.dumps([happening('checkout').event] * 100).encode()
    packed = gzip.compress(plain)
    with relay.sender() as statsig:
        assert statsig.post(plain, statsig.signed(plain))[0] == 200
        assert statsig.post(packed, {**statsig.signed(packed), 'Content-Encoding': 'gzip'})[0] == 200
        assert statsig.post(b'[]', {})[0] == 401
    relay.stop()
    unix_receiver.stop()

    assert unix_receiver.own('bytes', 'endpoint:statsig') == len(plain) + len(packed) + len(b'[]')


def test_only_the_wanted_environments_are_counted(start_relay: StartRelay, unix_receiver: DogStatsdReceiver) -> None:
    relay = start_relay(
        unix_receiver, webhook={'environments': ['Production', 'qa'], 'default_environment': 'QA'}, tags=['team:growth']
    )
    with relay.sender() as statsig:
        statsig.deliver([happening('checkout', tier) for tier in ('PRODUCTION', 'qa', None, 'staging', 'development')])
    relay.stop()
    unix_receiver.stop()

    name = 'statsig.check_gate.count'
    assert without_estimates(unix_receiver.counts()) == {
        (name, 'environment:production,name:checkout,team:growth,value:true'): 1,
        (name, 'environment:qa,name:checkout,team:growth,value:true'): 2,
    }
    assert unix_receiver.own('events', 'outcome:filtered,team:growth') == 2


def test_names_of_all_kinds_arrive_as_tags_and_nothing_is_lost(
    start_relay: StartRelay, receiver: DogStatsdReceiver
) -> None:
    relay = start_relay(receiver, webhook={'max_contexts': 500})
    names = ['a\nb|c', 'Ünïcödé', '漢字' * 5000, 'x' * 10_000, '', '|#evil:1', ':', *(f'name_{n}' for n in range(2000))]
    with relay.sender() as statsig:
        assert statsig.deliver([happening(name) for name in names]) == 200
    relay.stop()
    receiver.stop()

    counts = without_estimates(receiver.counts())
    assert sum(counts.values()) == len(names)
    assert len(counts) <= 500
    assert counts['statsig.check_gate.count', 'environment:production,name:a_b_c,value:true'] == 1
    assert counts['statsig.check_gate.count', 'environment:production,name:ünïcödé,value:true'] == 1
    other = counts['statsig.check_gate.count', 'environment:production,name:other,value:true']
    assert other == receiver.own('overflow') > 1000
    assert receiver.gauge('contexts') <= 500


@pytest.mark.parametrize('change', [{'eventName': 'statsig::config_change'}, 7, None], ids=['change', 'number', 'null'])
def test_what_is_no_exposure_and_no_custom_event_is_not_counted_as_one(
    start_relay: StartRelay, unix_receiver: DogStatsdReceiver, change: object
) -> None:
    relay = start_relay(unix_receiver)
    body = json.dumps([change, happening('checkout').event]).encode()
    with relay.sender() as statsig:
        assert statsig.post(body, statsig.signed(body))[0] == 200
    relay.stop()
    unix_receiver.stop()

    assert unix_receiver.events() == 1
    assert sum(unix_receiver.own('events', f'outcome:{what}') for what in ('config_change', 'malformed')) == 1


def test_counts_wait_for_an_agent_that_comes_late(start_relay: StartRelay, unix_receiver: DogStatsdReceiver) -> None:
    unix_receiver.stop()
    relay = start_relay(unix_receiver)
    happenings = WebhookEvents(SandboxProject(seed=5)).take(5000)
    with relay.sender() as statsig:
        for batch in in_batches(happenings, random.Random(5), 100):
            assert statsig.deliver(batch) == 200
        wait_until(lambda: 'takes no datagrams' in relay.log)
        unix_receiver.start()
        wait_until(lambda: unix_receiver.events() == 5000)
        assert statsig.deliver([happening('checkout')]) == 200
    assert relay.stop() == 0
    unix_receiver.stop()

    assert unix_receiver.events() == 5001
    assert unix_receiver.own('dogstatsd.datagrams', 'outcome:retried') > 0
    assert unix_receiver.highest('dogstatsd.waiting') > 0


def test_counts_that_nobody_took_are_reported_at_the_end(
    start_relay: StartRelay, unix_receiver: DogStatsdReceiver
) -> None:
    unix_receiver.stop()
    relay = start_relay(unix_receiver)
    with relay.sender() as statsig:
        statsig.deliver([happening('checkout')])
    assert relay.stop() == 1
    assert 'Counts and events are lost: ' in relay.log
