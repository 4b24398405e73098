"""A delivery from its headers to its counts, clock and bytes in hand."""

from __future__ import annotations

import gzip
import json
import random
from dataclasses import replace

import pytest

from statsig.webhook import receiver as outcomes
from statsig.webhook.counting import Context, Count, Kind
from statsig.webhook.receiver import Delivery, Outcome, Receiver, WebhookRules
from tests.clock import NOW, Clock
from tests.webhook.deliveries import body, delivery, gate, rules
from tests.webhook.mutilated import mutilated

CHECKOUT = Context(Kind.GATE, 'production', 'checkout', 'true')
HANDSHAKE = b'{"data": {"event": "url_verification", "verification_code": "abc123"}}'
NO_HEADERS = Delivery(b'', b'')


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def receiver(clock: Clock) -> Receiver:
    return Receiver(rules(), clock)


def counted(receiver: Receiver) -> int:
    return sum(count.events for count in receiver.tally.take(NOW).by_context.values())


def outcome(receiver: Receiver, given: Delivery, sent: bytes) -> Outcome:
    return receiver.receive(given, sent)[0]


def test_a_signed_delivery_is_counted(receiver: Receiver) -> None:
    assert outcome(receiver, delivery(body(gate())), body(gate())) == outcomes.ACCEPTED
    assert receiver.tally.take(NOW).by_context == {CHECKOUT: Count(1, 1)}


def test_a_compressed_one_is_signed_as_it_is_on_the_wire(receiver: Receiver) -> None:
    sent = gzip.compress(body(gate()))
    assert outcome(receiver, delivery(sent, encoding=b'gzip'), sent) == outcomes.ACCEPTED
    assert counted(receiver) == 1

    of_the_plain_body = delivery(body(gate()), encoding=b'gzip')
    assert outcome(receiver, of_the_plain_body, sent) == outcomes.BAD_SIGNATURE


@pytest.mark.parametrize(
    ('given', 'expected'),
    [
        (NO_HEADERS, outcomes.UNSIGNED),
        (delivery(body(gate()))._replace(signature=b''), outcomes.UNSIGNED),
        (delivery(body(gate()))._replace(timestamp=b''), outcomes.UNSIGNED),
        (delivery(body(gate()), secret=b'guessed'), outcomes.BAD_SIGNATURE),
        (delivery(body(gate('another'))), outcomes.BAD_SIGNATURE),
        (delivery(body(gate()))._replace(signature=b'v0='), outcomes.BAD_SIGNATURE),
        (delivery(body(gate()), at=NOW - 301), outcomes.STALE),
        (delivery(body(gate()), at=NOW + 301), outcomes.STALE),
        (Delivery(b'yesterday', b'v0=00'), outcomes.STALE),
    ],
)
def test_nothing_that_statsig_did_not_sign_just_now_is_counted(
    receiver: Receiver, given: Delivery, expected: Outcome
) -> None:
    assert receiver.receive(given, body(gate())) == (expected, b'')
    assert expected.status == 401
    assert counted(receiver) == 0


@pytest.mark.parametrize('at', [NOW - 299, NOW + 299])
def test_clocks_may_differ_a_little(receiver: Receiver, at: float) -> None:
    assert outcome(receiver, delivery(body(gate()), at=at), body(gate())) == outcomes.ACCEPTED


def test_what_is_delivered_again_is_counted_once(receiver: Receiver, clock: Clock) -> None:
    sent = body(gate())
    assert outcome(receiver, delivery(sent), sent) == outcomes.ACCEPTED
    assert outcome(receiver, delivery(sent), sent) == outcomes.REDELIVERED
    clock.now += 599
    signed_anew = delivery(sent, at=clock.now)
    assert outcome(receiver, signed_anew, sent) == outcomes.REDELIVERED
    assert outcomes.REDELIVERED.status == 200
    assert counted(receiver) == 1


@pytest.mark.parametrize('max_age', [10.0, 300.0, 3600.0, 86_400.0])
@pytest.mark.parametrize('ahead', [-1, 0, 1])
def test_a_recorded_delivery_is_stale_before_it_is_forgotten(clock: Clock, max_age: float, ahead: int) -> None:
    receiver = Receiver(replace(rules(), max_age=max_age), clock)
    sent, recorded = body(gate()), delivery(body(gate()))
    clock.now -= ahead * max_age  # the sender's clock may be ahead or behind
    outcome(receiver, recorded, sent)
    for _ in range(30):
        clock.now += max_age / 5
        assert outcome(receiver, recorded, sent) in (outcomes.REDELIVERED, outcomes.STALE)
    assert counted(receiver) == 1


def test_a_body_that_could_not_be_counted_may_come_again(receiver: Receiver) -> None:
    sent = b'{"data": 1}'
    for _ in range(2):
        assert outcome(receiver, delivery(sent), sent) == outcomes.MALFORMED


def test_what_is_remembered_is_bounded(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    from statsig.webhook import deliveries

    monkeypatch.setattr(deliveries, '_MOST_BODIES', 100)
    remembered = deliveries.Deliveries(clock)
    for number in range(1000):
        assert not remembered.is_known(b'%d' % number)
        remembered.remember(b'%d' % number)
    assert len(remembered._newer) + len(remembered._older) <= 200
    assert remembered.is_known(b'999')
    assert not remembered.is_known(b'1')


def test_remembered_bodies_are_forgotten_when_nothing_comes_for_long(receiver: Receiver, clock: Clock) -> None:
    sent = body(gate())
    outcome(receiver, delivery(sent), sent)
    clock.now += 1201
    assert outcome(receiver, delivery(sent, at=clock.now), sent) == outcomes.ACCEPTED


@pytest.mark.parametrize('given', [NO_HEADERS, delivery(HANDSHAKE), delivery(HANDSHAKE, secret=b'not set up yet')])
def test_the_handshake_is_answered_signed_or_not(receiver: Receiver, given: Delivery) -> None:
    assert receiver.receive(given, HANDSHAKE) == (outcomes.HANDSHAKE, b'{"verification_code":"abc123"}')
    assert counted(receiver) == 0


def test_a_compressed_handshake_is_not_unpacked_for_strangers(receiver: Receiver) -> None:
    given = NO_HEADERS._replace(content_encoding=b'gzip')
    assert outcome(receiver, given, gzip.compress(HANDSHAKE)) == outcomes.UNSIGNED


def test_strangers_are_read_no_further_than_a_handshake_goes(receiver: Receiver) -> None:
    assert receiver.allowance(NO_HEADERS) == (4096, outcomes.UNSIGNED)
    assert receiver.allowance(delivery(b'[]', at=NOW - 4000)) == (4096, outcomes.STALE)
    assert receiver.allowance(delivery(b'[]')) == (5 * 1024 * 1024, outcomes.TOO_LARGE)


@pytest.mark.parametrize(
    ('sent', 'encoding', 'expected'),
    [
        (b'{', b'', outcomes.MALFORMED),
        (b'[]', b'gzip', outcomes.MALFORMED),
        (b'[]', b'br', outcomes.UNKNOWN_ENCODING),
        (b'[%s]' % (b' ' * 10_000), b'', outcomes.TOO_LARGE),
        (gzip.compress(b'[%s]' % (b' ' * 100_000)), b'gzip', outcomes.TOO_LARGE),
    ],
)
def test_signed_bodies_that_cannot_be_counted(sent: bytes, encoding: bytes, expected: Outcome) -> None:
    small = WebhookRules(rules().signing_secret, rules().counting, max_body_bytes=10_000, max_inflated_bytes=50_000)
    receiver = Receiver(small, Clock())
    assert receiver.receive(delivery(sent, encoding=encoding), sent) == (expected, b'')
    assert counted(receiver) == 0


def test_the_secret_is_in_no_repr() -> None:
    assert 'webhook-secret' not in repr(rules())


FUZZED = 20_000  # tests/relay has five times as many, over HTTP


def test_mutilated_bodies_change_nothing_but_their_own_counts() -> None:
    """Whatever a signed body holds: an outcome, never an exception; what is held stays bounded."""
    rng = random.Random('bodies')
    receiver = Receiver(rules(max_contexts=300), Clock())
    events = [gate(f'gate_{number}', number, 'qa') for number in range(5)] + [{'eventName': 'purchase', 'value': 1.5}]
    seeds = [body(*events), json.dumps({'data': events}).encode(), gzip.compress(body(*events)), HANDSHAKE, b'[]']
    seen = set()
    accepted = 0
    for number in range(FUZZED):
        sent = mutilated(rng, rng.choice(seeds))
        encoding = b'gzip' if sent[:2] == b'\x1f\x8b' else b''
        given = delivery(sent, encoding=encoding) if rng.random() < 0.9 else Delivery(sent[:13], sent[:67], encoding)
        result, _ = receiver.receive(given, sent)
        seen.add(result)
        accepted += result == outcomes.ACCEPTED
        if number % 2_000 == 0:
            assert receiver.tally.take(NOW).contexts <= 300
    assert seen >= {outcomes.ACCEPTED, outcomes.MALFORMED, outcomes.STALE, outcomes.HANDSHAKE}
    assert accepted > FUZZED / 20

    assert outcome(receiver, delivery(body(gate())), body(gate())) == outcomes.ACCEPTED
