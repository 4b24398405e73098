"""Requests to a running relay that Statsig would never make: each has its status, its metric, and no consequence."""

from __future__ import annotations

import gzip
import json
import random
import re
import socket
import time
from collections.abc import Callable

import pytest

from statsig.relay.handlers import _REMEDIES, STATSIG_WEBHOOK, StatsigWebhook
from statsig.relay.health import Health
from statsig.relay.http import Head
from statsig.sandbox.webhook_sender import DeliveryFailedError, WebhookSender
from statsig.webhook.counting import CountingRules
from statsig.webhook.receiver import Receiver, WebhookRules
from statsig.webhook.signature import SIGNATURE_HEADER, TIMESTAMP_HEADER
from tests.clock import Clock
from tests.relay.conftest import RunningRelay, StartRelay
from tests.relay.dogstatsd_receiver import DogStatsdReceiver
from tests.relay.test_counts import happening

Post = Callable[[WebhookSender], tuple[int, bytes]]
BODY = json.dumps([happening('checkout').event]).encode()
DEEP = b'[' * 200_000 + b']' * 200_000


def signed(body: bytes, **headers: str) -> Post:
    named = {name.replace('_', '-'): value for name, value in headers.items()}
    return lambda statsig: statsig.post(body, {**statsig.signed(body), **named})


def as_at(seconds: float) -> Post:
    def post(statsig: WebhookSender) -> tuple[int, bytes]:
        statsig._clock = lambda: time.time() + seconds
        return signed(BODY)(statsig)

    return post


def with_the_signature_of_another(statsig: WebhookSender) -> tuple[int, bytes]:
    return statsig.post(BODY, statsig.signed(b'[]'))


def with_another_secret(statsig: WebhookSender) -> tuple[int, bytes]:
    statsig._secret = b'guessed'
    return signed(BODY)(statsig)


REFUSED: list[tuple[Post, int, str]] = [
    (lambda statsig: statsig.post(BODY, {}), 401, 'unsigned'),
    (lambda statsig: statsig.post(b'x' * 1_000_000, {}), 401, 'unsigned'),
    (lambda statsig: statsig.post(BODY, {SIGNATURE_HEADER: 'v0=00'}), 401, 'unsigned'),
    (lambda statsig: statsig.post(BODY, {SIGNATURE_HEADER: '', TIMESTAMP_HEADER: ''}), 401, 'unsigned'),
    (lambda statsig: statsig.post(BODY, {SIGNATURE_HEADER: 'v0=00', TIMESTAMP_HEADER: 'now'}), 401, 'stale'),
    (as_at(-400), 401, 'stale'),
    (as_at(400), 401, 'stale'),
    (with_the_signature_of_another, 401, 'bad_signature'),
    (with_another_secret, 401, 'bad_signature'),
    (signed(b'{"data": "events"}'), 400, 'malformed'),
    (signed(DEEP), 200, 'accepted'),  # one event that is none
    (signed(DEEP[:200_000]), 400, 'malformed'),
    (signed(b'[{' * 2_000_000), 400, 'malformed'),
    (signed(b'[]', Content_Encoding='gzip'), 400, 'malformed'),
    (signed(BODY, Content_Encoding='br'), 415, 'unknown_encoding'),
    (signed(b'[%s]' % (b' ' * 5_242_880)), 413, 'too_large'),
    (signed(gzip.compress(b' ' * 100_000_000), Content_Encoding='gzip'), 413, 'too_large'),
]


@pytest.mark.parametrize(('post', 'status', 'outcome'), REFUSED, ids=range(len(REFUSED)))
def test_every_refusal_has_its_status_and_its_metric_and_says_nothing(
    start_relay: StartRelay, unix_receiver: DogStatsdReceiver, post: Post, status: int, outcome: str
) -> None:
    relay = start_relay(unix_receiver)
    with relay.sender() as statsig:
        try:
            answer = post(statsig)
        except DeliveryFailedError:
            pytest.fail('the connection was reset before the answer could be read')
    assert answer == (status, b'')
    assert relay.stop() == 0
    unix_receiver.stop()

    assert unix_receiver.own('requests', f'endpoint:statsig,outcome:{outcome},status:{status}') == 1
    assert unix_receiver.events() == 0


def get(relay: RunningRelay, path: str, method: str = 'GET') -> int:
    with socket.create_connection(('127.0.0.1', relay.port), timeout=10) as client:
        client.sendall(f'{method} {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n'.encode())
        return int(client.recv(1000)[9:12])


def test_paths_and_methods(start_relay: StartRelay, unix_receiver: DogStatsdReceiver) -> None:
    relay = start_relay(unix_receiver)
    assert [get(relay, path) for path in ('/healthz', '/readyz', '/readyz?verbose=1')] == [200, 200, 200]
    assert get(relay, '/healthz', 'HEAD') == 200
    assert get(relay, '/healthz', 'POST') == 405
    assert get(relay, '/webhooks/statsig') == 405
    assert get(relay, '/webhooks/datadog', 'POST') == 404
    assert get(relay, '/../etc/passwd') == 404
    relay.stop()
    unix_receiver.stop()

    assert unix_receiver.own('requests', 'endpoint:none,outcome:not_found,status:404') == 2
    assert unix_receiver.own('requests', 'endpoint:statsig,outcome:method_not_allowed,status:405') == 1
    assert unix_receiver.own('requests', 'endpoint:healthz,outcome:method_not_allowed,status:405') == 1
    assert sum(value for (name, _), value in unix_receiver.counts('statsig.relay.requests', '').items()) == 4


def test_a_refusal_is_in_the_log_once_with_what_to_do(
    start_relay: StartRelay, unix_receiver: DogStatsdReceiver
) -> None:
    relay = start_relay(unix_receiver)
    with relay.sender() as statsig:
        posts = [
            lambda statsig: statsig.post(BODY, {}),
            with_the_signature_of_another,
            signed(BODY, Content_Encoding='br'),
        ]
        assert [post(statsig)[0] for post in posts * 3] == [401, 401, 415] * 3
    relay.stop()

    lines = re.findall(r'WARNING A request to /webhooks/statsig was refused: (.*)', relay.log)
    assert lines == [_REMEDIES[outcome] for outcome in ('unsigned', 'bad_signature', 'unknown_encoding')]


@pytest.mark.parametrize('workers', [1, 2])
def test_the_secret_is_in_no_line_of_the_log(
    start_relay: StartRelay, unix_receiver: DogStatsdReceiver, workers: int
) -> None:
    """Nothing that is logged has it, so the secret is here one that a line has by chance."""
    webhook = {'signing_secret': '${SIGNING_SECRET}'}
    relay = start_relay(unix_receiver, webhook, {'SIGNING_SECRET': 'has no signature'}, workers=workers)
    with relay.sender() as statsig:
        assert statsig.post(BODY, {})[0] == 401
    relay.stop()

    assert 'A request to /webhooks/statsig was refused: it ***; only Statsig signs its deliveries' in relay.log
    assert 'has no signature' not in relay.log


def test_a_refusal_is_in_the_log_again_after_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    """The host may be up for less than that when the first one comes: its monotonic clock begins at 0."""
    clock = Clock(5.0)
    receiver = Receiver(WebhookRules(b'secret', CountingRules(frozenset(), 'production', 100)), time.time)
    webhook = StatsigWebhook(receiver, Health('0'), lambda: False, clock)
    logged = []
    for clock.now in (5.0, 6.0, 64.9, 65.0, 66.0, 125.0):
        webhook.answered(webhook.respond(Head(b'POST', STATSIG_WEBHOOK, {}), BODY), len(BODY))
        logged.append(len(caplog.records))
    assert logged == [1, 1, 1, 2, 2, 3]


def test_slow_ones_are_told_so_and_the_others_do_not_wait(
    start_relay: StartRelay, unix_receiver: DogStatsdReceiver
) -> None:
    relay = start_relay(unix_receiver, webhook={'body_timeout': 1})
    slow = [socket.create_connection(('127.0.0.1', relay.port), timeout=20) for _ in range(50)]
    with relay.sender() as statsig:
        headers = ''.join(f'{name}: {value}\r\n' for name, value in statsig.signed(BODY).items())
        for client in slow:
            client.sendall(f'POST /webhooks/statsig HTTP/1.1\r\nContent-Length: 500\r\n{headers}\r\n['.encode())
        assert statsig.deliver([happening('checkout')]) == 200
    answers = [client.recv(1000) for client in slow]
    assert {answer[9:12] for answer in answers} == {b'408'}
    for client in slow:
        client.close()
    relay.stop()
    unix_receiver.stop()

    assert unix_receiver.events() == 1
    assert unix_receiver.own('requests', 'endpoint:statsig,outcome:timeout,status:408') == 50


FUZZED = 4000


def test_thousands_of_mutilated_requests_leave_a_relay_that_works(
    start_relay: StartRelay, unix_receiver: DogStatsdReceiver
) -> None:
    """Requests as bytes, changed at random: no 500, nothing lost of what is right, memory as before."""
    relay = start_relay(unix_receiver)
    rng = random.Random('requests')
    rights = 0
    with relay.sender() as statsig:
        headers = ''.join(f'{name}: {value}\r\n' for name, value in statsig.signed(BODY).items()).encode()
        head = (
            b'POST /webhooks/statsig HTTP/1.1\r\nHost: h\r\nContent-Encoding: identity\r\n%bContent-Length: %d\r\n\r\n'
        )
        right = head % (headers, len(BODY)) + BODY
        before = 0
        for number in range(FUZZED):
            if number == FUZZED // 10:
                before = relay.resident_bytes()
            answer = _ask(relay, _mutilated(rng, right))
            assert not answer.startswith(b'HTTP/1.1 500'), answer
            if number % 100 == 0:
                assert statsig.deliver([happening(f'gate_{number % 7}')]) == 200
                rights += 1
        assert relay.resident_bytes() < before + 10 * 1024 * 1024
    assert relay.stop() == 0
    unix_receiver.stop()

    assert 'defect' not in relay.log
    of_the_original = unix_receiver.counts()[
        'statsig.check_gate.count', 'environment:production,name:checkout,value:true'
    ]
    assert unix_receiver.events() == rights + of_the_original
    assert of_the_original <= 1


def _ask(relay: RunningRelay, request: bytes) -> bytes:
    with socket.create_connection(('127.0.0.1', relay.port), timeout=10) as client:
        client.sendall(request)
        client.shutdown(socket.SHUT_WR)
        try:
            return client.recv(1000)
        except ConnectionResetError:
            return b''


def _mutilated(rng: random.Random, request: bytes) -> bytes:
    changed = bytearray(request)
    for _ in range(rng.randrange(1, 4)):
        at = rng.randrange(len(changed))
        match rng.randrange(4):
            case 0:
                changed[at] = rng.randrange(256)
            case 1:
                del changed[at : at + rng.randrange(30)]
            case 2:
                changed[at:at] = rng.choice(
                    [b'\r\n', b'\0', b': ', b'chunked', b'\r\n\r\n', b'Transfer-Encoding: chunked\r\n']
                )
            case _:
                changed[at:at] = changed[: rng.randrange(200)]
    return bytes(changed)
